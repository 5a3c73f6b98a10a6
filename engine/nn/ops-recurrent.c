/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-recurrent.c: RNN, GRU and LSTM (ONNX set 7 and newer) with their usual activations, and
 * LinearAttention and CausalConvWithState (set 27).
 *
 * A sequence is one task: time cannot be split, its gates are dot products.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* ---- RNN, GRU, LSTM --------------------------------------------------------------------- */

enum
{
  IN_X,
  IN_W,
  IN_R,
  IN_B,
  IN_LENGTHS,
  IN_H,
  IN_C,
  IN_P,
};

typedef struct
{
  int      gates; /* 1, 3, 4 */
  gint64   length, batch, width, hidden;
  int      directions;
  gboolean reverse; /* the first direction */
} Cell;

static gboolean
read_cell (const SagNode *node, Cell *cell, GError **error)
{
  static const int fixed[] = { IN_X, IN_W, IN_R };
  const SagShape *x = &sag_node_input (node, IN_X)->shape, *w = &sag_node_input (node, IN_W)->shape;
  const SagShape *r = &sag_node_input (node, IN_R)->shape;
  const char *direction = sag_node_get_string (node, "direction", "forward");

  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    if (sag_node_input (node, fixed[i])->shape.rank != 3)
      return sag_node_invalid (node, error, "x, W and R must have three dimensions");
  *cell = (Cell){ *node->op->name == 'R' ? 1 : *node->op->name == 'G' ? 3 : 4,
                  x->dim[0], x->dim[1], x->dim[2], r->dim[2] };
  cell->directions = strcmp (direction, "bidirectional") == 0 ? 2 : 1;
  cell->reverse = strcmp (direction, "reverse") == 0;
  if (w->dim[0] != cell->directions || r->dim[0] != cell->directions || w->dim[2] != cell->width
      || w->dim[1] != cell->gates * cell->hidden || r->dim[1] != cell->gates * cell->hidden)
    return sag_node_invalid (node, error, "x, W and R do not fit each other");
  return TRUE;
}

static gboolean
has_count (const SagNode *node, int i, gint64 n)
{
  const SagValue *value = sag_node_input (node, i);

  return value == NULL || sag_value_count (value) == n;
}

static gboolean
usual_activations (const SagNode *node, int gates)
{
  static const char *const usual[][3] = { { "Tanh" }, { "Sigmoid", "Tanh" },
                                          { "Sigmoid", "Tanh", "Tanh" } };
  const SagAttribute *given = sag_node_attribute (node, "activations");
  int n = gates == 1 ? 1 : gates - 1, row = gates == 1 ? 0 : gates - 2;

  if (given == NULL || given->kind != SAG_ATTRIBUTE_STRINGS)
    return TRUE;
  for (int i = 0; i < given->n; i++)
    if (g_ascii_strcasecmp (given->strings[i], usual[row][i % n]) != 0)
      return FALSE;
  return TRUE;
}

/* Layout 1 (ONNX 14) has the batch first: the same between transposes. */
static gboolean
expand_cell (SagNode *node, int at, GError **error)
{
  static const gint64 swap[] = { 1, 0, 2 }, back[] = { 2, 0, 1, 3 };
  SagBuild b = { node, at };
  SagNode *cell;

  if (sag_node_get_int (node, "layout", 0) != 1)
    return TRUE;
  for (int i = 0; i < (int) node->inputs->len; i++)
    if ((i == IN_X || i == IN_H || i == IN_C) && sag_node_input (node, i) != NULL && sag_node_input (node, i)->shape.rank != 3)
      return sag_node_invalid (node, error, "x and the states must have three dimensions");
  cell = sag_graph_add_node (node->graph, node->op, node->name, at);
  cell->opset = node->opset;
  for (int i = 0; i < (int) node->inputs->len; i++)
    {
      SagValue *x = sag_node_input (node, i);

      b.at = at;
      if (x != NULL && (i == IN_X || i == IN_H || i == IN_C))
        {
          x = sag_build_transpose (&b, x, 3, swap);
          at = b.at;
        }
      g_ptr_array_add (cell->inputs, x);
    }
  sag_build_move_attributes (&b, cell);
  sag_node_set_int (cell, "layout", 0);
  b.at = at + 1;
  for (int i = 0; i < (int) node->outputs->len; i++)
    if (sag_node_output (node, i) != NULL)
      {
        sag_node_set_output (cell, i, sag_graph_add_value (node->graph, node->name));
        sag_build_end (&b, i, sag_build_transpose (&b, sag_node_output (cell, i), i == 0 ? 4 : 3, i == 0 ? back : swap));
      }
  return TRUE;
}

