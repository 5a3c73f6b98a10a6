/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-sources.c: what the picture of a slice is made from, held.
 */
#include "app/state/slice-sources.h"

#include <string.h>

/* Levels up to which the colour grows from nothing: no uptake hides nothing. */
#define FADE_LEVELS 64

void
sag_slice_sources_copy (const SagSliceSources *self, SagSliceSources *copy)
{
  *copy = *self;
  if (self->volume != NULL)
    sag_volume_ref (self->volume);
  if (self->segmentation != NULL)
    sag_segmentation_ref (self->segmentation);
  if (self->preview != NULL)
    sag_segmentation_ref (self->preview);
  if (self->reference != NULL)
    sag_segmentation_ref (self->reference);
  if (self->fused != NULL)
    sag_volume_ref (self->fused);
}

void
sag_slice_sources_clear (SagSliceSources *self)
{
  g_clear_pointer (&self->volume, sag_volume_unref);
  g_clear_pointer (&self->segmentation, sag_segmentation_unref);
  g_clear_pointer (&self->preview, sag_segmentation_unref);
  g_clear_pointer (&self->reference, sag_segmentation_unref);
  g_clear_pointer (&self->fused, sag_volume_unref);
}

/* One result at the left, the other at the right, each in a picture of half the width. */
static void
render_sides (const SagSliceSources *self, const SagSliceSpec *spec, int width, int height,
              guint8 *rgba)
{
  int half = width / 2;
  gsize row = 4 * (gsize) half;
  g_autofree guint8 *side = g_malloc (row * (gsize) height);

  memset (rgba, 0, 4 * (gsize) width * (gsize) height);
  for (int n = 0; n < 2; n++)
    {
      sag_slice_render_with_preview (self->volume, n == 0 ? self->segmentation : self->reference,
                                     n == 0 ? self->preview : NULL, NULL, spec, half, height, side);
      for (int y = 0; y < height; y++)
        memcpy (rgba + 4 * ((gsize) y * (gsize) width + (gsize) (n * (width - half))),
                side + row * (gsize) y, row);
    }
}

static void
render_fused (const SagSliceSources *self, const SagSliceSpec *spec, int width, int height,
              guint8 *rgba)
{
  const guint8 *table = self->fused_colours;
  g_autofree guint8 *over = g_malloc (4 * (gsize) width * (gsize) height);
  SagSliceSpec own = self->fused_spec;
  guint share[256];

  own.plane = spec->plane;
  own.slab_mm = spec->slab_mm;
  own.slab_mode = spec->slab_mode;
  own.overlay = 0;
  own.invert = FALSE;
  own.colour_table = NULL;
  sag_slice_render (self->fused, NULL, NULL, &own, width, height, over);
  for (int level = 0; level < 256; level++)
    share[level] = (guint) (self->fused_opacity * 256 * MIN (level, FADE_LEVELS) / FADE_LEVELS + 0.5);
  for (gsize n = 0; n < (gsize) width * (gsize) height; n++)
    {
      guint8 level = over[4 * n];
      guint part = share[level];

      for (int c = 0; c < 3; c++)
        rgba[4 * n + c]
            = (guint8) ((rgba[4 * n + c] * (256 - part) + table[3 * level + c] * part) >> 8);
    }
}

void
sag_slice_sources_render (const SagSliceSources *self, const SagSliceSpec *spec, int width,
                          int height, guint8 *rgba)
{
  if (self->volume != NULL && spec->compare == SAG_COMPARE_SIDE && width > 1)
    render_sides (self, spec, width, height, rgba);
  else if (self->volume != NULL)
    sag_slice_render_with_preview (self->volume, self->segmentation, self->preview, self->reference,
                                   spec, width, height, rgba);
  else
    for (gsize n = 0; n < (gsize) width * (gsize) height * 4; n++)
      rgba[n] = n % 4 == 3 ? 255 : 0;
  if (self->fused != NULL)
    render_fused (self, spec, width, height, rgba);
}
