/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-build.c: a recurrence and what reads it, as one node.
 *
 * Exporters permute, split and join axes freely. So each value is seen as a sequence of atoms: the
 * axes of a and b, or factors of them, in the order in which the value's elements lie; an atom that
 * is not there is one along which the value repeats. Over reshapes the sequence stays, a transpose
 * permutes it, an expansion drops some of it. In these terms the selective scan is
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
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan.h"

#include <string.h>

enum { MAX_ATOMS = 48, MAX_FACTORS = 6, MAX_DEPTH = 12 };

typedef struct
{
  int n, atom[MAX_ATOMS];
} Atoms;

typedef struct
{
  SagValue *value;
  Atoms     atoms;
} View;

typedef struct
{
  SagGraph            *graph;
  const SagRecurrence *what;
  gint64               size[MAX_ATOMS];
  int                  part[MAX_ATOMS]; /* not 0: this atom is this one and the next */
  int                  n;
} Build;

/* The value's type and shape, once its node is connected; not NULL. */
static SagValue *
settle (SagValue *made)
{
  made->producer->op->infer (made->producer, NULL);
  return made;
}

/* ---- atoms ------------------------------------------------------------------------------ */

static gboolean
has (const Atoms *atoms, int atom)
{
  for (int i = 0; i < atoms->n; i++)
    if (atoms->atom[i] == atom)
      return TRUE;
  return FALSE;
}

/* All of `some` are in `all`. */
static gboolean
within (const Atoms *some, const Atoms *all)
{
  for (int i = 0; i < some->n; i++)
    if (!has (all, some->atom[i]))
      return FALSE;
  return TRUE;
}

static gboolean
same (const Atoms *a, const Atoms *b)
{
  return a->n == b->n && memcmp (a->atom, b->atom, sizeof *a->atom * (gsize) a->n) == 0;
}

/* FALSE if there would be too many. */
static gboolean
append (Atoms *to, const Atoms *from)
{
  if (to->n + from->n > MAX_ATOMS)
    return FALSE;
  memcpy (to->atom + to->n, from->atom, sizeof *from->atom * (gsize) from->n);
  to->n += from->n;
  return TRUE;
}

static Atoms
without (const Atoms *all, const Atoms *some)
{
  Atoms rest = { 0 };

  for (int i = 0; i < all->n; i++)
    if (!has (some, all->atom[i]))
      rest.atom[rest.n++] = all->atom[i];
  return rest;
}

/* Atoms that were split since become their parts. */
static gboolean
renew (const Build *self, Atoms *atoms)
{
  for (int i = 0; i < atoms->n; i++)
    while (self->part[atoms->atom[i]] != 0)
      {
        int first = self->part[atoms->atom[i]];

        if (atoms->n == MAX_ATOMS)
          return FALSE;
        memmove (atoms->atom + i + 1, atoms->atom + i, sizeof *atoms->atom * (gsize) (atoms->n - i));
        atoms->n++;
        atoms->atom[i] = first;
        atoms->atom[i + 1] = first + 1;
      }
  return TRUE;
}

/* The atoms of each axis of `shape`; those that lie across a border are split. */
static gboolean
part (Build *self, Atoms *atoms, const SagShape *shape, Atoms *axes)
{
  int at = 0;

  if (!renew (self, atoms))
    return FALSE;
  for (int i = 0; i < shape->rank; i++)
    {
      gint64 left = shape->dim[i];

      axes[i].n = 0;
      while (left > 1)
        {
          int atom;

          if (at == atoms->n)
            return FALSE;
          atom = atoms->atom[at];
          if (self->size[atom] > left)
            {
              if (self->size[atom] % left != 0 || self->n + 2 > MAX_ATOMS)
                return FALSE;
              self->part[atom] = self->n;
              self->size[self->n] = left;
              self->size[self->n + 1] = self->size[atom] / left;
              self->n += 2;
              if (!renew (self, atoms))
                return FALSE;
              atom = atoms->atom[at];
            }
          if (left % self->size[atom] != 0)
            return FALSE;
          left /= self->size[atom];
          axes[i].atom[axes[i].n++] = atom;
          at++;
        }
    }
  return at == atoms->n;
}

