/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c: the whole contract of a plugin, tried out.
 */
#include "app/plugin/check.h"

#include "app/plugin/code.h"
#include "app/plugin/fence.h"
#include "app/plugin/manners.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <math.h>
#include <string.h>

#define MAX_STOPS 12 /* places where a run is cancelled, spread over its steps */

typedef struct
{
  const SagCheckWatch  *watch;
  SagPluginHost        *host;
  const SagPluginEntry *entry;
  SagPrecision          precision;
  SagCodeModel         *code; /* NULL for networks */
  const char           *rule; /* being tried */
  int                   failures;
} Checker;

/* A volume's shape and what is in it. */
typedef struct
{
  const char *name;
  int         size[3];
  float       low, high; /* values lie between */
} Shape;

static const Shape tiny = { "a volume of one voxel", { 1, 1, 1 }, 40, 40 };
static const Shape usual = { "a small volume", { 37, 29, 11 }, -1000, 1500 };
static const Shape more[] = {
  { "a volume of one row", { 1500, 1, 1 }, -1000, 1500 },
  { "a volume of one column of slices", { 1, 1, 300 }, -1000, 1500 },
  { "a large volume", { 512, 512, 24 }, -1000, 1500 },
  { "a volume of zeroes", { 16, 16, 4 }, 0, 0 },
  { "a volume of extreme values", { 16, 16, 4 }, -1e30f, 1e30f },
};

/* From here until end() it is `rule` that is tried. */
static void
begin (Checker *checker, const char *rule)
{
  checker->rule = rule;
  if (checker->watch->begins != NULL)
    checker->watch->begins (checker->entry->recipe->id, rule, checker->watch->data);
}

static void
end (Checker *checker, GError *error)
{
  SagCheck check = { checker->entry->recipe->id, checker->rule, error != NULL ? error->message : NULL };

  checker->failures += error != NULL;
  checker->watch->tell (&check, checker->watch->data);
  g_clear_error (&error);
}

static gboolean fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_CONTRACT, format, arguments);
  va_end (arguments);
  return FALSE;
}

/* A ball in the middle, and noise that is the same every time. */
static SagVolume *
make_volume (const Checker *checker, const Shape *shape, GError **error)
{
  const double spacing[3] = { 0.9, 0.9, 2.5 };
  guint32 state = 1;
  SagGrid grid;
  SagVolume *volume;

  sag_grid_init (&grid, shape->size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_F32, 1, 0, "", error);
  if (volume == NULL)
    return NULL;
  for (int k = 0; k < grid.size[2]; k++)
    {
      float *slice = sag_volume_get_slice (volume, k);

      for (int v = 0; v < grid.size[0] * grid.size[1]; v++)
        {
          double x = (v % grid.size[0] + 0.5) / grid.size[0] - 0.5;
          double y = (v / grid.size[0] + 0.5) / grid.size[1] - 0.5;
          double z = (k + 0.5) / grid.size[2] - 0.5, part;

          state = state * 1664525u + 1013904223u;
          part = x * x + y * y + z * z < 0.1 ? 0.9 : 0.1;
          part += 0.1 * (state >> 8) / (double) (1 << 24);
          slice[v] = (float) (shape->low + (shape->high - (double) shape->low) * part);
        }
    }
  sag_volume_mark_ready (volume, 0, grid.size[2]);
  return volume;
}

/* --- one run, of code or of a network ---------------------------------------------------- */

/* Stops at the `stop`-th question (never if negative) and counts them. */
typedef struct
{
  const SagCheckWatch *watch;
  int                  stop, n;
  double               last;
  gboolean             fell;
} Ticker;

static gboolean
count_tick (double fraction, gpointer data)
{
  Ticker *ticker = data;

  ticker->fell = ticker->fell || !(fraction >= ticker->last && fraction <= 1);
  ticker->last = MAX (ticker->last, fraction);
  if (ticker->watch->goes_on != NULL)
    ticker->watch->goes_on (ticker->watch->data);
  return ticker->n++ != ticker->stop;
}

typedef struct
{
  gsize   n;
  guint8 *labels, *confidence;
} Answer;

static void
answer_clear (Answer *answer)
{
  g_clear_pointer (&answer->labels, g_free);
  g_clear_pointer (&answer->confidence, g_free);
}

