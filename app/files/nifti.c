/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti.c: volumes as NIfTI files.
 */
#include "app/files/nifti.h"

#include "app/files/nifti-file.h"
#include "engine/base/error.h"

#include <math.h>
#include <string.h>

gboolean
sag_nifti_is_name (const char *path)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  return g_str_has_suffix (lower, ".nii") || g_str_has_suffix (lower, ".nii.gz");
}

gboolean
sag_nifti_is_file (const char *path)
{
  g_autofree char *header = sag_nifti_sibling (path, "hdr"), *voxels = sag_nifti_sibling (path, "img");
  guint32 size = 0;
  gzFile gz;

  if (header == NULL)
    return sag_nifti_is_name (path);
  if (!g_file_test (header, G_FILE_TEST_IS_REGULAR) || !g_file_test (voxels, G_FILE_TEST_IS_REGULAR))
    return FALSE;
  gz = gzopen (header, "rbe");
  if (gz == NULL)
    return FALSE;
  if (gzread (gz, &size, sizeof size) != (int) sizeof size)
    size = 0;
  gzclose (gz);
  return size == SAG_NIFTI_HEADER_BYTES || size == SAG_NIFTI2_HEADER_BYTES
         || size == GUINT32_SWAP_LE_BE (SAG_NIFTI_HEADER_BYTES)
         || size == GUINT32_SWAP_LE_BE (SAG_NIFTI2_HEADER_BYTES);
}

gboolean
sag_nifti_is_second (const char *path)
{
  g_autofree char *header = sag_nifti_sibling (path, "hdr");

  return header != NULL && strcmp (header, path) != 0 && sag_nifti_is_file (path);
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

static gboolean
read_voxels (SagNiftiInput *input, SagVolume *volume, const SagTick *tick, GError **error)
{
  gsize n = (gsize) input->grid.size[0] * input->grid.size[1];
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  int datatype = input->header.datatype;
  guint8 *scratch = sag_alloc_try (n * input->bytes, "one slice", error);
  gboolean ok = scratch != NULL;

  for (int k = 0; ok && k < input->grid.size[2]; k++)
    {
      gpointer out = sag_volume_get_slice (volume, k);

      ok = sag_nifti_input_read_slice (input, scratch, error);
      if (!ok)
        break;
      if (type == SAG_VOXEL_F32)
        for (gsize i = 0; i < n; i++)
          {
            double v = sag_nifti_stored_value (scratch, datatype, i);

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

int
sag_nifti_count (const char *path, gboolean *is_placed, GError **error)
{
  SagNiftiInput input;
  int n;

  if (is_placed != NULL)
    *is_placed = TRUE;
  if (!sag_nifti_input_open (&input, path, error))
    {
      sag_nifti_prefix (path, error);
      return 0;
    }
  n = sag_nifti_input_count (&input);
  if (is_placed != NULL)
    *is_placed = sag_nifti_header_is_placed (&input.header);
  sag_nifti_input_close (&input);
  return n;
}

gboolean
sag_nifti_is_placed (const char *path)
{
  gboolean is_placed = TRUE;

  return !sag_nifti_is_file (path) || sag_nifti_count (path, &is_placed, NULL) == 0 || is_placed;
}

double
sag_nifti_get_disagreement (const char *path, gboolean *sform_holds)
{
  SagNiftiInput input;
  double off;

  if (!sag_nifti_is_file (path) || !sag_nifti_input_open (&input, path, NULL))
    return 0;
  off = sag_nifti_header_get_disagreement (&input.header, sform_holds);
  sag_nifti_input_close (&input);
  return off;
}

SagVolume *
sag_nifti_read (const char *path, const SagTick *tick, GError **error)
{
  return sag_nifti_read_volume (path, 0, tick, error);
}

SagVolume *
sag_nifti_read_volume (const char *path, int which, const SagTick *tick, GError **error)
{
  g_autoptr (SagVolume) volume = NULL;
  double slope, intercept;
  SagNiftiInput input;

  if (!sag_nifti_input_open (&input, path, error))
    {
      sag_nifti_prefix (path, error);
      return NULL;
    }
  g_autofree char *unit = sag_nifti_get_key (&input, "sagitta", "unit");
  g_autofree char *modality = sag_nifti_get_key (&input, "sagitta", "modality");
  g_autofree char *frame = sag_nifti_get_key (&input, "sagitta", "frame-of-reference");
  sag_nifti_get_scale (&input.header, &slope, &intercept);
  if (input.header.datatype == SAG_NIFTI_RGB24)
    {
      slope = 1;
      intercept = 0;
    }
  if (sag_nifti_input_go_to (&input, which, error))
    volume = sag_volume_new_alloc (&input.grid, voxel_for (input.header.datatype), slope, intercept,
                                   unit, error);
  if (volume != NULL)
    {
      sag_volume_set_origin_tags (volume, modality, frame);
      if (!read_voxels (&input, volume, tick, error))
        g_clear_pointer (&volume, sag_volume_unref);
    }
  sag_nifti_input_close (&input);
  if (volume == NULL && error != NULL
      && !g_error_matches (*error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED))
    sag_nifti_prefix (path, error);
  return g_steal_pointer (&volume);
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
                        gboolean is_placed, int version, const SagTick *tick, GError **error)
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

  if (!sag_nifti_fits (grid, path, error))
    return FALSE;
  if (orientation != NULL && is_placed)
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
  if (!is_placed)
    sag_nifti_header_unplace (&header);
  header.scl_slope = (float) sag_volume_get_slope (volume);
  header.scl_inter = (float) sag_volume_get_intercept (volume);
  g_key_file_set_string (keys, "sagitta", "unit", sag_volume_get_unit (volume));
  g_key_file_set_string (keys, "sagitta", "modality", sag_volume_get_modality (volume));
  g_key_file_set_string (keys, "sagitta", "frame-of-reference",
                         sag_volume_get_frame_of_reference (volume));
  return sag_nifti_write_file (path, version, &header, keys, turned_row, &source, tick, error);
}

gboolean
sag_nifti_write (const char *path, const SagVolume *volume, const SagTick *tick, GError **error)
{
  return sag_nifti_write_turned (path, volume, NULL, TRUE, 1, tick, error);
}
