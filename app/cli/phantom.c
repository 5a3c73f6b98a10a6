/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom.c: `sagitta-cli phantom`: the sample study, and any number of variants of it.
 *
 * DIR/ct holds the CT series, DIR/truth/truth.dcm its truth as DICOM SEG; as NIfTI they are
 * DIR/ct.nii.gz, DIR/truth.nii.gz and, because it overlaps the lungs, DIR/nodules.nii.gz.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/phantom-kinds.h"
#include "app/dicom/dcmtk.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "engine/base/error.h"
#include "engine/image/phantom.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

/* "full", "small" or "256x256x40" into the specification; the extent of the scan stays what it was.
 */
static gboolean
set_size (SagPhantomSpec *spec, const char *text, GError **error)
{
  int  size[3] = { 512, 512, 168 };
  char rest;

  if (g_strcmp0 (text, "small") == 0)
    size[0] = size[1] = 128, size[2] = 42;
  else if (text != NULL && strcmp (text, "full") != 0
           && sscanf (text, "%dx%dx%d%c", &size[0], &size[1], &size[2], &rest) != 3)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' is not a size; write full, small or for example 256x256x40", text);
      return FALSE;
    }
  for (int axis = 0; axis < 3; axis++)
    {
      spec->spacing[axis] *= (double)spec->size[axis] / MAX (size[axis], 1);
      spec->size[axis] = size[axis];
    }
  return TRUE;
}

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir_with_parents (path, 0777) == 0)
    return TRUE;
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "The folder '%s' cannot be made: %s",
               path, g_strerror (errno));
  return FALSE;
}

static void
remove_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_unlink (path);
}

