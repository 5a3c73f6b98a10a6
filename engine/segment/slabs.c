/* SPDX-License-Identifier: Apache-2.0
 *
 * slabs.c: which slices of logits must be kept, and for how long.
 */
#include "engine/segment/slabs.h"

void
sag_slabs_init (SagSlabs *self, const SagWindows *along, const int *rows, int n_rows,
                const SagTap *taps, int n_targets)
{
  *self = (SagSlabs) { .along = along, .taps = taps, .n_targets = n_targets };
  self->slot = g_new (int, along->size);
  self->row_slot = g_new (int, along->size);
  self->rows_left = g_new0 (int, along->size);
  self->users = g_new0 (int, along->size);
  self->done = g_new0 (gboolean, n_targets);
  self->free = g_array_new (FALSE, FALSE, sizeof (int));
  for (int k = 0; k < along->size; k++)
    self->slot[k] = self->row_slot[k] = -1;
  for (int r = 0; r < n_rows; r++)
    {
      int start = sag_windows_get_start (along, rows[r]);

      for (int k = MAX (start, 0); k < MIN (start + along->patch, along->size); k++)
        self->rows_left[k]++;
    }
  for (int t = 0; t < n_targets; t++)
    {
      self->users[taps[t].i0]++;
      self->users[taps[t].i1]++;
    }
}

void
sag_slabs_clear (SagSlabs *self)
{
  g_free (self->slot);
  g_free (self->row_slot);
  g_free (self->rows_left);
  g_free (self->users);
  g_free (self->done);
  g_array_free (self->free, TRUE);
}

static int
take (SagSlabs *self)
{
  int slot;

  if (self->free->len == 0)
    return self->n_slots++;
  slot = g_array_index (self->free, int, self->free->len - 1);
  g_array_set_size (self->free, self->free->len - 1);
  return slot;
}

static void
release (SagSlabs *self, int k)
{
  g_array_append_val (self->free, self->slot[k]);
  self->slot[k] = -1;
}

void
sag_slabs_begin_row (SagSlabs *self, int row, int *k0, int *k1)
{
  int start = sag_windows_get_start (self->along, row);

  *k0 = MAX (start, 0);
  *k1 = MIN (start + self->along->patch, self->along->size);
  for (int k = *k0; k < *k1; k++)
    self->row_slot[k] = take (self);
}

void
sag_slabs_end_row (SagSlabs *self, int row, void (*add) (int to, int from, gpointer data),
                   gpointer data)
{
  int start = sag_windows_get_start (self->along, row);

  for (int k = MAX (start, 0); k < MIN (start + self->along->patch, self->along->size); k++)
    {
      int from = self->row_slot[k];

      if (self->slot[k] < 0)
        self->slot[k] = from;
      else
        {
          if (add != NULL)
            add (self->slot[k], from, data);
          g_array_append_val (self->free, from);
        }
      self->row_slot[k] = -1;
      self->rows_left[k]--;
      if (self->rows_left[k] == 0 && self->users[k] == 0)
        release (self, k);
    }
}

static gboolean
is_complete (const SagSlabs *self, int t)
{
  return !self->done[t] && self->rows_left[self->taps[t].i0] == 0
         && self->rows_left[self->taps[t].i1] == 0;
}

gboolean
sag_slabs_next (SagSlabs *self, int *t0, int *t1)
{
  int t = 0;

  while (t < self->n_targets && !is_complete (self, t))
    t++;
  *t0 = t;
  while (t < self->n_targets && is_complete (self, t))
    t++;
  *t1 = t;
  return *t0 < *t1;
}

void
sag_slabs_finish (SagSlabs *self, int t0, int t1)
{
  for (int t = t0; t < t1; t++)
    {
      int slices[2] = { self->taps[t].i0, self->taps[t].i1 };

      self->done[t] = TRUE;
      for (int s = 0; s < 2; s++)
        if (--self->users[slices[s]] == 0)
          release (self, slices[s]);
    }
}

int
sag_slabs_count (const SagWindows *along, const int *rows, int n_rows, const SagTap *taps,
                 int n_targets)
{
  SagSlabs dry;
  int n, k0, k1, t0, t1;

  sag_slabs_init (&dry, along, rows, n_rows, taps, n_targets);
  for (int r = 0; r < n_rows; r++)
    {
      sag_slabs_begin_row (&dry, rows[r], &k0, &k1);
      sag_slabs_end_row (&dry, rows[r], NULL, NULL);
      while (sag_slabs_next (&dry, &t0, &t1))
        sag_slabs_finish (&dry, t0, t1);
    }
  n = dry.n_slots;
  sag_slabs_clear (&dry);
  return n;
}
