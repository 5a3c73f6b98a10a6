/* SPDX-License-Identifier: Apache-2.0
 *
 * window.c: one window: wiring, and nothing else. */
#include "ui/window.h"

#include "ui/action-finder.h"
#include "ui/catalogue-view.h"
#include "ui/cell.h"
#include "ui/format.h"
#include "ui/hanger.h"
#include "ui/job-bar.h"
#include "ui/keys.h"
#include "ui/menus.h"
#include "ui/notice.h"
#include "ui/recent-list.h"
#include "ui/sample.h"
#include "ui/settings.h"
#include "ui/study-title.h"
#include "ui/touch.h"
#include "ui/view-actions.h"
#include "ui/view-memory.h"
#include "ui/window-actions.h"

#include <glib/gi18n-lib.h>

struct _SagWindow
{
  AdwApplicationWindow parent_instance;

  GSettings           *settings;
  SagWorkspace        *workspace;
  SagCatalogue        *catalogue;
  SagCell             *cells[1 + SAG_N_COMPANIONS]; /* the window's own, and the layout's companions */
  SagViewMemory       *memory;
  SagFusion           *fusion;
  SagHanger           *hanger;
  SagExporter         *exporter;
  GtkWidget           *layout;

  AdwWindowTitle      *title;
  GtkMenuButton       *finder;
  GtkMenuButton       *menu;
  GtkMenuButton       *presets;
  AdwFlap             *studies_flap;
  AdwFlap             *segment_flap;
  GtkStack            *panels; /* in it: one a cell that was looked at */
  GtkWidget           *middle;
  SagNotice           *notice;
  GtkStack            *stack;
  AdwStatusPage       *nothing;
  GtkSpinner          *spinner;
  GtkListBox          *recent;
  SagJobBar           *job_bar;
  char                *model_to_run; /* with what is being opened; NULL if none */
  char                *opening;      /* URI of the folder that is, to be remembered; NULL if none */
};

G_DEFINE_FINAL_TYPE (SagWindow, sag_window, ADW_TYPE_APPLICATION_WINDOW)

/* The cell of the selected view. */
static SagCell *
get_cell (SagWindow *self)
{
  SagSliceLayout *layout = SAG_SLICE_LAYOUT (self->layout);

  for (int c = 0; c < SAG_N_COMPANIONS; c++)
    if (sag_slice_layout_get_companion (layout, c) == sag_slice_layout_get_selected (layout))
      return self->cells[1 + c];
  return self->cells[0];
}

/* What is done to labels is done to those of the selected view. */
static void
show_cell (SagWindow *self)
{
  SagCell *cell = get_cell (self);

  if (cell->panel == NULL)
    {
      sag_cell_wake (cell, self->settings);
      gtk_stack_add_child (self->panels, cell->panel);
    }
  gtk_stack_set_visible_child (self->panels, cell->panel);
}

/* ---- what is open */

static void
show_title (SagWindow *self)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);
  SagStudy *study = series != NULL ? sag_series_get_study (series) : NULL;
  gboolean named = g_settings_get_boolean (self->settings, "show-patient");
  const char *title = study == NULL ? "Sagitta"
                      : named       ? sag_study_title_get (study)
                                    : _ ("Patient not named");

  adw_window_title_set_title (self->title, title);
  adw_window_title_set_subtitle (self->title, study != NULL ? sag_study_get_subtitle (study) : "");
  gtk_window_set_title (GTK_WINDOW (self), study != NULL ? title : "Sagitta");
}

/* The keyboard belongs to the images: a menu that closes gives it back. */
static void
give_keys_back (SagWindow *self)
{
  if (sag_workspace_get_volume (self->workspace) != NULL)
    gtk_widget_grab_focus (
        GTK_WIDGET (sag_slice_layout_get_selected (SAG_SLICE_LAYOUT (self->layout))));
}

static void
watch_menu (SagWindow     *self,
            GtkMenuButton *button)
{
  g_signal_connect_object (gtk_menu_button_get_popover (button), "closed",
                           G_CALLBACK (give_keys_back), self, G_CONNECT_SWAPPED);
}