static gboolean
write_nifti (const char *folder, SagVolume *volume, SagSegmentation *truth, GError **error)
{
  static const char *const names[] = { "truth.nii.gz", "nodules.nii.gz" };
  g_autofree char         *ct = g_build_filename (folder, "ct.nii.gz", NULL);

  if (!sag_nifti_write (ct, volume, NULL, error))
    return FALSE;
  for (int layer = 0; layer < 2; layer++)
    {
      SagLabelmap     *labels = sag_segmentation_get_layer (truth, layer);
      g_autofree char *path = g_build_filename (folder, names[layer], NULL);
      g_autoptr (SagSegmentation) one =
          sag_segmentation_new (&labels, 1, NULL, sag_segmentation_get_provenance (truth), error);

      if (one != NULL)
        sag_segmentation_mark_ready (one, 0, sag_segmentation_get_grid (truth)->size[2]);
      if (one == NULL || !sag_nifti_write_segmentation (path, one, TRUE, error))
        {
          g_unlink (ct);
          for (int done = 0; done < layer; done++)
            remove_file (folder, names[done]);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
write_dicom (const char           *folder,
             const char           *seed,
             const SagPhantomSpec *spec,
             SagVolume            *volume,
             SagSegmentation      *truth,
             GError              **error)
{
  g_autofree char            *ct = g_build_filename (folder, "ct", NULL);
  g_autofree char            *truth_folder = g_build_filename (folder, "truth", NULL);
  g_autofree char            *path = g_build_filename (truth_folder, "truth.dcm", NULL);
  g_autofree char            *id = g_strdup_printf ("PHANTOM-%" G_GUINT64_FORMAT, spec->seed);
  const SagDicomCtDescription description = {
    .seed = seed,
    .date = SAG_PHANTOM_DATE,
    .patient_name = "Phantom^Thorax",
    .patient_id = id,
    .patient_sex = spec->female ? "F" : "M",
    .patient_birth_date = "19660101",
    .study_description = "CT thorax, procedural phantom",
    .series_description = spec->kernel == SAG_PHANTOM_SHARP ? "Thorax sharp" : "Thorax soft",
    .series_number = 2,
    .body_part_examined = "CHEST",
    .convolution_kernel = spec->kernel == SAG_PHANTOM_SHARP ? "SHARP" : "STANDARD",
    .manufacturer = "Sagitta",
    .model_name = "Phantom",
    .kvp = 120.0,
    .exposure_mas = 100.0 * spec->dose,
    .windows = { { 40, 400 }, { -600, 1500 } },
    .window_explanations = { "MEDIASTINUM", "LUNG" },
    .n_windows = 2,
  };
  const SagSegOptions options = {
    .type = SAG_SEG_BINARY,
    .series_description = "Truth of the phantom",
    .content_label = "TRUTH",
    .series_number = 9002,
    .seed = seed,
    .date = SAG_PHANTOM_DATE,
  };
  g_autoptr (SagIndex) index = NULL;
  const SagStack *stack;

  if (!sag_dicom_write_ct_series (ct, volume, &description, error))
    return FALSE;
  if (make_folder (truth_folder, error))
    {
      index = sag_index_folder (ct, NULL, error);
      stack = index == NULL ? NULL : sag_open_choose (index, NULL, NULL, error);
      if (stack != NULL && sag_seg_write (path, truth, stack, &options, error))
        return TRUE;
    }
  /* Images without their truth look like a whole phantom. */
  for (int k = 0; k < spec->size[2]; k++)
    {
      g_autofree char *name = g_strdup_printf ("ct-%04d.dcm", k + 1);

      remove_file (ct, name);
    }
  g_rmdir (ct);
  g_rmdir (truth_folder);
  return FALSE;
}

static void
print_paths (const char *folder, const char *images_name, const char *images, const char *truth)
{
  g_autofree char *images_path = g_build_filename (folder, images, NULL);
  g_autofree char *truth_path = g_build_filename (folder, truth, NULL);
  JsonBuilder     *b = json_builder_new ();

  json_builder_begin_object (b);
  sag_json_string (b, images_name, images_path);
  sag_json_string (b, "truth", truth_path);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static int
other_kind (const char *command,
            const char *folder,
            const char *kind,
            guint64     seed,
            const char *size,
            gboolean    random,
            gboolean    nifti,
            gboolean    json)
{
  gboolean dx = strcmp (kind, "dx-chest") == 0, small = g_strcmp0 (size, "small") == 0;
  gboolean is_new = !g_file_test (folder, G_FILE_TEST_EXISTS);
  GError  *error = NULL;

  if (!dx && strcmp (kind, "mr-head") != 0)
    {
      g_printerr ("sagitta-cli phantom: there is no kind '%s'; choose ct-thorax, dx-chest or mr-head\n", kind);
      return 2;
    }
  if (random || (dx && nifti) || (size != NULL && strcmp (size, "full") != 0 && (dx || !small)))
    {
      g_printerr ("sagitta-cli phantom: %s takes no --random%s\n", kind,
                  dx ? ", --size or --format nifti" : ", and only --size full or small");
      return 2;
    }
  if (!(dx ? sag_phantom_write_dx (folder, seed, &error)
           : sag_phantom_write_head (folder, seed, small, nifti, &error)))
    {
      if (is_new)
        g_rmdir (folder);
      return sag_cli_fail (command, error);
    }
  if (json)
    print_paths (folder, dx ? "dx" : "t1", dx ? "dx" : nifti ? "t1.nii.gz" : "t1",
                 dx      ? "truth/dx-0001.png"
                 : nifti ? "truth.nii.gz"
                         : "truth/truth.dcm");
  return 0;
}

/* Whoever waits for the study reads these lines. What is left then is writing it: a tenth of the time. */
static gboolean
print_percent (double fraction, gpointer data)
{
  int *last = data, percent = (int)(90 * fraction);

  if (percent > *last)
    {
      *last = percent;
      g_print ("%d %%\n", percent);
      fflush (stdout);
    }
  return TRUE;
}

int
sag_command_phantom (int argc, char **argv)
{
  g_autofree char   *kind = NULL, *size = NULL, *format = NULL, *uid_seed = NULL;
  gboolean           random = FALSE, json = FALSE, progress = FALSE, nifti, is_new;
  int                percent = 0;
  const SagTick      tick = { print_percent, &percent };
  gint64             seed = 1;
  int                threads = 0;
  const GOptionEntry entries[] = {
    { "kind", 0, 0, G_OPTION_ARG_STRING, &kind, "ct-thorax (default), dx-chest or mr-head", "KIND" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Draws patient and noise (default 1)", "N" },
    { "random", 0, 0, G_OPTION_ARG_NONE, &random,
      "Also draw habitus, findings, dose and field of view", NULL },
    { "size", 0, 0, G_OPTION_ARG_STRING, &size,
      "full (512x512x168), small (128x128x42) or WxHxSLICES", "SIZE" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, "dicom (default) or nifti", "FORMAT" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { "progress", 0, 0, G_OPTION_ARG_NONE, &progress, "Print how much of a CT is done, \"42 %\" a line", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) truth = NULL;
  SagPhantomSpec spec;
  GError        *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "DIR",
                      "Writes images of a patient that never was, and their truth. The same options "
                      "give the same bytes."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  if (format != NULL && strcmp (format, "dicom") != 0 && strcmp (format, "nifti") != 0)
    {
      g_printerr ("sagitta-cli phantom: there is no format '%s'; choose dicom or nifti\n", format);
      return 2;
    }
  nifti = g_strcmp0 (format, "nifti") == 0;
  sag_cli_set_threads (threads);
  if (kind != NULL && strcmp (kind, "ct-thorax") != 0)
    return other_kind (argv[0], argv[1], kind, (guint64)seed, size, random, nifti, json);

  if (random)
    {
      /* The field of view and the slices are drawn for the size, so it comes first. */
      SagPhantomSpec sized;

      sag_phantom_spec_init (&sized, seed);
      if (!set_size (&sized, size, &error))
        return sag_cli_fail (argv[0], error);
      sag_phantom_spec_init_random (&spec, seed, sized.size);
    }
  else
    {
      sag_phantom_spec_init (&spec, seed);
      if (!set_size (&spec, size, &error))
        return sag_cli_fail (argv[0], error);
    }
  uid_seed =
      g_strdup_printf ("sagitta phantom %s %" G_GINT64_FORMAT " %s %dx%dx%d", "ct-thorax", seed,
                       random ? "random" : "sample", spec.size[0], spec.size[1], spec.size[2]);
  is_new = !g_file_test (argv[1], G_FILE_TEST_EXISTS);
  if (!sag_phantom_thorax (&spec, progress ? &tick : NULL, &volume, &truth, &error) || !make_folder (argv[1], &error)
      || !(nifti ? write_nifti (argv[1], volume, truth, &error)
                 : write_dicom (argv[1], uid_seed, &spec, volume, truth, &error)))
    {
      if (is_new)
        g_rmdir (argv[1]);
      return sag_cli_fail (argv[0], error);
    }
  if (json)
    print_paths (argv[1], "ct", nifti ? "ct.nii.gz" : "ct", nifti ? "truth.nii.gz" : "truth/truth.dcm");
  return 0;
}
