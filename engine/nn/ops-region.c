/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-region.c: operators that read images at places that are computed: DeformConv (two dimensions),
 * RoiAlign; and Det.
 */
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* ---- DeformConv ------------------------------------------------------------------------- */

enum { LINE = 64 }; /* pixels of a row at a time */

typedef struct
{
  const SagStep *step;
  gint64         kernel[2], stride[2], dilation[2], pad[4], group, offset_group;
} Deform;

static void
get_pair (const SagNode *node, const char *name, gint64 *pair, int want, gint64 otherwise)
{
  int n;
  const gint64 *list = sag_node_get_ints (node, name, &n);

  for (int i = 0; i < want; i++)
    pair[i] = list != NULL && n == want ? list[i] : otherwise;
}

static void
get_deform (const SagNode *node, Deform *deform)
{
  const SagShape *w = &sag_node_input (node, 1)->shape;

  get_pair (node, "strides", deform->stride, 2, 1);
  get_pair (node, "dilations", deform->dilation, 2, 1);
  get_pair (node, "pads", deform->pad, 4, 0);
  deform->group = sag_node_get_int (node, "group", 1);
  deform->offset_group = sag_node_get_int (node, "offset_group", 1);
  deform->kernel[0] = w->dim[2];
  deform->kernel[1] = w->dim[3];
}

static gboolean
infer_deform_conv (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1);
  const SagValue *offset = sag_node_input (node, 2), *bias = sag_node_input (node, 3);
  const SagValue *mask = sag_node_input (node, 4);
  SagShape shape;
  Deform deform;
  gint64 taps;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  for (int i = 0; i < 5; i++)
    if (sag_node_input (node, i) != NULL && !sag_node_want_float (node, i, error))
      return FALSE;
  if (x->shape.rank != 4 || w->shape.rank != 4 || offset->shape.rank != 4)
    return sag_node_unsupported (node, error, "only images of two dimensions are supported");
  get_deform (node, &deform);
  shape = x->shape;
  shape.dim[1] = w->shape.dim[0];
  taps = deform.kernel[0] * deform.kernel[1];
  if (deform.group < 1 || deform.offset_group < 1 || taps < 1 || w->shape.dim[0] < 1
      || x->shape.dim[1] != w->shape.dim[1] * deform.group || x->shape.dim[1] < 1
      || x->shape.dim[2] < 1 || x->shape.dim[3] < 1
      || w->shape.dim[0] % deform.group != 0 || x->shape.dim[1] % deform.offset_group != 0)
    return sag_node_invalid (node, error, "its groups do not fit its weights");
  for (int i = 0; i < 2; i++)
    {
      gint64 n = x->shape.dim[2 + i];

      if (deform.stride[i] < 1 || deform.stride[i] > G_MAXINT32 || deform.dilation[i] < 1
          || deform.dilation[i] > G_MAXINT32 || deform.pad[i] < 0 || deform.pad[i] > G_MAXINT32
          || deform.pad[2 + i] < 0 || deform.pad[2 + i] > G_MAXINT32 || n > G_MAXINT32
          || deform.kernel[i] > G_MAXINT32)
        return sag_node_invalid (node, error, "its strides, dilations or pads are out of range");
      n += deform.pad[i] + deform.pad[2 + i] - ((deform.kernel[i] - 1) * deform.dilation[i] + 1);
      shape.dim[2 + i] = n < 0 ? 0 : n / deform.stride[i] + 1;
    }
  if (offset->shape.dim[0] != shape.dim[0] || offset->shape.dim[2] != shape.dim[2]
      || offset->shape.dim[3] != shape.dim[3]
      || offset->shape.dim[1] != 2 * taps * deform.offset_group)
    return sag_node_invalid (node, error, "its offsets do not fit its output");
  if (bias != NULL && sag_value_count (bias) != w->shape.dim[0])
    return sag_node_invalid (node, error, "its bias does not fit its weights");
  if (mask != NULL
      && (mask->shape.rank != 4 || mask->shape.dim[0] != shape.dim[0]
          || mask->shape.dim[1] != taps * deform.offset_group
          || mask->shape.dim[2] != shape.dim[2] || mask->shape.dim[3] != shape.dim[3]))
    return sag_node_invalid (node, error, "its mask does not fit its output");
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

