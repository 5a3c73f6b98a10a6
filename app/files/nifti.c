/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti.c: NIfTI-1 files, plain or gzipped.
 *
 * What NIfTI has no field for (unit, modality, label names and colours, provenance) travels as a
 * key file in a comment extension (code 6); other readers skip it.
 */
#include "app/files/nifti.h"

#include "app/files/nifti-header.h"
#include "app/files/save.h"
#include "engine/base/error.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define COMMENT_CODE 6
#define MAX_EXTENSION (1 << 20)
#define MAX_DEFLATE 1032 /* the most that deflate makes of a byte */

/* A file opened for its voxels. */
typedef struct
{
  gzFile         gz;
  SagNiftiHeader header;
  gboolean       swapped;
  gboolean       flip;
  SagGrid        grid;
  int            bytes; /* of a voxel */
  GKeyFile      *keys;  /* ours, or NULL */
} Input;

gboolean
sag_nifti_is_name (const char *path)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  return g_str_has_suffix (lower, ".nii") || g_str_has_suffix (lower, ".nii.gz");
}

static void
input_close (Input *input)
{
  if (input->gz != NULL)
    gzclose (input->gz);
  g_clear_pointer (&input->keys, g_key_file_unref);
}

static gboolean
truncated (GError **error)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               "it ends before its voxels do, or is damaged");
  return FALSE;
}

static gboolean
read_exactly (gzFile gz, gpointer out, gsize n)
{
  guint8 *p = out;

  while (n > 0)
    {
      int got = gzread (gz, p, (unsigned) MIN (n, 1 << 30));

      if (got <= 0)
        return FALSE;
      p += got;
      n -= got;
    }
  return TRUE;
}

static void
read_extensions (Input *input, gsize end)
{
  guint8 flags[4];
  gsize at = SAG_NIFTI_HEADER_BYTES + 4;

  if (!read_exactly (input->gz, flags, 4) || flags[0] == 0)
    return;
  while (at + 16 <= end)
    {
      gint32 head[2];

      if (!read_exactly (input->gz, head, sizeof head))
        return;
      if (input->swapped)
        for (int i = 0; i < 2; i++)
          head[i] = (gint32) GUINT32_SWAP_LE_BE ((guint32) head[i]);
      if (head[0] < 16 || head[0] > MAX_EXTENSION || at + head[0] > end)
        return;
      g_autofree char *text = g_malloc0 (head[0]);
      if (!read_exactly (input->gz, text, head[0] - 8))
        return;
      at += head[0];
      if (head[1] == COMMENT_CODE && input->keys == NULL && g_str_has_prefix (text, "[sagitta]"))
        {
          input->keys = g_key_file_new ();
          if (!g_key_file_load_from_data (input->keys, text, (gsize) -1, G_KEY_FILE_NONE, NULL))
            g_clear_pointer (&input->keys, g_key_file_unref);
        }
    }
}

static gboolean
input_open_inner (Input *input, const char *path, GError **error)
{
  struct stat info;
  guint64 voxels, room;
  double offset;

  input->gz = gzopen (path, "rbe");
  if (input->gz == NULL || stat (path, &info) != 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "it could not be opened: %s",
                   g_strerror (errno));
      return FALSE;
    }
  gzbuffer (input->gz, 1 << 18);
  if (!read_exactly (input->gz, &input->header, sizeof input->header)
      || !sag_nifti_header_order (&input->header, &input->swapped))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "it is not a NIfTI-1 file (.nii or .nii.gz)");
      return FALSE;
    }
  input->bytes = sag_nifti_type_get_bytes (input->header.datatype);
  if (input->bytes == 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "its voxels are of NIfTI type %d, which is not supported; convert it to float32",
                   input->header.datatype);
      return FALSE;
    }
  if (!sag_nifti_header_get_grid (&input->header, &input->grid, &input->flip, error))
    return FALSE;
  offset = input->header.vox_offset;
  if (!(offset >= SAG_NIFTI_HEADER_BYTES && offset < 1e9))
    offset = SAG_NIFTI_HEADER_BYTES + 4;
  voxels = sag_grid_get_n_voxels (&input->grid);
  room = (guint64) info.st_size * (gzdirect (input->gz) ? 1 : MAX_DEFLATE);
  if (voxels * input->bytes + offset > (double) room)
    return truncated (error);
  read_extensions (input, (gsize) offset);
  if (gzseek (input->gz, (z_off_t) offset, SEEK_SET) < 0)
    return truncated (error);
  return TRUE;
}

