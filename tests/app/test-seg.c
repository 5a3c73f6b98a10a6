/* SPDX-License-Identifier: Apache-2.0
 *
 * test-seg.c: segmentations written, validated and read again.
 */
#include "engine/image/review.h"
#include "app/dicom/seg.h"
#include "app/files/open.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"
#include "tests/data.h"

#include <math.h>

typedef struct
{
  char     *folder;
  char     *path; /* of the SEG */
  SagGrid   grid;
  SagIndex *index;
  const SagStack *stack;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  GError *error = NULL;

  f->folder = test_folder ();
  f->path = g_build_filename (f->folder, "out.seg", NULL);
  test_grid (&f->grid);
  g_autofree char *series = g_build_filename (f->folder, "ct", NULL);
  test_write_series (series, &f->grid, "test-seg");
  f->index = sag_index_folder (series, NULL, &error);
  g_assert_no_error (error);
  f->stack = sag_open_choose (f->index, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (sag_grid_equal (&f->stack->grid, &f->grid));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  sag_index_unref (f->index);
  test_remove (f->folder);
  g_free (f->folder);
  g_free (f->path);
}

static void
write_and_read (Fixture *f, SagSegmentation *in, const SagSegOptions *options,
                SagSegmentation **out, SagSegInfo **info)
{
  GError *error = NULL;
  gboolean ok = sag_seg_write (f->path, in, f->stack, options, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  test_validate (f->path);
  *out = sag_seg_read (f->path, info, &error);
  g_assert_no_error (error);
  g_assert_nonnull (*out);
}

static void
assert_same_labels (SagSegmentation *a, SagSegmentation *b)
{
  g_assert_cmpint (sag_segmentation_get_n_layers (a), ==, sag_segmentation_get_n_layers (b));
  for (int layer = 0; layer < sag_segmentation_get_n_layers (a); layer++)
    {
      g_autoptr (SagLabelmap) x = sag_labelmap_to_whole (sag_segmentation_get_layer (a, layer), NULL);
      g_autoptr (SagLabelmap) y = sag_labelmap_to_whole (sag_segmentation_get_layer (b, layer), NULL);
      gsize n = sag_grid_get_n_voxels (sag_labelmap_get_grid (x));

      g_assert_cmpmem (sag_labelmap_get_voxels (x), n, sag_labelmap_get_voxels (y), n);
    }
}

static void
test_binary (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, FALSE);
  g_autoptr (SagSegmentation) out = NULL, placed = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  GError *error = NULL;

  write_and_read (f, in, NULL, &out, &info);
  g_assert_cmpstr (info->segmentation_type, ==, "BINARY");
  g_assert_cmpint (info->n_segments, ==, 3);
  g_assert_cmpint (info->n_frames, ==, 5 + 4 + 1); /* only those with something in them */
  g_assert_cmpstr (info->frame_of_reference_uid, ==,
                   f->stack->slices[0].instance->frame_of_reference_uid);
  g_assert_cmpstr (info->referenced_series_uid, ==,
                   f->stack->slices[0].instance->series_instance_uid);
  g_assert_nonnull (strstr (info->content_description, "Research use"));
  /* Its own grid spans its frames only: slices 2 to 9. */
  g_assert_cmpint (sag_segmentation_get_grid (out)->size[2], ==, 8);
  placed = sag_open_segmentation (f->path, &f->grid, &error);
  g_assert_no_error (error);
  assert_same_labels (in, placed);
}

static void
test_labels (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, FALSE);
  g_autoptr (SagSegmentation) out = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  const SagProvenance *p;
  const SagLabel *a, *b;
  int n;

  write_and_read (f, in, NULL, &out, &info);
  for (int value = 1; value <= 3; value++)
    {
      a = sag_labelmap_find_label (sag_segmentation_get_layer (in, 0), (guint8) value);
      b = sag_labelmap_find_label (sag_segmentation_get_layer (out, 0), (guint8) value);
      g_assert_nonnull (b);
      g_assert_cmpstr (a->name, ==, b->name);
      g_assert_cmpstr (a->category.value, ==, b->category.value);
      g_assert_cmpstr (a->type.value, ==, b->type.value);
      g_assert_cmpstr (a->type.meaning, ==, b->type.meaning);
      g_assert_cmpstr (a->modifier.value, ==, b->modifier.value);
      for (int c = 0; c < 3; c++)
        g_assert_cmpint (abs (a->rgb[c] - b->rgb[c]), <=, 1); /* through L*a*b* and back */
    }
  sag_labelmap_get_labels (sag_segmentation_get_layer (out, 0), &n);
  g_assert_cmpint (n, ==, 3);
  p = sag_segmentation_get_provenance (out);
  g_assert_cmpstr (p->model_id, ==, "org.sagitta.test");
  g_assert_cmpstr (p->model_name, ==, "Test model");
  g_assert_cmpstr (p->model_version, ==, "1.2.3");
  g_assert_cmpstr (p->weights_sha256, ==,
                   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  g_assert_cmpstr (p->precision, ==, "int8");
  g_assert_cmpstr (p->calibration, ==, "temperature 1.31");
  g_assert_cmpstr (p->cpu, ==, "avx2");
  g_assert_cmpstr (p->program, ==, "Sagitta 0.1.0");
  g_assert_cmpstr (p->time, ==, "2024-02-29T12:00:00+01:00");
}

/* Who changed it, and what a person said of it. */
static void
test_review (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) made = test_segmentation (&f->grid, FALSE, FALSE);
  g_autoptr (SagProvenance) from = sag_provenance_copy (sag_segmentation_get_provenance (made));
  SagLabelmap *layer = sag_segmentation_get_layer (made, 0);
  g_autoptr (SagSegmentation) in = NULL, out = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  SagReview *review = sag_provenance_get_review (from);
  const SagReview *p;

  sag_provenance_set (&review->editor, "Doe, Jane");
  sag_provenance_set (&review->edit_time, "2026-03-02T09:30:00+01");
  sag_provenance_set (&review->edit_from, "Test model INT8");
  sag_provenance_set (&review->verdict, "accepted");
  sag_provenance_set (&review->reviewer, "Roe, Richard");
  sag_provenance_set (&review->time, "2026-03-02T10:00:00+01");
  in = sag_segmentation_new (&layer, 1, NULL, from, NULL);
  sag_segmentation_mark_ready (in, 0, f->grid.size[2]);
  write_and_read (f, in, NULL, &out, &info);
  g_assert_cmpstr (info->creator, ==, "Doe, Jane");
  g_assert_cmpstr (info->algorithm_type, ==, "SEMIAUTOMATIC");
  p = sag_provenance_peek_review (sag_segmentation_get_provenance (out));
  g_assert_cmpstr (p->editor, ==, "Doe, Jane");
  g_assert_cmpstr (p->edit_time, ==, "2026-03-02T09:30:00+01");
  g_assert_cmpstr (p->edit_from, ==, "Test model INT8");
  g_assert_cmpstr (p->verdict, ==, "accepted");
  g_assert_cmpstr (p->reviewer, ==, "Roe, Richard");
  g_assert_cmpstr (p->time, ==, "2026-03-02T10:00:00+01");
}

