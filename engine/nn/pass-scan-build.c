/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-build.c: a recurrence and what reads it, as one node.
 *
 * In terms of atoms (pass-scan-view.h) the selective scan is
 *
 *     a = exp (dt A), b = dt u B, y = the sum over the states of h C
 *
 * and gated linear attention, with what RWKV adds to h where it reads it,
 *
 *     a = g, b = v k, y = the sum over the states of (h + w k v) q
 *
 * with time in dt, u, B and C, the states in A, B and C, the channels in dt, u and A, and batches in
 * any of them.
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan-view.h"

#include <string.h>

enum { MAX_FACTORS = 6, MAX_DEPTH = 12 };

/* ---- a selective scan ------------------------------------------------------------------- */

typedef struct
{
  SagView  w;               /* C, stripped */
  SagAtoms states;          /* summed */
  SagValue *y;
  SagAtoms atoms;           /* of y */
  SagView  own;             /* value NULL, or what is added to h before */
} Readout;

typedef struct
{
  SagView u, dt, b, a, d; /* d.value may be NULL */
} Parts;

static gboolean
find_rates (SagViews *self, const SagAtoms *states, int time, Parts *parts)
{
  SagView a = { self->what->a, { 0 } }, x[2];

  for (int i = 0; i < a.value->shape.rank; i++)
    if (a.value->shape.dim[i] > 1)
      a.atoms.atom[a.atoms.n++] = i;
  if (!self->what->is_log)
    {
      sag_view_strip (self, &a);
      if (sag_match_made (a.value, "Exp") == NULL)
        return FALSE;
      a.value = sag_node_input (a.value->producer, 0);
    }
  sag_view_strip (self, &a);
  if (!sag_view_factors (self, &a, x))
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (sag_atoms_has (&x[i].atoms, time) && !sag_atoms_has (&x[1 - i].atoms, time) && sag_atoms_within (states, &x[1 - i].atoms)
        && sag_atoms_without (&x[i].atoms, states).n == x[i].atoms.n)
      {
        parts->dt = x[i];
        parts->a = x[1 - i];
        return TRUE;
      }
  return FALSE;
}

static gboolean
is_view (const SagViews *self, SagView *x, SagView *y)
{
  return x->value == y->value && sag_atoms_renew (self, &x->atoms) && sag_atoms_renew (self, &y->atoms)
         && sag_atoms_same (&x->atoms, &y->atoms);
}

/* dt u B, in any order and at any depth: B is the one factor with states and without channels. */
static gboolean
find_inputs (SagViews *self, const SagAtoms *states, const SagAtoms *channels, Parts *parts)
{
  SagView list[MAX_FACTORS] = { { self->what->b, { 0 } } }, x[2];
  int n = 1, dt = -1;

  for (int i = 0; i < list[0].value->shape.rank; i++)
    if (list[0].value->shape.dim[i] > 1)
      list[0].atoms.atom[list[0].atoms.n++] = i;
  sag_view_strip (self, &list[0]);
  for (int i = 0; i < n; i++)
    {
      gboolean mixed;

      if (!sag_atoms_renew (self, &list[i].atoms))
        return FALSE;
      mixed = sag_atoms_without (&list[i].atoms, states).n < list[i].atoms.n
              && sag_atoms_without (&list[i].atoms, channels).n < list[i].atoms.n;
      if (!mixed)
        continue;
      if (n == MAX_FACTORS || !sag_view_factors (self, &list[i], x))
        return FALSE;
      list[i--] = x[0];
      list[n++] = x[1];
    }
  parts->b.value = NULL;
  for (int i = 0; i < n; i++)
    if (sag_atoms_within (states, &list[i].atoms) && states->n > 0)
      {
        if (parts->b.value != NULL)
          return FALSE;
        parts->b = list[i];
        list[i--] = list[--n];
      }
  if (parts->b.value == NULL)
    return FALSE;
  if (n == 1 && sag_view_factors (self, &list[0], x))
    {
      list[0] = x[0];
      list[n++] = x[1];
    }
  for (int i = 0; i < n; i++)
    if (is_view (self, &list[i], &parts->dt))
      dt = i;
  if (n != 2 || dt < 0)
    return FALSE;
  parts->u = list[1 - dt];
  return TRUE;
}

