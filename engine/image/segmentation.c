/* SPDX-License-Identifier: Apache-2.0
 *
 * segmentation.c: a result: labels, confidence, and where they came from.
 */
#include "engine/image/segmentation.h"

#include "engine/base/error.h"
#include "engine/image/ready.h"
#include "engine/image/review.h"

#include <math.h>
#include <string.h>

struct _SagSegmentation
{
  gatomicrefcount refs;
  SagLabelmap   **layers;
  int             n_layers;
  SagBlock       *confidence;
  SagProvenance  *provenance;
  SagReady        ready;
  gboolean        is_flat; /* the opposite of has_place */
};

/* A provenance and what people added to it: nothing but strings, so it is walked as an array of them. */
typedef struct
{
  SagProvenance base;
  SagReview     review;
} Whole;

enum { N_FIELDS = sizeof (Whole) / sizeof (char *) };

SagProvenance *
sag_provenance_new (void)
{
  SagProvenance *self = (SagProvenance *) g_new0 (Whole, 1);

  for (int n = 0; n < N_FIELDS; n++)
    ((char **) self)[n] = g_strdup ("");
  return self;
}

SagProvenance *
sag_provenance_copy (const SagProvenance *self)
{
  SagProvenance *copy = (SagProvenance *) g_new0 (Whole, 1);

  for (int n = 0; n < N_FIELDS; n++)
    ((char **) copy)[n] = g_strdup (((char *const *) self)[n]);
  return copy;
}

void
sag_provenance_free (SagProvenance *self)
{
  for (int n = 0; n < N_FIELDS; n++)
    g_free (((char **) self)[n]);
  g_free (self);
}

SagReview *
sag_provenance_get_review (SagProvenance *self)
{
  return &((Whole *) self)->review;
}

const SagReview *
sag_provenance_peek_review (const SagProvenance *self)
{
  return &((const Whole *) self)->review;
}

void
sag_provenance_set (char **field, const char *value)
{
  char *copy = g_strdup (value != NULL ? value : "");

  g_free (*field);
  *field = copy;
}

SagSegmentation *
sag_segmentation_new (SagLabelmap *const *layers, int n_layers, SagBlock *confidence,
                      const SagProvenance *provenance, GError **error)
{
  const SagGrid *grid;
  SagSegmentation *self;

  g_return_val_if_fail (n_layers >= 1, NULL);

  grid = sag_labelmap_get_grid (layers[0]);
  for (int n = 1; n < n_layers; n++)
    if (!sag_grid_equal (grid, sag_labelmap_get_grid (layers[n])))
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                     "Layer %d of the segmentation has another grid than the first", n + 1);
        return NULL;
      }
  if (confidence != NULL && sag_block_get_size (confidence) < sag_grid_get_n_voxels (grid))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The confidence's memory holds fewer voxels than the labels");
      return NULL;
    }
  self = g_new0 (SagSegmentation, 1);
  g_atomic_ref_count_init (&self->refs);
  self->layers = g_new0 (SagLabelmap *, n_layers);
  self->n_layers = n_layers;
  for (int n = 0; n < n_layers; n++)
    self->layers[n] = sag_labelmap_ref (layers[n]);
  self->confidence = confidence != NULL ? sag_block_ref (confidence) : NULL;
  self->provenance = provenance != NULL ? sag_provenance_copy (provenance) : sag_provenance_new ();
  sag_ready_init (&self->ready, grid->size[2]);
  return self;
}

