/* SPDX-License-Identifier: Apache-2.0
 *
 * test-long.c: a long session in a real window with real workers: what a round takes it gives back.
 *
 * $SAG_ROUNDS of them, 12 by default, spread over $SAG_MINUTES (0: as fast as they go), with a study of $SAG_SIZE;
 * the suite runs a few on a small one, sh tests/ui/long.sh many on a whole one.
 *
 * A round opens a study in a new window, scrolls through it, segments it at one of the model's precisions,
 * runs at another, cancels, compares, exports and closes the window. Of the window's process and its workers
 * the memory that is theirs (PSS), the descriptors and the threads are printed, and must be what they were
 * after the first rounds, which fill caches. What the window's heap holds, which no other program of the machine
 * changes, is bounded more closely. $SAGITTA_CLI is the worker. */
#include "app/work/link.h"
#include "engine/base/sanitized.h"
#include "tests/ui/fake.h"
#include "ui/window.h"

#include <glib/gstdio.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODEL "org.sagitta.lungs-ct"
#define WARM_UP 4           /* rounds, of many: each precision once */
#define LEAK_KB 64          /* a round may add no more than that on average … */
#define SLACK_KB (48 << 10) /* … and this, once */
#define HEAP_LEAK_KB 4      /* the same of what the window's heap holds */
#define HEAP_SLACK_KB 1024
#define SLACK_OTHER 8      /* threads and descriptors that come and go */

static char *folder; /* of this test, removed at its end */
static int n_rounds = 12, n_minutes;
static SagLink *workers;

typedef struct
{
  int pss_kb, n_files, n_threads;
} Use;

/* --- what a process holds --------------------------------------------------------------------- */

static int
count_names (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  int n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  g_clear_pointer (&dir, g_dir_close);
  return n;
}

static Use
measure (int pid)
{
  g_autofree char *maps = g_strdup_printf ("/proc/%d/smaps_rollup", pid);
  g_autofree char *files = g_strdup_printf ("/proc/%d/fd", pid);
  g_autofree char *threads = g_strdup_printf ("/proc/%d/task", pid);
  g_autofree char *text = NULL;
  Use use = { 0, count_names (files), count_names (threads) };
  const char *pss;

  if (pid > 0 && g_file_get_contents (maps, &text, NULL, NULL) && (pss = strstr (text, "\nPss:")) != NULL)
    use.pss_kb = atoi (pss + 5);
  return use;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void
wait_state (gpointer object,
            int      state)
{
  gint64 end = g_get_monotonic_time () + 300 * (gint64) G_USEC_PER_SEC;
  int now;

  do
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
      g_object_get (object, "state", &now, NULL);
    }
  while (now != state && g_get_monotonic_time () < end);
  g_assert_cmpint (now, ==, state);
}

static void
note_saved (int        *n_saved,
            const char *path)
{
  (*n_saved)++;
}

/* --- a round ---------------------------------------------------------------------------------- */

static void
scroll (SagWindow *window)
{
  SagWorkspace *workspace = sag_window_get_workspace (window);
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (workspace));

  for (int k = 0; k < grid->size[2]; k += 3)
    {
      double ijk[3] = { grid->size[0] / 2.0, grid->size[1] / 2.0, k }, lps[3];

      sag_grid_to_lps (grid, ijk, lps);
      sag_workspace_set_cursor (workspace, lps);
      for (int i = 0; i < 20; i++)
        g_main_context_iteration (NULL, FALSE);
    }
}

static SagPrecision
nth_precision (SagModel *model,
               int       n)
{
  SagPrecision has[SAG_N_PRECISIONS];
  int n_has = 0;

  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if (sag_model_has_precision (model, (SagPrecision) p))
      has[n_has++] = (SagPrecision) p;
  g_assert_cmpint (n_has, >, 1);
  return has[n % n_has];
}

static gboolean
is_chosen (SagSegmenter *segmenter)
{
  SagModel *model = sag_segmenter_get_model (segmenter);
  SagSegmenterState state = sag_segmenter_get_state (segmenter);

  return model != NULL && g_str_equal (sag_model_get_id (model), MODEL)
         && (state == SAG_SEGMENTER_READY || state == SAG_SEGMENTER_UNFIT);
}