/* y + u D: the sum becomes the output. */
static void
find_skip (SagViews *self, Readout *read, int time, const SagAtoms *states, Parts *parts)
{
  SagValue *y = read->y;
  SagAtoms atoms = read->atoms, axes[SAG_MAX_RANK];

  for (int depth = 0; depth < MAX_DEPTH && sag_match_single (y); depth++)
    {
      SagNode *node = y->reader;
      SagAtoms after = { 0 };

      if (sag_match_is (node, "Add"))
        {
          SagValue *sum = sag_node_output (node, 0), *other = sag_match_other (node, y);
          SagView ud = { other, { 0 } }, x[2];

          if (other == NULL || !sag_shape_equal (&sum->shape, &y->shape)
              || !sag_atoms_part (self, &atoms, &sum->shape, axes)
              || !sag_view_narrow (&other->shape, &sum->shape, axes, &ud.atoms))
            return;
          sag_view_strip (self, &ud);
          if (!sag_view_factors (self, &ud, x))
            return;
          for (int i = 0; i < 2; i++)
            if (is_view (self, &x[i], &parts->u) && !sag_atoms_has (&x[1 - i].atoms, time)
                && sag_atoms_without (&x[1 - i].atoms, states).n == x[1 - i].atoms.n)
              {
                parts->d = x[1 - i];
                read->y = sum;
                read->atoms = atoms;
                return;
              }
          return;
        }
      if (sag_view_is_reshape (node))
        after = atoms;
      else if (sag_match_is (node, "Transpose"))
        {
          if (!sag_atoms_part (self, &atoms, &y->shape, axes))
            return;
          for (int i = 0; i < y->shape.rank; i++)
            if (!sag_atoms_append (&after, &axes[sag_view_perm (node, i, y->shape.rank)]))
              return;
        }
      else
        return;
      y = sag_node_output (node, 0);
      atoms = after;
    }
}

/* The atoms of each part of what is computed. */
typedef struct
{
  SagAtoms all, times, batches, states, channels;
} Axes;

static gboolean
find_axes (SagViews *self, Readout *read, Axes *axes)
{
  int time = self->what->time;
  SagAtoms rest;

  *axes = (Axes){ .times = { 1, { time } } };
  for (int i = 0; i < self->what->a->shape.rank; i++)
    if (self->what->a->shape.dim[i] > 1)
      axes->all.atom[axes->all.n++] = i;
  sag_view_strip (self, &read->w);
  if (!sag_atoms_renew (self, &axes->all) || !sag_atoms_renew (self, &read->w.atoms) || !sag_atoms_renew (self, &read->states)
      || self->part[time] != 0 || !sag_atoms_has (&read->w.atoms, time)
      || !sag_atoms_within (&read->states, &read->w.atoms))
    return FALSE;
  axes->states = read->states;
  rest = sag_atoms_without (&read->w.atoms, &axes->times);
  axes->batches = sag_atoms_without (&rest, &axes->states);
  rest = sag_atoms_without (&axes->all, &axes->times);
  rest = sag_atoms_without (&rest, &axes->states);
  axes->channels = sag_atoms_without (&rest, &axes->batches);
  return TRUE;
}

static gboolean
renew_axes (SagViews *self, Axes *axes)
{
  return sag_atoms_renew (self, &axes->all) && sag_atoms_renew (self, &axes->batches) && sag_atoms_renew (self, &axes->states)
         && sag_atoms_renew (self, &axes->channels) && self->part[axes->times.atom[0]] == 0;
}