static void
test_overlap (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, TRUE, FALSE);
  g_autoptr (SagSegmentation) out = NULL, placed = NULL;
  GError *error = NULL;

  write_and_read (f, in, NULL, &out, NULL);
  g_assert_cmpint (sag_segmentation_get_n_layers (out), ==, 2);
  placed = sag_seg_regrid (out, &f->grid, &error);
  g_assert_no_error (error);
  assert_same_labels (in, placed);
}

/* Far more segments over each other than once were read; what is over others takes its box of memory, once. */
static void
test_many (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagSegmentation) in = NULL, out = NULL, placed = NULL;
  GError *error = NULL;
  int size[3];

  memcpy (size, f->grid.size, sizeof size);
  for (int n = 0; n < 40; n++)
    {
      SagLabel label = { .value = (guint8) (n + 1), .name = "Over" };
      SagLabelmap *map = sag_labelmap_new (&f->grid, NULL, &label, 1, NULL);

      for (int k = 2; k < 5; k++)
        for (int j = 8; j < 12 + n % 7; j++)
          for (int i = 10; i < 12 + n % 11; i++)
            sag_labelmap_get_voxels (map)[i + size[0] * (j + size[1] * k)] = (guint8) (n + 1);
      g_ptr_array_add (maps, map);
    }
  in = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, 40, NULL, NULL, NULL);
  sag_segmentation_mark_ready (in, 0, size[2]);
  write_and_read (f, in, NULL, &out, NULL);
  g_assert_cmpint (sag_segmentation_get_n_layers (out), ==, 40);
  g_assert_cmpuint (sag_block_get_size (sag_labelmap_get_block (sag_segmentation_get_layer (out, 39))), <=,
                    39 * 3 * 10 * 12);
  placed = sag_seg_regrid (out, &f->grid, &error);
  g_assert_no_error (error);
  assert_same_labels (in, placed);
  g_clear_pointer (&out, sag_segmentation_unref);
  write_and_read (f, placed, NULL, &out, NULL); /* from boxes too */
  g_assert_cmpint (sag_segmentation_get_n_layers (out), ==, 40);
}

