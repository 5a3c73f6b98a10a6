/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-scan-view.h: values as sequences of atoms.
 *
 * Exporters permute, split and join axes freely. So a value is seen as a sequence of atoms: the axes
 * of one tensor, or factors of them, in the order in which the value's elements lie; an atom that is
 * not there is one along which the value repeats. Over reshapes the sequence stays, a transpose
 * permutes it, an expansion drops some of it.
 */
#pragma once

#include "engine/nn/build.h"
#include "engine/nn/pass-scan.h"

enum { SAG_MAX_ATOMS = 48 };

typedef struct
{
  int n, atom[SAG_MAX_ATOMS];
} SagAtoms;

typedef struct
{
  SagValue *value;
  SagAtoms  atoms;
} SagView;

typedef struct
{
  SagGraph            *graph;
  const SagRecurrence *what;
  gint64               size[SAG_MAX_ATOMS];
  int                  part[SAG_MAX_ATOMS]; /* not 0: this atom is this one and the next */
  int                  n;
} SagViews;

gboolean  sag_atoms_has      (const SagAtoms *atoms, int atom);

/* All of `some` are in `all`. */
gboolean  sag_atoms_within   (const SagAtoms *some, const SagAtoms *all);
gboolean  sag_atoms_same     (const SagAtoms *a, const SagAtoms *b);

/* FALSE if there would be too many. */
gboolean  sag_atoms_append   (SagAtoms *to, const SagAtoms *from);
SagAtoms  sag_atoms_without  (const SagAtoms *all, const SagAtoms *some);

/* Atoms that were split since become their parts. */
gboolean  sag_atoms_renew    (const SagViews *self, SagAtoms *atoms);

/* The atoms of each axis of `shape`; those that lie across a border are split. */
gboolean  sag_atoms_part     (SagViews *self, SagAtoms *atoms, const SagShape *shape, SagAtoms *axes);

/* Reshape and its like; a Slice that leaves all as it is; where axis i of a Transpose comes from. */
gboolean  sag_view_is_reshape     (const SagNode *node);
gboolean  sag_view_is_whole_slice (const SagNode *node);
int       sag_view_perm           (const SagNode *transpose, int i, int rank);

/* What an operand holds of a result's axes, to which it is broadcast. FALSE if it is wider. */
gboolean  sag_view_narrow    (const SagShape *shape, const SagShape *result, const SagAtoms *axes,
                              SagAtoms *atoms);

/* Up through whatever moves elements without leaving one out. */
void      sag_view_strip     (SagViews *self, SagView *view);

/* The two operands of the product that the view shows, stripped. */
gboolean  sag_view_factors   (SagViews *self, SagView *view, SagView *x);

/* The value's type and shape, once its node is connected; not NULL. */
SagValue *sag_view_settle    (SagValue *made);

/* The view with its atoms in the order of the groups, each group one axis; NULL if that cannot be. */
SagValue *sag_view_bring     (SagViews *self, SagBuild *b, SagView view, int n_groups,
                              SagAtoms *groups);

/* `to`, whose elements lie as `atoms`, is made of the view. */
gboolean  sag_view_give      (SagViews *self, SagBuild *b, SagView view, const SagAtoms *atoms,
                              SagValue *to);