static gboolean
infer_cell (SagNode *node, GError **error)
{
  Cell cell;
  SagShape shape;
  gint64 state;

  if (node->outputs->len < 1 || sag_node_output (node, 0) == NULL)
    sag_node_set_output (node, 0, sag_graph_add_value (node->graph, node->name));
  if (!sag_node_arity (node, 3, error) || !read_cell (node, &cell, error))
    return FALSE;
  for (int i = 0; i < (int) node->inputs->len; i++)
    if (i != IN_LENGTHS && sag_node_input (node, i) != NULL
        && !sag_node_want_float (node, i, error))
      return FALSE;
  if (!usual_activations (node, cell.gates) || sag_node_attribute (node, "clip") != NULL
      || sag_node_get_int (node, "layout", 0) != 0 || sag_node_get_int (node, "input_forget", 0) != 0)
    return sag_node_unsupported (node, error, "only the usual activations and layout are supported");
  state = cell.directions * cell.batch * cell.hidden;
  if (!has_count (node, IN_B, 2 * cell.directions * cell.gates * cell.hidden)
      || !has_count (node, IN_LENGTHS, cell.batch) || !has_count (node, IN_H, state)
      || (cell.gates == 4
          && (!has_count (node, IN_C, state) || !has_count (node, IN_P, 3 * cell.directions * cell.hidden)))
      || (sag_node_input (node, IN_LENGTHS) != NULL
          && sag_node_input (node, IN_LENGTHS)->dtype != SAG_DTYPE_I32))
    return sag_node_invalid (node, error, "an input is of another size than the cells");
  shape = (SagShape){ 4, { cell.length, cell.directions, cell.batch, cell.hidden } };
  if (!sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error))
    return FALSE;
  shape = (SagShape){ 3, { cell.directions, cell.batch, cell.hidden } };
  return sag_node_give (node, 1, SAG_DTYPE_F32, &shape, error)
         && sag_node_give (node, 2, SAG_DTYPE_F32, &shape, error);
}

/* Scratch of a task: gates and what is added to them, h, c, and r h. */
static gboolean
prepare_cell (SagNode *node, SagPrecision precision, GError **error)
{
  Cell cell;
  gsize floats;
  double work;

  if (!read_cell (node, &cell, error))
    return FALSE;
  if (!g_size_checked_mul (&floats, (gsize) cell.hidden, 2 * (gsize) cell.gates + 3)
      || !g_size_checked_mul (&floats, floats, (gsize) (cell.directions * cell.batch))
      || !g_size_checked_mul (&node->scratch_bytes, floats, sizeof (float)))
    return sag_node_invalid (node, error, "it is too large");
  work = (double) cell.directions * (double) cell.batch * (double) cell.length
         * (double) (cell.gates * cell.hidden) * (double) (cell.width + cell.hidden);
  node->macs = (gint64) MIN (work, 1e18);
  node->kernel = "recurrent";
  return TRUE;
}

typedef struct
{
  const SagStep *step;
  Cell           cell;
  const float   *w, *r, *b, *p; /* of this direction; b, p may be NULL */
  float         *gate, *more, *h, *c, *rh;
} CellRun;

static const float *
floats_or_null (const SagStep *step, int i, gint64 from)
{
  const SagValue *value = sag_node_input (step->node, i);

  return value != NULL ? (const float *) value->data + from : NULL;
}

/* gate[from..to) = W x + R h + both biases. */
static void
fill_gates (const CellRun *run, const float *x, const float *h, gint64 from, gint64 to)
{
  const SagKernels *kernels = sag_kernels_get ();
  const Cell *cell = &run->cell;
  size_t n = (size_t) (to - from);

  kernels->reduce.dots (n, (size_t) cell->width, run->w + from * cell->width, x, run->gate + from);
  kernels->reduce.dots (n, (size_t) cell->hidden, run->r + from * cell->hidden, h, run->more + from);
  for (gint64 i = from; i < to; i++)
    run->gate[i] += run->more[i];
  for (gint64 i = from; run->b != NULL && i < to; i++)
    run->gate[i] += run->b[i] + run->b[cell->gates * cell->hidden + i];
}

