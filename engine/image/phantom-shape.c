/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-shape.c: capsules, ellipsoids and cylinders.
 */
#include "engine/image/phantom-scene.h"

static double
capsule_distance (const SagShape *s, double x, double y, double z)
{
  double px = x - s->a[0], py = y - s->a[1], pz = z - s->a[2];
  double bx = s->b[0] - s->a[0], by = s->b[1] - s->a[1], bz = s->b[2] - s->a[2];
  double bb = bx * bx + by * by + bz * bz;
  double t = bb > 0 ? CLAMP ((px * bx + py * by + pz * bz) / bb, 0.0, 1.0) : 0.0;

  px -= t * bx;
  py -= t * by;
  pz -= t * bz;
  return sqrt (px * px + py * py + pz * pz) - (s->r0 + t * (s->r1 - s->r0));
}

static double
ellipsoid_distance (const SagShape *s, double x, double y, double z)
{
  const double *m = s->m;
  double        px = x - s->a[0], py = y - s->a[1], pz = z - s->a[2];
  double        u = m[0] * px + m[1] * py + m[2] * pz;
  double        v = m[3] * px + m[4] * py + m[5] * pz;
  double        w = m[6] * px + m[7] * py + m[8] * pz;
  double        k = sqrt (u * u + v * v + w * w);
  double        gx = m[0] * u + m[3] * v + m[6] * w;
  double        gy = m[1] * u + m[4] * v + m[7] * w;
  double        gz = m[2] * u + m[5] * v + m[8] * w;
  double        g = sqrt (gx * gx + gy * gy + gz * gz);

  return g < 1e-9 ? -MIN (s->r0, s->r1) : k * (k - 1.0) / g;
}

static double
cylinder_distance (const SagShape *s, double x, double y, double z)
{
  double px = x - s->a[0], py = y - s->a[1];
  double u = px / s->r0, v = py / s->r1;
  double k = sqrt (u * u + v * v);
  double r = sqrt (px * px + py * py);
  double side = k < 1e-6 ? -MIN (s->r0, s->r1) : r - r / k;

  return sag_phantom_smax (side, fabs (z - s->a[2]) - s->b[2], 2.0);
}

double
sag_shape_distance (const SagShape *shape, double x, double y, double z)
{
  switch (shape->kind)
    {
    case SAG_SHAPE_CAPSULE:
      return capsule_distance (shape, x, y, z);
    case SAG_SHAPE_ELLIPSOID:
      return ellipsoid_distance (shape, x, y, z);
    case SAG_SHAPE_CYLINDER:
      return cylinder_distance (shape, x, y, z);
    }
  return 1e9;
}

static SagShape *
add (GArray *list, SagShapeKind kind, double hu, int label)
{
  SagShape shape = {
    .kind = kind, .hu = hu, .label = (gint8)label, .level = G_MAXDOUBLE, .margin = -1.0
  };

  g_array_append_val (list, shape);
  return &g_array_index (list, SagShape, list->len - 1);
}

SagShape *
sag_scene_capsule (
    GArray *list, const double a[3], const double b[3], double r0, double r1, double hu, int label)
{
  SagShape *shape = add (list, SAG_SHAPE_CAPSULE, hu, label);
  double    r = MAX (r0, r1);

  for (int i = 0; i < 3; i++)
    {
      shape->a[i] = a[i];
      shape->b[i] = b[i];
      shape->low[i] = MIN (a[i], b[i]) - r;
      shape->high[i] = MAX (a[i], b[i]) + r;
    }
  shape->r0 = r0;
  shape->r1 = r1;
  return shape;
}

SagShape *
sag_scene_turned (GArray      *list,
                  const double centre[3],
                  const double axes[9],
                  const double radii[3],
                  double       hu,
                  int          label)
{
  SagShape *shape = add (list, SAG_SHAPE_ELLIPSOID, hu, label);

  shape->r0 = MIN (radii[0], radii[1]);
  shape->r1 = radii[2];
  for (int i = 0; i < 3; i++)
    {
      double reach = 0;

      shape->a[i] = centre[i];
      for (int row = 0; row < 3; row++)
        {
          double e = axes[3 * row + i] * radii[row];

          shape->m[3 * row + i] = axes[3 * row + i] / radii[row];
          reach += e * e;
        }
      reach = sqrt (reach);
      shape->low[i] = centre[i] - reach;
      shape->high[i] = centre[i] + reach;
    }
  return shape;
}

SagShape *
sag_scene_ellipsoid (GArray *list,
                     double  x,
                     double  y,
                     double  z,
                     double  rx,
                     double  ry,
                     double  rz,
                     double  hu,
                     int     label)
{
  static const double upright[9] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };

  return sag_scene_turned (list, (double[3]){ x, y, z }, upright, (double[3]){ rx, ry, rz }, hu,
                           label);
}

SagShape *
sag_scene_cylinder (GArray *list,
                    double  x,
                    double  y,
                    double  z,
                    double  rx,
                    double  ry,
                    double  half,
                    double  hu,
                    int     label)
{
  SagShape *shape = add (list, SAG_SHAPE_CYLINDER, hu, label);
  double    reach[3] = { rx, ry, half };

  shape->a[0] = x;
  shape->a[1] = y;
  shape->a[2] = z;
  shape->b[2] = half;
  shape->r0 = rx;
  shape->r1 = ry;
  for (int i = 0; i < 3; i++)
    {
      shape->low[i] = shape->a[i] - reach[i];
      shape->high[i] = shape->a[i] + reach[i];
    }
  return shape;
}
