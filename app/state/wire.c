/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c: volumes and segmentations as messages.
 */
#include "app/state/wire.h"

#include "app/state/text.h"
#include "engine/image/review.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MAX_LAYERS SAG_LABEL_NUMBERS
#define WIRE_LAYERS "a(htt(iiiiii)" SAG_WIRE_LABELS ")" /* block, its bytes, offset, box, labels */

static const char *const voxel_names[] = { "u8", "i16", "u16", "f32", "rgb8" };

static gboolean
invalid (const char *what, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A message makes no sense: %s", what);
  return FALSE;
}

static void
add_grid (GVariantDict *dict, const SagGrid *grid)
{
  const double *d = grid->direction;

  g_variant_dict_insert (dict, "size", "(iii)", grid->size[0], grid->size[1], grid->size[2]);
  g_variant_dict_insert (dict, "spacing", "(ddd)", grid->spacing[0], grid->spacing[1],
                         grid->spacing[2]);
  g_variant_dict_insert (dict, "origin", "(ddd)", grid->origin[0], grid->origin[1], grid->origin[2]);
  g_variant_dict_insert (dict, "direction", "(ddddddddd)", d[0], d[1], d[2], d[3], d[4], d[5], d[6],
                         d[7], d[8]);
}

static gboolean
get_grid (GVariant *description, SagGrid *grid, GError **error)
{
  double *d = grid->direction;

  if (!g_variant_lookup (description, "size", "(iii)", &grid->size[0], &grid->size[1],
                         &grid->size[2])
      || !g_variant_lookup (description, "spacing", "(ddd)", &grid->spacing[0], &grid->spacing[1],
                            &grid->spacing[2])
      || !g_variant_lookup (description, "origin", "(ddd)", &grid->origin[0], &grid->origin[1],
                            &grid->origin[2])
      || !g_variant_lookup (description, "direction", "(ddddddddd)", &d[0], &d[1], &d[2], &d[3],
                            &d[4], &d[5], &d[6], &d[7], &d[8]))
    return invalid ("it has no grid", error);
  return sag_grid_check (grid, error);
}

typedef gboolean (*IsReadyFunc) (gconstpointer self, int k);
typedef void (*MarkReadyFunc) (gpointer self, int k0, int k1);

static void
add_ready (GVariantDict *dict, gconstpointer self, int n, IsReadyFunc is_ready)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ii)"));
  for (int k0 = 0, k1; k0 < n; k0 = k1 + 1)
    {
      for (k1 = k0; k1 < n && is_ready (self, k1);)
        k1++;
      if (k1 > k0)
        g_variant_builder_add (&builder, "(ii)", k0, k1);
    }
  g_variant_dict_insert_value (dict, "ready", g_variant_builder_end (&builder));
}

static gboolean
take_ready (GVariant *description, gpointer self, int n, MarkReadyFunc mark, GError **error)
{
  g_autoptr (GVariantIter) iter = NULL;
  int k0, k1;

  if (!g_variant_lookup (description, "ready", "a(ii)", &iter))
    return invalid ("it does not say which slices are ready", error);
  while (g_variant_iter_next (iter, "(ii)", &k0, &k1))
    {
      if (k0 < 0 || k1 < k0 || k1 > n)
        return invalid ("slices are ready that it does not have", error);
      mark (self, k0, k1);
    }
  return TRUE;
}

static int
append_block (GUnixFDList *fds, SagBlock *block, GError **error)
{
  return g_unix_fd_list_append (fds, sag_block_get_fd (block), error);
}

SagBlock *
sag_wire_map (GUnixFDList *fds, int handle, gsize bytes, GError **error)
{
  const int wanted = F_SEAL_SHRINK;
  int fd;

  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds) || bytes == 0)
    {
      invalid ("its memory was not sent along", error);
      return NULL;
    }
  fd = g_unix_fd_list_get (fds, handle, error);
  if (fd < 0)
    return NULL;
  if (fcntl (fd, F_ADD_SEALS, wanted) != 0 && (fcntl (fd, F_GET_SEALS) & wanted) != wanted)
    {
      close (fd);
      invalid ("its memory could shrink", error);
      return NULL;
    }
  return sag_block_new_for_fd (fd, bytes, error);
}

