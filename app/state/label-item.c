/* SPDX-License-Identifier: Apache-2.0
 *
 * label-item.c: one row of the label list.
 */
#include "app/state/label-item.h"

#include "app/state/anatomy.h"

#include <glib/gi18n-lib.h>
#include <math.h>

struct _SagLabelItem
{
  GObject  parent_instance;

  SagLabel label;
  char    *name; /* as shown */
  gboolean visible;
  double   ml;
  double   confidence;
  double   centroid[3];
  double   mean, sd;
  char     unit[17];
};

G_DEFINE_FINAL_TYPE (SagLabelItem, sag_label_item, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_NUMBER,
  PROP_NAME,
  PROP_VISIBLE,
  PROP_ML,
  PROP_ML_TEXT,
  PROP_CONFIDENCE,
  PROP_VALUES_TEXT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

/* Three digits, so that what is shown is what is known: "2.31 ml", "231 ml", "2310 ml". */
static char *
format_ml (double ml)
{
  if (isnan (ml))
    return g_strdup ("");
  return ml < 10    ? g_strdup_printf ("%.2f ml", ml)
         : ml < 100 ? g_strdup_printf ("%.1f ml", ml)
                    : g_strdup_printf ("%.0f ml", ml);
}

static char *
format_values (SagLabelItem *self)
{
  g_autofree char *number = NULL;

  if (isnan (self->mean))
    return g_strdup ("");
  number = g_strdup_printf (fabs (self->mean) >= 100 ? "%s%.0f" : "%s%.1f", self->mean < 0 ? "\u2212" : "",
                            fabs (self->mean));
  /* Without a unit it would say nothing of what it is. */
  return self->unit[0] != '\0' ? g_strdup_printf ("%s %s", number, self->unit)
                               : g_strdup_printf (_ ("mean %s"), number);
}

static void
sag_label_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagLabelItem *self = SAG_LABEL_ITEM (object);

  switch (id)
    {
    case PROP_NUMBER: g_value_set_int (value, sag_label_get_number (&self->label)); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_VISIBLE: g_value_set_boolean (value, self->visible); break;
    case PROP_ML: g_value_set_double (value, self->ml); break;
    case PROP_ML_TEXT: g_value_take_string (value, format_ml (self->ml)); break;
    case PROP_VALUES_TEXT: g_value_take_string (value, format_values (self)); break;
    case PROP_CONFIDENCE: g_value_set_double (value, self->confidence); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_label_item_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_VISIBLE)
    sag_label_item_set_visible (SAG_LABEL_ITEM (object), g_value_get_boolean (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
sag_label_item_finalize (GObject *object)
{
  g_free (SAG_LABEL_ITEM (object)->name);
  G_OBJECT_CLASS (sag_label_item_parent_class)->finalize (object);
}

static void
sag_label_item_class_init (SagLabelItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_label_item_finalize;
  object_class->get_property = sag_label_item_get_property;
  object_class->set_property = sag_label_item_set_property;
  properties[PROP_NUMBER] = g_param_spec_int ("number", NULL, NULL, 0, SAG_LABEL_NUMBERS - 1, 0, flags);
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_VISIBLE]
      = g_param_spec_boolean ("visible", NULL, NULL, TRUE, flags | G_PARAM_WRITABLE);
  properties[PROP_ML] = g_param_spec_double ("ml", NULL, NULL, 0, G_MAXDOUBLE, 0, flags);
  properties[PROP_ML_TEXT] = g_param_spec_string ("ml-text", NULL, NULL, NULL, flags);
  properties[PROP_CONFIDENCE] = g_param_spec_double ("confidence", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_VALUES_TEXT] = g_param_spec_string ("values-text", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
sag_label_item_init (SagLabelItem *self)
{
  self->visible = TRUE;
  self->ml = NAN;
  self->confidence = NAN;
  self->mean = self->sd = NAN;
}

SagLabelItem *
sag_label_item_new (const SagLabel *label)
{
  SagLabelItem *self = g_object_new (SAG_TYPE_LABEL_ITEM, NULL);

  self->label = *label;
  self->name = sag_anatomy_dup_name (label);
  return self;
}

const SagLabel *
sag_label_item_get_label (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NULL);
  return &self->label;
}

const char *
sag_label_item_get_name (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NULL);
  return self->name;
}

gboolean
sag_label_item_get_visible (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), FALSE);
  return self->visible;
}

void
sag_label_item_set_visible (SagLabelItem *self, gboolean visible)
{
  g_return_if_fail (SAG_IS_LABEL_ITEM (self));

  if (self->visible == !!visible)
    return;
  self->visible = !!visible;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VISIBLE]);
}

double
sag_label_item_get_ml (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NAN);
  return self->ml;
}

double
sag_label_item_get_confidence (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NAN);
  return self->confidence;
}

gboolean
sag_label_item_get_centroid (SagLabelItem *self, double centroid[3])
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), FALSE);

  for (int a = 0; a < 3; a++)
    centroid[a] = self->centroid[a];
  return self->ml > 0;
}

void
sag_label_item_set_measured (SagLabelItem *self, double ml, double confidence,
                             const double centroid[3])
{
  g_return_if_fail (SAG_IS_LABEL_ITEM (self));

  self->ml = ml;
  self->confidence = confidence;
  for (int a = 0; a < 3; a++)
    self->centroid[a] = centroid[a];
  for (int prop = PROP_ML; prop < N_PROPS; prop++)
    g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

void
sag_label_item_set_values (SagLabelItem *self, double mean, double sd, const char *unit)
{
  g_return_if_fail (SAG_IS_LABEL_ITEM (self));

  self->mean = mean;
  self->sd = sd;
  g_strlcpy (self->unit, unit, sizeof self->unit);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VALUES_TEXT]);
}

double
sag_label_item_get_mean (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NAN);
  return self->mean;
}

double
sag_label_item_get_sd (SagLabelItem *self)
{
  g_return_val_if_fail (SAG_IS_LABEL_ITEM (self), NAN);
  return self->sd;
}
