/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-pool.c: a convolution of an image that only a MaxPool of 2 x 2 reads becomes one step with it: the larger image is
 * never in memory. Winograd's form takes the largest of its tiles' pixels, the others of two lines a thread just made; a
 * change of layout after lines of x rides along. The same sums, compared in the same order: the same bits.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/band.h"
#include "engine/nn/bytes.h"
#include "engine/nn/conv.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/passes.h"
#include "engine/nn/window.h"

#include <string.h>

enum
{
  WORTH_BYTES = 1 << 20, /* an image that is smaller stays in the cache anyway */
  LINE = 1024,           /* floats */
  LINES = 4,             /* of an item */
};

typedef struct
{
  SagNode *conv;
  gint64   channels, width, height; /* of the output */
  gboolean turn;                    /* lines of x by channel, to channels last */
  gsize    scratch;                 /* bytes of a thread: two lines of the convolution, and one of the output to turn */
} Pooled;

typedef struct
{
  const SagStep *step;
  const Pooled  *pooled;
} Job;

/* The largest of two lines, by channel, and of their pairs. */
static void
pool_rows (const Pooled *self, const float *lines, float *out)
{
  const SagReduce *reduce = &sag_kernels_get ()->reduce;
  gint64 width = ((const SagConv *) self->conv->state)->geometry.out[2];
  float larger[LINE];

  for (gint64 c = 0; c < self->channels; c++)
    for (gint64 x = 0; x < self->width; x += LINE / 2)
      {
        gsize n = (gsize) MIN (LINE / 2, self->width - x);
        const float *two[] = { lines + c * width + 2 * x, lines + (self->channels + c) * width + 2 * x };

        reduce->max_of_rows (2, 2 * n, two, larger);
        reduce->max_pairs (n, larger, out + c * self->width + x);
      }
}

static void
pool_pixels (const Pooled *self, const float *lines, float *out)
{
  gint64 c = self->channels, line = ((const SagConv *) self->conv->state)->geometry.out[2] * c;

  for (gint64 x = 0; x < self->width; x++, lines += 2 * c)
    sag_kernels_get ()->reduce.max_of_rows (4, (gsize) c, (const float *[]){ lines, lines + c, lines + line, lines + line + c },
                                            out + x * c);
}

static void
run_lines (gint64 item, gint64 to, int thread, gpointer data)
{
  const Job *job = data;
  const Pooled *self = job->pooled;
  const SagConv *conv = self->conv->state;
  gint64 size = self->channels * self->width;
  float *lines = (float *) (gpointer) ((guint8 *) job->step->scratch + (gsize) thread * self->scratch);
  float *turned = lines + 2 * self->channels * conv->geometry.out[2];

  if (!sag_step_go_on (job->step, thread, (double) item / (double) (conv->geometry.batch * self->height)))
    return;
  for (; item < to; item++)
    {
      gint64 y = 2 * (item % self->height);
      float *out = (float *) sag_node_output (job->step->node, 0)->data + item * size;

      sag_conv_run_band (self->conv, &(SagBand){ .image = item / self->height, .from = y, .to = y + 2, .out = lines,
                                                 .out_first = y });
      if (conv->out_stride[3] == 1)
        pool_pixels (self, lines, out);
      else
        pool_rows (self, lines, self->turn ? turned : out);
      if (self->turn)
        sag_kernels_get ()->transpose_f32 ((gsize) self->channels, (gsize) self->width, turned, self->width, out,
                                           self->channels);
    }
}

static void
run (const SagStep *step)
{
  const Pooled *self = step->node->state;
  const SagConv *conv = self->conv->state;
  Job job = { step, self };

  if (conv->form == SAG_CONV_WINOGRAD)
    sag_conv_winograd_run (step, self->conv, &(SagConvSource){ sag_node_input (self->conv, 0)->data, conv->geometry.cin },
                           1, sag_node_output (step->node, 0));
  else
    sag_range_run (conv->geometry.batch * self->height, LINES, run_lines, &job);
}

static void
pack (SagNode *node)
{
  SagNode *conv = ((const Pooled *) node->state)->conv;

  conv->packed = node->packed;
  conv->op->pack (conv);
}

/* Not in the table: no file can name it. */
static const SagOp pool_op = { "Conv", "sagitta", .pack = pack, .run = run };

