/* SPDX-License-Identifier: Apache-2.0
 *
 * test-nifti.c: NIfTI files out and in, and hostile ones.
 */
#include "app/files/nifti-header.h"
#include "app/files/nifti.h"
#include "engine/base/error.h"
#include "tests/app/synthetic.h"

#include <math.h>
#include <stddef.h>
#include <unistd.h>
#include <zlib.h>

typedef struct
{
  char   *folder;
  char   *path;
  char   *gz;
  SagGrid grid;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = test_folder ();
  f->path = g_build_filename (f->folder, "a.nii", NULL);
  f->gz = g_build_filename (f->folder, "a.nii.gz", NULL);
  test_grid (&f->grid);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  test_remove (f->folder);
  g_free (f->folder);
  g_free (f->path);
  g_free (f->gz);
}

static void
assert_same_volume (const SagVolume *a, const SagVolume *b)
{
  const SagGrid *grid = sag_volume_get_grid (a);
  gsize n = (gsize) grid->size[0] * grid->size[1]
            * sag_voxel_type_get_bytes (sag_volume_get_voxel_type (a));

  g_assert_true (sag_grid_equal (grid, sag_volume_get_grid (b)));
  g_assert_cmpint (sag_volume_get_voxel_type (a), ==, sag_volume_get_voxel_type (b));
  g_assert_cmpfloat_with_epsilon (sag_volume_get_slope (a), sag_volume_get_slope (b), 1e-6);
  g_assert_cmpfloat_with_epsilon (sag_volume_get_intercept (a), sag_volume_get_intercept (b), 1e-6);
  for (int k = 0; k < grid->size[2]; k++)
    {
      g_assert_true (sag_volume_is_ready (b, k));
      g_assert_cmpmem (sag_volume_get_slice (a, k), n, sag_volume_get_slice (b, k), n);
    }
}

/* Every voxel type, plain and gzipped, comes back bit for bit on the same grid. */
static void
test_round_trip (Fixture *f, gconstpointer data)
{
  for (int type = SAG_VOXEL_U8; type <= SAG_VOXEL_RGB8; type++)
    for (int zipped = 0; zipped < 2; zipped++)
      {
        const char *path = zipped ? f->gz : f->path;
        gboolean rgb = type == SAG_VOXEL_RGB8;
        g_autoptr (SagVolume) in = sag_volume_new_alloc (&f->grid, type, rgb ? 1 : 0.5, rgb ? 0 : -8,
                                                         "HU", NULL);
        g_autoptr (SagVolume) out = NULL;
        GError *error = NULL;
        guint8 *bytes = sag_block_get_data (sag_volume_get_block (in));

        sag_volume_set_origin_tags (in, "CT", "1.2.3");
        for (gsize i = 0; i < sag_grid_get_n_voxels (&f->grid); i++)
          if (type == SAG_VOXEL_F32)
            ((float *) bytes)[i] = (float) i / 7;
          else
            bytes[i] = (guint8) (i * 7 + i / 251);
        sag_volume_mark_ready (in, 0, f->grid.size[2]);
        g_assert_true (sag_nifti_write (path, in, NULL, &error));
        g_assert_no_error (error);
        out = sag_nifti_read (path, NULL, &error);
        g_assert_no_error (error);
        assert_same_volume (in, out);
        g_assert_cmpstr (sag_volume_get_unit (out), ==, "HU");
        g_assert_cmpstr (sag_volume_get_modality (out), ==, "CT");
        g_assert_cmpstr (sag_volume_get_frame_of_reference (out), ==, "1.2.3");
      }
}