/* More segments than a byte tells apart: two layers of 200 labels, whose values are the same. */
static void
test_wide (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagSegmentation) in = NULL, out = NULL;
  g_autoptr (GHashTable) before = NULL, after = NULL;

  for (int layer = 0; layer < 2; layer++)
    {
      SagLabel labels[200];
      SagLabelmap *map;

      memset (labels, 0, sizeof labels);
      for (int n = 0; n < 200; n++)
        {
          labels[n].value = (guint8) (n + 1);
          labels[n].number = 200 * layer + n + 1;
          g_snprintf (labels[n].name, sizeof labels[n].name, "Part %d", labels[n].number);
        }
      map = sag_labelmap_new (&f->grid, NULL, labels, 200, NULL);
      for (int n = 0; n < 200; n++) /* three voxels each */
        for (int i = 0; i < 3; i++)
          sag_labelmap_get_voxels (map)[600 * layer + 3 * n + i] = (guint8) (n + 1);
      g_ptr_array_add (maps, map);
    }
  in = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, 2, NULL, NULL, NULL);
  sag_segmentation_mark_ready (in, 0, f->grid.size[2]);
  write_and_read (f, in, NULL, &out, NULL);
  before = sag_segmentation_find_places (in);
  after = sag_segmentation_find_places (out);
  g_assert_cmpuint (g_hash_table_size (before), ==, 400);
  g_assert_cmpuint (g_hash_table_size (after), ==, 400);
  for (int number = 1; number <= 400; number++)
    {
      const SagLabelPlace *was = g_hash_table_lookup (before, GINT_TO_POINTER (number));
      const SagLabelPlace *is = g_hash_table_lookup (after, GINT_TO_POINTER (number));

      g_assert_cmpstr (is->label->name, ==, was->label->name);
      for (int side = 0; side < 2; side++) /* its own grid begins at the first slice that has labels: ours is that */
        g_assert_cmpmem (is->box + 3 * side, 2 * sizeof (int), was->box + 3 * side, 2 * sizeof (int));
    }
}

static void
test_fractional (Fixture *f, gconstpointer data)
{
  const SagSegOptions options = { .type = SAG_SEG_FRACTIONAL };
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, TRUE);
  g_autoptr (SagSegmentation) out = NULL, placed = NULL;
  g_autoptr (SagSegInfo) info = NULL;
  GError *error = NULL;
  const guint8 *a, *b, *labels;

  write_and_read (f, in, &options, &out, &info);
  g_assert_cmpstr (info->segmentation_type, ==, "FRACTIONAL/PROBABILITY");
  placed = sag_seg_regrid (out, &f->grid, &error);
  g_assert_no_error (error);
  assert_same_labels (in, placed);
  /* Where a label is, its confidence came through bit for bit. */
  a = sag_block_get_data (sag_segmentation_get_confidence (in));
  b = sag_block_get_data (sag_segmentation_get_confidence (placed));
  labels = sag_labelmap_get_voxels (sag_segmentation_get_layer (in, 0));
  for (gsize i = 0; i < sag_grid_get_n_voxels (&f->grid); i++)
    g_assert_cmpint (b[i], ==, labels[i] != 0 ? a[i] : 255);
}