/* Whether the node is a MaxPool of 2 x 2 that steps by 2, of floats without padding, and gives no places. */
static gboolean
is_halving (const SagNode *node)
{
  SagWindow w;

  if (node == NULL || !sag_match_is (node, "MaxPool") || sag_node_output (node, 1) != NULL
      || !sag_window_read (node, NULL, &w, NULL) || w.n_axes != 2)
    return FALSE;
  for (int a = 1; a < 3; a++)
    if (w.kernel[a] != 2 || w.stride[a] != 2 || w.dilation[a] != 1 || w.before[a] != 0 || w.out[a] != w.in[a] / 2)
      return FALSE;
  return TRUE;
}

static gboolean
can_pool (const SagNode *node)
{
  const SagConv *conv = node->state;

  if (node->op->run != sag_conv_run || sag_conv_on_bytes (conv) || conv->bytes_out || conv->turned || conv->planes_out)
    return FALSE;
  if (conv->form == SAG_CONV_WINOGRAD)
    return sag_conv_winograd_pools (conv) && !node->fused.residual;
  return sag_conv_has_bands (node) && (conv->out_stride[3] == 1 || conv->out_stride[3] == conv->geometry.out[2]);
}

static SagValue *
only_reader (const SagNode *node, SagNode **reader)
{
  SagValue *value = sag_node_output (node, 0);

  *reader = value != NULL && value->n_readers == 1 ? value->reader : NULL;
  return value;
}

/* The node that does what the convolution, the pool and perhaps the layout after it did, at the last one's place. */
static void
join (SagGraph *graph, SagNode *conv, SagNode *pool, SagNode *last)
{
  const SagConv *state = conv->state;
  Pooled *self = g_new0 (Pooled, 1);
  const SagValue *y = sag_node_output (pool, 0);
  g_autofree char *kernel = g_strconcat (conv->kernel, "+max", NULL);
  SagNode *node;
  guint at = 0;

  self->conv = conv;
  self->channels = y->shape.dim[1];
  self->height = y->shape.dim[2];
  self->width = y->shape.dim[3];
  self->turn = last != pool;
  self->scratch = (gsize) (self->channels * (2 * state->geometry.out[2] + (self->turn ? self->width : 0))) * sizeof (float);
  self->scratch = (self->scratch + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);

  g_ptr_array_find (graph->nodes, last, &at);
  node = sag_graph_add_node (graph, &pool_op, conv->name, (int) at);
  node->state = self;
  node->free_state = g_free;
  node->precision = conv->precision;
  node->kernel = g_intern_string (kernel);
  node->fused = conv->fused;
  node->fused.residual = FALSE;
  node->macs = MIN (conv->macs, G_MAXINT64 - pool->macs) + pool->macs;
  node->packed_bytes = conv->packed_bytes;
  node->packed_inputs = conv->packed_inputs;
  node->scratch_bytes = state->form == SAG_CONV_WINOGRAD ? conv->scratch_bytes
                                                        : (gsize) sag_parallel_get_size () * self->scratch;
  g_ptr_array_extend (node->inputs, conv->inputs, NULL, NULL);
  conv->mark = pool->mark = last->mark = 1;
  sag_node_set_output (node, 0, sag_node_output (last, 0));
}

void
sag_pass_pool (SagGraph *graph)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();

  sag_graph_count_readers (graph);
  g_ptr_array_extend (nodes, graph->nodes, NULL, NULL);
  for (guint i = 0; i < nodes->len; i++)
    ((SagNode *) nodes->pdata[i])->mark = 0;
  for (guint i = 0; i < nodes->len; i++)
    {
      SagNode *conv = nodes->pdata[i], *pool, *turn;
      SagValue *x = only_reader (conv, &pool), *y;

      if (pool == NULL || sag_value_count (x) * (gint64) sizeof (float) < WORTH_BYTES || !is_halving (pool)
          || !can_pool (conv) || sag_node_output (pool, 0)->layout != x->layout || x->dtype != SAG_DTYPE_F32)
        continue;
      y = only_reader (pool, &turn);
      if (turn == NULL || strcmp (turn->op->name, "Layout") != 0 || y->layout != SAG_LAYOUT_ROWS
          || sag_node_output (turn, 0)->layout != SAG_LAYOUT_LAST || sag_node_output (turn, 0)->dtype != SAG_DTYPE_F32)
        turn = pool;
      join (graph, conv, pool, turn);
    }
  sag_graph_set_aside (graph);
}