static gboolean
prefix (const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *shown = sag_escape_name (name, -1);

  g_prefix_error (error, "'%s' cannot be read: ", shown);
  return FALSE;
}

static gboolean
input_open (Input *input, const char *path, GError **error)
{
  memset (input, 0, sizeof *input);
  if (input_open_inner (input, path, error))
    return TRUE;
  input_close (input);
  return FALSE;
}

static void
swap_voxels (guint8 *p, gsize n, int bytes)
{
  if (bytes == 2)
    for (gsize i = 0; i < n; i++)
      ((guint16 *) p)[i] = GUINT16_SWAP_LE_BE (((guint16 *) p)[i]);
  else if (bytes == 4)
    for (gsize i = 0; i < n; i++)
      ((guint32 *) p)[i] = GUINT32_SWAP_LE_BE (((guint32 *) p)[i]);
  else if (bytes == 8)
    for (gsize i = 0; i < n; i++)
      ((guint64 *) p)[i] = GUINT64_SWAP_LE_BE (((guint64 *) p)[i]);
}

/* The next slice of the file, rows in memory order, into `out` (input->bytes a voxel). */
static gboolean
input_read_slice (Input *input, guint8 *out, GError **error)
{
  gsize row = (gsize) input->grid.size[0] * input->bytes;
  int rows = input->grid.size[1];

  for (int j = 0; j < rows; j++)
    if (!read_exactly (input->gz, out + row * (input->flip ? rows - 1 - j : j), row))
      return truncated (error);
  if (input->swapped)
    swap_voxels (out, row / input->bytes * rows, input->bytes);
  return TRUE;
}

static double
stored_value (const guint8 *p, int datatype, gsize i)
{
  switch (datatype)
    {
    case SAG_NIFTI_U8:
      return p[i];
    case SAG_NIFTI_I8:
      return ((const gint8 *) p)[i];
    case SAG_NIFTI_I16:
      return ((const gint16 *) p)[i];
    case SAG_NIFTI_U16:
      return ((const guint16 *) p)[i];
    case SAG_NIFTI_I32:
      return ((const gint32 *) p)[i];
    case SAG_NIFTI_U32:
      return ((const guint32 *) p)[i];
    case SAG_NIFTI_F32:
      return ((const float *) p)[i];
    default:
      return ((const double *) p)[i];
    }
}

static void
get_scale (const SagNiftiHeader *h, double *slope, double *intercept)
{
  *slope = h->scl_slope;
  *intercept = h->scl_inter;
  if (!isfinite (*slope) || *slope == 0 || !isfinite (*intercept))
    {
      *slope = 1;
      *intercept = 0;
    }
}

static SagVoxelType
voxel_for (int datatype)
{
  switch (datatype)
    {
    case SAG_NIFTI_U8:
      return SAG_VOXEL_U8;
    case SAG_NIFTI_I8:
    case SAG_NIFTI_I16:
      return SAG_VOXEL_I16;
    case SAG_NIFTI_U16:
      return SAG_VOXEL_U16;
    case SAG_NIFTI_RGB24:
      return SAG_VOXEL_RGB8;
    default:
      return SAG_VOXEL_F32;
    }
}

static char *
get_key (Input *input, const char *group, const char *key)
{
  char *value = input->keys != NULL ? g_key_file_get_string (input->keys, group, key, NULL) : NULL;

  return value != NULL ? value : g_strdup ("");
}

