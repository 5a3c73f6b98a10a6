/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-norm.c: normalisation by channel: batch, instance and group norm.
 *
 * All end as y = fma (x, a, b) with a and b per channel of each image. Statistics are sums over
 * pieces of fixed size (float lanes), added in double in a fixed order: the same bits for any team.
 */
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum
{
  PIECE = 8192, /* elements of a channel, or of all channels of some pixels, in one partial sum */
  FEW = 256,    /* floats on their way to bytes */
};

typedef enum
{
  NORM_BATCH,
  NORM_INSTANCE,
  NORM_GROUP,
} Kind;

static Kind
kind_of (const SagNode *node)
{
  switch (*node->op->name)
    {
    case 'B':
      return NORM_BATCH;
    case 'I':
      return NORM_INSTANCE;
    default:
      return NORM_GROUP;
    }
}

static gboolean
infer_norm (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  Kind kind = kind_of (node);
  int n = kind == NORM_BATCH ? 5 : 3;
  gint64 groups = sag_node_get_int (node, "num_groups", 1), channels, want;

  if (!sag_node_arity (node, n, error) || !sag_node_want_float (node, 0, error))
    return FALSE;
  if (x->shape.rank < (kind == NORM_BATCH ? 2 : 3))
    return sag_node_invalid (node, error, "its input has no channels");
  channels = x->shape.dim[1];
  if (kind == NORM_GROUP && (groups < 1 || channels % groups != 0))
    return sag_node_invalid (node, error, "num_groups does not divide the channels");
  /* Group norm had one scale a group in set 18, one a channel from 21. */
  want = kind == NORM_GROUP && node->opset < 21 ? groups : channels;
  for (int i = 1; i < n; i++)
    {
      gint64 count = sag_value_count (sag_node_input (node, i));

      if ((count != want && count != channels) || sag_node_input (node, i)->dtype != SAG_DTYPE_F32)
        return sag_node_invalid (node, error, "input %d must hold one float a channel", i);
    }
  if (sag_value_count (sag_node_input (node, 1)) != sag_value_count (sag_node_input (node, 2)))
    return sag_node_invalid (node, error, "scale and bias are of different lengths");
  for (int i = 1; i <= 2; i++) /* training mode: the running statistics */
    if (!sag_node_give (node, i, SAG_DTYPE_F32, &(SagShape) { 1, { channels } }, error))
      return FALSE;
  return sag_infer_same (node, error);
}

static gint64
cost_norm (const SagNode *node, SagLayout in, SagLayout out)
{
  return in == out ? 0 : SAG_COST_NEVER;
}

/* Sizes that decide the pieces. */
typedef struct
{
  gint64 images, channels, pixels; /* pixels of one image */
  gint64 width;                    /* of a line, ROWS only */
  gint64 pieces;                   /* of one image's pixels */
  gint64 piece;                    /* pixels; ROWS: lines */
} Cut;

static void
cut_value (const SagValue *x, Cut *cut)
{
  const SagShape *shape = &x->shape;
  gint64 units;

  cut->images = shape->dim[0];
  cut->channels = shape->dim[1];
  cut->pixels = sag_shape_product (shape, 2, shape->rank);
  cut->width = shape->dim[shape->rank - 1];
  units = cut->pixels;
  if (x->layout == SAG_LAYOUT_ROWS)
    {
      units = cut->width > 0 ? cut->pixels / cut->width : 0;
      cut->piece = MAX (1, PIECE / MAX (1, cut->width));
    }
  else
    cut->piece = x->layout == SAG_LAYOUT_LAST ? MAX (16, PIECE / MAX (1, cut->channels)) : PIECE;
  cut->pieces = MAX (1, (units + cut->piece - 1) / cut->piece);
}

static gboolean
prepare_norm (SagNode *node, SagPrecision precision, GError **error)
{
  Cut cut;
  gsize floats, partial;

  cut_value (sag_node_input (node, 0), &cut);
  /* a and b and a mean for every channel, and the partial sums */
  if (!g_size_checked_mul (&partial, (gsize) (cut.images * cut.channels), (gsize) cut.pieces)
      || !g_size_checked_add (&floats, partial, 3 * (gsize) (cut.images * cut.channels))
      || !g_size_checked_mul (&node->scratch_bytes, floats, sizeof (float)))
    return sag_node_invalid (node, error, "its input is too large");
  node->inplace = sag_value_in_bytes (sag_node_output (node, 0)) ? 0 : 1;
  node->macs = 0;
  return TRUE;
}