/* Images without a place (radiographs, ultrasound): labels come back on their pixels, whatever a pixel measures. */
static void
test_flat (Fixture *f, gconstpointer data)
{
  const SagSegOptions fractional = { .type = SAG_SEG_FRACTIONAL };
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, TRUE);
  SagGrid other = f->grid;
  GError *error = NULL;

  for (int k = 0; k < f->stack->n_slices; k++)
    {
      SagDicomInstance *instance = (SagDicomInstance *) f->stack->slices[k].instance;

      instance->frame_of_reference_uid[0] = '\0';
      instance->frames[f->stack->slices[k].frame].has_position = FALSE;
      instance->frames[f->stack->slices[k].frame].pixel_spacing_source = SAG_SPACING_IMAGER;
    }
  for (int n = 0; n < 2; n++)
    {
      g_autoptr (SagSegmentation) out = NULL, laid = NULL, refused = NULL;
      g_autoptr (SagSegInfo) info = NULL;

      write_and_read (f, in, n == 0 ? NULL : &fractional, &out, &info);
      g_assert_false (sag_segmentation_get_has_place (out));
      g_assert_cmpstr (info->frame_of_reference_uid, ==, "");
      g_assert_cmpstr (info->referenced_series_uid, ==, f->stack->slices[0].instance->series_instance_uid);
      g_assert_cmpfloat (sag_segmentation_get_grid (out)->spacing[0], ==, 1); /* a detector's is not the patient's */
      laid = sag_seg_regrid (out, &f->grid, &error);
      g_assert_no_error (error);
      assert_same_labels (in, laid);
      g_assert_true (sag_segmentation_get_has_place (laid));
      other.size[0] = f->grid.size[0] + 1;
      refused = sag_seg_regrid (out, &other, &error);
      g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID);
      g_assert_null (refused);
      g_clear_error (&error);
    }
}

/* The same seed gives the same bytes; no seed gives another object. */
static void
test_repeatable (Fixture *f, gconstpointer data)
{
  const SagSegOptions seeded = { .seed = "x", .date = "20240229" };
  const SagSegOptions *options[3] = { &seeded, &seeded, NULL };
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, FALSE);
  GBytes *bytes[3];
  GError *error = NULL;

  for (int i = 0; i < 3; i++)
    {
      char *content;
      gsize n;

      sag_seg_write (f->path, in, f->stack, options[i], &error);
      g_assert_no_error (error);
      g_file_get_contents (f->path, &content, &n, &error);
      g_assert_no_error (error);
      bytes[i] = g_bytes_new_take (content, n);
    }
  g_assert_true (g_bytes_equal (bytes[0], bytes[1]));
  g_assert_false (g_bytes_equal (bytes[0], bytes[2]));
  for (int i = 0; i < 3; i++)
    g_bytes_unref (bytes[i]);
}

static void
test_refusals (Fixture *f, gconstpointer data)
{
  const SagSegOptions fractional = { .type = SAG_SEG_FRACTIONAL };
  SagGrid moved = f->grid;
  g_autoptr (SagSegmentation) good = test_segmentation (&f->grid, FALSE, FALSE);
  g_autoptr (SagSegmentation) elsewhere = NULL;
  g_autoptr (GError) grid = NULL, confidence = NULL, disk = NULL;

  moved.origin[0] += 5;
  elsewhere = test_segmentation (&moved, FALSE, FALSE);
  g_assert_false (sag_seg_write (f->path, elsewhere, f->stack, NULL, &grid));
  g_assert_error (grid, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID);
  g_assert_false (sag_seg_write (f->path, good, f->stack, &fractional, &confidence));
  g_assert_error (confidence, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID);
  g_assert_false (sag_seg_write ("/dev/full/x.dcm", good, f->stack, NULL, &disk));
  g_assert_nonnull (disk);
  g_assert_false (g_file_test (f->path, G_FILE_TEST_EXISTS));
}

