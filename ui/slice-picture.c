/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-picture.c: a slice as a view draws it. */
#include "ui/slice-picture.h"

#include "engine/base/parallel.h"

#include <string.h>

#define QUICK_US 4000 /* waiting for a thread that another program keeps from running lasts longer */
#define SLOW_US 8000  /* half a frame: the other half is for what is drawn over it */

static void
forget (SagSlicePicture *self)
{
  g_clear_pointer (&self->node, gsk_render_node_unref);
  g_clear_pointer (&self->pixels, sag_slice_pixels_unref);
}

/* By this thread alone: whoever shares work waits for all who took some of it. */
static SagSlicePixels *
make_alone (const SagSliceSources *sources,
            const SagSliceSpec    *spec,
            int                    width,
            int                    height)
{
  int n_threads = sag_parallel_get_size ();
  SagSlicePixels *pixels;

  sag_parallel_own (SAG_TEAM_NONE, 1);
  pixels = sag_slice_pixels_new (sources, spec, width, height);
  sag_parallel_own (SAG_TEAM_RENDER, n_threads);
  return pixels;
}

/* Whether cubics may take so long that the next event waits: unless they did not on such a plane. */
static gboolean
is_slow (const SagSlicePicture *self,
         const SagSliceSpec    *spec)
{
  const SagPlane *now = &spec->plane, *then = &self->cubic_plane;

  return spec->interpolation == SAG_INTERPOLATION_CUBIC
         && (self->cubic_us == 0 || self->cubic_us > SLOW_US || now->mm_per_pixel != then->mm_per_pixel
             || memcmp (now->right, then->right, sizeof now->right) != 0
             || memcmp (now->down, then->down, sizeof now->down) != 0);
}

static void
set_draft (SagSliceSpec *spec)
{
  spec->interpolation = SAG_INTERPOLATION_LINEAR;
}

static SagSlicePixels *
make (SagSlicePicture       *self,
      const SagSliceSources *sources,
      const SagSliceSpec    *wanted,
      int                    width,
      int                    height,
      gboolean               draft)
{
  gboolean quick = self->cost_us > 0 && self->cost_us < QUICK_US;
  SagSlicePixels *pixels;
  SagSliceSpec spec;

  memcpy (&spec, wanted, sizeof spec);
  if (draft)
    set_draft (&spec);
  pixels = sag_slice_ahead_take (&self->ahead, &spec, width, height, !quick && !draft);
  if (pixels == NULL)
    pixels = quick ? make_alone (sources, &spec, width, height)
                   : sag_slice_pixels_new (sources, &spec, width, height);
  return pixels;
}

gboolean
sag_slice_picture_update (SagSlicePicture       *self,
                          const SagSliceSources *sources,
                          const SagSliceSpec    *spec,
                          int                    width,
                          int                    height,
                          gboolean               final)
{
  gboolean same = self->pixels != NULL && memcmp (&self->wanted, spec, sizeof *spec) == 0
                  && self->pixels->width == width && self->pixels->height == height;
  SagSlicePixels *pixels;
  gboolean draft;

  if (same && !self->draft)
    return FALSE;
  pixels = sag_slice_ahead_take_finer (&self->ahead, spec, width, height);
  draft = pixels == NULL && !final && is_slow (self, spec);
  if (same && draft)
    return FALSE;
  forget (self);
  self->pixels = pixels != NULL ? pixels : make (self, sources, spec, width, height, draft);
  self->draft = draft;
  memcpy (&self->wanted, spec, sizeof *spec);
  if (self->pixels->cost_us >= 0)
    self->cost_us = self->pixels->cost_us;
  if (self->pixels->cost_us >= 0 && spec->interpolation == SAG_INTERPOLATION_CUBIC && !draft)
    {
      self->cubic_us = MAX (self->pixels->cost_us, 1);
      self->cubic_plane = spec->plane;
    }
  return draft;
}

void
sag_slice_picture_refine (SagSlicePicture       *self,
                          const SagSliceSources *sources,
                          void                 (*made) (gpointer data),
                          gpointer               data)
{
  if (self->pixels != NULL && self->draft)
    sag_slice_ahead_ask_finer (&self->ahead, sources, &self->wanted, self->pixels->width, self->pixels->height,
                               made, data);
}