/* The next layer's bytes, in the pass that applies the coefficients. */
static guint
can_bytes (const SagNode *node)
{
  return SAG_BYTES_OUT;
}

typedef struct
{
  const SagValue *x;
  SagValue       *y;
  Cut             cut;
  float          *a, *b, *mean; /* [images][channels] */
  float          *partial;      /* [images][pieces][channels] */
  gboolean        squares;      /* of x - mean, instead of x */
  const SagFused *fused;
  const SagStep  *step;
} NormRun;

/* One item is one piece of one image: a partial sum for each channel. */
static void
sum_piece (const NormRun *run, gint64 image, gint64 piece)
{
  const Cut *cut = &run->cut;
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  gint64 from = piece * cut->piece, channels = cut->channels;
  const float *x = (const float *) run->x->data + image * channels * cut->pixels;
  const float *mean = run->mean + image * channels;
  float *sums = run->partial + (image * cut->pieces + piece) * channels;

  if (run->x->layout == SAG_LAYOUT_LAST)
    {
      size_t n = (size_t) MIN (cut->piece, cut->pixels - from);

      memset (sums, 0, sizeof *sums * channels);
      if (run->squares)
        reduce->add_rows_squares (n, (size_t) channels, x + from * channels, channels, mean, sums);
      else
        reduce->add_rows (n, (size_t) channels, x + from * channels, channels, sums);
      return;
    }
  if (run->x->layout == SAG_LAYOUT_PLAIN)
    {
      size_t n = (size_t) MIN (cut->piece, cut->pixels - from);

      for (gint64 c = 0; c < channels; c++)
        sums[c] = run->squares ? reduce->sum_squares (n, x + c * cut->pixels + from, mean[c])
                               : reduce->sum (n, x + c * cut->pixels + from);
      return;
    }
  memset (sums, 0, sizeof *sums * channels);
  for (gint64 line = from; line < MIN (from + cut->piece, cut->pixels / cut->width); line++)
    for (gint64 c = 0; c < channels; c++)
      {
        const float *row = x + (line * channels + c) * cut->width;

        sums[c] += run->squares ? reduce->sum_squares ((size_t) cut->width, row, mean[c])
                                : reduce->sum ((size_t) cut->width, row);
      }
}

static void
sum_pieces (gint64 from, gint64 to, int thread, gpointer data)
{
  const NormRun *run = data;

  for (; from < to; from++)
    sum_piece (run, from / run->cut.pieces, from % run->cut.pieces);
}

/* Sum of a channel's pieces. */
static double
total (const NormRun *run, gint64 image, gint64 channel)
{
  const float *sums = run->partial + image * run->cut.pieces * run->cut.channels + channel;
  double sum = 0;

  for (gint64 piece = 0; piece < run->cut.pieces; piece++)
    sum += sums[piece * run->cut.channels];
  return sum;
}

/* apply_piece() where the output is in bytes: lines by fours of channels, or pixels. */
static void
apply_bytes (const NormRun *run, gint64 image, gint64 piece)
{
  const Cut *cut = &run->cut;
  const SagKernels *kernels = sag_kernels_get ();
  const SagQuantum *quantum = &run->y->quantum;
  gint64 from = piece * cut->piece, channels = cut->channels, width = cut->width;
  const float *x = (const float *) run->x->data + image * channels * cut->pixels;
  const float *a = run->a + image * channels, *b = run->b + image * channels;
  guint8 *q = (guint8 *) run->y->data + image * channels * cut->pixels;
  float few[4][FEW];

  if (run->x->layout == SAG_LAYOUT_LAST)
    {
      for (gint64 pixel = from; pixel < MIN (from + cut->piece, cut->pixels); pixel++)
        for (gint64 c = 0; c < channels; c += FEW)
          {
            gsize n = (gsize) MIN (FEW, channels - c);

            kernels->affine (n, x + pixel * channels + c, a + c, b + c, few[0], -INFINITY, INFINITY);
            sag_fused_apply (run->fused, n, few[0]);
            kernels->quantize.to_u8 (n, few[0], quantum->scale, quantum->zero, q + pixel * channels + c);
          }
      return;
    }
  for (gint64 line = from; line < MIN (from + cut->piece, cut->pixels / width); line++)
    for (gint64 c = 0; c < channels; c += 4)
      for (gint64 at = 0; at < width; at += FEW)
        {
          const float *four[4] = { few[0], few[1], few[2], few[3] };
          gsize n = (gsize) MIN (FEW, width - at);

          for (int i = 0; i < 4; i++)
            {
              kernels->unary[SAG_UNARY_AFFINE](n, x + (line * channels + c + i) * width + at, few[i],
                                               a[c + i], b[c + i]);
              sag_fused_apply (run->fused, n, few[i]);
            }
          kernels->quantize.to_u8x4 (n, four, quantum->scale, quantum->zero,
                                     q + (line * channels + c) * width + 4 * at);
        }
}

