/* SPDX-License-Identifier: Apache-2.0
 *
 * series.c: one stack of a series, as lists show it and jobs ask for it.
 */
#include "app/state/series-private.h"
#include "app/state/text.h"

#include <glib/gi18n-lib.h>

struct _SagSeries
{
  GObject   parent_instance;

  SagStudy *study; /* not owned */
  char     *uid;
  char     *key;
  char     *title;
  char     *subtitle;
  char     *modality;
  char     *date;
  char     *frame_of_reference;
  char     *reason;
  char     *references;
  char    **warnings;
  char    **paths;
  GBytes   *thumbnail;
  char     *patient_orientation;
  char     *view_position;
  char     *laterality;
  char     *spacing_source;
  double    spacing[3];
  double    thickness;
  double    lossy_ratio;
  int       thumbnail_width;
  int       thumbnail_height;
  int       size[3];
  int       stack;
  int       first_frame;
  int       number;
  guint     n_images;
  gboolean  readable;
  gboolean  segmentation;
  gboolean  placed;
  gboolean  lossy;
};

G_DEFINE_FINAL_TYPE (SagSeries, sag_series, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_UID,
  PROP_TITLE,
  PROP_SUBTITLE,
  PROP_MODALITY,
  PROP_N_IMAGES,
  PROP_THUMBNAIL,
  PROP_HAS_WARNINGS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
sag_series_finalize (GObject *object)
{
  SagSeries *self = SAG_SERIES (object);

  g_free (self->uid);
  g_free (self->key);
  g_free (self->title);
  g_free (self->subtitle);
  g_free (self->modality);
  g_free (self->date);
  g_free (self->frame_of_reference);
  g_free (self->reason);
  g_free (self->references);
  g_free (self->patient_orientation);
  g_free (self->view_position);
  g_free (self->laterality);
  g_free (self->spacing_source);
  g_strfreev (self->warnings);
  g_strfreev (self->paths);
  g_clear_pointer (&self->thumbnail, g_bytes_unref);
  G_OBJECT_CLASS (sag_series_parent_class)->finalize (object);
}

static void
sag_series_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagSeries *self = SAG_SERIES (object);

  switch (id)
    {
    case PROP_UID: g_value_set_string (value, self->uid); break;
    case PROP_TITLE: g_value_set_string (value, self->title); break;
    case PROP_SUBTITLE: g_value_set_string (value, self->subtitle); break;
    case PROP_MODALITY: g_value_set_string (value, self->modality); break;
    case PROP_N_IMAGES: g_value_set_uint (value, self->n_images); break;
    case PROP_THUMBNAIL: g_value_set_boxed (value, self->thumbnail); break;
    case PROP_HAS_WARNINGS: g_value_set_boolean (value, self->warnings[0] != NULL); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_series_class_init (SagSeriesClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = sag_series_finalize;
  object_class->get_property = sag_series_get_property;
  properties[PROP_UID] = g_param_spec_string ("uid", NULL, NULL, NULL, flags);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  properties[PROP_MODALITY] = g_param_spec_string ("modality", NULL, NULL, NULL, flags);
  properties[PROP_N_IMAGES] = g_param_spec_uint ("n-images", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_THUMBNAIL] = g_param_spec_boxed ("thumbnail", NULL, NULL, G_TYPE_BYTES, flags);
  properties[PROP_HAS_WARNINGS]
      = g_param_spec_boolean ("has-warnings", NULL, NULL, FALSE, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
sag_series_init (SagSeries *self)
{
}

/* `format` is "^as" for texts, "^aay" for file names. */
static char **
dup_list (GVariant *dict, const char *key, const char *format)
{
  char **list = NULL;

  return g_variant_lookup (dict, key, format, &list) ? list : g_new0 (char *, 1);
}

/* What a file is that says no modality: by its name. */
static const char *
get_kind (SagSeries *self)
{
  g_autofree char *path = self->paths[0] != NULL ? g_ascii_strdown (self->paths[0], -1) : g_strdup ("");

  if (g_str_has_suffix (path, ".nii") || g_str_has_suffix (path, ".nii.gz") || g_str_has_suffix (path, ".hdr")
      || g_str_has_suffix (path, ".hdr.gz"))
    return "NIfTI";
  return g_str_has_suffix (path, ".png") ? "PNG" : NULL;
}

static char *
make_subtitle (SagSeries *self)
{
  const char *kind = *self->modality == '\0' ? get_kind (self) : NULL;
  g_autoptr (GString) text = g_string_new (kind != NULL                ? kind
                                           : *self->modality != '\0' ? self->modality
                                                                      : _ ("Image"));

  if (kind != NULL) /* one file: how many slices it has is known when it is read */
    {
      if (self->segmentation)
        g_string_append_printf (text, " · %s", _ ("labels"));
      return g_string_free (g_steal_pointer (&text), FALSE);
    }
  if (g_str_equal (self->modality, "RTSTRUCT")) /* has no frames */
    {
      g_string_append_printf (text, " · %s", _ ("contours"));
      return g_string_free (g_steal_pointer (&text), FALSE);
    }
  g_string_append (text, " · ");
  g_string_append_printf (text,
                          self->segmentation
                              ? g_dngettext (GETTEXT_PACKAGE, "%u frame", "%u frames", self->n_images)
                              : g_dngettext (GETTEXT_PACKAGE, "%u image", "%u images", self->n_images),
                          self->n_images);
  if (self->size[2] > 1 && self->spacing[2] > 0 && self->placed)
    g_string_append_printf (text, " · %.3g\u00a0mm", self->spacing[2]); /* number and unit on one line */
  return g_string_free (g_steal_pointer (&text), FALSE);
}

SagSeries *
sag_series_new (GVariant *stack)
{
  SagSeries *self = g_object_new (SAG_TYPE_SERIES, NULL);
  g_autofree char *date = sag_text_dup (stack, "date");

  self->uid = sag_text_dup (stack, "uid");
  self->title = sag_text_dup (stack, "description");
  self->modality = sag_text_dup (stack, "modality");
  self->frame_of_reference = sag_text_dup (stack, "frame-of-reference");
  self->reason = sag_text_dup (stack, "reason");
  self->references = sag_text_dup (stack, "references");
  self->patient_orientation = sag_text_dup (stack, "patient-orientation");
  self->view_position = sag_text_dup (stack, "view-position");
  self->laterality = sag_text_dup (stack, "laterality");
  self->spacing_source = sag_text_dup (stack, "spacing-source");
  self->placed = TRUE;
  g_variant_lookup (stack, "placed", "b", &self->placed);
  g_variant_lookup (stack, "thickness", "d", &self->thickness);
  g_variant_lookup (stack, "lossy", "b", &self->lossy);
  g_variant_lookup (stack, "lossy-ratio", "d", &self->lossy_ratio);
  self->warnings = dup_list (stack, "warnings", "^as");
  self->paths = dup_list (stack, "paths", "^aay");
  self->date = sag_text_format_date (date);
  g_variant_lookup (stack, "stack", "i", &self->stack);
  g_variant_lookup (stack, "first-frame", "i", &self->first_frame);
  g_variant_lookup (stack, "number", "i", &self->number);
  g_variant_lookup (stack, "n-images", "u", &self->n_images);
  g_variant_lookup (stack, "readable", "b", &self->readable);
  g_variant_lookup (stack, "segmentation", "b", &self->segmentation);
  g_variant_lookup (stack, "size", "(iii)", &self->size[0], &self->size[1], &self->size[2]);
  g_variant_lookup (stack, "spacing", "(ddd)", &self->spacing[0], &self->spacing[1],
                    &self->spacing[2]);
  self->key = g_strdup_printf ("%s/%d", self->uid, self->stack);
  if (*g_strstrip (self->title) == '\0')
    {
      g_free (self->title);
      self->title = g_strdup_printf (_ ("Series %d"), self->number);
    }
  self->subtitle = make_subtitle (self);
  return self;
}

#define SERIES_GETTER(Type, field, name, none) \
  Type sag_series_##name (SagSeries *self) \
  { \
    g_return_val_if_fail (SAG_IS_SERIES (self), none); \
    return self->field; \
  }

SERIES_GETTER (const char *, uid, get_uid, NULL)
SERIES_GETTER (int, stack, get_stack, 0)
SERIES_GETTER (int, first_frame, get_first_frame, 0)
SERIES_GETTER (const char *, key, get_key, NULL)
SERIES_GETTER (const char *, title, get_title, NULL)
SERIES_GETTER (const char *, subtitle, get_subtitle, NULL)
SERIES_GETTER (const char *, modality, get_modality, NULL)
SERIES_GETTER (int, number, get_number, 0)
SERIES_GETTER (const char *, date, get_date, NULL)
SERIES_GETTER (guint, n_images, get_n_images, 0)
SERIES_GETTER (const int *, size, get_size, NULL)
SERIES_GETTER (const double *, spacing, get_spacing, NULL)
SERIES_GETTER (const char *, frame_of_reference, get_frame_of_reference, NULL)
SERIES_GETTER (gboolean, readable, is_readable, FALSE)
SERIES_GETTER (const char *, reason, get_reason, NULL)
SERIES_GETTER (gboolean, segmentation, is_segmentation, FALSE)
SERIES_GETTER (const char *, references, get_references, NULL)
SERIES_GETTER (SagStudy *, study, get_study, NULL)
SERIES_GETTER (gboolean, placed, is_placed, TRUE)
SERIES_GETTER (const char *, patient_orientation, get_patient_orientation, NULL)
SERIES_GETTER (const char *, view_position, get_view_position, NULL)
SERIES_GETTER (const char *, laterality, get_laterality, NULL)
SERIES_GETTER (const char *, spacing_source, get_spacing_source, NULL)
SERIES_GETTER (double, thickness, get_thickness, 0)
SERIES_GETTER (gboolean, lossy, is_lossy, FALSE)
SERIES_GETTER (double, lossy_ratio, get_lossy_ratio, 0)

const char *const *
sag_series_get_warnings (SagSeries *self)
{
  g_return_val_if_fail (SAG_IS_SERIES (self), NULL);
  return (const char *const *) self->warnings;
}

const char *const *
sag_series_get_paths (SagSeries *self)
{
  g_return_val_if_fail (SAG_IS_SERIES (self), NULL);
  return (const char *const *) self->paths;
}

void
sag_series_set_study (SagSeries *self, SagStudy *study)
{
  self->study = study;
}

GBytes *
sag_series_get_thumbnail (SagSeries *self, int *width, int *height)
{
  g_return_val_if_fail (SAG_IS_SERIES (self), NULL);

  if (width != NULL)
    *width = self->thumbnail_width;
  if (height != NULL)
    *height = self->thumbnail_height;
  return self->thumbnail;
}

void
sag_series_set_thumbnail (SagSeries *self, GVariant *result)
{
  g_autoptr (GVariant) rgba = NULL;
  guint32 width, height;

  g_return_if_fail (SAG_IS_SERIES (self));

  if (!g_variant_lookup (result, "width", "u", &width)
      || !g_variant_lookup (result, "height", "u", &height)
      || (rgba = g_variant_lookup_value (result, "rgba", G_VARIANT_TYPE_BYTESTRING)) == NULL
      || width == 0 || height == 0 || width > 4096 || height > 4096
      || g_variant_get_size (rgba) != (gsize) width * height * 4)
    return;
  g_clear_pointer (&self->thumbnail, g_bytes_unref);
  self->thumbnail = g_variant_get_data_as_bytes (rgba);
  self->thumbnail_width = (int) width;
  self->thumbnail_height = (int) height;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_THUMBNAIL]);
}
