/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-slices.c: planes, pixels and what lies under a point.
 */
#include "app/state/colour-tables.h"
#include "app/state/workspace-private.h"

#include <math.h>
#include <string.h>

static double
dot (const double a[3], const double b[3])
{
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void
get_axis (const SagGrid *grid, int axis, double unit[3])
{
  for (int r = 0; r < 3; r++)
    unit[r] = grid->direction[3 * r + axis];
}

/* The grid axis that `view` scrolls along, and whether it grows towards the patient's left, back or
 * head. */
static int
get_normal_axis (const SagGrid *grid, SagView view, gboolean *forward)
{
  static const int patient_axis[SAG_N_VIEWS] = { 2, 1, 0 };
  SagPlane plane;
  int axis;

  sag_plane_init_grid_view (&plane, grid, view, grid->origin, 1.0, &axis);
  *forward = grid->direction[3 * patient_axis[view] + axis] >= 0;
  return axis;
}

/* The cursor's slice as a grid index, and all of the cursor's position. */
static int
get_index (SagWorkspace *self, int axis, double ijk[3])
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);

  sag_grid_to_ijk (grid, self->cursor, ijk);
  return CLAMP ((int) floor (ijk[axis] + 0.5), 0, grid->size[axis] - 1);
}

/* ---- planes */

void
sag_workspace_get_plane (SagWorkspace *self, SagView view, SagPlane *plane)
{
  const SagGrid *grid;
  double ijk[3], centre[3], normal[3], middle[3], away = 0;
  gboolean forward;
  int axis, index;

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->volume == NULL)
    {
      sag_plane_init_view (plane, view, self->cursor, 1.0);
      return;
    }
  grid = sag_volume_get_grid (self->volume);
  axis = get_normal_axis (grid, view, &forward);
  index = get_index (self, axis, ijk);
  for (int a = 0; a < 3; a++)
    middle[a] = (grid->size[a] - 1) * 0.5;
  if (self->oblique)
    {
      memcpy (plane->right, self->planes[view][0], sizeof plane->right);
      memcpy (plane->down, self->planes[view][1], sizeof plane->down);
      plane->mm_per_pixel = 1;
      sag_plane_get_normal (plane, normal);
      sag_grid_to_lps (grid, middle, centre);
      for (int c = 0; c < 3; c++)
        away += (self->cursor[c] - centre[c]) * normal[c];
      for (int c = 0; c < 3; c++)
        plane->centre[c] = centre[c] + away * normal[c];
      return;
    }
  /* On a slice as acquired, not between two: what is numbered "84 of 160" is image 84. */
  middle[axis] = index;
  sag_grid_to_lps (grid, middle, centre);
  sag_plane_init_grid_view (plane, grid, view, centre, 1.0, NULL);
}

static void
rotate (double v[3], const double axis[3], double angle)
{
  double c = cos (angle), s = sin (angle), along = dot (v, axis), out[3];

  for (int a = 0; a < 3; a++)
    {
      int b = (a + 1) % 3, d = (a + 2) % 3;

      out[a] = v[a] * c + (axis[b] * v[d] - axis[d] * v[b]) * s + axis[a] * along * (1 - c);
    }
  memcpy (v, out, sizeof out);
}

/* Rounding must not pile up over a long drag. */
static void
make_orthonormal (double right[3], double down[3])
{
  double length = sqrt (dot (right, right)), along;

  for (int a = 0; a < 3; a++)
    right[a] /= length;
  along = dot (right, down);
  for (int a = 0; a < 3; a++)
    down[a] -= along * right[a];
  length = sqrt (dot (down, down));
  for (int a = 0; a < 3; a++)
    down[a] /= length;
}

void
sag_workspace_turn_plane (SagWorkspace *self, SagView view, const double axis[3], double angle)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->volume == NULL || !isfinite (angle))
    return;
  for (int v = 0; v < SAG_N_VIEWS && !self->oblique; v++)
    {
      SagPlane plane;

      sag_workspace_get_plane (self, v, &plane);
      memcpy (self->planes[v][0], plane.right, sizeof plane.right);
      memcpy (self->planes[v][1], plane.down, sizeof plane.down);
    }
  rotate (self->planes[view][0], axis, angle);
  rotate (self->planes[view][1], axis, angle);
  make_orthonormal (self->planes[view][0], self->planes[view][1]);
  self->oblique = TRUE;
  g_object_notify (G_OBJECT (self), "oblique");
}

gboolean
sag_workspace_get_oblique (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);
  return self->oblique;
}

