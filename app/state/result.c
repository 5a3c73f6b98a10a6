/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c: one segmentation that can be shown.
 */
#include "app/state/result.h"

#include <math.h>
#include <string.h>

struct _SagResult
{
  GObject          parent_instance;

  char            *name;
  char            *note;
  SagSegmentation *segmentation;
  SagSegmentation *preview;
  GVariant        *labels;
  GVariant        *values;
  char            *model_id, *doubt;
  int              precision;
  gboolean         complete;
  double           seconds;
  guint64          bytes, model_bytes;
  double           dice;
};

G_DEFINE_FINAL_TYPE (SagResult, sag_result, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_NAME,
  PROP_NOTE,
  PROP_COMPLETE,
  PROP_DICE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
sag_result_finalize (GObject *object)
{
  SagResult *self = SAG_RESULT (object);

  g_free (self->name);
  g_free (self->note);
  g_free (self->model_id);
  g_free (self->doubt);
  g_clear_pointer (&self->segmentation, sag_segmentation_unref);
  g_clear_pointer (&self->preview, sag_segmentation_unref);
  g_clear_pointer (&self->labels, g_variant_unref);
  g_clear_pointer (&self->values, g_variant_unref);
  G_OBJECT_CLASS (sag_result_parent_class)->finalize (object);
}

static void
sag_result_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagResult *self = SAG_RESULT (object);

  switch (id)
    {
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_NOTE: g_value_set_string (value, self->note); break;
    case PROP_COMPLETE: g_value_set_boolean (value, self->complete); break;
    case PROP_DICE: g_value_set_double (value, self->dice); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_result_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_NAME)
    sag_result_set_name (SAG_RESULT (object), g_value_get_string (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
sag_result_class_init (SagResultClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags r = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_result_finalize;
  object_class->get_property = sag_result_get_property;
  object_class->set_property = sag_result_set_property;
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, "", r | G_PARAM_WRITABLE);
  properties[PROP_NOTE] = g_param_spec_string ("note", NULL, NULL, "", r);
  properties[PROP_COMPLETE] = g_param_spec_boolean ("complete", NULL, NULL, FALSE, r);
  properties[PROP_DICE] = g_param_spec_double ("dice", NULL, NULL, 0, 1, 0, r);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
sag_result_init (SagResult *self)
{
  self->name = g_strdup ("");
  self->note = g_strdup ("");
  self->model_id = g_strdup ("");
  self->doubt = g_strdup ("");
  self->precision = -1;
  self->dice = NAN;
}

SagResult *
sag_result_new (const char *name)
{
  SagResult *self = g_object_new (SAG_TYPE_RESULT, NULL);

  sag_result_set_name (self, name);
  return self;
}

const char *
sag_result_get_name (SagResult *self)
{
  g_return_val_if_fail (SAG_IS_RESULT (self), "");
  return self->name;
}

void
sag_result_set_name (SagResult *self, const char *name)
{
  g_return_if_fail (SAG_IS_RESULT (self) && name != NULL);

  if (strcmp (self->name, name) == 0)
    return;
  g_free (self->name);
  self->name = g_utf8_make_valid (name, -1);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NAME]);
}

#define RESULT_GETTER(Type, field, name, none) \
  Type sag_result_##name (SagResult *self) \
  { \
    g_return_val_if_fail (SAG_IS_RESULT (self), none); \
    return self->field; \
  }

RESULT_GETTER (const char *, note, get_note, "")
RESULT_GETTER (SagSegmentation *, segmentation, get_segmentation, NULL)
RESULT_GETTER (SagSegmentation *, preview, get_preview, NULL)
RESULT_GETTER (GVariant *, labels, get_labels, NULL)
RESULT_GETTER (GVariant *, values, get_values, NULL)
RESULT_GETTER (const char *, model_id, get_model_id, "")
RESULT_GETTER (const char *, doubt, get_doubt, "")
RESULT_GETTER (int, precision, get_precision, -1)
RESULT_GETTER (gboolean, complete, is_complete, FALSE)
RESULT_GETTER (double, seconds, get_seconds, 0)
RESULT_GETTER (guint64, bytes, get_bytes, 0)
RESULT_GETTER (guint64, model_bytes, get_model_bytes, 0)
RESULT_GETTER (double, dice, get_dice, NAN)

void
sag_result_set_segmentation (SagResult *self, SagSegmentation *segmentation)
{
  SagSegmentation *old = self->segmentation;

  g_return_if_fail (SAG_IS_RESULT (self));

  self->segmentation = segmentation != NULL ? sag_segmentation_ref (segmentation) : NULL;
  g_clear_pointer (&old, sag_segmentation_unref);
}

void
sag_result_set_preview (SagResult *self, SagSegmentation *preview)
{
  SagSegmentation *old = self->preview;

  g_return_if_fail (SAG_IS_RESULT (self));

  self->preview = preview != NULL ? sag_segmentation_ref (preview) : NULL;
  g_clear_pointer (&old, sag_segmentation_unref);
}

void
sag_result_set_labels (SagResult *self, GVariant *labels)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  g_variant_ref_sink (labels);
  g_clear_pointer (&self->labels, g_variant_unref);
  self->labels = labels;
}

void
sag_result_set_values (SagResult *self, GVariant *values)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  g_variant_ref_sink (values);
  g_clear_pointer (&self->values, g_variant_unref);
  self->values = values;
}

void
sag_result_set_model (SagResult *self, const char *model_id, SagPrecision precision)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  g_free (self->model_id);
  self->model_id = g_strdup (model_id);
  self->precision = precision;
}

void
sag_result_complete (SagResult *self, double seconds, guint64 bytes, guint64 model_bytes)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  self->seconds = seconds;
  self->bytes = bytes;
  self->model_bytes = model_bytes;
  if (seconds > 0)
    {
      g_free (self->note);
      self->note = g_strdup_printf ("%.*f s · %.0f MB", seconds < 9.95 ? 1 : 0, seconds,
                                    (double) bytes * 1e-6);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_NOTE]);
    }
  if (self->complete)
    return;
  self->complete = TRUE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_COMPLETE]);
}

void
sag_result_set_doubt (SagResult *self, const char *doubt)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  g_free (self->doubt);
  self->doubt = g_utf8_make_valid (doubt, -1);
}

void
sag_result_set_dice (SagResult *self, double dice)
{
  g_return_if_fail (SAG_IS_RESULT (self));

  self->dice = dice;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DICE]);
}
