/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-trace.c: a linear recurrence found by what is computed, not by how it is written.
 *
 * A prefix scan (Hillis and Steele, 1986; Blelloch, 1990), a sum of quotients or steps written out
 * consist of operators that move whole steps and of products and sums of them. So each step of every
 * value between a, b and h is followed as a term; what h is made of is then read off. With
 * p(i, j) = a[i] ... a[j - 1], its inverse where j < i, a term is
 *
 *     0
 *     p(i, j)
 *     s(i, j) = log p(i, j)
 *     q(i, m, j) = the sum over i <= k < m of p(k + 1, j) b[k]
 *
 *     p(i, j) p(j, k) = p(i, k)    q(i, m, j) p(j, k) = q(i, m, k)    q(i, m, j) + q(m, n, j) = q(i, n, j)
 *
 * and h[t] must be q(0, t + 1, t + 1) for every t. Anything else is `unknown`, and may not reach h.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"

#include <math.h>
#include <string.h>

enum { MAX_CELLS = 1 << 22, MAX_LEAVES = 2, CELLS_A_NODE = 4096 }; /* the last: what costs as much as a node */

typedef enum { UNKNOWN, ZERO, PRODUCT, LOGARITHM, SUM } Kind;

typedef struct
{
  Kind   kind;
  gint32 i, m, j;
} Cell;

/* The terms of a value along its axes that are time, row-major; the others hold one term each. */
typedef struct
{
  guint  time;                /* bit i: axis i is (a part of) time */
  int    axis[SAG_MAX_RANK];  /* of the others: the leaves' axis, or -1 */
  gint64 n;
  Cell   cell[];
} Terms;

typedef struct
{
  GHashTable *terms;  /* SagValue * -> Terms * */
  GPtrArray  *nodes;  /* of the cone, in order */
  SagValue   *leaf[MAX_LEAVES];
  gint64      n_cells;
} Trace;

/* ---- terms ------------------------------------------------------------------------------ */

static Cell
multiply (Cell x, Cell y)
{
  if (x.kind == ZERO || y.kind == ZERO)
    return (Cell){ ZERO };
  if (y.kind == SUM)
    {
      Cell swap = x;

      x = y;
      y = swap;
    }
  if (y.kind != PRODUCT || (x.kind != PRODUCT && x.kind != SUM))
    return (Cell){ UNKNOWN };
  if (y.i == y.j)
    return x;
  if (x.kind == PRODUCT && x.i == x.j)
    return y;
  if (x.j == y.i)
    return (Cell){ x.kind, x.i, x.m, y.j };
  if (x.kind == PRODUCT && y.j == x.i)
    return (Cell){ PRODUCT, y.i, 0, x.j };
  return (Cell){ UNKNOWN };
}

static Cell
add (Cell x, Cell y)
{
  if (x.kind == ZERO)
    return y;
  if (y.kind == ZERO)
    return x;
  if (x.kind != y.kind)
    return (Cell){ UNKNOWN };
  if (x.kind == SUM && x.j == y.j && x.m == y.i)
    return (Cell){ SUM, x.i, y.m, x.j };
  if (x.kind == SUM && x.j == y.j && y.m == x.i)
    return (Cell){ SUM, y.i, x.m, x.j };
  if (x.kind == LOGARITHM && x.j == y.i)
    return (Cell){ LOGARITHM, x.i, 0, y.j };
  if (x.kind == LOGARITHM && y.j == x.i)
    return (Cell){ LOGARITHM, y.i, 0, x.j };
  return (Cell){ UNKNOWN };
}

static Cell
inverse (Cell x, Kind kind)
{
  if (kind == LOGARITHM && x.kind == ZERO)
    return x;
  return x.kind == kind ? (Cell){ kind, x.j, 0, x.i } : (Cell){ UNKNOWN };
}

static Cell
exponential (Cell x)
{
  return x.kind == ZERO        ? (Cell){ PRODUCT }
         : x.kind == LOGARITHM ? (Cell){ PRODUCT, x.i, 0, x.j }
                               : (Cell){ UNKNOWN };
}

/* ---- which nodes ------------------------------------------------------------------------ */

static gboolean
is_named (const SagNode *node, const char *const *names)
{
  for (; *names != NULL; names++)
    if (sag_match_is (node, *names))
      return TRUE;
  return FALSE;
}

