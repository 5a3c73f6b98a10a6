/* SPDX-License-Identifier: Apache-2.0
 *
 * measurements.c: what was measured on one series.
 */
#include "app/state/measurements.h"

#include <string.h>

#define MOST_UNDO 200

struct _SagMeasurements
{
  GObject         parent_instance;

  GListStore     *items;
  SagMeasurement *selected;
  SagMeasurement *draft;
  SagVolume      *volume;
  gboolean        calibrated;
  GVariant       *before; /* the state when a change began; NULL between changes */
  GQueue          undo, redo; /* of GVariant: earlier states, the latest first */
};

G_DEFINE_FINAL_TYPE (SagMeasurements, sag_measurements, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_ITEMS,
  PROP_SELECTED,
  PROP_DRAFT,
  PROP_CAN_UNDO,
  PROP_CAN_REDO,
  N_PROPS
};

enum
{
  CHANGED,
  EDITED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

static void
forget (GQueue *states)
{
  g_queue_clear_full (states, (GDestroyNotify) g_variant_unref);
}

static void
sag_measurements_finalize (GObject *object)
{
  SagMeasurements *self = SAG_MEASUREMENTS (object);

  forget (&self->undo);
  forget (&self->redo);
  g_clear_pointer (&self->before, g_variant_unref);
  g_clear_pointer (&self->volume, sag_volume_unref);
  g_clear_object (&self->selected);
  g_clear_object (&self->draft);
  g_object_unref (self->items);
  G_OBJECT_CLASS (sag_measurements_parent_class)->finalize (object);
}

static void
sag_measurements_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagMeasurements *self = SAG_MEASUREMENTS (object);

  switch (id)
    {
    case PROP_ITEMS: g_value_set_object (value, self->items); break;
    case PROP_SELECTED: g_value_set_object (value, self->selected); break;
    case PROP_DRAFT: g_value_set_object (value, self->draft); break;
    case PROP_CAN_UNDO: g_value_set_boolean (value, self->undo.length > 0); break;
    case PROP_CAN_REDO: g_value_set_boolean (value, self->redo.length > 0); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_measurements_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  SagMeasurements *self = SAG_MEASUREMENTS (object);

  switch (id)
    {
    case PROP_SELECTED: sag_measurements_select (self, g_value_get_object (value)); break;
    case PROP_DRAFT: sag_measurements_set_draft (self, g_value_get_object (value)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_measurements_class_init (SagMeasurementsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags r = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  GParamSpec **p = properties;

  object_class->finalize = sag_measurements_finalize;
  object_class->get_property = sag_measurements_get_property;
  object_class->set_property = sag_measurements_set_property;
  p[PROP_ITEMS] = g_param_spec_object ("items", NULL, NULL, G_TYPE_LIST_MODEL, r);
  p[PROP_SELECTED] = g_param_spec_object ("selected", NULL, NULL, SAG_TYPE_MEASUREMENT,
                                          r | G_PARAM_WRITABLE);
  p[PROP_DRAFT] = g_param_spec_object ("draft", NULL, NULL, SAG_TYPE_MEASUREMENT,
                                       r | G_PARAM_WRITABLE);
  p[PROP_CAN_UNDO] = g_param_spec_boolean ("can-undo", NULL, NULL, FALSE, r);
  p[PROP_CAN_REDO] = g_param_spec_boolean ("can-redo", NULL, NULL, FALSE, r);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[CHANGED] = g_signal_new ("changed", SAG_TYPE_MEASUREMENTS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
  signals[EDITED] = g_signal_new ("edited", SAG_TYPE_MEASUREMENTS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                  NULL, G_TYPE_NONE, 0);
}

static void
sag_measurements_init (SagMeasurements *self)
{
  self->items = g_list_store_new (SAG_TYPE_MEASUREMENT);
  self->calibrated = TRUE;
  g_queue_init (&self->undo);
  g_queue_init (&self->redo);
}

SagMeasurements *
sag_measurements_new (void)
{
  return g_object_new (SAG_TYPE_MEASUREMENTS, NULL);
}

GListModel *
sag_measurements_get_items (SagMeasurements *self)
{
  return G_LIST_MODEL (self->items);
}

SagMeasurement *
sag_measurements_get_selected (SagMeasurements *self)
{
  return self->selected;
}

void
sag_measurements_select (SagMeasurements *self, SagMeasurement *item)
{
  if (!g_set_object (&self->selected, item))
    return;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SELECTED]);
  g_signal_emit (self, signals[CHANGED], 0);
}

SagMeasurement *
sag_measurements_get_draft (SagMeasurements *self)
{
  return self->draft;
}

void
sag_measurements_set_draft (SagMeasurements *self, SagMeasurement *draft)
{
  if (!g_set_object (&self->draft, draft))
    return;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DRAFT]);
  g_signal_emit (self, signals[CHANGED], 0);
}

static void
notify_history (SagMeasurements *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_UNDO]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CAN_REDO]);
}

