/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-ahead.c: the slices that scrolling will show next, and the finer picture of this one, made in a thread. */
#include "ui/slice-ahead.h"

#include <string.h>

typedef enum
{
  WAITING,
  UNDER_WAY,
  DONE,
} State;

/* One picture. Held by who asked and, until it is done, by the queue or the thread. */
struct _SagSliceErrand
{
  gatomicrefcount refs;
  SagSliceSources sources;
  SagSliceSpec    spec;
  int             width, height;
  State           state;  /* under `lock` */
  SagSlicePixels *pixels; /* once done */
  void          (*made) (gpointer data); /* NULL: nobody waits to be told; main thread */
  gpointer        data;
};

typedef struct _SagSliceErrand Errand;

/* One thread for all views: it has one core, the main loop another. */
static GMutex lock;
static GCond asked, done;
static GQueue queue = G_QUEUE_INIT;

static void
errand_unref (Errand *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  sag_slice_sources_clear (&self->sources);
  g_clear_pointer (&self->pixels, sag_slice_pixels_unref);
  g_free (self);
}

static gboolean
done_idle (gpointer data)
{
  Errand *self = data;

  if (self->made != NULL)
    self->made (self->data);
  errand_unref (self);
  return G_SOURCE_REMOVE;
}

static gpointer
work (gpointer data)
{
  g_mutex_lock (&lock);
  for (;;)
    {
      Errand *errand;

      while ((errand = g_queue_pop_head (&queue)) == NULL)
        g_cond_wait (&asked, &lock);
      errand->state = UNDER_WAY;
      g_mutex_unlock (&lock);
      errand->pixels
          = sag_slice_pixels_new (&errand->sources, &errand->spec, errand->width, errand->height);
      g_mutex_lock (&lock);
      errand->state = DONE;
      g_cond_broadcast (&done);
      /* What goes with the last reference (a surface GTK may still draw) goes where it is drawn. */
      g_idle_add (done_idle, errand);
    }
  return NULL;
}

static Errand *
errand_new (const SagSliceSources *sources,
            const SagSliceSpec    *spec,
            int                    width,
            int                    height,
            void                 (*made) (gpointer data),
            gpointer               data)
{
  static gsize started;
  Errand *self = g_new0 (Errand, 1);

  if (g_once_init_enter (&started))
    {
      g_thread_unref (g_thread_new ("ahead", work, NULL));
      g_once_init_leave (&started, 1);
    }
  g_atomic_ref_count_init (&self->refs);
  sag_slice_sources_copy (sources, &self->sources);
  memcpy (&self->spec, spec, sizeof *spec);
  self->width = width;
  self->height = height;
  self->made = made;
  self->data = data;
  g_atomic_ref_count_inc (&self->refs); /* the queue's */
  g_mutex_lock (&lock);
  g_queue_push_tail (&queue, self);
  g_cond_signal (&asked);
  g_mutex_unlock (&lock);
  return self;
}

/* TRUE if the thread never began it. */
static gboolean
errand_take_back (Errand *self)
{
  gboolean waited;

  g_mutex_lock (&lock);
  waited = self->state == WAITING && g_queue_remove (&queue, self);
  g_mutex_unlock (&lock);
  if (waited)
    errand_unref (self);
  return waited;
}

static void
drop (Errand **errand)
{
  if (*errand == NULL)
    return;
  (*errand)->made = NULL;
  errand_take_back (*errand);
  g_clear_pointer (errand, errand_unref);
}

static gboolean
errand_is (const Errand       *self,
           const SagSliceSpec *spec,
           int                 width,
           int                 height)
{
  return self != NULL && self->width == width && self->height == height
         && memcmp (&self->spec, spec, sizeof *spec) == 0;
}

void
sag_slice_ahead_ask (SagSliceAhead         *self,
                     const SagSliceSources *sources,
                     const SagSliceSpec    *specs,
                     int                    n,
                     int                    width,
                     int                    height)
{
  Errand *kept[SAG_SLICE_AHEAD] = { NULL };

  n = MIN (n, SAG_SLICE_AHEAD);
  for (int i = 0; i < n; i++)
    for (int e = 0; e < SAG_SLICE_AHEAD && kept[i] == NULL; e++)
      if (errand_is (self->errands[e], &specs[i], width, height))
        kept[i] = g_steal_pointer (&self->errands[e]);
  for (int e = 0; e < SAG_SLICE_AHEAD; e++)
    drop (&self->errands[e]);
  for (int i = 0; i < n; i++)
    self->errands[i]
        = kept[i] != NULL ? kept[i] : errand_new (sources, &specs[i], width, height, NULL, NULL);
}

SagSlicePixels *
sag_slice_ahead_take (SagSliceAhead      *self,
                      const SagSliceSpec *spec,
                      int                 width,
                      int                 height,
                      gboolean            patient)
{
  for (int e = 0; e < SAG_SLICE_AHEAD; e++)
    if (errand_is (self->errands[e], spec, width, height))
      {
        Errand *errand = g_steal_pointer (&self->errands[e]);
        SagSlicePixels *pixels = NULL;

        /* What the thread has not begun is made sooner by all cores. */
        if (!errand_take_back (errand))
          {
            g_mutex_lock (&lock);
            while (errand->state != DONE && patient)
              g_cond_wait (&done, &lock);
            if (errand->state == DONE)
              pixels = g_steal_pointer (&errand->pixels);
            g_mutex_unlock (&lock);
          }
        errand_unref (errand);
        return pixels;
      }
  return NULL;
}

void
sag_slice_ahead_ask_finer (SagSliceAhead         *self,
                           const SagSliceSources *sources,
                           const SagSliceSpec    *spec,
                           int                    width,
                           int                    height,
                           void                 (*made) (gpointer data),
                           gpointer               data)
{
  drop (&self->finer);
  self->finer = errand_new (sources, spec, width, height, made, data);
}

SagSlicePixels *
sag_slice_ahead_take_finer (SagSliceAhead      *self,
                            const SagSliceSpec *spec,
                            int                 width,
                            int                 height)
{
  SagSlicePixels *pixels = NULL;

  if (self->finer == NULL)
    return NULL;
  if (errand_is (self->finer, spec, width, height))
    {
      g_mutex_lock (&lock);
      if (self->finer->state == DONE)
        pixels = g_steal_pointer (&self->finer->pixels);
      g_mutex_unlock (&lock);
      if (pixels == NULL)
        return NULL;
    }
  drop (&self->finer);
  return pixels;
}

void
sag_slice_ahead_drop (SagSliceAhead *self)
{
  drop (&self->finer);
  for (int e = 0; e < SAG_SLICE_AHEAD; e++)
    drop (&self->errands[e]);
}
