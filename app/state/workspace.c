/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace.c: what is open and how it is shown: properties.
 */
#include "app/state/workspace.h"

#include "app/state/presets.h"
#include "app/state/workspace-private.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

G_DEFINE_FINAL_TYPE (SagWorkspace, sag_workspace, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_SERIES,
  PROP_VOLUME,
  PROP_SEGMENTATION,
  PROP_PREVIEW,
  PROP_REFERENCE,
  PROP_RESULTS,
  PROP_RESULT,
  PROP_OTHER,
  PROP_COMPARE,
  PROP_SWIPE,
  PROP_CURSOR,
  PROP_WINDOW_LEVEL,
  PROP_VIEW,
  PROP_SLAB_MM,
  PROP_SLAB_MODE,
  PROP_INTERPOLATION,
  PROP_INVERT,
  PROP_COLOUR_TABLE,
  PROP_OBLIQUE,
  PROP_FUSION,
  PROP_OVERLAY,
  PROP_OVERLAY_VISIBLE,
  PROP_OPACITY,
  PROP_CONFIDENCE_THRESHOLD,
  PROP_LABELS,
  PROP_HIDDEN,
  PROP_WARNINGS,
  PROP_PRESETS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];
static guint slices_ready;

static void
notify (SagWorkspace *self, int prop)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

static void
sag_workspace_finalize (GObject *object)
{
  SagWorkspace *self = SAG_WORKSPACE (object);

  g_clear_object (&self->fusion);
  g_clear_object (&self->series);
  g_clear_object (&self->result);
  g_clear_object (&self->other);
  g_clear_object (&self->received);
  g_hash_table_unref (self->hidden_names);
  g_object_unref (self->editing);
  g_object_unref (self->measurements);
  g_object_unref (self->results);
  g_clear_pointer (&self->volume, sag_volume_unref);
  g_clear_pointer (&self->segmentation, sag_segmentation_unref);
  g_clear_pointer (&self->preview, sag_segmentation_unref);
  g_clear_pointer (&self->reference, sag_segmentation_unref);
  g_clear_pointer (&self->uncertain, g_array_unref);
  g_strfreev (self->warnings);
  g_array_unref (self->presets);
  g_object_unref (self->labels);
  G_OBJECT_CLASS (sag_workspace_parent_class)->finalize (object);
}

