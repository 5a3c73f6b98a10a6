/* SPDX-License-Identifier: Apache-2.0
 *
 * test-segment-panel.c: models, precisions, runs and results as the panel shows them. */
#include "tests/ui/fake.h"
#include "ui/label-row.h"
#include "ui/exporter.h"
#include "ui/provenance-pane.h"
#include "ui/segment-panel.h"
#include "ui/strikes.h"

#include <glib/gstdio.h>

typedef struct
{
  SagWorkspace *workspace;
  SagSegmenter *segmenter;
  GtkWidget    *panel;
  GtkWindow    *window;
} Fixture;

static void
set_up (Fixture       *f,
        gconstpointer  data)
{
  g_autoptr (SagVolume) volume = fake_volume ();

  f->workspace = sag_workspace_new ();
  f->segmenter = sag_segmenter_new (f->workspace);
  f->panel = sag_segment_panel_new (f->segmenter, f->workspace);
  f->window = fake_show (f->panel, 300, 800);
  sag_segmenter_load (f->segmenter);
  sag_workspace_set_volume (f->workspace, volume);
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_READY);
  fake_settle ();
}

static void
tear_down (Fixture       *f,
           gconstpointer  data)
{
  g_object_add_weak_pointer (G_OBJECT (f->panel), (gpointer *) &f->panel);
  gtk_window_destroy (f->window);
  sag_segmenter_close (f->segmenter);
  fake_settle ();
  g_assert_null (f->panel);
  g_assert_finalize_object (f->segmenter);
  g_assert_finalize_object (f->workspace);
}

static GObject *
part (Fixture    *f,
      const char *name)
{
  GObject *object = gtk_widget_get_template_child (f->panel, SAG_TYPE_SEGMENT_PANEL, name);

  g_assert_nonnull (object);
  return object;
}

static const char *
text_of (Fixture    *f,
         const char *name)
{
  return gtk_label_get_text (GTK_LABEL (part (f, name)));
}

static void
run (Fixture    *f,
     const char *model)
{
  sag_segmenter_choose (f->segmenter, model);
  sag_segmenter_run (f->segmenter);
}

/* Seen or not: also on a page that is behind another. */
static gboolean
has_label (GtkWidget  *widget,
           const char *text)
{
  gboolean has = GTK_IS_LABEL (widget) && g_str_equal (gtk_label_get_text (GTK_LABEL (widget)), text);

  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL && !has; w = gtk_widget_get_next_sibling (w))
    has = has_label (w, text);
  return has;
}

static void
test_models (Fixture       *f,
             gconstpointer  data)
{
  GtkDropDown *models = GTK_DROP_DOWN (part (f, "models"));

  /* A list without a choice says what to do. */
  g_assert_true (has_label (GTK_WIDGET (models), "Choose a model"));
  g_assert_false (has_label (GTK_WIDGET (models), "(None)"));
  /* The MR model comes first in the list; a CT is open. */
  g_assert_cmpstr (sag_model_get_id (sag_segmenter_get_model (f->segmenter)), ==, "fake.halves");
  g_assert_true (gtk_drop_down_get_selected_item (models)
                 == sag_segmenter_get_model (f->segmenter));
  g_assert_cmpstr (text_of (f, "fit_text"), ==, "Fits these images");
  g_assert_nonnull (strstr (text_of (f, "estimate"), "210 MB"));
  g_assert_nonnull (strstr (text_of (f, "estimate"), "1.2 s"));
  sag_segmenter_choose (f->segmenter, "fake.invalid");
  g_assert_nonnull (strstr (text_of (f, "fit_text"), "Its network is missing"));
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_UNFIT);
  sag_segmenter_choose (f->segmenter, "fake.head");
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_UNFIT);
  g_assert_cmpstr (text_of (f, "fit_text"), !=, "");
  /* A choice in the list reaches the segmenter. */
  for (guint i = 0; i < g_list_model_get_n_items (gtk_drop_down_get_model (models)); i++)
    {
      g_autoptr (SagModel) model = g_list_model_get_item (gtk_drop_down_get_model (models), i);

      if (g_str_equal (sag_model_get_id (model), "fake.slow"))
        gtk_drop_down_set_selected (models, i);
    }
  g_assert_cmpstr (sag_model_get_id (sag_segmenter_get_model (f->segmenter)), ==, "fake.slow");
}

