/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-private.h: what the files of the workspace share: properties and results (workspace.c),
 * messages (workspace-receive.c), planes, pixels and probe (workspace-slices.c).
 */
#pragma once

#include "app/state/workspace.h"

struct _SagWorkspace
{
  GObject          parent_instance;

  SagSeries       *series;
  SagVolume       *volume;
  SagSegmentation *segmentation;
  SagSegmentation *preview;
  SagSegmentation *reference;
  char           **warnings;
  GArray          *presets; /* of SagWindowPreset */

  double           cursor[3];
  SagWindowLevel   window;
  int              guessed_slices; /* ready when the window was guessed; -1: it is not a guess */
  SagView          view;
  double           slab_mm;
  SagSlabMode      slab_mode;
  SagInterpolation interpolation;
  gboolean         invert;
  SagColourTable   colour_table;
  gboolean         oblique;
  double           planes[SAG_N_VIEWS][2][3]; /* right and down, while oblique */
  SagOverlayFlags  overlay;
  gboolean         overlay_visible;
  double           opacity;
  double           confidence_threshold;

  GListStore      *labels;
  guint32          hidden[8];

  GArray          *uncertain; /* of int: slices with labels, least certain first; NULL: not known */
  int              uncertain_rank;
};

/* The window for a new volume and its presets: `windows` (a(sdd), may be NULL) are the file's. */
void sag_workspace_choose_window   (SagWorkspace *self,
                                    GVariant     *windows);
/* As guessed from the slices that are ready, if no better was known. */
void sag_workspace_refine_window   (SagWorkspace *self);
void sag_workspace_set_preview     (SagWorkspace    *self,
                                    SagSegmentation *preview);
/* Replaces the findings; `warnings` is taken, NULL for none. */
void sag_workspace_take_warnings   (SagWorkspace *self,
                                    char        **warnings);
