/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.c: the connected parts of a segmentation's labels.
 */
#include "engine/image/parts.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/image/components.h"

#include <string.h>

/* One label, cut out of its layer. */
typedef struct
{
  guint8 *voxels, *confidence;
  gint32 *parts;
  int     size[3];
} Cut;

static void
cut_clear (Cut *self)
{
  sag_free (self->voxels);
  sag_free (self->confidence);
  sag_free (self->parts);
  memset (self, 0, sizeof *self);
}

static gboolean
cut_out (Cut *self, const SagLabelmap *layer, const guint8 *confidence, const int box[6], GError **error)
{
  const int *size = sag_labelmap_get_grid (layer)->size;
  gsize n = 1, row;

  for (int a = 0; a < 3; a++)
    {
      self->size[a] = box[3 + a] - box[a];
      n *= (gsize) self->size[a];
    }
  row = (gsize) self->size[0];
  self->voxels = sag_alloc_try (n, "the parts", error);
  self->confidence = self->voxels != NULL ? sag_alloc_try (n, "the parts", error) : NULL;
  self->parts = self->confidence != NULL ? sag_alloc_try (n * sizeof (gint32), "the parts", error) : NULL;
  if (self->parts == NULL)
    return FALSE;
  for (int k = 0; k < self->size[2]; k++)
    for (int j = 0; j < self->size[1]; j++)
      {
        gsize at = ((gsize) (box[2] + k) * (gsize) size[1] + (gsize) (box[1] + j)) * (gsize) size[0]
                   + (gsize) box[0];
        gsize to = ((gsize) k * (gsize) self->size[1] + (gsize) j) * row;

        sag_labelmap_copy_row (layer, box[0], box[3], box[1] + j, box[2] + k, self->voxels + to);
        memcpy (self->confidence + to, confidence + at, row);
      }
  return TRUE;
}

static gboolean
add_parts (GArray *all, const SagLabelmap *layer, const guint8 *confidence, const SagLabel *label,
           const int box[6], GError **error)
{
  const SagGrid *grid = sag_labelmap_get_grid (layer);
  Cut cut = { NULL };
  g_autofree guint64 *sums = NULL, *counts = NULL;
  g_autofree guint8 *least = NULL;
  g_autofree gsize *where = NULL;
  int n = -1;

  if (cut_out (&cut, layer, confidence, box, error))
    n = sag_components_find (cut.voxels, cut.size, label->value, cut.parts, NULL, error);
  if (n < 0)
    {
      cut_clear (&cut);
      return FALSE;
    }
  sums = g_new0 (guint64, n + 1);
  counts = g_new0 (guint64, n + 1);
  least = g_malloc (n + 1);
  where = g_new0 (gsize, n + 1);
  memset (least, 255, n + 1);
  for (gsize p = 0; p < (gsize) cut.size[0] * (gsize) cut.size[1] * (gsize) cut.size[2]; p++)
    {
      gint32 part = cut.parts[p];

      if (part == 0)
        continue;
      if (counts[part]++ == 0 || cut.confidence[p] < least[part])
        {
          least[part] = cut.confidence[p];
          where[part] = p;
        }
      sums[part] += cut.confidence[p];
    }
  for (int part = 1; part <= n; part++)
    {
      gsize row = where[part] / (gsize) cut.size[0];
      const double ijk[3] = { box[0] + (double) (where[part] % (gsize) cut.size[0]),
                              box[1] + (double) (row % (gsize) cut.size[1]),
                              box[2] + (double) (row / (gsize) cut.size[1]) };
      SagPart one = { sag_label_get_number (label), counts[part], (double) sums[part] / (255.0 * (double) counts[part]),
                      { 0 } };

      sag_grid_to_lps (grid, ijk, one.at);
      g_array_append_val (all, one);
    }
  cut_clear (&cut);
  return TRUE;
}

/* Of equals the larger first. */
static int
compare (gconstpointer a, gconstpointer b)
{
  const SagPart *x = a, *y = b;

  if (x->confidence != y->confidence)
    return x->confidence < y->confidence ? -1 : 1;
  return x->n_voxels > y->n_voxels ? -1 : x->n_voxels < y->n_voxels;
}

static void
drop_noise (GArray *all)
{
  gboolean any = FALSE;

  for (guint p = 0; p < all->len; p++)
    any |= g_array_index (all, SagPart, p).n_voxels >= SAG_PART_LEAST;
  for (guint p = all->len; p > 0 && any; p--)
    if (g_array_index (all, SagPart, p - 1).n_voxels < SAG_PART_LEAST)
      g_array_remove_index_fast (all, p - 1);
}

GArray *
sag_parts_find (const SagSegmentation *segmentation, const SagTick *tick, GError **error)
{
  SagBlock *confidence = sag_segmentation_get_confidence (segmentation);
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (SagPart));
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);

  if (confidence == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "Nobody said how sure these labels are; run a model, or open labels with their confidence");
      return NULL;
    }
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (layer, &n_labels);

      sag_labelmap_measure (layer, stats);
      for (int l = 0; l < n_labels; l++)
        {
          const SagLabelStats *s = &stats[labels[l].value];

          if (!sag_tick (tick, (double) l / n_labels))
            {
              sag_engine_error_cancelled (error);
              return NULL;
            }
          if (s->n_voxels > 0
              && !add_parts (all, layer, sag_block_get_data (confidence), &labels[l], s->box, error))
            return NULL;
        }
    }
  drop_noise (all);
  g_array_sort (all, compare);
  return g_steal_pointer (&all);
}