static void
test_disk_full (Fixture *f, gconstpointer data)
{
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, FALSE);
  g_autoptr (GError) error = NULL;

  test_limit_files (3000);
  g_assert_false (sag_seg_write (f->path, in, f->stack, NULL, &error));
  test_limit_files (0);
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO);
  g_assert_nonnull (strstr (error->message, "'out.seg'"));
  g_assert_false (g_file_test (f->path, G_FILE_TEST_EXISTS));
}

/* The pixels as another reader sees them. */
static void
test_pydicom (Fixture *f, gconstpointer data)
{
  static const char script[] =
      "import sys, pydicom, numpy as np\n"
      "d = pydicom.dcmread(sys.argv[1])\n"
      "n, r, c = int(d.NumberOfFrames), d.Rows, d.Columns\n"
      "b = np.unpackbits(np.frombuffer(d.PixelData, np.uint8), "
      "bitorder='little')[:n*r*c].reshape(n, r, c)\n"
      "for s in range(1, 4):\n"
      "  t = 0\n"
      "  for f, g in zip(b, d.PerFrameFunctionalGroupsSequence):\n"
      "    if g.SegmentIdentificationSequence[0].ReferencedSegmentNumber == s: t += int(f.sum())\n"
      "  q = d.SegmentSequence[s-1]\n"
      "  print(s, t, q.SegmentLabel, "
      "q.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion)\n";
  const char *const argv[] = { "/usr/bin/python3", "-c", script, f->path, NULL };
  const char *const probe[] = { "/usr/bin/python3", "-c", "import pydicom, numpy", NULL };
  g_autoptr (SagSegmentation) in = test_segmentation (&f->grid, FALSE, FALSE);
  g_autofree char *output = NULL;
  GError *error = NULL;

  if (!test_run (NULL, probe))
    {
      g_test_skip ("pydicom is not installed");
      return;
    }
  sag_seg_write (f->path, in, f->stack, NULL, &error);
  g_assert_no_error (error);
  test_run (&output, argv);
  g_assert_cmpstr (output, ==,
                   "1 720 Right lung 1.2.3\n2 648 Left lung 1.2.3\n3 1 Nodule 1.2.3\n");
}

/* Objects of other makers: segments, layers, and the volume of the first label as computed from
 * their bits by another program. */
