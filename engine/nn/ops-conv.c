/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-conv.c: Conv and ConvTranspose: which form, and the weights as its kernel reads them.
 *
 * Two forms, chosen by pass-layout through cost(). Row-interleaved (and plain, which is the same
 * with another distance between channels): a line of x at a time, for a few output channels.
 * Channels last: an indirect matrix product over blocks of pixels. Depthwise layers have a kernel of
 * their own in each. No form copies the image: kernels read it through pointers, one a tap.
 * Both add the products of an output in the same order, so they give the same bits. A third form has other
 * arithmetic: Winograd's, for kernels of 3 x 3 on floats, where shapes say that it pays.
 */
#include "engine/base/alloc.h"
#include "engine/nn/bytes.h"
#include "engine/nn/conv.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum { WHOLE_BYTES = 64 }; /* channels that the kernel on bytes takes at once */

static void
conv_free (gpointer data)
{
  SagConv *self = data;

  sag_conv_geometry_clear (&self->geometry);
  g_free (self->weights);
  g_free (self);
}

static gboolean
infer (SagNode *node, GError **error)
{
  SagShape shape;

  return sag_node_arity (node, 2, error) && sag_conv_infer (node, &shape, error)
         && sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

SagValue *
sag_conv_residual (const SagNode *node)
{
  return node->fused.residual ? sag_node_input (node, (int) node->inputs->len - 1) : NULL;
}

SagValue *
sag_conv_bias (const SagNode *node)
{
  int n = (int) node->inputs->len - (node->fused.residual ? 1 : 0);

  return n > 2 ? sag_node_input (node, 2) : NULL;
}

/* --- which form -------------------------------------------------------------------------- */

static gboolean
is_depthwise (const SagConvGeometry *g)
{
  return g->groups > 1 && g->groups == g->cin && g->groups == g->cout;
}

/* Part of the peak that the row form reaches, from measurements with vectors of 16 (the choice must
 * not depend on the machine). */
static double
rows_share (const SagConvGeometry *g, gint64 nout)
{
  static const double of_n[] = { 0, 0.27, 0.42, 0.5, 0.72, 0.8, 0.84, 0.88, 0.9 };
  gint64 calls = (nout + 7) / 8, n = (nout + calls - 1) / calls;
  gint64 count = (g->out[2] + g->out_step[2] - 1) / g->out_step[2], vectors = (count + 15) / 16;
  double share = is_depthwise (g) ? 0.35 : of_n[n] * (double) nout / (double) (n * calls);

  share *= (double) count / (double) (vectors * 16);
  if (vectors == 1)
    share *= is_depthwise (g) ? 0.6 : 0.88;
  return g->in_step[2] == 1 ? share : g->in_step[2] == 2 ? share * 0.75 : share * 0.15;
}

static double
last_share (const SagConvGeometry *g, gint64 kin, gint64 nout)
{
  gint64 whole = (nout + 15) / 16 * 16;
  double share = (nout >= 24 ? 0.95 : 0.85) * (double) nout / (double) whole;
  double work = (double) (kin * whole) / 32;

  if (is_depthwise (g))
    return 0.2 * (double) g->cout / (double) ((g->cout + 15) / 16 * 16);
  return share * work / (work + 4); /* row pointers cost as much as a few steps of k */
}

/* Element moves that the form with channels last costs, and whether Winograd's is the cheaper one. */
static double
last_moves (const SagNode *node, const SagConvGeometry *g, double macs, gboolean *winograd)
{
  const SagValue *w = sag_node_input (node, 1), *bias = sag_conv_bias (node);
  double moves = macs / 40 / last_share (g, g->cin / g->groups, g->cout / g->groups);
  double other = node->graph->precision < SAG_PRECISION_INT8 && w->constant != NULL && w->stored_bits == 0
                         && (bias == NULL || bias->constant != NULL)
                     ? sag_conv_winograd_moves (g, node->graph->precision)
                     : INFINITY;

  *winograd = other < moves;
  return MIN (moves, other);
}

/* Whether the products will be of bytes, as far as is known before prepare. */
static gboolean
will_be_bytes (const SagNode *node, const SagConvGeometry *g)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1);

  return g->groups == 1 && w->constant != NULL
         && (node->graph->precision >= SAG_PRECISION_INT8
             || (w->stored_bits > 0
                 && (x->quantum.scale > 0 || sag_node_get_int (node, "accuracy_level", 0) == 4)));
}

