/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-pixels.c: a slice in the words the screen wants. */
#include "ui/slice-pixels.h"

#include "engine/base/parallel.h"

#include <time.h>

#define BLACK 0xff000000u

/* A page fault for each 4 KB of a new block costs as much as the slice: blocks are used again. */
static SagSlicePixels *spare[4];
static GMutex lock; /* of `spare` */

static SagSlicePixels *
take_block (gsize size)
{
  SagSlicePixels *self = NULL;

  g_mutex_lock (&lock);
  for (guint i = 0; i < G_N_ELEMENTS (spare) && self == NULL; i++)
    if (spare[i] != NULL && spare[i]->size == size)
      self = g_steal_pointer (&spare[i]);
  g_mutex_unlock (&lock);
  if (self == NULL)
    {
      self = g_malloc (sizeof *self + size);
      self->surface = NULL;
    }
  self->size = size;
  g_atomic_ref_count_init (&self->refs);
  return self;
}

static void
free_block (SagSlicePixels *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->surface, cairo_surface_destroy);
  g_free (self);
}

static void
give_block (SagSlicePixels *self)
{
  static guint oldest;
  SagSlicePixels *gone;
  guint at = 0;

  g_mutex_lock (&lock);
  while (at < G_N_ELEMENTS (spare) && spare[at] != NULL)
    at++;
  if (at == G_N_ELEMENTS (spare))
    {
      at = oldest;
      oldest = (oldest + 1) % G_N_ELEMENTS (spare);
    }
  gone = spare[at];
  spare[at] = self;
  g_mutex_unlock (&lock);
  free_block (gone);
}

/* Opaque, in the order of CAIRO_FORMAT_RGB24: cairo draws it as it is, GL takes it as it is. */
__attribute__ ((optimize ("O3"))) static void
to_native (guint32 *words,
           gsize    n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint32 rgba = GUINT32_FROM_LE (words[i]);

      words[i] = BLACK | (rgba & 0xff) << 16 | (rgba & 0xff00) | (rgba >> 16 & 0xff);
    }
}

static gboolean
row_is_black (const SagSlicePixels *self,
              int                   y)
{
  const guint32 *row = self->words + (gsize) y * (gsize) self->width;
  guint32 all = 0;

  for (int x = 0; x < self->width; x++)
    all |= row[x];
  return all == BLACK;
}

/* Margins are black behind the picture already: where nothing is drawn, nothing is drawn anew. */
static void
find_black (SagSlicePixels *self)
{
  int top = 0, bottom = self->height, left = self->width, right = 0;

  while (top < bottom && row_is_black (self, top))
    top++;
  while (bottom > top && row_is_black (self, bottom - 1))
    bottom--;
  for (int y = top; y < bottom; y++)
    {
      const guint32 *row = self->words + (gsize) y * (gsize) self->width;
      int x = 0;

      while (x < left && row[x] == BLACK)
        x++;
      left = MIN (left, x);
      for (x = self->width; x > right && row[x - 1] == BLACK;)
        x--;
      right = MAX (right, x);
    }
  self->x = MIN (left, right);
  self->y = top;
  self->columns = right - self->x;
  self->rows = bottom - top;
}

static gint64
get_thread_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

SagSlicePixels *
sag_slice_pixels_new (const SagSliceSources *sources,
                      const SagSliceSpec    *spec,
                      int                    width,
                      int                    height)
{
  gsize n = (gsize) width * (gsize) height;
  SagSlicePixels *self = take_block (4 * n);
  gint64 begun_us = get_thread_us ();

  self->width = width;
  self->height = height;
  sag_slice_sources_render (sources, spec, width, height, (guint8 *) self->words);
  to_native (self->words, n);
  find_black (self);
  self->cost_us = sag_parallel_get_size () == 1 ? get_thread_us () - begun_us : -1;
  return self;
}

/* It goes with the block, not with the picture: an image that was drawn is copied, all of it, when it goes. */
cairo_surface_t *
sag_slice_pixels_get_surface (SagSlicePixels *self)
{
  if (self->surface != NULL && cairo_image_surface_get_width (self->surface) != self->width)
    g_clear_pointer (&self->surface, cairo_surface_destroy);
  if (self->surface == NULL)
    self->surface = cairo_image_surface_create_for_data ((guchar *) self->words, CAIRO_FORMAT_RGB24,
                                                         self->width, self->height, 4 * self->width);
  return self->surface;
}

SagSlicePixels *
sag_slice_pixels_ref (SagSlicePixels *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
sag_slice_pixels_unref (SagSlicePixels *self)
{
  if (g_atomic_ref_count_dec (&self->refs))
    give_block (self);
}