/* The first of the modality was trained on other images: the next is offered, until a person says otherwise. */
static void
test_unlike (Fixture       *f,
             gconstpointer  data)
{
  g_autoptr (SagVolume) volume = fake_volume ();

  fake_unlike = "fake.halves";
  sag_workspace_set_volume (f->workspace, volume);
  fake_wait (sag_segmenter_get_state (f->segmenter) == SAG_SEGMENTER_READY
             && g_str_equal (sag_model_get_id (sag_segmenter_get_model (f->segmenter)), "fake.slow"));
  sag_segmenter_choose (f->segmenter, "fake.halves");
  fake_wait (sag_segmenter_get_state (f->segmenter) == SAG_SEGMENTER_UNFIT);
  g_assert_cmpstr (sag_model_get_id (sag_segmenter_get_model (f->segmenter)), ==, "fake.halves");
  fake_unlike = NULL;
}

static void
test_precisions (Fixture       *f,
                 gconstpointer  data)
{
  GtkWidget *int8 = GTK_WIDGET (part (f, "int8"));
  GtkWidget *bf16 = GTK_WIDGET (part (f, "bf16"));

  g_assert_true (gtk_widget_get_sensitive (int8));
  g_assert_false (gtk_widget_get_sensitive (bf16));
  g_assert_nonnull (strstr (gtk_widget_get_tooltip_text (bf16), "not offered"));
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (int8), TRUE);
  g_assert_cmpint (sag_segmenter_get_precision (f->segmenter), ==, SAG_PRECISION_INT8);
  while (strstr (text_of (f, "estimate"), "90 MB") == NULL)
    fake_settle ();
  sag_segmenter_next_precision (f->segmenter); /* of the two it has */
  g_assert_cmpint (sag_segmenter_get_precision (f->segmenter), ==, SAG_PRECISION_F32);
  g_assert_true (gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (part (f, "fp32"))));
}

static SagLabelRow *
get_row (Fixture *f,
         int      index)
{
  GtkWidget *row = gtk_widget_get_first_child (GTK_WIDGET (part (f, "labels")));

  for (int i = 0; i < index && row != NULL; i++)
    row = gtk_widget_get_next_sibling (row);
  g_assert_nonnull (row);
  return SAG_LABEL_ROW (gtk_widget_get_first_child (row));
}

/* A run that gives reason to doubt it says so where the model says that it fits, as long as it is shown. */
static void
test_doubt (Fixture       *f,
            gconstpointer  data)
{
  g_autoptr (SagResult) doubted = NULL;

  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (part (f, "int8")), TRUE);
  run (f, "fake.halves");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  g_assert_nonnull (strstr (text_of (f, "fit_text"), "2.5 % of the numbers exceed"));
  g_assert_true (gtk_widget_has_css_class (GTK_WIDGET (part (f, "fit")), "warning"));
  doubted = g_object_ref (sag_workspace_get_result (f->workspace));
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (part (f, "fp32")), TRUE); /* runs it too */
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  g_assert_cmpstr (text_of (f, "fit_text"), ==, "Fits these images");
  sag_workspace_show_result (f->workspace, doubted);
  g_assert_nonnull (strstr (text_of (f, "fit_text"), "2.5 % of the numbers exceed"));
}

