/* SPDX-License-Identifier: Apache-2.0
 *
 * slice.c: a plane through a volume, as pixels.
 */
#include "engine/image/slice.h"

#include "engine/base/parallel.h"
#include "engine/image/slice-overlay.h"

#include <math.h>
#include <string.h>

void
sag_slice_spec_init (SagSliceSpec *spec)
{
  static const double middle[3] = { 0, 0, 0 };

  memset (spec, 0, sizeof *spec);
  sag_plane_init_view (&spec->plane, SAG_VIEW_AXIAL, middle, 1);
  spec->interpolation = SAG_INTERPOLATION_LINEAR;
  spec->window = (SagWindowLevel){ 40, 400 };
  spec->overlay = SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE;
  spec->opacity = 0.35f;
}

/* Everything the bands of a picture share. */
typedef struct
{
  SagVolume       *volume;
  SagSliceMap      map;
  SagSampleType    type;
  SagInterpolation interpolation;
  SagFold          fold;
  gboolean         invert;
  float            centre, scale;
  float           *curve; /* levels at n_curve steps of 1 / curve_scale from curve_first, or NULL */
  int              n_curve;
  float            curve_first, curve_scale;
  guint32         *colours; /* [256] pixels, or NULL for grey */
  SagSliceOverlay *overlay;
  SagSliceOverlay *other; /* the reference's, in a picture of both; else NULL */
  SagCompare       compare;
  int              swipe; /* first column of the other */
  guint8          *rgba;
  guint8          *other_rgba; /* [height][width][4]; NULL without `other` */
} Render;

static gboolean
volume_is_ready (gconstpointer object, int k)
{
  return sag_volume_is_ready (object, k);
}

gboolean
sag_volume_window_is_exact (const SagVolume *volume, const SagWindowLevel *window)
{
  return sag_volume_get_voi (volume, NULL, NULL) == SAG_VOI_LINEAR_EXACT
         || sag_volume_get_voxel_type (volume) == SAG_VOXEL_F32 || window->width < 1
         || g_str_has_prefix (sag_volume_get_unit (volume), "SUV");
}

/* PS3.3 C.11.2.1.2.1 (LINEAR) or C.11.2.1.3.2 (LINEAR_EXACT) as (stored - centre) * scale + 127.5,
 * which the kernel cuts to 0 .. 255 and rounds. */
static void
render_init_window (Render *self, const SagWindowLevel *window)
{
  gboolean exact = sag_volume_window_is_exact (self->volume, window);
  double slope = sag_volume_get_slope (self->volume);
  double span = exact ? MAX (window->width, 1e-6) : window->width - 1;
  double centre =
      (exact ? window->center : window->center - 0.5) - sag_volume_get_intercept (self->volume);

  centre /= slope;
  if (span < 1e-9)
    {
      /* One value wide: up to the centre black, above it white. */
      centre += slope > 0 ? 1 / 128.0 : -1 / 128.0;
      span = slope > 0 ? 255 / 32768.0 * slope : -255 / 32768.0 * slope;
    }
  self->centre = (float) centre;
  self->scale = (float) (255 * slope / span);
  if (self->invert)
    self->scale = -self->scale;
}

/* Values of a curve that is not straight: levels between which values are interpolated, so that a
 * table's entries come out as they are. */
static void
render_init_curve (Render *self, const SagWindowLevel *window)
{
  enum { STEPS = 4096, REACH = 4 }; /* a sigmoid is black and white 4 widths from its centre */
  const guint8 *levels;
  double width = MAX (window->width, 1e-6), low, high, slope = sag_volume_get_slope (self->volume);
  SagVoiFunction function = sag_volume_get_voi (self->volume, &levels, &self->n_curve);

  if (function == SAG_VOI_TABLE)
    {
      low = window->center - 0.5 - (width - 1) / 2;
      high = window->center - 0.5 + MAX (width - 1, 1e-6) / 2;
      self->curve = g_new (float, self->n_curve);
      for (int i = 0; i < self->n_curve; i++)
        self->curve[i] = levels[i];
    }
  else if (function == SAG_VOI_SIGMOID)
    {
      low = window->center - REACH * width;
      high = window->center + REACH * width;
      self->n_curve = STEPS + 1;
      self->curve = g_new (float, self->n_curve);
      for (int i = 0; i <= STEPS; i++)
        self->curve[i] = (float) (4.0 * REACH * (2.0 * i / STEPS - 1));
      sag_kernels_get ()->unary[SAG_UNARY_SIGMOID] (self->n_curve, self->curve, self->curve, 0, 0);
      for (int i = 0; i <= STEPS; i++)
        self->curve[i] *= 255;
    }
  else
    return;
  self->curve_first = (float) ((low - sag_volume_get_intercept (self->volume)) / slope);
  self->curve_scale = (float) ((self->n_curve - 1) * slope / (high - low));
  self->centre = 127.5f;
  self->scale = self->invert ? -1 : 1;
}

