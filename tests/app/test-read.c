/* SPDX-License-Identifier: Apache-2.0
 *
 * test-read.c: pixels: every transfer syntax against another, order of reading, faults.
 */
#include "app/dicom/dcmtk.h"
#include "app/dicom/pixels.h"
#include "app/dicom/read.h"
#include "app/files/open.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"
#include "tests/data.h"

/* Frame `frame` of a file of the data as stored values; NULL (and skipped) if the data are absent.
 */
static GBytes *
decode (const char *relative, int frame, SagSample *sample)
{
  g_autofree char *path = sag_test_data (relative);
  g_autoptr (SagDicomInstance) instance = NULL;
  g_autoptr (SagPixels) pixels = NULL;
  GError *error = NULL;
  gsize n;
  gpointer buffer;

  if (path == NULL)
    return NULL;
  instance = sag_dicom_read_header (path, &error);
  g_assert_no_error (error);
  pixels = sag_pixels_open (instance, &error);
  g_assert_no_error (error);
  *sample = sag_pixels_sample (pixels);
  n = (gsize) instance->rows * instance->columns * sag_sample_get_bytes (*sample);
  buffer = g_malloc0 (n);
  sag_pixels_decode (pixels, frame, buffer, &error);
  if (error != NULL)
    g_error ("%s: %s", relative, error->message);
  return g_bytes_new_take (buffer, n);
}

/* Largest difference of two frames of equal type. */
static int
difference (GBytes *a, GBytes *b, SagSample sample)
{
  gsize n, m;
  const guint8 *x = g_bytes_get_data (a, &n), *y = g_bytes_get_data (b, &m);
  int worst = 0;

  g_assert_cmpuint (n, ==, m);
  if (sag_sample_get_bytes (sample) == 2)
    for (gsize i = 0; i < n / 2; i++)
      worst = MAX (worst, sample == SAG_SAMPLE_I16
                              ? abs (((gint16 *) x)[i] - ((gint16 *) y)[i])
                              : abs (((guint16 *) x)[i] - ((guint16 *) y)[i]));
  else
    for (gsize i = 0; i < n; i++)
      worst = MAX (worst, abs (x[i] - y[i]));
  return worst;
}

typedef struct
{
  const char *reference;
  const char *others[12];
  int         tolerance;
} Equal;

static void
test_equal (gconstpointer data)
{
  const Equal *equal = data;
  g_autofree char *reference = g_strconcat ("dicom-matrix/", equal->reference, NULL);
  SagSample sample, other;
  g_autoptr (GBytes) want = decode (reference, 0, &sample);

  for (int i = 0; want != NULL && equal->others[i] != NULL; i++)
    {
      g_autofree char *path = g_strconcat ("dicom-matrix/", equal->others[i], NULL);
      g_autoptr (GBytes) got = decode (path, 0, &other);
      int worst;

      g_assert_cmpint (sample, ==, other);
      worst = difference (want, got, sample);
      g_test_message ("%s: %d", equal->others[i], worst);
      g_assert_cmpint (worst, <=, equal->tolerance);
    }
}

#define NEMA "nema/compsamples_"
#define C3D "cornerstone3d/CTImage.dcm_"

