/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-conv.c: Conv and ConvTranspose.
 *
 * Two forms, chosen by pass-layout through cost(). Row-interleaved (and plain, which is the same
 * with another distance between channels): a line of x at a time, for a few output channels.
 * Channels last: an indirect matrix product over blocks of pixels. Depthwise layers have a kernel of
 * their own in each. No form copies the image: kernels read it through pointers, one a tap.
 * Both add the products of an output in the same order, so they give the same bits.
 */
#include "engine/base/parallel.h"
#include "engine/nn/conv-geometry.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

enum
{
  TAPS = 32,        /* taps of one kernel call; more are added in further calls */
  BLOCKS = 8,       /* blocks of pixels that share each panel of weights */
  MAX_MR = 16,      /* rows of a block, whatever the CPU */
  PHASE_N = 8,      /* output channels and */
  PHASE_X = 256,    /* pixels of the line that phases along x are woven from */
  ITEM_WORK = 1 << 18, /* multiply-adds worth a task of their own */
};

typedef enum
{
  FORM_ROWS,
  FORM_ROWS_DEPTHWISE,
  FORM_LAST,
  FORM_LAST_DEPTHWISE,
} Form;

typedef struct
{
  SagConvGeometry geometry;
  Form            form;
  int             gemm;       /* SAG_GEMM_* of FORM_LAST */
  gint64          kin, nout;  /* channels a group; depthwise counts as one group of nout = cout */
  gint64          groups;
  gint64          width;      /* output channels of one call: columns of a panel */
  gint64          n_panels;   /* of a group */
  gboolean        dynamic;    /* weights or bias are made by the network: packed at each run */
  SagFused        fused;
  float           lo, hi;     /* clamp inside the kernel */

  /* Packed memory (or scratch, if dynamic), in floats: zeros, bias, and from `head` on the weights,
   * four or two bytes each. Two-byte ones are widened into scratch at each run where the form's
   * kernel reads floats. */
  gsize           zeros;      /* kin zeroes: a pixel in the padding (channels last) */
  gsize           bias;       /* [groups][n_panels * width] */
  gsize           head;
  gsize           n_weights;
  gsize          *weights;    /* [n_phases] -> [groups][n_panels][taps][kin][width], from head on */
  gboolean        bf16;

  /* Distances in floats: of images, planes, lines and channels, in and out. */
  gint64          in_stride[4], out_stride[4];
} Conv;