static void
show_presets (SagWindow *self)
{
  g_autoptr (GMenu) menu = g_menu_new ();
  int n;
  SagWorkspace *workspace =
      sag_slice_view_get_workspace (sag_slice_layout_get_selected (SAG_SLICE_LAYOUT (self->layout)));
  const SagWindowPreset *preset = sag_workspace_get_presets (workspace, &n);

  for (int i = 0; i < n; i++)
    {
      g_autofree char *action = g_strdup_printf ("view.window-preset::%s", preset[i].id);

      g_menu_append (menu, preset[i].name, action);
    }
  gtk_menu_button_set_menu_model (self->presets, G_MENU_MODEL (menu));
  watch_menu (self, self->presets);
  gtk_widget_set_sensitive (GTK_WIDGET (self->presets), n > 0);
}

static void
show_warnings (SagWindow *self)
{
  SagWorkspace *workspace = get_cell (self)->workspace;

  if (sag_workspace_is_straightened (workspace))
    sag_notice_set_remedy (self->notice, _ ("As Acquired"), "win.straighten",
                           _ ("Show the slices as they were acquired"));
  else if (sag_workspace_get_straightens (workspace))
    sag_notice_set_remedy (self->notice, _ ("Straighten"), "win.straighten",
                           _ ("Resample the slices onto an upright, even grid"));
  else
    sag_notice_set_remedy (self->notice, NULL, NULL, NULL);
  sag_notice_set_warnings (self->notice, sag_workspace_get_warnings (workspace));
}

static void
show_state (SagWindow *self)
{
  SagOpenerState state = sag_opener_get_state (self->cells[0]->opener);
  gboolean image = sag_workspace_get_volume (self->workspace) != NULL;

  adw_status_page_set_description (self->nothing, sag_opener_get_problem (self->cells[0]->opener));
  gtk_stack_set_visible_child_name (self->stack, image                            ? "views"
                                                 : state == SAG_OPENER_EMPTY      ? "empty"
                                                 : state == SAG_OPENER_NOTHING    ? "nothing"
                                                                                  : "busy");
  /* Behind another page it would turn all the same, and the whole window be laid out anew in every frame. */
  gtk_spinner_set_spinning (self->spinner,
                            g_str_equal (gtk_stack_get_visible_child_name (self->stack), "busy"));
}

static void
volume_changed (SagWindow *self)
{
  show_state (self);
  sag_hanger_hang (self->hanger);
  give_keys_back (self);
}

static void
fill (SagWindow *self)
{
  sag_hanger_fill (self->hanger);
}

/* ---- what works */

/* Labels that a person saved need not be kept any more. */
static void
labels_saved (SagJob     *job,
              GParamSpec *pspec,
              SagKeeper  *keeper)
{
  if (sag_job_get_state (job) == SAG_JOB_STATE_DONE)
    sag_keeper_forget_edits (keeper);
}

static void
job_begun (SagWindow *self,
           SagJob    *job)
{
  const char *format = "";

  if (sag_job_get_kind (job) == SAG_JOB_EXPORT)
    g_variant_lookup (sag_job_get_request (job), "format", "&s", &format);
  if (g_str_equal (format, "seg") || g_str_equal (format, "nifti"))
    g_signal_connect_object (job, "notify::state", G_CALLBACK (labels_saved), get_cell (self)->keeper,
                             0);
  sag_notice_set_error (self->notice, NULL);
  sag_notice_set_note (self->notice, NULL);
  sag_job_bar_track (self->job_bar, job);
}

static void
failed (SagWindow  *self,
        const char *message)
{
  g_clear_pointer (&self->model_to_run, g_free);
  g_clear_pointer (&self->opening, g_free);
  sag_notice_set_error (self->notice, message);
}

static void
saved (SagWindow  *self,
       const char *path)
{
  g_autofree char *name = g_filename_display_name (path);
  g_autofree char *text = g_strdup_printf (_ ("Saved %s"), name);

  sag_job_bar_say (self->job_bar, text);
}

static void
said (SagWindow  *self,
      const char *text)
{
  sag_job_bar_say (self->job_bar, text);
}

static void
progress (SagWindow  *self,
          const char *text,
          double      fraction)
{
  sag_job_bar_progress (self->job_bar, text, fraction);
}

