/* SPDX-License-Identifier: Apache-2.0
 *
 * export-actions.c: the commands of a window that write files. */
#include "ui/export-actions.h"

#include "ui/file-dialogs.h"
#include "ui/printer.h"
#include "ui/study-title.h"

#include <glib/gi18n-lib.h>

#define ACTION(name) \
  static void name (GSimpleAction *action, GVariant *parameter, gpointer data)

static SagSliceView *
get_view (SagWindow *self)
{
  return sag_slice_layout_get_selected (sag_window_get_layout (self));
}

static SagWorkspace *
get_workspace (SagWindow *self)
{
  return sag_slice_view_get_workspace (get_view (self));
}

static char *
propose_name (SagWindow  *self,
              const char *suffix)
{
  SagSeries *series = sag_workspace_get_series (get_workspace (self));
  g_autofree char *name = g_strdup (series != NULL ? sag_series_get_title (series) : "image");

  g_strdelimit (name, "/\\:*?\"<>|\n", '-');
  return g_strconcat (name, suffix, NULL);
}

static void
ask_where (SagWindow     *self,
           const char    *title,
           const char    *suffix,
           SagFileChosen  chosen)
{
  g_autofree char *name = propose_name (self, suffix);

  sag_file_dialog_show (GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SAVE, title, name, chosen, self);
}

/* ---- labels */

#define LABELS(name, format) \
  static void name##_chosen (const char *const *paths, gpointer data) \
  { \
    sag_exporter_save_labels (sag_window_get_exporter (data), get_workspace (data), format, paths[0]); \
  }

LABELS (seg, "seg")
LABELS (nifti, "nifti")
LABELS (confidence, "confidence")

ACTION (export_seg)
{
  ask_where (data, _ ("Save as DICOM SEG"), " segmentation.dcm", seg_chosen);
}

ACTION (export_nifti)
{
  ask_where (data, _ ("Save Labels as NIfTI"), " labels.nii.gz", nifti_chosen);
}

ACTION (export_confidence)
{
  ask_where (data, _ ("Save Confidence as NIfTI"), " confidence.nii.gz", confidence_chosen);
}

static void
statistics_chosen (const char *const *paths,
                   gpointer           data)
{
  sag_exporter_save_statistics (sag_window_get_exporter (data), get_workspace (data), paths[0]);
}

ACTION (export_statistics)
{
  ask_where (data, _ ("Save Volumes and Values of the Labels as CSV"), " labels.csv", statistics_chosen);
}

static void
stl_chosen (const char *const *paths,
            const char *const *values,
            gpointer           data)
{
  int label = (int) g_ascii_strtoll (values[0], NULL, 10);

  if (label > 0)
    sag_exporter_save_surface (sag_window_get_exporter (data), get_workspace (data), label,
                               g_str_equal (values[1], "true"), paths[0]);
}

/* The label that is painted is the one meant, if any was chosen. */
ACTION (export_stl)
{
  SagWindow *self = data;
  GListModel *labels = sag_workspace_get_labels (get_workspace (self));
  int painted = sag_editing_get_value (sag_workspace_get_editing (get_workspace (self)));
  g_autoptr (GStrvBuilder) names = g_strv_builder_new (), options = g_strv_builder_new ();
  g_auto (GStrv) all_names = NULL, all_options = NULL;
  g_autofree char *proposed = propose_name (self, ".stl");
  const char *value;

  for (guint i = 0; i < g_list_model_get_n_items (labels); i++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (labels, i);
      g_autofree char *name = g_strdup_printf ("%d", sag_label_get_number (sag_label_item_get_label (item)));

      g_strv_builder_add (names, name);
      g_strv_builder_add (options, sag_label_item_get_name (item));
    }
  all_names = g_strv_builder_end (names);
  all_options = g_strv_builder_end (options);
  if (all_names[0] == NULL)
    return;
  value = all_names[0];
  for (int i = 0; all_names[i] != NULL; i++)
    if ((int) g_ascii_strtoll (all_names[i], NULL, 10) == painted)
      value = all_names[i];
  sag_file_dialog_show_with (
      GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_SAVE, _ ("Save the Surface of a Label as STL"), proposed,
      (const SagFileChoice[]) {
          { _ ("Label"), (const char *const *) all_names, (const char *const *) all_options, value },
          { _ ("Smooth the surface"), NULL, NULL, "true" },
          { NULL } },
      stl_chosen, self);
}

/* ---- measurements */

