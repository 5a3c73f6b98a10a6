/* SPDX-License-Identifier: Apache-2.0
 *
 * window-actions.c: the commands of a window. */
#include "ui/window-actions.h"

#include "ui/export-actions.h"
#include "ui/file-dialogs.h"
#include "ui/key-sheet.h"
#include "ui/measure-actions.h"
#include "ui/sample.h"
#include "ui/shortcut-editor.h"
#include "ui/strikes.h"
#include "ui/tags-dialog.h"

#include <glib/gi18n-lib.h>

#define ASK_AFTER_SECONDS 30 /* a run longer than this is not thrown away without a question */

/* Owned by the window. */
typedef struct
{
  GtkMenuButton *finder;  /* children of the window */
  SagJobBar     *job_bar;
  GCancellable  *sample;  /* of the sample study being made, or NULL */
} Extra;

static void
extra_free (Extra *extra)
{
  g_clear_object (&extra->sample);
  g_free (extra);
}

static Extra *
get_extra (SagWindow *self)
{
  return g_object_get_data (G_OBJECT (self), "window-actions");
}

#define ACTION(name) \
  static void name (GSimpleAction *action, GVariant *parameter, gpointer data)

/* ---- opening */

static void
paths_chosen (const char *const *paths,
              gpointer           data)
{
  sag_window_open (data, paths, NULL);
}

ACTION (open_folder)
{
  sag_file_dialog_show (data, GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("Open a Folder"), NULL,
                        paths_chosen, data);
}

ACTION (open_files)
{
  sag_file_dialog_show (data, GTK_FILE_CHOOSER_ACTION_OPEN, _ ("Open Files"), NULL, paths_chosen,
                        data);
}

static void
labels_chosen (const char *const *paths,
               gpointer           data)
{
  g_autofree char *name = g_filename_display_basename (paths[0]);

  sag_opener_open_labels (sag_window_get_cell_opener (data), paths[0], name);
}

ACTION (open_labels)
{
  sag_file_dialog_show (data, GTK_FILE_CHOOSER_ACTION_OPEN, _ ("Open Labels"), NULL, labels_chosen,
                        data);
}

ACTION (open_recent)
{
  g_autofree char *path = g_filename_from_uri (g_variant_get_string (parameter, NULL), NULL, NULL);
  const char *const paths[] = { path, NULL };

  if (path != NULL)
    sag_window_open (data, paths, NULL);
}

ACTION (open_series)
{
  SagWindow *self = data;
  SagSeries *series = sag_catalogue_find_series (sag_window_get_catalogue (self),
                                                 g_variant_get_string (parameter, NULL));

  if (series != NULL)
    sag_opener_open_series (sag_window_get_cell_opener (self), series);
}

ACTION (try_again)
{
  sag_opener_try_again (sag_window_get_opener (data));
}

ACTION (next_series)
{
  sag_opener_step_series (sag_window_get_cell_opener (data), 1);
}

ACTION (previous_series)
{
  sag_opener_step_series (sag_window_get_cell_opener (data), -1);
}

static void
straighten_answered (SagWindow  *self,
                     const char *response)
{
  if (g_str_equal (response, "go-on"))
    sag_opener_straighten (sag_window_get_cell_opener (self));
}