static gboolean
read_voxels (Input *input, SagVolume *volume, const SagTick *tick, GError **error)
{
  gsize n = (gsize) input->grid.size[0] * input->grid.size[1];
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  int datatype = input->header.datatype;
  guint8 *scratch = sag_alloc_try (n * input->bytes, "one slice", error);
  gboolean ok = scratch != NULL;

  for (int k = 0; ok && k < input->grid.size[2]; k++)
    {
      gpointer out = sag_volume_get_slice (volume, k);

      ok = input_read_slice (input, scratch, error);
      if (!ok)
        break;
      if (type == SAG_VOXEL_F32)
        for (gsize i = 0; i < n; i++)
          {
            double v = stored_value (scratch, datatype, i);

            ((float *) out)[i] = isfinite (v) ? (float) v : 0;
          }
      else if (datatype == SAG_NIFTI_I8)
        for (gsize i = 0; i < n; i++)
          ((gint16 *) out)[i] = ((const gint8 *) scratch)[i];
      else
        memcpy (out, scratch, n * input->bytes);
      sag_volume_mark_ready (volume, k, k + 1);
      if (!sag_tick (tick, (double) (k + 1) / input->grid.size[2]))
        ok = sag_engine_error_cancelled (error);
    }
  sag_free (scratch);
  return ok;
}

SagVolume *
sag_nifti_read (const char *path, const SagTick *tick, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  double slope, intercept;
  Input input;

  if (!input_open (&input, path, error))
    {
      prefix (path, error);
      return NULL;
    }
  g_autofree char *unit = get_key (&input, "sagitta", "unit");
  g_autofree char *modality = get_key (&input, "sagitta", "modality");
  g_autofree char *frame = get_key (&input, "sagitta", "frame-of-reference");
  get_scale (&input.header, &slope, &intercept);
  if (input.header.datatype == SAG_NIFTI_RGB24)
    {
      slope = 1;
      intercept = 0;
    }
  volume = sag_volume_new_alloc (&input.grid, voxel_for (input.header.datatype), slope, intercept,
                                 unit, error);
  if (volume != NULL)
    {
      sag_volume_set_origin_tags (volume, modality, frame);
      if (!read_voxels (&input, volume, tick, error))
        g_clear_pointer (&volume, sag_volume_unref);
    }
  input_close (&input);
  if (volume == NULL && error != NULL
      && !g_error_matches (*error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED))
    prefix (path, error);
  return g_steal_pointer (&volume);
}

/* One row of voxels at (j, k). */
typedef gconstpointer (*RowFunc) (gconstpointer source, int j, int k);

/* Writes header, key file and voxels with rows reversed. */
static gboolean
write_file (const char     *path,
            SagNiftiHeader *header,
            GKeyFile       *keys,
            RowFunc         row,
            gconstpointer   source,
            const SagTick  *tick,
            GError        **error)
{
  g_autofree char *temporary = sag_save_begin (path, error);
  g_autofree char *text = NULL;
  g_autofree char *lower = g_ascii_strdown (path, -1);
  gsize bytes = (gsize) header->dim[1] * header->bitpix / 8;
  gsize n_text = 0, n_extension;
  guint8 flags[4] = { 0 };
  gboolean ok = TRUE, cancelled = FALSE;
  gzFile gz;

  if (temporary == NULL)
    return FALSE;
  text = g_key_file_to_data (keys, &n_text, NULL);
  n_extension = (n_text + 8 + 15) / 16 * 16;
  g_autofree guint8 *extension = g_malloc0 (n_extension);
  const gint32 head[2] = { (gint32) n_extension, COMMENT_CODE };
  memcpy (extension, head, sizeof head);
  memcpy (extension + 8, text, n_text);
  flags[0] = 1;
  header->vox_offset = (float) (SAG_NIFTI_HEADER_BYTES + 4 + n_extension);
  g_snprintf (header->descrip, sizeof header->descrip, "Sagitta %s, research use", SAG_VERSION);

  /* "T": no compression and no gzip wrapping. */
  gz = gzopen (temporary, g_str_has_suffix (lower, ".gz") ? "wbe4" : "wbeT");
  if (gz == NULL)
    {
      sag_save_abort (temporary);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "'%s' could not be written", path);
      return FALSE;
    }
  gzbuffer (gz, 1 << 18);
  ok = gzwrite (gz, header, sizeof *header) == (int) sizeof *header
       && gzwrite (gz, flags, sizeof flags) == (int) sizeof flags
       && gzwrite (gz, extension, (unsigned) n_extension) == (int) n_extension;
  for (int k = 0; ok && !cancelled && k < header->dim[3]; k++)
    {
      for (int j = header->dim[2] - 1; ok && j >= 0; j--)
        ok = gzwrite (gz, row (source, j, k), (unsigned) bytes) == (int) bytes;
      cancelled = !sag_tick (tick, (double) (k + 1) / header->dim[3]);
    }
  ok = gzclose (gz) == Z_OK && ok;
  if (cancelled)
    {
      sag_save_abort (temporary);
      return sag_engine_error_cancelled (error);
    }
  if (!ok)
    {
      sag_save_abort (temporary);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO,
                   "'%s' could not be written: %s; is the disk full?", path, g_strerror (errno));
      return FALSE;
    }
  return sag_save_finish (temporary, path, error);
}