static void
sr_chosen (const char *const *paths,
           gpointer           data)
{
  sag_exporter_save_measurements (sag_window_get_exporter (data), get_workspace (data), "sr", paths[0]);
}

static void
csv_chosen (const char *const *paths,
            gpointer           data)
{
  sag_exporter_save_measurements (sag_window_get_exporter (data), get_workspace (data), "csv",
                                  paths[0]);
}

ACTION (export_measurements_sr)
{
  ask_where (data, _ ("Save Measurements as DICOM SR"), " measurements.dcm", sr_chosen);
}

ACTION (export_measurements_csv)
{
  ask_where (data, _ ("Save Measurements as CSV"), " measurements.csv", csv_chosen);
}

/* ---- pictures */

/* What a person wants to see on a picture. */
typedef struct
{
  SagSliceView *view; /* weak */
  gboolean      annotated, named;
} Picture;

static Picture *
picture_new (SagSliceView      *view,
             const char *const *values)
{
  Picture *self = g_new0 (Picture, 1);

  g_set_weak_pointer (&self->view, view);
  self->annotated = g_str_equal (values[0], "true");
  self->named = g_str_equal (values[1], "true");
  return self;
}

static void
picture_free (gpointer data)
{
  Picture *self = data;

  g_clear_weak_pointer (&self->view);
  g_free (self);
}

/* The view as it is wanted, for a moment. */
static guint8 *
picture_draw (Picture *self,
              int     *width,
              int     *height)
{
  gboolean nameless, annotations;
  guint8 *rgba;

  g_object_get (self->view, "nameless", &nameless, "annotations", &annotations, NULL);
  g_object_set (self->view, "nameless", !self->named, "annotations", TRUE, NULL);
  rgba = sag_slice_view_dup_pixels (self->view, self->annotated, width, height);
  g_object_set (self->view, "nameless", nameless, "annotations", annotations, NULL);
  return rgba;
}

/* Slice `n`; the reader's own place is what it was when it is drawn. */
static guint8 *
draw_slice (int       n,
            int      *width,
            int      *height,
            gpointer  data)
{
  Picture *self = data;
  SagWorkspace *workspace;
  double cursor[3];
  guint8 *rgba;

  if (self->view == NULL)
    return NULL;
  workspace = sag_slice_view_get_workspace (self->view);
  sag_workspace_get_cursor (workspace, cursor);
  g_object_freeze_notify (G_OBJECT (workspace));
  sag_workspace_set_slice (workspace, sag_slice_view_get_plane (self->view), n);
  rgba = picture_draw (self, width, height);
  sag_workspace_set_cursor (workspace, cursor);
  g_object_thaw_notify (G_OBJECT (workspace));
  return rgba;
}

static void
png_chosen (const char *const *paths,
            const char *const *values,
            gpointer           data)
{
  Picture *picture = picture_new (get_view (data), values);
  int width, height;
  g_autofree guint8 *rgba = picture_draw (picture, &width, &height);

  if (rgba != NULL)
    sag_exporter_save_png (sag_window_get_exporter (data), paths[0], rgba, width, height);
  picture_free (picture);
}

static void
png_series_chosen (const char *const *paths,
                   const char *const *values,
                   gpointer           data)
{
  SagSliceView *view = get_view (data);
  g_autofree char *name = propose_name (data, "");
  int n;

  sag_workspace_get_slice (get_workspace (data), sag_slice_view_get_plane (view), &n);
  sag_exporter_save_pictures (sag_window_get_exporter (data), paths[0], name, n, draw_slice,
                              picture_new (view, values), picture_free);
}

static void
ask_for_pictures (SagWindow            *self,
                  GtkFileChooserAction  kind,
                  const char           *title,
                  const char           *name,
                  SagFileChosenWith     chosen)
{
  gboolean nameless;

  g_object_get (get_view (self), "nameless", &nameless, NULL);
  sag_file_dialog_show_with (
      GTK_WINDOW (self), kind, title, name,
      (const SagFileChoice[]) { { _ ("Corner text, lines and measurements"), NULL, NULL, "true" },
                                { _ ("The patient's name"), NULL, NULL, nameless ? "false" : "true" },
                                { NULL } },
      chosen, self);
}

ACTION (export_png)
{
  g_autofree char *name = propose_name (data, ".png");

  ask_for_pictures (data, GTK_FILE_CHOOSER_ACTION_SAVE, _ ("Save the View as PNG"), name, png_chosen);
}

ACTION (export_png_series)
{
  ask_for_pictures (data, GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                    _ ("Save Every Slice of the View as PNG, in a New Folder Inside"), NULL,
                    png_series_chosen);
}

