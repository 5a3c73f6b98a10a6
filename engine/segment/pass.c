/* SPDX-License-Identifier: Apache-2.0
 *
 * pass.c: once over the volume with the network.
 */
#include "engine/segment/pass.h"

#include "engine/base/error.h"

#include <math.h>

#define PREVIEW_SLICES 16      /* that a slice-wise preview aims at */
#define PREVIEW_WINDOWS 8      /* two along each axis: a volume of fewer needs no preview */

static void
init_windows (SagPass *self, const SagRecipe *recipe)
{
  for (int m = 0; m < 3; m++)
    {
      int a = self->frame.net[m];

      sag_windows_init (&self->windows[a], self->frame.sweep.size[a], self->frame.patch[m],
                        recipe->overlap, self->frame.flip[m]);
    }
  /* Room for the slabs of both frontiers, so that the halves that patches share are made once. */
  self->capacity = MIN (2 * (self->windows[2].patch + 2 * recipe->neighbours),
                        self->frame.sweep.size[2]);
}

static void
init_taps (SagPass *self, int a, int n, double spacing)
{
  self->target.size[a] = n;
  self->target.taps[a] = g_new (SagTap, n);
  sag_taps_init (self->target.taps[a], n, spacing, self->frame.sweep.size[a],
                 self->frame.sweep.spacing[a]);
}

/* The rows of all windows, the one nearest to `focus` first. */
static void
order_rows (SagPass *self, const double *focus)
{
  double ijk[3] = { 0, 0, (self->frame.sweep.size[2] - 1) / 2.0 };

  if (focus != NULL)
    sag_grid_to_ijk (&self->frame.sweep, focus, ijk);
  self->n_rows = self->windows[2].n;
  self->rows = g_new (int, self->n_rows);
  sag_windows_order (&self->windows[2], isfinite (ijk[2]) ? ijk[2] : 0, self->rows);
}

void
sag_pass_init_full (SagPass *self, const SagRecipe *recipe, const SagFrame *frame,
                    const double *focus)
{
  const SagGrid *input = &frame->input;
  gsize stride[3] = { 1, (gsize) input->size[0], (gsize) input->size[0] * (gsize) input->size[1] };

  *self = (SagPass) { .frame = *frame, .grid = *input };
  init_windows (self, recipe);
  for (int a = 0; a < 3; a++)
    {
      init_taps (self, a, input->size[frame->axis[a]], input->spacing[frame->axis[a]]);
      self->target.stride[a] = stride[frame->axis[a]];
    }
  order_rows (self, focus);
}

/* Every `step`-th slice, each a slice of the target. */
static void
init_sparse (SagPass *self, int step)
{
  const int *size = self->frame.sweep.size;
  int first = step / 2;
  double ijk[3] = { 0, 0, first };

  self->grid = self->frame.sweep;
  sag_grid_to_lps (&self->frame.sweep, ijk, self->grid.origin);
  self->n_rows = (size[2] - 1 - first) / step + 1;
  self->grid.size[2] = self->n_rows;
  self->grid.spacing[2] *= step;
  self->rows = g_new (int, self->n_rows);
  for (int a = 0; a < 2; a++)
    init_taps (self, a, size[a], self->frame.sweep.spacing[a]);
  self->target.size[2] = self->n_rows;
  self->target.taps[2] = g_new (SagTap, self->n_rows);
  for (int t = 0; t < self->n_rows; t++)
    {
      int k = first + t * step;

      self->rows[t] = k;
      self->target.taps[2][t] = (SagTap) { k, k, 0 };
    }
}

/* The frame at `factor` times the spacing, if it takes at most a quarter of the runs and of the voxels. */
static gboolean
coarsen (SagPass *self, const SagRecipe *recipe, const SagFrame *frame, double factor, int n_full)
{
  *self = (SagPass) { .frame = *frame };
  sag_frame_coarsen (frame, factor, &self->frame);
  init_windows (self, recipe);
  self->n_rows = self->windows[2].n;
  if (4 * sag_pass_get_n_windows (self) <= n_full
      && 4 * sag_grid_get_n_voxels (&self->frame.sweep) <= sag_grid_get_n_voxels (&frame->sweep))
    return TRUE;
  sag_pass_clear (self);
  return FALSE;
}

gboolean
sag_pass_init_preview (SagPass *self, const SagRecipe *recipe, const SagFrame *frame,
                       const double *focus)
{
  const int *size;

  *self = (SagPass) { .frame = *frame };
  if (frame->slicewise && frame->sweep.size[2] >= 2 * PREVIEW_SLICES)
    {
      init_windows (self, recipe);
      init_sparse (self, frame->sweep.size[2] / PREVIEW_SLICES);
    }
  else
    {
      SagPass full = { .frame = *frame };
      int n_full;

      if (frame->slicewise || recipe->fit != SAG_FIT_TO_SPACING)
        return FALSE;
      init_windows (&full, recipe);
      full.n_rows = full.windows[2].n;
      n_full = sag_pass_get_n_windows (&full);
      sag_pass_clear (&full);
      /* No coarser than it must be: networks lose small parts first. */
      if (n_full < PREVIEW_WINDOWS
          || (!coarsen (self, recipe, frame, 1.6, n_full) && !coarsen (self, recipe, frame, 2, n_full)))
        return FALSE;
      self->grid = self->frame.sweep;
      for (int a = 0; a < 3; a++)
        init_taps (self, a, self->grid.size[a], self->grid.spacing[a]);
      order_rows (self, focus);
    }
  size = self->grid.size;
  self->target.stride[0] = 1;
  self->target.stride[1] = (gsize) size[0];
  self->target.stride[2] = (gsize) size[0] * (gsize) size[1];
  return TRUE;
}