/* The same on bytes, from measurements of tiles (int-amx.c) and VNNI: with channels last a panel of 32 columns
 * costs its end and its steps of 64 products, and each tap a pointer, which many of fill the first cache; of lines,
 * each column costs its end. */
static double
bytes_moves (const SagConvGeometry *g, double macs, gboolean last)
{
  double pixels = macs / (double) (g->cin * g->cout) / (double) g->kernel_size;
  double steps = (double) g->kernel_size * (double) (g->cin + (g->cin % 4 != 0 ? 64 : 0)) / 64;

  return last ? pixels * ((double) g->kernel_size * (g->kernel_size > 16 ? 3 : 1) + (double) ((g->cout + 31) / 32) * (15 + 4 * steps))
              : (g->in_step[2] > 2 ? 5 : 1) * macs / 120 / rows_share (g, g->cout) + pixels * 0.5 * (double) g->cout;
}

/* Whether the output can be written in the other layout: lines of x with channels last, or few channels of a
 * volume, of pixels with channels last, apart. */
static gboolean
can_turn (const SagNode *node, const SagConvGeometry *g, gboolean last)
{
  return !g->transposed && !is_depthwise (g) && node->graph->precision < SAG_PRECISION_INT8 && !node->fused.residual
         && (!last || (g->out[0] > 1 && g->cout <= SAG_CONV_TURNED_N && g->groups == 1))
         && sag_node_input (node, 0)->quantum.scale == 0 && sag_node_output (node, 0)->quantum.scale == 0;
}

static gint64
cost_of (const SagNode *node, const SagConvGeometry *g, SagLayout in, SagLayout out)
{
  gboolean last = in == SAG_LAYOUT_LAST, turned = last != (out == SAG_LAYOUT_LAST), winograd;
  double macs, moves;
  gint64 n_in, n_out;

  if ((last && out == SAG_LAYOUT_ROWS) || (turned && !can_turn (node, g, last)))
    return SAG_COST_NEVER;
  n_in = g->batch * g->cin * g->in[0] * g->in[1] * g->in[2];
  n_out = g->batch * g->cout * g->out[0] * g->out[1] * g->out[2];
  macs = (double) (g->transposed ? n_in * (g->cout / g->groups) : n_out * (g->cin / g->groups))
         * (double) g->kernel_size;
  moves = last ? last_moves (node, g, macs, &winograd)
               : macs / 40 / rows_share (g, is_depthwise (g) ? g->cout : g->cout / g->groups);
  if (will_be_bytes (node, g))
    moves = bytes_moves (g, macs, last);
  /* Channels a plane apart share cache sets. */
  if (in == SAG_LAYOUT_PLAIN
      && !sag_layouts_coincide (&sag_node_input (node, 0)->shape, in, SAG_LAYOUT_ROWS))
    moves += (double) n_in * 0.5;
  if (out == SAG_LAYOUT_PLAIN
      && !sag_layouts_coincide (&sag_node_output (node, 0)->shape, out, SAG_LAYOUT_ROWS))
    moves += (double) n_out * 0.25;
  if (turned)
    moves += (double) n_out * 0.5;
  /* Of lines, only sums of products have a form on bytes. */
  if (!last && is_depthwise (g) && sag_node_input (node, 0)->quantum.scale > 0)
    moves += 2 * (double) (n_in + n_out);
  else if (is_depthwise (g) && sag_node_input (node, 0)->quantum.scale > 0 && g->cout < WHOLE_BYTES
           && sag_node_input (node, 1)->stored_bits == 0) /* a file's own bytes stay bytes */
    moves += macs * WHOLE_BYTES / (double) (4 * g->cout); /* pixel by pixel */
  return moves < 1e17 ? (gint64) moves : (gint64) 1e17;
}

