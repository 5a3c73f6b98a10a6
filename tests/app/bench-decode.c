/* SPDX-License-Identifier: Apache-2.0
 *
 * bench-decode.c: milliseconds a 512 x 512 slice, by transfer syntax, on one thread and on two; beside it the
 * toolkit's own programs and GDCM's (which hands JPEG 2000 to the same library), whose time to start is taken off.
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
  const char *program; /* that decodes IN to OUT, with its options, or NULL */
} cases[] = {
  { "explicit little endian",
    "CTImage.dcm_LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm", NULL },
  { "deflated", "CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
    NULL },
  { "RLE", "CTImage.dcm_RLELosslessTransferSyntax_1.2.840.10008.1.2.5.dcm", "dcmdrle" },
  { "JPEG extended", "CTImage.dcm_JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51.dcm", "dcmdjpeg" },
  { "JPEG lossless", "CTImage.dcm_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm", "dcmdjpeg" },
  { "JPEG-LS", "CTImage.dcm_JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80.dcm", "dcmdjpls" },
  { "JPEG 2000", "CTImage.dcm_JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90.dcm", "gdcmconv --raw" },
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

  sag_parallel_own (SAG_TEAM_COMPUTE, threads);
  start = g_get_monotonic_time ();
  sag_parallel_for (repeats, decode, &run);
  return run.failed ? -1 : (double) (g_get_monotonic_time () - start) / 1000 / repeats;
}

/* Best of three runs of a command, in ms; -1 if it is not installed or cannot do it. */
static double
time_command (const char *command)
{
  g_auto (GStrv) argv = NULL;
  double best = -1;

  if (!g_shell_parse_argv (command, NULL, &argv, NULL))
    return -1;
  for (int i = 0; i < 3; i++)
    {
      int status = 1;
      gint64 start = g_get_monotonic_time ();

      if (!g_spawn_sync (NULL, argv, NULL,
                         G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                         NULL, NULL, &status, NULL)
          || status != 0)
        return -1;
      double ms = (double) (g_get_monotonic_time () - start) / 1000;
      best = best < 0 ? ms : MIN (best, ms);
    }
  return best;
}

/* A program's time for a file, less what it takes to start. */
static double
theirs (const char *program, const char *path)
{
  g_autofree char *quoted = g_shell_quote (path);
  g_autofree char *decode = g_strdup_printf ("%s %s /dev/null", program, quoted);
  g_autofree char *start = g_strdup_printf ("%s --version", program);
  double all = time_command (decode);

  return all < 0 ? -1 : all - time_command (start);
}

int
main (int argc, char **argv)
{
  const char *root = g_getenv ("SAGITTA_TEST_DATA");
  int repeats = argc > 1 ? atoi (argv[1]) : 40;
  g_autofree char *folder = g_build_filename (root != NULL ? root : "../shared/data", "dicom-matrix/cornerstone3d", NULL);

  printf ("%-24s %10s %10s   %s\n", "ms a 512 x 512 slice", "1 thread", "2 threads",
          "another program, less its start");
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
