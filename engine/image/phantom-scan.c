/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-scan.c: what a scanner makes of a painted slice: blur, overshoot, correlated noise.
 *
 * Noise of filtered back projection has little power at low frequencies (the ramp filter) and, with
 * a soft kernel, little at high ones: white noise through the difference of two Gaussians.
 */
#include "engine/image/phantom-scene.h"

#include <string.h>

#define MAX_TAPS 12 /* on each side */

/* Half a Gaussian of `sigma` pixels, normalised over both halves; returns its reach. */
static int
gaussian (double sigma, float taps[MAX_TAPS + 1])
{
  int    reach = CLAMP ((int)ceil (2.6 * sigma), 0, MAX_TAPS);
  double weights[MAX_TAPS + 1], sum = 0;

  for (int i = 0; i <= reach; i++)
    {
      /* exp (-x) for x <= 4 as (1 - x / 256) ^ 256: nine products, the same everywhere. */
      double e = 1.0 - (i * i) / (2.0 * MAX (sigma * sigma, 1e-6)) / 256.0;

      for (int square = 0; square < 8; square++)
        e *= e;
      weights[i] = i == 0 ? 1.0 : e;
      sum += i == 0 ? 1.0 : 2.0 * e;
    }
  for (int i = 0; i <= reach; i++)
    taps[i] = (float)(weights[i] / sum);
  return reach;
}

/* Separable, edges repeated; `line` holds width + 2 * MAX_TAPS floats. In place is allowed. */
static void
blur (const float *in, float *out, float *work, int width, int height, const float *taps, int reach)
{
  g_autofree float *line = g_new (float, (gsize)width + 2 * MAX_TAPS);

  for (int j = 0; j < height; j++)
    {
      const float *row = in + (gsize)j * width;
      float       *to = work + (gsize)j * width;

      for (int i = 0; i < MAX_TAPS; i++)
        {
          line[i] = row[0];
          line[MAX_TAPS + width + i] = row[width - 1];
        }
      memcpy (line + MAX_TAPS, row, (gsize)width * sizeof *row);
      for (int i = 0; i < width; i++)
        to[i] = taps[0] * line[MAX_TAPS + i];
      for (int t = 1; t <= reach; t++)
        for (int i = 0; i < width; i++)
          to[i] += taps[t] * (line[MAX_TAPS + i - t] + line[MAX_TAPS + i + t]);
    }
  for (int j = 0; j < height; j++)
    {
      float       *to = out + (gsize)j * width;
      const float *row = work + (gsize)j * width;

      for (int i = 0; i < width; i++)
        to[i] = taps[0] * row[i];
      for (int t = 1; t <= reach; t++)
        {
          const float *above = work + (gsize)MAX (j - t, 0) * width;
          const float *below = work + (gsize)MIN (j + t, height - 1) * width;

          for (int i = 0; i < width; i++)
            to[i] += taps[t] * (above[i] + below[i]);
        }
    }
}

/* White noise of variance 1, nearly Gaussian: four uniform numbers of 16 bits. */
static void
white (guint64 seed, float *out, gsize n)
{
  for (gsize i = 0; i < n; i++)
    {
      guint64 h = sag_phantom_mix (seed + i * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));
      int     sum =
          (int)(h & 0xffff) + (int)(h >> 16 & 0xffff) + (int)(h >> 32 & 0xffff) + (int)(h >> 48);

      out[i] = (float)(sum - 131070) * (1.0f / 37837.0f);
    }
}

/* Sum over the plane of the square of (a (x) a - share * b (x) b). */
static double
power (const float *a, int reach_a, const float *b, int reach_b, double share)
{
  double aa = 0, ab = 0, bb = 0;

  for (int i = 0; i <= MAX_TAPS; i++)
    {
      double u = i <= reach_a ? a[i] : 0, v = i <= reach_b ? b[i] : 0;
      double twice = i == 0 ? 1 : 2;

      aa += twice * u * u;
      ab += twice * u * v;
      bb += twice * v * v;
    }
  return aa * aa - 2 * share * ab * ab + share * share * bb * bb;
}

void
sag_phantom_expose (const SagPhantomScene *scene, int k, SagPhantomScratch *scratch, gint16 *stored)
{
  const SagPhantomSpec *spec = &scene->spec;
  int                   width = spec->size[0], height = spec->size[1];
  gsize                 n = (gsize)width * height;
  double                pixel = 0.5 * (spec->spacing[0] + spec->spacing[1]);
  gboolean              sharp = spec->kernel == SAG_PHANTOM_SHARP;
  double                z = sag_phantom_height (scene, k);
  double                share = 0.75;
  double                sigma, load;
  float                 near[MAX_TAPS + 1], far[MAX_TAPS + 1];
  int                   reach, reach_far;
  float                *noise = scratch->lung, *low = scratch->abdomen; /* no longer needed */

  /* Blur of the focus, the detector and the kernel; then the kernel's lift of high frequencies. */
  reach = gaussian ((sharp ? 0.38 : 0.60) / pixel, near);
  blur (scratch->hu, scratch->hu, scratch->work[0], width, height, near, reach);
  if (sharp)
    {
      reach = gaussian (1.1 / pixel, near);
      blur (scratch->hu, scratch->work[1], scratch->work[0], width, height, near, reach);
      for (gsize i = 0; i < n; i++)
        scratch->hu[i] += 0.55f * (scratch->hu[i] - scratch->work[1][i]);
    }

  white (sag_phantom_mix (spec->seed * 1000003 + k), noise, n);
  reach = gaussian ((sharp ? 0.42 : 0.80) / pixel, near);
  reach_far = gaussian ((sharp ? 1.1 : 2.0) / pixel, far);
  blur (noise, low, scratch->work[0], width, height, far, reach_far);
  blur (noise, noise, scratch->work[0], width, height, near, reach);

  /* More body in the way, fewer photons: shoulders and fat cost. */
  load = 0.55 + 0.45 * scene->scale_mm * scene->scale_mm + 0.012 * spec->fat_mm
         + 0.7 * sag_phantom_smooth (40, 100, z) * (1.0 - 0.6 * sag_phantom_smooth (130, 170, z));
  if (spec->arms == SAG_PHANTOM_ARMS_DOWN)
    load *= 1.3;
  sigma =
      (sharp ? 34.0 : 11.5) * load * sqrt (2.0 / MAX (spec->spacing[2], 0.5)) / sqrt (spec->dose);
  sigma *= MIN (1.0, 1.2 / pixel);
  sigma /= sqrt (MAX (power (near, reach, far, reach_far, share), 1e-4));

  for (int j = 0, i = 0; j < height; j++)
    for (int column = 0; column < width; column++, i++)
      {
        double x, y, rim, value, px, py;

        sag_phantom_to_model (scene, column, j, &x, &y);
        rim = MIN (x * x / 28900.0 + y * y / 13200.0, 1.5);
        value = scratch->hu[i] + sigma * (1.12 - 0.42 * rim) * (noise[i] - share * low[i]);
        stored[i] = (gint16)(floor (CLAMP (value, -1024.0, 3071.0) + 0.5) + 1024);
        px = (column - 0.5 * (width - 1)) * spec->spacing[0];
        py = (j - 0.5 * (height - 1)) * spec->spacing[1];
        if (spec->field_mm > 0 && px * px + py * py > 0.25 * spec->field_mm * spec->field_mm)
          stored[i] = (gint16)(spec->padding + 1024);
      }
}
