/* SPDX-License-Identifier: Apache-2.0
 *
 * evaluate-case.c: one case of `sagitta-cli evaluate`, read, run and measured.
 */
#include "app/cli/evaluate.h"

#include "app/files/nifti.h"
#include "engine/base/error.h"

#include <math.h>
#include <string.h>

void
sag_evaluated_clear (SagEvaluated *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->volume, sag_volume_unref);
  g_clear_pointer (&self->info, sag_open_info_free);
  g_clear_pointer (&self->truth, sag_block_unref);
  g_clear_pointer (&self->result, sag_segmentation_unref);
}

/* --- the truth ----------------------------------------------------------------------------- */

static gboolean
same_code (const SagCode *a, const SagCode *b)
{
  return strcmp (a->scheme, b->scheme) == 0 && strcmp (a->value, b->value) == 0;
}

/* The label of the model that is coded as `label` is, or NULL. */
static const SagLabel *
find_coded (const SagRecipe *recipe, const SagLabel *label)
{
  for (int n = 0; n < recipe->n_labels && label->type.value[0] != '\0'; n++)
    if (same_code (&recipe->labels[n].type, &label->type)
        && same_code (&recipe->labels[n].modifier, &label->modifier))
      return &recipe->labels[n];
  return NULL;
}

static gboolean
has_value (const SagRecipe *recipe, int value)
{
  for (int n = 0; n < recipe->n_labels; n++)
    if (recipe->labels[n].value == value)
      return TRUE;
  return FALSE;
}

/* The labels that have voxels, over all layers. */
static int
find_present (SagSegmentation *mask, SagLabel *present)
{
  int n_present = 0;

  for (int layer = 0; layer < sag_segmentation_get_n_layers (mask); layer++)
    {
      SagLabelmap    *map = sag_segmentation_get_layer (mask, layer);
      SagLabelStats   stats[256];
      int             n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (map, &n_labels);

      sag_labelmap_measure (map, stats);
      for (int n = 0; n < n_labels && n_present < 255; n++)
        if (stats[labels[n].value].n_voxels > 0)
          present[n_present++] = labels[n];
    }
  return n_present;
}

/* The mask's values as the model's; see sag_evaluated_read(). */
static gboolean
make_map (SagEvaluated        *self,
          const SagEvaluation *evaluation,
          SagSegmentation     *mask,
          const char          *path,
          guint8               map[256],
          GError             **error)
{
  const SagRecipe     *recipe = evaluation->entry->recipe;
  g_autofree SagLabel *present = g_new (SagLabel, 255);
  int                  n = find_present (mask, present), n_coded = 0;

  memset (map, 0, 256);
  if (sag_segmentation_is_wide (mask))
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "The mask '%s' has more than 255 labels, no model has so many; write those it has with convert --label",
                   shown);
      return FALSE;
    }
  for (int i = 0; i < n; i++)
    {
      const SagLabel *coded = find_coded (recipe, &present[i]);

      n_coded += coded != NULL;
      if (coded != NULL)
        map[present[i].value] = coded->value;
    }
  if (evaluation->has_map)
    for (int i = 0; i < n; i++)
      {
        int number = sag_label_get_number (&present[i]);

        map[present[i].value] = number < 256 ? (guint8) MAX (evaluation->map[number], 0) : 0;
      }
  else if (n_coded > 0)
    ; /* what else a segmentation holds is not this model's concern */
  else if (n == 1 && recipe->n_labels == 1)
    map[present[0].value] = recipe->labels[0].value;
  else if (n == 1 && recipe->n_labels > 1 && strcmp (present[0].name, SAG_PNG_MASK) == 0)
    {
      self->is_merged = TRUE;
      map[present[0].value] = 1;
    }
  else
    for (int i = 0; i < n; i++)
      {
        int number = sag_label_get_number (&present[i]);

        if (!has_value (recipe, number))
          {
            g_autofree char *shown = sag_escape_name (path, -1);

            g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                         "The mask '%s' has the value %d, which is no label of '%s'; say what it "
                         "stands for, as in --map %d=%d",
                         shown, number, recipe->id, number, recipe->labels[0].value);
            return FALSE;
          }
        map[present[i].value] = (guint8) number;
      }
  return TRUE;
}

static guint64
count_voxels (SagSegmentation *segmentation)
{
  guint64 n = 0;

  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      SagLabelmap  *map = sag_segmentation_get_layer (segmentation, layer);
      const guint8 *voxels = sag_labelmap_get_box_voxels (map);
      int           box[6];

      sag_labelmap_get_box (map, box);
      for (gsize p = 0; p < (gsize) (box[3] - box[0]) * (gsize) (box[4] - box[1]) * (gsize) (box[5] - box[2]); p++)
        n += voxels[p] != 0;
    }
  return n;
}

/* The mask on the image's grid. One that lies elsewhere altogether is an error, not an empty truth;
 * so is one of which it is known where it lies where it is not of the image, as of a radiograph. */
static SagSegmentation *
open_mask (const SagEvaluated *self, const char *path, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  g_autoptr (SagSegmentation) own = NULL, laid = NULL;
  gboolean has_place = self->info->has_place;

  if (sag_png_is_name (path))
    return sag_png_read_segmentation (path, grid, error);
  own = sag_open_segmentation (path, NULL, error);
  if (own == NULL || sag_grid_equal (sag_segmentation_get_grid (own), grid))
    return g_steal_pointer (&own);
  if (has_place != (sag_segmentation_get_has_place (own) && sag_nifti_is_placed (path)))
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The mask '%s' has %s place in the patient and its image has %s; give both as "
                   "PNG, or both as NIfTI or DICOM",
                   shown, has_place ? "no" : "a", has_place ? "one" : "none");
      return NULL;
    }
  laid = sag_seg_regrid (own, grid, error);
  if (laid != NULL && count_voxels (own) > 0 && count_voxels (laid) == 0)
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The mask '%s' lies elsewhere in the patient than its image", shown);
      return NULL;
    }
  return g_steal_pointer (&laid);
}