static const struct
{
  const char *name;
  Equal       equal;
} equals[] = {
  { "CT1",
    { NEMA "refanddir/REF/CT1_UNC",
      { NEMA "j2k/J2KR/CT1_J2KR", NEMA "jpeg/JPLL/CT1_JPLL", NEMA "jpegls/JLSL/CT1_JLSL",
        NEMA "rle_20040210/RLE/CT1_RLE" },
      0 } },
  { "MR4",
    { NEMA "refanddir/REF/MR4_UNC",
      { NEMA "j2k/J2KR/MR4_J2KR", NEMA "jpeg/JPLL/MR4_JPLL", NEMA "jpegls/JLSL/MR4_JLSL",
        NEMA "rle_20040210/RLE/MR4_RLE" },
      0 } },
  { "NM1",
    { NEMA "refanddir/REF/NM1_UNC",
      { NEMA "j2k/J2KR/NM1_J2KR", NEMA "jpegls/JLSL/NM1_JLSL", NEMA "rle_20040210/RLE/NM1_RLE" },
      0 } },
  { "near-lossless", { NEMA "refanddir/REF/CT1_UNC", { NEMA "jpegls/JLSN/CT1_JLSN" }, 4 } },
  { "CTImage",
    { C3D "LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm",
      { C3D "LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2.dcm",
        C3D "BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm",
        C3D "DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
        C3D "RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm",
        C3D "JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm",
        C3D "JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm",
        C3D "JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm",
        C3D "JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm" },
      0 } },
  { "enhanced",
    { "pydicom-data/emri_small.dcm",
      { "pydicom-data/emri_small_big_endian.dcm", "pydicom-data/emri_small_RLE.dcm",
        "pydicom-data/emri_small_jpeg_ls_lossless.dcm",
        "pydicom-data/emri_small_jpeg_2k_lossless.dcm",
        "pydicom-data/emri_small_jpeg_2k_lossless_too_short.dcm" },
      0 } },
  { "rgb",
    { "pydicom-data/SC_rgb.dcm",
      { "pydicom-data/SC_rgb_expb.dcm", "pydicom-data/SC_rgb_16bit.dcm",
        "pydicom-data/SC_rgb_expb_16bit.dcm", "pydicom-data/SC_rgb_2frame.dcm" },
      0 } },
  { "palette", { "pydicom-data/OBXXXX1A.dcm", { "pydicom-data/OBXXXX1A_rle.dcm" }, 0 } },
  { "planar", { "pydicom-data/color-px.dcm", { "pydicom-data/color-pl.dcm" }, 0 } },
  { "jpeg-ls-colour",
    { "pydicom-data/JLSL_RGB_ILV0.dcm",
      { "pydicom-data/JLSL_RGB_ILV1.dcm", "pydicom-data/JLSL_RGB_ILV2.dcm" },
      0 } },
  { "ht-j2k",
    { "pydicom-data/HTJ2KLossless_08_RGB.dcm", { "pydicom-data/HTJ2K_08_RGB.dcm" }, 24 } },
  { "bits",
    { "pydicom-data/liver.dcm",
      { "pydicom-data/liver_expb.dcm", "pydicom-data/liver_rle.dcm", "pydicom-data/liver_j2k.dcm",
        "pydicom-data/liver_deflate.dcm" },
      0 } },
  { "odd-bits",
    { "pydicom-data/liver_nonbyte_aligned.dcm",
      { "pydicom-data/liver_nonbyte_aligned_rle.dcm", "pydicom-data/liver_nonbyte_aligned_j2k.dcm",
        "pydicom-data/liver_nonbyte_aligned_deflate.dcm" },
      0 } },
};

/* Every frame of a multi-frame file, one format against another. */
static void
test_frames (void)
{
  for (int f = 0; f < 10; f++)
    {
      SagSample a, b;
      g_autoptr (GBytes) x = decode ("dicom-matrix/pydicom-data/emri_small.dcm", f, &a);
      g_autoptr (GBytes) y
          = x != NULL ? decode ("dicom-matrix/pydicom-data/emri_small_jpeg_2k_lossless.dcm", f, &b)
                      : NULL;

      if (x == NULL)
        return;
      g_assert_cmpint (difference (x, y, a), ==, 0);
    }
}

static void
test_unknown_syntax (void)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_instance_new ();
  g_autoptr (GError) error = NULL;
  SagSample sample;

  instance->has_pixel_data = TRUE;
  instance->rows = instance->columns = 8;
  instance->bits_allocated = instance->bits_stored = 8;
  instance->high_bit = 7;
  g_strlcpy (instance->transfer_syntax_uid, "1.2.840.10008.1.2.4.110", sizeof (SagUid));
  g_assert_false (sag_pixels_get_sample (instance, &sample, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "1.2.840.10008.1.2.4.110"));
  g_assert_nonnull (strstr (error->message, "JPEG XL"));
}

