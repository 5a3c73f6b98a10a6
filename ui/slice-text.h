/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-text.h: what is written over a slice: corners, orientation letters, scale, legend.
 *
 * Text has a 1 px dark outline and tabular figures, and gives way step by step in small views. */
#pragma once

#include "ui/slice-corners.h"

#include <gtk/gtk.h>

void  sag_slice_text_snapshot        (const SagSliceScene *scene,
                                      GtkWidget           *widget, /* whose font is used */
                                      GtkSnapshot         *snapshot);

/* A view with nothing in it: what to do about that. */
void  sag_slice_text_snapshot_empty  (GtkWidget           *widget,
                                      GtkSnapshot         *snapshot,
                                      double               text_scale);

/* How much room a text takes: the size of `box`; its origin is left at 0. */
void  sag_slice_text_measure         (const SagSliceScene *scene,
                                      GtkWidget           *widget,
                                      const char          *text,
                                      graphene_rect_t     *box);

/* Lines of text with their outline; (x, y) is the point of it that xalign and yalign (0..1) name. */
void  sag_slice_text_draw            (const SagSliceScene *scene,
                                      GtkWidget           *widget,
                                      GtkSnapshot         *snapshot,
                                      const char          *text,
                                      double               x,
                                      double               y,
                                      double               xalign,
                                      double               yalign,
                                      const GdkRGBA       *colour);
