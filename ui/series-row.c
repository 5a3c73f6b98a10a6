/* SPDX-License-Identifier: Apache-2.0
 *
 * series-row.c: one series in the list. */
#include "ui/series-row.h"

#include "ui/settings.h"
#include "ui/spoken.h"
#include "ui/study-title.h"

#include <glib/gi18n-lib.h>

struct _SagSeriesRow
{
  GtkWidget   parent_instance;

  GSettings  *settings;
  SagSeries  *series;
  GtkWidget  *study;
  GtkLabel   *study_title;
  GtkLabel   *study_subtitle;
  GtkWidget  *box;
  GtkPicture *picture;
  GtkImage   *placeholder;
  GtkLabel   *modality;
  GtkLabel   *title;
  GtkLabel   *subtitle;
  GtkWidget  *warning;
};

enum
{
  PROP_SERIES = 1,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (SagSeriesRow, sag_series_row, GTK_TYPE_WIDGET)

static void
show_thumbnail (SagSeriesRow *self)
{
  int width, height;
  GBytes *rgba = sag_series_get_thumbnail (self->series, &width, &height);
  g_autoptr (GdkTexture) texture = NULL;

  if (rgba != NULL)
    texture = gdk_memory_texture_new (width, height, GDK_MEMORY_R8G8B8A8, rgba, (gsize) width * 4);
  gtk_picture_set_paintable (self->picture, GDK_PAINTABLE (texture));
  gtk_image_set_from_icon_name (self->placeholder, sag_series_is_segmentation (self->series)
                                                     ? "sagitta-segment-symbolic"
                                                     : "image-x-generic-symbolic");
  gtk_widget_set_visible (GTK_WIDGET (self->placeholder), texture == NULL);
}

static gboolean
is_first_of_study (SagSeries *series,
                   SagStudy  *study)
{
  g_autoptr (SagSeries) first = g_list_model_get_item (G_LIST_MODEL (study), 0);

  return first == series;
}

/* The patient's name, unless the reader wants none on the screen; how it is spoken under the pointer. */
static void
show_study_title (SagSeriesRow *self)
{
  SagStudy *study = self->series != NULL ? sag_series_get_study (self->series) : NULL;
  gboolean named = g_settings_get_boolean (self->settings, "show-patient");
  g_autofree char *more = NULL;

  if (study == NULL)
    return;
  more = g_strconcat (sag_study_title_get (study), sag_study_get_phonetic_name (study)[0] != '\0' ? "\n" : "",
                      sag_study_get_phonetic_name (study), NULL);
  gtk_label_set_text (self->study_title, named ? sag_study_title_get (study) : _ ("Patient not named"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->study_title), named ? more : NULL);
}

/* What is odd about it, or why it cannot be opened. */
static char *
dup_remarks (SagSeries *series)
{
  const char *const *warnings = sag_series_get_warnings (series);

  if (!sag_series_is_readable (series) && !sag_series_is_segmentation (series))
    return g_strdup (sag_series_get_reason (series));
  return g_strjoinv ("\n", (char **) warnings);
}

static void
sag_series_row_update (SagSeriesRow *self)
{
  SagStudy *study = sag_series_get_study (self->series);
  gboolean openable =
      sag_series_is_readable (self->series) || sag_series_is_segmentation (self->series);
  g_autofree char *remarks = dup_remarks (self->series);
  const char *modality = sag_series_get_modality (self->series);

  gtk_widget_set_visible (self->study, study != NULL && is_first_of_study (self->series, study));
  show_study_title (self);
  if (study != NULL)
    {
      gtk_label_set_text (self->study_subtitle, sag_study_get_subtitle (study));
      gtk_widget_set_tooltip_text (GTK_WIDGET (self->study_subtitle), sag_study_get_subtitle (study));
      gtk_widget_set_visible (GTK_WIDGET (self->study_subtitle), sag_study_get_subtitle (study)[0] != '\0');
    }
  gtk_label_set_text (self->title, sag_series_get_title (self->series));
  gtk_label_set_text (self->subtitle, sag_series_get_subtitle (self->series));
  gtk_label_set_text (self->modality, modality);
  gtk_widget_set_visible (GTK_WIDGET (self->modality), modality[0] != '\0');
  gtk_widget_set_visible (self->warning, remarks[0] != '\0');
  gtk_widget_set_tooltip_text (self->box, remarks[0] != '\0' ? remarks : NULL);
  if (openable)
    gtk_widget_remove_css_class (self->box, "unreadable");
  else
    gtk_widget_add_css_class (self->box, "unreadable");
  show_thumbnail (self);
  if (gtk_widget_get_parent (GTK_WIDGET (self)) != NULL)
    {
      g_autofree char *name = g_strjoin (", ", sag_series_get_title (self->series),
                                         sag_series_get_subtitle (self->series), remarks, NULL);

      /* The list's own widget takes the focus. */
      sag_spoken_name (gtk_widget_get_parent (GTK_WIDGET (self)), name);
    }
}

static void
sag_series_row_set_series (SagSeriesRow *self,
                           SagSeries    *series)
{
  if (self->series != NULL)
    g_signal_handlers_disconnect_by_data (self->series, self);
  g_set_object (&self->series, series);
  if (series == NULL)
    return;
  g_signal_connect_object (series, "notify::thumbnail", G_CALLBACK (show_thumbnail), self,
                           G_CONNECT_SWAPPED);
  sag_series_row_update (self);
}

static void
sag_series_row_set_property (GObject      *object,
                             guint         id,
                             const GValue *value,
                             GParamSpec   *pspec)
{
  if (id == PROP_SERIES)
    sag_series_row_set_series (SAG_SERIES_ROW (object), g_value_get_object (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
sag_series_row_get_property (GObject    *object,
                             guint       id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  if (id == PROP_SERIES)
    g_value_set_object (value, SAG_SERIES_ROW (object)->series);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
sag_series_row_dispose (GObject *object)
{
  SagSeriesRow *self = SAG_SERIES_ROW (object);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);
  if (self->series != NULL)
    g_signal_handlers_disconnect_by_data (self->series, self);
  g_clear_object (&self->series);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (sag_series_row_parent_class)->dispose (object);
}

static void
sag_series_row_class_init (SagSeriesRowClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->set_property = sag_series_row_set_property;
  object_class->get_property = sag_series_row_get_property;
  object_class->dispose = sag_series_row_dispose;
  properties[PROP_SERIES] = g_param_spec_object ("series", NULL, NULL, SAG_TYPE_SERIES,
                                                 G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  gtk_widget_class_set_css_name (widget_class, "seriesrow");
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/sagitta/Sagitta/ui/series-row.ui");
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, study);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, study_title);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, study_subtitle);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, box);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, picture);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, placeholder);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, modality);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, title);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, subtitle);
  gtk_widget_class_bind_template_child (widget_class, SagSeriesRow, warning);
}

/* A series is dragged onto the view that is to show it, by its key. */
static GdkContentProvider *
prepare_drag (GtkDragSource *source,
              double         x,
              double         y,
              SagSeriesRow  *self)
{
  GdkPaintable *picture = gtk_picture_get_paintable (self->picture);

  if (self->series == NULL || !sag_series_is_readable (self->series))
    return NULL;
  if (picture != NULL)
    gtk_drag_source_set_icon (source, picture, 0, 0);
  return gdk_content_provider_new_typed (G_TYPE_STRING, sag_series_get_key (self->series));
}

static void
sag_series_row_init (SagSeriesRow *self)
{
  GtkDragSource *drag = gtk_drag_source_new ();

  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (drag, "prepare", G_CALLBACK (prepare_drag), self);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (drag));
  self->settings = sag_settings_new ();
  g_signal_connect_object (self->settings, "changed::show-patient", G_CALLBACK (show_study_title),
                           self, G_CONNECT_SWAPPED);
}
