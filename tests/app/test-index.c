/* SPDX-License-Identifier: Apache-2.0
 *
 * test-index.c: folders and headers to studies, series and stacks; every fault of geometry by name.
 */
#include "app/dicom/index.h"
#include "app/files/open.h"
#include "engine/base/parallel.h"
#include "tests/app/synthetic.h"
#include "tests/data.h"

#include <math.h>

/* Headers as a scanner would write them: an axial series of `n` slices, 2 mm apart, in reverse
 * order of number. */
static GPtrArray *
make_series (int n)
{
  GPtrArray *series = g_ptr_array_new ();

  for (int i = 0; i < n; i++)
    {
      SagDicomInstance *in = sag_dicom_instance_new ();
      SagDicomFrame *f = &in->frames[0];
      const double orientation[6] = { 1, 0, 0, 0, 1, 0 };
      g_autofree char *path = g_strdup_printf ("slice-%03d", i);

      sag_dicom_text_set (&in->path, path);
      g_strlcpy (in->study_instance_uid, "1.2", sizeof (SagUid));
      g_strlcpy (in->series_instance_uid, "1.2.3", sizeof (SagUid));
      g_snprintf (in->sop_instance_uid, sizeof (SagUid), "1.2.3.%d", i + 1);
      g_strlcpy (in->frame_of_reference_uid, "1.2.9", sizeof (SagUid));
      g_strlcpy (in->modality, "CT", sizeof in->modality);
      sag_dicom_text_set (&in->photometric_interpretation, "MONOCHROME2");
      in->rows = 20;
      in->columns = 30;
      in->bits_allocated = in->bits_stored = 16;
      in->high_bit = 15;
      in->has_pixel_data = TRUE;
      in->instance_number = n - i;
      f->has_position = f->has_orientation = TRUE;
      memcpy (f->image_orientation_patient, orientation, sizeof orientation);
      f->image_position_patient[0] = -10;
      f->image_position_patient[1] = -20;
      f->image_position_patient[2] = -300 + 2.0 * i;
      f->pixel_spacing[0] = 0.5;
      f->pixel_spacing[1] = 0.6;
      f->pixel_spacing_source = SAG_SPACING_PIXEL;
      f->slice_thickness = 2;
      g_ptr_array_add (series, in);
    }
  return series;
}

#define AT(series, i) ((SagDicomInstance *) g_ptr_array_index (series, i))
#define Z(series, i) (AT (series, i)->frames[0].image_position_patient[2])

static SagIndex *
group (GPtrArray *series)
{
  SagIndex *index = sag_index_group ((SagDicomInstance **) series->pdata, series->len);

  g_ptr_array_unref (series);
  return index;
}

static SagIndexSeries *
only_series (SagIndex *index, guint n_stacks)
{
  SagIndexSeries *series;

  g_assert_cmpuint (index->studies->len, ==, 1);
  series = sag_index_find_series (index, "1.2.3");
  g_assert_nonnull (series);
  g_assert_cmpuint (series->stacks->len, ==, n_stacks);
  return series;
}

static SagStack *
stack_of (SagIndex *index)
{
  return g_ptr_array_index (only_series (index, 1)->stacks, 0);
}

static SagFinding *
finding_of (const SagStack *stack, SagFindingKind kind)
{
  for (guint i = 0; i < stack->findings->len; i++)
    {
      SagFinding *finding = g_ptr_array_index (stack->findings, i);

      if (finding->kind == kind)
        return finding;
    }
  return NULL;
}

static void
test_order (void)
{
  g_autoptr (SagIndex) index = group (make_series (10));
  SagStack *stack = stack_of (index);

  g_assert_cmpuint (stack->findings->len, ==, 0);
  g_assert_cmpint (stack->grid.size[2], ==, 10);
  g_assert_cmpfloat_with_epsilon (stack->grid.spacing[0], 0.6, 1e-9);
  g_assert_cmpfloat_with_epsilon (stack->grid.spacing[1], 0.5, 1e-9);
  g_assert_cmpfloat_with_epsilon (stack->grid.spacing[2], 2, 1e-9);
  g_assert_cmpfloat_with_epsilon (stack->grid.origin[2], -300, 1e-9);
  /* By position, though the numbers run the other way. */
  for (int k = 0; k < 10; k++)
    g_assert_cmpint (sag_stack_find (stack, k)->instance->instance_number, ==, 10 - k);
}

