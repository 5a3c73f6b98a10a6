/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-results.c: the results over the open volume: which there are, which one is shown, and
 * which one it is compared with.
 */
#include "app/state/workspace-private.h"

#include <math.h>
#include <string.h>

static guint
find (SagWorkspace *self, SagResult *result)
{
  guint position;

  return result != NULL && g_list_store_find (self->results, result, &position)
             ? position
             : G_MAXUINT;
}

GListModel *
sag_workspace_get_results (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return G_LIST_MODEL (self->results);
}

SagResult *
sag_workspace_get_result (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->result;
}

SagResult *
sag_workspace_get_other (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->other;
}

SagEditing *
sag_workspace_get_editing (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->editing;
}

SagMeasurements *
sag_workspace_get_measurements (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->measurements;
}

/* The rows of the labels, by number. */
static GHashTable *
find_rows (SagWorkspace *self)
{
  GHashTable *rows = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  SagLabelItem *item;

  for (guint n = 0; (item = g_list_model_get_item (G_LIST_MODEL (self->labels), n)) != NULL; n++)
    g_hash_table_insert (rows, GINT_TO_POINTER (sag_label_get_number (sag_label_item_get_label (item))), item);
  return rows;
}

/* What is measured of the labels, into their rows. */
static void
apply_values (SagWorkspace *self)
{
  GVariant *values = self->result != NULL ? sag_result_get_values (self->result) : NULL;
  g_autoptr (GHashTable) rows = NULL;
  double mean, sd;
  int number;
  GVariantIter iter;

  if (values == NULL || self->volume == NULL)
    return;
  rows = find_rows (self);
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_next (&iter, "(idd)", &number, &mean, &sd))
    {
      SagLabelItem *item = g_hash_table_lookup (rows, GINT_TO_POINTER (number));

      if (item != NULL)
        sag_label_item_set_values (item, mean, sd, sag_volume_get_unit (self->volume));
    }
}

static void
apply_labels (SagWorkspace *self)
{
  GVariant *labels = self->result != NULL ? sag_result_get_labels (self->result) : NULL;
  gboolean spatial = self->volume == NULL || sag_volume_is_spatial (self->volume);
  g_autoptr (GHashTable) rows = NULL;
  double ml, confidence, centroid[3];
  guint64 n_voxels;
  int number;
  GVariantIter iter;

  if (labels == NULL)
    return;
  rows = find_rows (self);
  g_variant_iter_init (&iter, labels);
  while (g_variant_iter_next (&iter, "(itddddd)", &number, &n_voxels, &ml, &confidence, &centroid[0],
                              &centroid[1], &centroid[2]))
    {
      SagLabelItem *item = g_hash_table_lookup (rows, GINT_TO_POINTER (number));

      if (item != NULL)
        sag_label_item_set_measured (item, spatial ? ml : NAN, confidence, centroid);
    }
}

void
sag_workspace_show_result (SagWorkspace *self, SagResult *result)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->result == result)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  /* The two of a comparison change places rather than become one. */
  if (result != NULL && result == self->other)
    sag_workspace_set_other (self, self->result);
  g_set_object (&self->result, result);
  sag_workspace_put_preview (self, result != NULL ? sag_result_get_preview (result) : NULL);
  sag_workspace_put_segmentation (self,
                                  result != NULL ? sag_result_get_segmentation (result) : NULL);
  apply_labels (self);
  apply_values (self);
  g_object_notify (G_OBJECT (self), "result");
  g_object_thaw_notify (G_OBJECT (self));
}

void
sag_workspace_set_other (SagWorkspace *self, SagResult *other)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (!g_set_object (&self->other, other))
    return;
  g_object_freeze_notify (G_OBJECT (self));
  self->agreement = NAN;
  sag_workspace_set_reference (self, other != NULL ? sag_result_get_segmentation (other) : NULL);
  g_object_notify (G_OBJECT (self), "other");
  g_object_thaw_notify (G_OBJECT (self));
}

SagResult *
sag_workspace_begin_result (SagWorkspace *self, const char *name)
{
  g_autoptr (SagResult) result = sag_result_new (name);

  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);

  g_list_store_append (self->results, result);
  sag_workspace_show_result (self, result);
  return result; /* the list keeps it */
}

void
sag_workspace_remove_result (SagWorkspace *self, SagResult *result)
{
  guint position = find (self, result);

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (position == G_MAXUINT)
    return;
  g_object_freeze_notify (G_OBJECT (self));
  if (self->received == result)
    g_clear_object (&self->received);
  if (self->other == result)
    sag_workspace_set_other (self, NULL);
  if (self->result == result)
    {
      guint n = g_list_model_get_n_items (G_LIST_MODEL (self->results));
      g_autoptr (SagResult) next =
          n < 2 ? NULL
                : g_list_model_get_item (G_LIST_MODEL (self->results),
                                         position > 0 ? position - 1 : 1);

      sag_workspace_show_result (self, next);
    }
  g_list_store_remove (self->results, position);
  g_object_thaw_notify (G_OBJECT (self));
}

