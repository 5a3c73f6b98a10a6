/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-math.h: arithmetic of the phantom that gives the same bits everywhere: hashes, noise
 * and short polynomials in place of libm, whose results depend on the CPU.
 */
#pragma once

#include <glib.h>
#include <math.h>

#define SAG_PHANTOM_PI 3.14159265358979323846

/* splitmix64 (Steele, Lea, Flood 2014): state -> 64 mixed bits. */
static inline guint64
sag_phantom_mix (guint64 x)
{
  x += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return x ^ (x >> 31);
}

typedef struct
{
  guint64 state;
} SagPhantomRandom;

/* Uniform in [0, 1). */
static inline double
sag_phantom_unit (SagPhantomRandom *random)
{
  random->state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
  return (double)(sag_phantom_mix (random->state) >> 11) * (1.0 / 9007199254740992.0);
}

static inline double
sag_phantom_range (SagPhantomRandom *random, double low, double high)
{
  return low + (high - low) * sag_phantom_unit (random);
}

/* Symmetric about 0 within +-`spread`, peaked in the middle. */
static inline double
sag_phantom_jitter (SagPhantomRandom *random, double spread)
{
  double a = sag_phantom_unit (random);

  return spread * (a + sag_phantom_unit (random) - 1.0);
}

static inline gboolean
sag_phantom_chance (SagPhantomRandom *random, double probability)
{
  return sag_phantom_unit (random) < probability;
}

/* Sine of |x| <= 8, to 1e-6. */
static inline double
sag_phantom_sin (double x)
{
  double turns = floor (x / (2.0 * SAG_PHANTOM_PI) + 0.5);
  double y;

  x -= turns * 2.0 * SAG_PHANTOM_PI;
  if (x > SAG_PHANTOM_PI / 2.0)
    x = SAG_PHANTOM_PI - x;
  else if (x < -SAG_PHANTOM_PI / 2.0)
    x = -SAG_PHANTOM_PI - x;
  y = x * x;
  return x
         * (1.0
            + y
                  * (-1.0 / 6
                     + y
                           * (1.0 / 120
                              + y * (-1.0 / 5040 + y * (1.0 / 362880 + y * (-1.0 / 39916800))))));
}

static inline double
sag_phantom_cos (double x)
{
  return sag_phantom_sin (x + SAG_PHANTOM_PI / 2.0);
}

/* Cube root of 0 < x <= 1 by Newton's steps from above. */
static inline double
sag_phantom_cbrt (double x)
{
  double y = 1.0;

  for (int i = 0; i < 24; i++)
    y = (2.0 * y + x / (y * y)) / 3.0;
  return y;
}

static inline double
sag_phantom_smooth (double low, double high, double x)
{
  double t = CLAMP ((x - low) / (high - low), 0.0, 1.0);

  return t * t * (3.0 - 2.0 * t);
}

/* Maximum and minimum whose edge is rounded over about `k` mm. */
static inline double
sag_phantom_smax (double a, double b, double k)
{
  double h = MAX (k - fabs (a - b), 0.0);

  return MAX (a, b) + h * h / (4.0 * k);
}

static inline double
sag_phantom_smin (double a, double b, double k)
{
  return -sag_phantom_smax (-a, -b, k);
}

/* A random number in [0, 1) at each point of the lattice. */
static inline double
sag_phantom_lattice (guint64 seed, gint64 i, gint64 j, gint64 k)
{
  guint64 h = seed ^ ((guint64)i * G_GUINT64_CONSTANT (0x8da6b343d8163841))
              ^ ((guint64)j * G_GUINT64_CONSTANT (0xcb1ab31f1c3a5e09))
              ^ ((guint64)k * G_GUINT64_CONSTANT (0x165667b19e3779f9));

  h ^= h >> 32;
  h *= G_GUINT64_CONSTANT (0xd6e8feb86659fd93);
  return (double)(h >> 40) * (1.0 / 16777216.0);
}

/* Value noise in [0, 1): smooth, features as large as the unit of x, y, z; `slope` becomes its partial derivatives. */
static inline double
sag_phantom_noise_slope (guint64 seed, double x, double y, double z, double slope[3])
{
  double p[3] = { x - floor (x), y - floor (y), z - floor (z) }, s[3], d[3];
  gint64 i = (gint64)floor (x), j = (gint64)floor (y), k = (gint64)floor (z);
  double along[2][2], grow[2][2], c[2], e[2], f[2];

  for (int a = 0; a < 3; a++)
    {
      s[a] = p[a] * p[a] * (3.0 - 2.0 * p[a]);
      d[a] = 6.0 * p[a] * (1.0 - p[a]);
    }
  for (int b = 0; b < 2; b++)
    for (int a = 0; a < 2; a++)
      {
        double low = sag_phantom_lattice (seed, i, j + a, k + b);
        double high = sag_phantom_lattice (seed, i + 1, j + a, k + b);

        along[b][a] = low + (high - low) * s[0];
        grow[b][a] = (high - low) * d[0];
      }
  for (int b = 0; b < 2; b++)
    {
      c[b] = along[b][0] + (along[b][1] - along[b][0]) * s[1];
      e[b] = grow[b][0] + (grow[b][1] - grow[b][0]) * s[1];
      f[b] = (along[b][1] - along[b][0]) * d[1];
    }
  slope[0] = e[0] + (e[1] - e[0]) * s[2];
  slope[1] = f[0] + (f[1] - f[0]) * s[2];
  slope[2] = (c[1] - c[0]) * d[2];
  return c[0] + (c[1] - c[0]) * s[2];
}

/* The noise alone. */
static inline double
sag_phantom_noise (guint64 seed, double x, double y, double z)
{
  double slope[3];

  return sag_phantom_noise_slope (seed, x, y, z, slope);
}