static void
test_results (Fixture       *f,
              gconstpointer  data)
{
  GtkToggleButton *eye;
  GtkButton *solo;
  g_autofree char *provenance = NULL;
  double cursor[3];

  g_assert_false (gtk_widget_get_visible (GTK_WIDGET (part (f, "results"))));
  run (f, "fake.halves");
  g_assert_cmpstr (gtk_stack_get_visible_child_name (GTK_STACK (part (f, "run_stack"))), ==,
                   "cancel");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  fake_settle ();
  g_assert_cmpstr (gtk_stack_get_visible_child_name (GTK_STACK (part (f, "run_stack"))), ==, "run");
  g_assert_true (gtk_widget_get_visible (GTK_WIDGET (part (f, "results"))));
  g_assert_nonnull (strstr (text_of (f, "outcome"), "Done in"));
  provenance = sag_provenance_pane_dup_text (
      SAG_PROVENANCE_PANE (gtk_revealer_get_child (GTK_REVEALER (part (f, "provenance")))));
  g_assert_nonnull (strstr (provenance, "Halves"));

  eye = GTK_TOGGLE_BUTTON (
      gtk_widget_get_template_child (GTK_WIDGET (get_row (f, 0)), SAG_TYPE_LABEL_ROW, "eye"));
  gtk_toggle_button_set_active (eye, FALSE);
  g_assert_false (sag_workspace_is_label_visible (f->workspace, 1));
  g_assert_true (sag_workspace_is_label_visible (f->workspace, 2));
  gtk_toggle_button_set_active (eye, TRUE);
  g_assert_true (sag_workspace_is_label_visible (f->workspace, 1));

  solo = GTK_BUTTON (
      gtk_widget_get_template_child (GTK_WIDGET (get_row (f, 1)), SAG_TYPE_LABEL_ROW, "solo"));
  g_signal_emit_by_name (solo, "clicked");
  g_assert_false (sag_workspace_is_label_visible (f->workspace, 1));
  g_assert_true (sag_workspace_is_label_visible (f->workspace, 2));
  g_signal_emit_by_name (solo, "clicked");
  g_assert_true (sag_workspace_is_label_visible (f->workspace, 1));

  /* A label's row leads to it. */
  g_signal_emit_by_name (part (f, "labels"), "activate", 1);
  sag_workspace_get_cursor (f->workspace, cursor);
  g_assert_cmpfloat (cursor[0], >, 10);
}

static void
test_sliders (Fixture       *f,
              gconstpointer  data)
{
  g_autoptr (SagSegmentation) segmentation = fake_segmentation ();
  SagSliceSpec spec;

  sag_workspace_set_segmentation (f->workspace, segmentation);
  gtk_adjustment_set_value (GTK_ADJUSTMENT (part (f, "opacity_adjustment")), 0.8);
  gtk_adjustment_set_value (GTK_ADJUSTMENT (part (f, "threshold_adjustment")), 0.55);
  sag_workspace_get_spec (f->workspace, SAG_VIEW_AXIAL, &spec);
  g_assert_cmpfloat_with_epsilon (spec.opacity, 0.8, 1e-6);
  g_assert_cmpfloat_with_epsilon (spec.confidence_threshold, 0.55, 1e-6);
  g_assert_cmpstr (text_of (f, "threshold_text"), ==, "55 %");
  sag_workspace_set_opacity (f->workspace, 0.25);
  g_assert_cmpfloat_with_epsilon (
      gtk_adjustment_get_value (GTK_ADJUSTMENT (part (f, "opacity_adjustment"))), 0.25, 1e-9);
}

static void
test_cancel (Fixture       *f,
             gconstpointer  data)
{
  run (f, "fake.slow");
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_RUNNING);
  fake_settle ();
  g_assert_true (sag_segmenter_cancel (f->segmenter));
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_CANCELLED);
  g_assert_nonnull (strstr (text_of (f, "outcome"), "Cancelled"));
  g_assert_null (sag_workspace_get_segmentation (f->workspace));
  g_assert_false (sag_segmenter_cancel (f->segmenter));
}

static void
test_failure (Fixture       *f,
              gconstpointer  data)
{
  run (f, "fake.fails");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_FAILED);
  g_assert_nonnull (strstr (text_of (f, "outcome"), "choose INT8"));
  g_assert_true (gtk_widget_has_css_class (GTK_WIDGET (part (f, "outcome")), "error"));
  /* And the next one works. */
  run (f, "fake.halves");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  g_assert_false (gtk_widget_has_css_class (GTK_WIDGET (part (f, "outcome")), "error"));
}

/* A model that brings down its worker is switched off after the third time in a row, also in the next window,
 * until the person says otherwise. */
