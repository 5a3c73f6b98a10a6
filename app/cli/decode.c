/* SPDX-License-Identifier: Apache-2.0
 *
 * decode.c: `sagitta-cli decode`: one frame of one DICOM file as an array.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/dicom/dcmtk.h"
#include "app/dicom/pixels.h"
#include "app/files/npy.h"

static SagDType
dtype_of (SagSample sample)
{
  static const SagDType types[]
      = { SAG_DTYPE_U8,  SAG_DTYPE_I8,  SAG_DTYPE_U16, SAG_DTYPE_I16, SAG_DTYPE_U32,
          SAG_DTYPE_I32, SAG_DTYPE_F32, SAG_DTYPE_F64, SAG_DTYPE_U8,  SAG_DTYPE_U8 };

  return types[sample];
}

/* Stored samples to modality values. */
static SagTensor *
rescale (const SagTensor *stored, const SagPixels *pixels, const SagDicomFrame *frame,
         GError **error)
{
  SagTensor *values = sag_tensor_new (SAG_DTYPE_F32, &stored->shape, error);
  float *out;

  if (values == NULL)
    return NULL;
  out = (float *) values->data;
  for (gint64 i = 0; i < sag_shape_count (&stored->shape); i++)
    out[i] = (float) sag_pixels_get_value (pixels, frame, sag_tensor_get_real (stored, i));
  return values;
}

static gboolean
decode (const char *path, int number, gboolean is_stored, const char *output, GError **error)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, error);
  g_autoptr (SagPixels) pixels = instance != NULL ? sag_pixels_open (instance, error) : NULL;
  SagShape shape = { 0 };
  SagTensor *stored, *values = NULL;
  SagSample sample;
  gboolean ok = FALSE;

  if (pixels == NULL)
    return FALSE;
  sample = sag_pixels_sample (pixels);
  shape.rank = sample == SAG_SAMPLE_RGB8 ? 3 : 2;
  shape.dim[0] = instance->rows;
  shape.dim[1] = instance->columns;
  shape.dim[2] = 3;
  stored = sag_tensor_new (dtype_of (sample), &shape, error);
  if (stored == NULL)
    return FALSE;
  if (sag_pixels_decode (pixels, number, (gpointer) stored->data, error))
    {
      if (is_stored || sample == SAG_SAMPLE_RGB8)
        ok = sag_npy_write (output, stored, error);
      else if ((values = rescale (stored, pixels, sag_dicom_instance_get_frame (instance, number),
                                  error))
               != NULL)
        ok = sag_npy_write (output, values, error);
    }
  sag_tensor_free (stored);
  g_clear_pointer (&values, sag_tensor_free);
  return ok;
}

int
sag_command_decode (int argc, char **argv)
{
  gboolean is_stored = FALSE;
  int frame = 0;
  g_autofree char *output = NULL;
  const GOptionEntry entries[] = {
    { "frame", 0, 0, G_OPTION_ARG_INT, &frame, "Which frame, from 0 (default: 0)", "K" },
    { "stored", 0, 0, G_OPTION_ARG_NONE, &is_stored, "Stored integers instead of modality values",
      NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Where to write", "OUT.npy" },
    { NULL }
  };
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "FILE",
                      "Writes one frame of a DICOM file as an array: rows x columns of float32 "
                      "modality values, "
                      "or rows x columns x 3 of uint8 where it is in colour."))
    return 2;
  if (argc != 2 || output == NULL)
    return sag_cli_usage (argv[0]);
  return decode (argv[1], frame, is_stored, output, &error) ? 0 : sag_cli_fail (argv[0], error);
}