/* Into buffers with fences around them, from voxels that cannot be written. */
static gboolean
call_code (Checker *checker, SagVolume *volume, guint8 rubbish, Ticker *ticker, Answer *answer,
           GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  const SagTick tick = { count_tick, ticker };
  gsize slice = (gsize) grid->size[0] * (gsize) grid->size[1] * sizeof (float);
  g_autoptr (SagFence) voxels = sag_fence_new ("the image's voxels", slice * (gsize) grid->size[2], error);
  g_autoptr (SagFence) labels = voxels != NULL ? sag_fence_new ("labels", answer->n, error) : NULL;
  g_autoptr (SagFence) confidence = labels != NULL ? sag_fence_new ("confidence", answer->n, error) : NULL;
  sag_image image = { .size = sizeof image, .modality = "", .unit = "" };
  SagCodeCall call;
  gboolean good;

  if (confidence == NULL)
    return FALSE;
  for (int k = 0; k < grid->size[2]; k++)
    memcpy ((char *) sag_fence_get_data (voxels) + k * slice, sag_volume_get_slice (volume, k), slice);
  sag_fence_close (voxels);
  image.voxels = sag_fence_get_data (voxels);
  memcpy (image.dims, grid->size, sizeof image.dims);
  memcpy (image.spacing, grid->spacing, sizeof image.spacing);
  memcpy (image.origin, grid->origin, sizeof image.origin);
  memcpy (image.direction, grid->direction, sizeof image.direction);
  memset (sag_fence_get_data (labels), rubbish, answer->n);
  memset (sag_fence_get_data (confidence), rubbish, answer->n);
  good = sag_code_model_call (checker->code, &image, sag_fence_get_data (labels),
                              sag_fence_get_data (confidence), &tick, &call, error);
  memcpy (answer->labels, sag_fence_get_data (labels), answer->n);
  memcpy (answer->confidence, sag_fence_get_data (confidence), answer->n);
  if (good)
    good = sag_fence_check (labels, error) && sag_fence_check (confidence, error);
  if (call.asked_to_stop && (call.status == SAG_OK || (int) call.n_progress > ticker->n))
    {
      g_clear_error (error);
      return fail (error, "told to stop, it went on");
    }
  if (good && call.fell)
    return fail (error, "its progress fell, or was not 0 to 1");
  if (good && call.elsewhere)
    return fail (error, "it called progress on another thread");
  return good;
}

static gboolean
call_network (Checker *checker, SagVolume *volume, Ticker *ticker, Answer *answer, GError **error)
{
  const SagTick tick = { count_tick, ticker };
  g_autoptr (SagSegmentation) result
    = sag_plugin_host_segment (checker->host, checker->entry, checker->precision, volume, NULL,
                               &tick, NULL, error);

  if (result == NULL)
    return FALSE;
  memcpy (answer->labels, sag_labelmap_get_voxels (sag_segmentation_get_layer (result, 0)),
          answer->n);
  memcpy (answer->confidence, sag_block_get_data (sag_segmentation_get_confidence (result)),
          answer->n);
  return TRUE;
}

static gboolean
run (Checker *checker, SagVolume *volume, guint8 rubbish, int stop, int *n_ticks, Answer *answer,
     GError **error)
{
  Ticker ticker = { .watch = checker->watch, .stop = stop };
  gboolean good;

  answer->n = sag_grid_get_n_voxels (sag_volume_get_grid (volume));
  answer->labels = g_malloc (answer->n);
  answer->confidence = g_malloc (answer->n);
  good = checker->code != NULL ? call_code (checker, volume, rubbish, &ticker, answer, error)
                               : call_network (checker, volume, &ticker, answer, error);
  if (n_ticks != NULL)
    *n_ticks = ticker.n;
  if (good && ticker.fell)
    return fail (error, "its progress fell");
  return good;
}

/* --- the rules --------------------------------------------------------------------------- */

