/* SPDX-License-Identifier: Apache-2.0
 *
 * editing.c: the shown result, corrected by hand.
 */
#include "app/state/editing.h"

#include "app/state/workspace-private.h"
#include "engine/image/edit.h"
#include "engine/image/review.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define MOST_UNDO 100
#define MOST_GROWN 20000000 /* voxels; more is a leak, not a lesion */

struct _SagEditing
{
  GObject       parent_instance;

  SagWorkspace *workspace; /* owns this */
  int           value;   /* number of the label that is painted */
  guint8        painted; /* what its voxels hold in `map` */
  double        radius_mm;
  double        tolerance;
  SagResult    *result;    /* of the stroke under way; NULL between strokes */
  SagLabelmap  *map;       /* what it changes; borrowed from the result */
  GArray       *changes;   /* of SagChange */
  double        touched;   /* the value under the first touch; NaN until then */
  gboolean      reserved;  /* the stroke is being computed elsewhere */
  SagResult    *before;    /* what was shown when a copy was made for that; NULL if none was */
};

/* What can be taken back of one result. */
typedef struct
{
  GQueue undo, redo; /* of Step */
} History;

typedef struct
{
  SagLabelmap *map;
  GArray      *changes;
} Step;

G_DEFINE_FINAL_TYPE (SagEditing, sag_editing, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_VALUE,
  PROP_RADIUS_MM,
  PROP_TOLERANCE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];
static guint edited;

/* ---- history */

static void
step_free (gpointer data)
{
  Step *self = data;

  sag_labelmap_unref (self->map);
  g_array_unref (self->changes);
  g_free (self);
}

static void
history_free (gpointer data)
{
  History *self = data;

  g_queue_clear_full (&self->undo, step_free);
  g_queue_clear_full (&self->redo, step_free);
  g_free (self);
}

static History *
get_history (SagResult *result)
{
  return result != NULL ? g_object_get_data (G_OBJECT (result), "edit-history") : NULL;
}

/* ---- GObject */

static void
sag_editing_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagEditing *self = SAG_EDITING (object);

  switch (id)
    {
    case PROP_VALUE: g_value_set_int (value, self->value); break;
    case PROP_RADIUS_MM: g_value_set_double (value, self->radius_mm); break;
    case PROP_TOLERANCE: g_value_set_double (value, self->tolerance); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_editing_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  SagEditing *self = SAG_EDITING (object);

  switch (id)
    {
    case PROP_VALUE: sag_editing_set_value (self, g_value_get_int (value)); break;
    case PROP_RADIUS_MM: sag_editing_set_radius (self, g_value_get_double (value)); break;
    case PROP_TOLERANCE: sag_editing_set_tolerance (self, g_value_get_double (value)); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_editing_finalize (GObject *object)
{
  SagEditing *self = SAG_EDITING (object);

  g_clear_pointer (&self->changes, g_array_unref);
  g_clear_object (&self->result);
  g_clear_object (&self->before);
  G_OBJECT_CLASS (sag_editing_parent_class)->finalize (object);
}

static void
sag_editing_class_init (SagEditingClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags rw = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_editing_finalize;
  object_class->get_property = sag_editing_get_property;
  object_class->set_property = sag_editing_set_property;
  properties[PROP_VALUE] = g_param_spec_int ("value", NULL, NULL, 0, SAG_LABEL_NUMBERS - 1, 0, rw);
  properties[PROP_RADIUS_MM] = g_param_spec_double ("radius-mm", NULL, NULL, 0.1, 100, 5, rw);
  properties[PROP_TOLERANCE] = g_param_spec_double ("tolerance", NULL, NULL, 0, G_MAXDOUBLE, 100, rw);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  edited = g_signal_new ("edited", SAG_TYPE_EDITING, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                         G_TYPE_NONE, 0);
}

static void
sag_editing_init (SagEditing *self)
{
  self->radius_mm = 5;
  self->tolerance = 100;
}

SagEditing *
sag_editing_new (SagWorkspace *workspace)
{
  SagEditing *self = g_object_new (SAG_TYPE_EDITING, NULL);

  self->workspace = workspace;
  return self;
}

int
sag_editing_get_value (SagEditing *self)
{
  return self->value;
}

void
sag_editing_set_value (SagEditing *self, int value)
{
  if (self->value == value)
    return;
  self->value = CLAMP (value, 0, SAG_LABEL_NUMBERS - 1);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_VALUE]);
}

