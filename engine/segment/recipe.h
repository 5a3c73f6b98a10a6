/* SPDX-License-Identifier: Apache-2.0
 *
 * recipe.h: what a network wants of a volume, and what its channels mean.
 *
 * The engine's own form of a plugin's sag_net or of a key file (app/plugin); every choice is
 * explained where users meet it, in plugins/sagitta-plugin.h and plugins/README.md.
 */
#pragma once

#include "engine/base/dtype.h"
#include "engine/image/labelmap.h"

typedef enum
{
  SAG_NORMALISE_FIXED,          /* (clipped v - mean) / std */
  SAG_NORMALISE_ZSCORE,         /* mean 0, standard deviation 1 over all voxels */
  SAG_NORMALISE_ZSCORE_NONZERO, /* the same over the voxels that are not 0 */
  SAG_NORMALISE_MINMAX,         /* 0..1 */
  SAG_NORMALISE_PERCENTILE,     /* 0..1 between two percentiles */
  SAG_N_NORMALISES
} SagNormalise;

typedef enum
{
  SAG_NET_SOFTMAX,       /* logits; channel 0 is background, label n is channel n + 1 */
  SAG_NET_SIGMOID,       /* independent logits; label n is channel n */
  SAG_NET_PROBABILITIES, /* as SOFTMAX but already normalised; one channel: of the first label */
  SAG_NET_ARGMAX,        /* one channel of channel numbers */
  SAG_N_NET_OUTPUTS
} SagNetOutput;

typedef enum
{
  SAG_PADDING_LOWEST, /* clip[0], or the smallest value of the volume */
  SAG_PADDING_ZERO,   /* 0 after normalising */
  SAG_PADDING_EDGE,   /* the nearest voxel */
  SAG_N_PADDINGS
} SagPadding;

typedef enum
{
  SAG_FIT_TO_SPACING, /* resample to `spacing`, then cut into patches */
  SAG_FIT_TO_STRETCH, /* the field of view becomes one patch, each axis by its own factor */
  SAG_FIT_TO_INSIDE,  /* the same with one factor for all */
  SAG_N_FITS
} SagFit;

typedef enum
{
  SAG_CLEAN_KEEP_LARGEST = 1 << 0, /* of each label */
  SAG_CLEAN_FILL_HOLES = 1 << 1,
} SagClean;

/* Strings and labels are owned; no string is NULL. Axes are the network's: i runs along W of
 * [N, C, D, H, W], j along H, k along D; a slice-wise network [N, C, H, W] goes along k. */
typedef struct
{
  char        *id, *version, *name;
  char        *modality;              /* as DICOM has it, several joined by '\\'; "": any */
  SagLabel    *labels;                /* in order of channels */
  int          n_labels;

  char        *output_name;           /* graph output; "": the first */
  SagNetOutput output;
  double       spacing[3];            /* mm; 0 keeps the input's */
  char         orientation[4];        /* where i, j, k grow; "IJK": as acquired */
  int          patch[3];              /* voxels; 0: as the file fixes it, else the whole axis */
  float        overlap;               /* fraction of a patch, 0..0.5 */
  int          neighbours;            /* slice-wise: slices on each side that are channels */
  SagFit       fit;
  SagPadding   padding;

  SagNormalise normalise;
  gboolean     per_slice;             /* statistics of each slice along k at the net's spacing */
  gboolean     has_clip;
  float        clip[2];               /* in the volume's unit */
  float        mean, std;             /* the last step, always: (x - mean) / std; std > 0 */
  float        percentile[2];         /* 0..100 */

  float        temperature[SAG_N_PRECISIONS]; /* > 0 */
  gboolean     calibrated[SAG_N_PRECISIONS];  /* the temperature was given, not assumed */
  SagClean     clean;

  double       spacing_min[3];        /* trained for: finest axis first; 0: any */
  double       spacing_max[3];
  char        *planes;                /* trained for: "axial" …, joined by '\\'; "": any */
  float        intensity[2];          /* trained for: 1st and 99th percentile lie inside; equal:
                                         any */
} SagRecipe;

/* Identity: orientation LPS, patch 0, overlap 0.5, std 1, temperatures 1, percentiles 0.5 and 99.5,
 * everything else 0 or "". Free with sag_recipe_free(). */
SagRecipe *sag_recipe_new   (void);
SagRecipe *sag_recipe_copy  (const SagRecipe *self);
void       sag_recipe_free  (SagRecipe       *self);

/* FALSE with SAG_ENGINE_ERROR_INVALID, naming the field and its value, if anything is out of range
 * or contradicts something else. */
gboolean   sag_recipe_validate (const SagRecipe *self,
                                GError         **error);

/* Does the input suit the model? Sentences in words, NULL-terminated, empty if all is well:
 * modality, spacing, plane of the slices, intensities (of the ready slices). Free with g_strfreev(). Never an error:
 * the user decides. [compute thread] */
char     **sag_recipe_check (const SagRecipe *self,
                             SagVolume       *volume);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagRecipe, sag_recipe_free)
