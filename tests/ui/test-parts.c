/* SPDX-License-Identifier: Apache-2.0
 *
 * test-parts.c: the small parts: numbers as text, the banner, the bar at the foot, settings, the
 * finder. */
#include "app/work/job.h"
#include "tests/ui/fake.h"
#include "ui/action-finder.h"
#include "ui/format.h"
#include "ui/job-bar.h"
#include "ui/key-words.h"
#include "ui/notice.h"
#include "ui/preferences.h"
#include "ui/settings.h"

#define expect(call, text) \
  G_STMT_START \
  { \
    g_autofree char *result = call; \
    g_assert_cmpstr (result, ==, text); \
  } \
  G_STMT_END

static void
test_format (void)
{
  expect (sag_format_value (-612.4, "HU"), "\u2212612 HU");
  expect (sag_format_value (-0.2, "HU"), "0 HU");
  expect (sag_format_value (3.4159, "SUVbw"), "3.42 SUVbw");
  expect (sag_format_value (12.34, ""), "12.3");
  expect (sag_format_value (0.01234, NULL), "0.0123");
  expect (sag_format_value (401, ""), "401");
  expect (sag_format_position (-141.06, "H", "F"), "F 141.1 mm");
  expect (sag_format_ml (2310.4), "2310 ml");
  expect (sag_format_ml (8.44), "8.4 ml");
  expect (sag_format_ml (0.0421), "0.042 ml");
  expect (sag_format_seconds (0.42), "0.4 s");
  expect (sag_format_seconds (77.4), "77 s");
  expect (sag_format_seconds (104.8), "1 min 45 s");
  expect (sag_format_seconds (725), "12 min");
}

static void
test_notice (void)
{
  const char *const two[] = { "Slice 8 is missing.", "Slices 1 to 4 are tilted.", NULL };
  const char *const none[] = { NULL };
  SagNotice *notice = g_object_new (SAG_TYPE_NOTICE, NULL);
  GtkWindow *window = fake_show (GTK_WIDGET (notice), 500, 80);

  g_assert_cmpstr (sag_notice_get_text (notice), ==, "");
  sag_notice_set_warnings (notice, two);
  g_assert_cmpstr (sag_notice_get_text (notice), ==,
                   "Slice 8 is missing.\nSlices 1 to 4 are tilted.");
  sag_notice_set_error (notice, "The disk is full.");
  g_assert_cmpstr (sag_notice_get_text (notice), ==, "The disk is full.");
  /* Dismissing the error brings the warnings back, then nothing. */
  g_signal_emit_by_name (
      gtk_widget_get_template_child (GTK_WIDGET (notice), SAG_TYPE_NOTICE, "close"), "clicked");
  g_assert_nonnull (strstr (sag_notice_get_text (notice), "tilted"));
  g_signal_emit_by_name (
      gtk_widget_get_template_child (GTK_WIDGET (notice), SAG_TYPE_NOTICE, "close"), "clicked");
  g_assert_cmpstr (sag_notice_get_text (notice), ==, "");
  sag_notice_set_warnings (notice, none);
  g_assert_cmpstr (sag_notice_get_text (notice), ==, "");
  fake_settle ();
  gtk_window_destroy (window);
}

static void
done (GObject      *source,
      GAsyncResult *result,
      gpointer      data)
{
  GVariant *answer = sag_job_finish (SAG_JOB (source), result, NULL);

  g_clear_pointer (&answer, g_variant_unref);
  *(gboolean *) data = TRUE;
}

static void
test_job_bar (void)
{
  g_autoptr (SagVolume) volume = fake_volume ();
  g_autoptr (SagJob) slow =
      sag_job_new_segment ("fake.slow", SAG_PRECISION_F32, volume, NULL, NULL);
  g_autoptr (SagJob) quick = sag_job_new_tags ("/fake/chest/1");
  gboolean slow_done = FALSE, quick_done = FALSE;
  SagJobBar *bar = g_object_new (SAG_TYPE_JOB_BAR, NULL);
  GtkWindow *window = fake_show (GTK_WIDGET (bar), 900, 40);
  GtkWidget *cancel =
      GTK_WIDGET (gtk_widget_get_template_child (GTK_WIDGET (bar), SAG_TYPE_JOB_BAR, "cancel"));
  int height = gtk_widget_get_height (GTK_WIDGET (bar));

  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "");
  g_assert_cmpfloat (gtk_widget_get_opacity (cancel), ==, 0);
  sag_job_bar_track (bar, slow);
  sag_job_start_async (slow, NULL, done, &slow_done);
  while (strstr (sag_job_bar_get_text (bar), "slab 1") == NULL)
    fake_settle ();
  g_assert_cmpfloat (gtk_widget_get_opacity (cancel), ==, 1);
  g_assert_cmpint (gtk_widget_get_height (GTK_WIDGET (bar)), ==, height);
  /* A later job is shown while it runs, then the first again. */
  sag_job_bar_track (bar, quick);
  g_assert_nonnull (strstr (sag_job_bar_get_text (bar), "tags"));
  sag_job_start_async (quick, NULL, done, &quick_done);
  fake_wait_flag (&quick_done);
  g_assert_nonnull (strstr (sag_job_bar_get_text (bar), "slab 1"));
  sag_job_cancel (slow);
  fake_wait_flag (&slow_done);
  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "");
  sag_job_bar_say (bar, "Saved x.dcm");
  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "Saved x.dcm");
  sag_job_bar_pulse (bar, "Making something");
  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "Making something");
  sag_job_bar_pulse (bar, NULL);
  g_assert_cmpstr (sag_job_bar_get_text (bar), ==, "");
  gtk_window_destroy (window);
}