/* ---- views ------------------------------------------------------------------------------ */

static gboolean
is_reshape (const SagNode *node)
{
  return sag_match_is (node, "Reshape") || sag_match_is (node, "Unsqueeze")
         || sag_match_is (node, "Squeeze") || sag_match_is (node, "Flatten")
         || sag_match_is (node, "Identity");
}

/* A Slice that leaves all as it is. */
static gboolean
is_whole_slice (const SagNode *node)
{
  gint64 start[SAG_MAX_RANK], step[SAG_MAX_RANK];

  if (!sag_match_is (node, "Slice")
      || !sag_shape_equal (&sag_node_input (node, 0)->shape, &sag_node_output (node, 0)->shape)
      || !sag_slice_box (node, start, step, NULL))
    return FALSE;
  for (int i = 0; i < sag_node_input (node, 0)->shape.rank; i++)
    if (step[i] < 0)
      return FALSE;
  return TRUE;
}

static int
get_perm (const SagNode *transpose, int i, int rank)
{
  int n;
  const gint64 *perm = sag_node_get_ints (transpose, "perm", &n);

  return perm != NULL ? sag_axis (perm[i], rank) : rank - 1 - i;
}

/* What an operand holds of a result's axes, to which it is broadcast. FALSE if it is wider. */
static gboolean
narrow (const SagShape *shape, const SagShape *result, const Atoms *axes, Atoms *atoms)
{
  int shift = result->rank - shape->rank;

  atoms->n = 0;
  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] != 1)
      {
        if (shift + i < 0 || shape->dim[i] != result->dim[shift + i]
            || !append (atoms, &axes[shift + i]))
          return FALSE;
      }
  return TRUE;
}

/* Up through whatever moves elements without leaving one out. */
static void
strip (Build *self, View *view)
{
  for (int depth = 0; depth < MAX_DEPTH; depth++)
    {
      SagNode *node = view->value->producer;
      SagValue *x = node != NULL ? sag_node_input (node, 0) : NULL;
      const SagShape *shape = &view->value->shape;
      Atoms axes[SAG_MAX_RANK], atoms = { 0 };

      if (is_reshape (node) || is_whole_slice (node))
        atoms = view->atoms;
      else if (sag_match_is (node, "Transpose"))
        {
          if (!part (self, &view->atoms, shape, axes))
            return;
          for (int j = 0; j < shape->rank; j++)
            for (int i = 0; i < shape->rank; i++)
              if (get_perm (node, i, shape->rank) == j && !append (&atoms, &axes[i]))
                return;
        }
      else if (sag_match_is (node, "Expand") || sag_match_is (node, "Tile"))
        {
          if (!part (self, &view->atoms, shape, axes) || !narrow (&x->shape, shape, axes, &atoms))
            return;
        }
      else
        return;
      view->value = x;
      view->atoms = atoms;
    }
}

/* A matrix product of columns and rows is one of elements that widen. */
static SagNode *
made_by_outer_product (const SagValue *value)
{
  SagNode *node = sag_match_made (value, "MatMul");
  const SagShape *x = node != NULL ? &sag_node_input (node, 0)->shape : NULL;

  return x != NULL && x->rank > 1 && sag_node_input (node, 1)->shape.rank > 1
             && x->dim[x->rank - 1] == 1
           ? node
           : NULL;
}

/* The two operands of the product that the view shows, stripped. */
static gboolean
factors (Build *self, View *view, View *x)
{
  SagNode *node = sag_match_made (view->value, "Mul");
  Atoms axes[SAG_MAX_RANK];

  if (node == NULL)
    node = made_by_outer_product (view->value);
  if (node == NULL || !part (self, &view->atoms, &view->value->shape, axes))
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      x[i].value = sag_node_input (node, i);
      if (!narrow (&x[i].value->shape, &view->value->shape, axes, &x[i].atoms))
        return FALSE;
      strip (self, &x[i]);
    }
  return renew (self, &x[0].atoms) && renew (self, &x[1].atoms);
}