static gboolean
same_answer (const Answer *a, const Answer *b, const char *what, GError **error)
{
  for (gsize i = 0; i < a->n; i++)
    if (a->labels[i] != b->labels[i])
      return fail (error,
                   "%s: the label of voxel %" G_GSIZE_FORMAT " is %d in one and %d in the other",
                   what, i, a->labels[i], b->labels[i]);
    else if (a->confidence[i] != b->confidence[i])
      return fail (error,
                   "%s: the confidence of voxel %" G_GSIZE_FORMAT " is %d in one and %d in the "
                   "other, or was not written",
                   what, i, a->confidence[i], b->confidence[i]);
  return TRUE;
}

static gboolean
rule_shape (Checker *checker, const Shape *shape, GError **error)
{
  g_autoptr (SagVolume) volume = make_volume (checker, shape, error);
  Answer answer = { 0 };
  gboolean good = volume != NULL && run (checker, volume, 0xa5, -1, NULL, &answer, error);

  answer_clear (&answer);
  return good;
}

/* Two runs, and one on a single thread, give the same bytes; every byte was written. */
static gboolean
rule_same (Checker *checker, gboolean one_thread, GError **error)
{
  g_autoptr (SagVolume) volume = make_volume (checker, &usual, error);
  int n_threads = sag_parallel_get_size ();
  Answer a = { 0 }, b = { 0 };
  gboolean good = volume != NULL && run (checker, volume, 0x5a, -1, NULL, &a, error);

  if (one_thread)
    sag_parallel_own (SAG_TEAM_COMPUTE, 1);
  good = good && run (checker, volume, 0xa5, -1, NULL, &b, error)
         && same_answer (&a, &b, one_thread ? "with one thread and several" : "in two runs", error);
  sag_parallel_own (SAG_TEAM_COMPUTE, n_threads);
  answer_clear (&a);
  answer_clear (&b);
  return good;
}

/* Stopped at a question, it says so; and a run after that is as good as ever. */
static gboolean
rule_cancel (Checker *checker, GError **error)
{
  g_autoptr (SagVolume) volume = make_volume (checker, &usual, error);
  Answer whole = { 0 }, again = { 0 };
  int n_ticks, step;
  gboolean good = volume != NULL && run (checker, volume, 0, -1, &n_ticks, &whole, error);

  if (good && n_ticks < 2)
    good = fail (error, "it asked %d times whether to go on; ask at least twice a run", n_ticks);
  step = good ? MAX (n_ticks / MAX_STOPS, 1) : 1;
  for (int stop = 0; good && stop < n_ticks; stop += step)
    {
      g_autoptr (GError) local = NULL;
      Answer part = { 0 };
      int asked;

      /* How often a network asks depends a little on how its threads happen to run: a run that was
       * over before the question was asked was not told to stop. */
      if (run (checker, volume, 0, stop, &asked, &part, &local))
        good = asked <= stop
               || fail (error, "told to stop at step %d of %d, it succeeded", stop + 1, n_ticks);
      else if (!g_error_matches (local, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED))
        good = fail (error, "told to stop at step %d of %d, it said: %s", stop + 1, n_ticks,
                     local->message);
      else if (asked > stop + 1)
        good = fail (error, "told to stop at step %d of %d, it went on for %d more", stop + 1,
                     n_ticks, asked - stop - 1);
      answer_clear (&part);
    }
  good = good && run (checker, volume, 0xff, -1, NULL, &again, error)
         && same_answer (&whole, &again, "before and after a cancelled run", error);
  answer_clear (&whole);
  answer_clear (&again);
  return good;
}

/* A model can be made again while another lives, and both go away. */
static gboolean
rule_twice (Checker *checker, GError **error)
{
  SagCodeModel *second = sag_code_model_new (checker->entry, checker->precision, error);

  if (second == NULL)
    return FALSE;
  sag_code_model_free (second);
  return TRUE;
}

/* A volume far beyond any scanner's: what it would take is known, not tried. */
static gboolean
rule_huge (Checker *checker, GError **error)
{
  const int size[3] = { 4096, 4096, 4096 };
  const double spacing[3] = { 0.5, 0.5, 0.5 };
  g_autoptr (GError) local = NULL;
  SagSegmentNeeds needs;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  if (sag_plugin_host_bytes (checker->host, checker->entry, checker->precision, &grid, &needs,
                             &local))
    return needs.total_bytes >= sag_grid_get_n_voxels (&grid)
           || fail (error, "it claims to need only %.0f MB for 69 thousand million voxels",
                    (double) needs.total_bytes / 1e6);
  /* No is an answer too, if it says why. */
  return local->message[0] != '\0' || fail (error, "it refused without a reason");
}

