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

/* All layers as rows of the labels' numbers. */
typedef struct
{
  SagSegmentation *segmentation;
  int              n;       /* voxels of a row */
  guint16        (*numbers)[256]; /* of the values of each layer */
  gboolean         is_wide; /* rows of u16 */
  guint8          *row;     /* of one layer */
  guint8          *out;
} LabelRows;

/* FALSE where two layers have a label in one voxel. */
static gboolean
fill_row (const LabelRows *self, int j, int k)
{
  gboolean single = TRUE;

  memset (self->out, 0, (gsize) self->n * (self->is_wide ? 2 : 1));
  for (int layer = 0; layer < sag_segmentation_get_n_layers (self->segmentation); layer++)
    {
      sag_labelmap_copy_row (sag_segmentation_get_layer (self->segmentation, layer), 0, self->n, j, k, self->row);
      for (int i = 0; i < self->n; i++)
        if (self->row[i] != 0)
          {
            guint16 number = self->numbers[layer][self->row[i]];

            single &= (self->is_wide ? ((guint16 *) self->out)[i] : self->out[i]) == 0;
            if (self->is_wide)
              ((guint16 *) self->out)[i] = number;
            else
              self->out[i] = (guint8) number;
          }
    }
  return single;
}

static gconstpointer
label_row (gconstpointer source, int j, int k)
{
  const LabelRows *self = source;

  fill_row (self, j, k);
  return self->out;
}

static gboolean
lie_apart (const LabelRows *rows, const SagGrid *grid)
{
  for (int k = 0; k < grid->size[2] && sag_segmentation_get_n_layers (rows->segmentation) > 1; k++)
    for (int j = 0; j < grid->size[1]; j++)
      if (!fill_row (rows, j, k))
        return FALSE;
  return TRUE;
}

static void
number_layers (LabelRows *rows)
{
  for (int layer = 0; layer < sag_segmentation_get_n_layers (rows->segmentation); layer++)
    {
      int n;
      const SagLabel *labels = sag_labelmap_get_labels (sag_segmentation_get_layer (rows->segmentation, layer), &n);

      for (int value = 0; value < 256; value++)
        rows->numbers[layer][value] = (guint16) value;
      for (int i = 0; i < n; i++)
        {
          rows->numbers[layer][labels[i].value] = (guint16) sag_label_get_number (&labels[i]);
          rows->is_wide |= sag_label_get_number (&labels[i]) > 255;
        }
    }
}

/* Names and colours, under the labels' numbers. The group of our own name comes first: the file is known by it. */
static void
note_labels (SagSegmentation *segmentation, GKeyFile *keys)
{
  int n_all = 0;

  g_key_file_set_integer (keys, "sagitta", "labels", 0);
  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      int n;
      const SagLabel *labels = sag_labelmap_get_labels (sag_segmentation_get_layer (segmentation, layer), &n);

      for (int i = 0; i < n; i++)
        {
          g_autofree char *group = g_strdup_printf ("label %d", sag_label_get_number (&labels[i]));
          int rgb[3] = { labels[i].rgb[0], labels[i].rgb[1], labels[i].rgb[2] };

          g_key_file_set_string (keys, group, "name", labels[i].name);
          g_key_file_set_integer_list (keys, group, "colour", rgb, 3);
        }
      n_all += n;
    }
  g_key_file_set_integer (keys, "sagitta", "labels", n_all);
}

gboolean
sag_nifti_write_segmentation (const char *path, SagSegmentation *segmentation, gboolean is_placed, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  const SagProvenance *provenance = sag_segmentation_get_provenance (segmentation);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autofree gpointer numbers = g_malloc0 (sizeof (guint16[256]) * (gsize) sag_segmentation_get_n_layers (segmentation));
  g_autofree guint8 *row = g_malloc ((gsize) grid->size[0]);
  g_autofree guint16 *out = g_new (guint16, grid->size[0]);
  LabelRows rows = { segmentation, grid->size[0], numbers, FALSE, row, (guint8 *) out };
  SagNiftiHeader header;

  if (!sag_nifti_fits (grid, path, error))
    return FALSE;
  number_layers (&rows);
  if (!lie_apart (&rows, grid))
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
          _ ("'%s' cannot be written: labels overlap, and NIfTI holds one a voxel; write DICOM SEG"),
          path);
      return FALSE;
    }
  sag_nifti_header_init (&header, grid, rows.is_wide ? SAG_NIFTI_U16 : SAG_NIFTI_U8);
  if (!is_placed)
    sag_nifti_header_unplace (&header);
  header.intent_code = 1002; /* NIFTI_INTENT_LABEL */
  note_labels (segmentation, keys);
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
  return sag_nifti_write_file (path, 1, &header, keys, label_row, &rows, NULL, error);
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

#define MAX_NUMBER 65535
#define A_BYTE 255 /* labels that one tells apart */

/* The labels of numbers `numbers` (n of them, in order), the values of which are counted from 1 again and again, or are
 * the numbers themselves. */
static void
read_labels (SagNiftiInput *input, const int *numbers, int n, gboolean as_values, SagLabel *labels)
{
  for (int i = 0; i < n; i++)
    {
      g_autofree char *group = g_strdup_printf ("label %d", numbers[i]);
      g_autofree char *name = sag_nifti_get_key (input, group, "name");
      gsize n_rgb = 0;
      g_autofree int  *rgb =
          input->keys != NULL
               ? g_key_file_get_integer_list (input->keys, group, "colour", &n_rgb, NULL)
               : NULL;
      SagLabel *label = &labels[i];

      memset (label, 0, sizeof *label);
      label->value = (guint8) (as_values ? numbers[i] : i % A_BYTE + 1);
      label->number = numbers[i];
      g_strlcpy (label->name, *name != '\0' ? name : group, sizeof label->name);
      sag_label_default_colour (i, label->rgb);
      for (int c = 0; c < 3 && n_rgb == 3; c++)
        label->rgb[c] = (guint8) CLAMP (rgb[c], 0, 255);
    }
}