double
sag_editing_get_radius (SagEditing *self)
{
  return self->radius_mm;
}

void
sag_editing_set_radius (SagEditing *self, double radius_mm)
{
  radius_mm = CLAMP (radius_mm, 0.1, 100);
  if (self->radius_mm == radius_mm)
    return;
  self->radius_mm = radius_mm;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_RADIUS_MM]);
}

double
sag_editing_get_tolerance (SagEditing *self)
{
  return self->tolerance;
}

void
sag_editing_set_tolerance (SagEditing *self, double tolerance)
{
  if (!(tolerance >= 0) || self->tolerance == tolerance)
    return;
  self->tolerance = tolerance;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TOLERANCE]);
}

/* ---- the edited copy */

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, why);
  return FALSE;
}

static const char *
get_person (void)
{
  const char *name = g_get_real_name ();

  return name != NULL && *name != '\0' && strcmp (name, "Unknown") != 0 ? name : g_get_user_name ();
}

static char *
get_time (void)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  return g_date_time_format_iso8601 (now);
}

/* The same layers and confidence with another provenance; every slice as ready as it was. */
static SagSegmentation *
wrap (SagLabelmap *const *layers, int n_layers, SagSegmentation *old, const SagProvenance *from,
      GError **error)
{
  SagSegmentation *made = sag_segmentation_new (layers, n_layers,
                                                sag_segmentation_get_confidence (old), from, error);

  if (made != NULL)
    sag_segmentation_mark_ready (made, 0, sag_segmentation_get_grid (made)->size[2]);
  return made;
}

static SagLabelmap *
copy_layer (SagLabelmap *layer, GError **error)
{
  const SagGrid *grid = sag_labelmap_get_grid (layer);
  g_autoptr (SagBlock) block = sag_labelmap_copy_voxels (layer, "the edited labels", error);
  int n;
  const SagLabel *labels = sag_labelmap_get_labels (layer, &n);

  if (block == NULL)
    return NULL;
  return sag_labelmap_new (grid, block, labels, n, error);
}

static SagResult *
make_copy (SagEditing *self, SagResult *from, GError **error)
{
  SagSegmentation *old = sag_result_get_segmentation (from);
  int n = sag_segmentation_get_n_layers (old);
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagProvenance) provenance
      = sag_provenance_copy (sag_segmentation_get_provenance (old));
  SagReview *review = sag_provenance_get_review (provenance);
  g_autoptr (SagSegmentation) made = NULL;
  g_autofree char *name = g_strdup_printf (_ ("%s, edited"), sag_result_get_name (from));
  g_autofree char *time = get_time ();
  GVariant *labels = sag_result_get_labels (from);
  SagResult *result;
  History *history;

  for (int layer = 0; layer < n; layer++)
    {
      SagLabelmap *own = sag_segmentation_get_layer (old, layer);
      /* One that keeps a box is unfolded when it is edited, and never changes before. */
      SagLabelmap *copy = sag_labelmap_get_voxels (own) != NULL ? copy_layer (own, error) : sag_labelmap_ref (own);

      if (copy == NULL)
        return NULL;
      g_ptr_array_add (layers, copy);
    }
  sag_provenance_set (&review->editor, get_person ());
  sag_provenance_set (&review->edit_time, time);
  sag_provenance_set (&review->edit_from, sag_result_get_name (from));
  sag_provenance_set (&review->verdict, "edited");
  sag_provenance_set (&review->reviewer, get_person ());
  sag_provenance_set (&review->time, time);
  made = wrap ((SagLabelmap *const *) layers->pdata, n, old, provenance, error);
  if (made == NULL)
    return NULL;
  g_object_freeze_notify (G_OBJECT (self->workspace));
  result = sag_workspace_begin_result (self->workspace, name);
  sag_workspace_take_segmentation (self->workspace, result, made);
  if (labels != NULL)
    sag_workspace_take_labels (self->workspace, result, labels);
  if (sag_result_get_values (from) != NULL)
    sag_workspace_take_values (self->workspace, result, sag_result_get_values (from));
  history = g_new0 (History, 1);
  g_object_set_data_full (G_OBJECT (result), "edit-history", history, history_free);
  sag_result_complete (result, 0, 0, 0);
  g_object_thaw_notify (G_OBJECT (self->workspace));
  return result;
}