static void
sag_workspace_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagWorkspace *self = SAG_WORKSPACE (object);
  const double *c = self->cursor;

  switch (id)
    {
    case PROP_SERIES: g_value_set_object (value, self->series); break;
    case PROP_VOLUME: g_value_set_pointer (value, self->volume); break;
    case PROP_SEGMENTATION: g_value_set_pointer (value, self->segmentation); break;
    case PROP_PREVIEW: g_value_set_pointer (value, self->preview); break;
    case PROP_REFERENCE: g_value_set_pointer (value, self->reference); break;
    case PROP_RESULTS: g_value_set_object (value, self->results); break;
    case PROP_RESULT: g_value_set_object (value, self->result); break;
    case PROP_OTHER: g_value_set_object (value, self->other); break;
    case PROP_COMPARE: g_value_set_int (value, self->compare); break;
    case PROP_SWIPE: g_value_set_double (value, self->swipe); break;
    case PROP_CURSOR: g_value_set_variant (value, g_variant_new ("(ddd)", c[0], c[1], c[2])); break;
    case PROP_WINDOW_LEVEL:
      g_value_set_variant (value, g_variant_new ("(dd)", self->window.center, self->window.width));
      break;
    case PROP_VIEW: g_value_set_int (value, self->view); break;
    case PROP_SLAB_MM: g_value_set_double (value, self->slab_mm); break;
    case PROP_SLAB_MODE: g_value_set_int (value, self->slab_mode); break;
    case PROP_INTERPOLATION: g_value_set_int (value, self->interpolation); break;
    case PROP_INVERT: g_value_set_boolean (value, self->invert); break;
    case PROP_COLOUR_TABLE: g_value_set_int (value, self->colour_table); break;
    case PROP_FUSION: g_value_set_object (value, self->fusion); break;
    case PROP_OBLIQUE: g_value_set_boolean (value, self->oblique); break;
    case PROP_OVERLAY: g_value_set_uint (value, self->overlay); break;
    case PROP_OVERLAY_VISIBLE: g_value_set_boolean (value, self->overlay_visible); break;
    case PROP_OPACITY: g_value_set_double (value, self->opacity); break;
    case PROP_CONFIDENCE_THRESHOLD: g_value_set_double (value, self->confidence_threshold); break;
    case PROP_LABELS: g_value_set_object (value, self->labels); break;
    case PROP_HIDDEN: g_value_set_pointer (value, self->hidden); break;
    case PROP_WARNINGS: g_value_set_boxed (value, self->warnings); break;
    case PROP_PRESETS: g_value_set_pointer (value, self->presets->data); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_workspace_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  SagWorkspace *self = SAG_WORKSPACE (object);
  GVariant *variant;
  SagWindowLevel window;
  double lps[3];

  switch (id)
    {
    case PROP_SERIES: sag_workspace_set_series (self, g_value_get_object (value)); break;
    case PROP_VOLUME: sag_workspace_set_volume (self, g_value_get_pointer (value)); break;
    case PROP_SEGMENTATION:
      sag_workspace_set_segmentation (self, g_value_get_pointer (value));
      break;
    case PROP_REFERENCE: sag_workspace_set_reference (self, g_value_get_pointer (value)); break;
    case PROP_RESULT: sag_workspace_show_result (self, g_value_get_object (value)); break;
    case PROP_OTHER: sag_workspace_set_other (self, g_value_get_object (value)); break;
    case PROP_COMPARE: sag_workspace_set_compare (self, g_value_get_int (value)); break;
    case PROP_SWIPE: sag_workspace_set_swipe (self, g_value_get_double (value)); break;
    case PROP_CURSOR:
      if ((variant = g_value_get_variant (value)) != NULL)
        {
          g_variant_get (variant, "(ddd)", &lps[0], &lps[1], &lps[2]);
          sag_workspace_set_cursor (self, lps);
        }
      break;
    case PROP_WINDOW_LEVEL:
      if ((variant = g_value_get_variant (value)) != NULL)
        {
          g_variant_get (variant, "(dd)", &window.center, &window.width);
          sag_workspace_set_window_level (self, window);
        }
      break;
    case PROP_VIEW: sag_workspace_set_view (self, g_value_get_int (value)); break;
    case PROP_SLAB_MM: sag_workspace_set_slab_mm (self, g_value_get_double (value)); break;
    case PROP_SLAB_MODE: sag_workspace_set_slab_mode (self, g_value_get_int (value)); break;
    case PROP_INTERPOLATION:
      sag_workspace_set_interpolation (self, g_value_get_int (value));
      break;
    case PROP_INVERT: sag_workspace_set_invert (self, g_value_get_boolean (value)); break;
    case PROP_COLOUR_TABLE:
      sag_workspace_set_colour_table (self, g_value_get_int (value));
      break;
    case PROP_OVERLAY: sag_workspace_set_overlay (self, g_value_get_uint (value)); break;
    case PROP_OVERLAY_VISIBLE:
      sag_workspace_set_overlay_visible (self, g_value_get_boolean (value));
      break;
    case PROP_OPACITY: sag_workspace_set_opacity (self, g_value_get_double (value)); break;
    case PROP_CONFIDENCE_THRESHOLD:
      sag_workspace_set_confidence_threshold (self, g_value_get_double (value));
      break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_workspace_class_init (SagWorkspaceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags r = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags rw = r | G_PARAM_WRITABLE;
  GParamSpec **p = properties;

  object_class->finalize = sag_workspace_finalize;
  object_class->get_property = sag_workspace_get_property;
  object_class->set_property = sag_workspace_set_property;

  p[PROP_SERIES] = g_param_spec_object ("series", NULL, NULL, SAG_TYPE_SERIES, rw);
  p[PROP_VOLUME] = g_param_spec_pointer ("volume", NULL, NULL, rw);
  p[PROP_SEGMENTATION] = g_param_spec_pointer ("segmentation", NULL, NULL, rw);
  p[PROP_PREVIEW] = g_param_spec_pointer ("preview", NULL, NULL, r);
  p[PROP_REFERENCE] = g_param_spec_pointer ("reference", NULL, NULL, rw);
  p[PROP_RESULTS] = g_param_spec_object ("results", NULL, NULL, G_TYPE_LIST_MODEL, r);
  p[PROP_RESULT] = g_param_spec_object ("result", NULL, NULL, SAG_TYPE_RESULT, rw);
  p[PROP_OTHER] = g_param_spec_object ("other", NULL, NULL, SAG_TYPE_RESULT, rw);
  p[PROP_COMPARE] = g_param_spec_int ("compare", NULL, NULL, SAG_COMPARE_OFF, SAG_COMPARE_SIDE,
                                      SAG_COMPARE_OFF, rw);
  p[PROP_SWIPE] = g_param_spec_double ("swipe", NULL, NULL, 0, 1, 0.5, rw);
  p[PROP_CURSOR]
      = g_param_spec_variant ("cursor", NULL, NULL, G_VARIANT_TYPE ("(ddd)"), NULL, rw);
  p[PROP_WINDOW_LEVEL]
      = g_param_spec_variant ("window-level", NULL, NULL, G_VARIANT_TYPE ("(dd)"), NULL, rw);
  p[PROP_VIEW] = g_param_spec_int ("view", NULL, NULL, 0, SAG_N_VIEWS - 1, SAG_VIEW_AXIAL, rw);
  p[PROP_SLAB_MM] = g_param_spec_double ("slab-mm", NULL, NULL, 0, 200, 0, rw);
  p[PROP_SLAB_MODE] = g_param_spec_int ("slab-mode", NULL, NULL, SAG_SLAB_NONE, SAG_SLAB_MEAN,
                                        SAG_SLAB_NONE, rw);
  p[PROP_INTERPOLATION]
      = g_param_spec_int ("interpolation", NULL, NULL, SAG_INTERPOLATION_NEAREST,
                          SAG_INTERPOLATION_CUBIC, SAG_INTERPOLATION_LINEAR, rw);
  p[PROP_INVERT] = g_param_spec_boolean ("invert", NULL, NULL, FALSE, rw);
  p[PROP_COLOUR_TABLE] = g_param_spec_int ("colour-table", NULL, NULL, 0, SAG_N_COLOUR_TABLES - 1,
                                           SAG_COLOUR_TABLE_GREY, rw);
  p[PROP_FUSION] = g_param_spec_object ("fusion", NULL, NULL, SAG_TYPE_WORKSPACE, r);
  p[PROP_OBLIQUE] = g_param_spec_boolean ("oblique", NULL, NULL, FALSE, r);
  p[PROP_OVERLAY] = g_param_spec_uint ("overlay", NULL, NULL, 0, G_MAXUINT,
                                       SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE, rw);
  p[PROP_OVERLAY_VISIBLE] = g_param_spec_boolean ("overlay-visible", NULL, NULL, TRUE, rw);
  p[PROP_OPACITY] = g_param_spec_double ("opacity", NULL, NULL, 0, 1, 0.35, rw);
  p[PROP_CONFIDENCE_THRESHOLD]
      = g_param_spec_double ("confidence-threshold", NULL, NULL, 0, 1, 0, rw);
  p[PROP_LABELS] = g_param_spec_object ("labels", NULL, NULL, G_TYPE_LIST_MODEL, r);
  p[PROP_HIDDEN] = g_param_spec_pointer ("hidden", NULL, NULL, r);
  p[PROP_WARNINGS] = g_param_spec_boxed ("warnings", NULL, NULL, G_TYPE_STRV, r);
  p[PROP_PRESETS] = g_param_spec_pointer ("presets", NULL, NULL, r);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  slices_ready = g_signal_new ("slices-ready", SAG_TYPE_WORKSPACE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                               NULL, G_TYPE_NONE, 3, G_TYPE_INT, G_TYPE_INT, G_TYPE_INT);
}

static void
sag_workspace_init (SagWorkspace *self)
{
  SagSliceSpec spec;

  sag_slice_spec_init (&spec);
  self->window = spec.window;
  self->overlay = spec.overlay;
  self->opacity = (double) spec.opacity;
  self->interpolation = SAG_INTERPOLATION_LINEAR;
  self->fusion_opacity = 0.6;
  self->overlay_visible = TRUE;
  self->warnings = g_new0 (char *, 1);
  self->presets = sag_presets_new ();
  self->labels = g_list_store_new (SAG_TYPE_LABEL_ITEM);
  self->hidden_names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->results = g_list_store_new (SAG_TYPE_RESULT);
  self->measurements = sag_measurements_new ();
  self->editing = sag_editing_new (self);
  self->swipe = 0.5;
  self->agreement = NAN;
}

SagWorkspace *
sag_workspace_new (void)
{
  return g_object_new (SAG_TYPE_WORKSPACE, NULL);
}

/* Getters and setters of plain values. */
#define VALUE(Type, field, PROP, clean) \
  Type sag_workspace_get_##field (SagWorkspace *self) \
  { \
    g_return_val_if_fail (SAG_IS_WORKSPACE (self), (Type) 0); \
    return self->field; \
  } \
  void sag_workspace_set_##field (SagWorkspace *self, Type value) \
  { \
    g_return_if_fail (SAG_IS_WORKSPACE (self)); \
    value = clean; \
    if (self->field == value) \
      return; \
    self->field = value; \
    notify (self, PROP); \
  }

VALUE (SagView, view, PROP_VIEW, (SagView) CLAMP ((int) value, 0, SAG_N_VIEWS - 1))
VALUE (double, slab_mm, PROP_SLAB_MM, CLAMP (value, 0.0, 200.0))
VALUE (SagSlabMode, slab_mode, PROP_SLAB_MODE, (SagSlabMode) CLAMP ((int) value, 0, SAG_SLAB_MEAN))
VALUE (SagInterpolation, interpolation, PROP_INTERPOLATION,
       (SagInterpolation) CLAMP ((int) value, 0, SAG_INTERPOLATION_CUBIC))
VALUE (gboolean, invert, PROP_INVERT, !!value)
VALUE (SagColourTable, colour_table, PROP_COLOUR_TABLE,
       (SagColourTable) CLAMP ((int) value, 0, SAG_N_COLOUR_TABLES - 1))
VALUE (SagOverlayFlags, overlay, PROP_OVERLAY, value)
VALUE (gboolean, overlay_visible, PROP_OVERLAY_VISIBLE, !!value)
VALUE (SagCompare, compare, PROP_COMPARE,
       (SagCompare) CLAMP ((int) value, 0, SAG_COMPARE_SIDE))
VALUE (double, swipe, PROP_SWIPE, CLAMP (value, 0.0, 1.0))
VALUE (double, opacity, PROP_OPACITY, CLAMP (value, 0.0, 1.0))
VALUE (double, confidence_threshold, PROP_CONFIDENCE_THRESHOLD, CLAMP (value, 0.0, 1.0))

SagSeries *
sag_workspace_get_series (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->series;
}

void
sag_workspace_set_series (SagWorkspace *self, SagSeries *series)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (!g_set_object (&self->series, series))
    return;
  sag_workspace_set_volume (self, NULL);
  notify (self, PROP_SERIES);
}

SagVolume *
sag_workspace_get_volume (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->volume;
}

static void
centre_cursor (SagWorkspace *self)
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  double middle[3];

  for (int a = 0; a < 3; a++)
    middle[a] = grid->size[a] / 2;
  sag_grid_to_lps (grid, middle, self->cursor);
  notify (self, PROP_CURSOR);
}