int
sag_wire_append_bytes (GUnixFDList *fds, gconstpointer data, gsize bytes, GError **error)
{
  g_autoptr (SagBlock) block = sag_block_new (MAX (bytes, 1), "a message", error);

  if (block == NULL)
    return -1;
  if (bytes > 0)
    memcpy (sag_block_get_data (block), data, bytes);
  return append_block (fds, block, error);
}

static void
add_voi (GVariantDict *dict, SagVolume *volume)
{
  const guint8 *levels;
  int n;
  SagVoiFunction function = sag_volume_get_voi (volume, &levels, &n);

  g_variant_dict_insert (dict, "voi", "i", (int) function);
  if (levels != NULL)
    g_variant_dict_insert_value (dict, "levels",
                                 g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, levels, n, 1));
}

/* How windows are shown: linear where it is not said. */
static void
add_boxes (GVariantDict *dict, SagVolume *volume)
{
  int n;
  const int (*boxes)[4] = sag_volume_get_scaled_boxes (volume, &n);

  if (n > 0)
    g_variant_dict_insert_value (dict, "scaled-boxes",
                                 g_variant_new_fixed_array (G_VARIANT_TYPE_INT32, boxes, 4 * (gsize) n, sizeof (gint32)));
}

static void
take_boxes (GVariant *description, SagVolume *volume)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (description, "scaled-boxes", G_VARIANT_TYPE ("ai"));
  gsize n = 0;
  const gint32 *boxes = value != NULL ? g_variant_get_fixed_array (value, &n, sizeof (gint32)) : NULL;

  sag_volume_set_scaled_boxes (volume, (const int (*)[4]) boxes, (int) MIN (n / 4, SAG_SCALED_BOXES));
}

static void
take_voi (GVariant *description, SagVolume *volume)
{
  g_autoptr (GVariant) array
      = g_variant_lookup_value (description, "levels", G_VARIANT_TYPE_BYTESTRING);
  const guint8 *levels = NULL;
  gsize n = 0;
  int function;

  if (!g_variant_lookup (description, "voi", "i", &function) || function < SAG_VOI_LINEAR
      || function > SAG_VOI_TABLE)
    return;
  if (array != NULL)
    levels = g_variant_get_fixed_array (array, &n, 1);
  sag_volume_set_voi (volume, function, levels, (int) MIN (n, 65536));
}

GVariant *
sag_volume_to_variant (SagVolume *volume, GUnixFDList *fds, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  int handle = append_block (fds, sag_volume_get_block (volume), error);
  GVariantDict dict;

  if (handle < 0)
    return NULL;
  g_variant_dict_init (&dict, NULL);
  add_grid (&dict, grid);
  add_ready (&dict, volume, grid->size[2], (IsReadyFunc) sag_volume_is_ready);
  g_variant_dict_insert (&dict, "type", "s", voxel_names[sag_volume_get_voxel_type (volume)]);
  g_variant_dict_insert (&dict, "slope", "d", sag_volume_get_slope (volume));
  g_variant_dict_insert (&dict, "intercept", "d", sag_volume_get_intercept (volume));
  g_variant_dict_insert (&dict, "unit", "s", sag_volume_get_unit (volume));
  g_variant_dict_insert (&dict, "has-spacing", "b", sag_volume_get_has_spacing (volume));
  g_variant_dict_insert (&dict, "has-depth", "b", sag_volume_get_has_depth (volume));
  g_variant_dict_insert (&dict, "modality", "s", sag_volume_get_modality (volume));
  g_variant_dict_insert (&dict, "frame-of-reference", "s",
                         sag_volume_get_frame_of_reference (volume));
  g_variant_dict_insert (&dict, "voxels", "h", handle);
  add_voi (&dict, volume);
  add_boxes (&dict, volume);
  return g_variant_dict_end (&dict);
}