static void
apply_curve (const Render *self, gsize n, float *values)
{
  float last = (float) (self->n_curve - 1);

  for (gsize x = 0; x < n; x++)
    {
      float at = (values[x] - self->curve_first) * self->curve_scale;

      if (!(at > 0))
        values[x] = at <= 0 ? self->curve[0] : at; /* not a number stays none */
      else if (at >= last)
        values[x] = self->curve[self->n_curve - 1];
      else
        {
          int i = (int) at;

          values[x] = self->curve[i] + (at - (float) i) * (self->curve[i + 1] - self->curve[i]);
        }
    }
}

static void
draw_grey (const Render *self, int y0, int y1, float *values, float *count, gpointer scratch)
{
  gsize width = (gsize) self->map.width, pitch = (gsize) self->map.pitch;

  sag_slice_map_sample (&self->map, self->type,
                        sag_block_get_data (sag_volume_get_block (self->volume)),
                        self->interpolation, self->fold, y0, y1, values, count, scratch);
  for (int y = y0; y < y1 && self->curve != NULL; y++)
    apply_curve (self, width, values + (gsize) (y - y0) * pitch);
  for (int y = y0; y < y1; y++)
    sag_kernels_get ()->slice.grey (width, values + (gsize) (y - y0) * pitch,
                                    count + (gsize) (y - y0) * pitch, self->centre, self->scale,
                                    self->colours, self->rgba + 4 * width * (gsize) y);
}

static void
draw_colour (const Render *self, int y0, int y1, float *values, float *count, gpointer scratch)
{
  gsize width = (gsize) self->map.width, pitch = (gsize) self->map.pitch;
  const guint8 *voxels = sag_block_get_data (sag_volume_get_block (self->volume));

  for (int channel = 0; channel < 3; channel++)
    {
      sag_slice_map_sample (&self->map, SAG_SAMPLE_U8, voxels + channel, self->interpolation,
                            SAG_FOLD_STORE, y0, y1, values, count, scratch);
      for (int y = y0; y < y1; y++)
        {
          const float *row = values + (gsize) (y - y0) * pitch,
                      *shown = count + (gsize) (y - y0) * pitch;
          guint8 *out = self->rgba + 4 * width * (gsize) y + channel;

          for (gsize x = 0; x < width; x++)
            {
              guint8 level = (guint8) (CLAMP (row[x], 0, 255) + 0.5f); /* cubics overshoot */

              out[4 * x] = !(shown[x] > 0) ? 0 : self->invert ? 255 - level : level;
              out[4 * x + 3 - channel] = 255;
            }
        }
    }
}

/* Where two results share a picture, each has its own pixels: what is drawn from one never touches
 * those of the other, outlines included. */
static void
merge_other (const Render *self, int y0, int y1)
{
  for (int y = y0; y < y1; y++)
    {
      gsize row = 4 * (gsize) self->map.width * (gsize) y;

      for (int x = 0; x < self->map.width; x++)
        if (self->compare == SAG_COMPARE_SWIPE
                ? x >= self->swipe
                : ((x / SAG_CHECKER_PIXELS + y / SAG_CHECKER_PIXELS) & 1) != 0)
          memcpy (self->rgba + row + 4 * x, self->other_rgba + row + 4 * x, 4);
    }
}

static void
draw_band (gsize item, int thread, gpointer data)
{
  const Render *self = data;
  int y0 = (int) item * SAG_SLICE_ROWS, y1 = MIN (y0 + SAG_SLICE_ROWS, self->map.height);
  gsize band = SAG_SLICE_ROWS * (gsize) self->map.pitch;
  g_autofree float *values = g_new (float, 2 * band);
  g_autofree guint8 *scratch = g_malloc0 (sag_slice_map_get_scratch (&self->map));

  if (sag_volume_get_voxel_type (self->volume) == SAG_VOXEL_RGB8)
    draw_colour (self, y0, y1, values, values + band, scratch);
  else
    draw_grey (self, y0, y1, values, values + band, scratch);
  if (self->other_rgba != NULL)
    {
      gsize row = 4 * (gsize) self->map.width;

      memcpy (self->other_rgba + row * (gsize) y0, self->rgba + row * (gsize) y0,
              row * (gsize) (y1 - y0));
      if (self->other != NULL)
        sag_slice_overlay_draw (self->other, y0, y1, self->other_rgba);
    }
  if (self->overlay != NULL)
    sag_slice_overlay_draw (self->overlay, y0, y1, self->rgba);
  if (self->other_rgba != NULL)
    merge_other (self, y0, y1);
}

