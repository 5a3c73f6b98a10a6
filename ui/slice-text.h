/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-text.h: what is written over a slice: corners, orientation letters, scale, legend.
 *
 * Text has a 1 px dark outline and tabular figures, and gives way step by step in small views. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

typedef struct
{
  SagWorkspace *workspace;
  SagView       view;
  SagSliceSpec  spec;          /* as drawn: flips, zoom and position included */
  int           width, height; /* logical pixels */
  int           scale;         /* device pixels in one of them */
  gboolean      probing;
  double        probe[3];      /* mm LPS */
  double        text_scale;    /* 1: the style's */
} SagSliceScene;

void  sag_slice_text_snapshot        (const SagSliceScene *scene,
                                      GtkWidget           *widget, /* whose font is used */
                                      GtkSnapshot         *snapshot);

/* The lines of the other two planes through the cursor, open around it. */
void  sag_slice_text_snapshot_cross  (const SagSliceScene *scene,
                                      GtkSnapshot         *snapshot);

/* The same in words, for those who hear the screen; new string. */
char *sag_slice_text_dup_description (const SagSliceScene *scene);

/* "Axial"; static. */
const char *sag_slice_text_get_view_name (SagView view);