/* Does the node move steps, or compute with terms? Products that widen make the leaves. */
gboolean
sag_scan_moves (const SagNode *node)
{
  static const char *const movers[] = { "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Exp", "Neg",
                                        "Identity", NULL };
  static const char *const cutters[] = { "Slice", "Gather", "Concat", "Split", "CumSum", NULL };
  static const char *const pairs[] = { "Add", "Sub", "Mul", "Div", NULL };
  const SagValue *x, *y;

  if (is_named (node, movers) || sag_match_is (node, "Pad"))
    return TRUE;
  if (is_named (node, cutters)) /* the last axis is never time */
    {
      x = sag_node_input (node, 0);
      y = sag_node_output (node, 0);
      return x != NULL && y != NULL && x->shape.rank > 1 && y->shape.rank > 1
             && x->shape.dim[x->shape.rank - 1] == y->shape.dim[y->shape.rank - 1];
    }
  if (!is_named (node, pairs))
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (sag_node_input (node, i)->constant == NULL
        && !sag_shape_equal (&sag_node_input (node, i)->shape, &sag_node_output (node, 0)->shape))
      return FALSE;
  return TRUE;
}

static gboolean
mixes (const SagNode *node)
{
  static const char *const names[] = { "Slice", "Gather", "Concat", "Split", "CumSum", "Pad", NULL };

  return is_named (node, names);
}

static int
compare_places (gconstpointer a, gconstpointer b)
{
  const SagNode *x = *(SagNode *const *) a, *y = *(SagNode *const *) b;

  return x->mark - y->mark;
}

/* Inputs that hold terms: those beyond are where and how far. */
static int
n_terms (const SagNode *node)
{
  static const char *const all[] = { "Concat", "Add", "Sub", "Mul", "Div", NULL };

  return is_named (node, all) ? (int) node->inputs->len : 1;
}

/* The nodes above h, down to its two leaves: what no step has been cut out of. */
static gboolean
find_cone (Trace *self, SagValue *h, gint64 *budget)
{
  g_autoptr (GHashTable) mixed = g_hash_table_new (NULL, NULL), seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) stack = g_ptr_array_new (), all = g_ptr_array_new ();
  int n_leaves = 0;

  if (h->producer == NULL || !sag_scan_moves (h->producer))
    return FALSE;
  g_ptr_array_add (stack, h->producer);
  g_hash_table_add (seen, h->producer);
  while (stack->len > 0)
    {
      SagNode *node = g_ptr_array_steal_index_fast (stack, stack->len - 1);

      if (--*budget < 0)
        return FALSE;
      g_ptr_array_add (all, node);
      for (int i = 0; i < n_terms (node); i++)
        {
          SagNode *above = sag_node_input (node, i)->producer;

          if (above != NULL && sag_scan_moves (above) && g_hash_table_add (seen, above))
            g_ptr_array_add (stack, above);
        }
    }
  g_ptr_array_sort (all, compare_places);
  for (guint k = 0; k < all->len; k++)
    {
      SagNode *node = all->pdata[k];
      gboolean is_mixed = mixes (node);

      for (int i = 0; i < n_terms (node) && !is_mixed; i++)
        is_mixed = g_hash_table_contains (mixed, sag_node_input (node, i)->producer);
      if (!is_mixed)
        continue;
      g_hash_table_add (mixed, node);
      g_ptr_array_add (self->nodes, node);
    }
  for (guint k = 0; k < self->nodes->len; k++)
    {
      SagNode *node = self->nodes->pdata[k];

      for (int i = 0; i < n_terms (node); i++)
        {
          SagValue *x = sag_node_input (node, i);

          if (x->constant != NULL || (x->producer != NULL && g_hash_table_contains (mixed, x->producer))
              || (n_leaves > 0 && self->leaf[0] == x) || (n_leaves > 1 && self->leaf[1] == x))
            continue;
          if (n_leaves == MAX_LEAVES)
            return FALSE;
          self->leaf[n_leaves++] = x;
        }
    }
  return n_leaves == 2 && self->leaf[0]->dtype == SAG_DTYPE_F32
         && self->leaf[1]->dtype == SAG_DTYPE_F32
         && sag_shape_equal (&self->leaf[0]->shape, &self->leaf[1]->shape)
         && g_hash_table_contains (mixed, h->producer);
}