static void
step_lstm (const CellRun *run, const float *x)
{
  const SagKernels *kernels = sag_kernels_get ();
  gint64 n = run->cell.hidden;
  float *in = run->gate, *out = in + n, *forget = out + n, *fresh = forget + n;

  fill_gates (run, x, run->h, 0, 4 * n);
  for (gint64 i = 0; run->p != NULL && i < n; i++)
    {
      in[i] += run->p[i] * run->c[i];
      forget[i] += run->p[2 * n + i] * run->c[i];
    }
  kernels->unary[SAG_UNARY_SIGMOID] ((size_t) n, in, in, 0, 0);
  kernels->unary[SAG_UNARY_SIGMOID] ((size_t) n, forget, forget, 0, 0);
  kernels->unary[SAG_UNARY_TANH] ((size_t) n, fresh, fresh, 0, 0);
  for (gint64 i = 0; i < n; i++)
    {
      run->c[i] = forget[i] * run->c[i] + in[i] * fresh[i];
      if (run->p != NULL)
        out[i] += run->p[n + i] * run->c[i];
    }
  kernels->unary[SAG_UNARY_SIGMOID] ((size_t) n, out, out, 0, 0);
  kernels->unary[SAG_UNARY_TANH] ((size_t) n, run->c, fresh, 0, 0);
  for (gint64 i = 0; i < n; i++)
    run->h[i] = out[i] * fresh[i];
}

static void
step_gru (const CellRun *run, const float *x)
{
  const SagKernels *kernels = sag_kernels_get ();
  gint64 n = run->cell.hidden, width = run->cell.width;
  float *update = run->gate, *reset = update + n, *fresh = reset + n;

  fill_gates (run, x, run->h, 0, 2 * n);
  kernels->unary[SAG_UNARY_SIGMOID] ((size_t) (2 * n), update, update, 0, 0);
  if (sag_node_get_int (run->step->node, "linear_before_reset", 0) != 0)
    {
      kernels->reduce.dots ((size_t) n, (size_t) width, run->w + 2 * n * width, x, fresh);
      kernels->reduce.dots ((size_t) n, (size_t) n, run->r + 2 * n * n, run->h, run->more);
      for (gint64 i = 0; i < n; i++)
        fresh[i] = fresh[i] + (run->b != NULL ? run->b[2 * n + i] : 0)
                   + reset[i] * (run->more[i] + (run->b != NULL ? run->b[5 * n + i] : 0));
    }
  else
    {
      for (gint64 i = 0; i < n; i++)
        run->rh[i] = reset[i] * run->h[i];
      fill_gates (run, x, run->rh, 2 * n, 3 * n);
    }
  kernels->unary[SAG_UNARY_TANH] ((size_t) n, fresh, fresh, 0, 0);
  for (gint64 i = 0; i < n; i++)
    run->h[i] = (1 - update[i]) * fresh[i] + update[i] * run->h[i];
}

static void
step_rnn (const CellRun *run, const float *x)
{
  fill_gates (run, x, run->h, 0, run->cell.hidden);
  sag_kernels_get ()->unary[SAG_UNARY_TANH] ((size_t) run->cell.hidden, run->gate, run->h, 0, 0);
}