static void
test_foreign (void)
{
#define MATRIX "dicom-matrix/"
  static const struct
  {
    const char *path;
    int         n_segments;
    int         n_layers;
    const char *name; /* of the label measured */
    double      ml;
    int         code; /* of the error expected instead; 0: none */
  } cases[] = {
    { MATRIX "pydicom-data/liver.dcm", 1, 1, "Liver", 70.356, 0 },
    { MATRIX "pydicom-data/liver_nonbyte_aligned_rle.dcm", 1, 1, "Liver", 70.356, 0 },
    { MATRIX "pydicom-data/liver_expb.dcm", 1, 1, "Liver", 70.356, 0 },
    { MATRIX "dcmqi/segmentations/23x38x3/seg/label.seg", 1, 1, "Liver", 0.39445, 0 },
    { MATRIX "dcmqi/segmentations/partial_overlaps.dcm", 5, 3, "GREEN", 6.3084, 0 },
    { MATRIX "highdicom/seg_image_ct_binary_overlap.dcm", 2, 2, "first segment", 0.019073, 0 },
    { MATRIX "highdicom/seg_image_ct_true_fractional.dcm", 1, 1, "first segment", 0.19, 0 },
    { MATRIX "highdicom/seg_image_sm_dots_tiled_full.dcm", 50, 1, NULL, 0, 0 },
    { "series/brain-t1-seg/SEG", 40, 1, NULL, 0, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = sag_test_data (cases[i].path);
      g_autoptr (SagSegmentation) seg = NULL;
      g_autofree SagLabelStats *stats = g_new0 (SagLabelStats, 256);
      gboolean measured = cases[i].name == NULL;
      int n_segments = 0;
      GError *error = NULL;

      if (path == NULL)
        return;
      seg = sag_open_segmentation (path, NULL, &error);
      if (cases[i].n_segments == 0)
        {
          g_assert_error (error, SAG_DICOM_ERROR, cases[i].code);
          g_clear_error (&error);
          continue;
        }
      g_assert_no_error (error);
      for (int layer = 0; layer < sag_segmentation_get_n_layers (seg); layer++)
        {
          SagLabelmap *map = sag_segmentation_get_layer (seg, layer);
          const SagLabel *labels;
          int n;

          labels = sag_labelmap_get_labels (map, &n);
          sag_labelmap_measure (map, stats);
          n_segments += n;
          for (int l = 0; l < n; l++)
            if (g_strcmp0 (labels[l].name, cases[i].name) == 0)
              {
                g_assert_cmpfloat_with_epsilon (stats[labels[l].value].ml, cases[i].ml,
                                                0.01 * cases[i].ml);
                measured = TRUE;
              }
        }
      g_test_message ("%s: %d segments, %d layers", cases[i].path, n_segments,
                      sag_segmentation_get_n_layers (seg));
      g_assert_true (measured);
      g_assert_cmpint (n_segments, >=, cases[i].n_segments);
      g_assert_cmpint (sag_segmentation_get_n_layers (seg), ==, cases[i].n_layers);
    }
#undef MATRIX
}

/* Label maps of other makers, counted by pydicom and NumPy. Their background, described as segment
 * 0, is no label; a palette is how they are shown, not what they hold. */
static void
test_labelmap (void)
{
  static const struct
  {
    const char *path;
    int         counts[24]; /* of each label from 1; 0 behind the last */
    int         n_labels;
    guint8      rgb[3]; /* of label 1 where the file has a palette */
  } cases[] = {
    { "dcmqi/segmentations/sparse-labelmap-noppv.dcm", { 630 }, 1, { 0 } },
    { "dcmqi/segmentations/sparse-labelmap-ppv5.dcm", { 630 }, 1, { 0 } },
#define SLIDE { 14, 0, 23, 22, 30, 31, 28, 23, 32, 29, 25, 28, 27, 28, 20, 31, 31, 27, 44, 30 }, 20
    { "highdicom/seg_image_sm_control_labelmap.dcm", SLIDE, { 0 } },
    { "highdicom/seg_image_sm_control_labelmap_palette_color.dcm", SLIDE, { 255, 0, 191 } },
#undef SLIDE
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *relative = g_strconcat ("dicom-matrix/", cases[i].path, NULL);
      g_autofree char *path = sag_test_data (relative);
      g_autofree SagLabelStats *stats = g_new0 (SagLabelStats, 256);
      g_autoptr (SagSegmentation) seg = NULL;
      g_autoptr (SagSegInfo) info = NULL;
      GError *error = NULL;
      const SagLabel *labels;
      int n;

      if (path == NULL)
        return;
      seg = sag_seg_read (path, &info, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (info->segmentation_type, ==, "LABELMAP");
      g_assert_cmpint (sag_segmentation_get_n_layers (seg), ==, 1);
      labels = sag_labelmap_get_labels (sag_segmentation_get_layer (seg, 0), &n);
      g_assert_cmpint (n, ==, cases[i].n_labels);
      sag_labelmap_measure (sag_segmentation_get_layer (seg, 0), stats);
      for (int l = 0; l < n; l++)
        {
          g_assert_cmpint (labels[l].value, ==, l + 1);
          g_assert_cmpuint (stats[l + 1].n_voxels, ==, cases[i].counts[l]);
        }
      if (cases[i].rgb[0] != 0)
        g_assert_cmpmem (labels[0].rgb, 3, cases[i].rgb, 3);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
#define ADD(name, func) g_test_add ("/seg/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("flat", test_flat);
  ADD ("binary", test_binary);
  ADD ("labels", test_labels);
  ADD ("review", test_review);
  ADD ("overlap", test_overlap);
  ADD ("many", test_many);
  ADD ("wide", test_wide);
  ADD ("fractional", test_fractional);
  ADD ("repeatable", test_repeatable);
  ADD ("refusals", test_refusals);
  ADD ("disk-full", test_disk_full);
  ADD ("pydicom", test_pydicom);
  g_test_add_func ("/seg/foreign", test_foreign);
  g_test_add_func ("/seg/labelmap", test_labelmap);
  return g_test_run ();
}