SagSegmentation *
sag_segmentation_ref (SagSegmentation *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
sag_segmentation_unref (SagSegmentation *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  for (int n = 0; n < self->n_layers; n++)
    sag_labelmap_unref (self->layers[n]);
  g_free (self->layers);
  g_clear_pointer (&self->confidence, sag_block_unref);
  sag_provenance_free (self->provenance);
  sag_ready_clear (&self->ready);
  g_free (self);
}

const SagGrid *
sag_segmentation_get_grid (const SagSegmentation *self)
{
  return sag_labelmap_get_grid (self->layers[0]);
}

int
sag_segmentation_get_n_layers (const SagSegmentation *self)
{
  return self->n_layers;
}

SagLabelmap *
sag_segmentation_get_layer (const SagSegmentation *self, int layer)
{
  g_return_val_if_fail (layer >= 0 && layer < self->n_layers, NULL);
  return self->layers[layer];
}

SagBlock *
sag_segmentation_get_confidence (const SagSegmentation *self)
{
  return self->confidence;
}

const SagProvenance *
sag_segmentation_get_provenance (const SagSegmentation *self)
{
  return self->provenance;
}

gboolean
sag_segmentation_is_wide (const SagSegmentation *self)
{
  gboolean seen[256] = { FALSE };

  for (int layer = 0; layer < self->n_layers; layer++)
    {
      int n;
      const SagLabel *labels = sag_labelmap_get_labels (self->layers[layer], &n);

      for (int i = 0; i < n; i++)
        {
          if (seen[labels[i].value])
            return TRUE;
          seen[labels[i].value] = TRUE;
        }
    }
  return FALSE;
}

const SagLabel *
sag_segmentation_find_label (const SagSegmentation *self, int number, int *layer)
{
  for (int n = 0; n < self->n_layers; n++)
    {
      const SagLabel *label = sag_labelmap_find_number (self->layers[n], number);

      if (label == NULL)
        continue;
      if (layer != NULL)
        *layer = n;
      return label;
    }
  return NULL;
}

GHashTable *
sag_segmentation_find_places (const SagSegmentation *self)
{
  GHashTable *places = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);

  for (int n = 0; n < self->n_layers; n++)
    {
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (self->layers[n], &n_labels);

      sag_labelmap_measure (self->layers[n], stats);
      for (int i = 0; i < n_labels; i++)
        {
          gpointer number = GINT_TO_POINTER (sag_label_get_number (&labels[i]));
          SagLabelPlace place = { self->layers[n], &labels[i], { 0 } };

          if (stats[labels[i].value].n_voxels == 0 || g_hash_table_contains (places, number))
            continue;
          memcpy (place.box, stats[labels[i].value].box, sizeof place.box);
          g_hash_table_insert (places, number, g_memdup2 (&place, sizeof place));
        }
    }
  return places;
}

void
sag_segmentation_set_has_place (SagSegmentation *self, gboolean has_place)
{
  self->is_flat = !has_place;
}

gboolean
sag_segmentation_get_has_place (const SagSegmentation *self)
{
  return !self->is_flat;
}

void
sag_segmentation_mark_ready (SagSegmentation *self, int k0, int k1)
{
  sag_ready_mark (&self->ready, k0, k1);
}

gboolean
sag_segmentation_is_ready (const SagSegmentation *self, int k)
{
  return sag_ready_is (&self->ready, k);
}

int
sag_segmentation_get_n_ready (const SagSegmentation *self)
{
  return sag_ready_count (&self->ready);
}

double
sag_segmentation_get_slice_confidence (const SagSegmentation *self, int k, guint8 value)
{
  const SagGrid *grid = sag_segmentation_get_grid (self);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  guint64 sum = 0, count = 0;
  const guint8 *confidence;

  if (self->confidence == NULL || !sag_segmentation_is_ready (self, k))
    return NAN;
  confidence = (const guint8 *) sag_block_get_data (self->confidence) + n * (gsize) k;
  for (int layer = 0; layer < self->n_layers; layer++)
    {
      const guint8 *labels = sag_labelmap_get_box_voxels (self->layers[layer]), *sure;
      int box[6], width;

      sag_labelmap_get_box (self->layers[layer], box);
      if (k < box[2] || k >= box[5])
        continue;
      width = box[3] - box[0];
      labels += (gsize) (k - box[2]) * (gsize) (box[4] - box[1]) * (gsize) width;
      sure = confidence + (gsize) box[1] * (gsize) grid->size[0] + box[0];
      for (int j = box[1]; j < box[4]; j++, labels += width, sure += grid->size[0])
        for (int i = 0; i < width; i++)
          if (value != 0 ? labels[i] == value : labels[i] != 0)
            {
              sum += sure[i];
              count++;
            }
    }
  return count > 0 ? (double) sum / (255.0 * (double) count) : NAN;
}