static void
test_recent (void)
{
  g_autoptr (GSettings) settings = fake_settings ();
  g_auto (GStrv) recent = NULL;

  for (int i = 0; i < 12; i++)
    {
      g_autofree char *uri = g_strdup_printf ("file:///folder-%d", i % 10);

      sag_settings_add_recent (settings, uri);
    }
  recent = g_settings_get_strv (settings, "recent-folders");
  g_assert_cmpint (g_strv_length (recent), ==, 8);
  g_assert_cmpstr (recent[0], ==, "file:///folder-1"); /* the last, once */
  g_assert_cmpstr (recent[1], ==, "file:///folder-0");
  g_assert_cmpstr (recent[2], ==, "file:///folder-9");
  g_settings_set_boolean (settings, "remember-recent", FALSE);
  sag_settings_add_recent (settings, "file:///secret");
  g_strfreev (recent);
  recent = g_settings_get_strv (settings, "recent-folders");
  g_assert_cmpstr (recent[0], ==, "file:///folder-1");
}

static void
test_preferences (void)
{
  g_autoptr (GSettings) settings = fake_settings ();
  GtkWindow *window = sag_preferences_new (settings);
  GtkSwitch *remember = GTK_SWITCH (
      gtk_widget_get_template_child (GTK_WIDGET (window), SAG_TYPE_PREFERENCES, "remember_recent"));

  gtk_window_present (window);
  fake_settle ();
  sag_settings_add_recent (settings, "file:///folder");
  gtk_switch_set_active (remember, FALSE);
  g_assert_false (g_settings_get_boolean (settings, "remember-recent"));
  {
    g_auto (GStrv) recent = g_settings_get_strv (settings, "recent-folders");

    g_assert_null (recent[0]); /* what is not to be remembered is forgotten */
  }
  gtk_window_destroy (window);
  fake_settle ();
}

static void
chosen (GSimpleAction *action,
        GVariant      *parameter,
        gpointer       data)
{
  *(int *) data = g_variant_get_int32 (parameter);
}

/* Commands are found by what else they are called, and by nothing else. */
static void
test_key_words (void)
{
  const struct
  {
    const char *typed, *action;
  } looks[] = {
    { "ruler", "view.tool::length" },     { "Contrast", "view.preset-number(1)" },
    { "undo", "view.undo" },              { "mip", "view.slab-next-mode" },
    { "rotate left", "view.turn(-1)" },   { "roi box", "view.tool::rectangle" },
    { "anonymize", "win.export-deidentified" },
  };
  int n;
  const SagKey *keys = sag_keys_get (&n);

  for (guint l = 0; l < G_N_ELEMENTS (looks); l++)
    {
      int found = 0, is = 0;

      for (int k = 0; k < n; k++)
        if (sag_key_words_match (&keys[k], NULL, looks[l].typed))
          {
            found++;
            is += g_str_equal (keys[k].action, looks[l].action);
          }
      g_assert_cmpint (is, ==, 1);
      g_assert_cmpint (found, <, n / 4);
    }
  g_assert_true (sag_key_words_match (&keys[0], "Ctrl+O", "folder ctrl+o"));
  g_assert_false (sag_key_words_match (&keys[0], NULL, "folder ctrl+o"));
}

static void
test_finder (void)
{
  static const GActionEntry entries[] = { { "preset-number", chosen, "i" } };
  g_autoptr (GSettings) settings = fake_settings ();
  g_autoptr (GSimpleActionGroup) actions = g_simple_action_group_new ();
  GtkWidget *button = gtk_menu_button_new ();
  GtkWidget *finder = sag_action_finder_new (settings);
  GtkWindow *window;
  GtkEditable *search;
  int number = 0;

  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), finder);
  window = fake_show (button, 200, 60);
  g_action_map_add_action_entries (G_ACTION_MAP (actions), entries, 1, &number);
  gtk_widget_insert_action_group (GTK_WIDGET (window), "view", G_ACTION_GROUP (actions));
  gtk_menu_button_popup (GTK_MENU_BUTTON (button));
  fake_settle ();
  search = GTK_EDITABLE (gtk_widget_get_template_child (finder, SAG_TYPE_ACTION_FINDER, "search"));
  gtk_editable_set_text (search, "preset third"); /* words in any order */
  g_signal_emit_by_name (search, "activate");
  g_assert_cmpint (number, ==, 3);
  fake_settle ();
  g_assert_false (gtk_widget_get_mapped (finder));
  gtk_window_destroy (window);
  fake_settle ();
}

static void
add_tests (void)
{
  g_test_add_func ("/format", test_format);
  g_test_add_func ("/notice", test_notice);
  g_test_add_func ("/job-bar", test_job_bar);
  g_test_add_func ("/settings/recent", test_recent);
  g_test_add_func ("/preferences", test_preferences);
  g_test_add_func ("/action-finder", test_finder);
  g_test_add_func ("/key-words", test_key_words);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
