/* SPDX-License-Identifier: Apache-2.0
 *
 * test-catalogue-view.c: studies and series as rows; choosing one asks for it by its key. */
#include "app/work/job.h"
#include "tests/ui/fake.h"
#include "tests/ui/hands.h"
#include "ui/catalogue-view.h"
#include "ui/series-row.h"
#include "ui/settings.h"

typedef struct
{
  SagCatalogue *catalogue;
  SagWorkspace *workspace;
  GtkWidget    *view;
  GtkWindow    *window;
  char         *asked; /* key of the series asked for last */
} Fixture;

static void
ask (GSimpleAction *action,
     GVariant      *parameter,
     gpointer       data)
{
  Fixture *f = data;

  g_free (f->asked);
  f->asked = g_variant_dup_string (parameter, NULL);
}

static void
indexed (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Fixture *f = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) found = sag_job_finish (SAG_JOB (source), result, &error);

  g_assert_no_error (error);
  sag_catalogue_add (f->catalogue, found, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  static const GActionEntry entries[] = { { "open-series", ask, "s" } };
  const char *const paths[] = { "/fake/chest", NULL };
  g_autoptr (GSimpleActionGroup) actions = g_simple_action_group_new ();
  g_autoptr (SagJob) job = sag_job_new_index (paths);

  f->catalogue = sag_catalogue_new ();
  f->workspace = sag_workspace_new ();
  f->view = sag_catalogue_view_new (f->catalogue, f->workspace);
  f->window = fake_show (f->view, 280, 500);
  g_action_map_add_action_entries (G_ACTION_MAP (actions), entries, 1, f);
  gtk_widget_insert_action_group (GTK_WIDGET (f->window), "win", G_ACTION_GROUP (actions));
  sag_job_start_async (job, NULL, indexed, f);
  while (g_list_model_get_n_items (G_LIST_MODEL (f->catalogue)) == 0)
    fake_settle ();
  fake_settle ();
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  g_object_add_weak_pointer (G_OBJECT (f->view), (gpointer *) &f->view);
  gtk_window_destroy (f->window);
  fake_settle ();
  g_assert_null (f->view);
  g_assert_finalize_object (f->catalogue);
  g_assert_finalize_object (f->workspace);
  g_free (f->asked);
}

static GtkListView *
get_list (Fixture *f)
{
  return GTK_LIST_VIEW (gtk_widget_get_template_child (f->view, SAG_TYPE_CATALOGUE_VIEW, "list"));
}

/* The row of the series at `index` as it stands in the list. */
static GtkWidget *
get_row (Fixture *f,
         int      index)
{
  GtkWidget *child = gtk_widget_get_first_child (GTK_WIDGET (get_list (f)));

  for (int i = 0; i < index; i++)
    child = gtk_widget_get_next_sibling (child);
  g_assert_nonnull (child);
  return gtk_widget_get_first_child (child);
}

static GtkWidget *
part (GtkWidget  *row,
      const char *name)
{
  return GTK_WIDGET (gtk_widget_get_template_child (row, SAG_TYPE_SERIES_ROW, name));
}

static void
test_rows (Fixture       *f,
           gconstpointer  data)
{
  GtkWidget *first = get_row (f, 0), *second = get_row (f, 1);

  g_assert_true (gtk_widget_get_visible (part (first, "study")));
  g_assert_false (gtk_widget_get_visible (part (second, "study")));
  g_assert_nonnull (strstr (gtk_label_get_text (GTK_LABEL (part (first, "study_title"))), "Doe"));
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (part (first, "title"))), ==, "Chest 3 mm");
  g_assert_cmpstr (gtk_label_get_text (GTK_LABEL (part (first, "modality"))), ==, "CT");
  g_assert_nonnull (
      strstr (gtk_label_get_text (GTK_LABEL (part (first, "subtitle"))), "20 images"));
  g_assert_false (gtk_widget_has_css_class (part (first, "box"), "unreadable"));
  /* What cannot be shown says why. */
  g_assert_true (gtk_widget_has_css_class (part (second, "box"), "unreadable"));
  g_assert_nonnull (strstr (gtk_widget_get_tooltip_text (part (second, "box")), "No pixels"));
}

/* A screen that others see names nobody, at once. */
static void
test_unnamed (Fixture       *f,
              gconstpointer  data)
{
  g_autoptr (GSettings) settings = sag_settings_new ();
  GtkLabel *title = GTK_LABEL (part (get_row (f, 0), "study_title"));

  g_settings_set_boolean (settings, "show-patient", FALSE);
  fake_settle ();
  g_assert_null (strstr (gtk_label_get_text (title), "Doe"));
  g_settings_reset (settings, "show-patient");
  fake_settle ();
  g_assert_nonnull (strstr (gtk_label_get_text (title), "Doe"));
}

static void
test_choose (Fixture       *f,
             gconstpointer  data)
{
  GtkSelectionModel *selection = gtk_list_view_get_model (get_list (f));
  g_autoptr (SagSeries) series = g_list_model_get_item (G_LIST_MODEL (selection), 0);

  g_assert_false (gtk_selection_model_is_selected (selection, 0));
  if (hands_init ())
    hands_click (part (get_row (f, 0), "box"), 100, 20, 1);
  else
    g_signal_emit_by_name (get_list (f), "activate", 0);
  g_assert_cmpstr (f->asked, ==, sag_series_get_key (series));
  /* Only what is open is selected. */
  g_assert_false (gtk_selection_model_is_selected (selection, 0));
  sag_workspace_set_series (f->workspace, series);
  g_assert_true (gtk_selection_model_is_selected (selection, 0));
}

static void
test_empty (void)
{
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  GtkWidget *view = sag_catalogue_view_new (catalogue, workspace);
  GtkWindow *window = fake_show (view, 280, 500);
  GtkStack  *stack =
      GTK_STACK (gtk_widget_get_template_child (view, SAG_TYPE_CATALOGUE_VIEW, "stack"));

  g_assert_cmpstr (gtk_stack_get_visible_child_name (stack), ==, "empty");
  gtk_window_destroy (window);
}

static void
add_tests (void)
{
  g_test_add ("/catalogue-view/rows", Fixture, NULL, set_up, test_rows, tear_down);
  g_test_add ("/catalogue-view/unnamed", Fixture, NULL, set_up, test_unnamed, tear_down);
  g_test_add ("/catalogue-view/choose", Fixture, NULL, set_up, test_choose, tear_down);
  g_test_add_func ("/catalogue-view/empty", test_empty);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