void
sag_workspace_set_volume (SagWorkspace *self, SagVolume *volume)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->volume == volume)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  sag_workspace_clear_results (self);
  sag_workspace_set_reference (self, NULL);
  g_clear_pointer (&self->volume, sag_volume_unref);
  self->volume = volume != NULL ? sag_volume_ref (volume) : NULL;
  g_hash_table_remove_all (self->hidden_names);
  sag_measurements_set_volume (self->measurements, volume,
                               self->series == NULL
                                   || strcmp (sag_series_get_spacing_source (self->series), "unknown")
                                          != 0);
  self->straightens = self->straightened = FALSE;
  sag_workspace_take_warnings (self, NULL);
  sag_workspace_reset_planes (self);
  sag_workspace_set_fusion (self, NULL);
  sag_workspace_choose_window (self, NULL);
  if (volume != NULL)
    {
      self->file_inverts = FALSE;
      sag_workspace_set_invert (self, FALSE);
      sag_workspace_set_colour_table (self, SAG_COLOUR_TABLE_GREY);
      centre_cursor (self);
    }
  notify (self, PROP_VOLUME);
  g_object_thaw_notify (G_OBJECT (self));
}

void
sag_workspace_take_warnings (SagWorkspace *self, char **warnings)
{
  if (self->warnings[0] == NULL && (warnings == NULL || warnings[0] == NULL))
    {
      g_strfreev (warnings);
      return;
    }
  g_strfreev (self->warnings);
  self->warnings = warnings != NULL ? warnings : g_new0 (char *, 1);
  notify (self, PROP_WARNINGS);
}