static gboolean
prepare_deform_conv (SagNode *node, SagPrecision precision, GError **error)
{
  const SagShape *w = &sag_node_input (node, 1)->shape;
  double macs = (double) sag_value_count (sag_node_output (node, 0))
                * (double) (w->dim[1] * w->dim[2] * w->dim[3]);

  node->macs = (gint64) MIN (macs, 1e18);
  return TRUE;
}

/* Where a line of pixels reads for one tap: four places with a weight each, 0 outside. */
typedef struct
{
  gint64 at[LINE][4];
  float  weight[LINE][4];
} Places;

/* What lies outside is 0, not 0 times what happens to stand there (Inf, NaN). */
static inline float
at_corner (const Places *places, gint64 i, int corner, const float *plane)
{
  float weight = places->weight[i][corner];

  return weight != 0 ? weight * plane[places->at[i][corner]] : 0;
}

static void
find_places (const Deform *deform, gint64 image, gint64 part, gint64 tap, gint64 row, gint64 from,
             gint64 n, Places *places)
{
  const SagNode *node = deform->step->node;
  const SagShape *in = &sag_node_input (node, 0)->shape, *out = &sag_node_output (node, 0)->shape;
  gint64 taps = deform->kernel[0] * deform->kernel[1], plane = out->dim[2] * out->dim[3];
  gint64 channel = (image * deform->offset_group + part) * taps + tap;
  const float *offset = (const float *) sag_step_in (deform->step, 2) + 2 * channel * plane
                        + row * out->dim[3] + from;
  const float *mask = sag_node_input (node, 4) == NULL
                        ? NULL
                        : (const float *) sag_step_in (deform->step, 4) + channel * plane
                              + row * out->dim[3] + from;

  for (gint64 i = 0; i < n; i++)
    {
      float y = (float) (row * deform->stride[0] - deform->pad[0]
                         + tap / deform->kernel[1] * deform->dilation[0])
                + offset[i];
      float x = (float) ((from + i) * deform->stride[1] - deform->pad[1]
                         + tap % deform->kernel[1] * deform->dilation[1])
                + offset[plane + i];
      gboolean inside = y > -1 && x > -1 && y < (float) in->dim[2] && x < (float) in->dim[3];
      gint64 y0 = inside ? (gint64) floorf (y) : 0, x0 = inside ? (gint64) floorf (x) : 0;
      float dy = y - (float) y0, dx = x - (float) x0, scale = mask != NULL ? mask[i] : 1;

      for (int corner = 0; corner < 4; corner++)
        {
          gint64 cy = y0 + corner / 2, cx = x0 + corner % 2;
          gboolean there = inside && cy >= 0 && cx >= 0 && cy < in->dim[2] && cx < in->dim[3];
          float weight = (corner / 2 ? dy : 1 - dy) * (corner % 2 ? dx : 1 - dx);

          places->at[i][corner] = there ? cy * in->dim[3] + cx : 0;
          places->weight[i][corner] = there ? weight * scale : 0;
        }
    }
}

