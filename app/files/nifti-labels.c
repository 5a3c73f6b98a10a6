/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti-labels.c: segmentations and confidence as NIfTI-1 files.
 */
#include "app/files/nifti.h"

#include "app/files/nifti-file.h"
#include "engine/base/error.h"
#include "engine/image/review.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

static const struct
{
  const char *key;
  gsize       offset;
} provenance_keys[] = {
#define KEY(key, field) { key, G_STRUCT_OFFSET (SagProvenance, field) }
  KEY ("model-id", model_id),       KEY ("model-name", model_name),
  KEY ("model-version", model_version), KEY ("weights-sha256", weights_sha256),
  KEY ("precision", precision),     KEY ("calibration", calibration),
  KEY ("cpu", cpu),                 KEY ("program", program),
  KEY ("time", time),
#undef KEY
};

static const struct
{
  const char *key;
  gsize       offset;
} review_keys[] = {
#define KEY(key, field) { key, G_STRUCT_OFFSET (SagReview, field) }
  KEY ("editor", editor),   KEY ("edit-time", edit_time), KEY ("edit-from", edit_from),
  KEY ("verdict", verdict), KEY ("reviewer", reviewer),   KEY ("time", time),
#undef KEY
};

#define PROVENANCE_FIELD(p, i) ((char **) ((char *) (p) + provenance_keys[i].offset))

static gconstpointer
label_row (gconstpointer source, int j, int k)
{
  const SagLabelmap *map = source;
  const SagGrid *grid = sag_labelmap_get_grid (map);

  return sag_labelmap_get_voxels (map)
         + ((gsize) k * grid->size[1] + j) * grid->size[0];
}

gboolean
sag_nifti_write_segmentation (const char *path, SagSegmentation *segmentation, gboolean is_placed, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  g_autoptr (SagLabelmap) map = NULL; /* of all voxels */
  const SagProvenance *provenance = sag_segmentation_get_provenance (segmentation);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  SagNiftiHeader header;
  const SagLabel *labels;
  int n_labels;

  if (sag_segmentation_get_n_layers (segmentation) != 1)
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
          _ ("'%s' cannot be written: labels overlap, and NIfTI holds one a voxel; write DICOM SEG"),
          path);
      return FALSE;
    }
  if (!sag_nifti_fits (grid, path, error))
    return FALSE;
  map = sag_labelmap_to_whole (sag_segmentation_get_layer (segmentation, 0), error);
  if (map == NULL)
    return FALSE;
  sag_nifti_header_init (&header, grid, SAG_NIFTI_U8);
  if (!is_placed)
    sag_nifti_header_unplace (&header);
  header.intent_code = 1002; /* NIFTI_INTENT_LABEL */
  labels = sag_labelmap_get_labels (map, &n_labels);
  g_key_file_set_integer (keys, "sagitta", "labels", n_labels);
  for (int i = 0; i < n_labels; i++)
    {
      g_autofree char *group = g_strdup_printf ("label %d", labels[i].value);
      int rgb[3] = { labels[i].rgb[0], labels[i].rgb[1], labels[i].rgb[2] };

      g_key_file_set_string (keys, group, "name", labels[i].name);
      g_key_file_set_integer_list (keys, group, "colour", rgb, 3);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (provenance_keys); i++)
    g_key_file_set_string (keys, "provenance", provenance_keys[i].key,
                           *PROVENANCE_FIELD (provenance, i));
  for (gsize i = 0; i < G_N_ELEMENTS (review_keys); i++)
    {
      const char *value = G_STRUCT_MEMBER (char *, sag_provenance_peek_review (provenance),
                                           review_keys[i].offset);

      if (value[0] != '\0')
        g_key_file_set_string (keys, "review", review_keys[i].key, value);
    }
  return sag_nifti_write_file (path, 1, &header, keys, label_row, map, NULL, error);
}

typedef struct
{
  const SagGrid *grid;
  const guint8  *bytes;
} Bytes;

static gconstpointer
byte_row (gconstpointer source, int j, int k)
{
  const Bytes *bytes = source;

  return bytes->bytes + ((gsize) k * bytes->grid->size[1] + j) * bytes->grid->size[0];
}

gboolean
sag_nifti_write_confidence (const char *path, SagSegmentation *segmentation, gboolean is_placed, GError **error)
{
  SagBlock *block = sag_segmentation_get_confidence (segmentation);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  Bytes source = { sag_segmentation_get_grid (segmentation), NULL };
  SagNiftiHeader header;

  if (block == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("'%s' cannot be written: this result has no confidence"), path);
      return FALSE;
    }
  if (!sag_nifti_fits (source.grid, path, error))
    return FALSE;
  source.bytes = sag_block_get_data (block);
  sag_nifti_header_init (&header, source.grid, SAG_NIFTI_U8);
  if (!is_placed)
    sag_nifti_header_unplace (&header);
  header.scl_slope = 1.0f / 255;
  g_key_file_set_string (keys, "sagitta", "content", "confidence");
  return sag_nifti_write_file (path, 1, &header, keys, byte_row, &source, NULL, error);
}