/* `made`, of [batches, times, channels], is what is read. */
static gboolean
finish (SagViews *self, SagBuild *b, SagValue *made, const Axes *axes, Readout *read)
{
  SagView view = { sag_view_settle (made), axes->batches };

  g_free (made->producer->name);
  made->producer->name = g_strdup (b->node->name);
  return sag_atoms_append (&view.atoms, &axes->times) && sag_atoms_append (&view.atoms, &axes->channels)
         && sag_view_give (self, b, view, &read->atoms, read->y);
}

/* The atoms of a group, or none if the view has none of them: it is the same along it. */
static SagAtoms
present (const SagView *view, const SagAtoms *group)
{
  return sag_atoms_without (&view->atoms, group).n < view->atoms.n ? *group : (SagAtoms){ 0 };
}

static gboolean
build_scan (SagViews *self, Readout *read, SagNode *node)
{
  SagBuild b = { node, (int) self->graph->nodes->len };
  int time = self->what->time;
  Parts parts = { 0 };
  Axes axes;
  SagAtoms sequence[3], state[3], rates[3], skips[2];

  if (self->what->previous || read->own.value != NULL || !find_axes (self, read, &axes)
      || !find_rates (self, &axes.states, time, &parts) || !renew_axes (self, &axes)
      || !find_inputs (self, &axes.states, &axes.channels, &parts) || !renew_axes (self, &axes))
    return FALSE;
  find_skip (self, read, time, &axes.states, &parts);
  sequence[0] = state[0] = axes.batches;
  sequence[1] = state[1] = axes.times;
  sequence[2] = rates[1] = axes.channels;
  state[2] = rates[2] = axes.states;
  rates[0] = present (&parts.a, &axes.batches);
  parts.u.value = sag_view_bring (self, &b, parts.u, 3, sequence);
  parts.dt.value = sag_view_bring (self, &b, parts.dt, 3, sequence);
  parts.b.value = sag_view_bring (self, &b, parts.b, 3, state);
  read->w.value = sag_view_bring (self, &b, read->w, 3, state);
  parts.a.value = sag_view_bring (self, &b, parts.a, 3, rates);
  if (parts.d.value != NULL)
    {
      sag_atoms_renew (self, &parts.d.atoms);
      skips[0] = present (&parts.d, &axes.batches);
      skips[1] = axes.channels;
      parts.d.value = sag_view_bring (self, &b, parts.d, 2, skips);
      if (parts.d.value == NULL)
        return FALSE;
    }
  if (parts.u.value == NULL || parts.dt.value == NULL || parts.b.value == NULL
      || read->w.value == NULL || parts.a.value == NULL)
    return FALSE;
  return finish (self, &b,
                 sag_build_in (&b, "sagitta", "SelectiveScan", parts.d.value != NULL ? 6 : 5,
                               parts.u.value, parts.dt.value, parts.b.value, read->w.value,
                               parts.a.value, parts.d.value),
                 &axes, read);
}

/* ---- a gated scan ----------------------------------------------------------------------- */

/* The factors of what the view shows that are of states, or of channels, and not of both. */
static int
find_factors (SagViews *self, SagView *list, const Axes *axes)
{
  SagView x[2];
  int n = 1;

  sag_view_strip (self, &list[0]);
  for (int i = 0; i < n; i++)
    {
      if (!sag_atoms_renew (self, &list[i].atoms))
        return 0;
      if (sag_atoms_without (&list[i].atoms, &axes->states).n == list[i].atoms.n
          || sag_atoms_without (&list[i].atoms, &axes->channels).n == list[i].atoms.n)
        continue;
      if (n == MAX_FACTORS || !sag_view_factors (self, &list[i], x))
        return 0;
      list[i--] = x[0];
      list[n++] = x[1];
    }
  return n;
}