/* ---- a node ----------------------------------------------------------------------------- */

static Terms *
new_terms (Trace *self, const SagValue *value, const Terms *like, guint time)
{
  Terms *terms;
  gint64 n = 1;

  for (int i = 0; i < value->shape.rank; i++)
    if (time >> i & 1)
      {
        n *= value->shape.dim[i];
        if (n > MAX_CELLS)
          return NULL;
      }
  self->n_cells += n;
  if (self->n_cells > MAX_CELLS)
    return NULL;
  terms = g_malloc0 (sizeof *terms + (gsize) n * sizeof *terms->cell);
  terms->time = time;
  terms->n = n;
  for (int i = 0; i < SAG_MAX_RANK; i++)
    terms->axis[i] = like != NULL ? like->axis[i] : -1;
  g_hash_table_replace (self->terms, (gpointer) value, terms);
  return terms;
}

/* The terms of a value; those of a constant are zeros, or ones. */
static Terms *
terms_of (Trace *self, SagValue *value)
{
  Terms *terms = g_hash_table_lookup (self->terms, value);
  const float *x;

  if (terms != NULL || value->constant == NULL || value->dtype != SAG_DTYPE_F32)
    return terms;
  x = value->constant->data;
  for (gint64 i = 1; i < sag_value_count (value); i++)
    if (x[i] != x[0])
      return NULL;
  if (sag_value_count (value) == 0 || (terms = new_terms (self, value, NULL, 0)) == NULL)
    return NULL;
  terms->cell[0] = (Cell){ x[0] == 0 ? ZERO : x[0] == 1 ? PRODUCT : UNKNOWN };
  return terms;
}

/* Steps between neighbours along each axis of time. */
static void
term_strides (const SagValue *value, const Terms *terms, gint64 *strides)
{
  gint64 n = 1;

  for (int i = value->shape.rank - 1; i >= 0; i--)
    {
      strides[i] = terms->time >> i & 1 ? n : 0;
      if (terms->time >> i & 1)
        n *= value->shape.dim[i];
    }
}

/* Places of the axes of time in the value, from the number of a cell. */
static void
unravel (const SagValue *value, const Terms *terms, gint64 number, gint64 *at)
{
  for (int i = value->shape.rank - 1; i >= 0; i--)
    {
      gint64 n = terms->time >> i & 1 ? value->shape.dim[i] : 1;

      at[i] = number % n;
      number /= n;
    }
}

/* Output axis i reads input axis from[i] (-1: none) at start[i] + step[i] x; outside is `fill`. */
static gboolean
move (Trace *self, SagValue *x, SagValue *y, const int *from, const gint64 *start,
      const gint64 *step, Cell fill, gint64 offset)
{
  const Terms *in = terms_of (self, x);
  gint64 strides[SAG_MAX_RANK], at[SAG_MAX_RANK];
  guint time = 0;
  Terms *out;

  if (in == NULL)
    return FALSE;
  for (int i = 0; i < y->shape.rank; i++)
    if (from[i] >= 0 && in->time >> from[i] & 1)
      time |= 1u << i;
  out = new_terms (self, y, NULL, time);
  if (out == NULL)
    return FALSE;
  for (int i = 0; i < y->shape.rank; i++)
    {
      out->axis[i] = from[i] >= 0 ? in->axis[from[i]] : -1;
      if (!(time >> i & 1) && from[i] >= 0
          && (y->shape.dim[i] != x->shape.dim[from[i]]
              || (y->shape.dim[i] > 1 && (start[i] != 0 || step[i] != 1))))
        return FALSE; /* something other than time was cut, moved or turned */
    }
  term_strides (x, in, strides);
  for (int i = 0; i < y->shape.rank; i++)
    if (time == 1u << i) /* as most often */
      {
        for (gint64 k = 0; k < out->n; k++)
          {
            gint64 place = start[i] + step[i] * k;

            out->cell[k] = place >= 0 && place < x->shape.dim[from[i]]
                             ? in->cell[offset + place * strides[from[i]]] : fill;
          }
        return TRUE;
      }
  for (gint64 k = 0; k < out->n; k++)
    {
      gint64 source = offset;
      gboolean inside = TRUE;

      unravel (y, out, k, at);
      for (int i = 0; i < y->shape.rank; i++)
        if (time >> i & 1)
          {
            gint64 place = start[i] + step[i] * at[i];

            inside = inside && place >= 0 && place < x->shape.dim[from[i]];
            source += place * strides[from[i]];
          }
      out->cell[k] = inside ? in->cell[source] : fill;
    }
  return TRUE;
}