/* The layer that has the label painted, or the first. */
static SagLabelmap *
find_layer (SagEditing *self, SagSegmentation *segmentation)
{
  int layer = 0;

  sag_segmentation_find_label (segmentation, self->value, &layer);
  return sag_segmentation_get_layer (segmentation, layer);
}

/* What the voxels of `map` hold where the label of that number is; 0 if it has no such label. */
static guint8
find_value (const SagLabelmap *map, int number)
{
  const SagLabel *label = sag_labelmap_find_number (map, number);

  return label != NULL ? label->value : 0;
}

/* The layer that is edited gets all voxels of the images; the others stay as small as they are. */
static gboolean
unfold (SagEditing *self, SagResult *result, GError **error)
{
  SagSegmentation *old = sag_result_get_segmentation (result);
  SagLabelmap *map = find_layer (self, old);
  int n = sag_segmentation_get_n_layers (old);
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagSegmentation) made = NULL;

  if (sag_labelmap_get_voxels (map) != NULL)
    return TRUE;
  for (int layer = 0; layer < n; layer++)
    {
      SagLabelmap *own = sag_segmentation_get_layer (old, layer);
      SagLabelmap *taken = own == map ? copy_layer (own, error) : sag_labelmap_ref (own);

      if (taken == NULL)
        return FALSE;
      g_ptr_array_add (layers, taken);
    }
  made = wrap ((SagLabelmap *const *) layers->pdata, n, old, sag_segmentation_get_provenance (old), error);
  if (made == NULL)
    return FALSE;
  sag_workspace_take_segmentation (self->workspace, result, made);
  if (sag_result_get_labels (result) != NULL)
    sag_workspace_take_labels (self->workspace, result, sag_result_get_labels (result));
  return TRUE;
}

gboolean
sag_editing_begin (SagEditing *self, GError **error)
{
  SagResult *result = self->workspace->result;

  if (self->reserved)
    return refuse (error, _ ("The labels are being corrected; wait for the end or cancel."));
  if (self->result != NULL)
    sag_editing_end (self);
  if (result == NULL || sag_result_get_segmentation (result) == NULL)
    return refuse (error, _ ("There are no labels to correct; run a model or open labels first."));
  if (!sag_result_is_complete (result))
    return refuse (error, _ ("The labels are still being made; wait for the run to end."));
  if (!sag_grid_equal (sag_segmentation_get_grid (sag_result_get_segmentation (result)),
                       sag_volume_get_grid (self->workspace->volume)))
    return refuse (error, _ ("These labels lie on other voxels than the images; they cannot be edited here."));
  if (get_history (result) == NULL && (result = make_copy (self, result, error)) == NULL)
    return FALSE;
  if (self->value == 0
      || sag_segmentation_find_label (sag_result_get_segmentation (result), self->value, NULL) == NULL)
    {
      g_autoptr (SagLabelItem) first
          = g_list_model_get_item (G_LIST_MODEL (self->workspace->labels), 0);

      if (first == NULL)
        return refuse (error, _ ("These labels have no name that could be painted."));
      sag_editing_set_value (self, sag_label_get_number (sag_label_item_get_label (first)));
    }
  if (!unfold (self, result, error))
    return FALSE;
  g_set_object (&self->result, result);
  self->map = find_layer (self, sag_result_get_segmentation (result));
  self->painted = find_value (self->map, self->value);
  self->changes = g_array_new (FALSE, FALSE, sizeof (SagChange));
  self->touched = NAN;
  return TRUE;
}

/* ---- what changed, on screen and in numbers */

static void
show (SagEditing *self, const GArray *changes, guint first)
{
  const SagGrid *grid = sag_volume_get_grid (self->workspace->volume);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  int k0 = grid->size[2], k1 = 0;

  for (guint c = first; c < changes->len; c++)
    {
      int k = (int) (g_array_index (changes, SagChange, c).at / n);

      k0 = MIN (k0, k);
      k1 = MAX (k1, k + 1);
    }
  if (k0 < k1)
    sag_workspace_mark_ready (self->workspace, SAG_LAYER_SEGMENTATION, k0, k1);
}