static void
label_visible_changed (SagWorkspace *self, GParamSpec *pspec, SagLabelItem *item)
{
  int number = sag_label_get_number (sag_label_item_get_label (item));
  guint32 bit = 1u << (number & 31);

  if (sag_label_item_get_visible (item))
    self->hidden[number >> 5] &= ~bit;
  else
    self->hidden[number >> 5] |= bit;
  notify (self, PROP_HIDDEN);
}

/* What a label is known by from one result to the next. */
static char *
make_label_key (SagLabelItem *item)
{
  return g_strdup_printf ("%d %s", sag_label_get_number (sag_label_item_get_label (item)),
                          sag_label_item_get_name (item));
}

static void
remember_hidden (SagWorkspace *self)
{
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self->labels)); n++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (G_LIST_MODEL (self->labels), n);
      char *key = make_label_key (item);

      if (sag_label_item_get_visible (item))
        {
          g_hash_table_remove (self->hidden_names, key);
          g_free (key);
        }
      else
        g_hash_table_add (self->hidden_names, key);
    }
}

/* Labels of another result with the same names stay hidden if they were: precision is switched with
 * one eye on them. */
static SagLabelItem *
make_item (SagWorkspace *self, const SagLabel *label)
{
  SagLabelItem *item = sag_label_item_new (label);
  g_autofree char *key = make_label_key (item);

  sag_label_item_set_visible (item, !g_hash_table_contains (self->hidden_names, key));
  g_signal_connect_object (item, "notify::visible", G_CALLBACK (label_visible_changed), self,
                           G_CONNECT_SWAPPED);
  return item;
}