/* A header that asks for gigabytes the file cannot hold. */
static void
test_caps (void)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_instance_new ();
  SagSample sample;
  static const char *const syntaxes[] = { "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90" };

  instance->has_pixel_data = TRUE;
  instance->rows = instance->columns = 65535;
  instance->bits_allocated = instance->bits_stored = 16;
  instance->high_bit = 15;
  instance->number_of_frames = 100000;
  instance->file_size = 2000;
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_strlcpy (instance->transfer_syntax_uid, syntaxes[i], sizeof (SagUid));
      g_assert_false (sag_pixels_get_sample (instance, &sample, &error));
      g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID);
    }
}

/* --- volumes --- */

typedef struct
{
  char     *folder;
  SagGrid   grid;
  SagIndex *index;
  const SagStack *stack;
} Fixture;

static void
reindex (Fixture *f)
{
  GError *error = NULL;

  g_clear_pointer (&f->index, sag_index_unref);
  f->index = sag_index_folder (f->folder, NULL, &error);
  g_assert_no_error (error);
  f->stack = sag_open_choose (f->index, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = test_folder ();
  test_grid (&f->grid);
  test_write_series (f->folder, &f->grid, "test-read");
  reindex (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  sag_index_unref (f->index);
  test_remove (f->folder);
  g_free (f->folder);
}

static void
test_volume (Fixture *f, gconstpointer data)
{
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) want = test_volume_of (&f->grid), got = NULL;
  gsize n = (gsize) f->grid.size[0] * f->grid.size[1] * 2;
  GError *error = NULL;

  g_autofree char *first = g_build_filename (f->folder, "ct-0001.dcm", NULL);
  test_validate (first);
  got = sag_open_volume (f->folder, NULL, NULL, &info, &error);
  g_assert_no_error (error);
  g_assert_true (sag_grid_equal (sag_volume_get_grid (got), &f->grid));
  g_assert_cmpint (sag_volume_get_voxel_type (got), ==, SAG_VOXEL_I16);
  g_assert_cmpstr (sag_volume_get_unit (got), ==, "HU");
  g_assert_cmpstr (sag_volume_get_modality (got), ==, "CT");
  for (int k = 0; k < f->grid.size[2]; k++)
    {
      g_assert_true (sag_volume_is_ready (got, k));
      g_assert_cmpmem (sag_volume_get_slice (want, k), n, sag_volume_get_slice (got, k), n);
    }
  g_assert_cmpint (info->n_windows, ==, 2);
  g_assert_cmpfloat (info->windows[1].width, ==, 1500);
  g_assert_cmpstr (info->window_explanations[1], ==, "LUNG");
  g_assert_cmpuint (g_strv_length (info->findings), ==, 0);
}

static void
note_slice (SagVolume *volume, int k0, int k1, gpointer data)
{
  g_assert_true (sag_volume_is_ready (volume, k0));
  g_array_append_val ((GArray *) data, k0);
}

static void
test_focus (Fixture *f, gconstpointer data)
{
  static const int want[] = { 8, 7, 9, 6, 10, 5, 4, 3, 2, 1, 0 };
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (SagVolume) volume = NULL;
  GError *error = NULL;

  sag_parallel_own (SAG_TEAM_NONE, 1); /* one thread: the order is exact */
  volume = sag_read_begin (f->stack, &error);
  g_assert_no_error (error);
  g_assert_false (sag_volume_is_ready (volume, 8));
  g_assert_true (sag_read_fill (volume, f->stack, 8, note_slice, order, NULL, NULL, &error));
  g_assert_cmpmem (order->data, order->len * sizeof (int), want, sizeof want);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
}

static gboolean
stop_at_half (double fraction, gpointer data)
{
  *(double *) data = fraction;
  return fraction < 0.5;
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  double reached = 0;
  const SagTick tick = { stop_at_half, &reached };
  g_autoptr (SagVolume) volume = sag_read_begin (f->stack, NULL);
  g_autoptr (GError) error = NULL;

  sag_parallel_own (SAG_TEAM_NONE, 1); /* of two threads one may run ahead while the other is told to stop */
  g_assert_false (sag_read_fill (volume, f->stack, 0, NULL, NULL, &tick, NULL, &error));
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
  g_assert_cmpfloat (reached, <, 0.9);
  g_assert_false (sag_volume_is_ready (volume, 10));
}

/* MR scanners write a window for each slice: the one shown is the middle slice's. */
static void
test_window (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "ct-0001.dcm", NULL);
  g_autofree char *bytes = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) volume = NULL;
  GError *error = NULL;
  gsize length;
  char *widths;

  g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  widths = memmem (bytes, length, "400\\1500", 8);
  g_assert_nonnull (widths);
  memcpy (widths, "078", 3);
  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
  volume = sag_open_volume (f->folder, NULL, NULL, &info, &error);
  g_assert_no_error (error);
  g_assert_cmpint (info->n_windows, ==, 2);
  g_assert_cmpfloat (info->windows[0].width, ==, 400);
}