static void
costs (const SagNode *node, gint64 costs[SAG_N_LAYOUTS][SAG_N_LAYOUTS])
{
  SagConvGeometry g;
  gboolean good = sag_conv_geometry_init (&g, node, NULL);

  for (int in = 0; in < SAG_N_LAYOUTS; in++)
    for (int out = 0; out < SAG_N_LAYOUTS; out++)
      costs[in][out] = good ? cost_of (node, &g, in, out) : SAG_COST_NEVER;
  if (good)
    sag_conv_geometry_clear (&g);
}

static gint64
cost (const SagNode *node, SagLayout in, SagLayout out)
{
  gint64 all[SAG_N_LAYOUTS][SAG_N_LAYOUTS];

  costs (node, all);
  return all[in][out];
}

/* --- prepare and pack -------------------------------------------------------------------- */

static void
find_strides (gint64 *stride, SagLayout layout, gint64 channels, const gint64 *size)
{
  gint64 plane = size[1] * size[2];

  switch (layout)
    {
    case SAG_LAYOUT_LAST:
      stride[3] = 1;
      stride[2] = size[2] * channels;
      stride[1] = plane * channels;
      break;
    case SAG_LAYOUT_ROWS:
      stride[3] = size[2];
      stride[2] = size[2] * channels;
      stride[1] = plane * channels;
      break;
    default:
      stride[3] = size[0] * plane;
      stride[2] = size[2];
      stride[1] = plane;
      break;
    }
  stride[0] = size[0] * plane * channels;
}

/* Columns of a panel for `nout` outputs. */
static void
choose_panels (SagConv *self)
{
  const SagKernels *k = sag_kernels_get ();
  double least = INFINITY;

  if (self->form == SAG_CONV_LAST && sag_conv_on_bytes (self))
    self->width = k->gemm_u8.nr;
  else if (self->form == SAG_CONV_LAST || self->form == SAG_CONV_WINOGRAD)
    for (int i = 0; i < SAG_N_GEMM; i++)
      {
        gint64 nr = k->gemm_f32[i].nr;
        double work = (double) ((self->nout + nr - 1) / nr * nr) / (i == SAG_GEMM_WIDE ? 0.95 : 0.85);

        if (work < least)
          {
            least = work;
            self->gemm = i;
            self->width = nr;
          }
      }
  else if (self->form == SAG_CONV_LAST_DEPTHWISE
           || (self->form == SAG_CONV_ROWS_DEPTHWISE && !self->geometry.transposed))
    self->width = self->nout;
  else
    {
      gint64 most = sag_conv_on_bytes (self) ? k->conv_row_u8.nr : k->conv_row_f32.nr;
      gint64 nr = MIN (self->form == SAG_CONV_ROWS ? most : SAG_CONV_PHASE_N, SAG_CONV_PHASE_N);
      gint64 calls = (self->nout + nr - 1) / nr;

      self->width = (self->nout + calls - 1) / calls;
      if (self->bytes_out)
        self->width = MIN ((self->width + 3) / 4 * 4, nr / 4 * 4);
    }
  self->n_panels = (self->nout + self->width - 1) / self->width;
}