/* Whatever the axes' order in the file, each voxel stays at its place in the patient. */
static void
test_turned (Fixture *f, gconstpointer data)
{
  static const char *const codes[] = { "RAS", "LPS", "PIR", "SAL", "IRP", "ASL" };
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);

  for (gsize c = 0; c < G_N_ELEMENTS (codes); c++)
    {
      g_autoptr (SagVolume) out = NULL;
      GError *error = NULL;

      g_assert_true (sag_nifti_write_turned (f->path, in, codes[c], TRUE, c % 2 + 1, NULL, &error));
      out = sag_nifti_read (f->path, NULL, &error);
      g_assert_no_error (error);
      const SagGrid *grid = sag_volume_get_grid (out);
      g_assert_cmpuint (sag_grid_get_n_voxels (grid), ==, sag_grid_get_n_voxels (&f->grid));
      for (int k = 0; k < grid->size[2]; k++)
        for (int j = 0; j < grid->size[1]; j += 5)
          for (int i = 0; i < grid->size[0]; i += 3)
            {
              double p[3] = { i, j, k };
              gint16 v = ((gint16 *) sag_volume_get_slice (out, k))[j * grid->size[0] + i];

              sag_grid_to_lps (grid, p, p);
              sag_grid_to_ijk (&f->grid, p, p);
              g_assert_cmpint (v, ==, test_value ((int) lround (p[0]), (int) lround (p[1]),
                                                  (int) lround (p[2])));
            }
    }
}

/* What nibabel, another reader, makes of the affine and a voxel. */
static void
test_nibabel (Fixture *f, gconstpointer data)
{
  static const char script[]
      = "import sys, nibabel, numpy as np\n"
        "n = nibabel.load(sys.argv[1]); a = n.affine; d = np.asanyarray(n.dataobj)\n"
        "assert np.allclose(n.get_qform(), n.get_sform(), atol=1e-4)\n"
        "ijk = np.array([5, d.shape[1] - 1 - 7, 3, 1])\n"
        "print(int(d[5, d.shape[1] - 1 - 7, 3]), *['%.3f' % x for x in (a @ ijk)[:3]])\n";
  const char *const argv[] = { "/usr/bin/python3", "-c", script, f->gz, NULL };
  const char *const probe[] = { "/usr/bin/python3", "-c", "import nibabel", NULL };
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);
  g_autofree char *output = NULL;
  double p[3] = { 5, 7, 3 };

  if (!test_run (NULL, probe))
    {
      g_test_skip ("nibabel is not installed");
      return;
    }
  g_assert_true (sag_nifti_write (f->gz, in, NULL, NULL));
  test_run (&output, argv);
  sag_grid_to_lps (&f->grid, p, p);
  g_autofree char *want =
      g_strdup_printf ("%d %.3f %.3f %.3f\n", test_value (5, 7, 3), -p[0], -p[1], p[2]);
  g_assert_cmpstr (output, ==, want);
}