static gboolean
follow_slice (Trace *self, const SagNode *node, SagValue *x, SagValue *y)
{
  gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK];
  int from[SAG_MAX_RANK];

  for (int i = 0; i < SAG_MAX_RANK; i++)
    from[i] = i;
  return sag_slice_box (node, start, step, NULL)
         && move (self, x, y, from, start, step, (Cell){ UNKNOWN }, 0);
}

static gboolean
follow_split (Trace *self, const SagNode *node, SagValue *x)
{
  int axis = sag_axis (sag_node_get_int (node, "axis", 0), x->shape.rank), from[SAG_MAX_RANK];
  gint64 start[SAG_MAX_RANK] = { 0 }, step[SAG_MAX_RANK];

  for (int i = 0; i < SAG_MAX_RANK; i++)
    {
      from[i] = i;
      step[i] = 1;
    }
  for (guint i = 0; i < node->outputs->len; i++)
    {
      SagValue *y = sag_node_output (node, (int) i);

      if (y == NULL || axis < 0 || !move (self, x, y, from, start, step, (Cell){ UNKNOWN }, 0))
        return FALSE;
      start[axis] += y->shape.dim[axis];
    }
  return TRUE;
}

static gboolean
follow_pad (Trace *self, const SagNode *node, SagValue *x, SagValue *y)
{
  gint64 start[SAG_MAX_RANK], after[SAG_MAX_RANK], step[SAG_MAX_RANK];
  const SagValue *value = sag_node_input (node, 2);
  double number = sag_node_get_float (node, "value", 0);
  int from[SAG_MAX_RANK];

  if (strcmp (sag_node_get_string (node, "mode", "constant"), "constant") != 0
      || !sag_pad_amounts (node, start, after, NULL) || (value != NULL && value->constant == NULL))
    return FALSE;
  if (value != NULL)
    number = sag_tensor_get_real (value->constant, 0);
  for (int i = 0; i < SAG_MAX_RANK; i++)
    {
      from[i] = i;
      start[i] = -start[i];
      step[i] = 1;
    }
  return move (self, x, y, from, start, step,
               (Cell){ number == 0 ? ZERO : number == 1 ? PRODUCT : UNKNOWN }, 0);
}

static gboolean
follow_transpose (Trace *self, const SagNode *node, SagValue *x, SagValue *y)
{
  gint64 start[SAG_MAX_RANK] = { 0 }, step[SAG_MAX_RANK];
  int from[SAG_MAX_RANK], n;
  const gint64 *perm = sag_node_get_ints (node, "perm", &n);

  for (int i = 0; i < y->shape.rank; i++)
    {
      from[i] = perm != NULL ? (int) sag_axis (perm[i], y->shape.rank) : y->shape.rank - 1 - i;
      step[i] = 1;
    }
  return move (self, x, y, from, start, step, (Cell){ UNKNOWN }, 0);
}

/* One index takes the axis away; several keep it. */
static gboolean
follow_gather (Trace *self, const SagNode *node, SagValue *x, SagValue *y)
{
  const SagValue *index = sag_node_input (node, 1);
  int axis = sag_axis (sag_node_get_int (node, "axis", 0), x->shape.rank), from[SAG_MAX_RANK];
  gint64 start[SAG_MAX_RANK] = { 0 }, step[SAG_MAX_RANK], strides[SAG_MAX_RANK], first;
  const Terms *in = terms_of (self, x);

  if (in == NULL || axis < 0 || index == NULL || index->constant == NULL || index->shape.rank > 1
      || sag_value_count (index) == 0 || (index->shape.rank == 1 && sag_value_count (index) != 1)
      || !(in->time >> axis & 1))
    return FALSE;
  first = sag_tensor_get_int (index->constant, 0);
  first += first < 0 ? x->shape.dim[axis] : 0;
  if (first < 0 || first >= x->shape.dim[axis])
    return FALSE;
  for (int i = 0; i < y->shape.rank; i++)
    {
      from[i] = index->shape.rank == 0 && i >= axis ? i + 1 : i;
      step[i] = 1;
    }
  if (index->shape.rank == 1)
    from[axis] = -1;
  term_strides (x, in, strides);
  return move (self, x, y, from, start, step, (Cell){ UNKNOWN }, first * strides[axis]);
}