void
sag_measurements_set_volume (SagMeasurements *self, SagVolume *volume, gboolean calibrated)
{
  SagVolume *old = self->volume;

  self->calibrated = calibrated;
  if (old == volume)
    return;
  self->volume = volume != NULL ? sag_volume_ref (volume) : NULL;
  g_clear_pointer (&old, sag_volume_unref);
  forget (&self->undo);
  forget (&self->redo);
  g_clear_pointer (&self->before, g_variant_unref);
  sag_measurements_set_draft (self, NULL);
  sag_measurements_select (self, NULL);
  g_list_store_remove_all (self->items);
  notify_history (self);
  g_signal_emit (self, signals[CHANGED], 0);
}

void
sag_measurements_refresh (SagMeasurements *self)
{
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self->items)); n++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (G_LIST_MODEL (self->items), n);

      sag_measurement_measure (item, self->volume, self->calibrated);
    }
}

/* ---- changing */

void
sag_measurements_begin (SagMeasurements *self)
{
  if (self->before == NULL)
    self->before = g_variant_ref_sink (sag_measurements_to_variant (self));
}

void
sag_measurements_touch (SagMeasurements *self, SagMeasurement *item)
{
  sag_measurement_measure (item, self->volume, self->calibrated);
  g_signal_emit (self, signals[CHANGED], 0);
}

void
sag_measurements_end (SagMeasurements *self)
{
  g_autoptr (GVariant) before = g_steal_pointer (&self->before);
  g_autoptr (GVariant) now = NULL;

  if (before == NULL)
    return;
  now = g_variant_ref_sink (sag_measurements_to_variant (self));
  if (g_variant_equal (before, now))
    return;
  g_queue_push_head (&self->undo, g_steal_pointer (&before));
  while (self->undo.length > MOST_UNDO)
    g_variant_unref (g_queue_pop_tail (&self->undo));
  forget (&self->redo);
  notify_history (self);
  g_signal_emit (self, signals[CHANGED], 0);
  g_signal_emit (self, signals[EDITED], 0);
}

void
sag_measurements_add (SagMeasurements *self, SagMeasurement *item)
{
  sag_measurements_begin (self);
  sag_measurement_measure (item, self->volume, self->calibrated);
  g_list_store_append (self->items, item);
  sag_measurements_select (self, item);
  sag_measurements_end (self);
}

void
sag_measurements_remove (SagMeasurements *self, SagMeasurement *item)
{
  guint position;

  if (!g_list_store_find (self->items, item, &position))
    return;
  sag_measurements_begin (self);
  if (self->selected == item)
    sag_measurements_select (self, NULL);
  g_list_store_remove (self->items, position);
  sag_measurements_end (self);
}

/* ---- states */

GVariant *
sag_measurements_to_variant (SagMeasurements *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self->items)); n++)
    {
      g_autoptr (SagMeasurement) item = g_list_model_get_item (G_LIST_MODEL (self->items), n);

      g_variant_builder_add_value (&builder, sag_measurement_to_variant (item));
    }
  return g_variant_builder_end (&builder);
}

gboolean
sag_measurements_load (SagMeasurements *self, GVariant *description, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *uid
      = self->selected != NULL ? g_strdup (sag_measurement_get_uid (self->selected)) : NULL;
  SagMeasurement *selected = NULL;

  if (!g_variant_is_of_type (description, G_VARIANT_TYPE ("aa{sv}")))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The measurements make no sense");
      return FALSE;
    }
  for (gsize n = 0; n < g_variant_n_children (description); n++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (description, n);
      SagMeasurement *item = sag_measurement_from_variant (child, error);

      if (item == NULL)
        return FALSE;
      sag_measurement_measure (item, self->volume, self->calibrated);
      if (g_strcmp0 (uid, sag_measurement_get_uid (item)) == 0)
        selected = item;
      g_ptr_array_add (items, item);
    }
  g_list_store_splice (self->items, 0, g_list_model_get_n_items (G_LIST_MODEL (self->items)),
                       items->pdata, items->len);
  sag_measurements_select (self, selected);
  g_signal_emit (self, signals[CHANGED], 0);
  return TRUE;
}

static gboolean
step (SagMeasurements *self, GQueue *from, GQueue *to)
{
  g_autoptr (GVariant) state = g_queue_pop_head (from);

  if (state == NULL)
    return FALSE;
  g_queue_push_head (to, g_variant_ref_sink (sag_measurements_to_variant (self)));
  sag_measurements_load (self, state, NULL);
  notify_history (self);
  g_signal_emit (self, signals[EDITED], 0);
  return TRUE;
}

gboolean
sag_measurements_undo (SagMeasurements *self)
{
  return step (self, &self->undo, &self->redo);
}

gboolean
sag_measurements_redo (SagMeasurements *self)
{
  return step (self, &self->redo, &self->undo);
}
