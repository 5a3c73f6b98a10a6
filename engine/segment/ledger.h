/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.h: what a run has allocated, so that the promise of sag_segment_bytes() can be kept and
 * checked. [compute thread]
 */
#pragma once

#include "engine/base/alloc.h"

typedef struct
{
  gsize now, peak; /* bytes */
} SagLedger;

static inline void
sag_ledger_add (SagLedger *self, gsize bytes)
{
  self->now += bytes;
  self->peak = MAX (self->peak, self->now);
}

static inline void
sag_ledger_remove (SagLedger *self, gsize bytes)
{
  self->now -= bytes;
}

/* sag_alloc_try() with an entry. */
static inline gpointer
sag_ledger_alloc (SagLedger *self, gsize bytes, const char *what, GError **error)
{
  gpointer memory = sag_alloc_try (bytes, what, error);

  if (memory != NULL)
    sag_ledger_add (self, bytes);
  return memory;
}