/* Mean and standard deviation of what the image says inside the labels of `map`, the layer that changed, from those
 * before: before count(). */
static void
measure (SagEditing *self, SagResult *result, const SagLabelmap *map, const GArray *changes, gboolean back)
{
  SagVolume *volume = self->workspace->volume;
  const int *size = sag_volume_get_grid (volume)->size;
  GVariant *labels = sag_result_get_labels (result), *values = sag_result_get_values (result);
  double sum[256] = { 0 }, squares[256] = { 0 }, mean, sd, unused[5];
  gint64 n[256] = { 0 };
  GVariantBuilder builder;
  GVariantIter iter;
  guint64 voxels;
  int number;

  if (labels == NULL || values == NULL)
    return;
  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "(itddddd)", &number, &voxels, &unused[0], &unused[1], &unused[2], &unused[3],
                              &unused[4]))
    n[find_value (map, number)] = (gint64) voxels;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(idd)"));
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_next (&iter, "(idd)", &number, &mean, &sd))
    {
      guint8 value = find_value (map, number);

      sum[value] = (double) n[value] * mean;
      squares[value] = (double) n[value] * (sd * sd + mean * mean);
      if (value == 0)
        g_variant_builder_add (&builder, "(idd)", number, mean, sd); /* of another layer */
    }
  for (guint c = 0; c < changes->len; c++)
    {
      const SagChange *change = &g_array_index (changes, SagChange, c);
      int i = (int) (change->at % (guint64) size[0]), j = (int) (change->at / (guint64) size[0] % (guint64) size[1]);
      int k = (int) (change->at / ((guint64) size[0] * (guint64) size[1]));
      double here = sag_volume_get_value (volume, i, j, k);

      for (int side = 0; side < 2; side++)
        {
          guint8 label = side == back ? change->is : change->was;
          int sign = side == 0 ? 1 : -1;

          n[label] += sign;
          sum[label] += sign * here;
          squares[label] += sign * here * here;
        }
    }
  for (int value = 1; value < 256; value++)
    {
      const SagLabel *label = n[value] > 0 ? sag_labelmap_find_label (map, (guint8) value) : NULL;

      if (label == NULL)
        continue;
      mean = sum[value] / (double) n[value];
      sd = sqrt (MAX (squares[value] / (double) n[value] - mean * mean, 0));
      g_variant_builder_add (&builder, "(idd)", sag_label_get_number (label), mean, sd);
    }
  sag_workspace_take_values (self->workspace, result, g_variant_builder_end (&builder));
}

/* Voxels and millilitres of the labels of `map`, without counting all of them again. */
static void
count (SagEditing *self, SagResult *result, const SagLabelmap *map, const GArray *changes, gboolean back)
{
  const SagGrid *grid = sag_volume_get_grid (self->workspace->volume);
  double voxel_ml = grid->spacing[0] * grid->spacing[1] * grid->spacing[2] * 1e-3;
  GVariant *labels = sag_result_get_labels (result);
  gint64 more[256] = { 0 };
  GVariantBuilder builder;
  GVariantIter iter;
  guint64 n;
  double ml, confidence, centroid[3];
  int number;

  if (labels == NULL)
    return;
  for (guint c = 0; c < changes->len; c++)
    {
      const SagChange *change = &g_array_index (changes, SagChange, c);

      more[back ? change->was : change->is]++;
      more[back ? change->is : change->was]--;
    }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(itddddd)"));
  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "(itddddd)", &number, &n, &ml, &confidence, &centroid[0],
                              &centroid[1], &centroid[2]))
    {
      guint8 value = find_value (map, number);

      n = (guint64) MAX ((gint64) n + (value != 0 ? more[value] : 0), 0);
      g_variant_builder_add (&builder, "(itddddd)", number, n, (double) n * voxel_ml, confidence,
                             centroid[0], centroid[1], centroid[2]);
    }
  sag_workspace_take_labels (self->workspace, result, g_variant_builder_end (&builder));
}