static void
update_labels (SagWorkspace *self)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree guint8 *seen = g_malloc0 (SAG_LABEL_NUMBERS);
  SagSegmentation *source = self->segmentation;

  remember_hidden (self);
  for (int layer = 0; source != NULL && layer < sag_segmentation_get_n_layers (source); layer++)
    {
      int n_labels;
      const SagLabel *labels
          = sag_labelmap_get_labels (sag_segmentation_get_layer (source, layer), &n_labels);

      for (int n = 0; n < n_labels; n++)
        if (!seen[sag_label_get_number (&labels[n])])
          {
            seen[sag_label_get_number (&labels[n])] = TRUE;
            g_ptr_array_add (items, make_item (self, &labels[n]));
          }
    }
  memset (self->hidden, 0, sizeof self->hidden);
  for (guint n = 0; n < items->len; n++)
    {
      int number = sag_label_get_number (sag_label_item_get_label (g_ptr_array_index (items, n)));

      if (!sag_label_item_get_visible (g_ptr_array_index (items, n)))
        self->hidden[number >> 5] |= 1u << (number & 31);
    }
  g_list_store_splice (self->labels, 0, g_list_model_get_n_items (G_LIST_MODEL (self->labels)),
                       items->pdata, items->len);
  notify (self, PROP_HIDDEN);
}

SagSegmentation *
sag_workspace_get_segmentation (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->segmentation;
}

void
sag_workspace_put_segmentation (SagWorkspace *self, SagSegmentation *segmentation)
{
  if (self->segmentation == segmentation)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  g_clear_pointer (&self->segmentation, sag_segmentation_unref);
  g_clear_pointer (&self->uncertain, g_array_unref);
  self->uncertain_rank = 0;
  self->segmentation = segmentation != NULL ? sag_segmentation_ref (segmentation) : NULL;
  update_labels (self);
  notify (self, PROP_SEGMENTATION);
  g_object_thaw_notify (G_OBJECT (self));
}