/* The view with its atoms in the order of the groups, each group one axis. */
static SagValue *
bring (Build *self, SagBuild *b, View view, int n_groups, Atoms *groups)
{
  Atoms order = { 0 }, whole = { 0 };
  gint64 dims[MAX_ATOMS], perm[SAG_MAX_RANK], shape[SAG_MAX_RANK], full[SAG_MAX_RANK];
  gboolean missing = FALSE;
  int n = 0;
  SagValue *x = view.value;

  if (!renew (self, &view.atoms))
    return NULL;
  for (int i = 0; i < n_groups; i++)
    if (!renew (self, &groups[i]) || !append (&whole, &groups[i]))
      return NULL;
  for (int i = 0; i < whole.n; i++)
    if (has (&view.atoms, whole.atom[i]))
      order.atom[order.n++] = whole.atom[i];
  if (order.n != view.atoms.n || whole.n > SAG_MAX_RANK)
    return NULL;
  if (!same (&order, &view.atoms))
    {
      for (int i = 0; i < view.atoms.n; i++)
        dims[i] = self->size[view.atoms.atom[i]];
      for (int i = 0; i < order.n; i++)
        for (int j = 0; j < order.n; j++)
          if (view.atoms.atom[j] == order.atom[i])
            perm[i] = j;
      if (x->shape.rank != order.n || memcmp (x->shape.dim, dims, sizeof *dims * (gsize) order.n) != 0)
        x = settle (sag_build_reshape (b, x, order.n, dims));
      x = settle (sag_build_transpose (b, x, order.n, perm));
    }
  for (int i = 0; i < whole.n; i++)
    {
      full[n] = self->size[whole.atom[i]];
      shape[n] = has (&order, whole.atom[i]) ? full[n] : 1;
      missing = missing || shape[n] != full[n];
      n++;
    }
  if (missing)
    {
      x = settle (sag_build_reshape (b, x, n, shape));
      x = settle (sag_build (b, "Expand", 2, x, sag_build_ints (b, n, full)));
    }
  for (int i = 0; i < n_groups; i++)
    {
      shape[i] = 1;
      for (int j = 0; j < groups[i].n; j++)
        shape[i] *= self->size[groups[i].atom[j]];
    }
  if (x->shape.rank != n_groups || memcmp (x->shape.dim, shape, sizeof *shape * (gsize) n_groups) != 0)
    x = settle (sag_build_reshape (b, x, n_groups, shape));
  return x;
}

/* `to`, whose elements lie as `atoms`, is made of the view. */
static gboolean
give (Build *self, SagBuild *b, View view, const Atoms *atoms, SagValue *to)
{
  Atoms groups[MAX_ATOMS], all = *atoms;
  gint64 shape[SAG_MAX_RANK];
  SagValue *y;

  if (!renew (self, &all) || all.n > SAG_MAX_RANK || all.n == 0)
    return FALSE;
  for (int i = 0; i < all.n; i++)
    groups[i] = (Atoms){ 1, { all.atom[i] } };
  if (!renew (self, &view.atoms))
    return FALSE;
  y = same (&view.atoms, &all) ? view.value : bring (self, b, view, all.n, groups);
  if (y == NULL)
    return FALSE;
  memcpy (shape, to->shape.dim, sizeof shape);
  if (!sag_shape_equal (&y->shape, &to->shape))
    y = settle (sag_build_reshape (b, y, to->shape.rank, shape));
  sag_node_set_output (y->producer, 0, to);
  return TRUE;
}

/* ---- a selective scan ------------------------------------------------------------------- */