void
sag_editing_end (SagEditing *self)
{
  g_autoptr (SagResult) result = NULL;
  g_autoptr (GArray) changes = NULL;
  History *history;
  Step *step;

  g_return_if_fail (!self->reserved);

  result = g_steal_pointer (&self->result);
  changes = g_steal_pointer (&self->changes);
  history = get_history (result);
  if (history == NULL || changes == NULL || changes->len == 0)
    return;
  measure (self, result, self->map, changes, FALSE);
  count (self, result, self->map, changes, FALSE);
  step = g_new (Step, 1);
  step->map = sag_labelmap_ref (self->map);
  step->changes = g_steal_pointer (&changes);
  g_queue_push_head (&history->undo, step);
  if (history->undo.length > MOST_UNDO)
    step_free (g_queue_pop_tail (&history->undo));
  g_queue_clear_full (&history->redo, step_free);
  g_queue_init (&history->redo);
  g_signal_emit (self, edited, 0);
}

static gboolean
go (SagEditing *self, gboolean back)
{
  SagResult *result = self->workspace->result;
  History *history = get_history (result);
  Step *step = NULL;
  guint8 *voxels;

  if (history != NULL && !self->reserved)
    step = g_queue_pop_head (back ? &history->undo : &history->redo);
  if (step == NULL)
    return FALSE;
  voxels = sag_labelmap_get_voxels (step->map);
  /* A voxel may have changed more than once. */
  for (guint c = 0; c < step->changes->len; c++)
    {
      guint at = back ? step->changes->len - 1 - c : c;
      const SagChange *change = &g_array_index (step->changes, SagChange, at);

      voxels[change->at] = back ? change->was : change->is;
    }
  g_queue_push_head (back ? &history->redo : &history->undo, step);
  show (self, step->changes, 0);
  measure (self, result, step->map, step->changes, back);
  count (self, result, step->map, step->changes, back);
  g_signal_emit (self, edited, 0);
  return TRUE;
}

gboolean
sag_editing_undo (SagEditing *self)
{
  return go (self, TRUE);
}

gboolean
sag_editing_redo (SagEditing *self)
{
  return go (self, FALSE);
}

/* ---- tools */

static gboolean
get_voxel (SagEditing *self, const double lps[3], int ijk[3])
{
  SagProbe probe;

  if (!sag_workspace_probe (self->workspace, lps, &probe))
    return FALSE;
  memcpy (ijk, probe.ijk, sizeof probe.ijk);
  if (isnan (self->touched))
    self->touched = probe.value;
  return TRUE;
}

void
sag_editing_paint (SagEditing *self, const double lps[3], int axis, gboolean erase, gboolean alike)
{
  const SagGrid *grid = sag_volume_get_grid (self->workspace->volume);
  int ijk[3];
  guint first;

  g_return_if_fail (self->changes != NULL);

  first = self->changes->len;
  if (alike && !get_voxel (self, lps, ijk))
    return;
  sag_edit_paint (sag_labelmap_get_voxels (self->map), grid, lps, axis, self->radius_mm,
                  erase ? 0 : self->painted, alike ? self->workspace->volume : NULL,
                  self->touched - self->tolerance, self->touched + self->tolerance, self->changes);
  show (self, self->changes, first);
}

gboolean
sag_editing_fill (SagEditing *self, const double lps[3], int axis, GError **error)
{
  int ijk[3];

  g_return_val_if_fail (self->changes != NULL, FALSE);

  if (!get_voxel (self, lps, ijk))
    return refuse (error, _ ("There are no images here."));
  if (!sag_edit_fill (sag_labelmap_get_voxels (self->map), sag_volume_get_grid (self->workspace->volume),
                      ijk, axis, self->painted, self->changes))
    return refuse (error, _ ("This place is not enclosed: the filling would reach the edge of the slice."));
  show (self, self->changes, 0);
  return TRUE;
}