/* There and back. What was found in the images as they were has no place in other ones. */
ACTION (straighten)
{
  SagWorkspace *workspace = sag_window_get_cell_workspace (data);
  GtkWidget *dialog;

  if (g_list_model_get_n_items (sag_workspace_get_results (workspace)) == 0)
    {
      sag_opener_straighten (sag_window_get_cell_opener (data));
      return;
    }
  dialog = adw_message_dialog_new (
      data, _ ("Resample the images?"),
      _ ("The results belong to the images as they are shown now, and are closed. Save them first to "
         "keep them; corrections are kept with the series."));
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "cancel", _ ("Cancel"), "go-on",
                                    _ ("Close the Results"), NULL);
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "cancel");
  g_signal_connect_object (dialog, "response", G_CALLBACK (straighten_answered), data,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
sample_made (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (SagWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = sag_sample_make_finish (result, &error);
  Extra *extra = get_extra (self);

  g_clear_object (&extra->sample);
  if (!gtk_widget_in_destruction (GTK_WIDGET (self)) && gtk_widget_get_realized (GTK_WIDGET (self)))
    sag_job_bar_pulse (extra->job_bar, NULL);
  if (folder != NULL && gtk_widget_get_realized (GTK_WIDGET (self)))
    {
      const char *const paths[] = { folder, NULL };

      sag_opener_open_paths (sag_window_get_opener (self), paths);
    }
  else if (error != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_signal_emit_by_name (sag_window_get_opener (self), "failed", error->message);
    }
}

#define MAKING_SAMPLE N_ ("Making the sample study, a computed chest CT…")

static void
sample_moved (double   fraction,
              gpointer data)
{
  if (gtk_widget_get_realized (data))
    sag_job_bar_progress (get_extra (data)->job_bar, _ (MAKING_SAMPLE), fraction);
}

ACTION (open_sample)
{
  Extra *extra = get_extra (data);

  if (extra->sample != NULL)
    return;
  extra->sample = g_cancellable_new ();
  sag_job_bar_pulse (extra->job_bar, _ (MAKING_SAMPLE));
  sag_sample_make_async (extra->sample, sample_moved, sample_made, g_object_ref (data));
}

void
sag_window_cancel_sample (SagWindow *self)
{
  Extra *extra = get_extra (self);

  if (extra->sample != NULL)
    g_cancellable_cancel (extra->sample);
}

/* The file of the slice under the cursor. */
static const char *
find_path (SagWindow *self)
{
  SagWorkspace *workspace = sag_window_get_cell_workspace (self);
  SagSeries *series = sag_workspace_get_series (workspace);
  SagVolume *volume = sag_workspace_get_volume (workspace);
  const char *const *paths = series != NULL ? sag_series_get_paths (series) : NULL;
  double cursor[3], ijk[3];
  int n, k;

  if (paths == NULL || paths[0] == NULL || volume == NULL)
    return NULL;
  n = (int) g_strv_length ((char **) paths);
  sag_workspace_get_cursor (workspace, cursor);
  sag_grid_to_ijk (sag_volume_get_grid (volume), cursor, ijk);
  k = (int) (ijk[2] + 0.5);
  return paths[CLAMP (k, 0, n - 1)];
}

ACTION (show_tags)
{
  const char *path = find_path (data);
  GtkWindow *dialog;

  if (path == NULL)
    return;
  dialog = sag_tags_dialog_new (path);
  gtk_window_set_transient_for (dialog, data);
  gtk_window_present (dialog);
}

/* ---- segmenting */

static void
allow_answered (SagWindow  *self,
                const char *response)
{
  if (g_str_equal (response, "allow"))
    sag_strikes_forgive (sag_window_get_cell_segmenter (self), sag_window_get_settings (self));
}

/* A key that is pressed out of habit does not switch on what was switched off. */
static void
ask_to_allow (SagWindow *self,
              SagModel  *model)
{
  GtkWidget *dialog = adw_message_dialog_new (GTK_WINDOW (self), NULL, NULL);

  adw_message_dialog_format_heading (ADW_MESSAGE_DIALOG (dialog), _ ("Allow %s again?"), sag_model_get_name (model));
  adw_message_dialog_set_body (
      ADW_MESSAGE_DIALOG (dialog),
      _ ("It brought down the program that ran it each of the last times, and is switched off. Nothing was lost; it "
         "may happen again."));
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "keep-off", _ ("Keep Off"), "allow", _ ("Allow"),
                                    NULL);
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "keep-off");
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "keep-off");
  g_signal_connect_object (dialog, "response", G_CALLBACK (allow_answered), self, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

ACTION (segment)
{
  SagSegmenter *segmenter = sag_window_get_cell_segmenter (data);
  SagModel *model = sag_segmenter_get_model (segmenter);

  if (model != NULL && sag_model_is_switched_off (model))
    ask_to_allow (data, model);
  else
    sag_segmenter_run (segmenter);
}

static void
cancel_answered (SagWindow  *self,
                 const char *response)
{
  if (g_str_equal (response, "stop"))
    sag_segmenter_cancel (sag_window_get_busy_segmenter (self));
}

static void
ask_to_cancel (SagWindow *self)
{
  GtkWidget *dialog = adw_message_dialog_new (GTK_WINDOW (self), _ ("Stop the run?"),
                                              _ ("What it has computed is lost."));

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "go-on", _ ("Go On"), "stop",
                                    _ ("Stop"), NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "stop",
                                              ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "stop");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "go-on");
  g_signal_connect_object (dialog, "response", G_CALLBACK (cancel_answered), self,
                           G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

/* What is running, else the view that stands alone, is what Escape ends. */
ACTION (cancel)
{
  SagWindow *self = data;
  gboolean full;

  if (sag_segmenter_get_elapsed (sag_window_get_busy_segmenter (self)) > ASK_AFTER_SECONDS)
    ask_to_cancel (self);
  else if (sag_segmenter_cancel (sag_window_get_busy_segmenter (self))
           || sag_exporter_cancel (sag_window_get_exporter (self))
           || sag_corrector_cancel (sag_window_get_cell_corrector (self))
           || sag_measure_actions_escape (GTK_WIDGET (self), sag_window_get_layout (self)))
    return;
  else if (get_extra (self)->sample != NULL)
    sag_window_cancel_sample (self);
  else if (!sag_opener_cancel (sag_window_get_cell_opener (self))
           && !sag_opener_cancel (sag_window_get_opener (self)))
    {
      g_object_get (sag_window_get_layout (self), "full", &full, NULL);
      if (full)
        g_object_set (sag_window_get_layout (self), "full", FALSE, NULL);
    }
}

ACTION (precision)
{
  SagPrecision value;

  if (sag_precision_from_name (g_variant_get_string (parameter, NULL), &value, NULL))
    sag_segmenter_switch_precision (sag_window_get_cell_segmenter (data), value);
}

ACTION (next_precision)
{
  sag_segmenter_next_precision (sag_window_get_cell_segmenter (data));
}

/* ---- whole labels */

ACTION (correct)
{
  sag_corrector_apply (sag_window_get_cell_corrector (data), g_variant_get_string (parameter, NULL));
}

ACTION (uncertain_part)
{
  sag_corrector_step_part (sag_window_get_cell_corrector (data), g_variant_get_int32 (parameter));
}

/* One sentence at the foot of the window. */
ACTION (say)
{
  sag_job_bar_say (get_extra (data)->job_bar, g_variant_get_string (parameter, NULL));
}

/* ---- the window itself */

ACTION (fuse)
{
  SagWindow *self = data;

  if (!sag_fusion_toggle (sag_window_get_fusion (self)))
    g_signal_emit_by_name (
        sag_window_get_opener (self), "failed",
        _ ("The study has no PET or NM series in the frame of reference of these "
           "images; nothing can be laid over them."));
}

ACTION (find_action)
{
  gtk_menu_button_popup (get_extra (data)->finder);
}

/* A property action would hold the window, which holds its actions. */
ACTION (fullscreen)
{
  if (gtk_window_is_fullscreen (data))
    gtk_window_unfullscreen (data);
  else
    gtk_window_fullscreen (data);
}

ACTION (show_shortcuts)
{
  gtk_window_present (sag_key_sheet_new (data, sag_window_get_settings (data)));
}

ACTION (edit_shortcuts)
{
  GtkWindow *window = sag_shortcut_editor_new (sag_window_get_settings (data));

  gtk_window_set_transient_for (window, data);
  gtk_window_present (window);
}

/* ---- */

static void
set_enabled (SagWindow  *self,
             const char *name,
             gboolean    enabled)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self), name);

  if (action != NULL)
    g_simple_action_set_enabled (G_SIMPLE_ACTION (action), enabled);
}