static int
read_labels (SagNiftiInput *input, const gboolean used[256], SagLabel *labels)
{
  int n = 0;

  for (int value = 1; value < 256; value++)
    {
      g_autofree char *group = g_strdup_printf ("label %d", value);
      g_autofree char *name = sag_nifti_get_key (input, group, "name");
      gsize n_rgb = 0;
      g_autofree int  *rgb =
          input->keys != NULL
               ? g_key_file_get_integer_list (input->keys, group, "colour", &n_rgb, NULL)
               : NULL;

      if (!used[value] && *name == '\0')
        continue;
      SagLabel *label = &labels[n++];
      memset (label, 0, sizeof *label);
      label->value = (guint8) value;
      g_strlcpy (label->name, *name != '\0' ? name : group, sizeof label->name);
      sag_label_default_colour (n - 1, label->rgb);
      for (int c = 0; c < 3 && n_rgb == 3; c++)
        label->rgb[c] = (guint8) CLAMP (rgb[c], 0, 255);
    }
  return n;
}

static gboolean
read_label_voxels (SagNiftiInput *input, guint8 *out, gboolean used[256], GError **error)
{
  gsize n = (gsize) input->grid.size[0] * input->grid.size[1];
  guint8 *scratch = sag_alloc_try (n * input->bytes, "one slice", error);
  double slope, intercept;
  gboolean ok = scratch != NULL;

  sag_nifti_get_scale (&input->header, &slope, &intercept);
  for (int k = 0; ok && k < input->grid.size[2]; k++)
    {
      ok = sag_nifti_input_read_slice (input, scratch, error);
      for (gsize i = 0; ok && i < n; i++)
        {
          double v = sag_nifti_stored_value (scratch, input->header.datatype, i) * slope + intercept;
          double whole = round (v);

          if (!(fabs (v - whole) < 1e-3 && whole >= 0 && whole <= 255))
            {
              g_set_error (
                  error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                  _ ("its voxels are not labels: there is a %g where whole numbers from 0 to 255 "
                  "are wanted"),
                  v);
              ok = FALSE;
              break;
            }
          out[(gsize) k * n + i] = (guint8) whole;
          used[(guint8) whole] = TRUE;
        }
    }
  sag_free (scratch);
  return ok;
}

static SagSegmentation *
read_segmentation (SagNiftiInput *input, GError **error)
{
  g_autoptr (SagLabelmap) map = NULL;
  g_autoptr (SagBlock) block = NULL;
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  g_autofree SagLabel *labels = g_new0 (SagLabel, 255);
  gboolean used[256] = { FALSE };
  SagSegmentation *segmentation;

  if (input->header.datatype == SAG_NIFTI_RGB24)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("it is a colour image, not labels"));
      return NULL;
    }
  block = sag_block_new (sag_grid_get_n_voxels (&input->grid), "the labels", error);
  if (block == NULL || !read_label_voxels (input, sag_block_get_data (block), used, error))
    return NULL;
  map = sag_labelmap_new (&input->grid, block, labels, read_labels (input, used, labels), error);
  if (map == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (provenance_keys); i++)
    {
      g_autofree char *value = sag_nifti_get_key (input, "provenance", provenance_keys[i].key);

      sag_provenance_set (PROVENANCE_FIELD (provenance, i), value);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (review_keys); i++)
    {
      g_autofree char *value = sag_nifti_get_key (input, "review", review_keys[i].key);

      sag_provenance_set (
          G_STRUCT_MEMBER_P (sag_provenance_get_review (provenance), review_keys[i].offset), value);
    }
  segmentation = sag_segmentation_new (&map, 1, NULL, provenance, error);
  if (segmentation != NULL)
    sag_segmentation_mark_ready (segmentation, 0, input->grid.size[2]);
  return segmentation;
}

SagSegmentation *
sag_nifti_read_segmentation (const char *path, GError **error)
{
  SagSegmentation *segmentation = NULL;
  SagNiftiInput input;

  if (sag_nifti_input_open (&input, path, error))
    {
      segmentation = read_segmentation (&input, error);
      sag_nifti_input_close (&input);
    }
  if (segmentation == NULL)
    sag_nifti_prefix (path, error);
  return segmentation;
}