/* w, if what is added to h is w times b v. */
static gboolean
find_own (SagViews *self, Readout *read, const Axes *axes, SagView *b, SagView *v, SagView *w)
{
  SagView list[MAX_FACTORS] = { read->own }, x[2];
  int n = find_factors (self, list, axes), at = 0;

  w->value = NULL;
  for (int i = 0; i < n; i++) /* b may be hidden in a product with w */
    if (!is_view (self, &list[i], b) && !is_view (self, &list[i], v) && n < MAX_FACTORS
        && sag_atoms_has (&list[i].atoms, axes->times.atom[0]) && sag_view_factors (self, &list[i], x))
      {
        list[i--] = x[0];
        list[n++] = x[1];
      }
  for (int i = 0; i < n; i++)
    if (is_view (self, &list[i], b) || is_view (self, &list[i], v))
      at++;
    else if (w->value != NULL || sag_atoms_has (&list[i].atoms, axes->times.atom[0])
             || sag_atoms_without (&list[i].atoms, &axes->channels).n < list[i].atoms.n)
      return FALSE;
    else
      *w = list[i];
  return at == 2 && w->value != NULL;
}

static gboolean
build_gated (SagViews *self, Readout *read, SagNode *node)
{
  SagBuild b = { node, (int) self->graph->nodes->len };
  SagView gate = { self->what->a, { 0 } }, list[MAX_FACTORS] = { { self->what->b, { 0 } } }, w, state;
  SagValue *v, *in, *q, *g, *own = NULL;
  SagAtoms sequence[3], rows[3], gates[4], owns[2];
  Axes axes;
  int n, which = -1;

  if (self->what->is_log || !find_axes (self, read, &axes) || axes.states.n == 0)
    return FALSE;
  gate.atoms = list[0].atoms = axes.all;
  n = find_factors (self, list, &axes);
  if (n < 2 || !renew_axes (self, &axes))
    return FALSE;
  for (int i = 0; i < n; i++)
    if (sag_atoms_within (&axes.states, &list[i].atoms))
      {
        if (which >= 0)
          return FALSE;
        which = i;
      }
  if (which < 0)
    return FALSE;
  state = list[which];
  list[which] = list[--n];
  if (n > 2 || (read->own.value != NULL && (n > 1 || !find_own (self, read, &axes, &state, &list[0], &w))))
    return FALSE;
  sag_view_strip (self, &gate);
  if (!sag_atoms_renew (self, &gate.atoms) || !renew_axes (self, &axes))
    return FALSE;
  sequence[0] = rows[0] = axes.batches;
  sequence[1] = rows[1] = axes.times;
  sequence[2] = axes.channels;
  rows[2] = owns[1] = axes.states;
  gates[0] = present (&gate, &axes.batches);
  gates[1] = present (&gate, &axes.times);
  gates[2] = present (&gate, &axes.channels);
  gates[3] = present (&gate, &axes.states);
  v = sag_view_bring (self, &b, list[0], 3, sequence);
  for (int i = 1; i < n && v != NULL; i++)
    {
      SagValue *more = sag_view_bring (self, &b, list[i], 3, sequence);

      v = more != NULL ? sag_view_settle (sag_build (&b, "Mul", 2, v, more)) : NULL;
    }
  in = sag_view_bring (self, &b, state, 3, rows);
  q = sag_view_bring (self, &b, read->w, 3, rows);
  g = sag_view_bring (self, &b, gate, 4, gates);
  if (read->own.value != NULL)
    {
      owns[0] = present (&w, &axes.batches);
      own = sag_view_bring (self, &b, w, 2, owns);
      if (own == NULL)
        return FALSE;
    }
  if (v == NULL || in == NULL || q == NULL || g == NULL)
    return FALSE;
  v = sag_build_in (&b, "sagitta", "GatedScan", own != NULL ? 5 : 4, v, in, q, g, own);
  sag_node_set_int (v->producer, "previous", self->what->previous);
  return finish (self, &b, v, &axes, read);
}

/* ---- what reads h ----------------------------------------------------------------------- */