static void
apply_piece (const NormRun *run, gint64 image, gint64 piece)
{
  const Cut *cut = &run->cut;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 from = piece * cut->piece, channels = cut->channels,
         start = image * channels * cut->pixels;
  const float *x = (const float *) run->x->data + start, *a = run->a + image * channels,
              *b = run->b + image * channels;
  float *y = (float *) run->y->data + start;

  if (run->x->layout == SAG_LAYOUT_LAST)
    {
      gint64 to = MIN (from + cut->piece, cut->pixels);

      for (gint64 pixel = from; pixel < to; pixel++)
        kernels->affine ((size_t) channels, x + pixel * channels, a, b, y + pixel * channels,
                         -INFINITY, INFINITY);
      sag_fused_apply (run->fused, (gsize) ((to - from) * channels), y + from * channels);
      return;
    }
  if (run->x->layout == SAG_LAYOUT_PLAIN)
    {
      size_t n = (size_t) MIN (cut->piece, cut->pixels - from);

      for (gint64 c = 0; c < channels; c++)
        {
          gint64 at = c * cut->pixels + from;

          kernels->unary[SAG_UNARY_AFFINE](n, x + at, y + at, a[c], b[c]);
          sag_fused_apply (run->fused, n, y + at);
        }
      return;
    }
  for (gint64 line = from; line < MIN (from + cut->piece, cut->pixels / cut->width); line++)
    for (gint64 c = 0; c < channels; c++)
      {
        gint64 at = (line * channels + c) * cut->width;

        kernels->unary[SAG_UNARY_AFFINE]((size_t) cut->width, x + at, y + at, a[c], b[c]);
        sag_fused_apply (run->fused, (gsize) cut->width, y + at);
      }
}

static void
apply_pieces (gint64 from, gint64 to, int thread, gpointer data)
{
  const NormRun *run = data;

  void (*apply) (const NormRun *, gint64, gint64) = sag_value_in_bytes (run->y) ? apply_bytes : apply_piece;

  for (; from < to && sag_step_go_on (run->step, thread, 0.5); from++)
    apply (run, from / run->cut.pieces, from % run->cut.pieces);
}

static void
batch_coefficients (const NormRun *run, const SagNode *node)
{
  const float *scale = sag_node_input (node, 1)->data, *shift = sag_node_input (node, 2)->data;
  const float *mean = sag_node_input (node, 3)->data, *variance = sag_node_input (node, 4)->data;
  float epsilon = sag_node_get_float (node, "epsilon", 1e-5f);

  for (gint64 i = 0; i < run->cut.images; i++)
    for (gint64 c = 0; c < run->cut.channels; c++)
      {
        float a = scale[c] / sqrtf (variance[c] + epsilon);

        run->a[i * run->cut.channels + c] = a;
        run->b[i * run->cut.channels + c] = shift[c] - mean[c] * a;
      }
}