/* The same elements under another shape: axes of time may only come together with each other. */
static gboolean
follow_reshape (Trace *self, SagValue *x, SagValue *y)
{
  const Terms *in = terms_of (self, x);
  int axis[SAG_MAX_RANK], i = 0, j = 0;
  guint time = 0;
  Terms *out;

  if (in == NULL)
    return FALSE;
  for (int k = 0; k < SAG_MAX_RANK; k++)
    axis[k] = -1;
  while (i < x->shape.rank || j < y->shape.rank)
    {
      int i0 = i, j0 = j, wide = 0;
      gint64 nx = 1, ny = 1;
      gboolean has_time = FALSE, has_other = FALSE;

      do /* the least group of axes with the same product on both sides */
        if (i < x->shape.rank && (nx < ny || (nx == ny && i == i0)))
          nx *= x->shape.dim[i++];
        else if (j < y->shape.rank)
          ny *= y->shape.dim[j++];
        else if (i < x->shape.rank)
          nx *= x->shape.dim[i++];
        else
          return FALSE;
      while (nx != ny);
      for (int k = i0; k < i; k++)
        {
          has_time = has_time || in->time >> k & 1;
          has_other = has_other || (!(in->time >> k & 1) && x->shape.dim[k] > 1);
        }
      if (has_time && has_other)
        return FALSE;
      for (int k = j0; k < j; k++)
        if (has_time)
          time |= 1u << k;
        else if (y->shape.dim[k] > 1)
          {
            wide++;
            for (int l = i0; l < i; l++)
              if (x->shape.dim[l] == y->shape.dim[k])
                axis[k] = in->axis[l];
            if (wide > 1 || axis[k] < -1)
              return FALSE;
          }
      if (wide == 1)
        for (int l = i0; l < i; l++)
          if (x->shape.dim[l] > 1 && x->shape.dim[l] != nx)
            return FALSE;
    }
  out = new_terms (self, y, NULL, time);
  if (out == NULL || out->n != in->n)
    return FALSE;
  memcpy (out->axis, axis, sizeof axis);
  memcpy (out->cell, in->cell, sizeof *in->cell * (gsize) in->n);
  return TRUE;
}

/* Axis numbers of two values that stand side by side; FALSE if they are not the same. */
static gboolean
agree (Terms *to, const Terms *with, int rank, int but)
{
  for (int i = 0; i < rank; i++)
    if (i != but && !(to->time >> i & 1))
      {
        if (to->axis[i] >= 0 && with->axis[i] >= 0 && to->axis[i] != with->axis[i])
          return FALSE;
        if (to->axis[i] < 0)
          to->axis[i] = with->axis[i];
      }
  return TRUE;
}