static void
run_sequence (CellRun *run, gint64 item, int thread)
{
  const SagStep *step = run->step;
  const Cell *cell = &run->cell;
  gint64 d = item / cell->batch, batch = item % cell->batch, n = cell->hidden;
  const SagValue *lengths = sag_node_input (step->node, IN_LENGTHS);
  gint64 length = cell->length, gates = cell->gates * n;
  gboolean back = cell->reverse || d == 1;
  const float *h0 = floats_or_null (step, IN_H, item * n);
  const float *c0 = cell->gates == 4 ? floats_or_null (step, IN_C, item * n) : NULL;
  float *y = sag_step_out (step, 0);

  if (lengths != NULL)
    length = CLAMP (((const gint32 *) lengths->data)[batch], 0, cell->length);
  run->w = floats_or_null (step, IN_W, d * gates * cell->width);
  run->r = floats_or_null (step, IN_R, d * gates * n);
  run->b = floats_or_null (step, IN_B, d * 2 * gates);
  run->p = cell->gates == 4 ? floats_or_null (step, IN_P, d * 3 * n) : NULL;
  run->gate = (float *) step->scratch + item * (2 * gates + 3 * n);
  run->more = run->gate + gates;
  run->h = run->more + gates;
  run->c = run->h + n;
  run->rh = run->c + n;
  for (gint64 i = 0; i < n; i++)
    {
      run->h[i] = h0 != NULL ? h0[i] : 0;
      run->c[i] = c0 != NULL ? c0[i] : 0;
    }
  for (gint64 s = 0; s < cell->length; s++)
    {
      gint64 t = back && s < length ? length - 1 - s : s;
      const float *x = (const float *) sag_step_in (step, IN_X) + (t * cell->batch + batch) * cell->width;
      float *to = y + ((t * cell->directions + d) * cell->batch + batch) * n;

      if (s >= length)
        {
          memset (to, 0, sizeof *to * (gsize) n);
          continue;
        }
      if (s % 16 == 0 && !sag_step_go_on (step, thread, (double) s / (double) length))
        return;
      if (cell->gates == 1)
        step_rnn (run, x);
      else if (cell->gates == 3)
        step_gru (run, x);
      else
        step_lstm (run, x);
      memcpy (to, run->h, sizeof *to * (gsize) n);
    }
  for (int i = 1; i < 3; i++)
    if (sag_node_output (step->node, i) != NULL)
      memcpy ((float *) sag_step_out (step, i) + item * n, i == 1 ? run->h : run->c,
              sizeof (float) * (gsize) n);
}

static void
run_sequences (gint64 item, gint64 to, int thread, gpointer data)
{
  for (; item < to; item++)
    {
      CellRun run = *(const CellRun *) data;

      run_sequence (&run, item, thread);
    }
}

static void
run_cell (const SagStep *step)
{
  CellRun run = { .step = step };

  read_cell (step->node, &run.cell, NULL);
  sag_range_run (run.cell.directions * run.cell.batch, 1, run_sequences, &run);
}

/* ---- LinearAttention -------------------------------------------------------------------- */

/* Inputs: q, k [B, T, heads d_k], v [B, T, heads d_v], past state [B, heads, d_k, d_v], decay (in
 * logarithms) [B, T, heads] or [B, T, heads d_k], beta [B, T, heads] or [B, T, 1]. */
enum
{
  LA_Q,
  LA_K,
  LA_V,
  LA_PAST,
  LA_DECAY,
  LA_BETA,
};

typedef struct
{
  const SagStep *step;
  gint64         batch, length, q_heads, heads, dk, dv, decays, betas; /* of the last two: a row */
  gboolean       gated, delta;
  float          scale;
} Linear;

static gboolean
read_linear (const SagNode *node, Linear *self, GError **error)
{
  const char *rule = sag_node_get_string (node, "update_rule", "gated_delta");
  const SagShape *q = &sag_node_input (node, LA_Q)->shape, *k = &sag_node_input (node, LA_K)->shape;
  const SagShape *v = &sag_node_input (node, LA_V)->shape;
  const SagValue *past = sag_node_input (node, LA_PAST), *decay = sag_node_input (node, LA_DECAY);
  const SagValue *beta = sag_node_input (node, LA_BETA);
  float scale = sag_node_get_float (node, "scale", 0);

  *self = (Linear){ .q_heads = sag_node_get_int (node, "q_num_heads", 0),
                    .heads = sag_node_get_int (node, "kv_num_heads", 0) };
  self->gated = g_str_has_prefix (rule, "gated");
  self->delta = g_str_has_suffix (rule, "delta");
  if (!self->gated && !self->delta && strcmp (rule, "linear") != 0)
    return sag_node_unsupported (node, error, "its update rule is unknown");
  if (q->rank != 3 || k->rank != 3 || v->rank != 3 || self->heads < 1 || self->q_heads < 1
      || self->q_heads % self->heads != 0 || q->dim[2] % self->q_heads != 0
      || k->dim[2] % self->heads != 0 || v->dim[2] % self->heads != 0)
    return sag_node_invalid (node, error, "q, k and v do not fit its heads");
  self->batch = q->dim[0];
  self->length = q->dim[1];
  self->dk = k->dim[2] / self->heads;
  self->dv = v->dim[2] / self->heads;
  self->scale = scale != 0 ? scale : 1 / sqrtf ((float) MAX (1, self->dk));
  for (int i = 1; i < 3; i++)
    if (sag_node_input (node, i)->shape.dim[0] != self->batch
        || sag_node_input (node, i)->shape.dim[1] != self->length)
      return sag_node_invalid (node, error, "q, k and v do not fit each other");
  if (q->dim[2] / self->q_heads != self->dk
      || (past != NULL && sag_value_count (past) != self->batch * self->heads * self->dk * self->dv))
    return sag_node_invalid (node, error, "its state does not fit q, k and v");
  if ((self->gated && decay == NULL) || (self->delta && beta == NULL))
    return sag_node_invalid (node, error, "it lacks decay or beta");
  if (self->batch * self->length > 0)
    {
      self->decays = self->gated ? sag_value_count (decay) / (self->batch * self->length) : 0;
      self->betas = self->delta ? sag_value_count (beta) / (self->batch * self->length) : 0;
    }
  if ((self->gated && self->decays != self->heads && self->decays != self->heads * self->dk)
      || (self->delta && self->betas != self->heads && self->betas != 1))
    return sag_node_invalid (node, error, "decay or beta is of another size");
  return TRUE;
}