static gboolean
fits (const SagGrid *grid, const char *path, GError **error)
{
  for (int a = 0; a < 3; a++)
    if (grid->size[a] > G_MAXINT16)
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                     "'%s' cannot be written: NIfTI-1 has no more than 32767 voxels along an axis",
                     path);
        return FALSE;
      }
  return TRUE;
}

/* A volume whose axes are walked in another order. */
typedef struct
{
  const guint8 *first;     /* voxel (0, 0, 0) of the turned volume */
  gssize        stride[3]; /* bytes from voxel to voxel along each turned axis */
  int           n;         /* voxels of a row */
  int           bytes;     /* of a voxel */
  guint8       *row;
} Turned;

static gconstpointer
turned_row (gconstpointer source, int j, int k)
{
  const Turned *t = source;
  const guint8 *from = t->first + t->stride[1] * j + t->stride[2] * k;

  if (t->stride[0] == t->bytes)
    return from;
  for (int i = 0; i < t->n; i++, from += t->stride[0])
    memcpy (t->row + (gsize) i * t->bytes, from, t->bytes);
  return t->row;
}

gboolean
sag_nifti_write_turned (const char *path, const SagVolume *volume, const char *orientation,
                        const SagTick *tick, GError **error)
{
  static const int types[] = { SAG_NIFTI_U8, SAG_NIFTI_I16, SAG_NIFTI_U16, SAG_NIFTI_F32,
                               SAG_NIFTI_RGB24 };
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  g_autofree guint8 *row = NULL;
  SagTurn turn = { { 0, 1, 2 }, { FALSE, FALSE, FALSE } };
  SagGrid turned = *grid;
  SagNiftiHeader header;
  Turned source;

  if (!fits (grid, path, error))
    return FALSE;
  if (orientation != NULL)
    {
      char code[4] = "";

      /* Rows are reversed on the way out. */
      g_strlcpy (code, orientation, sizeof code);
      code[1] = code[1] == 'A'   ? 'P'
                : code[1] == 'P' ? 'A'
                : code[1] == 'S' ? 'I'
                : code[1] == 'I' ? 'S'
                : code[1] == 'L' ? 'R'
                                 : 'L';
      if (!sag_grid_turn (grid, code, &turn, &turned, error))
        return FALSE;
    }
  source.bytes = sag_voxel_type_get_bytes (sag_volume_get_voxel_type (volume));
  source.n = turned.size[0];
  row = g_malloc ((gsize) source.n * source.bytes);
  source.row = row;
  source.first = sag_block_get_data (sag_volume_get_block (volume));
  for (int a = 0; a < 3; a++)
    {
      int from = turn.perm[a];
      gssize step =
          (gssize)source.bytes * (from > 0 ? grid->size[0] : 1) * (from > 1 ? grid->size[1] : 1);

      source.stride[a] = turn.flip[a] ? -step : step;
      if (turn.flip[a])
        source.first += step * (grid->size[from] - 1);
    }
  sag_nifti_header_init (&header, &turned, types[sag_volume_get_voxel_type (volume)]);
  header.scl_slope = (float) sag_volume_get_slope (volume);
  header.scl_inter = (float) sag_volume_get_intercept (volume);
  g_key_file_set_string (keys, "sagitta", "unit", sag_volume_get_unit (volume));
  g_key_file_set_string (keys, "sagitta", "modality", sag_volume_get_modality (volume));
  g_key_file_set_string (keys, "sagitta", "frame-of-reference",
                         sag_volume_get_frame_of_reference (volume));
  return write_file (path, &header, keys, turned_row, &source, tick, error);
}

