/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluate.h: one case of `sagitta-cli evaluate`, measured and drawn.
 */
#pragma once

#include "app/files/open.h"
#include "app/files/png.h"
#include "app/plugin/host.h"
#include "engine/image/metrics.h"

/* What a run is measured by; the same for all cases. */
typedef struct
{
  SagPluginHost        *host;
  const SagPluginEntry *entry;
  SagPluginEntry       *replaced; /* owned: `entry`, if it is not the host's; else NULL */
  SagPrecision          precision;
  gint16                map[256];    /* values of the masks -> of the model; -1: not said */
  gboolean              has_map;
  float                 temperature; /* 0: the model's */
} SagEvaluation;

/* One case with everything in memory. */
typedef struct
{
  char            *name;
  SagVolume       *volume;
  SagOpenInfo     *info;
  SagBlock        *truth;     /* the model's label values on the volume's grid */
  gboolean         is_merged; /* the mask says only where something is: 0 and 1 */
  SagSegmentation *result;
  double           ms;         /* of the run, without reading and loading */
  gsize            peak_bytes;

  double           mean_dice;  /* of those that are numbers; NaN if none is */
  SagAgreement     agreement[255]; /* by label of the model; [0] alone if merged */
} SagEvaluated;

/* Reads image and masks (paths, one or more); the truth is all of them together, the last one on top. A
 * mask's values are the model's labels: by code where both are DICOM, else by number, a sole label
 * being the sole label whatever its number. INVALID names a value that the model does not have. */
gboolean sag_evaluated_read    (SagEvaluated        *self,
                                const SagEvaluation *evaluation,
                                const char          *name,
                                const char          *image,
                                const GPtrArray     *masks,
                                GError             **error);

/* Runs the model, and counts the confidences of all voxels and of those near the truth's boundary. */
gboolean sag_evaluated_run     (SagEvaluated        *self,
                                const SagEvaluation *evaluation,
                                SagReliability      *all,
                                SagReliability      *near,
                                GError             **error);

/* Dice and distances of each label. */
gboolean sag_evaluated_measure (SagEvaluated        *self,
                                const SagEvaluation *evaluation,
                                GError             **error);
void     sag_evaluated_clear   (SagEvaluated        *self);

/* How far from the boundary counts as near: 5 mm, or pixels where no millimetres are known. */
#define SAG_EVALUATE_NEAR 5.0

/* The slice with most in it, three times: bare, with the truth, with the result. Rows of
 * width x height RGBA; caller frees. */
guint8  *sag_evaluated_draw    (const SagEvaluated  *self,
                                int                 *width,
                                int                 *height,
                                GError             **error);
