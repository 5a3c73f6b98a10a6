/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti-file.c: a NIfTI file as a stream of slices.
 */
#include "app/files/nifti-file.h"

#include "app/files/nifti.h"
#include "app/files/save.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define COMMENT_CODE 6
#define MAX_EXTENSION (1 << 20)
#define MAX_DEFLATE 1032 /* the most that deflate makes of a byte */

char *
sag_nifti_sibling (const char *path, const char *which)
{
  static const char *const endings[] = { ".hdr", ".img", ".hdr.gz", ".img.gz" };
  g_autofree char *lower = g_ascii_strdown (path, -1);
  gboolean upper = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (lower, endings[i]))
      {
        gsize stem = strlen (path) - strlen (endings[i]);
        g_autofree char *ending = NULL;

        upper = g_ascii_isupper (path[stem + 1]);
        ending = upper ? g_ascii_strup (which, -1) : g_strdup (which);
        return g_strdup_printf ("%.*s.%s%s", (int) stem, path, ending, path + stem + 4);
      }
  return NULL;
}

void
sag_nifti_input_close (SagNiftiInput *input)
{
  if (input->gz != NULL)
    gzclose (input->gz);
  g_clear_pointer (&input->keys, g_key_file_unref);
}

static gboolean
truncated (GError **error)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               _ ("it ends before its voxels do, or is damaged"));
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
read_extensions (SagNiftiInput *input, gsize end)
{
  guint8 flags[4];
  gsize at = (gsize) input->header_bytes + 4;

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

/* ANALYZE 7.5, which NIfTI-1 grew out of, has the same size and no magic; programs never agreed which way its
 * rows run, so that a liver may lie on either side. */
static gboolean
refuse_header (const SagNiftiInput *input, gboolean is_pair, GError **error)
{
  gint32 n = input->header.sizeof_hdr;

  if (is_pair && (n == SAG_NIFTI_HEADER_BYTES || n == (gint32) GUINT32_SWAP_LE_BE (SAG_NIFTI_HEADER_BYTES)))
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                 _ ("it is an ANALYZE 7.5 file, which does not say which side of the patient is left; convert it to "
                 "NIfTI with the program that wrote it"));
  else
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                 _ ("it is not a NIfTI-1 or NIfTI-2 file (.nii, .nii.gz, or .hdr with .img) of at most 32767 voxels "
                 "an axis"));
  return FALSE;
}

static gboolean
read_header (SagNiftiInput *input, gboolean is_pair, GError **error)
{
  guint8 bytes[SAG_NIFTI2_HEADER_BYTES];

  if (!read_exactly (input->gz, bytes, SAG_NIFTI_HEADER_BYTES))
    return refuse_header (input, FALSE, error);
  memcpy (&input->header, bytes, sizeof input->header);
  input->header_bytes = SAG_NIFTI_HEADER_BYTES;
  if (sag_nifti_header_order (&input->header, &input->swapped))
    return TRUE;
  input->header_bytes = SAG_NIFTI2_HEADER_BYTES;
  return (read_exactly (input->gz, bytes + SAG_NIFTI_HEADER_BYTES,
                        SAG_NIFTI2_HEADER_BYTES - SAG_NIFTI_HEADER_BYTES)
          && sag_nifti2_header_read (bytes, &input->header, &input->swapped))
         || refuse_header (input, is_pair, error);
}

static gboolean
open_stream (SagNiftiInput *input, const char *path, const char *what, GError **error)
{
  input->gz = gzopen (path, "rbe");
  if (input->gz == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("%s could not be opened: %s"), what,
                   g_strerror (errno));
      return FALSE;
    }
  gzbuffer (input->gz, 1 << 18);
  return TRUE;
}

/* From the header's file, whose extensions reach to its end, to the voxels'. */
static gboolean
open_voxels (SagNiftiInput *input, const char *path, GError **error)
{
  if (path == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("its header says that the voxels are in a file of their own; name that pair .hdr and .img"));
      return FALSE;
    }
  read_extensions (input, MAX_EXTENSION);
  gzclose (input->gz);
  return open_stream (input, path, _ ("its voxels (.img)"), error);
}