static void
show_precision (SagWindow *self)
{
  GAction *action = g_action_map_lookup_action (G_ACTION_MAP (self), "precision");
  SagPrecision value = sag_segmenter_get_precision (sag_window_get_cell_segmenter (self));

  g_simple_action_set_state (G_SIMPLE_ACTION (action),
                             g_variant_new_string (sag_precision_get_name (value)));
}

void
sag_window_update_actions (SagWindow *self)
{
  SagWorkspace *workspace = sag_window_get_cell_workspace (self);
  SagSegmenter *segmenter = sag_window_get_cell_segmenter (self);
  SagSegmenterState state = sag_segmenter_get_state (segmenter);
  SagModel *model = sag_segmenter_get_model (segmenter);
  gboolean image = sag_workspace_get_volume (workspace) != NULL;

  set_enabled (self, "segment",
               state != SAG_SEGMENTER_NO_IMAGE && state != SAG_SEGMENTER_NO_MODEL
                   && state != SAG_SEGMENTER_RUNNING && model != NULL
                   && (sag_model_is_usable (model) || sag_model_is_switched_off (model)));
  set_enabled (self, "open-labels", image);
  set_enabled (self, "fuse", image);
  set_enabled (self, "uncertain-part", sag_workspace_get_segmentation (workspace) != NULL);
  set_enabled (self, "straighten", sag_workspace_get_straightens (workspace)
                                       || sag_workspace_is_straightened (workspace));
  set_enabled (self, "show-tags", image && find_path (self) != NULL);
  sag_export_actions_update (self);
  show_precision (self);
}

