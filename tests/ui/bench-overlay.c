/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-overlay.c: of each shipped model, in a real window with a real worker, on the sample study that is most
 * like what it was made for: from the command to the first picture with an overlay in it, coarse where there is a
 * coarse pass, to that of the slice that is looked at, to the end; and from Cancel until something else can be done.
 *
 *   sh xvfb.sh bench-overlay [MODEL …]      $SAGITTA_CLI is the worker */
#include "app/work/link.h"
#include "engine/base/alloc.h"
#include "tests/ui/fake.h"
#include "ui/window.h"

#include <stdlib.h>

#define PREFIX "org.sagitta."

static const struct
{
  const char *model, *kind;
} runs[] = {
  { "lungs-ct", "ct-thorax" },      { "lungs-cxr", "dx-chest" },
  { "brain-mr", "mr-head" },        { "hippocampus-mr", "mr-head" },
  { "heart-mr", "mr-head" },        { "hippocampus-mr-segformer", "mr-head" },
  { "breast-us", "dx-chest" }, /* no ultrasound is computed here */
};

typedef struct
{
  SagWorkspace *workspace;
  gint64        begun_us;
  double        first_ms, here_ms; /* the first overlay, and that of the slice looked at; 0: not yet */
} Watch;

static char *folder; /* removed at the end */
static char **only;  /* models that were named; none: all */

static double
get_ms (gint64 begun_us)
{
  return (double) (g_get_monotonic_time () - begun_us) / 1e3;
}

/* After each picture: what was in it. */
static void
painted (GdkFrameClock *clock,
         Watch         *watch)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (watch->workspace);
  SagSegmentation *preview = sag_workspace_get_preview (watch->workspace);
  int slice = sag_workspace_get_slice (watch->workspace, SAG_VIEW_AXIAL, NULL);

  if (watch->begun_us == 0)
    return;
  if (watch->first_ms == 0 && preview != NULL && sag_segmentation_get_n_ready (preview) > 0)
    watch->first_ms = get_ms (watch->begun_us);
  if (segmentation == NULL || sag_segmentation_get_n_ready (segmentation) == 0)
    return;
  if (watch->first_ms == 0)
    watch->first_ms = get_ms (watch->begun_us);
  if (watch->here_ms == 0 && slice < sag_segmentation_get_grid (segmentation)->size[2]
      && sag_segmentation_is_ready (segmentation, slice))
    watch->here_ms = get_ms (watch->begun_us);
}

static gboolean
wait_state (gpointer object,
            int      state)
{
  gint64 end = g_get_monotonic_time () + 600 * (gint64) G_USEC_PER_SEC;
  int now;

  for (;;)
    {
      g_object_get (object, "state", &now, NULL);
      if (now == state || g_get_monotonic_time () > end)
        return now == state;
      fake_wait_more (end);
    }
}

static void
run (SagSegmenter *segmenter,
     Watch        *watch)
{
  watch->first_ms = watch->here_ms = 0;
  watch->begun_us = g_get_monotonic_time ();
  sag_segmenter_run (segmenter);
}

static void
measure (const char *name,
         const char *kind)
{
  g_autofree char *study = g_build_filename (folder, kind, NULL);
  g_autofree char *id = g_strconcat (PREFIX, name, NULL);
  const char *const make[] = { g_getenv ("SAGITTA_CLI"), "phantom", "--kind", kind, study, NULL };
  g_autofree char *images = NULL;
  const char *paths[] = { NULL, NULL };
  g_autoptr (GSettings) settings = fake_settings ();
  SagWindow *window;
  SagSegmenter *segmenter;
  Watch watch = { 0 };
  double total_ms, cancel_ms;
  gint64 end;

  if (!g_file_test (study, G_FILE_TEST_IS_DIR)
      && !g_spawn_sync (NULL, (char **) make, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, NULL, NULL))
    return;
  images = g_build_filename (study, g_str_has_prefix (kind, "ct") ? "ct" : g_str_has_prefix (kind, "dx") ? "dx" : "mr",
                             NULL);
  paths[0] = g_file_test (images, G_FILE_TEST_IS_DIR) ? images : study;
  window = sag_window_new (NULL, settings);
  segmenter = sag_window_get_segmenter (window);
  watch.workspace = sag_window_get_workspace (window);
  gtk_window_set_default_size (GTK_WINDOW (window), 1440, 900);
  gtk_window_present (GTK_WINDOW (window));
  sag_window_open (window, paths, NULL);
  wait_state (sag_window_get_opener (window), SAG_OPENER_READY);
  sag_segmenter_choose (segmenter, id);
  end = fake_wait_begin ();
  while ((sag_segmenter_get_model (segmenter) == NULL
          || g_strcmp0 (sag_model_get_id (sag_segmenter_get_model (segmenter)), id) != 0
          || sag_model_get_bytes (sag_segmenter_get_model (segmenter)) == 0)
         && fake_wait_more (end))
    ;
  g_signal_connect (gtk_widget_get_frame_clock (GTK_WIDGET (window)), "after-paint", G_CALLBACK (painted), &watch);

  run (segmenter, &watch);
  if (!wait_state (segmenter, SAG_SEGMENTER_DONE))
    {
      g_print ("%-24s did not end: %s\n", name, sag_segmenter_get_problem (segmenter));
    }
  else
    {
      double first_ms, here_ms;

      total_ms = get_ms (watch.begun_us);
      fake_settle ();
      first_ms = watch.first_ms;
      here_ms = watch.here_ms;
      run (segmenter, &watch);
      for (end = fake_wait_begin (); watch.first_ms == 0 && fake_wait_more (end);)
        ;
      watch.begun_us = g_get_monotonic_time ();
      if (sag_segmenter_cancel (segmenter))
        {
          while (sag_segmenter_get_state (segmenter) == SAG_SEGMENTER_RUNNING && fake_wait_more (end))
            ;
          cancel_ms = get_ms (watch.begun_us);
          g_print ("%-24s first overlay %5.0f ms  slice looked at %5.0f ms  done %6.0f ms  cancelled in %3.0f ms\n", name,
                   first_ms, here_ms, total_ms, cancel_ms);
        }
      else
        {
          g_print ("%-24s first overlay %5.0f ms  slice looked at %5.0f ms  done %6.0f ms  over before Cancel\n", name,
                   first_ms, here_ms, total_ms);
        }
    }
  gtk_window_close (GTK_WINDOW (window));
  fake_settle ();
}

static void
measure_all (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (runs); i++)
    if (only[0] == NULL || g_strv_contains ((const char *const *) only, runs[i].model))
      measure (runs[i].model, runs[i].kind);
}

int
main (int    argc,
      char **argv)
{
  const char *const command[] = { g_getenv ("SAGITTA_CLI"), "worker", NULL };
  const SagLinkOptions options = { .argv = command };
  g_autofree char *remove = NULL;
  SagLink *workers;
  int status;

  sag_alloc_keep_pages ();
  only = g_strdupv (argv + 1); /* g_test_init() empties it */
  folder = g_dir_make_tmp ("sagitta-overlay-XXXXXX", NULL);
  workers = sag_link_install (&options);
  status = fake_main_without_jobs (1, argv, measure_all);
  sag_link_remove (workers);
  remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_strfreev (only);
  g_free (folder);
  return status;
}