static gboolean
open_inner (SagNiftiInput *input, const char *path, GError **error)
{
  g_autofree char *header = sag_nifti_sibling (path, "hdr"), *voxel_file = sag_nifti_sibling (path, "img");
  const char *holder = path;
  struct stat info;
  guint64 voxels, room;
  double offset, least;
  gboolean is_pair;

  if (!open_stream (input, header != NULL ? header : path, header != NULL ? _ ("its header (.hdr)") : _ ("it"), error)
      || !read_header (input, header != NULL, error))
    return FALSE;
  is_pair = sag_nifti_header_is_pair (&input->header);
  input->bytes = sag_nifti_type_get_bytes (input->header.datatype);
  if (input->bytes == 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   _ ("its voxels are of NIfTI type %d, which is not supported; convert it to float32"),
                   input->header.datatype);
      return FALSE;
    }
  if (!sag_nifti_header_get_grid (&input->header, &input->grid, &input->flip, error))
    return FALSE;
  if (is_pair)
    {
      if (!open_voxels (input, voxel_file, error))
        return FALSE;
      holder = voxel_file;
    }
  else if (header != NULL)
    holder = header;
  if (stat (holder, &info) != 0)
    return truncated (error);
  least = is_pair ? 0 : input->header_bytes;
  offset = input->header.vox_offset;
  if (!(offset >= least && offset < 1e9))
    offset = is_pair ? 0 : least + 4;
  voxels = sag_grid_get_n_voxels (&input->grid);
  room = (guint64) info.st_size * (gzdirect (input->gz) ? 1 : MAX_DEFLATE);
  if (voxels * input->bytes + offset > (double) room)
    return truncated (error);
  input->offset = (gsize) offset;
  input->room = room;
  if (!is_pair)
    read_extensions (input, (gsize) offset);
  if (gzseek (input->gz, (z_off_t) offset, SEEK_SET) < 0)
    return truncated (error);
  return TRUE;
}

int
sag_nifti_input_count (const SagNiftiInput *input)
{
  gint64 n = 1;

  for (int a = 4; a <= 7 && a <= input->header.dim[0]; a++)
    if (input->header.dim[a] > 1)
      n = MIN (n * input->header.dim[a], G_MAXINT);
  return (int) n;
}

gboolean
sag_nifti_input_go_to (SagNiftiInput *input, int which, GError **error)
{
  double volume = (double) sag_grid_get_n_voxels (&input->grid) * input->bytes;

  if (which < 0 || which >= sag_nifti_input_count (input))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("it holds %d volumes, and there is no number %d"), sag_nifti_input_count (input),
                   which + 1);
      return FALSE;
    }
  if (input->offset + volume * (which + 1.0) > (double) input->room
      || gzseek (input->gz, (z_off_t) (input->offset + volume * which), SEEK_SET) < 0)
    return truncated (error);
  return TRUE;
}

gboolean
sag_nifti_prefix (const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *shown = sag_escape_name (name, -1);

  g_prefix_error (error, _ ("'%s' cannot be read: "), shown);
  return FALSE;
}

gboolean
sag_nifti_input_open (SagNiftiInput *input, const char *path, GError **error)
{
  memset (input, 0, sizeof *input);
  if (open_inner (input, path, error))
    return TRUE;
  sag_nifti_input_close (input);
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
gboolean
sag_nifti_input_read_slice (SagNiftiInput *input, guint8 *out, GError **error)
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

double
sag_nifti_stored_value (const guint8 *p, int datatype, gsize i)
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
    case SAG_NIFTI_I64:
      return (double) ((const gint64 *) p)[i];
    case SAG_NIFTI_U64:
      return (double) ((const guint64 *) p)[i];
    default:
      return ((const double *) p)[i];
    }
}

void
sag_nifti_get_scale (const SagNiftiHeader *h, double *slope, double *intercept)
{
  *slope = h->scl_slope;
  *intercept = h->scl_inter;
  if (!isfinite (*slope) || *slope == 0 || !isfinite (*intercept))
    {
      *slope = 1;
      *intercept = 0;
    }
}