/* What was written should be looked at, and at what first. */
static void
noted (SagWindow         *self,
       const char *const *texts)
{
  g_autofree char *text = g_strjoinv ("\n", (char **) texts);

  sag_notice_set_note (self->notice, text);
}

/* Corrections that were saved nowhere come back as a result: of a crash, or of forgetting. */
static void
edits_found (SagKeeper  *keeper,
             const char *path,
             SagWindow  *self)
{
  for (guint c = 0; c < G_N_ELEMENTS (self->cells); c++)
    if (self->cells[c]->keeper == keeper)
      sag_opener_open_labels (self->cells[c]->opener, path, NULL);
}

static void
opened (SagWindow *self)
{
  g_autofree char *model = g_steal_pointer (&self->model_to_run);
  g_autofree char *uri = g_steal_pointer (&self->opening);

  if (uri != NULL)
    sag_settings_add_recent (self->settings, uri);
  if (model != NULL)
    sag_segmenter_run_when_ready (self->cells[0]->segmenter, model);
}

static void
segmenter_state_changed (SagSegmenter *segmenter,
                         GParamSpec   *pspec,
                         SagWindow    *self)
{
  SagSegmenterState state = sag_segmenter_get_state (segmenter);

  /* What went wrong is said in the panel. */
  if (state == SAG_SEGMENTER_FAILED)
    adw_flap_set_reveal_flap (self->segment_flap, TRUE);
  if (state == SAG_SEGMENTER_DONE)
    {
      g_autofree char *seconds = sag_format_seconds (sag_segmenter_get_seconds (segmenter));
      g_autofree char *text =
          g_strdup_printf (_ ("%s: done in %s"),
                           sag_model_get_name (sag_segmenter_get_model (segmenter)), seconds);

      sag_job_bar_say (self->job_bar, text);
    }
  sag_window_update_actions (self);
}

void
sag_window_open (SagWindow         *self,
                 const char *const *paths,
                 const char        *model_id)
{
  g_free (self->model_to_run);
  self->model_to_run = g_strdup (model_id);
  g_clear_pointer (&self->opening, g_free);
  if (g_file_test (paths[0], G_FILE_TEST_IS_DIR))
    self->opening = g_filename_to_uri (paths[0], NULL, NULL);
  sag_opener_open_paths (self->cells[0]->opener, paths);
}

gboolean
sag_window_is_empty (SagWindow *self)
{
  return sag_opener_get_state (self->cells[0]->opener) == SAG_OPENER_EMPTY;
}

/* Labels go to the images they are dropped on. */
static void
select_view_at (SagWindow *self,
                double     x,
                double     y)
{
  GtkWidget *at = gtk_widget_pick (GTK_WIDGET (self), x, y, GTK_PICK_DEFAULT);
  GtkWidget *view = at != NULL ? gtk_widget_get_ancestor (at, SAG_TYPE_SLICE_VIEW) : NULL;

  if (view != NULL)
    sag_slice_layout_select_view (SAG_SLICE_LAYOUT (self->layout), SAG_SLICE_VIEW (view));
}

static gboolean
dropped (GtkDropTarget *target,
         const GValue  *value,
         double         x,
         double         y,
         SagWindow     *self)
{
  GSList *files = g_value_get_boxed (value);
  gboolean all_files = TRUE;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (GSList *l = files; l != NULL; l = l->next)
    {
      char *path = g_file_get_path (l->data);

      if (path != NULL)
        g_ptr_array_add (paths, path);
      all_files = all_files && path != NULL && g_file_test (path, G_FILE_TEST_IS_REGULAR);
    }
  if (paths->len == 0)
    return FALSE;
  g_ptr_array_add (paths, NULL);
  select_view_at (self, x, y);
  if (all_files && sag_workspace_get_volume (get_cell (self)->workspace) != NULL)
    sag_opener_open_dropped (get_cell (self)->opener, (const char *const *) paths->pdata);
  else
    sag_window_open (self, (const char *const *) paths->pdata, NULL);
  return TRUE;
}

/* ---- settings */