gboolean
sag_editing_grow (SagEditing *self, const double lps[3], GError **error)
{
  const int *size;
  int ijk[3];

  g_return_val_if_fail (self->changes != NULL, FALSE);

  if (!get_voxel (self, lps, ijk))
    return refuse (error, _ ("There are no images here."));
  size = sag_labelmap_get_grid (self->map)->size;
  if (sag_labelmap_get_voxels (self->map)[((gsize) ijk[2] * (gsize) size[1] + (gsize) ijk[1]) * (gsize) size[0]
                                          + (gsize) ijk[0]] != 0)
    return refuse (error, _ ("This place has a label already; a region grows from a place without one."));
  if (!sag_edit_grow (sag_labelmap_get_voxels (self->map), self->workspace->volume, ijk,
                      self->touched - self->tolerance, self->touched + self->tolerance,
                      self->painted, MOST_GROWN, self->changes))
    return refuse (error, _ ("The region grows without end; choose a smaller tolerance."));
  show (self, self->changes, 0);
  return TRUE;
}

gboolean
sag_editing_reserve (SagEditing *self, SagSegmentation **segmentation, int *layer, guint8 *label,
                     GError **error)
{
  g_set_object (&self->before, self->workspace->result);
  if (!sag_editing_begin (self, error))
    {
      g_clear_object (&self->before);
      return FALSE;
    }
  if (self->before == self->result)
    g_clear_object (&self->before);
  self->reserved = TRUE;
  *segmentation = sag_result_get_segmentation (self->result);
  *layer = 0;
  while (sag_segmentation_get_layer (*segmentation, *layer) != self->map)
    (*layer)++;
  *label = self->painted;
  return TRUE;
}

/* A copy in which nothing was changed is no result of anybody's. */
void
sag_editing_release (SagEditing *self)
{
  g_autoptr (SagResult) before = g_steal_pointer (&self->before);

  if (!self->reserved)
    return;
  self->reserved = FALSE;
  if (before != NULL)
    {
      if (self->result == self->workspace->result
          && g_list_store_find (self->workspace->results, before, NULL))
        sag_workspace_show_result (self->workspace, before);
      sag_workspace_remove_result (self->workspace, self->result);
    }
  g_clear_object (&self->result);
  g_clear_pointer (&self->changes, g_array_unref);
}

/* The result whose labels they are may be gone, with its images. */
void
sag_editing_commit (SagEditing *self, const SagChange *changes, gsize n)
{
  guint8 *voxels;
  gsize n_voxels;

  if (!self->reserved)
    return;
  if (n == 0 || !g_list_store_find (self->workspace->results, self->result, NULL))
    {
      sag_editing_release (self);
      return;
    }
  self->reserved = FALSE;
  g_clear_object (&self->before);
  voxels = sag_labelmap_get_voxels (self->map);
  n_voxels = sag_grid_get_n_voxels (sag_labelmap_get_grid (self->map));
  for (gsize c = 0; c < n; c++)
    if (changes[c].at < n_voxels && voxels[changes[c].at] == changes[c].was)
      {
        voxels[changes[c].at] = changes[c].is;
        g_array_append_val (self->changes, changes[c]);
      }
  if (self->result == self->workspace->result)
    show (self, self->changes, 0);
  sag_editing_end (self);
}

gboolean
sag_editing_review (SagEditing *self, const char *verdict)
{
  SagResult *result = self->workspace->result;
  SagSegmentation *old = result != NULL ? sag_result_get_segmentation (result) : NULL;
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();
  g_autoptr (SagProvenance) provenance = NULL;
  g_autoptr (SagSegmentation) made = NULL;
  g_autofree char *time = get_time ();
  SagReview *review;

  if (old == NULL || !sag_result_is_complete (result))
    return FALSE;
  provenance = sag_provenance_copy (sag_segmentation_get_provenance (old));
  review = sag_provenance_get_review (provenance);
  sag_provenance_set (&review->verdict, verdict);
  sag_provenance_set (&review->reviewer, get_person ());
  sag_provenance_set (&review->time, time);
  for (int n = 0; n < sag_segmentation_get_n_layers (old); n++)
    g_ptr_array_add (layers, sag_segmentation_get_layer (old, n));
  made = wrap ((SagLabelmap *const *) layers->pdata, (int) layers->len, old, provenance, NULL);
  if (made == NULL)
    return FALSE;
  sag_workspace_take_segmentation (self->workspace, result, made);
  if (sag_result_get_labels (result) != NULL)
    sag_workspace_take_labels (self->workspace, result, sag_result_get_labels (result));
  g_signal_emit (self, edited, 0);
  return TRUE;
}