static void
conv_free (gpointer data)
{
  Conv *self = data;

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

static SagValue *
residual_of (const SagNode *node)
{
  return node->fused.residual ? sag_node_input (node, (int) node->inputs->len - 1) : NULL;
}

static SagValue *
bias_of (const SagNode *node)
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
  double share = is_depthwise (g) ? 0.2 : of_n[n] * (double) nout / (double) (n * calls);

  share *= (double) count / (double) (vectors * 16);
  if (vectors == 1)
    share *= 0.88;
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

static gint64
cost (const SagNode *node, SagLayout in, SagLayout out)
{
  SagConvGeometry g;
  gboolean last = in == SAG_LAYOUT_LAST;
  double macs, moves;
  gint64 n_in, n_out;

  if (last != (out == SAG_LAYOUT_LAST) || !sag_conv_geometry_init (&g, node, NULL))
    return SAG_COST_NEVER;
  n_in = g.batch * g.cin * g.in[0] * g.in[1] * g.in[2];
  n_out = g.batch * g.cout * g.out[0] * g.out[1] * g.out[2];
  macs = (double) (g.transposed ? n_in * (g.cout / g.groups) : n_out * (g.cin / g.groups))
         * (double) g.kernel_size;
  moves = macs / 40 / (last ? last_share (&g, g.cin / g.groups, g.cout / g.groups)
                            : rows_share (&g, is_depthwise (&g) ? g.cout : g.cout / g.groups));
  /* Channels a plane apart share cache sets. */
  if (in == SAG_LAYOUT_PLAIN
      && !sag_layouts_coincide (&sag_node_input (node, 0)->shape, in, SAG_LAYOUT_ROWS))
    moves += (double) n_in * 0.5;
  if (out == SAG_LAYOUT_PLAIN
      && !sag_layouts_coincide (&sag_node_output (node, 0)->shape, out, SAG_LAYOUT_ROWS))
    moves += (double) n_out * 0.25;
  sag_conv_geometry_clear (&g);
  return moves < 1e17 ? (gint64) moves : (gint64) 1e17;
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
choose_panels (Conv *self)
{
  const SagKernels *k = sag_kernels_get ();
  double least = INFINITY;

  if (self->form == FORM_LAST)
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
  else if (self->form == FORM_LAST_DEPTHWISE)
    self->width = self->nout;
  else
    {
      gint64 nr = MIN (self->form == FORM_ROWS ? k->conv_row_f32.nr : PHASE_N, PHASE_N);
      gint64 calls = (self->nout + nr - 1) / nr;

      self->width = (self->nout + calls - 1) / calls;
    }
  self->n_panels = (self->nout + self->width - 1) / self->width;
}

/* Adds `n` floats to the packed memory, on a boundary of a cache line. */
static gsize
reserve (gsize *total, gsize n, gboolean *good)
{
  gsize at = *total, whole;

  if (!g_size_checked_add (&whole, n, 15) || !g_size_checked_add (total, at, whole / 16 * 16))
    *good = FALSE;
  return at;
}

/* An input that lies the same in two layouts keeps the name of the one it was made in. */
static SagLayout
layout_of_input (const SagValue *x, const SagValue *y)
{
  if (y->layout == SAG_LAYOUT_LAST)
    return SAG_LAYOUT_LAST;
  if (x->layout != SAG_LAYOUT_LAST)
    return x->layout;
  return sag_layouts_coincide (&x->shape, SAG_LAYOUT_LAST, SAG_LAYOUT_PLAIN) ? SAG_LAYOUT_PLAIN
                                                                             : SAG_LAYOUT_ROWS;
}

static const char *
kernel_name (const Conv *self)
{
  static const char *const names[][2] = {
    [FORM_ROWS] = { "conv-row", "deconv-row" },
    [FORM_ROWS_DEPTHWISE] = { "depthwise-row", "depthwise-deconv-row" },
    [FORM_LAST] = { "conv-gemm", "deconv-gemm" },
    [FORM_LAST_DEPTHWISE] = { "depthwise", "depthwise-deconv" },
  };

  return names[self->form][self->geometry.transposed];
}

static gboolean
prepare (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1);
  const SagValue *y = sag_node_output (node, 0);
  const SagValue *bias = bias_of (node);
  Conv *self = g_new0 (Conv, 1);
  SagConvGeometry *g = &self->geometry;
  gboolean good = TRUE, last = y->layout == SAG_LAYOUT_LAST;
  SagUnary kind;
  gsize head = 0, weights = 0, panels = 0, total = 0;
  double macs;

  if (!sag_conv_geometry_init (g, node, error))
    {
      conv_free (self);
      return FALSE;
    }
  self->form = is_depthwise (g) ? (last ? FORM_LAST_DEPTHWISE : FORM_ROWS_DEPTHWISE)
                                : (last ? FORM_LAST : FORM_ROWS);
  self->groups = is_depthwise (g) ? 1 : g->groups;
  self->kin = g->cin / g->groups;
  self->nout = g->cout / self->groups;
  choose_panels (self);
  find_strides (self->in_stride, layout_of_input (x, y), g->cin, g->in);
  find_strides (self->out_stride, y->layout, g->cout, g->out);

  self->fused = node->fused;
  self->lo = -INFINITY;
  self->hi = INFINITY;
  sag_fused_unary (&node->fused, &kind, &self->lo, &self->hi);
  if (kind != SAG_UNARY_CLIP)
    {
      self->lo = -INFINITY;
      self->hi = INFINITY;
    }

  self->weights = g_new (gsize, g->n_phases);
  self->zeros = reserve (&head, (gsize) (last ? MAX (self->kin, self->nout) : 0), &good);
  good = good
         && g_size_checked_mul (&panels, (gsize) self->groups, (gsize) (self->n_panels * self->width));
  self->bias = good ? reserve (&head, panels, &good) : 0;
  for (int p = 0; good && p < g->n_phases; p++)
    {
      gsize size = (gsize) g->phases[p].n_taps;

      good = g_size_checked_mul (&size, size, (gsize) self->kin)
             && g_size_checked_mul (&size, size, panels);
      self->weights[p] = good ? reserve (&weights, size, &good) : 0;
    }
  if (!good || !g_size_checked_add (&total, head, weights) || total > G_MAXSIZE / sizeof (float))
    {
      conv_free (self);
      return sag_node_unsupported (node, error, "its weights are too large");
    }
  self->head = head;
  self->n_weights = weights;

  self->dynamic = w->constant == NULL || (bias != NULL && bias->constant == NULL);
  self->bf16 = precision == SAG_PRECISION_BF16 && !self->dynamic;
  if (self->dynamic)
    node->scratch_bytes = total * sizeof (float);
  else
    node->packed_bytes =
        head * sizeof (float) + weights * (self->bf16 ? sizeof (guint16) : sizeof (float));
  if (self->bf16)
    {
      node->precision = SAG_PRECISION_BF16;
      node->scratch_bytes = self->form == FORM_LAST ? 0 : weights * sizeof (float);
    }
  if (!self->dynamic)
    node->packed_inputs = 1 << 1 | (bias != NULL ? 1 << 2 : 0);
  macs = (double) (g->batch * self->kin * g->kernel_size) * (double) g->cout
         * (double) (g->transposed ? g->in[0] * g->in[1] * g->in[2] : g->out[0] * g->out[1] * g->out[2]);
  node->macs = (gint64) MIN (macs, 1e18);
  node->kernel = kernel_name (self);
  if (node->free_state != NULL)
    node->free_state (node->state);
  node->state = self;
  node->free_state = conv_free;
  return TRUE;
}

/* Weights as the kernels read them. Conv has [cout][kin][taps], ConvTranspose [cin][nout][taps]. */
static void
pack_into (const Conv *self, const float *w, const float *bias, float *packed)
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

              if (self->bf16)
                sag_pack_bf16 (nr, 1, k, n, from, 0, sp, sj, (guint16 *) (packed + self->head) + at);
              else
                sag_pack_f32 (nr, 1, k, n, from, 0, sp, sj, packed + self->head + at);
            }
    }
}