static gboolean
infer_linear (SagNode *node, GError **error)
{
  SagShape shape;
  Linear self;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  for (int i = 0; i < (int) node->inputs->len; i++)
    if (sag_node_input (node, i) != NULL && !sag_node_want_float (node, i, error))
      return FALSE;
  if (!read_linear (node, &self, error))
    return FALSE;
  shape = (SagShape){ 3, { self.batch, self.length, self.q_heads * self.dv } };
  if (!sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error))
    return FALSE;
  shape = (SagShape){ 4, { self.batch, self.heads, self.dk, self.dv } };
  return sag_node_give (node, 1, SAG_DTYPE_F32, &shape, error);
}

/* Scratch of a task: the state, the values minus what is remembered, and the decays' exponentials. */
static gboolean
prepare_linear (SagNode *node, SagPrecision precision, GError **error)
{
  Linear self;
  gsize floats;
  double work;

  if (!read_linear (node, &self, error))
    return FALSE;
  if (!g_size_checked_mul (&floats, (gsize) self.dk + 1, (gsize) self.dv + 1)
      || !g_size_checked_mul (&floats, floats, (gsize) (self.batch * self.heads))
      || !g_size_checked_mul (&node->scratch_bytes, floats, sizeof (float)))
    return sag_node_invalid (node, error, "it is too large");
  work = 3.0 * (double) self.batch * (double) self.length * (double) self.q_heads
         * (double) self.dk * (double) self.dv;
  node->macs = (gint64) MIN (work, 1e18);
  node->kernel = "recurrent";
  return TRUE;
}

/* s = decay s; s += k (beta (v - sᵀ k)); y = scale sᵀ q */
static void
linear_head (const Linear *self, gint64 item, int thread)
{
  const SagStep *step = self->step;
  const SagKernels *kernels = sag_kernels_get ();
  gint64 batch = item / self->heads, head = item % self->heads, dk = self->dk, dv = self->dv;
  gint64 group = self->q_heads / self->heads;
  float *s = (float *) step->scratch + item * (dk + 1) * (dv + 1), *fresh = s + dk * dv,
        *decay = fresh + dv;
  const float *past = floats_or_null (step, LA_PAST, item * dk * dv);

  for (gint64 i = 0; i < dk * dv; i++)
    s[i] = past != NULL ? past[i] : 0;
  for (gint64 t = 0; t < self->length; t++)
    {
      gint64 row = batch * self->length + t;
      const float *k = floats_or_null (step, LA_K, (row * self->heads + head) * dk);
      const float *v = floats_or_null (step, LA_V, (row * self->heads + head) * dv);
      float beta = 1;

      if (t % 64 == 0
          && !sag_step_go_on (step, thread, (double) item / (double) (self->batch * self->heads)))
        return;
      if (self->gated)
        {
          const float *g = floats_or_null (step, LA_DECAY, row * self->decays);
          gboolean each = self->decays != self->heads;

          for (gint64 i = 0; i < dk; i++)
            decay[i] = each ? g[head * dk + i] : g[head];
          kernels->unary[SAG_UNARY_EXP] ((size_t) dk, decay, decay, 0, 0);
          for (gint64 i = 0; i < dk; i++)
            for (gint64 j = 0; j < dv; j++)
              s[i * dv + j] *= decay[i];
        }
      memcpy (fresh, v, sizeof *v * (gsize) dv);
      if (self->delta)
        {
          const float *all = floats_or_null (step, LA_BETA, row * self->betas);

          beta = all[self->betas == 1 ? 0 : head];
          for (gint64 i = 0; i < dk; i++)
            for (gint64 j = 0; j < dv; j++)
              fresh[j] -= k[i] * s[i * dv + j];
        }
      for (gint64 i = 0; i < dk; i++)
        for (gint64 j = 0; j < dv; j++)
          s[i * dv + j] += beta * k[i] * fresh[j];
      for (gint64 g = 0; g < group; g++)
        {
          gint64 at = row * self->q_heads + head * group + g;
          const float *q = floats_or_null (step, LA_Q, at * dk);
          float *y = (float *) sag_step_out (step, 0) + at * dv;

          memset (y, 0, sizeof *y * (gsize) dv);
          for (gint64 i = 0; i < dk; i++)
            for (gint64 j = 0; j < dv; j++)
              y[j] += self->scale * q[i] * s[i * dv + j];
        }
    }
  if (sag_node_output (step->node, 1) != NULL)
    memcpy ((float *) sag_step_out (step, 1) + item * dk * dv, s, sizeof *s * (gsize) (dk * dv));
}