/* What it can do with bytes; a line of the output is then written by fours of channels. */
static guint
can_bytes (const SagNode *node)
{
  const SagConv *self = node->state;
  gboolean low = sag_conv_on_bytes (self), rows = self->form == SAG_CONV_ROWS;
  gboolean planes = rows && !self->dynamic && self->groups == 1 && !self->geometry.transposed && !self->turned;
  SagUnary kind;
  float a, b;

  sag_fused_unary (&node->fused, &kind, &a, &b);
  return (low ? SAG_BYTES_IN : 0) | (low && planes ? SAG_PLANES_IN : 0) | (planes ? SAG_PLANES_OUT : 0)
         | ((low || (rows && !self->dynamic && self->groups == 1 && !self->geometry.transposed
                     && !node->fused.residual))
                    && (kind == SAG_UNARY_CLIP || kind == SAG_UNARY_LEAKY)
                    && !(self->geometry.transposed && (node->fused.residual || self->geometry.out_step[2] > 2))
                ? SAG_BYTES_OUT
                : 0);
}

/* Adds `n` elements to packed memory, on a boundary of `line` of them. */
static gsize
reserve (gsize *total, gsize n, gsize line, gboolean *good)
{
  gsize at = *total, whole;

  if (!g_size_checked_add (&whole, n, line - 1)
      || !g_size_checked_add (total, at, whole / line * line))
    *good = FALSE;
  return at;
}

/* An input that lies the same in two layouts keeps the name of the one it was made in. */
static SagLayout
layout_of_input (const SagValue *x, SagLayout y)
{
  if (y == SAG_LAYOUT_LAST)
    return SAG_LAYOUT_LAST;
  if (x->layout != SAG_LAYOUT_LAST)
    return x->layout;
  return sag_layouts_coincide (&x->shape, SAG_LAYOUT_LAST, SAG_LAYOUT_PLAIN) ? SAG_LAYOUT_PLAIN
                                                                             : SAG_LAYOUT_ROWS;
}

static const char *
kernel_name (const SagConv *self)
{
  static const char *const names[][2] = {
    [SAG_CONV_ROWS] = { "conv-row", "deconv-row" },
    [SAG_CONV_ROWS_DEPTHWISE] = { "depthwise-row", "depthwise-deconv-row" },
    [SAG_CONV_LAST] = { "conv-gemm", "deconv-gemm" },
    [SAG_CONV_LAST_DEPTHWISE] = { "depthwise", "depthwise-deconv" },
    [SAG_CONV_WINOGRAD] = { "winograd", "" },
  };

  return names[self->form][self->geometry.transposed];
}

