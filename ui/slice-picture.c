/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-picture.c: from a slice to a texture. */
#include "ui/slice-picture.h"

#include <string.h>

/* Opaque, in the order of CAIRO_FORMAT_RGB24 (a native word of XRGB): cairo draws it as it is. As a texture GTK
 * 4.8 would convert or blend it, pixel by pixel, in every frame. */
__attribute__ ((optimize ("O3"))) static void
to_native (guint32 *pixels,
           gsize    n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint32 rgba = GUINT32_FROM_LE (pixels[i]);

      pixels[i] = 0xff000000u | (rgba & 0xff) << 16 | (rgba & 0xff00) | (rgba >> 16 & 0xff);
    }
}

/* A page fault for each 4 KB of a new block costs as much as the slice: blocks are used again. */
typedef struct
{
  gsize   size, unused; /* the pixels stand 16 bytes in */
  guint32 pixels[];
} Block;

static Block *spare[4];

static Block *
take_block (gsize size)
{
  Block *block;

  for (guint i = 0; i < G_N_ELEMENTS (spare); i++)
    if (spare[i] != NULL && spare[i]->size == size)
      return g_steal_pointer (&spare[i]);
  block = g_malloc (sizeof *block + size);
  block->size = size;
  return block;
}

static void
give_block (gpointer data)
{
  static guint oldest;

  for (guint i = 0; i < G_N_ELEMENTS (spare); i++)
    if (spare[i] == NULL)
      {
        spare[i] = data;
        return;
      }
  g_free (spare[oldest]);
  spare[oldest] = data;
  oldest = (oldest + 1) % G_N_ELEMENTS (spare);
}

static void
render (SagSlicePicture    *self,
        SagWorkspace       *workspace,
        const SagSliceSpec *spec,
        int                 width,
        int                 height)
{
  gsize n = (gsize) width * (gsize) height;
  Block *block = take_block (4 * n);

  sag_workspace_render (workspace, spec, width, height, (guint8 *) block->pixels);
  to_native (block->pixels, n);
  self->pixels = g_bytes_new_with_free_func (block->pixels, 4 * n, give_block, block);
  self->width = width;
  self->height = height;
}

void
sag_slice_picture_update (SagSlicePicture    *self,
                          SagWorkspace       *workspace,
                          const SagSliceSpec *spec,
                          int                 width,
                          int                 height)
{
  if (self->pixels != NULL && memcmp (&self->drawn, spec, sizeof *spec) == 0 && self->width == width
      && self->height == height)
    return;
  sag_slice_picture_stale (self);
  render (self, workspace, spec, width, height);
  memcpy (&self->drawn, spec, sizeof *spec);
}

static void
unref_bytes (gpointer data)
{
  g_bytes_unref (data);
}

static cairo_surface_t *
make_surface (SagSlicePicture *self)
{
  static const cairo_user_data_key_t key;
  cairo_surface_t *surface = cairo_image_surface_create_for_data (
      (guchar *) g_bytes_get_data (self->pixels, NULL), CAIRO_FORMAT_RGB24, self->width,
      self->height, 4 * self->width);

  cairo_surface_set_user_data (surface, &key, g_bytes_ref (self->pixels), unref_bytes);
  return surface;
}

void
sag_slice_picture_snapshot (SagSlicePicture *self,
                            GskRenderer     *renderer,
                            float            width,
                            float            height,
                            GtkSnapshot     *snapshot)
{
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, width, height);

  if (GSK_IS_CAIRO_RENDERER (renderer))
    {
      cairo_t *cr = gtk_snapshot_append_cairo (snapshot, &bounds);
      cairo_surface_t *surface = make_surface (self);

      cairo_scale (cr, width / self->width, height / self->height);
      cairo_set_source_surface (cr, surface, 0, 0);
      cairo_set_operator (cr, CAIRO_OPERATOR_SOURCE);
      cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_NEAREST); /* one to one */
      cairo_paint (cr);
      cairo_surface_destroy (surface);
      cairo_destroy (cr);
      return;
    }
  if (self->texture == NULL)
    self->texture = gdk_memory_texture_new (self->width, self->height, GDK_MEMORY_DEFAULT,
                                            self->pixels, 4 * (gsize) self->width);
  gtk_snapshot_append_texture (snapshot, self->texture, &bounds);
}

guint8 *
sag_slice_picture_dup_rgba (SagSlicePicture *self)
{
  gsize n = (gsize) self->width * (gsize) self->height;
  const guint32 *pixels = g_bytes_get_data (self->pixels, NULL);
  guint8 *rgba = g_malloc (4 * n);

  for (gsize i = 0; i < n; i++)
    {
      rgba[4 * i] = pixels[i] >> 16 & 255;
      rgba[4 * i + 1] = pixels[i] >> 8 & 255;
      rgba[4 * i + 2] = pixels[i] & 255;
      rgba[4 * i + 3] = 255;
    }
  return rgba;
}

void
sag_slice_picture_stale (SagSlicePicture *self)
{
  g_clear_object (&self->texture);
  g_clear_pointer (&self->pixels, g_bytes_unref);
}