static gboolean
follow_concat (Trace *self, const SagNode *node, SagValue *y)
{
  int axis = sag_axis (sag_node_get_int (node, "axis", 0), y->shape.rank);
  gint64 strides[SAG_MAX_RANK], at[SAG_MAX_RANK], first = 0;
  guint time = axis >= 0 ? 1u << axis : 0;
  Terms *out;

  for (guint i = 0; i < node->inputs->len; i++)
    {
      const Terms *in = terms_of (self, sag_node_input (node, (int) i));

      if (in == NULL || axis < 0)
        return FALSE;
      time |= in->time;
    }
  out = new_terms (self, y, NULL, time);
  if (out == NULL)
    return FALSE;
  term_strides (y, out, strides);
  for (guint i = 0; i < node->inputs->len; i++)
    {
      SagValue *x = sag_node_input (node, (int) i);
      const Terms *in = terms_of (self, x);
      Terms whole = { time };
      gint64 n = 1, in_strides[SAG_MAX_RANK];

      /* Where something else than time is repeated, it must be a constant's. */
      if ((in->axis[axis] >= 0 && x->shape.dim[axis] > 1) || !agree (out, in, y->shape.rank, axis))
        return FALSE;
      for (int k = 0; k < y->shape.rank; k++)
        {
          n *= time >> k & 1 ? x->shape.dim[k] : 1;
          if (x->constant == NULL && k != axis && (time >> k & 1) && !(in->time >> k & 1)
              && x->shape.dim[k] > 1)
            return FALSE;
        }
      term_strides (x, in, in_strides);
      if (time == 1u << axis) /* as most often */
        {
          for (gint64 k = 0; k < n; k++)
            out->cell[first + k] = in->cell[in->n > 1 ? k : 0];
          n = 0;
        }
      for (gint64 k = 0; k < n; k++)
        {
          gint64 source = 0, target = first * strides[axis];

          unravel (x, &whole, k, at);
          for (int l = 0; l < y->shape.rank; l++)
            {
              source += at[l] * in_strides[l];
              target += at[l] * strides[l];
            }
          out->cell[target] = in->cell[source];
        }
      first += x->shape.dim[axis];
    }
  return TRUE;
}

static gboolean
follow_pair (Trace *self, const SagNode *node, SagValue *y)
{
  const Terms *x[2];
  char op = node->op->name[0] == 'A' ? '+' : node->op->name[0] == 'S' ? '-'
            : node->op->name[0] == 'M' ? '*' : '/';
  gint64 known = 0;
  Terms *out;

  for (int i = 0; i < 2; i++)
    {
      x[i] = terms_of (self, sag_node_input (node, i));
      if (x[i] == NULL)
        return FALSE;
    }
  if (x[0]->time != x[1]->time && x[0]->time != 0 && x[1]->time != 0)
    return FALSE;
  out = new_terms (self, y, NULL, x[0]->time | x[1]->time);
  if (out == NULL)
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (sag_node_input (node, i)->constant == NULL && !agree (out, x[i], y->shape.rank, -1))
      return FALSE;
  for (gint64 k = 0; k < out->n; k++)
    {
      Cell a = x[0]->cell[x[0]->n > 1 ? k : 0], b = x[1]->cell[x[1]->n > 1 ? k : 0];

      out->cell[k] = op == '+'   ? add (a, b)
                     : op == '-' ? add (a, inverse (b, LOGARITHM))
                     : op == '*' ? multiply (a, b)
                                 : multiply (a, inverse (b, PRODUCT));
      known += out->cell[k].kind != UNKNOWN;
    }
  return known > 0 || out->n == 0;
}

static gboolean
follow_each (Trace *self, SagValue *x, SagValue *y, Cell (*map) (Cell))
{
  const Terms *in = terms_of (self, x);
  Terms *out = in != NULL ? new_terms (self, y, in, in->time) : NULL;

  for (gint64 k = 0; out != NULL && k < out->n; k++)
    out->cell[k] = map (in->cell[k]);
  return out != NULL;
}

static Cell
negative (Cell x)
{
  return inverse (x, LOGARITHM);
}

static gboolean
follow_cumsum (Trace *self, const SagNode *node, SagValue *x, SagValue *y)
{
  const SagValue *where = sag_node_input (node, 1);
  const Terms *in = terms_of (self, x);
  gboolean reverse = sag_node_get_int (node, "reverse", 0) != 0;
  gboolean exclusive = sag_node_get_int (node, "exclusive", 0) != 0;
  Cell sum = { ZERO };
  int axis;
  Terms *out;

  if (in == NULL || where == NULL || where->constant == NULL || sag_value_count (where) != 1)
    return FALSE;
  axis = sag_axis (sag_tensor_get_int (where->constant, 0), x->shape.rank);
  out = axis >= 0 && in->time == 1u << axis ? new_terms (self, y, in, in->time) : NULL;
  for (gint64 k = 0; out != NULL && k < out->n; k++)
    {
      gint64 at = reverse ? out->n - 1 - k : k;
      Cell before = sum;

      sum = add (sum, in->cell[at]);
      out->cell[at] = exclusive ? before : sum;
    }
  return out != NULL;
}