/* Everything that was run until now left the process as it was. */
static void
rule_manners (Checker *checker, const SagManners *before, const char *rule)
{
  GError *error = NULL;

  begin (checker, rule);
  sag_manners_check (before, &error);
  end (checker, error);
}

static void
check_precision (Checker *checker)
{
  const char *name = sag_precision_get_name (checker->precision);
  GError *error = NULL;
  g_autofree char *starts = g_strdup_printf ("starts at %s", name);
  g_auto (SagManners) manners = { NULL };
  gboolean started;

  sag_manners_take (&manners);
  begin (checker, starts);
  if (checker->entry->onnx == NULL)
    checker->code = sag_code_model_new (checker->entry, checker->precision, &error);
  if (error == NULL)
    rule_shape (checker, &tiny, &error);
  started = error == NULL;
  end (checker, g_steal_pointer (&error));
  if (!started)
    {
      g_clear_pointer (&checker->code, sag_code_model_free);
      return;
    }
  sag_manners_forgive_files (&manners);
  begin (checker, usual.name);
  rule_shape (checker, &usual, &error);
  end (checker, g_steal_pointer (&error));
  /* The pipeline that networks share has tests of its own for these. */
  for (gsize i = 0; checker->code != NULL && i < G_N_ELEMENTS (more); i++)
    {
      begin (checker, more[i].name);
      rule_shape (checker, &more[i], &error);
      end (checker, g_steal_pointer (&error));
    }
  begin (checker, "a huge volume is estimated or refused");
  rule_huge (checker, &error);
  end (checker, g_steal_pointer (&error));
  begin (checker, "two runs give the same, and write every voxel");
  rule_same (checker, FALSE, &error);
  end (checker, g_steal_pointer (&error));
  begin (checker, "one thread gives the same");
  rule_same (checker, TRUE, &error);
  end (checker, g_steal_pointer (&error));
  begin (checker, "cancel at each step");
  rule_cancel (checker, &error);
  end (checker, g_steal_pointer (&error));
  if (checker->code != NULL)
    {
      begin (checker, "a second model can be made and destroyed");
      rule_twice (checker, &error);
      end (checker, g_steal_pointer (&error));
    }
  if (checker->code != NULL)
    rule_manners (checker, &manners, "runs leave the process as it was");
  g_clear_pointer (&checker->code, sag_code_model_free);
}

static void
check_entry (Checker *checker)
{
  const SagPluginEntry *entry = checker->entry;
  GError *error = NULL;

  begin (checker, "is described as the ABI asks");
  if (entry->failure != NULL)
    fail (&error, "%s", entry->failure);
  end (checker, g_steal_pointer (&error));
  if (entry->failure != NULL)
    return;
  begin (checker, "its model card is there, if it names one");
  if (entry->card != NULL && !g_file_test (entry->card, G_FILE_TEST_IS_REGULAR))
    fail (&error, "there is no file '%s'", entry->card);
  end (checker, g_steal_pointer (&error));
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if ((entry->precisions & (1u << p)) != 0)
      {
        checker->precision = p;
        check_precision (checker);
      }
}

int
sag_plugin_check (const char *folder, const SagCheckWatch *watch)
{
  const char *const folders[] = { folder, NULL };
  Checker checker = { .watch = watch };
  g_autoptr (SagPluginHost) host = NULL;
  g_auto (SagManners) manners = { NULL };

  sag_manners_take (&manners);
  if (watch->begins != NULL)
    watch->begins (folder, "can be opened", watch->data);
  host = sag_plugin_host_new (folders);
  checker.host = host;
  for (int i = 0; i < sag_plugin_host_get_n_entries (host); i++)
    {
      checker.entry = sag_plugin_host_get_entry (host, i);
      if (i == 0 && checker.entry->code != NULL)
        rule_manners (&checker, &manners, "opening it leaves the process as it was");
      check_entry (&checker);
    }
  if (sag_plugin_host_get_n_entries (host) == 0)
    {
      const SagCheck none = { folder, "holds a model", "there is none in this folder" };

      watch->tell (&none, watch->data);
      return 1;
    }
  return checker.failures;
}