static void
pack (SagNode *node)
{
  const Conv *self = node->state;
  const SagValue *bias = bias_of (node);

  if (!self->dynamic)
    pack_into (self, sag_node_input (node, 1)->constant->data,
               bias != NULL ? bias->constant->data : NULL, node->packed);
}

/* --- run --------------------------------------------------------------------------------- */

/* Exact: a bfloat16 is the upper half of a float. */
static void
widen (gsize n, const guint16 *from, float *to)
{
  for (gsize i = 0; i < n; i++)
    {
      guint32 bits = (guint32) from[i] << 16;

      memcpy (to + i, &bits, sizeof bits);
    }
}

typedef struct
{
  const SagStep    *step;
  const Conv       *conv;
  const SagKernels *k;
  const float      *in, *packed, *residual;
  const float      *weights; /* as floats; NULL if the kernel reads weights16 */
  const guint16    *weights16;
  float            *out;
  gint64            per_item, n_items; /* lines, or blocks of pixels, of an item */
} Job;

/* What follows the sum, over `n` floats at out[at]. */
static void
finish (const Job *job, gint64 at, gint64 n)
{
  const Conv *c = job->conv;
  float *y = job->out + at;

  if (job->residual == NULL)
    {
      if (c->lo == -INFINITY && c->hi == INFINITY)
        sag_fused_apply (&c->fused, (gsize) n, y);
      return;
    }
  job->k->add_clamp ((gsize) n, y, job->residual + at, y, c->lo, c->hi);
  if (c->lo == -INFINITY && c->hi == INFINITY)
    sag_fused_apply (&c->fused, (gsize) n, y);
}