ACTION (print)
{
  SagWindow *self = data;
  SagSeries *series = sag_workspace_get_series (get_workspace (self));
  gboolean nameless;
  g_autofree char *title = NULL;
  g_autoptr (GError) error = NULL;

  g_object_get (get_view (self), "nameless", &nameless, NULL);
  if (series != NULL)
    title = nameless ? g_strdup (sag_series_get_title (series))
                     : g_strdup_printf ("%s, %s", sag_study_title_get (sag_series_get_study (series)),
                                        sag_series_get_title (series));
  if (!sag_printer_print (get_view (self), GTK_WINDOW (self), title, NULL, &error))
    g_signal_emit_by_name (sag_window_get_exporter (self), "failed", error->message);
}

/* ---- without what says whose they are */

static void
deidentified_chosen (const char *const *paths,
                     const char *const *values,
                     gpointer           data)
{
  SagSeries *series = sag_workspace_get_series (get_workspace (data));
  SagStudy *study = series != NULL ? sag_series_get_study (series) : NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) all = NULL;

  if (series == NULL)
    return;
  if (study == NULL || g_str_equal (values[0], "series"))
    g_strv_builder_addv (builder, (const char **) sag_series_get_paths (series));
  else
    for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (study)); i++)
      {
        g_autoptr (SagSeries) one = g_list_model_get_item (G_LIST_MODEL (study), i);

        g_strv_builder_addv (builder, (const char **) sag_series_get_paths (one));
      }
  all = g_strv_builder_end (builder);
  if (all[0] != NULL)
    sag_exporter_deidentify (sag_window_get_exporter (data), (const char *const *) all, paths[0],
                             values[1]);
}

ACTION (export_deidentified)
{
  static const char *const what[] = { "study", "series", NULL };
  const char *const what_options[] = { _ ("The whole study, segmentations too"),
                                       _ ("This series only"), NULL };
  static const char *const dates[] = { "remove", "shift", "keep", NULL };
  const char *const date_options[] = { _ ("Removed"), _ ("Shifted, intervals kept"), _ ("Kept"), NULL };

  sag_file_dialog_show_with (GTK_WINDOW (data), GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                             _ ("Export a De-identified Copy into an Empty Folder"), NULL,
                             (const SagFileChoice[]) { { _ ("Copy"), what, what_options, "study" },
                                                       { _ ("Dates"), dates, date_options, "remove" },
                                                       { NULL } },
                             deidentified_chosen, data);
}

/* ---- */

static void
set_enabled (SagWindow         *self,
             gboolean           enabled,
             const char *const *names)
{
  for (int i = 0; names[i] != NULL; i++)
    g_simple_action_set_enabled (
        G_SIMPLE_ACTION (g_action_map_lookup_action (G_ACTION_MAP (self), names[i])), enabled);
}

void
sag_export_actions_update (SagWindow *self)
{
  SagWorkspace *workspace = get_workspace (self);
  SagResult *shown = sag_workspace_get_result (workspace);
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  SagSeries *series = sag_workspace_get_series (workspace);
  gboolean image = sag_workspace_get_volume (workspace) != NULL;
  gboolean result = segmentation != NULL && (shown == NULL || sag_result_is_complete (shown));
  gboolean dicom = series != NULL && sag_series_get_modality (series)[0] != '\0';

  set_enabled (self, result,
               (const char *const[]) { "export-seg", "export-nifti", "export-stl",
                                       "export-statistics", NULL });
  set_enabled (self, result && sag_segmentation_get_confidence (segmentation) != NULL,
               (const char *const[]) { "export-confidence", NULL });
  set_enabled (self, image, (const char *const[]) { "export-png", "export-png-series", "print", NULL });
  set_enabled (self, image && dicom, (const char *const[]) { "export-deidentified", NULL });
}

void
sag_export_actions_add (SagWindow *window)
{
  static const GActionEntry entries[] = {
    { "export-seg", export_seg },
    { "export-nifti", export_nifti },
    { "export-confidence", export_confidence },
    { "export-stl", export_stl },
    { "export-statistics", export_statistics },
    { "export-measurements-sr", export_measurements_sr },
    { "export-measurements-csv", export_measurements_csv },
    { "export-png", export_png },
    { "export-png-series", export_png_series },
    { "export-deidentified", export_deidentified },
    { "print", print },
  };

  g_action_map_add_action_entries (G_ACTION_MAP (window), entries, G_N_ELEMENTS (entries), window);
}
