/* SPDX-License-Identifier: Apache-2.0
 *
 * body-edit.c: what is done to labels, and asked of them, as a whole.
 */
#include "app/state/wire.h"
#include "app/work/body-private.h"
#include "engine/image/edit.h"
#include "engine/image/parts.h"

#include <string.h>

static gboolean
tell_changes (SagBodyRun *run, const GArray *changes, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantDict dict;
  int handle;

  if (changes->len == 0)
    return TRUE;
  handle = sag_wire_append_bytes (fds, changes->data, changes->len * sizeof (SagChange), error);
  if (handle < 0)
    return FALSE;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "n", "t", (guint64) changes->len);
  g_variant_dict_insert (&dict, "changes", "h", handle);
  run->sink->partial ("changes", g_variant_dict_end (&dict), fds, run->sink->data);
  return TRUE;
}

/* On a copy: the window shows these very voxels, and takes the changes over when there are all. */
GVariant *
sag_body_edit (SagBodyRun *run, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = sag_body_get_segmentation (run, "segmentation", error);
  g_autoptr (GArray) changes = g_array_new (FALSE, TRUE, sizeof (SagChange));
  g_autoptr (SagBlock) copy = NULL;
  SagLabelmap *map;
  const char *operation;
  GVariantDict dict;
  gint32 layer;
  guint8 label;

  if (segmentation == NULL)
    return NULL;
  if (!g_variant_lookup (run->request, "layer", "i", &layer) || layer < 0
      || layer >= sag_segmentation_get_n_layers (segmentation))
    return sag_body_lacks ("layer", error);
  if (!g_variant_lookup (run->request, "label", "y", &label))
    return sag_body_lacks ("label", error);
  if (!g_variant_lookup (run->request, "operation", "&s", &operation))
    return sag_body_lacks ("operation", error);
  map = sag_segmentation_get_layer (segmentation, layer);
  copy = sag_labelmap_copy_voxels (map, "the corrected labels", error);
  if (copy == NULL)
    return NULL;
  if (!sag_edit_apply (operation, sag_block_get_data (copy), sag_labelmap_get_grid (map), label,
                       &run->tick, changes, error)
      || !tell_changes (run, changes, error))
    return NULL;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "n", "t", (guint64) changes->len);
  return g_variant_dict_end (&dict);
}

GVariant *
sag_body_parts (SagBodyRun *run, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = sag_body_get_segmentation (run, "segmentation", error);
  g_autoptr (GArray) parts = NULL;
  GVariantBuilder builder;
  GVariantDict dict;

  if (segmentation == NULL)
    return NULL;
  parts = sag_parts_find (segmentation, &run->tick, error);
  if (parts == NULL)
    return NULL;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(itd(ddd))"));
  for (guint p = 0; p < parts->len; p++)
    {
      const SagPart *part = &g_array_index (parts, SagPart, p);

      g_variant_builder_add (&builder, "(itd(ddd))", part->number, part->n_voxels, part->confidence,
                             part->at[0], part->at[1], part->at[2]);
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "parts", g_variant_builder_end (&builder));
  return g_variant_dict_end (&dict);
}