/* One panel of one phase, pixels q0 .. q0 + n - 1 of the phase's line (qz, qy), to out[j * ld + i]. */
static void
rows_panel (const Job *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 panel,
            gint64 q0, gint64 n, float *out, gint64 ld)
{
  const Conv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const SagConvPhase *phase = &g->phases[p];
  gint64 first = panel * c->width;
  gint64 channel = c->form == FORM_ROWS_DEPTHWISE ? first : group * c->kin;
  const float *in = job->in + image * c->in_stride[0] + channel * c->in_stride[3];
  const float *rows[TAPS];
  ptrdiff_t dx[TAPS];
  SagConvRowF32Job row = {
    .k = (gsize) c->kin, .rows = rows, .dx = dx, .width = (gsize) g->in[2],
    .pitch = c->in_stride[3], .stride = (gsize) g->in_step[2],
    .w = job->weights + c->weights[p] + (group * c->n_panels + panel) * phase->n_taps * c->kin * c->width,
    .n = (gsize) MIN (c->width, c->nout - first), .nw = (gsize) c->width,
    .init = job->packed + c->bias + group * c->n_panels * c->width + first,
    .out = out, .ld_out = ld, .x0 = 0, .nx = (gsize) n, .lo = -INFINITY, .hi = INFINITY,
  };

  for (int t0 = 0; t0 == 0 || t0 < phase->n_taps; t0 += TAPS)
    {
      int taps = MIN (TAPS, phase->n_taps - t0);

      for (int t = 0; t < taps; t++)
        {
          const gint32 *offset = phase->offset + 3 * (t0 + t);
          gint64 z = qz * g->in_step[0] + offset[0], y = qy * g->in_step[1] + offset[1];
          gboolean inside = z >= 0 && z < g->in[0] && y >= 0 && y < g->in[1];

          rows[t] = inside ? in + z * c->in_stride[1] + y * c->in_stride[2] : NULL;
          dx[t] = offset[2] + q0 * g->in_step[2];
        }
      row.taps = (gsize) taps;
      if (t0 + taps == phase->n_taps && job->residual == NULL)
        {
          row.lo = c->lo;
          row.hi = c->hi;
        }
      if (c->form == FORM_ROWS_DEPTHWISE)
        job->k->depthwise_row_f32 (&row);
      else
        job->k->conv_row_f32.fn (&row);
      row.w += (gint64) taps * c->kin * c->width;
      row.init = NULL;
    }
}

/* Phases p, p + 1 … along x: a stretch of each into a buffer, then woven together. */
static void
rows_woven (const Job *job, int p, gint64 image, gint64 qz, gint64 qy, gint64 group, gint64 panel,
            float *out, gint64 ld)
{
  const SagConvGeometry *g = &job->conv->geometry;
  const SagConvPhase *phases = g->phases + p;
  gint64 step = g->out_step[2], n = MIN (job->conv->width, job->conv->nout - panel * job->conv->width);
  float even[PHASE_N][PHASE_X], odd[PHASE_N][PHASE_X];

  if (step == 2)
    {
      for (gint64 q = 0; q < phases[0].count[2]; q += PHASE_X)
        {
          gint64 n0 = MIN (PHASE_X, phases[0].count[2] - q);
          gint64 n1 = CLAMP (phases[1].count[2] - q, 0, PHASE_X);

          rows_panel (job, p, image, qz, qy, group, panel, q, n0, even[0], PHASE_X);
          if (n1 > 0)
            rows_panel (job, p + 1, image, qz, qy, group, panel, q, n1, odd[0], PHASE_X);
          for (gint64 j = 0; j < n; j++)
            {
              job->k->interleave_f32 ((gsize) n1, even[j], odd[j], out + j * ld + 2 * q);
              if (n0 > n1)
                out[j * ld + 2 * (q + n0 - 1)] = even[j][n0 - 1];
            }
        }
      return;
    }
  for (gint64 r = 0; r < step; r++)
    for (gint64 q = 0; q < phases[r].count[2]; q += PHASE_X)
      {
        gint64 n0 = MIN (PHASE_X, phases[r].count[2] - q);

        rows_panel (job, p + (int) r, image, qz, qy, group, panel, q, n0, even[0], PHASE_X);
        for (gint64 j = 0; j < n; j++)
          for (gint64 i = 0; i < n0; i++)
            out[j * ld + (q + i) * step + r] = even[j][i];
      }
}