SagVolume *
sag_volume_from_variant (GVariant *description, GUnixFDList *fds, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagBlock) block = NULL;
  gboolean has_spacing, has_depth;
  const char *type, *unit, *modality, *frame;
  double slope, intercept;
  gsize bytes;
  SagGrid grid;
  int handle, voxel_type = -1;

  if (!get_grid (description, &grid, error))
    return NULL;
  if (!g_variant_lookup (description, "type", "&s", &type)
      || !g_variant_lookup (description, "slope", "d", &slope)
      || !g_variant_lookup (description, "intercept", "d", &intercept)
      || !g_variant_lookup (description, "unit", "&s", &unit)
      || !g_variant_lookup (description, "modality", "&s", &modality)
      || !g_variant_lookup (description, "frame-of-reference", "&s", &frame)
      || !g_variant_lookup (description, "voxels", "h", &handle))
    {
      invalid ("a volume lacks a part", error);
      return NULL;
    }
  for (int n = 0; n < (int) G_N_ELEMENTS (voxel_names); n++)
    if (strcmp (type, voxel_names[n]) == 0)
      voxel_type = n;
  if (voxel_type < 0
      || !g_size_checked_mul (&bytes, sag_grid_get_n_voxels (&grid),
                              (gsize) sag_voxel_type_get_bytes (voxel_type)))
    {
      invalid ("a volume has voxels of no known type", error);
      return NULL;
    }
  block = sag_wire_map (fds, handle, bytes, error);
  if (block == NULL)
    return NULL;
  volume = sag_volume_new (&grid, voxel_type, block, slope, intercept, unit, error);
  if (volume == NULL
      || !take_ready (description, volume, grid.size[2], (MarkReadyFunc) sag_volume_mark_ready,
                      error))
    return NULL;
  sag_volume_set_origin_tags (volume, modality, frame);
  if (g_variant_lookup (description, "has-spacing", "b", &has_spacing))
    sag_volume_set_has_spacing (volume, has_spacing);
  if (g_variant_lookup (description, "has-depth", "b", &has_depth))
    sag_volume_set_has_depth (volume, has_depth);
  take_voi (description, volume);
  take_boxes (description, volume);
  return g_steal_pointer (&volume);
}

GVariant *
sag_labels_to_variant (const SagLabel *labels, int n_labels)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (SAG_WIRE_LABELS));
  for (int n = 0; n < n_labels; n++)
    {
      const SagLabel *l = &labels[n];
      const SagCode *codes[3] = { &l->category, &l->type, &l->modifier };
      const char *texts[10] = { l->name };
      g_autoptr (GPtrArray) valid = g_ptr_array_new_with_free_func (g_free);

      for (int c = 0; c < 3; c++)
        {
          texts[1 + 3 * c] = codes[c]->value;
          texts[2 + 3 * c] = codes[c]->scheme;
          texts[3 + 3 * c] = codes[c]->meaning;
        }
      for (int t = 0; t < 10; t++)
        {
          g_ptr_array_add (valid, g_utf8_make_valid (texts[t], -1));
          texts[t] = g_ptr_array_index (valid, t);
        }
      g_variant_builder_add (&builder, "(yis(sss)(sss)(sss)(yyy))", l->value, l->number, texts[0], texts[1],
                             texts[2], texts[3], texts[4], texts[5], texts[6], texts[7], texts[8],
                             texts[9], l->rgb[0], l->rgb[1], l->rgb[2]);
    }
  return g_variant_builder_end (&builder);
}