/* Lays what a mask holds over the truth so far. */
static gboolean
add_mask (SagEvaluated *self, const SagEvaluation *evaluation, const char *path, GError **error)
{
  gsize   n = sag_grid_get_n_voxels (sag_volume_get_grid (self->volume));
  guint8 *truth = sag_block_get_data (self->truth), map[256];
  g_autoptr (SagSegmentation) mask = open_mask (self, path, error);

  if (mask == NULL || !make_map (self, evaluation, mask, path, map, error))
    return FALSE;
  for (int layer = 0; layer < sag_segmentation_get_n_layers (mask); layer++)
    {
      g_autoptr (SagLabelmap) whole = sag_labelmap_to_whole (sag_segmentation_get_layer (mask, layer), error);
      const guint8 *voxels = whole != NULL ? sag_labelmap_get_voxels (whole) : NULL;

      if (voxels == NULL)
        return FALSE;
      for (gsize p = 0; p < n; p++)
        if (map[voxels[p]] != 0)
          truth[p] = map[voxels[p]];
    }
  return TRUE;
}

gboolean
sag_evaluated_read (SagEvaluated        *self,
                    const SagEvaluation *evaluation,
                    const char          *name,
                    const char          *image,
                    const GPtrArray     *masks,
                    GError             **error)
{
  gsize n;

  self->name = g_strdup (name);
  self->volume = sag_open_volume (image, NULL, NULL, &self->info, error);
  if (self->volume == NULL)
    return FALSE;
  n = sag_grid_get_n_voxels (sag_volume_get_grid (self->volume));
  self->truth = sag_block_new (n, "the truth", error);
  if (self->truth == NULL)
    return FALSE;
  memset (sag_block_get_data (self->truth), 0, n);
  for (guint m = 0; m < masks->len; m++)
    if (!add_mask (self, evaluation, masks->pdata[m], error))
      return FALSE;
  return TRUE;
}

/* --- the result ---------------------------------------------------------------------------- */

/* The result's labels, as the truth counts them; caller frees. */
static guint8 *
get_labels (const SagEvaluated *self)
{
  SagLabelmap *map = sag_segmentation_get_layer (self->result, 0);
  gsize        n = sag_grid_get_n_voxels (sag_labelmap_get_grid (map));
  guint8      *labels = g_memdup2 (sag_labelmap_get_voxels (map), n);

  for (gsize p = 0; p < n && self->is_merged; p++)
    labels[p] = labels[p] != 0;
  return labels;
}

gboolean
sag_evaluated_run (SagEvaluated        *self,
                   const SagEvaluation *evaluation,
                   SagReliability      *all,
                   SagReliability      *near,
                   GError             **error)
{
  const SagGrid     *grid = sag_volume_get_grid (self->volume);
  SagSegmentOptions  options = { .temperature = evaluation->temperature };
  gsize              n = sag_grid_get_n_voxels (grid);
  g_autofree guint8 *labels = NULL, *mask = NULL;
  SagSegmentReport   report;
  SagBlock          *confidence;

  g_clear_pointer (&self->result, sag_segmentation_unref);
  self->result =
      sag_plugin_host_segment (evaluation->host, evaluation->entry, evaluation->precision,
                               self->volume, &options, NULL, &report, error);
  if (self->result == NULL)
    return FALSE;
  self->ms = report.total_ms - report.load_ms;
  self->peak_bytes = report.peak_bytes;
  confidence = sag_segmentation_get_confidence (self->result);
  if (confidence == NULL)
    return TRUE;
  labels = get_labels (self);
  mask = g_try_malloc (n);
  if (mask == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "There is not enough memory to measure the confidence");
      return FALSE;
    }
  if (!sag_metrics_mark_boundary (sag_block_get_data (self->truth), grid, SAG_EVALUATE_NEAR, mask,
                                  error))
    return FALSE;
  sag_reliability_add (all, labels, sag_block_get_data (self->truth),
                       sag_block_get_data (confidence), NULL, n);
  sag_reliability_add (near, labels, sag_block_get_data (self->truth),
                       sag_block_get_data (confidence), mask, n);
  return TRUE;
}

gboolean
sag_evaluated_measure (SagEvaluated *self, const SagEvaluation *evaluation, GError **error)
{
  const SagRecipe   *recipe = evaluation->entry->recipe;
  g_autofree guint8 *labels = get_labels (self);
  int                n_labels = self->is_merged ? 1 : recipe->n_labels, n = 0;
  double             sum = 0;

  for (int l = 0; l < n_labels; l++)
    {
      SagAgreement *agreement = &self->agreement[l];

      if (!sag_metrics_compare (labels, sag_block_get_data (self->truth),
                                sag_volume_get_grid (self->volume),
                                self->is_merged ? 1 : recipe->labels[l].value, agreement, error))
        return FALSE;
      if (isnan (agreement->dice))
        continue;
      sum += agreement->dice;
      n++;
    }
  self->mean_dice = n > 0 ? sum / n : NAN;
  return TRUE;
}