/* A slice left out keeps its place, filled with the lowest value; the others are where they were. */
static void
test_missing (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "ct-0005.dcm", NULL);
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  GError *error = NULL;

  g_assert_cmpint (g_remove (path), ==, 0);
  volume = sag_open_volume (f->folder, NULL, NULL, &info, &error);
  g_assert_no_error (error);
  g_assert_true (sag_grid_equal (sag_volume_get_grid (volume), &f->grid));
  g_assert_cmpuint (g_strv_length (info->findings), ==, 1);
  g_assert_cmpint (((gint16 *) sag_volume_get_slice (volume, 4))[50], ==, test_value (0, 0, 3));
  g_assert_cmpint (((gint16 *) sag_volume_get_slice (volume, 5))[0], ==, test_value (0, 0, 5));
}

/* A file cut short: its slice is left empty, one sentence names it; the other slices are there. */
static void
test_truncated (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "ct-0005.dcm", NULL);
  g_autofree char *content = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  GError *error = NULL;
  gsize n;

  g_file_get_contents (path, &content, &n, NULL);
  g_file_set_contents (path, content, n - 700, NULL);
  reindex (f);
  volume = sag_open_volume (f->folder, NULL, NULL, &info, &error);
  g_assert_no_error (error);
  g_assert_true (sag_grid_equal (sag_volume_get_grid (volume), &f->grid));
  g_assert_cmpuint (g_strv_length (info->findings), ==, 1);
  g_assert_nonnull (strstr (info->findings[0], "ct-0005.dcm"));
  g_assert_null (strchr (info->findings[0], '\n'));
  for (int k = 0; k < f->grid.size[2]; k++)
    g_assert_true (sag_volume_is_ready (volume, k));
  g_assert_cmpint (((gint16 *) sag_volume_get_slice (volume, 5))[0], ==, test_value (0, 0, 5));
}

/* A series that does not fit on the disk leaves nothing behind. */
static void
test_disk_full (Fixture *f, gconstpointer data)
{
  g_autofree char *folder = g_build_filename (f->folder, "more", NULL);
  g_autoptr (SagVolume) volume = test_volume_of (&f->grid);
  g_autoptr (GError) error = NULL;

  test_limit_files (1500);
  g_assert_false (test_try_series (folder, volume, "full", &error));
  test_limit_files (0);
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  for (gsize i = 0; i < G_N_ELEMENTS (equals); i++)
    {
      g_autofree char *path = g_strconcat ("/read/equal/", equals[i].name, NULL);

      g_test_add_data_func (path, &equals[i].equal, test_equal);
    }
  g_test_add_func ("/read/frames", test_frames);
  g_test_add_func ("/read/unknown-syntax", test_unknown_syntax);
  g_test_add_func ("/read/caps", test_caps);
#define ADD(name, func) g_test_add ("/read/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("volume", test_volume);
  ADD ("focus", test_focus);
  ADD ("cancel", test_cancel);
  ADD ("window", test_window);
  ADD ("missing", test_missing);
  ADD ("truncated", test_truncated);
  ADD ("disk-full", test_disk_full);
  return g_test_run ();
}
