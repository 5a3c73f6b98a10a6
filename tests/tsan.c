/* SPDX-License-Identifier: Apache-2.0
 *
 * tsan.c: tells ThreadSanitizer of the order that libraries keep which it does not see into.
 *
 * GLib's locks and queues and the threads of libgomp wait for each other in code that was not built with
 * -fsanitize=thread, so everything they protect would look unprotected. Loaded before them (LD_PRELOAD; `meson test
 * --setup tsan` does), these functions do what they always did, and say what happens before what. In a program that is
 * not sanitized they only pass on. The annotations are those of sanitizer/tsan_interface.h.
 */
#include <dlfcn.h>
#include <glib-object.h>
#include <glib.h>

extern void __tsan_acquire (void *address) __attribute__ ((weak));
extern void __tsan_release (void *address) __attribute__ ((weak));
void        GOMP_parallel (void (*func) (void *), void *data, unsigned n_threads, unsigned flags);

#undef g_thread_new

static void
acquire (gconstpointer address)
{
  if (__tsan_acquire != NULL)
    __tsan_acquire ((void *) address);
}

static void
release (gconstpointer address)
{
  if (__tsan_release != NULL)
    __tsan_release ((void *) address);
}

/* The function that this one stands before. Not kept: dlsym() is quick enough, and a cache would be raced for. */
#define REAL(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))

/* --- locks ---------------------------------------------------------------------------------- */

void
g_mutex_lock (GMutex *mutex)
{
  REAL (g_mutex_lock) (mutex);
  acquire (mutex);
}

gboolean
g_mutex_trylock (GMutex *mutex)
{
  gboolean is_held = REAL (g_mutex_trylock) (mutex);

  if (is_held)
    acquire (mutex);
  return is_held;
}

void
g_mutex_unlock (GMutex *mutex)
{
  release (mutex);
  REAL (g_mutex_unlock) (mutex);
}

void
g_cond_wait (GCond *cond, GMutex *mutex)
{
  release (mutex);
  REAL (g_cond_wait) (cond, mutex);
  acquire (mutex);
}

gboolean
g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean is_signalled;

  release (mutex);
  is_signalled = REAL (g_cond_wait_until) (cond, mutex, end_time);
  acquire (mutex);
  return is_signalled;
}

gboolean (g_once_init_enter) (volatile void *location)
{
  gboolean (*real) (volatile void *) = dlsym (RTLD_NEXT, "g_once_init_enter");
  gboolean is_first = real (location);

  acquire ((gconstpointer) location);
  return is_first;
}

void (g_once_init_leave) (volatile void *location, gsize result)
{
  void (*real) (volatile void *, gsize) = dlsym (RTLD_NEXT, "g_once_init_leave");

  release ((gconstpointer) location);
  real (location, result);
}

gpointer
g_once_impl (GOnce *once, GThreadFunc func, gpointer arg)
{
  gpointer result = REAL (g_once_impl) (once, func, arg);

  release (once);
  acquire (once);
  return result;
}

/* --- queues and loops ----------------------------------------------------------------------- */

void
g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
  release (queue);
  REAL (g_async_queue_push) (queue, data);
}

void
g_async_queue_push_sorted (GAsyncQueue *queue, gpointer data, GCompareDataFunc compare, gpointer user_data)
{
  release (queue);
  REAL (g_async_queue_push_sorted) (queue, data, compare, user_data);
}

gpointer
g_async_queue_pop (GAsyncQueue *queue)
{
  gpointer data = REAL (g_async_queue_pop) (queue);

  acquire (queue);
  return data;
}

gpointer
g_async_queue_try_pop (GAsyncQueue *queue)
{
  gpointer data = REAL (g_async_queue_try_pop) (queue);

  acquire (queue);
  return data;
}

/* What a thread did before it attached a source has happened when the source's function runs, in whatever thread. */
typedef struct
{
  GSourceFunc    func;
  gpointer       data;
  GDestroyNotify destroy;
} Callback;

static gboolean
call (gpointer data)
{
  Callback *self = data;

  acquire (self);
  return self->func (self->data);
}

static void
callback_free (gpointer data)
{
  Callback *self = data;

  acquire (self);
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_free (self);
}

static Callback *
callback_new (GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  Callback *self = g_new (Callback, 1);

  self->func = func;
  self->data = data;
  self->destroy = destroy;
  release (self);
  return self;
}

guint
g_idle_add_full (gint priority, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  return REAL (g_idle_add_full) (priority, call, callback_new (func, data, destroy), callback_free);
}

guint
g_idle_add (GSourceFunc func, gpointer data)
{
  return g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, func, data, NULL);
}

/* Of the kinds of sources only idle ones go to other threads here; others have functions of other forms. */
void
g_source_set_callback (GSource *source, GSourceFunc func, gpointer data, GDestroyNotify destroy)
{
  if (source->source_funcs == &g_idle_funcs)
    REAL (g_source_set_callback) (source, call, callback_new (func, data, destroy), callback_free);
  else
    REAL (g_source_set_callback) (source, func, data, destroy);
}

/* --- counts of references ------------------------------------------------------------------- */

gboolean (g_atomic_ref_count_dec) (gatomicrefcount *count)
{
  gboolean (*real) (gatomicrefcount *) = dlsym (RTLD_NEXT, "g_atomic_ref_count_dec");
  gboolean is_last;

  release (count);
  is_last = real (count);
  if (is_last)
    acquire (count);
  return is_last;
}

void
g_atomic_rc_box_release_full (gpointer box, GDestroyNotify clear)
{
  release (box);
  acquire (box);
  REAL (g_atomic_rc_box_release_full) (box, clear);
}

void
g_object_unref (gpointer object)
{
  release (object);
  acquire (object);
  REAL (g_object_unref) (object);
}

/* --- OpenMP --------------------------------------------------------------------------------- */

typedef struct
{
  void (*func) (void *);
  void *data;
} Region;

static void
run_region (void *data)
{
  Region *self = data;

  acquire (self);
  self->func (self->data);
  release (self);
}

/* What gcc makes of a parallel region: each thread of a team begins after the region and is done before its end. */
void
GOMP_parallel (void (*func) (void *), void *data, unsigned n_threads, unsigned flags)
{
  Region region = { func, data };

  release (&region);
  REAL (GOMP_parallel) (run_region, &region, n_threads, flags);
  acquire (&region);
}