void
sag_workspace_clear_results (SagWorkspace *self)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  g_object_freeze_notify (G_OBJECT (self));
  g_clear_object (&self->received);
  sag_workspace_set_other (self, NULL);
  sag_workspace_show_result (self, NULL);
  sag_workspace_put_preview (self, NULL);
  sag_workspace_put_segmentation (self, NULL);
  g_list_store_remove_all (self->results);
  g_object_thaw_notify (G_OBJECT (self));
}

/* What a result that came without a name is called. */
static char *
make_name (SagSegmentation *segmentation)
{
  const SagProvenance *from = sag_segmentation_get_provenance (segmentation);
  g_autofree char *precision = g_ascii_strup (from->precision, -1);

  if (from->model_name[0] == '\0')
    return g_strdup ("Labels");
  return g_strconcat (from->model_name, precision[0] != '\0' ? " " : "", precision, NULL);
}

void
sag_workspace_set_segmentation (SagWorkspace *self, SagSegmentation *segmentation)
{
  g_autofree char *name = NULL;
  SagResult *result;

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->segmentation == segmentation)
    return;
  if (segmentation == NULL)
    {
      sag_workspace_show_result (self, NULL);
      return;
    }
  g_object_freeze_notify (G_OBJECT (self));
  name = make_name (segmentation);
  /* A preview that the same job brought is this one's; a run under way keeps its own place. */
  if (self->result != NULL && self->result == self->received
      && sag_result_get_segmentation (self->result) == NULL)
    {
      result = self->result;
      sag_result_set_name (result, name);
    }
  else
    result = sag_workspace_begin_result (self, name);
  sag_result_set_segmentation (result, segmentation);
  sag_workspace_put_segmentation (self, segmentation);
  if (sag_segmentation_get_n_ready (segmentation)
      == sag_segmentation_get_grid (segmentation)->size[2])
    sag_result_complete (result, 0, 0, 0);
  g_object_thaw_notify (G_OBJECT (self));
}

/* ---- what jobs bring */

void
sag_workspace_take_segmentation (SagWorkspace *self, SagResult *result,
                                 SagSegmentation *segmentation)
{
  sag_result_set_segmentation (result, segmentation);
  if (result == self->result)
    sag_workspace_put_segmentation (self, segmentation);
  if (result == self->other)
    sag_workspace_set_reference (self, segmentation);
}

void
sag_workspace_take_preview (SagWorkspace *self, SagResult *result, SagSegmentation *preview)
{
  sag_result_set_preview (result, preview);
  if (result == self->result)
    sag_workspace_put_preview (self, preview);
}

void
sag_workspace_take_labels (SagWorkspace *self, SagResult *result, GVariant *labels)
{
  sag_result_set_labels (result, labels);
  if (result == self->result)
    apply_labels (self);
}

void
sag_workspace_take_values (SagWorkspace *self, SagResult *result, GVariant *values)
{
  sag_result_set_values (result, values);
  if (result == self->result)
    apply_values (self);
}

/* ---- comparing */

double
sag_workspace_get_agreement (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NAN);
  return self->agreement;
}

void
sag_workspace_set_agreement (SagWorkspace *self, double dice)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  self->agreement = dice;
  g_object_notify (G_OBJECT (self), "other");
}

/* The same model at FP32 if that is not what is shown, else the latest other one. */
static SagResult *
choose_other (SagWorkspace *self)
{
  GListModel *results = G_LIST_MODEL (self->results);
  SagResult *chosen = NULL;

  for (guint n = 0; n < g_list_model_get_n_items (results); n++)
    {
      g_autoptr (SagResult) item = g_list_model_get_item (results, n);

      if (item == self->result || sag_result_get_segmentation (item) == NULL)
        continue;
      chosen = item; /* the list keeps it */
      if (sag_result_get_precision (item) == SAG_PRECISION_F32
          && strcmp (sag_result_get_model_id (item), sag_result_get_model_id (self->result)) == 0)
        break;
    }
  return chosen;
}

gboolean
sag_workspace_compare_with (SagWorkspace *self, SagCompare compare)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);

  if (compare != SAG_COMPARE_OFF && self->other == NULL)
    {
      SagResult *other = self->result != NULL ? choose_other (self) : NULL;

      if (other == NULL)
        return FALSE;
      sag_workspace_set_other (self, other);
    }
  sag_workspace_set_compare (self, compare);
  return TRUE;
}

gboolean
sag_workspace_swap (SagWorkspace *self)
{
  double agreement = self->agreement;

  if (self->other == NULL || self->result == NULL)
    return FALSE;
  g_object_freeze_notify (G_OBJECT (self));
  sag_workspace_show_result (self, self->other); /* which puts the shown one in its place */
  self->agreement = agreement; /* is the same both ways */
  g_object_thaw_notify (G_OBJECT (self));
  return TRUE;
}