static void
linear_heads (gint64 item, gint64 to, int thread, gpointer data)
{
  for (; item < to; item++)
    linear_head (data, item, thread);
}

static void
run_linear (const SagStep *step)
{
  Linear self;

  read_linear (step->node, &self, NULL);
  self.step = step;
  sag_range_run (self.batch * self.heads, 1, linear_heads, &self);
}

/* ---- CausalConvWithState ---------------------------------------------------------------- */

/* x [B, C, L], w [C, 1, k], bias, past [B, C, k - 1]: y [B, C, L] and the last k - 1 of past and x. */
static gboolean
expand_causal_conv (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *w = sag_node_input (node, 1), *past, *y;
  const char *activation = sag_node_get_string (node, "activation", "none");
  gint64 k, length;

  if (!sag_node_arity (node, 2, error))
    return FALSE;
  if (x->shape.rank != 3 || w->shape.rank != 3 || w->shape.dim[0] != x->shape.dim[1]
      || w->shape.dim[1] != 1 || w->shape.dim[2] < 1)
    return sag_node_invalid (node, error, "its weights do not fit its input");
  k = w->shape.dim[2];
  length = x->shape.dim[2];
  past = sag_node_input (node, 3);
  if (past != NULL)
    {
      x = sag_build (&b, "Concat", 2, past, x);
      sag_node_set_int (x->producer, "axis", 2);
    }
  else
    x = sag_build (&b, "Pad", 2, x, sag_build_ints (&b, 6, (gint64[]){ 0, 0, k - 1, 0, 0, 0 }));
  y = sag_build (&b, "Conv", 3, x, w, sag_node_input (node, 2));
  sag_node_set_int (y->producer, "group", w->shape.dim[0]);
  if (strcmp (activation, "silu") == 0 || strcmp (activation, "swish") == 0)
    y = sag_build_in (&b, "sagitta", "Silu", 1, y);
  else if (strcmp (activation, "none") != 0)
    return sag_node_unsupported (node, error, "its activation is unknown");
  sag_build_end (&b, 0, y);
  if (sag_node_output (node, 1) != NULL)
    sag_build_end (&b, 1, sag_build_slice (&b, x, 2, length, length + k - 1));
  return TRUE;
}

#define CELL(name) { name, "", infer_cell, NULL, prepare_cell, NULL, run_cell, .expand = expand_cell }
#define LINEAR(domain)                                                                         \
  { "LinearAttention", domain, infer_linear, NULL, prepare_linear, NULL, run_linear }

const SagOp sag_ops_recurrent[] = {
  CELL ("RNN"),
  CELL ("GRU"),
  CELL ("LSTM"),
  LINEAR (""),
  LINEAR ("com.microsoft"),
  { "CausalConvWithState", "", .expand = expand_causal_conv },
  { "CausalConvWithState", "com.microsoft", .expand = expand_causal_conv },
  { NULL },
};
