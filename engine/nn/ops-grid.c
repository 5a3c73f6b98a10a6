/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-grid.c: GridSample: an image read at computed positions, in two or three dimensions.
 *
 * Positions are x, y (, z) in -1..1 across the image. Cubic interpolation has a = -0.75 and two
 * dimensions.
 */
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

typedef enum
{
  MODE_NEAREST,
  MODE_LINEAR,
  MODE_CUBIC,
} Mode;

static gboolean
get_mode (const SagNode *node, Mode *mode, GError **error)
{
  const char *name = sag_node_get_string (node, "mode", "bilinear");

  if (strcmp (name, "nearest") == 0)
    *mode = MODE_NEAREST;
  else if (strcmp (name, "bilinear") == 0 || strcmp (name, "linear") == 0)
    *mode = MODE_LINEAR;
  else if (strcmp (name, "bicubic") == 0 || strcmp (name, "cubic") == 0)
    *mode = MODE_CUBIC;
  else
    return sag_node_unsupported (node, error, "its mode is unknown");
  return TRUE;
}

static gboolean
infer_grid (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *grid = sag_node_input (node, 1);
  const char *padding = sag_node_get_string (node, "padding_mode", "zeros");
  SagShape shape;
  Mode mode;
  int n;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_want_float (node, 1, error) || !get_mode (node, &mode, error))
    return FALSE;
  n = x->shape.rank - 2;
  if (n < 2 || n > 3 || grid->shape.rank != x->shape.rank || grid->shape.dim[n + 1] != n
      || grid->shape.dim[0] != x->shape.dim[0] || sag_value_count (x) == 0
      || (n == 3 && mode == MODE_CUBIC))
    return sag_node_unsupported (node, error, "its shapes do not go together");
  if (strcmp (padding, "zeros") != 0 && strcmp (padding, "border") != 0
      && strcmp (padding, "reflection") != 0)
    return sag_node_unsupported (node, error, "its padding is unknown");
  shape = x->shape;
  memcpy (shape.dim + 2, grid->shape.dim + 1, sizeof shape.dim[0] * (gsize) n);
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

typedef struct
{
  const float *x, *grid;
  float       *y;
  int          n; /* dimensions */
  gint64       channels, size[3], pixels; /* z, y, x; output pixels of an image */
  Mode         mode;
  char         padding;
  gboolean     align;
} GridRun;

static float
reflect (float v, float lo, float hi)
{
  float span = hi - lo, rest;

  if (span <= 0)
    return 0;
  v = fabsf (v - lo);
  rest = fmodf (v, 2 * span);
  return lo + (rest > span ? 2 * span - rest : rest);
}

/* A grid value to an index along an axis of n; what is no number goes to the corner. */
static float
position (const GridRun *run, float g, gint64 n)
{
  float v = run->align ? (g + 1) / 2 * (float) (n - 1) : ((g + 1) * (float) n - 1) / 2;

  /* cubic: each neighbour is brought inside by itself */
  if (run->padding != 'z' && run->mode != MODE_CUBIC)
    {
      if (run->padding == 'r')
        v = run->align ? reflect (v, 0, (float) (n - 1)) : reflect (v, -0.5f, (float) n - 0.5f);
      v = fminf (fmaxf (v, 0), (float) (n - 1));
    }
  return v > -1e6f && v < 1e9f ? v : -2;
}

/* Neighbour `i` of an axis: an index, or -1 for nothing. */
static gint64
neighbour (const GridRun *run, gint64 i, gint64 n)
{
  if (i >= 0 && i < n)
    return i;
  switch (run->padding)
    {
    case 'z':
      return -1;
    case 'b':
      return i < 0 ? 0 : n - 1;
    default:
      return CLAMP ((gint64) (run->align ? reflect ((float) i, 0, (float) (n - 1))
                                         : reflect ((float) i, -0.5f, (float) n - 0.5f)),
                    0, n - 1);
    }
}

static float
cubic_weight (float t)
{
  const float a = -0.75f;

  t = fabsf (t);
  if (t <= 1)
    return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/* Indices and weights of up to four neighbours along one axis. */
static int
neighbours (const GridRun *run, float v, gint64 n, gint64 *index, float *weight)
{
  float first = floorf (v);

  if (run->mode == MODE_NEAREST)
    {
      index[0] = neighbour (run, (gint64) rintf (v), n);
      weight[0] = 1;
      return 1;
    }
  if (run->mode == MODE_LINEAR)
    {
      for (int i = 0; i < 2; i++)
        index[i] = neighbour (run, (gint64) first + i, n);
      weight[1] = v - first;
      weight[0] = 1 - weight[1];
      return 2;
    }
  for (int i = 0; i < 4; i++)
    {
      index[i] = neighbour (run, (gint64) first - 1 + i, n);
      weight[i] = cubic_weight (v - (first - 1 + (float) i));
    }
  return 4;
}

static void
grid_pixels (gint64 item, gint64 to, int thread, gpointer data)
{
  const GridRun *run = data;
  gint64 volume = run->size[0] * run->size[1] * run->size[2];

  for (; item < to; item++)
    {
      const float *g = run->grid + item * run->n;
      gint64 image = item / run->pixels, pixel = item % run->pixels;
      gint64 index[3][4] = { { 0 } };
      float weight[3][4] = { { 1 } };
      int taps[3] = { 1, 1, 1 };

      for (int a = 0; a < run->n; a++) /* x is first in the grid and last in the image */
        taps[2 - a] = neighbours (run, position (run, g[a], run->size[2 - a]), run->size[2 - a],
                                  index[2 - a], weight[2 - a]);
      for (gint64 c = 0; c < run->channels; c++)
        {
          const float *x = run->x + (image * run->channels + c) * volume;
          float sum = 0;

          for (int i = 0; i < taps[0]; i++)
            for (int j = 0; j < taps[1]; j++)
              for (int k = 0; k < taps[2]; k++)
                if (index[0][i] >= 0 && index[1][j] >= 0 && index[2][k] >= 0)
                  sum += weight[0][i] * weight[1][j] * weight[2][k]
                         * x[(index[0][i] * run->size[1] + index[1][j]) * run->size[2]
                             + index[2][k]];
          run->y[(image * run->channels + c) * run->pixels + pixel] = sum;
        }
    }
}

static void
run_grid (const SagStep *step)
{
  const SagNode *node = step->node;
  const SagValue *x = sag_node_input (node, 0);
  SagValue *y = sag_node_output (node, 0);
  GridRun run = { x->data, sag_step_in (step, 1), y->data, x->shape.rank - 2, x->shape.dim[1],
                  { 1, 1, 1 } };

  for (int a = 0; a < run.n; a++)
    run.size[3 - run.n + a] = x->shape.dim[2 + a];
  run.pixels = sag_shape_product (&y->shape, 2, y->shape.rank);
  get_mode (node, &run.mode, NULL);
  run.padding = *sag_node_get_string (node, "padding_mode", "zeros");
  run.align = sag_node_get_int (node, "align_corners", 0) != 0;
  sag_range_run (x->shape.dim[0] * run.pixels, MAX (1, 2048 / MAX (1, run.channels)), grid_pixels,
                 &run);
}

const SagOp sag_ops_grid[] = {
  { "GridSample", "", infer_grid, NULL, sag_prepare_nothing, NULL, run_grid },
  { NULL },
};