void
sag_window_add_actions (SagWindow     *self,
                        AdwFlap       *studies,
                        AdwFlap       *segment_pane,
                        GtkMenuButton *finder,
                        SagJobBar     *job_bar)
{
  static const GActionEntry entries[] = {
    { "open-folder", open_folder },
    { "open-files", open_files },
    { "open-labels", open_labels },
    { "open-sample", open_sample },
    { "open-recent", open_recent, "s" },
    { "open-series", open_series, "s" },
    { "try-again", try_again },
    { "next-series", next_series },
    { "previous-series", previous_series },
    { "show-tags", show_tags },
    { "straighten", straighten },
    { "segment", segment },
    { "cancel", cancel },
    { "precision", precision, "s", "'fp32'" },
    { "next-precision", next_precision },
    { "correct", correct, "s" },
    { "uncertain-part", uncertain_part, "i" },
    { "say", say, "s" },
    { "find-action", find_action },
    { "fuse", fuse },
    { "show-shortcuts", show_shortcuts },
    { "edit-shortcuts", edit_shortcuts },
    { "fullscreen", fullscreen },
  };
  Extra *extra = g_new0 (Extra, 1);
  GPropertyAction *toggles[] = {
    g_property_action_new ("show-studies", studies, "reveal-flap"),
    g_property_action_new ("show-segment", segment_pane, "reveal-flap"),
  };

  extra->finder = finder;
  extra->job_bar = job_bar;
  g_object_set_data_full (G_OBJECT (self), "window-actions", extra, (GDestroyNotify) extra_free);
  g_action_map_add_action_entries (G_ACTION_MAP (self), entries, G_N_ELEMENTS (entries), self);
  sag_export_actions_add (self);
  for (guint i = 0; i < G_N_ELEMENTS (toggles); i++)
    {
      g_action_map_add_action (G_ACTION_MAP (self), G_ACTION (toggles[i]));
      g_object_unref (toggles[i]);
    }
  sag_window_update_actions (self);
}