/* What packed memory and scratch hold. FALSE if it is more than can be counted. */
static gboolean
lay_out (SagConv *self, SagNode *node)
{
  const SagConvGeometry *g = &self->geometry;
  gboolean good = TRUE, int8 = sag_conv_on_bytes (self), int4 = self->precision == SAG_PRECISION_INT4;
  gboolean last = self->form >= SAG_CONV_LAST;
  gsize head = 0, weights = 0, panels = 0, phases = 0, total;
  gsize size = int8 ? 1 : sag_conv_in_halves (self) ? 2 : 4;

  self->weights = g_new0 (gsize, 3 * g->n_phases);
  self->halves = self->weights + g->n_phases;
  self->group_factors = self->halves + g->n_phases;
  self->zeros = reserve (&head, (gsize) (last ? MAX (self->kin, self->nout) : 0), 16, &good);
  good = good
         && g_size_checked_mul (&panels, (gsize) self->groups, (gsize) (self->n_panels * self->width))
         && g_size_checked_mul (&phases, panels, (gsize) sag_conv_n_sums (self));
  self->bias = good ? reserve (&head, panels, 16, &good) : 0;
  self->scales = good && int8 ? reserve (&head, panels, 16, &good) : 0;
  self->sums = good && int8 ? reserve (&head, phases, 16, &good) : 0;
  for (int p = 0; good && int4 && p < g->n_phases; p++)
    {
      gsize n = 0;

      good = g_size_checked_mul (&n, (gsize) sag_conv_groups (self, p), panels);
      self->group_factors[p] = good ? reserve (&head, n / 2 + 1, 16, &good) : 0;
    }
  for (int p = 0; good && p < g->n_phases; p++)
    {
      gsize n = (gsize) g->phases[p].n_taps;

      if (self->form == SAG_CONV_WINOGRAD) /* of at most 10 MiB */
        {
          self->weights[p] = reserve (&weights, sag_conv_winograd_weights (self), SAG_ALIGN, &good);
          node->scratch_bytes = sag_conv_winograd_scratch (self);
          continue;
        }
      if (int4)
        {
          good = g_size_checked_mul (&n, (gsize) (sag_conv_steps (self, p) + 1) / 2 * 8, panels);
          self->halves[p] = good ? reserve (&weights, n / 2, SAG_ALIGN, &good) : 0;
          self->weights[p] = 2 * self->halves[p];
          continue;
        }
      good = g_size_checked_mul (&n, n, (gsize) (int8 && self->form != SAG_CONV_LAST_DEPTHWISE ? (self->kin + 3) / 4 * 4 : self->kin))
             && g_size_checked_mul (&n, n, panels);
      self->weights[p] = good ? reserve (&weights, n, SAG_ALIGN / size, &good) : 0;
    }
  if (!good || !g_size_checked_add (&total, head, weights) || total > G_MAXSIZE / sizeof (float))
    return FALSE;
  self->head = head;
  self->n_weights = weights;
  if (self->dynamic)
    node->scratch_bytes = total * sizeof (float);
  else
    node->packed_bytes = head * sizeof (float) + weights * size;
  if (int8)
    node->scratch_bytes = sag_conv_int8_plan (self);
  if (self->planes_out)
    {
      self->plane = node->scratch_bytes;
      self->extremes = self->plane + (gsize) self->out_stride[1] * sizeof (float);
      node->scratch_bytes = self->extremes + (gsize) g->out[1] * 2 * sizeof (float);
    }
  return TRUE;
}

/* Whether the output may lie over the input. On bytes made from it at once: anywhere. Else, where planes of
 * the two are as large, a plane is written when none that is still to come sees what lay there. */
static void
say_overlap (SagNode *node, const SagConv *self)
{
  const SagConvGeometry *g = &self->geometry;
  gint64 planes = 1 + MAX (-g->phases[0].least[0], g->phases[0].most[0]);
  gsize word = self->bytes_in || self->bytes_out ? 4 : sizeof (float); /* of four channels */

  if (self->planes_in || self->planes_out)
    {
      if (self->planes_in && self->planes_out && g->in[0] == g->out[0] && g->in_step[0] == 1
          && 4 * self->in_stride[1] == self->out_stride[1] && g->out[0] >= 4 * planes)
        node->trails = (gsize) (planes * self->out_stride[1]);
    }
  else if (sag_conv_on_bytes (self) && !self->bytes_in)
    node->inplace |= 1;
  else if ((self->form == SAG_CONV_ROWS || self->form == SAG_CONV_ROWS_DEPTHWISE) && !g->transposed
           && self->bytes_in == self->bytes_out && self->in_stride[0] == self->out_stride[0]
           && self->in_stride[1] == self->out_stride[1] && g->in[0] == g->out[0] && g->in_step[0] == 1
           && g->out[0] >= 4 * planes)
    node->trails = (gsize) (planes * self->in_stride[1]) * word;
  else if (self->form == SAG_CONV_WINOGRAD && self->in_stride[0] == self->out_stride[0]
           && self->in_stride[1] == self->out_stride[1])
    node->trails = (gsize) (sag_conv_winograd_trail (g) * self->in_stride[1]) * word;
}