static void
deform_line (const Deform *deform, gint64 image, gint64 row, gint64 from, gint64 n)
{
  const SagNode *node = deform->step->node;
  const SagShape *in = &sag_node_input (node, 0)->shape, *out = &sag_node_output (node, 0)->shape;
  gint64 channels = in->dim[1], each = channels / deform->group, taps = deform->kernel[0] * deform->kernel[1];
  gint64 outs = out->dim[1] / deform->group, in_plane = in->dim[2] * in->dim[3];
  gint64 plane = out->dim[2] * out->dim[3];
  const float *x = (const float *) sag_step_in (deform->step, 0) + image * channels * in_plane;
  const float *w = sag_step_in (deform->step, 1);
  const float *bias = sag_node_input (node, 3) != NULL ? sag_step_in (deform->step, 3) : NULL;
  float *y = (float *) sag_step_out (deform->step, 0) + image * out->dim[1] * plane
             + row * out->dim[3] + from;
  float values[LINE];
  Places places;

  for (gint64 o = 0; o < out->dim[1]; o++)
    for (gint64 i = 0; i < n; i++)
      y[o * plane + i] = bias != NULL ? bias[o] : 0;
  for (gint64 part = 0; part < deform->offset_group; part++)
    for (gint64 tap = 0; tap < taps; tap++)
      {
        find_places (deform, image, part, tap, row, from, n, &places);
        for (gint64 k = 0; k < channels / deform->offset_group; k++)
          {
            gint64 c = part * (channels / deform->offset_group) + k, group = c / each;
            const float *p = x + c * in_plane;

            for (gint64 i = 0; i < n; i++)
              values[i] = at_corner (&places, i, 0, p) + at_corner (&places, i, 1, p)
                          + at_corner (&places, i, 2, p) + at_corner (&places, i, 3, p);
            for (gint64 o = group * outs; o < (group + 1) * outs; o++)
              {
                float weight = w[(o * each + c % each) * taps + tap];

                for (gint64 i = 0; i < n; i++)
                  y[o * plane + i] += weight * values[i];
              }
          }
      }
}

static void
deform_row (gsize item, int thread, gpointer data)
{
  const Deform *deform = data;
  const SagShape *out = &sag_node_output (deform->step->node, 0)->shape;
  gint64 rows = out->dim[0] * out->dim[2];

  if (!sag_step_go_on (deform->step, thread, (double) item / (double) rows))
    return;
  for (gint64 from = 0; from < out->dim[3]; from += LINE)
    deform_line (deform, (gint64) item / out->dim[2], (gint64) item % out->dim[2], from,
                 MIN (LINE, out->dim[3] - from));
}

static void
run_deform_conv (const SagStep *step)
{
  const SagShape *out = &sag_node_output (step->node, 0)->shape;
  Deform deform = { step };

  get_deform (step->node, &deform);
  if (sag_shape_count (out) > 0)
    sag_parallel_for ((gsize) (out->dim[0] * out->dim[2]), deform_row, &deform);
}

/* ---- RoiAlign --------------------------------------------------------------------------- */

enum { MAX_SAMPLES = 1024 }; /* of a bin along an axis: more are refused, or not taken where the file leaves it open */