SagSegmentation *
sag_workspace_get_preview (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->preview;
}

void
sag_workspace_put_preview (SagWorkspace *self, SagSegmentation *preview)
{
  if (self->preview == preview)
    return;
  g_clear_pointer (&self->preview, sag_segmentation_unref);
  self->preview = preview != NULL ? sag_segmentation_ref (preview) : NULL;
  notify (self, PROP_PREVIEW);
}

SagSegmentation *
sag_workspace_get_reference (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->reference;
}

void
sag_workspace_set_reference (SagWorkspace *self, SagSegmentation *reference)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->reference == reference)
    return;
  g_clear_pointer (&self->reference, sag_segmentation_unref);
  self->reference = reference != NULL ? sag_segmentation_ref (reference) : NULL;
  notify (self, PROP_REFERENCE);
}

void
sag_workspace_mark_ready (SagWorkspace *self, SagWorkspaceLayer layer, int k0, int k1)
{
  SagSegmentation *segmentation = layer == SAG_LAYER_SEGMENTATION ? self->segmentation
                                  : layer == SAG_LAYER_PREVIEW    ? self->preview
                                  : layer == SAG_LAYER_REFERENCE  ? self->reference
                                                                  : NULL;
  int n;

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (layer == SAG_LAYER_VOLUME ? self->volume == NULL : segmentation == NULL)
    return;
  n = layer == SAG_LAYER_VOLUME ? sag_volume_get_grid (self->volume)->size[2]
                                : sag_segmentation_get_grid (segmentation)->size[2];
  k0 = CLAMP (k0, 0, n);
  k1 = CLAMP (k1, k0, n);
  if (k0 == k1)
    return;
  if (layer == SAG_LAYER_VOLUME)
    {
      sag_volume_mark_ready (self->volume, k0, k1);
      sag_workspace_refine_window (self);
      sag_measurements_refresh (self->measurements);
    }
  else
    sag_segmentation_mark_ready (segmentation, k0, k1);
  if (layer == SAG_LAYER_SEGMENTATION)
    {
      g_clear_pointer (&self->uncertain, g_array_unref);
      self->uncertain_rank = 0;
    }
  g_signal_emit (self, slices_ready, 0, layer, k0, k1);
  if (layer == SAG_LAYER_SEGMENTATION && sag_segmentation_get_n_ready (segmentation) == n)
    {
      if (self->result != NULL)
        sag_result_set_preview (self->result, NULL);
      sag_workspace_put_preview (self, NULL);
    }
}

void
sag_workspace_get_cursor (SagWorkspace *self, double lps[3])
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));
  memcpy (lps, self->cursor, sizeof self->cursor);
}

void
sag_workspace_keep_inside (SagWorkspace *self, double lps[3])
{
  const SagGrid *grid;
  double ijk[3];
  gboolean outside = FALSE;

  if (self->volume == NULL)
    return;
  grid = sag_volume_get_grid (self->volume);
  sag_grid_to_ijk (grid, lps, ijk);
  for (int a = 0; a < 3; a++)
    {
      double inside = CLAMP (ijk[a], 0.0, (double) (grid->size[a] - 1));

      outside |= fabs (inside - ijk[a]) > 1e-9;
      ijk[a] = inside;
    }
  if (outside)
    sag_grid_to_lps (grid, ijk, lps);
}

void
sag_workspace_set_cursor (SagWorkspace *self, const double lps[3])
{
  double to[3] = { lps[0], lps[1], lps[2] };

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (!isfinite (to[0]) || !isfinite (to[1]) || !isfinite (to[2]))
    return;
  sag_workspace_keep_inside (self, to);
  if (memcmp (to, self->cursor, sizeof to) == 0)
    return;
  memcpy (self->cursor, to, sizeof to);
  notify (self, PROP_CURSOR);
}

SagWindowLevel
sag_workspace_get_window_level (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), ((SagWindowLevel) { 0, 1 }));
  return self->window;
}