static void
test_gap (void)
{
  GPtrArray *series = make_series (10);

  for (int i = 6; i < 10; i++)
    Z (series, i) += 4; /* two slices missing between the 6th and the 7th */
  g_autoptr (SagIndex) index = group (series);
  SagStack *stack = stack_of (index);
  SagFinding *gap = finding_of (stack, SAG_FINDING_GAP);

  g_assert_nonnull (gap);
  g_assert_cmpint (gap->slice, ==, 6);
  g_assert_nonnull (strstr (gap->text, "2 slices are missing between slice 6"));
  g_assert_cmpint (stack->grid.size[2], ==, 12);
  g_assert_cmpfloat_with_epsilon (stack->grid.spacing[2], 2, 1e-9);
  g_assert_null (sag_stack_find (stack, 6));
  g_assert_null (sag_stack_find (stack, 7));
  g_assert_nonnull (sag_stack_find (stack, 8));
  g_assert_null (finding_of (stack, SAG_FINDING_UNEVEN));
}

static void
test_uneven (void)
{
  GPtrArray *series = make_series (10);

  for (int i = 4; i < 10; i++)
    Z (series, i) += 0.7;
  g_autoptr (SagIndex) index = group (series);
  SagStack *stack = stack_of (index);
  SagFinding *uneven = finding_of (stack, SAG_FINDING_UNEVEN);

  g_assert_nonnull (uneven);
  g_assert_cmpfloat_with_epsilon (uneven->amount, 0.7, 1e-6);
  g_assert_nonnull (strstr (uneven->text, "between slices 4 and 5"));
  g_assert_cmpint (stack->grid.size[2], ==, 10);
}

/* Positions rounded to a tenth, as some scanners do, are no fault. */
static void
test_rounded (void)
{
  GPtrArray *series = make_series (40);

  for (int i = 0; i < 40; i++)
    Z (series, i) = round (-300 + 3.27 * i * 100) / 100;
  g_autoptr (SagIndex) index = group (series);

  g_assert_cmpuint (stack_of (index)->findings->len, ==, 0);
}

static void
test_tilt (void)
{
  GPtrArray *series = make_series (10);

  for (int i = 0; i < 10; i++)
    AT (series, i)->frames[0].image_position_patient[1] += 2.0 * i * tan (12 * G_PI / 180);
  g_autoptr (SagIndex) index = group (series);
  SagFinding *tilt = finding_of (stack_of (index), SAG_FINDING_TILT);

  g_assert_nonnull (tilt);
  g_assert_cmpfloat_with_epsilon (tilt->amount, 12, 1e-6);
}

static void
test_duplicate (void)
{
  GPtrArray *series = make_series (10);

  Z (series, 3) = Z (series, 4);
  g_autoptr (SagIndex) index = group (series);
  SagStack *stack = stack_of (index);

  g_assert_nonnull (finding_of (stack, SAG_FINDING_DUPLICATE));
  g_assert_nonnull (finding_of (stack, SAG_FINDING_GAP)); /* where the third was */
  g_assert_cmpint (stack->n_slices, ==, 9);
}

static void
test_copy (void)
{
  GPtrArray *series = make_series (3);

  g_strlcpy (AT (series, 2)->sop_instance_uid, AT (series, 1)->sop_instance_uid, sizeof (SagUid));
  g_autoptr (SagIndex) index = group (series);

  g_assert_cmpuint (index->problems->len, ==, 1);
  g_assert_cmpint (stack_of (index)->n_slices, ==, 2);
}

static void
test_mixed (void)
{
  GPtrArray *series = make_series (12);
  const double sagittal[6] = { 0, 1, 0, 0, 0, -1 };

  for (int i = 0; i < 2; i++)
    AT (series, i)->rows = 64;
  for (int i = 2; i < 5; i++)
    {
      memcpy (AT (series, i)->frames[0].image_orientation_patient, sagittal, sizeof sagittal);
      AT (series, i)->frames[0].image_position_patient[0] = 5 * i;
    }
  sag_dicom_text_set (&AT (series, 5)->image_type, "ORIGINAL\\PRIMARY\\LOCALIZER");
  g_autoptr (SagIndex) index = group (series);
  SagIndexSeries *s = only_series (index, 4);
  SagStack *largest = g_ptr_array_index (s->stacks, 0), *last = g_ptr_array_index (s->stacks, 3);

  g_assert_cmpint (largest->n_slices, ==, 6);
  g_assert_nonnull (finding_of (largest, SAG_FINDING_MIXED_SIZE));
  g_assert_nonnull (finding_of (largest, SAG_FINDING_MIXED_ORIENTATION));
  g_assert_true (last->is_localizer);
}