/* An output line, all channels. */
static void
rows_line (const Job *job, gint64 image, gint64 z, gint64 y)
{
  const Conv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 qz = z / g->out_step[0], qy = y / g->out_step[1], ld = c->out_stride[3];
  gint64 at = image * c->out_stride[0] + z * c->out_stride[1] + y * c->out_stride[2];
  int p = (int) (((z % g->out_step[0]) * g->out_step[1] + y % g->out_step[1]) * g->out_step[2]);

  for (gint64 group = 0; group < c->groups; group++)
    for (gint64 panel = 0; panel < c->n_panels; panel++)
      {
        float *out = job->out + at + (group * c->nout + panel * c->width) * ld;

        if (g->out_step[2] == 1)
          rows_panel (job, p, image, qz, qy, group, panel, 0, g->out[2], out, ld);
        else
          rows_woven (job, p, image, qz, qy, group, panel, out, ld);
      }
  if (ld == g->out[2])
    finish (job, at, g->cout * ld);
  else
    for (gint64 j = 0; j < g->cout; j++)
      finish (job, at + j * ld, g->out[2]);
}

static void
rows_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const SagConvGeometry *g = &job->conv->geometry;
  gint64 from = (gint64) item * job->per_item, n = g->batch * g->out[0] * g->out[1];

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  for (gint64 i = from; i < MIN (from + job->per_item, n); i++)
    rows_line (job, i / (g->out[0] * g->out[1]), i / g->out[1] % g->out[0], i % g->out[1]);
}

/* --- channels last ----------------------------------------------------------------------- */

/* Pixels of one phase that follow each other in its grid, in blocks of mr. */
typedef struct
{
  int          n, mr;
  gboolean     inside[BLOCKS]; /* all taps of all its pixels are in the image */
  const float *pixel[BLOCKS * MAX_MR]; /* input pixel under offset 0, channel 0 */
  gint64       at[BLOCKS * MAX_MR][3];
} Chunk;

static void
chunk_fill (Chunk *chunk, const Job *job, const SagConvPhase *phase, gint64 image,
            gint64 qz, gint64 qy, gint64 qx, int n)
{
  const Conv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 q[3] = { qz, qy, qx };

  chunk->n = n;
  for (int i = 0; i < n; i++)
    {
      gboolean *inside = &chunk->inside[i / chunk->mr];
      gint64 at = image * c->in_stride[0] + q[2] * g->in_step[2] * g->cin;

      if (i % chunk->mr == 0)
        *inside = TRUE;
      for (int a = 0; a < 3; a++)
        {
          gint64 u = q[a] * g->in_step[a];

          chunk->at[i][a] = u;
          *inside = *inside && u + phase->least[a] >= 0 && u + phase->most[a] < g->in[a];
          if (a < 2)
            at += u * c->in_stride[a + 1];
        }
      chunk->pixel[i] = job->in + at;
      for (int a = 2; a >= 0 && ++q[a] == phase->count[a] && a > 0; a--)
        q[a] = 0;
    }
}

/* Rows of taps t0 .. t0 + taps - 1 for block b: rows[t * mr + i], spare ones repeat the last. */
static void
chunk_rows (const Chunk *chunk, const Job *job, const SagConvPhase *phase, int b, int t0, int taps,
            gint64 channel, const float **rows)
{
  const Conv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  const float *zeros = job->packed + c->zeros;
  int first = b * chunk->mr, last = MIN (chunk->n - first, chunk->mr) - 1;

  for (int t = 0; t < taps; t++, rows += chunk->mr)
    {
      const gint32 *offset = phase->offset + 3 * (t0 + t);
      gint64 move = channel + offset[0] * c->in_stride[1] + offset[1] * c->in_stride[2]
                    + offset[2] * g->cin;

      if (chunk->inside[b])
        for (int i = 0; i <= last; i++)
          rows[i] = chunk->pixel[first + i] + move;
      else
        for (int i = 0; i <= last; i++)
          {
            const gint64 *at = chunk->at[first + i];
            guint64 z = (guint64) (at[0] + offset[0]), y = (guint64) (at[1] + offset[1]);
            guint64 x = (guint64) (at[2] + offset[2]);
            gboolean inside = z < (guint64) g->in[0] && y < (guint64) g->in[1] && x < (guint64) g->in[2];

            rows[i] = inside ? chunk->pixel[first + i] + move : zeros;
          }
      for (int i = last + 1; i < chunk->mr; i++)
        rows[i] = rows[last];
    }
}