static void
one_round (int n)
{
  g_autofree char *ct = g_build_filename (folder, "study", "ct", NULL);
  g_autofree char *seg = g_build_filename (folder, "lungs.dcm", NULL);
  g_autofree char *table = g_build_filename (folder, "lungs.csv", NULL);
  const char *const paths[] = { ct, NULL };
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window = sag_window_new (NULL, settings);
  SagWorkspace *workspace = sag_window_get_workspace (window);
  SagSegmenter *segmenter = sag_window_get_segmenter (window);
  SagExporter *exporter = sag_window_get_exporter (window);
  SagModel *model;
  int n_saved = 0;

  gtk_window_present (GTK_WINDOW (window));
  sag_window_open (window, paths, NULL);
  wait_state (sag_window_get_opener (window), SAG_OPENER_READY);
  scroll (window);

  /* Voxels of a small study are larger than those the model was trained on: as soon as its estimate is there, it is
   * said not to fit, and is run all the same. */
  sag_segmenter_choose (segmenter, MODEL);
  fake_wait (is_chosen (segmenter));
  model = sag_segmenter_get_model (segmenter);
  sag_segmenter_switch_precision (segmenter, nth_precision (model, n));
  if (sag_segmenter_get_state (segmenter) != SAG_SEGMENTER_RUNNING)
    sag_segmenter_run (segmenter);
  wait_state (segmenter, SAG_SEGMENTER_DONE);

  /* Another precision, stopped in its first steps or in its last. */
  sag_segmenter_switch_precision (segmenter, nth_precision (model, n + 1));
  g_assert_cmpint (sag_segmenter_get_state (segmenter), ==, SAG_SEGMENTER_RUNNING);
  for (int i = 0; i < 40 * (n % 3); i++)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
  if (sag_segmenter_cancel (segmenter))
    wait_state (segmenter, SAG_SEGMENTER_CANCELLED);

  /* One more result to compare with, every other round: what was cancelled. */
  if (n % 2 == 1)
    {
      sag_segmenter_switch_precision (segmenter, nth_precision (model, n + 1));
      if (sag_segmenter_get_state (segmenter) != SAG_SEGMENTER_RUNNING)
        sag_segmenter_run (segmenter);
      wait_state (segmenter, SAG_SEGMENTER_DONE);
      g_assert_true (sag_workspace_compare_with (workspace, SAG_COMPARE_SWIPE));
      scroll (window);
    }

  g_signal_connect_swapped (exporter, "saved", G_CALLBACK (note_saved), &n_saved);
  sag_exporter_save_labels (exporter, workspace, "seg", seg);
  fake_wait (n_saved >= 1);
  sag_exporter_save_statistics (exporter, workspace, table);
  fake_wait (n_saved >= 2);
  g_assert_cmpint (n_saved, ==, 2);
  g_signal_handlers_disconnect_by_data (exporter, &n_saved);
  gtk_window_close (GTK_WINDOW (window));
  fake_settle ();
}

/* What it holds when it holds least: after a round that compares, a worker keeps its result until the next,
 * and one that Cancel has ended (0) begins anew. */
static void
keep_least (Use *least,
            Use  now)
{
  if (now.n_threads == 0)
    return;
  if (least->n_threads == 0)
    *least = now;
  least->pss_kb = MIN (least->pss_kb, now.pss_kb);
  least->n_files = MIN (least->n_files, now.n_files);
  least->n_threads = MIN (least->n_threads, now.n_threads);
}

/* Until round `n`'s share of the minutes is over a reader looks at nothing and the window lies idle. */
static void
rest (gint64 start,
      int    n)
{
  gint64 end = start + (n + 1) * (n_minutes * 60 * (gint64) G_USEC_PER_SEC / n_rounds);

  while (g_get_monotonic_time () < end)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (2000);
    }
}

