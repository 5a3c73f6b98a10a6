/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-view.c: values as sequences of atoms (pass-scan-view.h).
 */
#include "engine/nn/op-util.h"
#include "engine/nn/pass-match.h"
#include "engine/nn/pass-scan-view.h"

#include <string.h>

enum { MAX_DEPTH = 12 };

/* The value's type and shape, once its node is connected; not NULL. */
SagValue *
sag_view_settle (SagValue *made)
{
  made->producer->op->infer (made->producer, NULL);
  return made;
}

/* ---- atoms ------------------------------------------------------------------------------ */

gboolean
sag_atoms_has (const SagAtoms *atoms, int atom)
{
  for (int i = 0; i < atoms->n; i++)
    if (atoms->atom[i] == atom)
      return TRUE;
  return FALSE;
}

/* All of `some` are in `all`. */
gboolean
sag_atoms_within (const SagAtoms *some, const SagAtoms *all)
{
  for (int i = 0; i < some->n; i++)
    if (!sag_atoms_has (all, some->atom[i]))
      return FALSE;
  return TRUE;
}

gboolean
sag_atoms_same (const SagAtoms *a, const SagAtoms *b)
{
  return a->n == b->n && memcmp (a->atom, b->atom, sizeof *a->atom * (gsize) a->n) == 0;
}

/* FALSE if there would be too many. */
gboolean
sag_atoms_append (SagAtoms *to, const SagAtoms *from)
{
  if (to->n + from->n > SAG_MAX_ATOMS)
    return FALSE;
  memcpy (to->atom + to->n, from->atom, sizeof *from->atom * (gsize) from->n);
  to->n += from->n;
  return TRUE;
}

SagAtoms
sag_atoms_without (const SagAtoms *all, const SagAtoms *some)
{
  SagAtoms rest = { 0 };

  for (int i = 0; i < all->n; i++)
    if (!sag_atoms_has (some, all->atom[i]))
      rest.atom[rest.n++] = all->atom[i];
  return rest;
}

/* SagAtoms that were split since become their parts. */
gboolean
sag_atoms_renew (const SagViews *self, SagAtoms *atoms)
{
  for (int i = 0; i < atoms->n; i++)
    while (self->part[atoms->atom[i]] != 0)
      {
        int first = self->part[atoms->atom[i]];

        if (atoms->n == SAG_MAX_ATOMS)
          return FALSE;
        memmove (atoms->atom + i + 1, atoms->atom + i, sizeof *atoms->atom * (gsize) (atoms->n - i));
        atoms->n++;
        atoms->atom[i] = first;
        atoms->atom[i + 1] = first + 1;
      }
  return TRUE;
}

