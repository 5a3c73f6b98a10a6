/* SPDX-License-Identifier: Apache-2.0
 *
 * volume.c: voxels, and where they lie in the patient.
 */
#include "engine/image/volume.h"

#include "engine/base/error.h"
#include "engine/image/ready.h"

#include <math.h>
#include <stdlib.h>

struct _SagVolume
{
  gatomicrefcount refs;
  SagGrid         grid;
  SagVoxelType    type;
  SagBlock       *block;
  double          slope, intercept;
  char           *unit;
  char           *modality;
  char           *frame_of_reference;
  SagVoiFunction  voi;
  guint8         *levels; /* of a VOI table, or NULL */
  int             n_levels;
  gboolean        has_spacing, has_depth;
  int             scaled[SAG_SCALED_BOXES][4];
  int             n_scaled;
  SagReady        ready;
};

int
sag_voxel_type_get_bytes (SagVoxelType type)
{
  switch (type)
    {
    case SAG_VOXEL_U8:
      return 1;
    case SAG_VOXEL_I16:
    case SAG_VOXEL_U16:
      return 2;
    case SAG_VOXEL_F32:
      return 4;
    case SAG_VOXEL_RGB8:
      return 3;
    }
  g_assert_not_reached ();
}

SagVolume *
sag_volume_new (const SagGrid *grid, SagVoxelType type, SagBlock *block, double slope,
                double intercept, const char *unit, GError **error)
{
  SagVolume *self;

  if (!sag_grid_check (grid, error))
    return NULL;
  if (sag_block_get_size (block) / (gsize) sag_voxel_type_get_bytes (type)
      < sag_grid_get_n_voxels (grid))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The volume's memory holds fewer voxels than its size of %d x %d x %d",
                   grid->size[0], grid->size[1], grid->size[2]);
      return NULL;
    }
  if (!isfinite (slope) || !isfinite (intercept) || slope == 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The rescale slope %g and intercept %g do not give values", slope, intercept);
      return NULL;
    }
  self = g_new0 (SagVolume, 1);
  g_atomic_ref_count_init (&self->refs);
  self->grid = *grid;
  self->type = type;
  self->block = sag_block_ref (block);
  self->slope = slope;
  self->intercept = intercept;
  self->unit = g_strdup (unit != NULL ? unit : "");
  self->modality = g_strdup ("");
  self->frame_of_reference = g_strdup ("");
  self->has_spacing = self->has_depth = TRUE;
  sag_ready_init (&self->ready, grid->size[2]);
  return self;
}

SagVolume *
sag_volume_new_alloc (const SagGrid *grid, SagVoxelType type, double slope, double intercept,
                      const char *unit, GError **error)
{
  g_autoptr (SagBlock) block = NULL;

  if (!sag_grid_check (grid, error))
    return NULL;
  block = sag_block_new (sag_grid_get_n_voxels (grid) * (gsize) sag_voxel_type_get_bytes (type),
                         "the volume", error);
  return block != NULL ? sag_volume_new (grid, type, block, slope, intercept, unit, error) : NULL;
}