/* The voxels as numbers, and which there are. Those above 255 need two bytes, which are taken when the first comes. */
typedef struct
{
  guint8   *bytes;
  guint16  *words; /* NULL: bytes hold all */
  gboolean *used;  /* [MAX_NUMBER + 1] */
} Numbers;

static gboolean
note_number (Numbers *self, gsize at, gsize n_all, double v, GError **error)
{
  double whole = round (v);

  if (!(fabs (v - whole) < 1e-3 && whole >= 0 && whole <= MAX_NUMBER))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("its voxels are not labels: there is a %g where whole numbers from 0 to 65535 are wanted"), v);
      return FALSE;
    }
  if (whole > A_BYTE && self->words == NULL)
    {
      self->words = sag_alloc_try (2 * n_all, "the labels", error);
      if (self->words == NULL)
        return FALSE;
      for (gsize i = 0; i < at; i++)
        self->words[i] = self->bytes[i];
    }
  if (self->words != NULL)
    self->words[at] = (guint16) whole;
  else if (whole > 0) /* pages of nothing are never taken */
    self->bytes[at] = (guint8) whole;
  self->used[(int) whole] = TRUE;
  return TRUE;
}

static gboolean
read_numbers (SagNiftiInput *input, Numbers *numbers, GError **error)
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
        ok = note_number (numbers, (gsize) k * n + i, n * (gsize) input->grid.size[2],
                          sag_nifti_stored_value (scratch, input->header.datatype, i) * slope + intercept, error);
    }
  sag_free (scratch);
  return ok;
}

/* Numbers that have voxels or, in a file of ours, a name. */
static int
list_numbers (SagNiftiInput *input, const gboolean *used, int *list)
{
  int n = 0;

  for (int number = 1; number <= MAX_NUMBER; number++)
    {
      char group[20];

      g_snprintf (group, sizeof group, "label %d", number);
      if (used[number] || (input->keys != NULL && g_key_file_has_key (input->keys, group, "name", NULL)))
        list[n++] = number;
    }
  return n;
}

/* A layer for each 255 labels. */
static gboolean
make_layers (SagNiftiInput *input, Numbers *numbers, SagBlock *block, GPtrArray *maps, GError **error)
{
  gsize n_voxels = sag_grid_get_n_voxels (&input->grid);
  g_autofree int *list = g_new (int, MAX_NUMBER);
  int n = list_numbers (input, numbers->used, list);
  g_autofree SagLabel *labels = g_new (SagLabel, MAX (n, 1));
  g_autofree guint8 *value_of = g_malloc (MAX_NUMBER + 1);
  gboolean as_values = n == 0 || list[n - 1] <= A_BYTE;

  read_labels (input, list, n, as_values, labels);
  for (int first = 0; first == 0 || first < n; first += A_BYTE)
    {
      int own = MIN (n - first, A_BYTE);
      g_autoptr (SagLabelmap) whole = NULL;
      g_autoptr (SagBlock) layer = first == 0 ? sag_block_ref (block) : sag_block_new (n_voxels, "the labels", error);
      guint8 *out = layer != NULL ? sag_block_get_data (layer) : NULL;
      SagLabelmap *map;

      if (layer == NULL)
        return FALSE;
      memset (value_of, 0, MAX_NUMBER + 1);
      for (int i = first; i < first + own; i++)
        value_of[list[i]] = labels[i].value;
      for (gsize p = 0; p < n_voxels && !as_values; p++)
        out[p] = value_of[numbers->words != NULL ? numbers->words[p] : numbers->bytes[p]];
      whole = sag_labelmap_new (&input->grid, layer, labels + first, own, error);
      map = whole != NULL ? sag_labelmap_crop (whole, error) : NULL;
      if (map == NULL)
        return FALSE;
      g_ptr_array_add (maps, map);
    }
  return maps->len == 1 || sag_labelmap_pack ((SagLabelmap **) maps->pdata, (int) maps->len, error);
}

static SagSegmentation *
read_segmentation (SagNiftiInput *input, GError **error)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagBlock) block = NULL;
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  g_autofree gboolean *used = g_new0 (gboolean, MAX_NUMBER + 1);
  Numbers numbers = { .used = used };
  SagSegmentation *segmentation;
  gboolean good;

  if (input->header.datatype == SAG_NIFTI_RGB24)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("it is a colour image, not labels"));
      return NULL;
    }
  block = sag_block_new (sag_grid_get_n_voxels (&input->grid), "the labels", error);
  if (block == NULL)
    return NULL;
  numbers.bytes = sag_block_get_data (block);
  good = read_numbers (input, &numbers, error) && make_layers (input, &numbers, block, maps, error);
  sag_free (numbers.words);
  if (!good)
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
  segmentation = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len, NULL, provenance, error);
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

gboolean
sag_nifti_read_grid (const char *path, SagGrid *grid, GError **error)
{
  SagNiftiInput input;

  if (!sag_nifti_input_open (&input, path, error))
    {
      sag_nifti_prefix (path, error);
      return FALSE;
    }
  *grid = input.grid;
  sag_nifti_input_close (&input);
  return TRUE;
}