static gboolean
reads_as_product (SagViews *self, SagNode *node, int k, const SagAtoms *axes, Readout *read)
{
  const SagValue *h = sag_node_input (node, k), *other = sag_node_input (node, 1 - k);
  gboolean fused = strcmp (node->op->name, "FusedMatMul") == 0, turned;
  int rank = h->shape.rank, other_rank = other->shape.rank, summed, kept, other_summed, batch;
  SagAtoms axis;

  if (fused
        ? *node->op->domain == '\0' || sag_node_get_int (node, "transA", 0) != 0
              || sag_node_get_int (node, "transBatchA", 0) != 0 || node->fused.residual
              || sag_node_get_int (node, "transBatchB", 0) != 0
              || sag_node_get_float (node, "alpha", 1) != 1
              || node->fused.activation != SAG_ACTIVATION_NONE
        : !sag_match_is (node, "MatMul"))
    return FALSE;
  if (node->inputs->len != 2 || rank < 2 || other_rank < 2 || rank > SAG_MAX_RANK)
    return FALSE;
  turned = fused && sag_node_get_int (node, "transB", 0) != 0;
  summed = k == 0 || turned ? rank - 1 : rank - 2;
  kept = 2 * rank - 3 - summed;
  other_summed = k == 1 ? other_rank - 1 : turned ? other_rank - 1 : other_rank - 2;
  if (other->shape.dim[2 * other_rank - 3 - other_summed] != 1)
    return FALSE;
  read->states = axes[summed];
  read->w = (SagView){ sag_node_input (node, 1 - k), { 0 } };
  for (int i = 0; i < other_rank; i++)
    {
      batch = i + rank - other_rank;
      axis.n = 0;
      if (i == other_summed)
        axis = axes[summed];
      else if (i < other_rank - 2 && other->shape.dim[i] != 1)
        {
          if (batch < 0 || h->shape.dim[batch] != other->shape.dim[i])
            return FALSE;
          axis = axes[batch];
        }
      if (!sag_atoms_append (&read->w.atoms, &axis))
        return FALSE;
    }
  read->atoms.n = 0;
  for (int i = 0; i < rank - 2; i++)
    sag_atoms_append (&read->atoms, &axes[i]);
  sag_atoms_append (&read->atoms, &axes[kept]);
  read->y = sag_node_output (node, 0);
  return TRUE;
}

static gboolean
reads_as_sum (SagViews *self, SagNode *mul, int k, SagAtoms *axes, Readout *read)
{
  const SagValue *h = sag_node_input (mul, k);
  SagNode *sum = sag_match_next (sag_node_output (mul, 0), "ReduceSum");
  const SagValue *list;
  const gint64 *attribute;
  int rank = h->shape.rank, n = 0, over;

  if (!sag_match_is (mul, "Mul") || sum == NULL
      || !sag_shape_equal (&h->shape, &sag_node_output (mul, 0)->shape))
    return FALSE;
  attribute = sag_node_get_ints (sum, "axes", &n);
  list = sag_node_input (sum, 1);
  if (attribute == NULL ? list == NULL || list->constant == NULL || sag_value_count (list) != 1
                        : n != 1)
    return FALSE;
  over = sag_axis (attribute != NULL ? attribute[0] : sag_tensor_get_int (list->constant, 0), rank);
  read->w.value = sag_node_input (mul, 1 - k);
  if (over < 0 || !sag_view_narrow (&read->w.value->shape, &h->shape, axes, &read->w.atoms))
    return FALSE;
  read->states = axes[over];
  read->atoms.n = 0;
  for (int i = 0; i < rank; i++)
    if (i != over)
      sag_atoms_append (&read->atoms, &axes[i]);
  read->y = sag_node_output (sum, 0);
  return TRUE;
}

