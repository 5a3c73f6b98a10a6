/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-group.c: any bytes as the headers of a series: grouping and geometry.
 *
 * Sixteen bytes make an instance: four of the fields that are compared, and positions of a few
 * steps, so that duplicates, gaps and mixed stacks are common; the byte values that say "odd
 * number" give numbers no header should hold.
 */
#include "app/dicom/index.h"
#include "engine/image/geometry.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#define RECORD 16

static double
number (guint8 byte)
{
  static const double odd[] = { 0, -0.0, 1e-300, 1e300, -1e300, 1e18, 0.1, 1.0 / 3 };

  return byte >= 248 ? odd[byte - 248] : (byte - 100) * 0.5;
}

static SagDicomInstance *
instance_of (const guint8 *b, gsize index)
{
  static const double turns[4][6] = { { 1, 0, 0, 0, 1, 0 }, { 0, 1, 0, 0, 0, -1 },
                                      { 1, 0, 0, 0, 0, -1 }, { 0.6, 0.8, 0, 0, 0, 1 } };
  SagDicomInstance *in = sag_dicom_instance_new ();
  int n = 1 + (b[15] >> 6);

  g_snprintf (in->series_instance_uid, sizeof (SagUid), "1.%d", b[0] % 3);
  g_snprintf (in->sop_instance_uid, sizeof (SagUid), "2.%d", b[0] & 0x80 ? 0 : (int) index);
  in->instance_number = (gint8) b[1];
  in->rows = b[2] % 4 * 100;
  in->columns = 1 + b[2] / 4 % 3;
  in->has_pixel_data = b[2] < 250;
  in->samples_per_pixel = 1 + b[3] % 2 * 2;
  in->bits_allocated = 16;
  in->number_of_frames = b[3] & 0x80 ? 1 << (b[3] & 15) : n;
  in->frames = g_renew (SagDicomFrame, in->frames, n);
  in->n_frames = n;
  for (int i = 0; i < n; i++)
    {
      SagDicomFrame *f = &in->frames[i];

      sag_dicom_frame_init (f);
      f->has_position = b[4] < 240;
      f->has_orientation = b[4] % 16 != 0;
      memcpy (f->image_orientation_patient, turns[b[4] % 4], sizeof turns[0]);
      for (int a = 0; a < 3; a++)
        f->image_position_patient[a] = number (b[5 + a]) + i * number (b[14]);
      f->pixel_spacing[0] = f->pixel_spacing[1] = fabs (number (b[8]));
      f->pixel_spacing_source = f->pixel_spacing[0] > 0 && f->pixel_spacing[0] < 1e6
                                    ? SAG_SPACING_PIXEL : SAG_SPACING_UNKNOWN;
      f->slice_thickness = number (b[9]);
      f->echo_time = b[10] % 4;
      f->trigger_time = b[11] % 8 == 0 ? NAN : b[11] % 8;
      f->temporal_position = b[12] % 4 + i % 2;
      f->acquisition_number = b[13] % 3;
    }
  return in;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  gsize n = MIN (size / RECORD, 512);
  g_autofree SagDicomInstance **instances = g_new (SagDicomInstance *, n + 1);

  for (gsize i = 0; i < n; i++)
    instances[i] = instance_of (data + i * RECORD, i);

  g_autoptr (SagIndex) index = sag_index_group (instances, n);
  for (guint s = 0; s < index->studies->len; s++)
    {
      SagIndexStudy *study = g_ptr_array_index (index->studies, s);

      for (guint i = 0; i < study->series->len; i++)
        {
          SagIndexSeries *series = g_ptr_array_index (study->series, i);

          for (guint k = 0; k < series->stacks->len; k++)
            {
              const SagStack *stack = g_ptr_array_index (series->stacks, k);
              int last = -1;

              g_assert_cmpint (stack->n_slices, >=, 1);
              g_assert_cmpint (stack->grid.size[2], >=, stack->n_slices);
              for (int z = 0; z < stack->n_slices; z++)
                {
                  g_assert_cmpint (stack->slices[z].k, >, last);
                  last = stack->slices[z].k;
                  g_assert_true (sag_stack_find (stack, last) == &stack->slices[z]);
                }
              g_assert_cmpint (last, <, stack->grid.size[2]);
              g_assert_true (isfinite (stack->grid.spacing[2]) && stack->grid.spacing[2] > 0);
            }
        }
    }
  return 0;
}