static gboolean
lies_in (const SagValue *x, SagLayout one, SagLayout other)
{
  return sag_layouts_coincide (&x->shape, x->layout, one) || sag_layouts_coincide (&x->shape, x->layout, other);
}

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1);
  const SagValue *y = sag_node_output (node, 0);
  const SagValue *bias = sag_conv_bias (node);
  SagConv *self = g_new0 (SagConv, 1);
  SagConvGeometry *g = &self->geometry;
  gboolean last = y->layout == SAG_LAYOUT_LAST, winograd = FALSE;
  SagUnary kind;
  double macs;

  if (!sag_conv_geometry_init (g, node, error))
    {
      conv_free (self);
      return FALSE;
    }
  /* The output's layout says which form it is, but of those that are turned. */
  if (last)
    self->turned = can_turn (node, g, FALSE) && lies_in (x, SAG_LAYOUT_PLAIN, SAG_LAYOUT_ROWS)
                   && (!lies_in (x, SAG_LAYOUT_LAST, SAG_LAYOUT_LAST)
                       || cost_of (node, g, SAG_LAYOUT_ROWS, SAG_LAYOUT_LAST) < cost_of (node, g, SAG_LAYOUT_LAST, SAG_LAYOUT_LAST));
  else
    self->turned = can_turn (node, g, TRUE) && y->layout == SAG_LAYOUT_PLAIN
                   && !lies_in (x, SAG_LAYOUT_PLAIN, SAG_LAYOUT_ROWS);
  last = last != self->turned;
  self->form = is_depthwise (g) ? (last ? SAG_CONV_LAST_DEPTHWISE : SAG_CONV_ROWS_DEPTHWISE)
                                : (last ? SAG_CONV_LAST : SAG_CONV_ROWS);
  self->groups = is_depthwise (g) ? 1 : g->groups;
  self->kin = g->cin / g->groups;
  self->nout = g->cout / self->groups;
  self->dynamic = w->constant == NULL || (bias != NULL && bias->constant == NULL);
  self->quantum = x->quantum;
  self->precision = self->dynamic ? SAG_PRECISION_F32 : precision;
  if (self->form == SAG_CONV_LAST_DEPTHWISE && precision == SAG_PRECISION_INT4)
    self->precision = SAG_PRECISION_INT8; /* there is little to save */
  if (sag_conv_on_bytes (self) && !sag_conv_int8_fits (self))
    self->precision = SAG_PRECISION_F32;
  macs = (double) (g->batch * self->kin * g->kernel_size) * (double) g->cout
         * (double) (g->transposed ? g->in[0] * g->in[1] * g->in[2] : g->out[0] * g->out[1] * g->out[2]);
  if (self->form == SAG_CONV_LAST && self->precision < SAG_PRECISION_INT8)
    last_moves (node, g, macs, &winograd);
  if (winograd)
    self->form = SAG_CONV_WINOGRAD;
  node->precision = self->precision;
  self->planes_in = x->planes != NULL;
  self->planes_out = y->planes != NULL;
  self->bytes_in = self->planes_in || sag_value_in_bytes (x);
  self->bytes_out = sag_value_in_bytes (y);
  self->out_quantum = y->quantum;
  if (sag_conv_residual (node) != NULL)
    self->residual_quantum = sag_conv_residual (node)->quantum;
  choose_panels (self);
  find_strides (self->in_stride, layout_of_input (x, last ? SAG_LAYOUT_LAST : SAG_LAYOUT_ROWS),
                self->bytes_in && !last ? g->cin / 4 : g->cin, g->in);
  find_strides (self->out_stride, y->layout, self->bytes_out && !last ? g->cout / 4 : g->cout, g->out);

  self->fused = node->fused;
  self->slope = node->fused.activation == SAG_ACTIVATION_LEAKY ? node->fused.alpha : 1;
  self->lo = -INFINITY;
  self->hi = INFINITY;
  sag_fused_unary (&node->fused, &kind, &self->lo, &self->hi);
  if (kind != SAG_UNARY_CLIP)
    {
      self->lo = -INFINITY;
      self->hi = INFINITY;
    }
  else if (y->least < y->most) /* costs nothing here */
    {
      self->lo = MAX (self->lo, y->least);
      self->hi = MIN (self->hi, y->most);
    }
  self->square = sag_conv_is_square (self, node->fused.residual);
  if (self->planes_in)
    sag_conv_find_depths (self);
  if (!lay_out (self, node))
    {
      conv_free (self);
      return sag_node_unsupported (node, error, "its weights are too large");
    }
  if (!self->dynamic)
    node->packed_inputs = 1 << 1 | (bias != NULL ? 1 << 2 : 0);
  node->macs = (gint64) MIN (macs, 1e18);
  node->kernel = kernel_name (self);
  say_overlap (node, self);
  if (node->free_state != NULL)
    node->free_state (node->state);
  node->state = self;
  node->free_state = conv_free;
  return TRUE;
}