static void
check_use (const char *name,
           Use         before,
           Use         after,
           int         rounds)
{
  g_test_message ("%s: %d KB in %d rounds", name, after.pss_kb - before.pss_kb, rounds);
  g_assert_cmpint (after.n_files, <=, before.n_files + SLACK_OTHER);
  g_assert_cmpint (after.n_threads, <=, before.n_threads + SLACK_OTHER);
  if (!SAG_SANITIZED) /* which keeps what was freed, to see who still uses it */
    g_assert_cmpint (after.pss_kb, <=, before.pss_kb + SLACK_KB + rounds * LEAK_KB);
}

static void
test_rounds (void)
{
  g_autofree char *study = g_build_filename (folder, "study", NULL);
  const char *size = g_getenv ("SAG_SIZE") != NULL ? g_getenv ("SAG_SIZE") : "small";
  const char *const make[] = { g_getenv ("SAGITTA_CLI"), "phantom", "--size", size, study, NULL };
  const char *const names[] = { "window", "reading", "computing" };
  Use first[3] = { 0 }, last[3] = { 0 }, now[3] = { 0 };
  int heap, first_heap = G_MAXINT, last_heap = G_MAXINT;
  int status, every = MAX (1, n_rounds / 50), warm = CLAMP (n_rounds / 3, 1, WARM_UP);
  gint64 start;

  g_assert_true (g_spawn_sync (NULL, (char **) make, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status,
                               NULL));
  g_assert_cmpint (status, ==, 0);
  printf ("#        window                    reading            computing\n"
          "# round  MB   files threads heap  MB   files threads MB   files threads\n");
  start = g_get_monotonic_time ();
  for (int n = 0; n < n_rounds; n++)
    {
      one_round (n);
      rest (start, n);
      heap = (int) (mallinfo2 ().uordblks >> 10);
      now[0] = measure (getpid ());
      now[1] = measure (sag_link_get_pid (workers, SAG_JOB_LANE_IO));
      now[2] = measure (sag_link_get_pid (workers, SAG_JOB_LANE_COMPUTE));
      if (n + 1 >= warm && n < 2 * warm)
        first_heap = MIN (first_heap, heap);
      if (n >= n_rounds - warm)
        last_heap = MIN (last_heap, heap);
      for (int p = 0; p < 3; p++)
        {
          if (n + 1 >= warm && n < 2 * warm)
            keep_least (&first[p], now[p]);
          if (n >= n_rounds - warm)
            keep_least (&last[p], now[p]);
        }
      if (n % every == 0 || n + 1 == n_rounds)
        {
          printf ("# %5d ", n + 1);
          for (int p = 0; p < 3; p++)
            {
              printf (" %4d  %4d  %4d ", now[p].pss_kb >> 10, now[p].n_files, now[p].n_threads);
              if (p == 0)
                printf (" %5d", heap);
            }
          printf ("\n");
          fflush (stdout);
        }
    }
  for (int p = 0; p < 3; p++)
    check_use (names[p], first[p], last[p], MAX (0, n_rounds - warm));
  g_test_message ("window's heap: %d KB, %d KB at the end", first_heap, last_heap);
  g_assert_cmpint (last_heap, <=, first_heap + HEAP_SLACK_KB + MAX (0, n_rounds - warm) * HEAP_LEAK_KB);
}

static void
add_tests (void)
{
  g_test_add_func ("/long/rounds", test_rounds);
}

int
main (int    argc,
      char **argv)
{
  const char *const command[] = { g_getenv ("SAGITTA_CLI"), "worker", NULL };
  const SagLinkOptions options = { .argv = command };
  g_autofree char *remove = NULL;
  int status;

  if (g_getenv ("SAG_ROUNDS") != NULL)
    n_rounds = MAX (1, atoi (g_getenv ("SAG_ROUNDS")));
  if (g_getenv ("SAG_MINUTES") != NULL)
    n_minutes = MAX (0, atoi (g_getenv ("SAG_MINUTES")));
  folder = g_dir_make_tmp ("sagitta-long-XXXXXX", NULL);
  workers = sag_link_install (&options);
  status = fake_main_without_jobs (argc, argv, add_tests);
  sag_link_remove (workers);
  remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (folder);
  return status;
}
