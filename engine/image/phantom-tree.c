/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-tree.c: arteries, veins and bronchi that branch into the lungs, and what is wrong there.
 *
 * Trees grow by splitting the space they have to serve (Wang et al., "Improved algorithm for
 * growing branching structures", 1992): a branch goes towards the centre of its points, the points
 * are cut in two by a plane through it, and each half gets a branch of its own. Radii follow
 * Murray's law: the cube of a radius goes with the points served.
 */
#include "engine/image/phantom-scene.h"

#include <string.h>

typedef struct
{
  double p[3];
} Point;

typedef struct
{
  SagPhantomScene *scene;
  GArray          *airways; /* SagShape, walls; NULL for a tree without bronchi */
  GArray          *lumina;
  double           hu, root_radius;
  int              n_total;
} Tree;

static double
lung_at (const SagPhantomScene *scene,
         const SagShape *const *pushers,
         int                    n,
         int                    side,
         const double           p[3])
{
  SagPhantomContour cage;

  sag_phantom_cage (scene, p[2], &cage);
  return sag_phantom_lung (scene, side, p[0], p[1], p[2],
                           sag_phantom_contour_distance (&cage, p[0], p[1]), pushers, n, NULL);
}

static GPtrArray *
collect_pushers (const SagPhantomScene *scene)
{
  GPtrArray *pushers = g_ptr_array_new ();

  for (guint i = 0; i < scene->solids->len; i++)
    if (g_array_index (scene->solids, SagShape, i).margin >= 0)
      g_ptr_array_add (pushers, &g_array_index (scene->solids, SagShape, i));
  return pushers;
}

/* A random point at least `depth` inside the lung of `side`; FALSE after many misses. */
static gboolean
draw_point (SagPhantomScene *scene, GPtrArray *pushers, int side, double depth, double p[3])
{
  for (int attempt = 0; attempt < 400; attempt++)
    {
      p[0] = (side == 0 ? 1 : -1) * sag_phantom_range (&scene->random, 2, 140);
      p[1] = sag_phantom_range (&scene->random, -110, 100);
      p[2] = sag_phantom_range (&scene->random, -180, 116);
      if (lung_at (scene, (const SagShape *const *)pushers->pdata, (int)pushers->len, side, p)
          < -depth)
        return TRUE;
    }
  return FALSE;
}

static double
normalise (double v[3])
{
  double length = sqrt (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);

  for (int i = 0; i < 3; i++)
    v[i] /= MAX (length, 1e-9);
  return length;
}

/* A bronchus beside an artery's branch, shifted across it. */
static void
add_bronchus (Tree *tree, const double a[3], const double b[3], double artery)
{
  double r = 0.80 * artery, wall = 0.35 + 0.10 * r;
  double along[3] = { b[0] - a[0], b[1] - a[1], b[2] - a[2] };
  double across[3] = { 0.3, 0.8, -0.45 };
  double dot, p[3], q[3];

  normalise (along);
  dot = along[0] * across[0] + along[1] * across[1] + along[2] * across[2];
  for (int i = 0; i < 3; i++)
    across[i] -= dot * along[i];
  normalise (across);
  for (int i = 0; i < 3; i++)
    {
      p[i] = a[i] + across[i] * (artery + r + wall);
      q[i] = b[i] + across[i] * (artery + r + wall);
    }
  sag_scene_capsule (tree->airways, p, q, r + wall, 0.92 * r + wall, -150, -1)->clip =
      SAG_CLIP_LUNG;
  sag_scene_capsule (tree->lumina, p, q, r, 0.92 * r, -970, -1)->clip = SAG_CLIP_LUNG;
}

static void
grow (Tree *tree, Point *points, int n, const double start[3], const double parent[3], int depth)
{
  double centre[3] = { 0, 0, 0 }, direction[3], bend[3], end[3], middle[3], cut[3], spread = 0;
  double radius = tree->root_radius * sag_phantom_cbrt ((double)n / tree->n_total);
  double length, step;
  int    low = 0, high = n - 1;

  for (int i = 0; i < n; i++)
    for (int axis = 0; axis < 3; axis++)
      centre[axis] += points[i].p[axis] / n;
  for (int axis = 0; axis < 3; axis++)
    direction[axis] = centre[axis] - start[axis];
  length = normalise (direction);
  step = n == 1 ? MIN (length, 14.0) : length * (depth == 0 ? 0.30 : 0.42);
  for (int axis = 0; axis < 3; axis++)
    bend[axis] = 0.6 * direction[axis] + 0.4 * parent[axis];
  normalise (bend);
  for (int axis = 0; axis < 3; axis++)
    {
      middle[axis] = start[axis] + 0.5 * step * bend[axis];
      end[axis] = start[axis] + step * (0.8 * direction[axis] + 0.2 * bend[axis]);
    }

  radius = MAX (radius, 0.32);
  sag_scene_capsule (tree->scene->tubes, start, middle, radius, 0.96 * radius, tree->hu, -1)->clip =
      SAG_CLIP_LUNG;
  sag_scene_capsule (tree->scene->tubes, middle, end, 0.96 * radius, 0.90 * radius, tree->hu, -1)
      ->clip = SAG_CLIP_LUNG;
  if (tree->airways != NULL && radius > 1.45)
    {
      add_bronchus (tree, start, middle, radius);
      add_bronchus (tree, middle, end, 0.95 * radius);
    }
  if (n == 1 || depth > 24)
    return;

  /* Cut across the axis of widest spread, turned to lie along the branch. */
  for (int axis = 0; axis < 3; axis++)
    {
      double sum = 0;

      for (int i = 0; i < n; i++)
        {
          double d = points[i].p[axis] - centre[axis];

          sum += d * d;
        }
      sum *= 1.0 - 0.8 * direction[axis] * direction[axis];
      if (sum > spread)
        {
          spread = sum;
          memset (cut, 0, sizeof cut);
          cut[axis] = 1.0;
        }
    }
  if (spread <= 0)
    return;
  for (int axis = 0; axis < 3; axis++)
    cut[axis] += sag_phantom_jitter (&tree->scene->random, 0.35);
  while (low <= high)
    {
      double side = 0;

      for (int axis = 0; axis < 3; axis++)
        side += cut[axis] * (points[low].p[axis] - centre[axis]);
      if (side < 0)
        low++;
      else
        {
          Point swap = points[low];

          points[low] = points[high];
          points[high] = swap;
          high--;
        }
    }
  if (low == 0 || low == n)
    return;
  grow (tree, points, low, end, direction, depth + 1);
  grow (tree, points + low, n - low, end, direction, depth + 1);
}

static void
plant (
    Tree *tree, GPtrArray *pushers, int side, int n, const double root[3], const double towards[3])
{
  g_autofree Point *points = g_new (Point, n);
  int               found = 0;

  while (found < n && draw_point (tree->scene, pushers, side, 2.5, points[found].p))
    found++;
  if (found == 0)
    return;
  tree->n_total = found;
  grow (tree, points, found, root, towards, 0);
}

void
sag_phantom_build_trees (SagPhantomScene *scene)
{
  static const double arteries[2][3] = { { 43, 16, -20 }, { -44, 2, -26 } };
  static const double veins[2][2][3] = { { { 45, -10, -20 }, { 43, 22, -56 } },
                                         { { -46, -6, -30 }, { -45, 20, -58 } } };
  g_autoptr (GPtrArray) pushers = NULL;
  g_autoptr (GArray) airways = g_array_new (FALSE, FALSE, sizeof (SagShape));
  g_autoptr (GArray) lumina = g_array_new (FALSE, FALSE, sizeof (SagShape));
  double voxel = scene->spec.spacing[0];
  int    n = voxel < 1.0 ? 1500 : voxel < 1.6 ? 700 : 350;

  pushers = collect_pushers (scene);
  for (int side = 0; side < 2; side++)
    {
      double out[3] = { side == 0 ? 1 : -1, 0, 0 };
      Tree   artery = { scene, airways, lumina, scene->blood, 7.2, 0 };
      Tree   upper = { scene, NULL, NULL, scene->artery, 5.0, 0 };
      Tree   lower = { scene, NULL, NULL, scene->artery, 5.6, 0 };

      plant (&artery, pushers, side, n, arteries[side], out);
      plant (&upper, pushers, side, n / 2, veins[side][0], out);
      plant (&lower, pushers, side, n / 2, veins[side][1], out);
    }
  /* Vessels, then bronchial walls, then what is hollow in them. */
  g_array_append_vals (scene->tubes, airways->data, airways->len);
  g_array_append_vals (scene->tubes, lumina->data, lumina->len);
}

static void
add_patch (
    SagPhantomScene *scene, GPtrArray *pushers, SagPhantomFindings kind, double low, double high)
{
  SagPatch *patch = &scene->patches[scene->n_patches];

  if (scene->n_patches == SAG_PHANTOM_MAX_PATCHES)
    return;
  if (!draw_point (scene, pushers, sag_phantom_chance (&scene->random, 0.5), 4.0, patch->centre))
    return;
  patch->kind = kind;
  patch->radius = sag_phantom_range (&scene->random, low, high);
  scene->n_patches++;
}

static void
add_nodule (SagPhantomScene *scene, GPtrArray *pushers, int side, double radius, int label)
{
  SagPhantomRandom *random = &scene->random;
  double            p[3];
  double            hu = 20.0 + sag_phantom_jitter (random, 30.0);

  if (!draw_point (scene, pushers, side, radius + 3.0, p))
    return;
  /* Lobulated: a core and bumps; spicules reach out. */
  for (int i = 0; i < 6; i++)
    {
      double    at[3];
      double    r = i == 0 ? radius : radius * sag_phantom_range (random, 0.45, 0.7);
      SagShape *shape;

      for (int axis = 0; axis < 3; axis++)
        at[axis] = p[axis] + (i == 0 ? 0.0 : sag_phantom_jitter (random, 0.8 * radius));
      shape = sag_scene_capsule (scene->tubes, at, at, r, r, hu, -1);
      shape->clip = SAG_CLIP_LUNG;
      shape->nodule = (gint8)label;
    }
  for (int i = 0; i < 7; i++)
    {
      double to[3];

      for (int axis = 0; axis < 3; axis++)
        to[axis] = p[axis] + sag_phantom_jitter (random, 2.6 * radius);
      sag_scene_capsule (scene->tubes, p, to, 0.14 * radius, 0.3, hu - 60, -1)->clip =
          SAG_CLIP_LUNG;
    }
}

void
sag_phantom_build_findings (SagPhantomScene *scene)
{
  g_autoptr (GPtrArray) pushers = collect_pushers (scene);
  SagPhantomRandom  *random = &scene->random;
  SagPhantomFindings findings = scene->spec.findings;

  if (findings & SAG_PHANTOM_CONSOLIDATION)
    for (int i = sag_phantom_chance (random, 0.5); i < 2; i++)
      add_patch (scene, pushers, SAG_PHANTOM_CONSOLIDATION, 12, 42);
  if (findings & SAG_PHANTOM_GROUND_GLASS)
    for (int i = 0; i < 4; i++)
      add_patch (scene, pushers, SAG_PHANTOM_GROUND_GLASS, 14, 50);
  if (findings & SAG_PHANTOM_EMPHYSEMA)
    for (int i = 0; i < 6; i++)
      add_patch (scene, pushers, SAG_PHANTOM_EMPHYSEMA, 20, 60);
  if (findings & SAG_PHANTOM_NODULES)
    {
      add_nodule (scene, pushers, 1, sag_phantom_range (random, 6.5, 9.5), SAG_PHANTOM_NODULE_1);
      add_nodule (scene, pushers, 0, sag_phantom_range (random, 3.5, 6.0), SAG_PHANTOM_NODULE_2);
    }
}