gboolean
sag_nifti_write (const char *path, const SagVolume *volume, const SagTick *tick, GError **error)
{
  return sag_nifti_write_turned (path, volume, NULL, tick, error);
}

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
sag_nifti_write_segmentation (const char *path, SagSegmentation *segmentation, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  SagLabelmap *map = sag_segmentation_get_layer (segmentation, 0);
  const SagProvenance *provenance = sag_segmentation_get_provenance (segmentation);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  SagNiftiHeader header;
  const SagLabel *labels;
  int n_labels;

  if (sag_segmentation_get_n_layers (segmentation) != 1)
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
          "'%s' cannot be written: labels overlap, and NIfTI holds one a voxel; write DICOM SEG",
          path);
      return FALSE;
    }
  if (!fits (grid, path, error))
    return FALSE;
  sag_nifti_header_init (&header, grid, SAG_NIFTI_U8);
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
  return write_file (path, &header, keys, label_row, map, NULL, error);
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
sag_nifti_write_confidence (const char *path, SagSegmentation *segmentation, GError **error)
{
  SagBlock *block = sag_segmentation_get_confidence (segmentation);
  g_autoptr (GKeyFile) keys = g_key_file_new ();
  Bytes source = { sag_segmentation_get_grid (segmentation), NULL };
  SagNiftiHeader header;

  if (block == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' cannot be written: this result has no confidence", path);
      return FALSE;
    }
  if (!fits (source.grid, path, error))
    return FALSE;
  source.bytes = sag_block_get_data (block);
  sag_nifti_header_init (&header, source.grid, SAG_NIFTI_U8);
  header.scl_slope = 1.0f / 255;
  g_key_file_set_string (keys, "sagitta", "content", "confidence");
  return write_file (path, &header, keys, byte_row, &source, NULL, error);
}

static int
read_labels (Input *input, const gboolean used[256], SagLabel *labels)
{
  int n = 0;

  for (int value = 1; value < 256; value++)
    {
      g_autofree char *group = g_strdup_printf ("label %d", value);
      g_autofree char *name = get_key (input, group, "name");
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
read_label_voxels (Input *input, guint8 *out, gboolean used[256], GError **error)
{
  gsize n = (gsize) input->grid.size[0] * input->grid.size[1];
  guint8 *scratch = sag_alloc_try (n * input->bytes, "one slice", error);
  double slope, intercept;
  gboolean ok = scratch != NULL;

  get_scale (&input->header, &slope, &intercept);
  for (int k = 0; ok && k < input->grid.size[2]; k++)
    {
      ok = input_read_slice (input, scratch, error);
      for (gsize i = 0; ok && i < n; i++)
        {
          double v = stored_value (scratch, input->header.datatype, i) * slope + intercept;
          double whole = round (v);

          if (!(fabs (v - whole) < 1e-3 && whole >= 0 && whole <= 255))
            {
              g_set_error (
                  error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                  "its voxels are not labels: there is a %g where whole numbers from 0 to 255 "
                  "are wanted",
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
read_segmentation (Input *input, GError **error)
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
                   "it is a colour image, not labels");
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
      g_autofree char *value = get_key (input, "provenance", provenance_keys[i].key);

      sag_provenance_set (PROVENANCE_FIELD (provenance, i), value);
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
  Input input;

  if (input_open (&input, path, error))
    {
      segmentation = read_segmentation (&input, error);
      input_close (&input);
    }
  if (segmentation == NULL)
    prefix (path, error);
  return segmentation;
}