/* Training mode: the statistics are those of this batch, and the running ones move towards them. */
static void
training_coefficients (NormRun *run, const SagNode *node)
{
  const float *scale = sag_node_input (node, 1)->data, *shift = sag_node_input (node, 2)->data;
  float epsilon = sag_node_get_float (node, "epsilon", 1e-5f),
        momentum = sag_node_get_float (node, "momentum", 0.9f);
  gint64 channels = run->cut.channels, items = run->cut.images * run->cut.pieces;

  for (int pass = 0; pass < 2; pass++)
    {
      const float *old = sag_node_input (node, 3 + pass)->data;
      const SagValue *running = sag_node_output (node, 1 + pass);

      run->squares = pass == 1;
      sag_range_run (items, 1, sum_pieces, run);
      for (gint64 c = 0; c < channels; c++)
        {
          double sum = 0;
          float value;

          for (gint64 i = 0; i < run->cut.images; i++)
            sum += total (run, i, c);
          value = (float) (sum / (double) (run->cut.images * run->cut.pixels));
          if (running != NULL)
            ((float *) running->data)[c] = old[c] * momentum + value * (1 - momentum);
          for (gint64 i = 0; i < run->cut.images; i++)
            {
              gint64 at = i * channels + c;

              if (pass == 0)
                run->mean[at] = value;
              else
                {
                  run->a[at] = scale[c] / sqrtf (value + epsilon);
                  run->b[at] = shift[c] - run->mean[at] * run->a[at];
                }
            }
        }
    }
}

/* Mean and variance over groups of `each` channels; instance norm is groups of one. */
static void
group_coefficients (NormRun *run, const SagNode *node, gint64 each)
{
  const float *scale = sag_node_input (node, 1)->data, *shift = sag_node_input (node, 2)->data;
  float epsilon = sag_node_get_float (node, "epsilon", 1e-5f);
  gint64 channels = run->cut.channels, items = run->cut.images * run->cut.pieces;
  gboolean by_group = sag_value_count (sag_node_input (node, 1)) != channels;
  double count = (double) each * (double) run->cut.pixels;

  run->squares = FALSE;
  sag_range_run (items, 1, sum_pieces, run);
  for (gint64 first = 0; first < run->cut.images * channels; first += each)
    {
      double sum = 0;

      for (gint64 c = 0; c < each; c++)
        sum += total (run, (first + c) / channels, (first + c) % channels);
      for (gint64 c = 0; c < each; c++)
        run->mean[first + c] = (float) (sum / count);
    }
  run->squares = TRUE;
  sag_range_run (items, 1, sum_pieces, run);
  for (gint64 first = 0; first < run->cut.images * channels; first += each)
    {
      double sum = 0;
      float rstd;

      for (gint64 c = 0; c < each; c++)
        sum += total (run, (first + c) / channels, (first + c) % channels);
      rstd = 1 / sqrtf ((float) (sum / count) + epsilon);
      for (gint64 c = 0; c < each; c++)
        {
          gint64 channel = (first + c) % channels, k = by_group ? channel / each : channel;
          float a = rstd * scale[k];

          run->a[first + c] = a;
          run->b[first + c] = shift[k] - run->mean[first + c] * a;
        }
    }
}

static void
run_norm (const SagStep *step)
{
  const SagNode *node = step->node;
  NormRun run = { .x = sag_node_input (node, 0),
                  .y = sag_node_output (node, 0),
                  .fused = &node->fused,
                  .step = step };
  gint64 n;

  cut_value (run.x, &run.cut);
  n = run.cut.images * run.cut.channels;
  if (n * run.cut.pixels == 0)
    return;
  run.a = step->scratch;
  run.b = run.a + n;
  run.mean = run.b + n;
  run.partial = run.mean + n;
  if (kind_of (node) == NORM_BATCH && sag_node_get_int (node, "training_mode", 0) != 0)
    training_coefficients (&run, node);
  else if (kind_of (node) == NORM_BATCH)
    batch_coefficients (&run, node);
  else
    group_coefficients (&run, node,
                        kind_of (node) == NORM_INSTANCE
                          ? 1
                          : run.cut.channels / sag_node_get_int (node, "num_groups", 1));
  sag_range_run (run.cut.images * run.cut.pieces, 1, apply_pieces, &run);
}

#define NORM(name)                                                                                 \
  {                                                                                                \
    name, "", infer_norm, cost_norm, prepare_norm, NULL, run_norm, .follows = 1,                   \
                                                                   .bytes = can_bytes,             \
                                                                   .fuses = SAG_FUSE_ACTIVATION    \
  }

const SagOp sag_ops_norm[] = {
  NORM ("BatchNormalization"),
  NORM ("InstanceNormalization"),
  NORM ("GroupNormalization"),
  { NULL },
};