void
sag_pass_clear (SagPass *self)
{
  for (int a = 0; a < 3; a++)
    {
      sag_windows_clear (&self->windows[a]);
      g_clear_pointer (&self->target.taps[a], g_free);
    }
  g_clear_pointer (&self->rows, g_free);
}

int
sag_pass_get_n_windows (const SagPass *self)
{
  return self->windows[0].n * self->windows[1].n * self->n_rows;
}

gsize
sag_pass_get_bytes (const SagPass *self, const SagRecipe *recipe, int channels, int n_threads)
{
  return sag_prepare_get_bytes (recipe, &self->frame, self->capacity, n_threads)
         + sag_finish_get_bytes (recipe, &self->frame, self->windows, self->rows, self->n_rows,
                                 channels, &self->target, n_threads);
}

/* --- running ----------------------------------------------------------------------------- */

/* Milliseconds since `*clock`, which is set to now. */
static double
lap (gint64 *clock)
{
  gint64 now = g_get_monotonic_time ();
  double ms = (double) (now - *clock) / 1000;

  *clock = now;
  return ms;
}

/* Progress when `window` windows of the pass are done. */
static double
fraction_at (const SagPass *self, const SagPassRun *run, int window)
{
  return run->from + (run->to - run->from) * window / sag_pass_get_n_windows (self);
}

/* Window number `n` of the pass, row after row, along each sweep axis. */
static void
find_window (const SagPass *self, int n, int window[3])
{
  window[0] = n % self->windows[0].n;
  window[1] = n / self->windows[0].n % self->windows[1].n;
  window[2] = self->rows[n / (self->windows[0].n * self->windows[1].n)];
}

/* The input of window `n`, from slices that are made if they are not there. */
static gboolean
cut_window (const SagPass *self, const SagPassRun *run, SagPrepare *prepare, int n, float *input)
{
  int window[3], start[3], around = run->recipe->neighbours;

  find_window (self, n, window);
  for (int a = 0; a < 3; a++)
    start[a] = sag_windows_get_start (&self->windows[a], window[a]);
  if (!sag_prepare_slab (prepare, start[2] - around, start[2] + self->windows[2].patch + around,
                         run->tick, fraction_at (self, run, n)))
    return FALSE;
  sag_prepare_cut (prepare, start, sag_lanes_get_network (run->lanes)->in_channels, input);
  return TRUE;
}

/* The logits of window `n` to the others of its row, and slices that are complete to the target. */
static gboolean
add_window (const SagPass *self, const SagPassRun *run, SagFinish *finish, int n, void *const *outputs,
            void (*made) (int t0, int t1, gpointer data), gpointer data)
{
  const SagNetwork *network = sag_lanes_get_network (run->lanes);
  const SagLogits logits = { outputs[network->output],
                             sag_session_get_output (network->session, network->output)->dtype,
                             network->out_channels };
  int window[3], in_row = self->windows[0].n * self->windows[1].n;

  find_window (self, n, window);
  if (n % in_row == 0)
    sag_finish_begin_row (finish, window[2]);
  sag_finish_add (finish, window, &logits);
  if ((n + 1) % in_row != 0)
    return TRUE;
  sag_finish_end_row (finish, window[2]);
  return sag_finish_flush (finish, made, data, run->tick, fraction_at (self, run, n + 1));
}

/* Windows w0 .. w1 - 1: cut, run, add. */
static gboolean
run_batch (const SagPass *self, const SagPassRun *run, SagPrepare *prepare, SagFinish *finish, int w0,
           int w1, void (*made) (int t0, int t1, gpointer data), gpointer data)
{
  gint64 clock = g_get_monotonic_time ();

  for (int w = w0; w < w1; w++)
    if (!cut_window (self, run, prepare, w, sag_lanes_get_patch (run->lanes, w - w0)->input))
      return FALSE;
  run->report->prepare_ms += lap (&clock);
  if (!sag_lanes_run (run->lanes, w1 - w0, run->tick, fraction_at (self, run, w0),
                      fraction_at (self, run, w1)))
    return FALSE;
  run->report->net_ms += lap (&clock);
  for (int w = w0; w < w1; w++)
    if (!add_window (self, run, finish, w, sag_lanes_get_patch (run->lanes, w - w0)->outputs, made, data))
      return FALSE;
  run->report->finish_ms += lap (&clock);
  return TRUE;
}

gboolean
sag_pass_run (SagPass *self, const SagPassRun *run, void (*made) (int t0, int t1, gpointer data),
              gpointer data, GError **error)
{
  SagPrepare *prepare = sag_prepare_new (run->volume, run->recipe, &self->frame, run->scale,
                                         self->capacity, run->ledger, error);
  SagFinish *finish = NULL;
  int n = sag_pass_get_n_windows (self), batch = sag_lanes_get_batch (sag_lanes_get_n (run->lanes));
  gboolean going = TRUE;

  if (prepare != NULL)
    finish = sag_finish_new (run->recipe, run->precision, &self->frame, self->windows, self->rows,
                             self->n_rows, sag_lanes_get_network (run->lanes)->out_channels,
                             &self->target, run->ledger, error);
  for (int w = 0; finish != NULL && going && w < n; w += batch)
    going = run_batch (self, run, prepare, finish, w, MIN (w + batch, n), made, data);
  if (!going && sag_lanes_explain (run->lanes, error))
    sag_engine_error_cancelled (error);
  going = going && finish != NULL;
  sag_finish_free (finish);
  sag_prepare_free (prepare);
  return going;
}