static void
show_settings (SagWindow *self)
{
  g_object_set (self->layout, "text-scale", g_settings_get_double (self->settings, "text-scale"),
                "nameless", !g_settings_get_boolean (self->settings, "show-patient"), NULL);
  if (!g_settings_get_boolean (self->settings, "smooth"))
    sag_workspace_set_interpolation (self->workspace, SAG_INTERPOLATION_NEAREST);
  else if (sag_workspace_get_interpolation (self->workspace) == SAG_INTERPOLATION_NEAREST)
    sag_workspace_set_interpolation (self->workspace, SAG_INTERPOLATION_LINEAR);
  show_title (self);
  sag_recent_list_fill (self->recent, self->settings);
}

static void
restore (SagWindow *self)
{
  int width, height;

  g_settings_get (self->settings, "window-size", "(ii)", &width, &height);
  gtk_window_set_default_size (GTK_WINDOW (self), width, height);
  if (g_settings_get_boolean (self->settings, "window-maximized"))
    gtk_window_maximize (GTK_WINDOW (self));
  adw_flap_set_reveal_flap (self->studies_flap,
                            g_settings_get_boolean (self->settings, "show-studies"));
  adw_flap_set_reveal_flap (self->segment_flap,
                            g_settings_get_boolean (self->settings, "show-segment"));
  g_settings_bind (self->settings, "layout", self->layout, "mode", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->settings, "neurological", self->layout, "neurological",
                   G_SETTINGS_BIND_DEFAULT);
  g_settings_bind (self->settings, "show-annotations", self->layout, "annotations",
                   G_SETTINGS_BIND_DEFAULT);
}

static void
keep (SagWindow *self)
{
  SagModel *model = sag_segmenter_get_model (self->cells[0]->segmenter);
  int width, height;

  gtk_window_get_default_size (GTK_WINDOW (self), &width, &height);
  g_settings_set (self->settings, "window-size", "(ii)", width, height);
  g_settings_set_boolean (self->settings, "window-maximized",
                          gtk_window_is_maximized (GTK_WINDOW (self)));
  /* A folded pane hides by itself: that is not a choice to remember. */
  if (!adw_flap_get_folded (self->studies_flap))
    g_settings_set_boolean (self->settings, "show-studies",
                            adw_flap_get_reveal_flap (self->studies_flap));
  if (!adw_flap_get_folded (self->segment_flap))
    g_settings_set_boolean (self->settings, "show-segment",
                            adw_flap_get_reveal_flap (self->segment_flap));
  g_settings_set_string (self->settings, "precision",
                         sag_precision_get_name (sag_segmenter_get_precision (self->cells[0]->segmenter)));
  if (model != NULL)
    g_settings_set_string (self->settings, "model", sag_model_get_id (model));
}

static gboolean
sag_window_close_request (GtkWindow *window)
{
  SagWindow *self = SAG_WINDOW (window);

  keep (self);
  sag_window_cancel_sample (self);
  for (guint c = 0; c < G_N_ELEMENTS (self->cells); c++)
    sag_cell_close (self->cells[c]);
  return GTK_WINDOW_CLASS (sag_window_parent_class)->close_request (window);
}

/* ---- GObject */

static void
sag_window_dispose (GObject *object)
{
  SagWindow *self = SAG_WINDOW (object);

  if (self->settings != NULL)
    g_signal_handlers_disconnect_by_data (self->settings, self);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "view", NULL);
  G_OBJECT_CLASS (sag_window_parent_class)->dispose (object);
  g_clear_pointer (&self->hanger, sag_hanger_free);
  for (guint c = 0; c < G_N_ELEMENTS (self->cells); c++)
    g_clear_pointer (&self->cells[c], sag_cell_free);
  g_clear_pointer (&self->memory, sag_view_memory_free);
  g_clear_pointer (&self->fusion, sag_fusion_free);
  g_clear_object (&self->exporter);
  g_clear_object (&self->catalogue);
  g_clear_object (&self->workspace);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->model_to_run, g_free);
  g_clear_pointer (&self->opening, g_free);
}