/* Does all that reads the view do so through one node now? */
static gboolean
replace_readers (SagViews *self, SagView view, SagView own, int depth)
{
  guint n = self->graph->nodes->len;
  gboolean all = depth < MAX_DEPTH;
  SagAtoms axes[SAG_MAX_RANK];

  for (guint i = 0; i < self->graph->outputs->len; i++)
    all = all && self->graph->outputs->pdata[i] != view.value;
  for (guint i = 0; i < n && depth < MAX_DEPTH; i++)
    {
      SagNode *node = self->graph->nodes->pdata[i];

      for (int k = 0; k < (int) node->inputs->len; k++)
        {
          SagViews before = *self;
          Readout read = { .own = own };
          gboolean done = FALSE;

          if (sag_node_input (node, k) != view.value)
            continue;
          if (k == 0 && (sag_view_is_reshape (node) || sag_view_is_whole_slice (node)))
            done = replace_readers (self, (SagView){ sag_node_output (node, 0), view.atoms }, own, depth + 1);
          else if (sag_atoms_part (self, &view.atoms, &view.value->shape, axes))
            {
              if (sag_match_is (node, "Transpose"))
                {
                  SagView next = { sag_node_output (node, 0), { 0 } };

                  for (int j = 0; j < view.value->shape.rank; j++)
                    sag_atoms_append (&next.atoms, &axes[sag_view_perm (node, j, view.value->shape.rank)]);
                  done = replace_readers (self, next, own, depth + 1);
                }
              else if (k < 2 && sag_node_input (node, 1 - k) != NULL
                       && (reads_as_product (self, node, k, axes, &read)
                           || reads_as_sum (self, node, k, axes, &read)))
                {
                  Readout again = read;

                  done = build_scan (self, &read, node);
                  if (!done)
                    {
                      *self = before;
                      done = build_gated (self, &again, node);
                    }
                  if (!done)
                    *self = before;
                }
              else if (self->what->previous && own.value == NULL && sag_match_is (node, "Add")
                       && sag_shape_equal (&view.value->shape, &sag_node_output (node, 0)->shape))
                {
                  SagView more = { sag_node_input (node, 1 - k), { 0 } };

                  if (k < 2 && sag_view_narrow (&more.value->shape, &view.value->shape, axes, &more.atoms))
                    done = replace_readers (
                        self, (SagView){ sag_node_output (node, 0), view.atoms }, more, depth + 1);
                }
            }
          all = all && done;
        }
    }
  return all;
}

static SagViews
begin (SagGraph *graph, const SagRecurrence *what)
{
  SagViews self = { graph, what };

  for (int i = 0; i < what->a->shape.rank; i++)
    self.size[i] = what->a->shape.dim[i];
  self.n = MAX (1, what->a->shape.rank); /* part 0 means none */
  return self;
}

static SagAtoms
atoms_of_h (const SagRecurrence *what)
{
  SagAtoms atoms = { 0 };

  for (int i = 0; i < what->h->shape.rank; i++)
    if (what->axis[i] >= 0)
      atoms.atom[atoms.n++] = what->axis[i];
  return atoms;
}

gboolean
sag_scan_replace_readers (SagGraph *graph, const SagRecurrence *what)
{
  SagViews self = begin (graph, what);

  return replace_readers (&self, (SagView){ what->h, atoms_of_h (what) }, (SagView){ NULL, { 0 } }, 0);
}

void
sag_scan_replace (SagGraph *graph, const SagRecurrence *what)
{
  SagViews self = begin (graph, what);
  SagView made = { 0 };
  SagAtoms atoms = atoms_of_h (what);
  SagBuild b = { what->h->producer, 0 };
  SagValue *a = what->a;

  if (sag_scan_replace_readers (graph, what))
    return;
  b.at = (int) graph->nodes->len;
  if (what->is_log)
    a = sag_view_settle (sag_build (&b, "Exp", 1, a));
  made.value = sag_build_in (&b, "sagitta", "LinearScan", 2, a, what->b);
  sag_node_set_int (made.value->producer, "axis", what->time);
  sag_view_settle (made.value);
  for (int i = 0; i < a->shape.rank; i++)
    if (a->shape.dim[i] > 1)
      made.atoms.atom[made.atoms.n++] = i;
  sag_view_give (&self, &b, made, &atoms, what->h);
}