void
sag_slice_render_with_preview (SagVolume *volume, SagSegmentation *segmentation,
                               SagSegmentation *preview, SagSegmentation *reference,
                               const SagSliceSpec *spec, int width, int height, guint8 *rgba)
{
  static const SagSampleType types[] = {
    [SAG_VOXEL_U8] = SAG_SAMPLE_U8,   [SAG_VOXEL_I16] = SAG_SAMPLE_I16,
    [SAG_VOXEL_U16] = SAG_SAMPLE_U16, [SAG_VOXEL_F32] = SAG_SAMPLE_F32,
    [SAG_VOXEL_RGB8] = SAG_SAMPLE_U8,
  };
  static const SagFold folds[] = {
    [SAG_SLAB_NONE] = SAG_FOLD_STORE,
    [SAG_SLAB_MIP] = SAG_FOLD_MAX,
    [SAG_SLAB_MINIP] = SAG_FOLD_MIN,
    [SAG_SLAB_MEAN] = SAG_FOLD_ADD,
  };
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  gboolean colour = type == SAG_VOXEL_RGB8;
  Render self = { .volume = volume, .type = types[type], .rgba = rgba };
  g_autofree guint32 *colours = NULL;
  g_autofree guint8 *others = NULL;

  if (width <= 0 || height <= 0)
    return;
  self.interpolation = spec->interpolation;
  self.fold = folds[spec->slab_mode];
  self.invert = spec->invert;
  /* A falling slope turns the order of stored values around. */
  if (sag_volume_get_slope (volume) < 0 && (self.fold == SAG_FOLD_MAX || self.fold == SAG_FOLD_MIN))
    self.fold = self.fold == SAG_FOLD_MAX ? SAG_FOLD_MIN : SAG_FOLD_MAX;
  render_init_window (&self, &spec->window);
  render_init_curve (&self, &spec->window);
  if (spec->colour_table != NULL)
    {
      colours = g_new (guint32, 256);
      for (int n = 0; n < 256; n++)
        colours[n] = (guint32) spec->colour_table[3 * n + 2] << 16
                     | (guint32) spec->colour_table[3 * n + 1] << 8 | spec->colour_table[3 * n];
      self.colours = colours;
    }
  sag_slice_map_init (
      &self.map, sag_volume_get_grid (volume), colour ? 3 : 1, volume_is_ready, volume,
      &spec->plane, colour || spec->slab_mode == SAG_SLAB_NONE ? 0 : spec->slab_mm, width, height);
  self.overlay = sag_slice_overlay_new (segmentation, preview, reference, spec, width, height);
  if (reference != NULL && spec->overlay != 0
      && (spec->compare == SAG_COMPARE_SWIPE || spec->compare == SAG_COMPARE_CHECKER))
    {
      self.compare = spec->compare;
      self.swipe = (int) (CLAMP (spec->swipe, 0, 1) * width + 0.5f);
      self.other = sag_slice_overlay_new (reference, NULL, NULL, spec, width, height);
      self.other_rgba = others = g_malloc (4 * (gsize) width * (gsize) height);
    }
  sag_parallel_for ((gsize) (height + SAG_SLICE_ROWS - 1) / SAG_SLICE_ROWS, draw_band, &self);
  g_clear_pointer (&self.overlay, sag_slice_overlay_free);
  g_clear_pointer (&self.other, sag_slice_overlay_free);
  sag_slice_map_clear (&self.map);
  g_free (self.curve);
}

void
sag_slice_render (SagVolume *volume, SagSegmentation *segmentation, SagSegmentation *reference,
                  const SagSliceSpec *spec, int width, int height, guint8 *rgba)
{
  sag_slice_render_with_preview (volume, segmentation, NULL, reference, spec, width, height, rgba);
}

void
sag_confidence_colour (float t, guint8 rgb[3])
{
  /* Even steps of Oklab lightness from a blue to a yellow: read the same by every eye. */
  static const guint8 ramp[9][3] = {
    { 0, 32, 112 }, { 26, 62, 117 }, { 55, 88, 121 },
    { 86, 112, 123 }, { 118, 136, 122 }, { 151, 160, 118 },
    { 185, 185, 110 }, { 219, 209, 95 }, { 255, 234, 70 },
  };
  double at = (t > 0 ? t < 1 ? t : 1 : 0) * (G_N_ELEMENTS (ramp) - 1);
  int n = MIN ((int) at, (int) G_N_ELEMENTS (ramp) - 2);

  for (int c = 0; c < 3; c++)
    rgb[c] = (guint8) (ramp[n][c] + (at - n) * (ramp[n + 1][c] - ramp[n][c]) + 0.5);
}