static void
test_no_position (void)
{
  GPtrArray *series = make_series (4);

  for (int i = 0; i < 4; i++)
    {
      AT (series, i)->frames[0].has_position = FALSE;
      AT (series, i)->frames[0].pixel_spacing_source = SAG_SPACING_UNKNOWN;
    }
  g_autoptr (SagIndex) index = group (series);
  SagStack *stack = stack_of (index);

  g_assert_nonnull (finding_of (stack, SAG_FINDING_NO_POSITION));
  g_assert_nonnull (finding_of (stack, SAG_FINDING_NO_SPACING));
  for (int k = 0; k < 4; k++)
    g_assert_cmpint (sag_stack_find (stack, k)->instance->instance_number, ==, k + 1);
}

/* A view from the front and one from the side are no stack: the letters of one would be wrong on the other. */
static void
test_views (void)
{
  static const struct
  {
    const char *orientation, *view, *side;
  } views[] = { { "L\\F", "PA", "" }, { "L\\F", "PA", "" }, { "A\\F", "LL", "" }, { "A\\F", "MLO", "R" }, { "A\\F", "MLO", "L" } };
  GPtrArray *series = make_series (G_N_ELEMENTS (views));

  for (guint i = 0; i < G_N_ELEMENTS (views); i++)
    {
      AT (series, i)->frames[0].has_position = FALSE;
      sag_dicom_text_set (&AT (series, i)->patient_orientation, views[i].orientation);
      sag_dicom_text_set (&AT (series, i)->view_position, views[i].view);
      sag_dicom_text_set (&AT (series, i)->laterality, views[i].side);
    }
  g_autoptr (SagIndex) index = group (series);
  SagIndexSeries *s = only_series (index, 4);

  g_assert_cmpint (((SagStack *) g_ptr_array_index (s->stacks, 0))->n_slices, ==, 2);
  g_assert_cmpstr (((SagStack *) g_ptr_array_index (s->stacks, 0))->name, ==, "PA");
  g_assert_cmpstr (((SagStack *) g_ptr_array_index (s->stacks, 1))->name, ==, "MLO L");
  g_assert_cmpstr (((SagStack *) g_ptr_array_index (s->stacks, 2))->name, ==, "MLO R");
  g_assert_cmpstr (((SagStack *) g_ptr_array_index (s->stacks, 3))->name, ==, "LL");
}

static void
test_echoes (void)
{
  GPtrArray *series = make_series (12);

  for (int i = 0; i < 12; i++)
    {
      Z (series, i) = 2.0 * (i / 3);
      AT (series, i)->frames[0].echo_time = 5 * (i % 3 + 1);
    }
  g_autoptr (SagIndex) index = group (series);
  SagIndexSeries *s = only_series (index, 3);

  for (guint e = 0; e < 3; e++)
    {
      SagStack *stack = g_ptr_array_index (s->stacks, e);

      g_assert_cmpint (stack->n_slices, ==, 4);
      g_assert_cmpuint (stack->findings->len, ==, 0);
      for (int k = 0; k < 4; k++)
        g_assert_cmpfloat (stack->slices[k].instance->frames[0].echo_time, ==,
                           stack->slices[0].instance->frames[0].echo_time);
      g_assert_true (g_str_has_prefix (stack->name, "echo "));
    }
}

/* Frames of one file in no order: directions of diffusion, the unweighted one first; and parts of the heart's beat. */
static void
test_directions (void)
{
  for (int way = 0; way < 2; way++)
    {
      GPtrArray *series = make_series (12);

      for (int i = 0; i < 12; i++)
        {
          SagDicomFrame *f = &AT (series, i)->frames[0];
          int which = (i * 5 + i / 3) % 3;

          Z (series, i) = 2.0 * (i / 3);
          if (way == 1)
            f->cardiac_phase = 30 * which;
          else if (which > 0)
            memcpy (f->diffusion_direction, (const double[]){ which == 1 ? 0.6 : -0.8, which == 1 ? 0.8 : 0.6, 0 },
                    sizeof f->diffusion_direction);
        }
      g_autoptr (SagIndex) index = group (series);
      SagIndexSeries *s = only_series (index, 3);

      for (guint e = 0; e < 3; e++)
        {
          SagStack *stack = g_ptr_array_index (s->stacks, e);
          const SagDicomFrame *first = &stack->slices[0].instance->frames[0];

          g_assert_cmpint (stack->n_slices, ==, 4);
          for (int k = 0; k < 4; k++)
            {
              const SagDicomFrame *f = &stack->slices[k].instance->frames[0];

              if (way == 1)
                g_assert_cmpfloat (f->cardiac_phase, ==, first->cardiac_phase);
              else
                g_assert_cmpmem (f->diffusion_direction, sizeof f->diffusion_direction, first->diffusion_direction,
                                 sizeof first->diffusion_direction);
            }
          g_assert_nonnull (strstr (stack->name, way == 1 ? "phase" : "direction"));
        }
    }
}

