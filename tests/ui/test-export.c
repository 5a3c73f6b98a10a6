/* SPDX-License-Identifier: Apache-2.0
 *
 * test-export.c: pictures, surfaces, tables and paper, from a real window. */
#include "tests/ui/fake.h"
#include "ui/printer.h"
#include "ui/window.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  GSettings    *settings;
  SagWindow    *window;
  SagWorkspace *workspace;
  SagSliceView *view;
  char         *folder;
  char         *saved, *failed;
  int           n_progress;
} Fixture;

static void
note_saved (Fixture    *f,
            const char *path)
{
  g_free (f->saved);
  f->saved = g_strdup (path);
}

static void
note_failed (Fixture    *f,
             const char *message)
{
  g_free (f->failed);
  f->failed = g_strdup (message);
}

static void
note_progress (Fixture    *f,
               const char *text,
               double      fraction)
{
  f->n_progress += text != NULL;
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  const char *const paths[] = { "/fake/chest", NULL };

  f->settings = fake_settings ();
  f->folder = g_dir_make_tmp ("sagitta-ui-XXXXXX", NULL);
  f->window = sag_window_new (NULL, f->settings);
  f->workspace = sag_window_get_workspace (f->window);
  gtk_window_set_default_size (GTK_WINDOW (f->window), 1200, 900);
  gtk_window_present (GTK_WINDOW (f->window));
  fake_settle ();
  sag_window_open (f->window, paths, "fake.halves");
  fake_wait_int (sag_window_get_segmenter (f->window), "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  f->view = sag_slice_layout_get_selected (sag_window_get_layout (f->window));
  g_signal_connect_swapped (sag_window_get_exporter (f->window), "saved", G_CALLBACK (note_saved), f);
  g_signal_connect_swapped (sag_window_get_exporter (f->window), "failed", G_CALLBACK (note_failed), f);
  g_signal_connect_swapped (sag_window_get_exporter (f->window), "progress", G_CALLBACK (note_progress), f);
}

static void
remove_all (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_all (path);
      else
        g_remove (path);
    }
  g_rmdir (folder);
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  g_signal_handlers_disconnect_by_data (sag_window_get_exporter (f->window), f);
  fake_close (f->window);
  remove_all (f->folder);
  g_free (f->folder);
  g_free (f->saved);
  g_free (f->failed);
  g_clear_object (&f->settings);
}

static void
wait_saved (Fixture *f)
{
  fake_wait (f->saved != NULL || f->failed != NULL);
}

static int
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  int n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* Runs a command, sets what its dialog asks besides, and accepts. */
static void
answer (Fixture           *f,
        const char        *action,
        const char        *name,
        const char *const *values)
{
  g_autoptr (GFile) folder = g_file_new_for_path (f->folder);
  g_autoptr (GFile) file = name != NULL ? g_file_get_child (folder, name) : g_object_ref (folder);
  g_autoptr (GFile) set = NULL;
  GtkWidget *dialog = NULL;

  g_clear_pointer (&f->saved, g_free);
  gtk_widget_activate_action (GTK_WIDGET (f->window), action, NULL);
  fake_wait ((dialog = fake_find_window (GTK_TYPE_FILE_CHOOSER)) != NULL);
  /* As if the whole path were typed. */
  if (name != NULL)
    gtk_file_chooser_set_current_name (GTK_FILE_CHOOSER (dialog), g_file_peek_path (file));
  else
    gtk_file_chooser_set_file (GTK_FILE_CHOOSER (dialog), folder, NULL);
  for (int i = 0; values != NULL && values[i] != NULL; i++)
    {
      g_autofree char *id = g_strdup_printf ("choice-%d", i);

      gtk_file_chooser_set_choice (GTK_FILE_CHOOSER (dialog), id, values[i]);
    }
  do
    {
      fake_settle (); /* it looks into the folder first */
      g_clear_object (&set);
      set = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (dialog));
    }
  while (set == NULL || !g_file_equal (set, file));
  gtk_dialog_response (GTK_DIALOG (dialog), GTK_RESPONSE_ACCEPT);
  wait_saved (f);
  g_assert_cmpstr (f->failed, ==, NULL);
  g_assert_nonnull (f->saved);
}

