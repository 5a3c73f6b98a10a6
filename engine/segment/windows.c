/* SPDX-License-Identifier: Apache-2.0
 *
 * windows.c: where patches lie along one axis, how they blend, and in which order they are run.
 */
#include "engine/segment/windows.h"

#include "engine/kernels/kernels.h"

#include <math.h>

/* exp (-((x - centre) / sigma)^2 / 2) with sigma = patch / 8, through the kernels' exp: libm's may
 * differ from machine to machine. */
static void
gauss (float *g, int patch)
{
  double centre = (patch - 1) / 2.0, sigma = patch / 8.0;

  for (int x = 0; x < patch; x++)
    {
      double d = (x - centre) / sigma;

      g[x] = (float) (-0.5 * d * d);
    }
  sag_kernels_get ()->unary[SAG_UNARY_EXP] ((size_t) patch, g, g, 0, 0);
}

void
sag_windows_init (SagWindows *self, int size, int patch, float overlap, gboolean reversed)
{
  g_autofree float *g = g_new (float, patch);
  int shared = MIN ((int) (overlap * patch), patch / 2), padding;

  *self = (SagWindows) { .size = size, .patch = patch, .n = 1, .step = patch - shared };
  if (size > patch)
    self->n = (size - patch + self->step - 1) / self->step + 1;
  padding = (self->n - 1) * self->step + patch - size;
  self->start = -(reversed ? padding - padding / 2 : padding / 2);

  gauss (g, patch);
  self->weights = g_new0 (float, (gsize) self->n * (gsize) patch);
  for (int w = 0; w < self->n; w++)
    for (int p = 0; p < patch; p++)
      {
        int x = sag_windows_get_start (self, w) + p;
        float sum = g[p];

        if (x < 0 || x >= size)
          continue;
        /* The neighbour's weight at the same voxel, if it reaches here. */
        if (w > 0 && p + self->step < patch)
          sum = g[p] + g[p + self->step];
        else if (w + 1 < self->n && p >= self->step)
          sum = g[p] + g[p - self->step];
        self->weights[(gsize) w * (gsize) patch + (gsize) p] = g[p] / sum;
      }
}

void
sag_windows_clear (SagWindows *self)
{
  g_clear_pointer (&self->weights, g_free);
}

int
sag_windows_find (const SagWindows *self, int x, int *first)
{
  int from_start = x - self->start;
  int last = MIN (from_start / self->step, self->n - 1);

  *first = last > 0 && from_start - (last - 1) * self->step < self->patch ? last - 1 : last;
  return last - *first + 1;
}

void
sag_windows_order (const SagWindows *self, double focus, int *order)
{
  double centre = self->start + (self->patch - 1) / 2.0;
  double nearest = floor ((focus - centre) / self->step + 0.5);
  int up = (int) CLAMP (nearest, 0, self->n - 1), down = up - 1;
  int n = 0;

  while (n < self->n)
    {
      if (up < self->n)
        order[n++] = up++;
      if (down >= 0)
        order[n++] = down--;
    }
}
