/* SPDX-License-Identifier: Apache-2.0
 *
 * ready.h: which slices are finished, readable without a lock. Private to volume.c and
 * segmentation.c.
 */
#pragma once

#include <glib.h>

typedef struct
{
  guint8 *flags; /* one a slice; 1 once published */
  int     n;
  int     n_ready;
} SagReady;

static inline void
sag_ready_init (SagReady *self, int n)
{
  self->flags = g_new0 (guint8, n);
  self->n = n;
  self->n_ready = 0;
}

static inline void
sag_ready_clear (SagReady *self)
{
  g_free (self->flags);
}

/* Release: what was written to slices k0 .. k1 - 1 is seen by whoever finds them ready. */
static inline void
sag_ready_mark (SagReady *self, int k0, int k1)
{
  for (int k = MAX (k0, 0); k < MIN (k1, self->n); k++)
    if (__atomic_exchange_n (&self->flags[k], 1, __ATOMIC_ACQ_REL) == 0)
      __atomic_add_fetch (&self->n_ready, 1, __ATOMIC_RELAXED);
}

static inline gboolean
sag_ready_is (const SagReady *self, int k)
{
  return k >= 0 && k < self->n && __atomic_load_n (&self->flags[k], __ATOMIC_ACQUIRE) != 0;
}

static inline int
sag_ready_count (const SagReady *self)
{
  return __atomic_load_n (&self->n_ready, __ATOMIC_ACQUIRE);
}