typedef struct
{
  View  w;               /* C, stripped */
  Atoms states;          /* summed */
  SagValue *y;
  Atoms atoms;           /* of y */
  View  own;             /* value NULL, or what is added to h before */
} Readout;

typedef struct
{
  View u, dt, b, a, d; /* d.value may be NULL */
} Parts;

static gboolean
find_rates (Build *self, const Atoms *states, int time, Parts *parts)
{
  View a = { self->what->a, { 0 } }, x[2];

  for (int i = 0; i < a.value->shape.rank; i++)
    if (a.value->shape.dim[i] > 1)
      a.atoms.atom[a.atoms.n++] = i;
  if (!self->what->is_log)
    {
      strip (self, &a);
      if (sag_match_made (a.value, "Exp") == NULL)
        return FALSE;
      a.value = sag_node_input (a.value->producer, 0);
    }
  strip (self, &a);
  if (!factors (self, &a, x))
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (has (&x[i].atoms, time) && !has (&x[1 - i].atoms, time) && within (states, &x[1 - i].atoms)
        && without (&x[i].atoms, states).n == x[i].atoms.n)
      {
        parts->dt = x[i];
        parts->a = x[1 - i];
        return TRUE;
      }
  return FALSE;
}

static gboolean
is_view (const Build *self, View *x, View *y)
{
  return x->value == y->value && renew (self, &x->atoms) && renew (self, &y->atoms)
         && same (&x->atoms, &y->atoms);
}