/* Weights as the kernels read them. Conv has [cout][kin][taps], ConvTranspose [cin][nout][taps]. */
void
sag_conv_pack (const SagConv *self, const float *w, const float *bias, float *packed)
{
  const SagConvGeometry *g = &self->geometry;
  gint64 size = g->kernel_size, panel_width = self->n_panels * self->width;
  gint64 sp = g->transposed ? g->cout / g->groups * size : size;
  gint64 sj = is_depthwise (g) ? size : g->transposed ? size : self->kin * size;
  gint64 sg = g->transposed ? self->kin * (g->cout / g->groups) * size : self->nout * self->kin * size;

  memset (packed + self->zeros, 0, sizeof (float) * (gsize) (self->bias - self->zeros));
  memset (packed + self->bias, 0, sizeof (float) * (gsize) (self->groups * panel_width));
  for (gint64 i = 0; bias != NULL && i < self->groups; i++)
    memcpy (packed + self->bias + i * panel_width, bias + i * self->nout,
            sizeof (float) * (gsize) self->nout);

  if (sag_conv_on_bytes (self))
    {
      (self->precision == SAG_PRECISION_INT4 ? sag_conv_int4_pack : sag_conv_int8_pack) (self, w, sp, sj,
                                                                                         packed);
      return;
    }
  if (self->form == SAG_CONV_WINOGRAD)
    {
      sag_conv_winograd_pack (self, w, sp, sj, packed);
      return;
    }
  for (int p = 0; p < g->n_phases; p++)
    {
      gsize at = self->weights[p];

      for (gint64 i = 0; i < self->groups; i++)
        for (gint64 j = 0; j < self->nout; j += self->width)
          for (int t = 0; t < g->phases[p].n_taps; t++, at += (gsize) (self->kin * self->width))
            {
              const float *from = w + i * sg + j * sj + g->phases[p].taps[t];
              gsize k = (gsize) self->kin, nr = (gsize) self->width;
              gsize n = (gsize) MIN (self->width, self->nout - j);

              if (sag_conv_in_halves (self))
                sag_pack_bf16 (self->gemm, nr, 1, k, n, from, 0, sp, sj, (guint16 *) (packed + self->head) + at);
              else
                sag_pack_f32 (nr, 1, k, n, from, 0, sp, sj, packed + self->head + at);
            }
    }
  for (gsize i = 0; self->precision == SAG_PRECISION_BF16 && !sag_conv_in_halves (self) && i < self->n_weights; i++)
    packed[self->head + i] = sag_bf16_to_f32 (sag_f32_to_bf16 (packed[self->head + i]));
}

static void
pack (SagNode *node)
{
  const SagConv *self = node->state;
  const SagValue *bias = sag_conv_bias (node);

  if (!self->dynamic)
    sag_conv_pack (self, sag_node_input (node, 1)->constant->data,
               bias != NULL ? bias->constant->data : NULL, node->packed);
}

const SagOp sag_ops_conv[] = {
  { "Conv", "", infer, cost, prepare, pack, sag_conv_run, .bytes = can_bytes, .follows = 1,
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED, .costs = costs },
  { "ConvTranspose", "", infer, cost, prepare, pack, sag_conv_run, .bytes = can_bytes, .follows = 1,
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED, .costs = costs },
  { NULL },
};