/* The atoms of each axis of `shape`; those that lie across a border are split. */
gboolean
sag_atoms_part (SagViews *self, SagAtoms *atoms, const SagShape *shape, SagAtoms *axes)
{
  int at = 0;

  if (!sag_atoms_renew (self, atoms))
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
              if (self->size[atom] % left != 0 || self->n + 2 > SAG_MAX_ATOMS)
                return FALSE;
              self->part[atom] = self->n;
              self->size[self->n] = left;
              self->size[self->n + 1] = self->size[atom] / left;
              self->n += 2;
              if (!sag_atoms_renew (self, atoms))
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

gboolean
sag_view_is_reshape (const SagNode *node)
{
  return sag_match_is (node, "Reshape") || sag_match_is (node, "Unsqueeze")
         || sag_match_is (node, "Squeeze") || sag_match_is (node, "Flatten")
         || sag_match_is (node, "Identity");
}

/* A Slice that leaves all as it is. */
gboolean
sag_view_is_whole_slice (const SagNode *node)
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

int
sag_view_perm (const SagNode *transpose, int i, int rank)
{
  int n;
  const gint64 *perm = sag_node_get_ints (transpose, "perm", &n);

  return perm != NULL ? sag_axis (perm[i], rank) : rank - 1 - i;
}

/* What an operand holds of a result's axes, to which it is broadcast. FALSE if it is wider. */
gboolean
sag_view_narrow (const SagShape *shape, const SagShape *result, const SagAtoms *axes, SagAtoms *atoms)
{
  int shift = result->rank - shape->rank;

  atoms->n = 0;
  for (int i = 0; i < shape->rank; i++)
    if (shape->dim[i] != 1)
      {
        if (shift + i < 0 || shape->dim[i] != result->dim[shift + i]
            || !sag_atoms_append (atoms, &axes[shift + i]))
          return FALSE;
      }
  return TRUE;
}

/* Up through whatever moves elements without leaving one out. */
void
sag_view_strip (SagViews *self, SagView *view)
{
  for (int depth = 0; depth < MAX_DEPTH; depth++)
    {
      SagNode *node = view->value->producer;
      SagValue *x = node != NULL ? sag_node_input (node, 0) : NULL;
      const SagShape *shape = &view->value->shape;
      SagAtoms axes[SAG_MAX_RANK], atoms = { 0 };

      if (sag_view_is_reshape (node) || sag_view_is_whole_slice (node))
        atoms = view->atoms;
      else if (sag_match_is (node, "Transpose"))
        {
          if (!sag_atoms_part (self, &view->atoms, shape, axes))
            return;
          for (int j = 0; j < shape->rank; j++)
            for (int i = 0; i < shape->rank; i++)
              if (sag_view_perm (node, i, shape->rank) == j && !sag_atoms_append (&atoms, &axes[i]))
                return;
        }
      else if (sag_match_is (node, "Expand") || sag_match_is (node, "Tile"))
        {
          if (!sag_atoms_part (self, &view->atoms, shape, axes) || !sag_view_narrow (&x->shape, shape, axes, &atoms))
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
gboolean
sag_view_factors (SagViews *self, SagView *view, SagView *x)
{
  SagNode *node = sag_match_made (view->value, "Mul");
  SagAtoms axes[SAG_MAX_RANK];

  if (node == NULL)
    node = made_by_outer_product (view->value);
  if (node == NULL || !sag_atoms_part (self, &view->atoms, &view->value->shape, axes))
    return FALSE;
  for (int i = 0; i < 2; i++)
    {
      x[i].value = sag_node_input (node, i);
      if (!sag_view_narrow (&x[i].value->shape, &view->value->shape, axes, &x[i].atoms))
        return FALSE;
      sag_view_strip (self, &x[i]);
    }
  return sag_atoms_renew (self, &x[0].atoms) && sag_atoms_renew (self, &x[1].atoms);
}

/* The view with its atoms in the order of the groups, each group one axis. */
SagValue *
sag_view_bring (SagViews *self, SagBuild *b, SagView view, int n_groups, SagAtoms *groups)
{
  SagAtoms order = { 0 }, whole = { 0 };
  gint64 dims[SAG_MAX_ATOMS], perm[SAG_MAX_RANK], shape[SAG_MAX_RANK], full[SAG_MAX_RANK];
  gboolean missing = FALSE;
  int n = 0;
  SagValue *x = view.value;

  if (!sag_atoms_renew (self, &view.atoms))
    return NULL;
  for (int i = 0; i < n_groups; i++)
    if (!sag_atoms_renew (self, &groups[i]) || !sag_atoms_append (&whole, &groups[i]))
      return NULL;
  for (int i = 0; i < whole.n; i++)
    if (sag_atoms_has (&view.atoms, whole.atom[i]))
      order.atom[order.n++] = whole.atom[i];
  if (order.n != view.atoms.n || whole.n > SAG_MAX_RANK)
    return NULL;
  if (!sag_atoms_same (&order, &view.atoms))
    {
      for (int i = 0; i < view.atoms.n; i++)
        dims[i] = self->size[view.atoms.atom[i]];
      for (int i = 0; i < order.n; i++)
        for (int j = 0; j < order.n; j++)
          if (view.atoms.atom[j] == order.atom[i])
            perm[i] = j;
      if (x->shape.rank != order.n || memcmp (x->shape.dim, dims, sizeof *dims * (gsize) order.n) != 0)
        x = sag_view_settle (sag_build_reshape (b, x, order.n, dims));
      x = sag_view_settle (sag_build_transpose (b, x, order.n, perm));
    }
  for (int i = 0; i < whole.n; i++)
    {
      full[n] = self->size[whole.atom[i]];
      shape[n] = sag_atoms_has (&order, whole.atom[i]) ? full[n] : 1;
      missing = missing || shape[n] != full[n];
      n++;
    }
  if (missing)
    {
      x = sag_view_settle (sag_build_reshape (b, x, n, shape));
      x = sag_view_settle (sag_build (b, "Expand", 2, x, sag_build_ints (b, n, full)));
    }
  for (int i = 0; i < n_groups; i++)
    {
      shape[i] = 1;
      for (int j = 0; j < groups[i].n; j++)
        shape[i] *= self->size[groups[i].atom[j]];
    }
  if (x->shape.rank != n_groups || memcmp (x->shape.dim, shape, sizeof *shape * (gsize) n_groups) != 0)
    x = sag_view_settle (sag_build_reshape (b, x, n_groups, shape));
  return x;
}

/* `to`, whose elements lie as `atoms`, is made of the view. */
gboolean
sag_view_give (SagViews *self, SagBuild *b, SagView view, const SagAtoms *atoms, SagValue *to)
{
  SagAtoms groups[SAG_MAX_ATOMS], all = *atoms;
  gint64 shape[SAG_MAX_RANK];
  SagValue *y;

  if (!sag_atoms_renew (self, &all) || all.n > SAG_MAX_RANK || all.n == 0)
    return FALSE;
  for (int i = 0; i < all.n; i++)
    groups[i] = (SagAtoms){ 1, { all.atom[i] } };
  if (!sag_atoms_renew (self, &view.atoms))
    return FALSE;
  y = sag_atoms_same (&view.atoms, &all) ? view.value : sag_view_bring (self, b, view, all.n, groups);
  if (y == NULL)
    return FALSE;
  memcpy (shape, to->shape.dim, sizeof shape);
  if (!sag_shape_equal (&y->shape, &to->shape))
    y = sag_view_settle (sag_build_reshape (b, y, to->shape.rank, shape));
  sag_node_set_output (y->producer, 0, to);
  return TRUE;
}