static void
set_window (SagWorkspace *self, SagWindowLevel window)
{
  gboolean is_float
      = self->volume != NULL && sag_volume_get_voxel_type (self->volume) == SAG_VOXEL_F32;

  if (!isfinite (window.center) || !isfinite (window.width))
    return;
  window.width = MAX (window.width, is_float ? 1e-6 : 1.0);
  if (window.center == self->window.center && window.width == self->window.width)
    return;
  self->window = window;
  notify (self, PROP_WINDOW_LEVEL);
}

void
sag_workspace_set_window_level (SagWorkspace *self, SagWindowLevel window)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  self->guessed_slices = -1;
  set_window (self, window);
}

void
sag_workspace_choose_window (SagWorkspace *self, GVariant *windows)
{
  GVariantIter iter;
  const char *name;
  SagWindowLevel window;

  g_array_set_size (self->presets, 0);
  self->guessed_slices = 0;
  if (windows != NULL)
    {
      g_variant_iter_init (&iter, windows);
      for (int n = 1; g_variant_iter_next (&iter, "(&sdd)", &name, &window.center, &window.width); n++)
        {
          g_autofree char *id = g_strdup_printf ("file-%d", n);
          g_autofree char *text
              = *name != '\0' ? g_strdup (name) : g_strdup_printf (_ ("From file %d"), n);

          if (isfinite (window.center) && isfinite (window.width) && window.width > 0)
            sag_presets_add (self->presets, id, text, window);
        }
    }
  if (self->volume != NULL)
    sag_presets_add_modality (self->presets, sag_volume_get_modality (self->volume),
                              sag_volume_get_unit (self->volume));
  if (self->presets->len > 0)
    sag_workspace_set_window_level (self, g_array_index (self->presets, SagWindowPreset, 0).window);
  else
    sag_workspace_refine_window (self);
  notify (self, PROP_PRESETS);
}

void
sag_workspace_refine_window (SagWorkspace *self)
{
  SagWindowLevel window;
  int ready;

  if (self->guessed_slices < 0 || self->volume == NULL)
    return;
  ready = sag_volume_get_n_ready (self->volume);
  /* Each guess sorts a subsample: again only when there is twice as much to see, or all. */
  if (ready == 0
      || (ready < 2 * self->guessed_slices && ready < sag_volume_get_grid (self->volume)->size[2]))
    return;
  self->guessed_slices = ready;
  sag_volume_guess_window (self->volume, &window);
  set_window (self, window);
}

const SagWindowPreset *
sag_workspace_get_presets (SagWorkspace *self, int *n)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);

  if (n != NULL)
    *n = (int) self->presets->len;
  return (const SagWindowPreset *) self->presets->data;
}

gboolean
sag_workspace_apply_preset (SagWorkspace *self, const char *id)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self) && id != NULL, FALSE);

  for (guint n = 0; n < self->presets->len; n++)
    {
      const SagWindowPreset *preset = &g_array_index (self->presets, SagWindowPreset, n);

      if (strcmp (preset->id, id) == 0)
        {
          sag_workspace_set_window_level (self, preset->window);
          return TRUE;
        }
    }
  if (strcmp (id, "auto") != 0 || self->volume == NULL)
    return FALSE;
  self->guessed_slices = 0;
  sag_workspace_refine_window (self);
  return TRUE;
}

GListModel *
sag_workspace_get_labels (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return G_LIST_MODEL (self->labels);
}

gboolean
sag_workspace_is_label_visible (SagWorkspace *self, int number)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);
  return (self->hidden[number >> 5] >> (number & 31) & 1u) == 0;
}

void
sag_workspace_set_label_visible (SagWorkspace *self, int number, gboolean visible)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self->labels)); n++)
    {
      g_autoptr (SagLabelItem) item = g_list_model_get_item (G_LIST_MODEL (self->labels), n);

      if (sag_label_get_number (sag_label_item_get_label (item)) == number)
        sag_label_item_set_visible (item, visible);
    }
}

const char *const *
sag_workspace_get_warnings (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return (const char *const *) self->warnings;
}

gboolean
sag_workspace_get_straightens (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);
  return self->straightens;
}

gboolean
sag_workspace_is_straightened (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);
  return self->straightened;
}

gboolean
sag_workspace_is_inverted_by_hand (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);
  return self->invert != self->file_inverts;
}