SagLabel *
sag_labels_from_variant (GVariant *labels, int *n_labels)
{
  gsize n = g_variant_n_children (labels);
  SagLabel *out = g_new0 (SagLabel, MAX (n, 1));

  for (gsize i = 0; i < n; i++)
    {
      SagLabel *l = &out[i];
      SagCode *codes[3] = { &l->category, &l->type, &l->modifier };
      const char *t[10];

      g_variant_get_child (labels, i, "(yi&s(&s&s&s)(&s&s&s)(&s&s&s)(yyy))", &l->value, &l->number, &t[0], &t[1],
                           &t[2], &t[3], &t[4], &t[5], &t[6], &t[7], &t[8], &t[9], &l->rgb[0],
                           &l->rgb[1], &l->rgb[2]);
      sag_text_copy (l->name, t[0], sizeof l->name);
      for (int c = 0; c < 3; c++)
        {
          sag_text_copy (codes[c]->value, t[1 + 3 * c], sizeof codes[c]->value);
          sag_text_copy (codes[c]->scheme, t[2 + 3 * c], sizeof codes[c]->scheme);
          sag_text_copy (codes[c]->meaning, t[3 + 3 * c], sizeof codes[c]->meaning);
        }
    }
  *n_labels = (int) n;
  return out;
}

static const struct
{
  const char *name;
  gsize       offset;
} provenance_fields[] = {
#define FIELD(name) { #name, G_STRUCT_OFFSET (SagProvenance, name) }
  FIELD (model_id), FIELD (model_name),  FIELD (model_version), FIELD (weights_sha256),
  FIELD (precision), FIELD (calibration), FIELD (cpu), FIELD (program),
  FIELD (algorithm), FIELD (threshold), FIELD (creator), FIELD (equipment),
  FIELD (description), FIELD (source),
  FIELD (time),
#undef FIELD
};

static const struct
{
  const char *name;
  gsize       offset;
} review_fields[] = {
#define FIELD(name) { "review-" #name, G_STRUCT_OFFSET (SagReview, name) }
  FIELD (editor), FIELD (edit_time), FIELD (edit_from), FIELD (verdict), FIELD (reviewer), FIELD (time),
#undef FIELD
};

GVariant *
sag_segmentation_to_variant (SagSegmentation *segmentation, GUnixFDList *fds, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  const SagProvenance *from = sag_segmentation_get_provenance (segmentation);
  SagBlock *confidence = sag_segmentation_get_confidence (segmentation);
  g_autoptr (GVariant) layers = NULL;
  SagBlock *last = NULL; /* layers that keep boxes share a block: it is sent once */
  GVariantBuilder builder;
  GVariantDict dict;
  int handle = -1;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (WIRE_LAYERS));
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (layer, &n_labels);
      SagBlock *block = sag_labelmap_get_block (layer);
      int b[6];

      sag_labelmap_get_box (layer, b);
      if (block != last)
        handle = append_block (fds, block, error);
      if (handle < 0)
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      last = block;
      g_variant_builder_add (&builder, "(htt(iiiiii)@" SAG_WIRE_LABELS ")", handle,
                             (guint64) sag_block_get_size (block), (guint64) sag_labelmap_get_offset (layer), b[0],
                             b[1], b[2], b[3], b[4], b[5], sag_labels_to_variant (labels, n_labels));
    }
  layers = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (confidence != NULL && (handle = append_block (fds, confidence, error)) < 0)
    return NULL;

  g_variant_dict_init (&dict, NULL);
  add_grid (&dict, grid);
  add_ready (&dict, segmentation, grid->size[2], (IsReadyFunc) sag_segmentation_is_ready);
  g_variant_dict_insert_value (&dict, "layers", layers);
  if (confidence != NULL)
    g_variant_dict_insert (&dict, "confidence", "h", handle);
  g_variant_dict_insert (&dict, "has-place", "b", sag_segmentation_get_has_place (segmentation));
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (gsize n = 0; n < G_N_ELEMENTS (provenance_fields); n++)
    {
      const char *text = G_STRUCT_MEMBER (char *, from, provenance_fields[n].offset);
      g_autofree char *valid = g_utf8_make_valid (text, -1);

      g_variant_builder_add (&builder, "{ss}", provenance_fields[n].name, valid);
    }
  for (gsize n = 0; n < G_N_ELEMENTS (review_fields); n++)
    {
      const char *text
          = G_STRUCT_MEMBER (char *, sag_provenance_peek_review (from), review_fields[n].offset);
      g_autofree char *valid = g_utf8_make_valid (text, -1);

      g_variant_builder_add (&builder, "{ss}", review_fields[n].name, valid);
    }
  g_variant_dict_insert_value (&dict, "provenance", g_variant_builder_end (&builder));
  return g_variant_dict_end (&dict);
}

