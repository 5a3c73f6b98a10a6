/* SPDX-License-Identifier: Apache-2.0
 *
 * surface.h: the surface of a label, as triangles.
 *
 * Marching tetrahedra: each cell between eight voxels is cut into six tetrahedra about its diagonal, as Kuhn
 * does, so that neighbours agree on every shared face. The surface is closed (nothing beyond the grid belongs
 * to the label), each edge has two triangles, and seen from outside every triangle runs counterclockwise.
 * Doi and Koide 1991; smoothing: Taubin, SIGGRAPH 1995.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/labelmap.h"

typedef struct
{
  gsize    n_points;
  double (*points)[3];    /* mm, LPS */
  gsize    n_triangles;
  guint32 (*triangles)[3]; /* indices into points */
} SagSurface;

/* The surface of the voxels of `value`. `smooth` steps (0: none; 20 take the stairs away) of Taubin's filter
 * keep its size; then it is moved along its normals, by less than a voxel, until it encloses as much as the
 * voxels do. INVALID if there are none; MEMORY; CANCELLED. `tick` may be NULL. [compute thread] */
SagSurface *sag_surface_new        (SagLabelmap *labels,
                                    guint8             value,
                                    int                smooth,
                                    const SagTick     *tick,
                                    GError           **error);
void        sag_surface_free       (SagSurface        *self);

/* What it encloses, mm3, by the divergence theorem; positive, as its triangles look outward. */
double      sag_surface_get_volume (const SagSurface  *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSurface, sag_surface_free)