/* All channels of a chunk's pixels; pixel i goes to out + i * ldc. */
static void
chunk_run (const Chunk *chunk, const Job *job, int p, float *out, gint64 ldc)
{
  const Conv *c = job->conv;
  const SagConvPhase *phase = &c->geometry.phases[p];
  int n_blocks = (chunk->n + chunk->mr - 1) / chunk->mr;
  const float *rows[BLOCKS][TAPS * MAX_MR];

  for (gint64 group = 0; group < c->groups; group++)
    for (int t0 = 0; t0 == 0 || t0 < phase->n_taps; t0 += TAPS)
      {
        int taps = MIN (TAPS, phase->n_taps - t0);
        gboolean clamp = t0 + taps == phase->n_taps && job->residual == NULL;
        float lo = clamp ? c->lo : -INFINITY, hi = clamp ? c->hi : INFINITY;

        for (int b = 0; b < n_blocks; b++)
          chunk_rows (chunk, job, phase, b, t0, taps, group * c->kin, rows[b]);
        for (gint64 panel = 0; panel < c->n_panels; panel++)
          {
            gint64 column = group * c->nout + panel * c->width;
            gint64 block = (group * c->n_panels + panel) * phase->n_taps + t0;
            gsize w = c->weights[p] + (gsize) (block * c->kin * c->width);
            const float *init = job->packed + c->bias + (group * c->n_panels + panel) * c->width;

            for (int b = 0; b < n_blocks; b++)
              {
                gsize m = (gsize) MIN (chunk->n - b * chunk->mr, chunk->mr);
                gsize n = (gsize) MIN (c->width, c->nout - panel * c->width);
                float *to = out + b * chunk->mr * ldc + column;

                if (c->form == FORM_LAST_DEPTHWISE)
                  job->k->depthwise_f32 (&(SagDepthwiseF32Job){
                    .m = m, .c = n, .taps = (gsize) taps, .rows = rows[b],
                    .ld_rows = (gsize) chunk->mr, .w = job->weights + w, .init = t0 == 0 ? init : NULL, .out = to,
                    .ld_out = ldc, .lo = lo, .hi = hi });
                else if (job->weights == NULL)
                  job->k->gemm_bf16[c->gemm].fn (&(SagGemmBf16Job){
                    .m = m, .n = n, .taps = (gsize) taps, .k = (gsize) c->kin, .rows = rows[b],
                    .w = job->weights16 + w, .init = t0 == 0 ? init : NULL, .c = to, .ldc = ldc,
                    .lo = lo, .hi = hi });
                else
                  job->k->gemm_f32[c->gemm].fn (&(SagGemmF32Job){
                    .m = m, .n = n, .taps = (gsize) taps, .k = (gsize) c->kin, .rows = rows[b],
                    .w = job->weights + w, .init = t0 == 0 ? init : NULL, .c = to, .ldc = ldc,
                    .lo = lo, .hi = hi });
              }
          }
      }
}

static int
block_rows (const Job *job)
{
  return job->conv->form == FORM_LAST ? (int) job->k->gemm_f32[job->conv->gemm].mr : 12;
}

/* Convolution: all pixels of an image are one stretch. */
static void
last_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const SagConvGeometry *g = &job->conv->geometry;
  gint64 n = g->out[0] * g->out[1] * g->out[2], per_image = job->n_items / g->batch;
  gint64 image = (gint64) item / per_image, from = (gint64) item % per_image * job->per_item;
  gint64 to = MIN (from + job->per_item, n);
  Chunk chunk = { .mr = block_rows (job) };

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  for (gint64 i = from; i < to; i += chunk.n)
    {
      gint64 at = image * job->conv->out_stride[0] + i * g->cout;

      chunk_fill (&chunk, job, g->phases, image, i / (g->out[1] * g->out[2]), i / g->out[2] % g->out[1],
                  i % g->out[2], (int) MIN (BLOCKS * chunk.mr, to - i));
      chunk_run (&chunk, job, 0, job->out + at, g->cout);
      finish (job, at, chunk.n * g->cout);
    }
}