static void
test_strikes (Fixture       *f,
              gconstpointer  data)
{
  g_autoptr (GSettings) settings = fake_settings ();
  SagSegmenter *next = sag_segmenter_new (f->workspace);
  SagModel *model;

  sag_strikes_watch (f->segmenter, settings);
  fake_set_crashing (TRUE);
  for (int n = 1; n <= SAG_MODEL_MAX_CRASHES; n++)
    {
      run (f, "fake.fails");
      fake_wait_int (f->segmenter, "state",
                     n < SAG_MODEL_MAX_CRASHES ? SAG_SEGMENTER_FAILED : SAG_SEGMENTER_UNFIT);
      g_assert_cmpuint (sag_model_get_crashes (sag_segmenter_get_model (f->segmenter)), ==, n);
    }
  model = sag_segmenter_get_model (f->segmenter);
  g_assert_true (sag_model_is_switched_off (model));
  g_assert_nonnull (strstr (text_of (f, "fit_text"), "Switched off"));
  g_assert_cmpstr (gtk_button_get_label (GTK_BUTTON (part (f, "run"))), ==, "Allow Again…");
  sag_segmenter_run (f->segmenter);
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_UNFIT);

  sag_strikes_watch (next, settings);
  sag_segmenter_load (next);
  sag_segmenter_choose (next, "fake.fails");
  fake_wait_int (next, "state", SAG_SEGMENTER_UNFIT);
  g_assert_true (sag_model_is_switched_off (sag_segmenter_get_model (next)));
  sag_segmenter_close (next);
  fake_settle ();
  g_assert_finalize_object (next);

  g_assert_true (sag_strikes_forgive (f->segmenter, settings));
  g_assert_false (sag_strikes_forgive (f->segmenter, settings));
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_READY);
  fake_set_crashing (FALSE);
  g_settings_reset (settings, "crashed-models");
}

static void
note_path (const char **saved,
           const char  *path)
{
  *saved = g_intern_string (path);
}

static void
test_export (Fixture       *f,
             gconstpointer  data)
{
  g_autofree char *folder = g_dir_make_tmp ("sagitta-ui-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "labels.nii.gz", NULL);
  g_autofree char *bad = g_build_filename (folder, "not", "there", "x.nii", NULL);
  const char *saved = NULL, *failed = NULL;
  g_autoptr (SagExporter) exporter = sag_exporter_new ();

  run (f, "fake.halves");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  g_signal_connect_swapped (exporter, "saved", G_CALLBACK (note_path), &saved);
  g_signal_connect_swapped (exporter, "failed", G_CALLBACK (note_path), &failed);
  sag_exporter_save_labels (exporter, f->workspace, "nifti", path);
  while (saved == NULL)
    fake_settle ();
  g_assert_cmpstr (saved, ==, path);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  sag_exporter_save_labels (exporter, f->workspace, "nifti", bad);
  while (failed == NULL)
    fake_settle ();
  g_assert_cmpstr (failed, !=, "");
  g_remove (path);
  g_rmdir (folder);
}

/* Another series forgets the results and judges the models anew. */
static void
test_close (Fixture       *f,
            gconstpointer  data)
{
  run (f, "fake.halves");
  fake_wait_int (f->segmenter, "state", SAG_SEGMENTER_DONE);
  sag_workspace_set_volume (f->workspace, NULL);
  fake_settle ();
  g_assert_cmpint (sag_segmenter_get_state (f->segmenter), ==, SAG_SEGMENTER_NO_IMAGE);
  g_assert_false (gtk_widget_get_visible (GTK_WIDGET (part (f, "results"))));
  g_assert_cmpint (g_list_model_get_n_items (sag_workspace_get_labels (f->workspace)), ==, 0);
}

static void
add_tests (void)
{
  g_test_add ("/segment-panel/models", Fixture, NULL, set_up, test_models, tear_down);
  g_test_add ("/segment-panel/unlike", Fixture, NULL, set_up, test_unlike, tear_down);
  g_test_add ("/segment-panel/precisions", Fixture, NULL, set_up, test_precisions, tear_down);
  g_test_add ("/segment-panel/doubt", Fixture, NULL, set_up, test_doubt, tear_down);
  g_test_add ("/segment-panel/results", Fixture, NULL, set_up, test_results, tear_down);
  g_test_add ("/segment-panel/sliders", Fixture, NULL, set_up, test_sliders, tear_down);
  g_test_add ("/segment-panel/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
  g_test_add ("/segment-panel/failure", Fixture, NULL, set_up, test_failure, tear_down);
  g_test_add ("/segment-panel/strikes", Fixture, NULL, set_up, test_strikes, tear_down);
  g_test_add ("/segment-panel/export", Fixture, NULL, set_up, test_export, tear_down);
  g_test_add ("/segment-panel/close", Fixture, NULL, set_up, test_close, tear_down);
}

int
main (int    argc,
      char **argv)
{
  return fake_main (argc, argv, add_tests);
}