/* The block that layers have shared so far. */
typedef struct
{
  SagBlock *block;
  int       handle;
} Shared;

static SagLabelmap *
take_layer (GVariant *layer, const SagGrid *grid, GUnixFDList *fds, Shared *shared, GError **error)
{
  g_autoptr (GVariant) described = NULL;
  g_autofree SagLabel *labels = NULL;
  int handle, n_labels, b[6];
  guint64 bytes, offset;

  g_variant_get (layer, "(htt(iiiiii)@" SAG_WIRE_LABELS ")", &handle, &bytes, &offset, &b[0], &b[1], &b[2], &b[3],
                 &b[4], &b[5], &described);
  if (shared->block == NULL || handle != shared->handle)
    {
      g_clear_pointer (&shared->block, sag_block_unref);
      shared->block = sag_wire_map (fds, handle, bytes, error);
      shared->handle = handle;
    }
  if (shared->block == NULL)
    return NULL;
  labels = sag_labels_from_variant (described, &n_labels);
  return sag_labelmap_new_boxed (grid, b, shared->block, offset, labels, n_labels, error);
}

SagSegmentation *
sag_segmentation_from_variant (GVariant *description, GUnixFDList *fds, GError **error)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (GVariant) layers = NULL;
  g_autoptr (GVariant) from = NULL;
  g_autoptr (SagBlock) confidence = NULL;
  Shared shared = { NULL };
  SagGrid grid;
  gboolean has_place;
  int handle;

  if (!get_grid (description, &grid, error))
    return NULL;
  layers = g_variant_lookup_value (description, "layers", G_VARIANT_TYPE (WIRE_LAYERS));
  from = g_variant_lookup_value (description, "provenance", G_VARIANT_TYPE ("a{ss}"));
  if (layers == NULL || from == NULL || g_variant_n_children (layers) == 0
      || g_variant_n_children (layers) > MAX_LAYERS)
    {
      invalid ("a segmentation lacks a part", error);
      return NULL;
    }
  for (gsize n = 0; n < g_variant_n_children (layers); n++)
    {
      g_autoptr (GVariant) layer = g_variant_get_child_value (layers, n);
      SagLabelmap *map = take_layer (layer, &grid, fds, &shared, error);

      if (map == NULL)
        break;
      g_ptr_array_add (maps, map);
    }
  g_clear_pointer (&shared.block, sag_block_unref);
  if (maps->len < g_variant_n_children (layers))
    return NULL;
  if (g_variant_lookup (description, "confidence", "h", &handle))
    {
      confidence = sag_wire_map (fds, handle, sag_grid_get_n_voxels (&grid), error);
      if (confidence == NULL)
        return NULL;
    }
  for (gsize n = 0; n < G_N_ELEMENTS (provenance_fields); n++)
    {
      const char *text;

      if (g_variant_lookup (from, provenance_fields[n].name, "&s", &text))
        sag_provenance_set (G_STRUCT_MEMBER_P (provenance, provenance_fields[n].offset), text);
    }
  for (gsize n = 0; n < G_N_ELEMENTS (review_fields); n++)
    {
      const char *text;

      if (g_variant_lookup (from, review_fields[n].name, "&s", &text))
        sag_provenance_set (G_STRUCT_MEMBER_P (sag_provenance_get_review (provenance),
                                               review_fields[n].offset),
                            text);
    }
  segmentation = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len,
                                       confidence, provenance, error);
  if (segmentation == NULL
      || !take_ready (description, segmentation, grid.size[2],
                      (MarkReadyFunc) sag_segmentation_mark_ready, error))
    return NULL;
  if (g_variant_lookup (description, "has-place", "b", &has_place))
    sag_segmentation_set_has_place (segmentation, has_place);
  return g_steal_pointer (&segmentation);
}