SagVolume *
sag_volume_ref (SagVolume *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
sag_volume_unref (SagVolume *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  sag_ready_clear (&self->ready);
  sag_block_unref (self->block);
  g_free (self->unit);
  g_free (self->modality);
  g_free (self->frame_of_reference);
  g_free (self->levels);
  g_free (self);
}

const SagGrid *
sag_volume_get_grid (const SagVolume *self)
{
  return &self->grid;
}

SagVoxelType
sag_volume_get_voxel_type (const SagVolume *self)
{
  return self->type;
}

double
sag_volume_get_slope (const SagVolume *self)
{
  return self->slope;
}

double
sag_volume_get_intercept (const SagVolume *self)
{
  return self->intercept;
}

const char *
sag_volume_get_unit (const SagVolume *self)
{
  return self->unit;
}

SagBlock *
sag_volume_get_block (const SagVolume *self)
{
  return self->block;
}

void
sag_volume_set_voi (SagVolume *self, SagVoiFunction function, const guint8 *levels, int n)
{
  gboolean is_table = function == SAG_VOI_TABLE && levels != NULL && n >= 2;

  g_free (self->levels);
  self->levels = is_table ? g_memdup2 (levels, n) : NULL;
  self->n_levels = is_table ? n : 0;
  self->voi = function == SAG_VOI_TABLE && !is_table ? SAG_VOI_LINEAR : function;
}

SagVoiFunction
sag_volume_get_voi (const SagVolume *self, const guint8 **levels, int *n)
{
  if (levels != NULL)
    *levels = self->levels;
  if (n != NULL)
    *n = self->n_levels;
  return self->voi;
}

void
sag_volume_set_origin_tags (SagVolume *self, const char *modality, const char *frame_of_reference)
{
  g_free (self->modality);
  g_free (self->frame_of_reference);
  self->modality = g_strdup (modality != NULL ? modality : "");
  self->frame_of_reference = g_strdup (frame_of_reference != NULL ? frame_of_reference : "");
}

const char *
sag_volume_get_modality (const SagVolume *self)
{
  return self->modality;
}

const char *
sag_volume_get_frame_of_reference (const SagVolume *self)
{
  return self->frame_of_reference;
}

void
sag_volume_set_has_spacing (SagVolume *self, gboolean has_spacing)
{
  self->has_spacing = has_spacing;
}

gboolean
sag_volume_get_has_spacing (const SagVolume *self)
{
  return self->has_spacing;
}

void
sag_volume_set_has_depth (SagVolume *self, gboolean has_depth)
{
  self->has_depth = has_depth;
}

gboolean
sag_volume_get_has_depth (const SagVolume *self)
{
  return self->has_depth;
}

void
sag_volume_set_scaled_boxes (SagVolume *self, const int (*boxes)[4], int n)
{
  self->n_scaled = CLAMP (n, 0, SAG_SCALED_BOXES);
  if (self->n_scaled > 0)
    memcpy (self->scaled, boxes, sizeof *boxes * (gsize) self->n_scaled);
}

const int (*
sag_volume_get_scaled_boxes (const SagVolume *self, int *n))[4]
{
  *n = self->n_scaled;
  return self->scaled;
}

gboolean
sag_volume_is_to_scale (const SagVolume *self, const double (*points)[3], int n)
{
  gboolean holds = self->n_scaled == 0;

  for (int b = 0; b < self->n_scaled && !holds; b++)
    {
      holds = TRUE;
      for (int p = 0; p < n && holds; p++)
        {
          double at[3];

          sag_grid_to_ijk (&self->grid, points[p], at);
          for (int a = 0; a < 2; a++) /* a pixel reaches half a pixel around its centre */
            holds &= at[a] >= self->scaled[b][a] - 0.5 && at[a] <= self->scaled[b][2 + a] - 0.5;
        }
    }
  return holds;
}

gboolean
sag_volume_is_spatial (const SagVolume *self)
{
  return self->has_spacing && self->has_depth
         && (self->grid.size[2] > 1 || *sag_volume_get_frame_of_reference (self) != '\0');
}

gpointer
sag_volume_get_slice (const SagVolume *self, int k)
{
  gsize bytes = (gsize) self->grid.size[0] * (gsize) self->grid.size[1]
                * (gsize) sag_voxel_type_get_bytes (self->type);

  g_return_val_if_fail (k >= 0 && k < self->grid.size[2], NULL);
  return (guint8 *) sag_block_get_data (self->block) + bytes * (gsize) k;
}

void
sag_volume_mark_ready (SagVolume *self, int k0, int k1)
{
  sag_ready_mark (&self->ready, k0, k1);
}

gboolean
sag_volume_is_ready (const SagVolume *self, int k)
{
  return sag_ready_is (&self->ready, k);
}

int
sag_volume_get_n_ready (const SagVolume *self)
{
  return sag_ready_count (&self->ready);
}

double
sag_volume_get_value (const SagVolume *self, int i, int j, int k)
{
  gconstpointer slice = sag_volume_get_slice (self, k);
  gsize n = (gsize) j * (gsize) self->grid.size[0] + (gsize) i;
  double stored = 0;

  switch (self->type)
    {
    case SAG_VOXEL_U8:
      stored = ((const guint8 *) slice)[n];
      break;
    case SAG_VOXEL_I16:
      stored = ((const gint16 *) slice)[n];
      break;
    case SAG_VOXEL_U16:
      stored = ((const guint16 *) slice)[n];
      break;
    case SAG_VOXEL_F32:
      stored = ((const float *) slice)[n];
      break;
    case SAG_VOXEL_RGB8:
      return ((const guint8 *) slice)[3 * n];
    }
  return stored * self->slope + self->intercept;
}

/* One loop for each type of voxel. */
#define CONVERT(type)                                                         \
  G_STMT_START                                                                \
  {                                                                           \
    const type *stored = slice;                                               \
    for (gsize n = 0; n < count; n++)                                         \
      values[n] = (float) ((double) stored[n] * slope + intercept);           \
  }                                                                           \
  G_STMT_END

void
sag_volume_get_values (const SagVolume *self, int k, float *values)
{
  gconstpointer slice = sag_volume_get_slice (self, k);
  gsize count = (gsize) self->grid.size[0] * (gsize) self->grid.size[1];
  double slope = self->slope, intercept = self->intercept;

  switch (self->type)
    {
    case SAG_VOXEL_U8:
      CONVERT (guint8);
      break;
    case SAG_VOXEL_I16:
      CONVERT (gint16);
      break;
    case SAG_VOXEL_U16:
      CONVERT (guint16);
      break;
    case SAG_VOXEL_F32:
      CONVERT (float);
      break;
    case SAG_VOXEL_RGB8:
      {
        const guint8 *rgb = slice;

        for (gsize n = 0; n < count; n++, rgb += 3)
          values[n] = (float) (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
        break;
      }
    }
}

static int
compare_values (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

void
sag_volume_guess_window (const SagVolume *self, SagWindowLevel *window)
{
  enum { PER_SLICE = 1024, SLICES = 64 };
  int columns = self->grid.size[0], rows = self->grid.size[1], slices = self->grid.size[2];
  int step_k = MAX (1, slices / SLICES);
  gsize in_slice = (gsize) columns * (gsize) rows;
  gsize step = MAX (1, in_slice / PER_SLICE);
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (double));
  double low, high;

  *window = (SagWindowLevel) { 128, 256 };
  if (self->type == SAG_VOXEL_RGB8)
    return;
  /* A step that shares no factor with the row length, so that samples do not fall into columns. */
  while (step > 1 && (gsize) columns % step == 0)
    step--;
  for (int k = slices / 2 % step_k; k < slices; k += step_k)
    if (sag_volume_is_ready (self, k))
      for (gsize n = 0; n < in_slice; n += step)
        {
          double value = sag_volume_get_value (self, (int) (n % (gsize) columns),
                                               (int) (n / (gsize) columns), k);

          if (isfinite (value))
            g_array_append_val (samples, value);
        }
  if (samples->len == 0)
    return;
  g_array_sort (samples, compare_values);
  low = g_array_index (samples, double, (samples->len - 1) / 100);
  high = g_array_index (samples, double, samples->len - 1 - (samples->len - 1) / 100);
  if (self->type == SAG_VOXEL_F32)
    window->width = high > low ? high - low : 1;
  else
    window->width = MAX (1, high - low + fabs (self->slope));
  window->center = (low + high) / 2;
}