static void
test_segmentation_file (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, TRUE), out = NULL;
  g_autoptr (SagSegmentation) overlap = test_segmentation (&f->grid, TRUE, FALSE);
  g_autoptr (SagVolume) confidence = NULL;
  g_autoptr (SagLabelmap) whole = NULL;
  gsize n = sag_grid_get_n_voxels (&f->grid);
  int box[6];
  GError *error = NULL;
  const SagLabel *label;

  g_assert_true (sag_nifti_write_segmentation (f->gz, in, TRUE, &error));
  out = sag_nifti_read_segmentation (f->gz, &error);
  g_assert_no_error (error);
  whole = sag_labelmap_to_whole (sag_segmentation_get_layer (out, 0), &error);
  g_assert_no_error (error);
  g_assert_cmpmem (sag_labelmap_get_voxels (sag_segmentation_get_layer (in, 0)), n, sag_labelmap_get_voxels (whole), n);
  /* It keeps the box that its labels need: from the first lung to the nodule. */
  sag_labelmap_get_box (sag_segmentation_get_layer (out, 0), box);
  g_assert_cmpmem (box, sizeof box, ((const int[]){ 3, 4, 2, 37, 28, 10 }), sizeof box);
  label = sag_labelmap_find_label (sag_segmentation_get_layer (out, 0), 2);
  g_assert_cmpstr (label->name, ==, "Left lung");
  g_assert_cmpint (label->rgb[0], ==, 230);
  g_assert_cmpstr (sag_segmentation_get_provenance (out)->precision, ==, "int8");
  g_assert_true (sag_nifti_write_confidence (f->gz, in, TRUE, &error));
  confidence = sag_nifti_read (f->gz, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (sag_block_get_data (sag_segmentation_get_confidence (in)), n,
                   sag_block_get_data (sag_volume_get_block (confidence)), n);
  g_assert_cmpfloat_with_epsilon (sag_volume_get_slope (confidence), 1.0 / 255, 1e-6);
  g_assert_false (sag_nifti_write_segmentation (f->gz, overlap, TRUE, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
  g_clear_error (&error);
}

/* An image is no segmentation. */
static void
test_not_labels (Fixture *f, gconstpointer data)
{
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);
  g_autoptr (GError) error = NULL;

  g_assert_true (sag_nifti_write (f->gz, in, NULL, NULL));
  g_assert_null (sag_nifti_read_segmentation (f->gz, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
}

/* Headers changed one field at a time: an error each, or a volume that is sound; never more. */
static void
test_hostile (Fixture *f, gconstpointer data)
{
  static const struct
  {
    gsize  offset;
    gint16 value;
  } changes[] = {
    { offsetof (SagNiftiHeader, dim[0]), 0 },      { offsetof (SagNiftiHeader, dim[0]), 9 },
    { offsetof (SagNiftiHeader, dim[1]), 32767 },  { offsetof (SagNiftiHeader, dim[3]), -1 },
    { offsetof (SagNiftiHeader, dim[2]), 0 },      { offsetof (SagNiftiHeader, datatype), 1792 },
    { offsetof (SagNiftiHeader, datatype), 64 },   { offsetof (SagNiftiHeader, magic), 0x3333 },
    { offsetof (SagNiftiHeader, sizeof_hdr), 99 },
  };
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);
  g_autofree char *content = NULL;
  gsize n;

  g_assert_true (sag_nifti_write (f->path, in, NULL, NULL));
  g_file_get_contents (f->path, &content, &n, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *copy = g_memdup2 (content, n);
      g_autoptr (GError) error = NULL;

      memcpy (copy + changes[i].offset, &changes[i].value, 2);
      g_file_set_contents (f->path, copy, n, NULL);
      g_assert_null (sag_nifti_read (f->path, NULL, &error));
      g_assert_nonnull (error);
      g_assert_null (strchr (error->message, '\n'));
    }
  for (gsize cut = 0; cut < n; cut += cut < 400 ? 13 : 3001)
    {
      g_autoptr (GError) error = NULL;

      g_file_set_contents (f->path, content, cut, NULL);
      g_assert_null (sag_nifti_read (f->path, NULL, &error));
      g_assert_nonnull (error);
    }
}

static void
test_disk (Fixture *f, gconstpointer data)
{
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);
  g_autofree char *nowhere = g_build_filename (f->folder, "no", "such", "a.nii", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (sag_nifti_write (nowhere, in, NULL, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO);
}

/* The bytes of f->path as NAME.hdr and NAME.img, gzipped or not; what the header says may be changed before. */
static void
write_pair (Fixture *f, const char *header, const char *voxels, void (*change) (SagNiftiHeader *))
{
  g_autofree char *content = NULL;
  SagNiftiHeader head;
  gsize size, offset;
  gzFile out;

  g_assert_true (g_file_get_contents (f->path, &content, &size, NULL));
  memcpy (&head, content, sizeof head);
  offset = (gsize) head.vox_offset;
  memcpy (head.magic, "ni1", 4);
  head.vox_offset = 0;
  if (change != NULL)
    change (&head);
  for (int part = 0; part < 2; part++)
    {
      const char *name = part ? voxels : header;

      out = gzopen (name, g_str_has_suffix (name, ".gz") ? "wb" : "wbT");
      if (part == 0)
        g_assert_cmpint (gzwrite (out, &head, sizeof head), ==, sizeof head);
      /* What follows the header: our key file. */
      g_assert_cmpint (part ? gzwrite (out, content + offset, (unsigned) (size - offset))
                            : gzwrite (out, content + sizeof head, (unsigned) (offset - sizeof head)),
                       >, 0);
      g_assert_cmpint (gzclose (out), ==, Z_OK);
    }
}

static void
make_analyze (SagNiftiHeader *head)
{
  memset (head->magic, 0, sizeof head->magic);
}

static void
make_unplaced (SagNiftiHeader *head)
{
  head->qform_code = head->sform_code = 0;
}

static void
make_swapped_analyze (SagNiftiHeader *head)
{
  make_analyze (head);
  head->sizeof_hdr = (gint32) GUINT32_SWAP_LE_BE ((guint32) head->sizeof_hdr);
}

/* Either name opens a pair, as the one file would have; without its other half it is none; ANALYZE 7.5 is refused. */
static void
test_pair (Fixture *f, gconstpointer data)
{
  static const char *const endings[][2] = { { "hdr", "img" }, { "hdr.gz", "img.gz" }, { "HDR", "IMG" } };
  g_autoptr (SagVolume) in = test_volume_of (&f->grid);
  GError *error = NULL;
  gboolean is_placed;

  sag_volume_set_origin_tags (in, "MR", "1.2.3");
  g_assert_true (sag_nifti_write (f->path, in, NULL, &error));
  for (gsize i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *header = g_strdup_printf ("%s/%" G_GSIZE_FORMAT ".%s", f->folder, i, endings[i][0]);
      g_autofree char *voxels = g_strdup_printf ("%s/%" G_GSIZE_FORMAT ".%s", f->folder, i, endings[i][1]);

      write_pair (f, header, voxels, NULL);
      for (int part = 0; part < 2; part++)
        {
          const char *name = part ? voxels : header;
          g_autoptr (SagVolume) out = sag_nifti_read (name, NULL, &error);

          g_assert_no_error (error);
          assert_same_volume (in, out);
          g_assert_cmpstr (sag_volume_get_modality (out), ==, "MR");
          g_assert_true (sag_nifti_is_file (name));
          g_assert_false (sag_nifti_is_name (name));
          g_assert_cmpint (sag_nifti_count (name, &is_placed, &error), ==, 1);
          g_assert_true (is_placed);
        }

      write_pair (f, header, voxels, make_unplaced);
      g_assert_cmpint (sag_nifti_count (voxels, &is_placed, &error), ==, 1);
      g_assert_false (is_placed);

      for (int swapped = 0; swapped < 2; swapped++)
        {
          write_pair (f, header, voxels, swapped ? make_swapped_analyze : make_analyze);
          g_assert_true (sag_nifti_is_file (header));
          g_assert_null (sag_nifti_read (voxels, NULL, &error));
          g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
          g_assert_nonnull (strstr (error->message, "ANALYZE"));
          g_clear_error (&error);
        }

      write_pair (f, header, voxels, NULL);
      g_assert_cmpint (truncate (voxels, 60), ==, 0);
      g_assert_null (sag_nifti_read (header, NULL, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
      g_clear_error (&error);
      g_assert_cmpint (unlink (voxels), ==, 0);
      g_assert_false (sag_nifti_is_file (header));
      g_assert_null (sag_nifti_read (header, NULL, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO);
      g_clear_error (&error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/nifti/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("round-trip", test_round_trip);
  ADD ("turned", test_turned);
  ADD ("nibabel", test_nibabel);
  ADD ("segmentation", test_segmentation_file);
  ADD ("not-labels", test_not_labels);
  ADD ("hostile", test_hostile);
  ADD ("disk", test_disk);
  ADD ("pair", test_pair);
  return g_test_run ();
}
