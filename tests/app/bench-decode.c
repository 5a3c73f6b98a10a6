/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-decode.c: milliseconds a 512 x 512 slice, by transfer syntax, on one thread and on two; beside it the
 * toolkit's own programs and GDCM's, whose time to start is taken off.
 *
 *     bench-decode [REPEATS]
 */
#include "app/dicom/dcmtk.h"
#include "app/dicom/pixels.h"
#include "engine/base/parallel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct
{
  const char *name, *file;
  const char *program; /* that decodes IN to OUT, or NULL */
} cases[] = {
  { "explicit little endian",
    "CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm", NULL },
  { "deflated", "CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
    NULL },
  { "RLE", "CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm", "dcmdrle" },
  { "JPEG extended", "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm", "dcmdjpeg" },
  { "JPEG lossless", "CTImage.dcm_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm", "dcmdjpeg" },
  { "JPEG-LS", "CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm", "dcmdjpls" },
  { "JPEG 2000", "CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm", "gdcmraw" },
};

typedef struct
{
  const SagDicomInstance *instance;
  int                     failed;
} Run;

static void
decode (gsize item, int thread, gpointer data)
{
  Run *run = data;
  g_autoptr (SagPixels) pixels = sag_pixels_open (run->instance, NULL);
  g_autofree guint8 *buffer = g_malloc ((gsize) run->instance->rows * run->instance->columns * 8);

  if (pixels == NULL || !sag_pixels_decode (pixels, 0, buffer, NULL))
    g_atomic_int_set (&run->failed, 1);
}

static double
ours (const SagDicomInstance *instance, int threads, int repeats)
{
  Run run = { instance, 0 };
  gint64 start;

  sag_parallel_own (SAG_TEAM_NONE, threads);
  start = g_get_monotonic_time ();
  sag_parallel_for (repeats, decode, &run);
  return run.failed ? -1 : (double) (g_get_monotonic_time () - start) / 1000 / repeats;
}

/* Best of three runs of a program on the file, in ms; -1 if it is not installed or cannot do it. */
static double
theirs (const char *program, const char *path)
{
  g_autofree char *found = g_find_program_in_path (program);
  double best = -1;

  for (int i = 0; i < 3 && found != NULL; i++)
    {
      const char *argv[] = { found, path, "/dev/null", NULL };
      int status = 1;
      gint64 start = g_get_monotonic_time ();

      if (!g_spawn_sync (NULL, (char **) argv, NULL,
                         G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                         NULL, &status, NULL)
          || status != 0)
        return -1;
      double ms = (double) (g_get_monotonic_time () - start) / 1000;
      best = best < 0 ? ms : MIN (best, ms);
    }
  return best;
}

int
main (int argc, char **argv)
{
  const char *root = g_getenv ("SAGITTA_TEST_DATA");
  int repeats = argc > 1 ? atoi (argv[1]) : 40;
  g_autofree char *folder = g_build_filename (root != NULL ? root : "../shared/data", "dicom-matrix/cornerstone3d", NULL);

  printf ("%-24s %10s %10s   %s\n", "ms a 512 x 512 slice", "1 thread", "2 threads",
          "another program, its start included");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_build_filename (folder, cases[i].file, NULL);
      g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, NULL);

      if (instance == NULL)
        {
          printf ("%-24s absent\n", cases[i].name);
          continue;
        }
      printf ("%-24s %10.2f %10.2f", cases[i].name, ours (instance, 1, repeats),
              ours (instance, 2, repeats));
      if (cases[i].program != NULL)
        printf ("   %s %.1f", cases[i].program, theirs (cases[i].program, path));
      printf ("\n");
    }
  return 0;
}