static void
sag_window_class_init (SagWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = sag_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = sag_window_close_request;
  g_type_ensure (SAG_TYPE_NOTICE);
  g_type_ensure (SAG_TYPE_JOB_BAR);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/sagitta/Sagitta/ui/window.ui");
  gtk_widget_class_bind_template_child (widget_class, SagWindow, title);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, finder);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, menu);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, presets);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, studies_flap);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, segment_flap);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, middle);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, notice);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, nothing);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, spinner);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, recent);
  gtk_widget_class_bind_template_child (widget_class, SagWindow, job_bar);
}

static void
connect_cell (SagWindow *self,
              SagCell   *cell)
{
  gpointer senders[] = { cell->opener, cell->segmenter, cell->corrector };

  for (guint i = 0; i < G_N_ELEMENTS (senders); i++)
    {
      g_signal_connect_object (senders[i], "job", G_CALLBACK (job_begun), self, G_CONNECT_SWAPPED);
      g_signal_connect_object (senders[i], "failed", G_CALLBACK (failed), self, G_CONNECT_SWAPPED);
    }
  g_signal_connect_object (cell->segmenter, "notify::state", G_CALLBACK (segmenter_state_changed),
                           self, 0);
  g_signal_connect_object (cell->segmenter, "notify::model", G_CALLBACK (sag_window_update_actions),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->segmenter, "notify::precision",
                           G_CALLBACK (sag_window_update_actions), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->corrector, "said", G_CALLBACK (said), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->keeper, "failed", G_CALLBACK (failed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->keeper, "found", G_CALLBACK (edits_found), self, 0);
  g_signal_connect_object (cell->workspace, "notify::warnings", G_CALLBACK (show_warnings), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->workspace, "notify::presets", G_CALLBACK (show_presets), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->workspace, "notify::segmentation",
                           G_CALLBACK (sag_window_update_actions), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cell->workspace, "notify::volume", G_CALLBACK (sag_window_update_actions),
                           self, G_CONNECT_SWAPPED);
}

static void
add_companions (SagWindow *self)
{
  SagSliceLayout *layout = SAG_SLICE_LAYOUT (self->layout);
  SagSliceView *views[SAG_N_VIEWS];

  self->fusion = sag_fusion_new (self->workspace, self->catalogue);
  g_signal_connect_object (sag_fusion_get_opener (self->fusion), "job", G_CALLBACK (job_begun), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (sag_fusion_get_opener (self->fusion), "failed", G_CALLBACK (failed), self,
                           G_CONNECT_SWAPPED);
  self->memory = sag_view_memory_new ();
  for (int v = 0; v < SAG_N_VIEWS; v++)
    views[v] = sag_slice_layout_get_view (layout, v);
  sag_view_memory_watch (self->memory, views, SAG_N_VIEWS);
  for (int c = 0; c < SAG_N_COMPANIONS; c++)
    {
      SagSliceView *view = sag_slice_layout_get_companion (layout, c);

      sag_view_memory_watch (self->memory, &view, 1);
      self->cells[1 + c] = sag_cell_new (sag_slice_view_get_workspace (view), self->catalogue);
    }
}

static void
sag_window_init (SagWindow *self)
{
  GtkDropTarget *drop = gtk_drop_target_new (GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);

  gtk_widget_init_template (GTK_WIDGET (self));
  gtk_menu_button_set_menu_model (self->menu, sag_menus_get ("primary"));
  self->workspace = sag_workspace_new ();
  self->catalogue = sag_catalogue_new ();
  self->cells[0] = sag_cell_new (self->workspace, self->catalogue);
  self->exporter = sag_exporter_new ();
  self->layout = sag_slice_layout_new (self->workspace);
  gtk_stack_add_named (self->stack, self->layout, "views");
  add_companions (self);
  adw_flap_set_flap (self->studies_flap, sag_catalogue_view_new (self->catalogue, self->workspace));
  self->panels = GTK_STACK (gtk_stack_new ());
  adw_flap_set_flap (self->segment_flap, GTK_WIDGET (self->panels));

  g_signal_connect (drop, "drop", G_CALLBACK (dropped), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drop));
}

static void
connect_state (SagWindow *self)
{
  for (guint c = 0; c < G_N_ELEMENTS (self->cells); c++)
    connect_cell (self, self->cells[c]);
  g_signal_connect_object (self->workspace, "notify::series", G_CALLBACK (show_title), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->workspace, "notify::volume", G_CALLBACK (volume_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->layout, "notify::selected", G_CALLBACK (show_presets), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->layout, "notify::selected", G_CALLBACK (show_cell), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->layout, "notify::selected", G_CALLBACK (sag_window_update_actions),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->layout, "notify::selected", G_CALLBACK (show_warnings), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->layout, "notify::mode", G_CALLBACK (fill), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->cells[0]->opener, "notify", G_CALLBACK (show_state), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->cells[0]->opener, "opened", G_CALLBACK (opened), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exporter, "job", G_CALLBACK (job_begun), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exporter, "failed", G_CALLBACK (failed), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exporter, "saved", G_CALLBACK (saved), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exporter, "progress", G_CALLBACK (progress), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->exporter, "noted", G_CALLBACK (noted), self, G_CONNECT_SWAPPED);
  g_signal_connect_swapped (self->settings, "changed", G_CALLBACK (show_settings), self);
}

SagWindow *
sag_window_new (GtkApplication *application,
                GSettings      *settings)
{
  SagWindow *self = g_object_new (SAG_TYPE_WINDOW, "application", application, NULL);
  GActionGroup *view = sag_view_actions_new (SAG_SLICE_LAYOUT (self->layout));

  self->settings = g_object_ref (settings);
  gtk_widget_insert_action_group (GTK_WIDGET (self), "view", view);
  g_object_unref (view);
  sag_window_add_actions (self, self->studies_flap, self->segment_flap, self->finder,
                          self->job_bar);
  gtk_widget_add_controller (GTK_WIDGET (self), sag_keys_new_controller (settings));
  gtk_widget_add_controller (GTK_WIDGET (self), sag_keys_new_row_controller ());
  gtk_menu_button_set_popover (self->finder, sag_action_finder_new (settings));
  watch_menu (self, self->finder);
  watch_menu (self, self->menu);
  self->hanger = sag_hanger_new (SAG_SLICE_LAYOUT (self->layout), self->catalogue, self->cells, settings);
  connect_state (self);
  restore (self);
  sag_touch_bind (GTK_WIDGET (self), self->settings);
  show_settings (self);
  show_presets (self);
  show_state (self);
  show_cell (self);
  return self;
}

SagWorkspace *
sag_window_get_workspace (SagWindow *self)
{
  return self->workspace;
}

SagSegmenter *
sag_window_get_segmenter (SagWindow *self)
{
  return self->cells[0]->segmenter;
}

SagExporter *
sag_window_get_exporter (SagWindow *self)
{
  return self->exporter;
}

SagOpener *
sag_window_get_opener (SagWindow *self)
{
  return self->cells[0]->opener;
}

SagOpener *
sag_window_get_cell_opener (SagWindow *self)
{
  return get_cell (self)->opener;
}

SagWorkspace *
sag_window_get_cell_workspace (SagWindow *self)
{
  return get_cell (self)->workspace;
}

SagSegmenter *
sag_window_get_cell_segmenter (SagWindow *self)
{
  return get_cell (self)->segmenter;
}

SagCorrector *
sag_window_get_cell_corrector (SagWindow *self)
{
  return get_cell (self)->corrector;
}

SagSegmenter *
sag_window_get_busy_segmenter (SagWindow *self)
{
  SagSegmenter *here = get_cell (self)->segmenter;

  if (sag_segmenter_get_state (here) == SAG_SEGMENTER_RUNNING)
    return here;
  for (guint c = 0; c < G_N_ELEMENTS (self->cells); c++)
    if (sag_segmenter_get_state (self->cells[c]->segmenter) == SAG_SEGMENTER_RUNNING)
      return self->cells[c]->segmenter;
  return here;
}

SagFusion *
sag_window_get_fusion (SagWindow *self)
{
  return self->fusion;
}

SagSliceLayout *
sag_window_get_layout (SagWindow *self)
{
  return SAG_SLICE_LAYOUT (self->layout);
}

SagCatalogue *
sag_window_get_catalogue (SagWindow *self)
{
  return self->catalogue;
}

GSettings *
sag_window_get_settings (SagWindow *self)
{
  return self->settings;
}