void
sag_slice_picture_look_ahead (SagSlicePicture       *self,
                              const SagSliceSources *sources,
                              const SagSliceSpec    *specs,
                              int                    n,
                              int                    width,
                              int                    height)
{
  SagSliceSpec next[SAG_SLICE_AHEAD];
  int different = 0;

  while (different < MIN (n, SAG_SLICE_AHEAD)
         && memcmp (&specs[different], different > 0 ? &specs[different - 1] : &self->wanted, sizeof *specs) != 0)
    {
      memcpy (&next[different], &specs[different], sizeof *specs);
      if (self->draft)
        set_draft (&next[different]);
      different++;
    }
  sag_slice_ahead_ask (&self->ahead, sources, next, different, width, height);
}

static void
unref_pixels (gpointer data)
{
  sag_slice_pixels_unref (data);
}

/* As a texture GTK 4.8 would convert or blend it for cairo, pixel by pixel, in every frame. */
static GskRenderNode *
make_cairo_node (SagSlicePicture       *self,
                 const graphene_rect_t *bounds,
                 int                    scale)
{
  GskRenderNode *node = gsk_cairo_node_new (bounds);
  cairo_t *cr = gsk_cairo_node_get_draw_context (node);

  cairo_scale (cr, 1.0 / scale, 1.0 / scale);
  cairo_set_source_surface (cr, sag_slice_pixels_get_surface (self->pixels), 0, 0);
  cairo_set_operator (cr, CAIRO_OPERATOR_SOURCE);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_NEAREST); /* one to one */
  cairo_paint (cr);
  cairo_destroy (cr);
  return node;
}

static GskRenderNode *
make_texture_node (SagSlicePicture       *self,
                   const graphene_rect_t *bounds)
{
  gsize pitch = 4 * (gsize) self->pixels->width;
  g_autoptr (GBytes) bytes = g_bytes_new_with_free_func (
      self->pixels->words + (gsize) self->pixels->y * (gsize) self->pixels->width + self->pixels->x,
      pitch * (gsize) (self->pixels->rows - 1) + 4 * (gsize) self->pixels->columns, unref_pixels,
      sag_slice_pixels_ref (self->pixels));
  g_autoptr (GdkTexture) texture = gdk_memory_texture_new (
      self->pixels->columns, self->pixels->rows, GDK_MEMORY_DEFAULT, bytes, pitch);

  return gsk_texture_node_new (texture, bounds);
}

void
sag_slice_picture_snapshot (SagSlicePicture *self,
                            GskRenderer     *renderer,
                            int              scale,
                            GtkSnapshot     *snapshot)
{
  const SagSlicePixels *pixels = self->pixels;
  float point = 1.0f / (float) scale;

  if (pixels->columns == 0)
    return;
  if (self->node == NULL)
    {
      graphene_rect_t bounds =
          GRAPHENE_RECT_INIT ((float) pixels->x * point, (float) pixels->y * point,
                              (float) pixels->columns * point, (float) pixels->rows * point);

      self->node = GSK_IS_CAIRO_RENDERER (renderer) ? make_cairo_node (self, &bounds, scale)
                                                    : make_texture_node (self, &bounds);
    }
  gtk_snapshot_append_node (snapshot, self->node);
}

/* XRGB words to bytes of RGBA. */
static void
to_rgba (guint8        *rgba,
         const guint32 *words,
         gsize          n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint32 word = words[i];

      rgba[4 * i] = word >> 16 & 255;
      rgba[4 * i + 1] = word >> 8 & 255;
      rgba[4 * i + 2] = word & 255;
      rgba[4 * i + 3] = 255;
    }
}

guint8 *
sag_slice_picture_dup_rgba (SagSlicePicture *self)
{
  gsize n = (gsize) self->pixels->width * (gsize) self->pixels->height;
  guint8 *rgba = g_malloc (4 * n);

  to_rgba (rgba, self->pixels->words, n);
  return rgba;
}

guint8 *
sag_slice_picture_dup_texture (GdkTexture *texture)
{
  gsize width = (gsize) gdk_texture_get_width (texture);
  gsize n = width * (gsize) gdk_texture_get_height (texture);
  g_autofree guint32 *words = g_new (guint32, n);
  guint8 *rgba = g_malloc (4 * n);

  gdk_texture_download (texture, (guchar *) words, 4 * width); /* CAIRO_FORMAT_ARGB32 */
  to_rgba (rgba, words, n);
  return rgba;
}

void
sag_slice_picture_stale (SagSlicePicture *self)
{
  sag_slice_ahead_drop (&self->ahead);
  forget (self);
}