/* dt u B, in any order and at any depth: B is the one factor with states and without channels. */
static gboolean
find_inputs (Build *self, const Atoms *states, const Atoms *channels, Parts *parts)
{
  View list[MAX_FACTORS] = { { self->what->b, { 0 } } }, x[2];
  int n = 1, dt = -1;

  for (int i = 0; i < list[0].value->shape.rank; i++)
    if (list[0].value->shape.dim[i] > 1)
      list[0].atoms.atom[list[0].atoms.n++] = i;
  strip (self, &list[0]);
  for (int i = 0; i < n; i++)
    {
      gboolean mixed;

      if (!renew (self, &list[i].atoms))
        return FALSE;
      mixed = without (&list[i].atoms, states).n < list[i].atoms.n
              && without (&list[i].atoms, channels).n < list[i].atoms.n;
      if (!mixed)
        continue;
      if (n == MAX_FACTORS || !factors (self, &list[i], x))
        return FALSE;
      list[i--] = x[0];
      list[n++] = x[1];
    }
  parts->b.value = NULL;
  for (int i = 0; i < n; i++)
    if (within (states, &list[i].atoms) && states->n > 0)
      {
        if (parts->b.value != NULL)
          return FALSE;
        parts->b = list[i];
        list[i--] = list[--n];
      }
  if (parts->b.value == NULL)
    return FALSE;
  if (n == 1 && factors (self, &list[0], x))
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
find_skip (Build *self, Readout *read, int time, const Atoms *states, Parts *parts)
{
  SagValue *y = read->y;
  Atoms atoms = read->atoms, axes[SAG_MAX_RANK];

  for (int depth = 0; depth < MAX_DEPTH && sag_match_single (y); depth++)
    {
      SagNode *node = y->reader;
      Atoms after = { 0 };

      if (sag_match_is (node, "Add"))
        {
          SagValue *sum = sag_node_output (node, 0), *other = sag_match_other (node, y);
          View ud = { other, { 0 } }, x[2];

          if (other == NULL || !sag_shape_equal (&sum->shape, &y->shape)
              || !part (self, &atoms, &sum->shape, axes)
              || !narrow (&other->shape, &sum->shape, axes, &ud.atoms))
            return;
          strip (self, &ud);
          if (!factors (self, &ud, x))
            return;
          for (int i = 0; i < 2; i++)
            if (is_view (self, &x[i], &parts->u) && !has (&x[1 - i].atoms, time)
                && without (&x[1 - i].atoms, states).n == x[1 - i].atoms.n)
              {
                parts->d = x[1 - i];
                read->y = sum;
                read->atoms = atoms;
                return;
              }
          return;
        }
      if (is_reshape (node))
        after = atoms;
      else if (sag_match_is (node, "Transpose"))
        {
          if (!part (self, &atoms, &y->shape, axes))
            return;
          for (int i = 0; i < y->shape.rank; i++)
            if (!append (&after, &axes[get_perm (node, i, y->shape.rank)]))
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
  Atoms all, times, batches, states, channels;
} Axes;

static gboolean
find_axes (Build *self, Readout *read, Axes *axes)
{
  int time = self->what->time;
  Atoms rest;

  *axes = (Axes){ .times = { 1, { time } } };
  for (int i = 0; i < self->what->a->shape.rank; i++)
    if (self->what->a->shape.dim[i] > 1)
      axes->all.atom[axes->all.n++] = i;
  strip (self, &read->w);
  if (!renew (self, &axes->all) || !renew (self, &read->w.atoms) || !renew (self, &read->states)
      || self->part[time] != 0 || !has (&read->w.atoms, time)
      || !within (&read->states, &read->w.atoms))
    return FALSE;
  axes->states = read->states;
  rest = without (&read->w.atoms, &axes->times);
  axes->batches = without (&rest, &axes->states);
  rest = without (&axes->all, &axes->times);
  rest = without (&rest, &axes->states);
  axes->channels = without (&rest, &axes->batches);
  return TRUE;
}

static gboolean
renew_axes (Build *self, Axes *axes)
{
  return renew (self, &axes->all) && renew (self, &axes->batches) && renew (self, &axes->states)
         && renew (self, &axes->channels) && self->part[axes->times.atom[0]] == 0;
}

/* `made`, of [batches, times, channels], is what is read. */
static gboolean
finish (Build *self, SagBuild *b, SagValue *made, const Axes *axes, Readout *read)
{
  View view = { settle (made), axes->batches };

  g_free (made->producer->name);
  made->producer->name = g_strdup (b->node->name);
  return append (&view.atoms, &axes->times) && append (&view.atoms, &axes->channels)
         && give (self, b, view, &read->atoms, read->y);
}

/* The atoms of a group, or none if the view has none of them: it is the same along it. */
static Atoms
present (const View *view, const Atoms *group)
{
  return without (&view->atoms, group).n < view->atoms.n ? *group : (Atoms){ 0 };
}

static gboolean
build_scan (Build *self, Readout *read, SagNode *node)
{
  SagBuild b = { node, (int) self->graph->nodes->len };
  int time = self->what->time;
  Parts parts = { 0 };
  Axes axes;
  Atoms sequence[3], state[3], rates[3], skips[2];

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
  parts.u.value = bring (self, &b, parts.u, 3, sequence);
  parts.dt.value = bring (self, &b, parts.dt, 3, sequence);
  parts.b.value = bring (self, &b, parts.b, 3, state);
  read->w.value = bring (self, &b, read->w, 3, state);
  parts.a.value = bring (self, &b, parts.a, 3, rates);
  if (parts.d.value != NULL)
    {
      renew (self, &parts.d.atoms);
      skips[0] = present (&parts.d, &axes.batches);
      skips[1] = axes.channels;
      parts.d.value = bring (self, &b, parts.d, 2, skips);
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
find_factors (Build *self, View *list, const Axes *axes)
{
  View x[2];
  int n = 1;

  strip (self, &list[0]);
  for (int i = 0; i < n; i++)
    {
      if (!renew (self, &list[i].atoms))
        return 0;
      if (without (&list[i].atoms, &axes->states).n == list[i].atoms.n
          || without (&list[i].atoms, &axes->channels).n == list[i].atoms.n)
        continue;
      if (n == MAX_FACTORS || !factors (self, &list[i], x))
        return 0;
      list[i--] = x[0];
      list[n++] = x[1];
    }
  return n;
}

/* w, if what is added to h is w times b v. */
static gboolean
find_own (Build *self, Readout *read, const Axes *axes, View *b, View *v, View *w)
{
  View list[MAX_FACTORS] = { read->own }, x[2];
  int n = find_factors (self, list, axes), at = 0;

  w->value = NULL;
  for (int i = 0; i < n; i++) /* b may be hidden in a product with w */
    if (!is_view (self, &list[i], b) && !is_view (self, &list[i], v) && n < MAX_FACTORS
        && has (&list[i].atoms, axes->times.atom[0]) && factors (self, &list[i], x))
      {
        list[i--] = x[0];
        list[n++] = x[1];
      }
  for (int i = 0; i < n; i++)
    if (is_view (self, &list[i], b) || is_view (self, &list[i], v))
      at++;
    else if (w->value != NULL || has (&list[i].atoms, axes->times.atom[0])
             || without (&list[i].atoms, &axes->channels).n < list[i].atoms.n)
      return FALSE;
    else
      *w = list[i];
  return at == 2 && w->value != NULL;
}

static gboolean
build_gated (Build *self, Readout *read, SagNode *node)
{
  SagBuild b = { node, (int) self->graph->nodes->len };
  View gate = { self->what->a, { 0 } }, list[MAX_FACTORS] = { { self->what->b, { 0 } } }, w, state;
  SagValue *v, *in, *q, *g, *own = NULL;
  Atoms sequence[3], rows[3], gates[4], owns[2];
  Axes axes;
  int n, which = -1;

  if (self->what->is_log || !find_axes (self, read, &axes) || axes.states.n == 0)
    return FALSE;
  gate.atoms = list[0].atoms = axes.all;
  n = find_factors (self, list, &axes);
  if (n < 2 || !renew_axes (self, &axes))
    return FALSE;
  for (int i = 0; i < n; i++)
    if (within (&axes.states, &list[i].atoms))
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
  strip (self, &gate);
  if (!renew (self, &gate.atoms) || !renew_axes (self, &axes))
    return FALSE;
  sequence[0] = rows[0] = axes.batches;
  sequence[1] = rows[1] = axes.times;
  sequence[2] = axes.channels;
  rows[2] = owns[1] = axes.states;
  gates[0] = present (&gate, &axes.batches);
  gates[1] = present (&gate, &axes.times);
  gates[2] = present (&gate, &axes.channels);
  gates[3] = present (&gate, &axes.states);
  v = bring (self, &b, list[0], 3, sequence);
  for (int i = 1; i < n && v != NULL; i++)
    {
      SagValue *more = bring (self, &b, list[i], 3, sequence);

      v = more != NULL ? settle (sag_build (&b, "Mul", 2, v, more)) : NULL;
    }
  in = bring (self, &b, state, 3, rows);
  q = bring (self, &b, read->w, 3, rows);
  g = bring (self, &b, gate, 4, gates);
  if (read->own.value != NULL)
    {
      owns[0] = present (&w, &axes.batches);
      own = bring (self, &b, w, 2, owns);
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
reads_as_product (Build *self, SagNode *node, int k, const Atoms *axes, Readout *read)
{
  const SagValue *h = sag_node_input (node, k), *other = sag_node_input (node, 1 - k);
  gboolean fused = strcmp (node->op->name, "FusedMatMul") == 0, turned;
  int rank = h->shape.rank, other_rank = other->shape.rank, summed, kept, other_summed, batch;
  Atoms axis;

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
  read->w = (View){ sag_node_input (node, 1 - k), { 0 } };
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
      if (!append (&read->w.atoms, &axis))
        return FALSE;
    }
  read->atoms.n = 0;
  for (int i = 0; i < rank - 2; i++)
    append (&read->atoms, &axes[i]);
  append (&read->atoms, &axes[kept]);
  read->y = sag_node_output (node, 0);
  return TRUE;
}

static gboolean
reads_as_sum (Build *self, SagNode *mul, int k, Atoms *axes, Readout *read)
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
  if (over < 0 || !narrow (&read->w.value->shape, &h->shape, axes, &read->w.atoms))
    return FALSE;
  read->states = axes[over];
  read->atoms.n = 0;
  for (int i = 0; i < rank; i++)
    if (i != over)
      append (&read->atoms, &axes[i]);
  read->y = sag_node_output (sum, 0);
  return TRUE;
}

/* Does all that reads the view do so through one node now? */
static gboolean
replace_readers (Build *self, View view, View own, int depth)
{
  guint n = self->graph->nodes->len;
  gboolean all = depth < MAX_DEPTH;
  Atoms axes[SAG_MAX_RANK];

  for (guint i = 0; i < self->graph->outputs->len; i++)
    all = all && self->graph->outputs->pdata[i] != view.value;
  for (guint i = 0; i < n && depth < MAX_DEPTH; i++)
    {
      SagNode *node = self->graph->nodes->pdata[i];

      for (int k = 0; k < (int) node->inputs->len; k++)
        {
          Build before = *self;
          Readout read = { .own = own };
          gboolean done = FALSE;

          if (sag_node_input (node, k) != view.value)
            continue;
          if (k == 0 && (is_reshape (node) || is_whole_slice (node)))
            done = replace_readers (self, (View){ sag_node_output (node, 0), view.atoms }, own, depth + 1);
          else if (part (self, &view.atoms, &view.value->shape, axes))
            {
              if (sag_match_is (node, "Transpose"))
                {
                  View next = { sag_node_output (node, 0), { 0 } };

                  for (int j = 0; j < view.value->shape.rank; j++)
                    append (&next.atoms, &axes[get_perm (node, j, view.value->shape.rank)]);
                  done = replace_readers (self, next, own, depth + 1);
                }
              else if (k < 2
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
                  View more = { sag_node_input (node, 1 - k), { 0 } };

                  if (k < 2 && narrow (&more.value->shape, &view.value->shape, axes, &more.atoms))
                    done = replace_readers (
                        self, (View){ sag_node_output (node, 0), view.atoms }, more, depth + 1);
                }
            }
          all = all && done;
        }
    }
  return all;
}

static Build
begin (SagGraph *graph, const SagRecurrence *what)
{
  Build self = { graph, what };

  for (int i = 0; i < what->a->shape.rank; i++)
    self.size[i] = what->a->shape.dim[i];
  self.n = MAX (1, what->a->shape.rank); /* part 0 means none */
  return self;
}

static Atoms
atoms_of_h (const SagRecurrence *what)
{
  Atoms atoms = { 0 };

  for (int i = 0; i < what->h->shape.rank; i++)
    if (what->axis[i] >= 0)
      atoms.atom[atoms.n++] = what->axis[i];
  return atoms;
}

gboolean
sag_scan_replace_readers (SagGraph *graph, const SagRecurrence *what)
{
  Build self = begin (graph, what);

  return replace_readers (&self, (View){ what->h, atoms_of_h (what) }, (View){ NULL, { 0 } }, 0);
}

void
sag_scan_replace (SagGraph *graph, const SagRecurrence *what)
{
  Build self = begin (graph, what);
  View made = { 0 };
  Atoms atoms = atoms_of_h (what);
  SagBuild b = { what->h->producer, 0 };
  SagValue *a = what->a;

  if (sag_scan_replace_readers (graph, what))
    return;
  b.at = (int) graph->nodes->len;
  if (what->is_log)
    a = settle (sag_build (&b, "Exp", 1, a));
  made.value = sag_build_in (&b, "sagitta", "LinearScan", 2, a, what->b);
  sag_node_set_int (made.value->producer, "axis", what->time);
  settle (made.value);
  for (int i = 0; i < a->shape.rank; i++)
    if (a->shape.dim[i] > 1)
      made.atoms.atom[made.atoms.n++] = i;
  give (&self, &b, made, &atoms, what->h);
}
