/* SPDX-License-Identifier: Apache-2.0
 *
 * overlays.c: overlay planes of images as labels over them.
 */
#include "app/dicom/overlays.h"

#include "app/dicom/dcmtk.h"
#include "engine/base/alloc.h"

#include <string.h>

/* Bits in the pixels themselves, as files before 2004 have them. */
static void
take_embedded (SagDcmFile *file, const SagStackSlice *slice, int bit, guint8 *mask)
{
  const SagDicomInstance *in = slice->instance;
  gsize n = (gsize) in->rows * in->columns;
  g_autofree guint16 *words = NULL;

  if (in->bits_allocated != 16 || bit < 1 || bit > 15 || in->samples_per_pixel != 1
      || (bit <= in->high_bit && bit > in->high_bit - in->bits_stored))
    return;
  words = g_try_new (guint16, n);
  if (words == NULL
      || !sag_dcm_file_get_native (file, n * 2 * slice->frame, words, n * 2, NULL))
    return;
  for (gsize i = 0; i < n; i++)
    mask[i] = words[i] >> bit & 1;
}

static void
take_bits (const SagDicomOverlay *o, const SagStackSlice *slice, guint8 *mask)
{
  int rows = slice->instance->rows, columns = slice->instance->columns;
  int frame = o->n_frames > 1 ? slice->frame - o->first_frame : 0;
  guint64 start = (guint64) o->rows * o->columns * MAX (frame, 0);

  if (frame < 0 || frame >= o->n_frames)
    return;
  for (int j = 0; j < o->rows; j++)
    for (int i = 0; i < o->columns; i++)
      {
        guint64 bit = start + (guint64) j * o->columns + i;
        int row = j + o->row, column = i + o->column;

        if (bit / 8 < o->n_bytes && o->bits[bit / 8] >> bit % 8 & 1 && row >= 0 && row < rows
            && column >= 0 && column < columns)
          mask[(gsize) row * columns + column] = 1;
      }
}

typedef struct
{
  GPtrArray *layers; /* of SagBlock */
  SagLabel   labels[SAG_MAX_OVERLAYS];
  int        layer[SAG_MAX_OVERLAYS]; /* -1: no slice has it */
} Found;

static gboolean
take_slice (Found *found, const SagStack *stack, const SagStackSlice *slice, guint8 *mask,
            GError **error)
{
  g_autoptr (SagDcmFile) file = sag_dcm_file_open (slice->instance->path, NULL);
  gsize n = (gsize) slice->instance->rows * slice->instance->columns;
  gboolean ok = TRUE;

  for (int g = 0; g < SAG_MAX_OVERLAYS && file != NULL && ok; g++)
    {
      SagDicomOverlay overlay;

      if (!sag_dcm_file_get_overlay (file, g, &overlay))
        continue;
      memset (mask, 0, n);
      if (overlay.bits != NULL)
        take_bits (&overlay, slice, mask);
      else
        take_embedded (file, slice, overlay.bit, mask);
      if (found->labels[g].name[0] == '\0')
        g_strlcpy (found->labels[g].name, overlay.name, sizeof found->labels[g].name);
      /* Each label keeps to one layer, and each group has its own: they may well cross. */
      if (found->layer[g] < 0)
        {
          SagBlock *block = sag_block_new (sag_grid_get_n_voxels (&stack->grid), "the overlays", error);

          ok = block != NULL;
          if (ok)
            {
              found->layer[g] = (int) found->layers->len;
              g_ptr_array_add (found->layers, block);
            }
        }
      if (ok)
        {
          guint8 *out = (guint8 *) sag_block_get_data (
                            g_ptr_array_index (found->layers, found->layer[g]))
                        + n * slice->k;

          for (gsize i = 0; i < n; i++)
            if (mask[i] != 0)
              out[i] = (guint8) (g + 1);
        }
      g_free (overlay.bits);
    }
  return ok;
}

static SagSegmentation *
assemble (Found *found, const SagStack *stack, GError **error)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  SagSegmentation *result;

  for (guint layer = 0; layer < found->layers->len; layer++)
    for (int g = 0; g < SAG_MAX_OVERLAYS; g++)
      if (found->layer[g] == (int) layer)
        {
          SagLabel *label = &found->labels[g];
          SagLabelmap *map;

          label->value = (guint8) (g + 1);
          if (label->name[0] == '\0')
            g_snprintf (label->name, sizeof label->name, "Overlay %d", g + 1);
          sag_label_default_colour (g, label->rgb);
          map = sag_labelmap_new (&stack->grid, g_ptr_array_index (found->layers, layer), label, 1,
                                  error);
          if (map == NULL)
            return NULL;
          g_ptr_array_add (maps, map);
        }
  sag_provenance_set (&provenance->model_name, "Overlay planes of the images");
  sag_provenance_set (&provenance->program, stack->slices[0].instance->manufacturer);
  result = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len, NULL,
                                 provenance, error);
  if (result != NULL)
    sag_segmentation_mark_ready (result, 0, stack->grid.size[2]);
  return result;
}

SagSegmentation *
sag_overlays_read (const SagStack *stack, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_block_unref);
  g_autofree Found *found = g_new0 (Found, 1);
  gsize n = (gsize) stack->grid.size[0] * stack->grid.size[1];
  g_autofree guint8 *mask = NULL;

  found->layers = layers;
  for (int g = 0; g < SAG_MAX_OVERLAYS; g++)
    found->layer[g] = -1;
  for (int s = 0; s < stack->n_slices; s++)
    {
      const SagStackSlice *slice = &stack->slices[s];

      if (!slice->instance->has_overlays
          || (gsize) slice->instance->rows * slice->instance->columns != n)
        continue;
      if (mask == NULL && (mask = g_try_malloc (n)) == NULL)
        break;
      if (!take_slice (found, stack, slice, mask, error))
        return NULL;
    }
  return layers->len > 0 ? assemble (found, stack, error) : NULL;
}
