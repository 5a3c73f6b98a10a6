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
  GListStore      *results;  /* of SagResult */
  SagResult       *result;   /* the one shown: segmentation and preview are its */
  SagResult       *other;    /* the one compared with: reference is its */
  SagResult       *received; /* what a job without a result of its own brought last */
  SagMeasurements *measurements;
  SagEditing      *editing;
  SagCompare       compare;
  double           swipe;
  double           agreement; /* mean Dice of the two; NaN until known */
  char           **warnings;
  gboolean         straightens, straightened;
  GArray          *presets; /* of SagWindowPreset */

  double           cursor[3];
  SagWindowLevel   window;
  int              guessed_slices; /* ready when the window was guessed; -1: it is not a guess */
  SagView          view;
  double           slab_mm;
  SagSlabMode      slab_mode;
  SagInterpolation interpolation;
  gboolean         invert;
  gboolean         file_inverts; /* as its photometric interpretation asks */
  SagColourTable   colour_table;
  SagWorkspace    *fusion; /* laid over in colour; NULL if none */
  double           fusion_opacity;
  gboolean         oblique;
  double           planes[SAG_N_VIEWS][2][3]; /* right and down, while oblique */
  SagOverlayFlags  overlay;
  gboolean         overlay_visible;
  double           opacity;
  double           confidence_threshold;

  GListStore      *labels;
  guint32          hidden[SAG_LABEL_NUMBERS / 32]; /* as in SagSliceSpec */
  GHashTable      *hidden_names; /* of labels that were hidden when last seen */

  GArray          *uncertain; /* of int: slices with labels, least certain first; NULL: not known */
  int              uncertain_rank;
};

/* The window for a new volume and its presets: `windows` (a(sdd), may be NULL) are the file's. */
void sag_workspace_choose_window   (SagWorkspace *self,
                                    GVariant     *windows);
/* As guessed from the slices that are ready, if no better was known. */
void sag_workspace_refine_window   (SagWorkspace *self);
/* What is drawn from now on; the list of results is as it was. */
void sag_workspace_put_segmentation (SagWorkspace    *self,
                                     SagSegmentation *segmentation);
void sag_workspace_put_preview     (SagWorkspace    *self,
                                    SagSegmentation *preview);
/* What a job brings for `result`, shown or not. */
void sag_workspace_take_segmentation (SagWorkspace    *self,
                                      SagResult       *result,
                                      SagSegmentation *segmentation);
void sag_workspace_take_preview    (SagWorkspace    *self,
                                    SagResult       *result,
                                    SagSegmentation *preview);
void sag_workspace_take_values     (SagWorkspace    *self,
                                    SagResult       *result,
                                    GVariant        *values);
void sag_workspace_take_labels     (SagWorkspace    *self,
                                    SagResult       *result,
                                    GVariant        *labels);
/* Replaces the findings; `warnings` is taken, NULL for none. */
void sag_workspace_take_warnings   (SagWorkspace *self,
                                    char        **warnings);
/* The nearest point of the volume, if there is one: where a cursor may be. */
void sag_workspace_keep_inside     (SagWorkspace *self,
                                    double        lps[3]);