void
sag_workspace_reset_planes (SagWorkspace *self)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (!self->oblique)
    return;
  self->oblique = FALSE;
  g_object_notify (G_OBJECT (self), "oblique");
}

/* The slices of an oblique plane: steps of the finest spacing along its normal, counted towards the
 * patient's head, back or left, between the outermost voxels. */
typedef struct
{
  double normal[3], first, step;
  int    n;
} Walk;

static void
get_walk (SagWorkspace *self, SagView view, Walk *walk)
{
  static const int patient_axis[SAG_N_VIEWS] = { 2, 1, 0 };
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  double middle, reach = 0, ijk[3], lps[3];
  SagPlane plane;

  sag_workspace_get_plane (self, view, &plane);
  sag_plane_get_normal (&plane, walk->normal);
  if (walk->normal[patient_axis[view]] < 0)
    for (int a = 0; a < 3; a++)
      walk->normal[a] = -walk->normal[a];
  for (int a = 0; a < 3; a++)
    {
      double unit[3];

      ijk[a] = (grid->size[a] - 1) * 0.5;
      get_axis (grid, a, unit);
      reach += fabs (dot (unit, walk->normal)) * (grid->size[a] - 1) * grid->spacing[a] / 2;
    }
  sag_grid_to_lps (grid, ijk, lps);
  middle = dot (lps, walk->normal);
  walk->step = MIN (MIN (grid->spacing[0], grid->spacing[1]), grid->spacing[2]);
  walk->n = (int) floor (2 * reach / walk->step + 1e-6) + 1;
  walk->first = middle - (walk->n - 1) / 2.0 * walk->step;
}

void
sag_workspace_get_spec (SagWorkspace *self, SagView view, SagSliceSpec *spec)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  sag_slice_spec_init (spec);
  spec->interpolation = self->interpolation;
  spec->slab_mm = self->slab_mm;
  spec->slab_mode = self->slab_mode;
  spec->window = self->window;
  spec->invert = self->invert;
  spec->overlay = self->overlay_visible ? self->overlay : 0;
  if (self->reference != NULL && self->segmentation != NULL)
    {
      spec->compare = self->compare;
      spec->swipe = (float) self->swipe;
      if (self->compare == SAG_COMPARE_DIFFERENCE && spec->overlay != 0)
        spec->overlay = SAG_OVERLAY_DIFFERENCE | (spec->overlay & SAG_OVERLAY_OUTLINE);
    }
  spec->opacity = (float) self->opacity;
  spec->confidence_threshold = (float) self->confidence_threshold;
  memcpy (spec->hidden, self->hidden, sizeof spec->hidden);
  spec->colour_table = sag_colour_table_get (self->colour_table);
  sag_workspace_get_plane (self, view, &spec->plane);
}

double
sag_workspace_get_fit (SagWorkspace *self, SagView view, int width, int height)
{
  const SagGrid *grid;
  SagPlane plane;
  double across = 0, along = 0;

  g_return_val_if_fail (SAG_IS_WORKSPACE (self), 1.0);

  if (self->volume == NULL || width < 1 || height < 1)
    return 1.0;
  grid = sag_volume_get_grid (self->volume);
  sag_plane_init_grid_view (&plane, grid, view, grid->origin, 1.0, NULL);
  for (int a = 0; a < 3; a++)
    {
      double unit[3];

      get_axis (grid, a, unit);
      across += fabs (dot (unit, plane.right)) * grid->size[a] * grid->spacing[a];
      along += fabs (dot (unit, plane.down)) * grid->size[a] * grid->spacing[a];
    }
  return MAX (across / width, along / height);
}

void
sag_workspace_render (SagWorkspace *self, const SagSliceSpec *spec, int width, int height,
                      guint8 *rgba)
{
  SagSliceSources sources;

  g_return_if_fail (SAG_IS_WORKSPACE (self) && width > 0 && height > 0);

  sag_workspace_peek_sources (self, &sources);
  sag_slice_sources_render (&sources, spec, width, height, rgba);
}

int
sag_workspace_get_slice (SagWorkspace *self, SagView view, int *n_slices)
{
  const SagGrid *grid;
  gboolean forward;
  double ijk[3];
  int axis, index;

  g_return_val_if_fail (SAG_IS_WORKSPACE (self), 0);

  if (n_slices != NULL)
    *n_slices = 0;
  if (self->volume == NULL)
    return 0;
  if (self->oblique)
    {
      Walk walk;

      get_walk (self, view, &walk);
      if (n_slices != NULL)
        *n_slices = walk.n;
      return CLAMP ((int) floor ((dot (self->cursor, walk.normal) - walk.first) / walk.step + 0.5),
                    0, walk.n - 1);
    }
  grid = sag_volume_get_grid (self->volume);
  axis = get_normal_axis (grid, view, &forward);
  index = get_index (self, axis, ijk);
  if (n_slices != NULL)
    *n_slices = grid->size[axis];
  return forward ? index : grid->size[axis] - 1 - index;
}