static gboolean
infer_roi_align (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *rois = sag_node_input (node, 1);
  const SagValue *batch = sag_node_input (node, 2);
  const char *mode = sag_node_get_string (node, "mode", "avg");
  const char *where = sag_node_get_string (node, "coordinate_transformation_mode", "half_pixel");
  SagShape shape = { 4, { 0 } };

  if (!sag_node_arity (node, 3, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_want_float (node, 1, error))
    return FALSE;
  if (x->shape.rank != 4 || rois->shape.rank != 2 || rois->shape.dim[1] != 4 || batch->shape.rank != 1
      || batch->shape.dim[0] != rois->shape.dim[0] || sag_value_count (x) == 0
      || (batch->dtype != SAG_DTYPE_I64 && batch->dtype != SAG_DTYPE_I32))
    return sag_node_invalid (node, error, "its regions do not fit its input");
  if ((strcmp (mode, "avg") != 0 && strcmp (mode, "max") != 0)
      || (strcmp (where, "half_pixel") != 0 && strcmp (where, "output_half_pixel") != 0))
    return sag_node_unsupported (node, error, "its mode is unknown");
  if (sag_node_get_int (node, "sampling_ratio", 0) > MAX_SAMPLES)
    return sag_node_unsupported (node, error, "its sampling_ratio is above %d", MAX_SAMPLES);
  shape.dim[0] = rois->shape.dim[0];
  shape.dim[1] = x->shape.dim[1];
  shape.dim[2] = sag_node_get_int (node, "output_height", 1);
  shape.dim[3] = sag_node_get_int (node, "output_width", 1);
  if (shape.dim[2] < 1 || shape.dim[3] < 1)
    return sag_node_invalid (node, error, "its output is empty");
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

/* Two neighbours of a position along an axis of n, and the weight of the second; FALSE outside. */
static gboolean
find_neighbours (float at, gint64 n, gint64 *low, gint64 *high, float *part)
{
  if (!(at >= -1 && at <= (float) n))
    return FALSE;
  at = MAX (at, 0);
  *low = (gint64) at;
  if (*low >= n - 1)
    {
      *low = *high = n - 1;
      *part = 0;
    }
  else
    {
      *high = *low + 1;
      *part = at - (float) *low;
    }
  return TRUE;
}

typedef struct
{
  float  start[2], bin[2];
  gint64 samples[2];
} Region;

static Region
get_region (const SagNode *node, const float *roi, const SagShape *out)
{
  gboolean half = node->opset >= 16
                  && strcmp (sag_node_get_string (node, "coordinate_transformation_mode", "half_pixel"),
                             "half_pixel") == 0;
  float scale = sag_node_get_float (node, "spatial_scale", 1);
  gint64 samples = sag_node_get_int (node, "sampling_ratio", 0);
  Region region;

  for (int i = 0; i < 2; i++) /* y, x */
    {
      float size;

      region.start[i] = roi[1 - i] * scale - (half ? 0.5f : 0);
      size = roi[3 - i] * scale - (half ? 0.5f : 0) - region.start[i];
      if (!half)
        size = MAX (size, 1);
      region.bin[i] = size / (float) out->dim[2 + i];
      region.samples[i] = samples > 0                    ? samples
                          : region.bin[i] <= MAX_SAMPLES ? (gint64) MAX (ceilf (region.bin[i]), 0)
                                                         : MAX_SAMPLES;
    }
  return region;
}

static float
align_bin (const Region *region, const float *x, const SagShape *in, gint64 py, gint64 px, gboolean max)
{
  float sum = 0;
  gboolean first = TRUE;

  for (gint64 i = 0; i < region->samples[0]; i++)
    for (gint64 j = 0; j < region->samples[1]; j++)
      {
        float y = region->start[0] + (float) py * region->bin[0]
                  + ((float) i + 0.5f) * region->bin[0] / (float) region->samples[0];
        float z = region->start[1] + (float) px * region->bin[1]
                  + ((float) j + 0.5f) * region->bin[1] / (float) region->samples[1];
        gint64 y0 = 0, y1 = 0, x0 = 0, x1 = 0;
        float dy = 0, dx = 0, value[4] = { 0 };

        if (find_neighbours (y, in->dim[2], &y0, &y1, &dy)
            && find_neighbours (z, in->dim[3], &x0, &x1, &dx))
          {
            value[0] = (1 - dy) * (1 - dx) * x[y0 * in->dim[3] + x0];
            value[1] = (1 - dy) * dx * x[y0 * in->dim[3] + x1];
            value[2] = dy * (1 - dx) * x[y1 * in->dim[3] + x0];
            value[3] = dy * dx * x[y1 * in->dim[3] + x1];
          }
        if (!max)
          sum += value[0] + value[1] + value[2] + value[3];
        else /* of the weighted corners, as the operator's authors wrote it */
          {
            float most = MAX (MAX (value[0], value[1]), MAX (value[2], value[3]));

            sum = first ? most : MAX (sum, most);
            first = FALSE;
          }
      }
  return max ? sum : sum / (float) MAX (1, region->samples[0] * region->samples[1]);
}

static void
align_channel (gsize item, int thread, gpointer data)
{
  const SagStep *step = data;
  const SagNode *node = step->node;
  const SagValue *batch = sag_node_input (node, 2);
  const SagShape *in = &sag_node_input (node, 0)->shape, *out = &sag_node_output (node, 0)->shape;
  gint64 roi = (gint64) item / out->dim[1], c = (gint64) item % out->dim[1];
  gint64 image = batch->dtype == SAG_DTYPE_I64 ? ((const gint64 *) batch->data)[roi]
                                               : ((const gint32 *) batch->data)[roi];
  gboolean max = *sag_node_get_string (node, "mode", "avg") == 'm';
  float *y = (float *) sag_step_out (step, 0) + (gint64) item * out->dim[2] * out->dim[3];
  const float *x = sag_step_in (step, 0);
  Region region = get_region (node, (const float *) sag_step_in (step, 1) + roi * 4, out);

  for (gint64 py = 0; py < out->dim[2]; py++)
    {
      if (!sag_step_go_on (step, thread, (double) item / (double) (out->dim[0] * out->dim[1])))
        return;
      for (gint64 px = 0; px < out->dim[3]; px++)
        y[py * out->dim[3] + px] =
            image < 0 || image >= in->dim[0]
              ? 0
              : align_bin (&region, x + (image * in->dim[1] + c) * in->dim[2] * in->dim[3], in, py, px,
                           max);
    }
}

static void
run_roi_align (const SagStep *step)
{
  const SagShape *out = &sag_node_output (step->node, 0)->shape;

  sag_parallel_for ((gsize) (out->dim[0] * out->dim[1]), align_channel, (gpointer) step);
}

/* ---- Det -------------------------------------------------------------------------------- */

static gboolean
infer_det (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagShape shape;

  if (!sag_node_arity (node, 1, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  if (x->shape.rank < 2 || x->shape.dim[x->shape.rank - 1] != x->shape.dim[x->shape.rank - 2])
    return sag_node_invalid (node, error, "its matrices are not square");
  shape = x->shape;
  shape.rank -= 2;
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

static gboolean
prepare_det (SagNode *node, SagPrecision precision, GError **error)
{
  node->scratch_bytes = (gsize) sag_value_count (sag_node_input (node, 0)) * sizeof (float);
  return TRUE;
}

/* By elimination, each column's largest element first; m is overwritten. */
static float
determinant (float *m, gint64 n)
{
  float product = 1;

  for (gint64 k = 0; k < n; k++)
    {
      gint64 best = k;

      for (gint64 i = k + 1; i < n; i++)
        if (fabsf (m[i * n + k]) > fabsf (m[best * n + k]))
          best = i;
      if (m[best * n + k] == 0)
        return 0;
      for (gint64 j = k; j < n && best != k; j++)
        {
          float swap = m[k * n + j];

          m[k * n + j] = m[best * n + j];
          m[best * n + j] = swap;
        }
      product *= best != k ? -m[k * n + k] : m[k * n + k];
      for (gint64 i = k + 1; i < n; i++)
        {
          float factor = m[i * n + k] / m[k * n + k];

          for (gint64 j = k; j < n; j++)
            m[i * n + j] -= factor * m[k * n + j];
        }
    }
  return product;
}

static void
run_det (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  gint64 n = x->shape.dim[x->shape.rank - 1], count = sag_value_count (sag_node_output (step->node, 0));
  float *m = step->scratch, *y = sag_step_out (step, 0);

  memcpy (m, x->data, (gsize) sag_value_count (x) * sizeof (float));
  for (gint64 i = 0; i < count; i++)
    y[i] = determinant (m + i * n * n, n);
}

const SagOp sag_ops_region[] = {
  { "DeformConv", "", infer_deform_conv, NULL, prepare_deform_conv, NULL, run_deform_conv },
  { "RoiAlign", "", infer_roi_align, NULL, sag_prepare_nothing, NULL, run_roi_align },
  { "Det", "", infer_det, NULL, prepare_det, NULL, run_det },
  { NULL },
};