/* Phases whose trigger times differ from place to place: no key tells them apart, their order does.
 */
static void
test_phases (void)
{
  GPtrArray *series = make_series (12);

  for (int i = 0; i < 12; i++)
    {
      Z (series, i) = 2.0 * (i / 3);
      AT (series, i)->frames[0].trigger_time = 100 * (i % 3) + i;
    }
  g_autoptr (SagIndex) index = group (series);
  SagIndexSeries *s = only_series (index, 3);

  for (guint t = 0; t < 3; t++)
    {
      SagStack *stack = g_ptr_array_index (s->stacks, t);

      g_assert_cmpint (stack->n_slices, ==, 4);
      for (int k = 1; k < 4; k++)
        g_assert_cmpfloat (fabs (stack->slices[k].instance->frames[0].trigger_time
                                 - stack->slices[0].instance->frames[0].trigger_time), <, 50);
    }
}

/* --- with files --- */

static void
test_folder_contents (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *deep = g_build_filename (folder, "a", "b c", NULL);
  g_autofree char *text = g_build_filename (folder, "notes.dcm", NULL);
  g_autofree char *loop = g_build_filename (folder, "a", "loop", NULL);
  g_autofree char *slice = g_build_filename (deep, "ct-0003.dcm", NULL);
  g_autofree char *renamed = g_build_filename (deep, "IM_03", NULL);
  g_autofree char *whole = NULL;
  GError *error = NULL;
  SagGrid grid;
  gsize n;

  test_grid (&grid);
  test_write_series (deep, &grid, "test-index");
  g_assert_cmpint (g_rename (slice, renamed), ==, 0);
  g_file_set_contents (text, "not an image\n", -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (symlink ("..", loop), ==, 0);
  {
    g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (index->n_files, ==, 12);
    g_assert_cmpint (index->n_skipped, ==, 1);
    g_assert_cmpuint (index->problems->len, ==, 0);
    SagIndexStudy *study = g_ptr_array_index (index->studies, 0);
    g_assert_cmpstr (study->first->patient_name, ==, "Test^Phantom");
    SagIndexSeries *series = g_ptr_array_index (study->series, 0);
    g_assert_cmpstr (series->first->series_description, ==, "Test série");
    SagStack *stack = g_ptr_array_index (series->stacks, 0);
    g_assert_true (sag_grid_equal (&stack->grid, &grid));
  }
  /* A header cut short is told by name; the rest is still there, with a hole. */
  g_file_get_contents (renamed, &whole, &n, &error);
  g_file_set_contents (renamed, whole, 400, &error);
  {
    g_autoptr (SagIndex) index = sag_index_folder (folder, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (index->problems->len, ==, 1);
    g_assert_nonnull (strstr (g_ptr_array_index (index->problems, 0), "IM_03 is truncated"));
    SagIndexSeries *series
        = g_ptr_array_index (((SagIndexStudy *) g_ptr_array_index (index->studies, 0))->series, 0);
    g_assert_nonnull (finding_of (g_ptr_array_index (series->stacks, 0), SAG_FINDING_GAP));
  }
  test_remove (folder);
}

static void
test_nothing (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *text = g_build_filename (folder, "image.dcm", NULL);
  GError *error = NULL;

  g_assert_null (sag_index_folder (folder, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_file_set_contents (text, "This is a text file, renamed; it is long enough to have a header.",
                       -1, &error);
  g_assert_null (sag_index_folder (folder, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (sag_index_folder (text, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_DICOM);
  g_clear_error (&error);
  g_assert_null (sag_open_volume (text, NULL, NULL, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_DICOM);
  g_clear_error (&error);
  g_assert_null (sag_index_folder ("/nonexistent/folder", NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_IO);
  g_clear_error (&error);
  test_remove (folder);
}

static void
test_choice (void)
{
  g_autofree char *folder = test_folder ();
  g_autofree char *a = g_build_filename (folder, "a", NULL),
                  *b = g_build_filename (folder, "b", NULL);
  g_autoptr (SagIndex) index = NULL;
  g_autoptr (SagVolume) volume = NULL;
  GError *error = NULL;
  SagGrid grid;
  const char *uid;

  test_grid (&grid);
  test_write_series (a, &grid, "one");
  test_write_series (b, &grid, "two");
  index = sag_index_folder (folder, NULL, &error);
  g_assert_cmpuint (index->studies->len, ==, 2);
  uid = ((SagIndexSeries *) g_ptr_array_index (
             ((SagIndexStudy *) g_ptr_array_index (index->studies, 1))->series, 0))
            ->first->series_instance_uid;
  g_assert_null (sag_open_volume (folder, NULL, NULL, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_AMBIGUOUS);
  g_assert_nonnull (strstr (error->message, uid));
  g_assert_nonnull (strstr (error->message, "Test série"));
  g_clear_error (&error);
  volume = sag_open_volume (folder, uid, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (sag_open_volume (folder, "1.2.3.4", NULL, NULL, &error));
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  test_remove (folder);
}

/* Real series, with what is known of them. */
static void
test_real (void)
{
  static const struct
  {
    const char    *path;
    guint          n_stacks;
    SagFindingKind kind;
  } cases[] = {
    { "dicom-matrix/dicom2nifti/failing/gantrytilting", 1, SAG_FINDING_TILT },
    { "dicom-matrix/dicom2nifti/failing/sliceincrement", 1, SAG_FINDING_GAP },
    { "dicom-matrix/dicom2nifti/failing/sliceorientation", 2, SAG_FINDING_MIXED_ORIENTATION },
    { "series/brain-flair", 1, SAG_FINDING_GAP },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = sag_test_data (cases[i].path);
      g_autoptr (SagIndex) index = NULL;
      const SagIndexSeries *series = NULL;
      GError *error = NULL;

      if (path == NULL)
        return;
      index = sag_index_folder (path, NULL, &error);
      g_assert_no_error (error);
      g_assert_nonnull (sag_open_choose (index, NULL, &series, &error));
      g_assert_cmpuint (series->stacks->len, ==, cases[i].n_stacks);
      g_assert_nonnull (finding_of (g_ptr_array_index (series->stacks, 0), cases[i].kind));
    }
}

/* Names in the character sets of the world, as UTF-8. */
static void
test_charsets (void)
{
  static const struct
  {
    const char *file, *name;
  } cases[] = {
    { "chrArab.dcm", "قباني^لنزار" },
    { "chrGreek.dcm", "Διονυσιος" },
    { "chrRuss.dcm", "Люкceмбypг" },
    { "chrHbrw.dcm", "שרון^דבורה" },
    { "chrX1.dcm", "Wang^XiaoDong=王^小東=" },
    { "chrX2.dcm", "Wang^XiaoDong=王^小东=" },
    { "chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう" },
    { "chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう" },
    { "chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동" },
    { "chrKoreanMulti.dcm", "김희중" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *relative
          = g_strconcat ("dicom-matrix/pydicom/charset_files/", cases[i].file, NULL);
      g_autofree char *path = sag_test_data (relative);
      GError *error = NULL;

      if (path == NULL)
        return;
      g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (instance->patient_name, ==, cases[i].name);
    }
}

/* Directories of media: what they name and what is there, counted by pydicom. */
static void
test_directory (void)
{
#define PYDICOM "dicom-matrix/pydicom/test_files/dicomdirtests/"
  static const struct
  {
    const char *path;
    guint       n; /* 0: NOT_FOUND */
  } cases[] = {
    { PYDICOM "DICOMDIR", 31 },
    { PYDICOM "DICOMDIR-implicit", 31 },
    { PYDICOM "DICOMDIR-bigEnd", 31 },
    { PYDICOM "DICOMDIR-nooffset", 31 },
    { PYDICOM "DICOMDIR-reordered", 31 },
    { PYDICOM "DICOMDIR-nopatient", 31 },
    { PYDICOM "TINY_ALPHA/DICOMDIR", 50 },
    { PYDICOM "DICOMDIR-empty.dcm", 0 },
    { "dicom-matrix/nema/compsamples_refanddir/DICOMDIR", 0 }, /* its files lie elsewhere */
  };
#undef PYDICOM

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = sag_test_data (cases[i].path);
      g_autofree char *folder = NULL;
      g_autoptr (SagIndex) index = NULL, whole = NULL;
      GError *error = NULL;

      if (path == NULL)
        return;
      index = sag_index_folder (path, NULL, &error);
      if (cases[i].n == 0)
        {
          g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND);
          g_clear_error (&error);
          continue;
        }
      g_assert_no_error (error);
      g_assert_cmpuint (index->instances->len, ==, cases[i].n);
      g_assert_cmpuint (index->problems->len, ==, 0);
      /* The folder holds these files and maybe more. */
      folder = g_path_get_dirname (path);
      whole = sag_index_folder (folder, NULL, &error);
      g_assert_no_error (error);
      for (guint n = 0; n < index->instances->len; n++)
        {
          const SagDicomInstance *instance = g_ptr_array_index (index->instances, n);
          gboolean found = FALSE;

          for (guint m = 0; m < whole->instances->len && !found; m++)
            found = strcmp (((SagDicomInstance *) g_ptr_array_index (whole->instances, m))->path,
                            instance->path) == 0;
          g_assert_true (found);
        }
    }
}

/* A directory of which all but one file are gone, that one in small letters now; and one whose
 * file ID leads out of its folder. */
static void
test_directory_remains (void)
{
  g_autofree char *from = sag_test_data ("dicom-matrix/pydicom/test_files/dicomdirtests/DICOMDIR");
  g_autofree char *folder = test_folder ();
  g_autofree char *directory = g_build_filename (folder, "cd", "DICOMDIR", NULL);
  g_autofree char *outside = g_build_filename (folder, "OUTSIDE-IMAGE6", NULL);
  g_autofree char *content = NULL, *source = NULL, *images = NULL;
  g_autoptr (SagIndex) index = NULL, none = NULL;
  GError *error = NULL;
  gsize size;
  char *at;

  if (from == NULL)
    {
      test_remove (folder);
      return;
    }
  g_file_get_contents (from, &content, &size, &error);
  g_assert_no_error (error);
  source = g_path_get_dirname (from);
  images = g_build_filename (folder, "cd", "77654033", "cr1", NULL);
  g_assert_cmpint (g_mkdir_with_parents (images, 0700), ==, 0);
  g_file_set_contents (directory, content, size, &error);
  g_assert_no_error (error);
  g_autofree char *old = g_build_filename (source, "77654033", "CR1", "6154", NULL);
  g_autofree char *new = g_build_filename (images, "6154", NULL);
  g_autofree char *bytes = NULL;
  gsize n;
  g_file_get_contents (old, &bytes, &n, &error);
  g_assert_no_error (error);
  g_file_set_contents (new, bytes, n, &error);
  g_assert_no_error (error);
  index = sag_index_folder (directory, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (index->instances->len, ==, 1);
  g_assert_cmpuint (index->problems->len, ==, 1);
  g_assert_nonnull (strstr (g_ptr_array_index (index->problems, 0),
                            "names 31 files, of which 30 are not there"));

  /* The file is there, but not below the folder. */
  g_assert_cmpint (g_rename (new, outside), ==, 0);
  at = memmem (content, size, "77654033\\CR1\\6154", 17);
  g_assert_nonnull (at);
  memcpy (at, "..\\OUTSIDE-IMAGE6", 17);
  g_file_set_contents (directory, content, size, &error);
  g_assert_no_error (error);
  none = sag_index_folder (directory, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_NOT_FOUND);
  g_clear_error (&error);
  test_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/index/order", test_order);
  g_test_add_func ("/index/gap", test_gap);
  g_test_add_func ("/index/uneven", test_uneven);
  g_test_add_func ("/index/rounded", test_rounded);
  g_test_add_func ("/index/tilt", test_tilt);
  g_test_add_func ("/index/duplicate", test_duplicate);
  g_test_add_func ("/index/copy", test_copy);
  g_test_add_func ("/index/mixed", test_mixed);
  g_test_add_func ("/index/no-position", test_no_position);
  g_test_add_func ("/index/views", test_views);
  g_test_add_func ("/index/echoes", test_echoes);
  g_test_add_func ("/index/directions", test_directions);
  g_test_add_func ("/index/phases", test_phases);
  g_test_add_func ("/index/folder", test_folder_contents);
  g_test_add_func ("/index/nothing", test_nothing);
  g_test_add_func ("/index/choice", test_choice);
  g_test_add_func ("/index/real", test_real);
  g_test_add_func ("/index/charsets", test_charsets);
  g_test_add_func ("/index/directory", test_directory);
  g_test_add_func ("/index/directory-remains", test_directory_remains);
  return g_test_run ();
}