/* Where the cursor is once `view` shows this slice. */
static void
find_slice (SagWorkspace *self, SagView view, int slice, double lps[3])
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  gboolean forward;
  double ijk[3];
  int axis;

  if (self->oblique)
    {
      Walk walk;
      double away;

      get_walk (self, view, &walk);
      away = walk.first + CLAMP (slice, 0, walk.n - 1) * walk.step
             - dot (self->cursor, walk.normal);
      for (int a = 0; a < 3; a++)
        lps[a] = self->cursor[a] + away * walk.normal[a];
      return;
    }
  axis = get_normal_axis (grid, view, &forward);
  get_index (self, axis, ijk);
  slice = CLAMP (slice, 0, grid->size[axis] - 1);
  ijk[axis] = forward ? slice : grid->size[axis] - 1 - slice;
  sag_grid_to_lps (grid, ijk, lps);
}

void
sag_workspace_set_slice (SagWorkspace *self, SagView view, int slice)
{
  double lps[3];

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->volume == NULL)
    return;
  find_slice (self, view, slice, lps);
  sag_workspace_set_cursor (self, lps);
}

void
sag_workspace_step_slice (SagWorkspace *self, SagView view, int n)
{
  int n_slices;
  int slice = sag_workspace_get_slice (self, view, &n_slices);

  sag_workspace_set_slice (self, view, CLAMP (n, -n_slices, n_slices) + slice);
}

void
sag_workspace_foresee_spec (SagWorkspace *self, SagView view, int n, SagSliceSpec *spec)
{
  double now[3];

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  memcpy (now, self->cursor, sizeof now);
  if (self->volume != NULL && n != 0)
    {
      int n_slices;
      int slice = sag_workspace_get_slice (self, view, &n_slices);

      find_slice (self, view, CLAMP (n, -n_slices, n_slices) + slice, self->cursor);
      sag_workspace_keep_inside (self, self->cursor);
    }
  sag_workspace_get_spec (self, view, spec);
  memcpy (self->cursor, now, sizeof now);
}

int
sag_workspace_get_slice_number (SagWorkspace *self, int k)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), 0);

  for (int view = 0; self->volume != NULL && view < SAG_N_VIEWS; view++)
    {
      const SagGrid *grid = sag_volume_get_grid (self->volume);
      gboolean forward;

      if (get_normal_axis (grid, (SagView) view, &forward) == 2)
        return forward ? k + 1 : grid->size[2] - k;
    }
  return 0;
}

void
sag_workspace_go_to_slice (SagWorkspace *self, int k)
{
  double ijk[3], lps[3];

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->volume == NULL)
    return;
  sag_grid_to_ijk (sag_volume_get_grid (self->volume), self->cursor, ijk);
  ijk[2] = k;
  sag_grid_to_lps (sag_volume_get_grid (self->volume), ijk, lps);
  sag_workspace_set_cursor (self, lps);
}

double
sag_workspace_get_slice_spacing (SagWorkspace *self, SagView view)
{
  gboolean forward;

  g_return_val_if_fail (SAG_IS_WORKSPACE (self), 0);

  if (self->volume == NULL)
    return 0;
  if (self->oblique)
    {
      Walk walk;

      get_walk (self, view, &walk);
      return walk.step;
    }
  return sag_volume_get_grid (self->volume)
      ->spacing[get_normal_axis (sag_volume_get_grid (self->volume), view, &forward)];
}

static gboolean
find_voxel (const SagGrid *grid, const double lps[3], int ijk[3])
{
  double at[3];

  sag_grid_to_ijk (grid, lps, at);
  for (int a = 0; a < 3; a++)
    {
      double nearest = floor (at[a] + 0.5);

      if (!(nearest >= 0 && nearest < grid->size[a]))
        return FALSE;
      ijk[a] = (int) nearest;
    }
  return TRUE;
}