/* Transposed: lines, and in each the phases along x one after the other. */
static void
last_line_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Conv *c = job->conv;
  const SagConvGeometry *g = &c->geometry;
  gint64 from = (gint64) item * job->per_item;
  gint64 to = MIN (from + job->per_item, g->batch * g->out[0] * g->out[1]);
  Chunk chunk = { .mr = block_rows (job) };

  if (!sag_step_go_on (job->step, thread, (double) item / (double) job->n_items))
    return;
  for (gint64 i = from; i < to; i++)
    {
      gint64 image = i / (g->out[0] * g->out[1]), z = i / g->out[1] % g->out[0], y = i % g->out[1];
      gint64 at = image * c->out_stride[0] + z * c->out_stride[1] + y * c->out_stride[2];
      int p = (int) (((z % g->out_step[0]) * g->out_step[1] + y % g->out_step[1]) * g->out_step[2]);

      for (gint64 r = 0; r < g->out_step[2]; r++, p++)
        for (gint64 q = 0; q < g->phases[p].count[2]; q += chunk.n)
          {
            chunk_fill (&chunk, job, &g->phases[p], image, z / g->out_step[0], y / g->out_step[1], q,
                        (int) MIN (BLOCKS * chunk.mr, g->phases[p].count[2] - q));
            chunk_run (&chunk, job, p, job->out + at + (q * g->out_step[2] + r) * g->cout,
                       g->out_step[2] * g->cout);
          }
      finish (job, at, g->out[2] * g->cout);
    }
}

/* --- */

static void
run (const SagStep *step)
{
  const SagNode *node = step->node;
  const Conv *c = node->state;
  const SagConvGeometry *g = &c->geometry;
  const SagValue *bias = bias_of (node), *residual = residual_of (node);
  gint64 lines = g->batch * g->out[0] * g->out[1], pixels = g->out[0] * g->out[1] * g->out[2];
  Job job = {
    .step = step, .conv = c, .k = sag_kernels_get (), .in = sag_step_in (step, 0),
    .packed = c->dynamic ? step->scratch : node->packed, .out = sag_step_out (step, 0),
    .residual = residual != NULL ? residual->data : NULL,
  };
  gboolean last = c->form == FORM_LAST || c->form == FORM_LAST_DEPTHWISE;
  double work = (double) node->macs / (double) MAX (1, lines * g->out[2]); /* a pixel's */

  if (lines * g->out[2] == 0)
    return;
  if (c->dynamic)
    pack_into (c, sag_step_in (step, 1), bias != NULL ? bias->data : NULL, step->scratch);

  job.weights = job.packed + c->head;
  if (c->bf16)
    {
      job.weights16 = (const guint16 *) (job.packed + c->head);
      job.weights = c->form == FORM_LAST ? NULL : step->scratch;
      if (job.weights != NULL)
        widen (c->n_weights, job.weights16, step->scratch);
    }
  g_assert (block_rows (&job) <= MAX_MR);
  if (last && !g->transposed)
    {
      gint64 chunk = BLOCKS * block_rows (&job);

      job.per_item = chunk * (gint64) (1 + ITEM_WORK / (work * (double) chunk + 1));
      job.per_item = MIN (job.per_item, (pixels + chunk - 1) / chunk * chunk);
      job.n_items = g->batch * ((pixels + job.per_item - 1) / job.per_item);
      sag_parallel_for ((gsize) job.n_items, last_item, &job);
      return;
    }
  job.per_item = MIN (lines, (gint64) (1 + ITEM_WORK / (work * (double) g->out[2] + 1)));
  job.n_items = (lines + job.per_item - 1) / job.per_item;
  sag_parallel_for ((gsize) job.n_items, last ? last_line_item : rows_item, &job);
}

const SagOp sag_ops_conv[] = {
  { "Conv", "", infer, cost, prepare, pack, run, .follows = 1,
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED },
  { "ConvTranspose", "", infer, cost, prepare, pack, run, .follows = 1,
    .fuses = SAG_FUSE_ACTIVATION | SAG_FUSE_RESIDUAL, .flags = SAG_OP_WEIGHTED },
  { NULL },
};