static gboolean
follow (Trace *self, const SagNode *node)
{
  SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);

  switch (node->op->name[0])
    {
    case 'A': /* Add */
    case 'D': /* Div */
    case 'M': /* Mul */
      return follow_pair (self, node, y);
    case 'C':
      return node->op->name[1] == 'o' ? follow_concat (self, node, y)
                                      : follow_cumsum (self, node, x, y);
    case 'E': /* Exp */
      return follow_each (self, x, y, exponential);
    case 'G': /* Gather */
      return follow_gather (self, node, x, y);
    case 'N': /* Neg */
      return follow_each (self, x, y, negative);
    case 'P': /* Pad */
      return follow_pad (self, node, x, y);
    case 'S':
      if (strcmp (node->op->name, "Slice") == 0)
        return follow_slice (self, node, x, y);
      if (strcmp (node->op->name, "Split") == 0)
        return follow_split (self, node, x);
      return node->op->name[1] == 'u' ? follow_pair (self, node, y) : follow_reshape (self, x, y);
    case 'T': /* Transpose */
      return follow_transpose (self, node, x, y);
    default: /* Reshape, Unsqueeze, Identity */
      return follow_reshape (self, x, y);
    }
}

/* ---- the whole -------------------------------------------------------------------------- */

static gboolean
try_leaves (Trace *self, SagValue *h, SagValue *a, SagValue *b, gboolean is_log, int time,
            SagRecurrence *found)
{
  const Terms *last;
  gint64 l = a->shape.dim[time];

  g_hash_table_remove_all (self->terms);
  self->n_cells = 0;
  for (int i = 0; i < 2; i++)
    {
      Terms *terms = new_terms (self, i == 0 ? a : b, NULL, 1u << time);

      if (terms == NULL)
        return FALSE;
      for (int k = 0; k < a->shape.rank; k++)
        terms->axis[k] = k != time && a->shape.dim[k] > 1 ? k : -1;
      for (gint32 t = 0; t < l; t++)
        terms->cell[t] = i == 1   ? (Cell){ SUM, t, t + 1, t + 1 }
                         : is_log ? (Cell){ LOGARITHM, t, 0, t + 1 }
                                  : (Cell){ PRODUCT, t, 0, t + 1 };
    }
  for (guint k = 0; k < self->nodes->len; k++)
    if (!follow (self, self->nodes->pdata[k]))
      return FALSE;
  last = g_hash_table_lookup (self->terms, h);
  if (last == NULL || last->n != l)
    return FALSE;
  for (gint32 t = 0; t < l; t++)
    if (last->cell[t].kind != SUM || last->cell[t].i != 0 || last->cell[t].m != t + 1
        || last->cell[t].j != t + 1)
      return FALSE;
  *found = (SagRecurrence){ h, a, b, is_log, time, FALSE, { 0 } };
  for (int i = 0; i < h->shape.rank; i++)
    if (last->time >> i & 1)
      {
        found->axis[i] = h->shape.dim[i] > 1 ? time : -1;
        if (h->shape.dim[i] > 1 && h->shape.dim[i] != l)
          return FALSE; /* time in two axes */
      }
    else
      {
        found->axis[i] = h->shape.dim[i] > 1 ? last->axis[i] : -1;
        if (h->shape.dim[i] > 1 && last->axis[i] < 0)
          return FALSE;
      }
  return TRUE;
}

gboolean
sag_scan_trace (SagValue *h, SagRecurrence *found, gint64 *budget)
{
  g_autoptr (GHashTable) terms = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  Trace self = { .terms = terms, .nodes = nodes };
  gboolean done = FALSE;

  if (h->dtype != SAG_DTYPE_F32 || h->shape.rank < 2 || sag_value_count (h) == 0
      || !find_cone (&self, h, budget))
    return FALSE;
  for (int i = 0; i < 4 * self.leaf[0]->shape.rank && !done && *budget > 0; i++)
    {
      int which = i & 1, time = i >> 2;

      if (time < self.leaf[0]->shape.rank && self.leaf[0]->shape.dim[time] > 1)
        {
          done = try_leaves (&self, h, self.leaf[which], self.leaf[1 - which], i >> 1 & 1, time, found);
          *budget -= self.n_cells / CELLS_A_NODE;
        }
    }
  return done;
}