static gboolean
probe_labels (SagSegmentation *segmentation, const double lps[3], SagProbe *probe)
{
  const SagGrid *grid;
  SagBlock *confidence;
  int ijk[3];
  gsize at;

  if (segmentation == NULL)
    return FALSE;
  grid = sag_segmentation_get_grid (segmentation);
  if (!find_voxel (grid, lps, ijk) || !sag_segmentation_is_ready (segmentation, ijk[2]))
    return FALSE;
  at = ((gsize) ijk[2] * (gsize) grid->size[1] + (gsize) ijk[1]) * (gsize) grid->size[0]
       + (gsize) ijk[0];
  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation) && probe->label == NULL; n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);

      probe->label
          = sag_labelmap_find_label (layer, sag_labelmap_get_value (layer, ijk[0], ijk[1], ijk[2]));
    }
  confidence = sag_segmentation_get_confidence (segmentation);
  if (confidence != NULL)
    probe->confidence = ((const guint8 *) sag_block_get_data (confidence))[at] / 255.0;
  return TRUE;
}

gboolean
sag_workspace_probe (SagWorkspace *self, const double lps[3], SagProbe *probe)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);

  *probe = (SagProbe) { .unit = "", .confidence = NAN };
  if (self->volume == NULL
      || !find_voxel (sag_volume_get_grid (self->volume), lps, probe->ijk)
      || !sag_volume_is_ready (self->volume, probe->ijk[2]))
    return FALSE;
  probe->inside = TRUE;
  probe->value = sag_volume_get_value (self->volume, probe->ijk[0], probe->ijk[1], probe->ijk[2]);
  probe->unit = sag_volume_get_unit (self->volume);
  if (!probe_labels (self->segmentation, lps, probe))
    probe_labels (self->preview, lps, probe);
  return TRUE;
}

typedef struct
{
  int    k;
  double confidence;
} SliceConfidence;

static int
compare_confidence (gconstpointer a, gconstpointer b)
{
  const SliceConfidence *x = a, *y = b;

  return x->confidence < y->confidence   ? -1
         : x->confidence > y->confidence ? 1
                                         : x->k - y->k;
}

/* Slices with labels, least certain first. One pass over labels and confidence, then kept. */
static void
rank_slices (SagWorkspace *self)
{
  int n = sag_segmentation_get_grid (self->segmentation)->size[2];
  g_autoptr (GArray) known = g_array_new (FALSE, FALSE, sizeof (SliceConfidence));

  self->uncertain = g_array_new (FALSE, FALSE, sizeof (int));
  for (int k = 0; k < n; k++)
    {
      SliceConfidence slice
          = { k, sag_segmentation_get_slice_confidence (self->segmentation, k, 0) };

      if (!isnan (slice.confidence))
        g_array_append_val (known, slice);
    }
  g_array_sort (known, compare_confidence);
  for (guint i = 0; i < known->len; i++)
    g_array_append_val (self->uncertain, g_array_index (known, SliceConfidence, i).k);
}

gboolean
sag_workspace_next_uncertain (SagWorkspace *self, int step, int *rank, int *n)
{
  const SagGrid *grid;
  double from[3], ijk[3], lps[3];

  g_return_val_if_fail (SAG_IS_WORKSPACE (self), FALSE);

  if (self->segmentation == NULL)
    return FALSE;
  if (self->uncertain == NULL)
    rank_slices (self);
  if (self->uncertain->len == 0)
    return FALSE;
  self->uncertain_rank = CLAMP (self->uncertain_rank + step, 1, (int) self->uncertain->len);
  grid = sag_segmentation_get_grid (self->segmentation);
  memcpy (from, self->cursor, sizeof from);
  sag_grid_to_ijk (grid, from, ijk);
  ijk[2] = g_array_index (self->uncertain, int, self->uncertain_rank - 1);
  sag_grid_to_lps (grid, ijk, lps);
  sag_workspace_set_cursor (self, lps);
  if (rank != NULL)
    *rank = self->uncertain_rank;
  if (n != NULL)
    *n = (int) self->uncertain->len;
  return TRUE;
}

gboolean
sag_workspace_cuts_slices (SagWorkspace *self, SagView view, int k0, int k1)
{
  const SagGrid *grid = sag_volume_get_grid (self->volume);
  double ijk[3], reach;
  SagPlane plane;
  int axis;

  sag_plane_init_grid_view (&plane, grid, view, self->cursor, 1, &axis);
  if (axis != 2 || sag_workspace_get_oblique (self))
    return TRUE;
  sag_grid_to_ijk (grid, self->cursor, ijk);
  reach = 1 + self->slab_mm / grid->spacing[2];
  return k0 <= ijk[2] + reach && k1 - 1 >= ijk[2] - reach;
}

gboolean
sag_workspace_is_growing (SagWorkspace *self)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self);

  return segmentation != NULL
         && sag_segmentation_get_n_ready (segmentation) < sag_segmentation_get_grid (segmentation)->size[2];
}