static void
test_png (Fixture       *f,
          gconstpointer  data)
{
  g_autofree char *path = g_build_filename (f->folder, "view.png", NULL);
  g_autofree char *bare = NULL, *nameless = NULL, *named = NULL, *size = NULL;
  gboolean annotations;

  answer (f, "win.export-png", "view.png", (const char *const[]) { "false", "false", NULL });
  g_assert_cmpstr (f->saved, ==, path);
  g_assert_true (g_file_get_contents (path, &bare, NULL, NULL));
  /* At device pixels. */
  size = g_strdup_printf ("png %dx%d ", gtk_widget_get_width (GTK_WIDGET (f->view)),
                          gtk_widget_get_height (GTK_WIDGET (f->view)));
  g_assert_true (g_str_has_prefix (bare, size));
  answer (f, "win.export-png", "nameless.png", (const char *const[]) { "true", "false", NULL });
  g_assert_true (g_file_get_contents (f->saved, &nameless, NULL, NULL));
  answer (f, "win.export-png", "named.png", (const char *const[]) { "true", "true", NULL });
  g_assert_true (g_file_get_contents (f->saved, &named, NULL, NULL));
  g_assert_cmpstr (bare, !=, nameless);
  g_assert_cmpstr (nameless, !=, named);
  g_object_get (f->view, "annotations", &annotations, NULL);
  g_assert_true (annotations);
}

/* Every slice, in order, and the reader stays where they are. */
static void
test_series (Fixture       *f,
             gconstpointer  data)
{
  double before[3], after[3];
  g_autoptr (GHashTable) all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  sag_workspace_go_to_slice (f->workspace, 7);
  sag_workspace_get_cursor (f->workspace, before);
  answer (f, "win.export-png-series", NULL, (const char *const[]) { "true", "true", NULL });
  sag_workspace_get_cursor (f->workspace, after);
  g_assert_cmpmem (before, sizeof before, after, sizeof after);
  g_assert_cmpint (count_files (f->saved), ==, 20);
  g_assert_cmpint (f->n_progress, ==, 20);
  for (int i = 1; i <= 20; i++)
    {
      g_autofree char *base = g_path_get_basename (f->saved);
      g_autofree char *name = g_strdup_printf ("%s %03d.png", base, i);
      g_autofree char *path = g_build_filename (f->saved, name, NULL);
      char *text = NULL;

      g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
      g_assert_true (g_hash_table_add (all, text)); /* each another picture */
    }
}

static guint8 *
draw_square (int       n,
             int      *width,
             int      *height,
             gpointer  data)
{
  (*(int *) data)++;
  *width = *height = 4;
  return g_malloc0 (64);
}

static void
test_cancel (Fixture       *f,
             gconstpointer  data)
{
  SagExporter *exporter = sag_window_get_exporter (f->window);
  int drawn = 0;

  sag_exporter_save_pictures (exporter, f->folder, "many", 100000, draw_square, &drawn, NULL);
  fake_wait (drawn >= 3);
  gtk_widget_activate_action (GTK_WIDGET (f->window), "win.cancel", NULL);
  fake_settle ();
  fake_settle ();
  g_assert_false (sag_exporter_cancel (exporter));
  g_assert_cmpint (drawn, <, 100000);
  g_assert_null (f->failed);
  /* Where nothing can be made it says so. */
  sag_exporter_save_pictures (exporter, "/not/there", "many", 3, draw_square, &drawn, NULL);
  g_assert_nonnull (f->failed);
}

static void
test_surface (Fixture       *f,
              gconstpointer  data)
{
  g_autofree char *path = g_build_filename (f->folder, "half.stl", NULL);

  answer (f, "win.export-stl", "half.stl", (const char *const[]) { "2", "false", NULL });
  g_assert_cmpstr (f->saved, ==, path);
}

static void
test_table (Fixture       *f,
            gconstpointer  data)
{
  answer (f, "win.export-statistics", "table.csv", NULL);
}

/* The words are on the page, which is a page of paper. */
static void
test_print (Fixture       *f,
            gconstpointer  data)
{
  g_autofree char *path = g_build_filename (f->folder, "page.pdf", NULL);
  g_autofree char *bytes = NULL;
  g_autofree char *output = NULL;
  g_autofree char *program = g_find_program_in_path ("pdftotext");
  g_autoptr (GError) error = NULL;
  gsize n;

  g_assert_true (sag_printer_print (f->view, GTK_WINDOW (f->window), "Doe^Jane, Chest", path, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (path, &bytes, &n, NULL));
  g_assert_cmpuint (n, >, 1000);
  g_assert_true (g_str_has_prefix (bytes, "%PDF-"));
  if (program != NULL)
    {
      const char *const argv[] = { program, path, "-", NULL };

      g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output,
                                   NULL, NULL, NULL));
      g_assert_nonnull (strstr (output, "Research use, not a medical device"));
      g_assert_nonnull (strstr (output, "Doe^Jane, Chest"));
    }
}

static void
add_tests (void)
{
#define TEST(name) \
  g_test_add ("/export/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  TEST (png);
  TEST (series);
  TEST (cancel);
  TEST (surface);
  TEST (table);
  TEST (print);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