char *
sag_nifti_get_key (SagNiftiInput *input, const char *group, const char *key)
{
  char *value = input->keys != NULL ? g_key_file_get_string (input->keys, group, key, NULL) : NULL;

  return value != NULL ? value : g_strdup ("");
}

void
sag_nifti_header_unplace (SagNiftiHeader *header)
{
  header->qform_code = 0;
  header->sform_code = 0;
  header->pixdim[0] = 1;
}

gboolean
sag_nifti_write_file (const char     *path,
            int             version,
            SagNiftiHeader *header,
            GKeyFile       *keys,
            SagNiftiRowFunc         row,
            gconstpointer   source,
            const SagTick  *tick,
            GError        **error)
{
  SagSave *file = sag_save_begin (path, error);
  g_autofree char *text = NULL;
  g_autofree char *lower = g_ascii_strdown (path, -1);
  gsize bytes = (gsize) header->dim[1] * header->bitpix / 8;
  gsize n_text = 0, n_extension;
  guint8 flags[4] = { 0 }, wider[SAG_NIFTI2_HEADER_BYTES];
  gboolean ok = TRUE, cancelled = FALSE, is_placed = sag_nifti_header_is_placed (header);
  gzFile gz;

  if (file == NULL)
    return FALSE;
  text = g_key_file_to_data (keys, &n_text, NULL);
  n_extension = (n_text + 8 + 15) / 16 * 16;
  g_autofree guint8 *extension = g_malloc0 (n_extension);
  const gint32 head[2] = { (gint32) n_extension, COMMENT_CODE };
  memcpy (extension, head, sizeof head);
  memcpy (extension + 8, text, n_text);
  flags[0] = 1;
  const int n_header = version == 2 ? SAG_NIFTI2_HEADER_BYTES : SAG_NIFTI_HEADER_BYTES;
  header->vox_offset = (float) (n_header + 4 + n_extension);
  g_snprintf (header->descrip, sizeof header->descrip, "Sagitta %s, research use", SAG_VERSION);

  /* "T": no compression and no gzip wrapping. */
  gz = gzopen (sag_save_get_name (file), g_str_has_suffix (lower, ".gz") ? "wbe4" : "wbeT");
  if (gz == NULL)
    {
      sag_save_abort (file);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("'%s' could not be written"), path);
      return FALSE;
    }
  gzbuffer (gz, 1 << 18);
  if (version == 2)
    sag_nifti2_header_write (header, wider);
  ok = gzwrite (gz, version == 2 ? (gconstpointer) wider : header, n_header) == n_header
       && gzwrite (gz, flags, sizeof flags) == (int) sizeof flags
       && gzwrite (gz, extension, (unsigned) n_extension) == (int) n_extension;
  for (int k = 0; ok && !cancelled && k < header->dim[3]; k++)
    {
      for (int j = 0; ok && j < header->dim[2]; j++)
        ok = gzwrite (gz, row (source, is_placed ? header->dim[2] - 1 - j : j, k), (unsigned) bytes) == (int) bytes;
      cancelled = !sag_tick (tick, (double) (k + 1) / header->dim[3]);
    }
  ok = gzclose (gz) == Z_OK && ok;
  if (cancelled)
    {
      sag_save_abort (file);
      return sag_engine_error_cancelled (error);
    }
  if (!ok)
    {
      sag_save_abort (file);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO,
                   _ ("'%s' could not be written: %s; is the disk full?"), path, g_strerror (errno));
      return FALSE;
    }
  return sag_save_finish (file, error);
}

gboolean
sag_nifti_fits (const SagGrid *grid, const char *path, GError **error)
{
  for (int a = 0; a < 3; a++)
    if (grid->size[a] > G_MAXINT16)
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                     _ ("'%s' cannot be written: NIfTI-1 has no more than 32767 voxels along an axis"),
                     path);
        return FALSE;
      }
  return TRUE;
}
