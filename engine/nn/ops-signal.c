/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-signal.c: Fourier transforms and the windows that go with them.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* Cosine and sine of k / n of a turn, in sums and products only: the C library's differ by processor. */
static void
turn (gint64 k, gint64 n, double *c, double *s)
{
  gint64 eighth = 8 * k / n; /* 0 .. 7; an even one counts from its start, an odd one from its end */
  gint64 part = eighth % 2 == 0 ? 8 * k - eighth * n : (eighth + 1) * n - 8 * k;
  double a = G_PI / 4 * (double) part / (double) n, term = 1, sums[2] = { 0, 0 };
  double near, far; /* the axis that the turn is near to, and the other */

  for (int i = 0; i < 24; term *= a / ++i)
    sums[i % 2] += i / 2 % 2 == 0 ? term : -term;
  near = sums[0];
  far = sums[1];
  *c = eighth == 0 || eighth == 7 ? near : eighth == 3 || eighth == 4 ? -near : far;
  *s = eighth == 1 || eighth == 2 ? near : eighth == 5 || eighth == 6 ? -near : far;
  if (eighth == 2 || eighth == 5)
    *c = -far;
  if (eighth == 4 || eighth == 7)
    *s = -far;
}

/* Discrete Fourier transform of one axis: a product with its matrix, real and imaginary parts beside each
 * other. Inputs: x [..., 1 or 2], length of the transform, axis (an attribute before opset 20). */
static gboolean
expand_dft (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *m;
  gboolean inverse = sag_node_get_int (node, "inverse", 0) != 0;
  gboolean half = sag_node_get_int (node, "onesided", 0) != 0;
  int rank = x != NULL ? x->shape.rank : 0, axis, n_length = 0, n_axis = 0;
  gint64 n, length, out, parts, perm[SAG_MAX_RANK], shape[SAG_MAX_RANK];
  g_autofree gint64 *lengths = NULL, *axes = NULL;
  float *to;

  if (!sag_node_arity (node, 1, error) || !sag_node_want_float (node, 0, error)
      || !sag_node_const_ints (node, 1, &lengths, &n_length, error)
      || !sag_node_const_ints (node, 2, &axes, &n_axis, error))
    return FALSE;
  axis = sag_axis (n_axis == 1 ? axes[0] : sag_node_get_int (node, "axis", node->opset < 20 ? 1 : -2), rank);
  if (axis < 0 || axis >= rank - 1 || (x->shape.dim[rank - 1] != 1 && x->shape.dim[rank - 1] != 2))
    return sag_node_invalid (node, error, "its axis does not fit its input");
  n = x->shape.dim[axis];
  parts = x->shape.dim[rank - 1];
  length = n_length == 1 ? lengths[0] : n;
  if (length < 1 || length > 4096 || n > 4096 || (half && inverse))
    return sag_node_unsupported (node, error, "transforms are of 1 to 4096 points");
  out = half ? length / 2 + 1 : length;
  to = sag_build_floats (&b, &(SagShape){ 2, { n * parts, out * 2 } }, &m);
  for (gint64 i = 0; i < MIN (n, length); i++)
    for (gint64 k = 0; k < out; k++)
      {
        float *row = to + i * parts * out * 2 + 2 * k;
        double c, s;

        turn (i * k % length, length, &c, &s);
        c = inverse ? c / (double) length : c;
        s = inverse ? -s / (double) length : s;
        row[0] = (float) c;
        row[1] = (float) -s;
        if (parts == 2)
          {
            row[out * 2] = (float) s;
            row[out * 2 + 1] = (float) c;
          }
      }
  /* the axis to the one before the last, both together times the matrix, and back */
  for (int i = 0, k = 0; i < rank; i++)
    if (i != axis && i != rank - 1)
      perm[k++] = i;
  perm[rank - 2] = axis;
  perm[rank - 1] = rank - 1;
  x = sag_build_transpose (&b, x, rank, perm);
  for (int i = 0; i < rank - 2; i++)
    shape[i] = sag_node_input (node, 0)->shape.dim[perm[i]];
  shape[rank - 2] = n * parts;
  x = sag_build (&b, "MatMul", 2, sag_build_reshape (&b, x, rank - 1, shape), m);
  shape[rank - 2] = out;
  shape[rank - 1] = 2;
  x = sag_build_reshape (&b, x, rank, shape);
  for (int i = 0, k = 0; i < rank - 1; i++)
    perm[i] = i == axis ? rank - 2 : k++;
  sag_build_end (&b, 0, sag_build_transpose (&b, x, rank, perm));
  return TRUE;
}

/* Transforms of frames (ONNX 17). Inputs: x [B, L, 1 or 2], step from frame to frame, window, length of a frame.
 * Output: [B, frames, bins, 2]. */
static gboolean
expand_stft (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  SagValue *x = sag_node_input (node, 0), *window = sag_node_input (node, 2), *y;
  g_autofree gint64 *steps = NULL, *lengths = NULL, *places = NULL;
  gint64 step, length, n, shape[4];
  int n_steps = 0, n_lengths = 0;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error)
      || (window != NULL && !sag_node_want_float (node, 2, error)) || !sag_node_const_ints (node, 1, &steps, &n_steps, error)
      || !sag_node_const_ints (node, 3, &lengths, &n_lengths, error))
    return FALSE;
  if (x->shape.rank == 2) /* real parts only */
    {
      memcpy (shape, (gint64[]){ x->shape.dim[0], x->shape.dim[1], 1 }, 3 * sizeof *shape);
      x = sag_build_reshape (&b, x, 3, shape);
      x->shape = (SagShape){ 3, { shape[0], shape[1], 1 } };
    }
  length = n_lengths == 1 ? lengths[0] : window != NULL ? sag_value_count (window) : -1;
  step = n_steps == 1 ? steps[0] : 0;
  if (x->shape.rank != 3 || step < 1 || length < 1 || length > x->shape.dim[1]
      || (window != NULL && (window->shape.rank != 1 || window->shape.dim[0] != length)))
    return sag_node_invalid (node, error, "its frames do not fit its input");
  n = (x->shape.dim[1] - length) / step + 1;
  if (n > SAG_MAX_ELEMENTS / length)
    return sag_node_invalid (node, error, "its frames are too many");
  places = g_try_new (gint64, n * length);
  if (places == NULL)
    return sag_node_invalid (node, error, "its frames are too many");
  for (gint64 i = 0; i < n * length; i++)
    places[i] = i / length * step + i % length;
  y = sag_build (&b, "Gather", 2, x, sag_build_ints (&b, (int) (n * length), places));
  sag_node_set_int (y->producer, "axis", 1);
  memcpy (shape, (gint64[]){ x->shape.dim[0], n, length, x->shape.dim[2] }, sizeof shape);
  y = sag_build_reshape (&b, y, 4, shape);
  if (window != NULL)
    y = sag_build (&b, "Mul", 2, y, sag_build_reshape (&b, window, 2, (gint64[]){ length, 1 }));
  y = sag_build (&b, "DFT", 1, y);
  sag_node_set_int (y->producer, "axis", 2);
  sag_node_set_int (y->producer, "onesided", sag_node_get_int (node, "onesided", 1));
  sag_build_end (&b, 0, y);
  return TRUE;
}

/* HannWindow, HammingWindow, BlackmanWindow (ONNX 17): a - b cos (x) + c cos (2 x). */
static gboolean
expand_window (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  g_autofree gint64 *sizes = NULL;
  gboolean hann = strcmp (node->op->name, "HannWindow") == 0, hamming = strcmp (node->op->name, "HammingWindow") == 0;
  double first = hann ? 0.5 : hamming ? 25.0 / 46 : 0.42, second = hann ? 0.5 : hamming ? 21.0 / 46 : 0.5;
  double third = hann || hamming ? 0 : 0.08, sine, wave[2];
  gint64 n, period;
  SagValue *y;
  float *to;
  int n_sizes = 0;

  if (!sag_node_arity (node, 1, error) || !sag_node_const_ints (node, 0, &sizes, &n_sizes, error))
    return FALSE;
  n = n_sizes == 1 ? sizes[0] : -1;
  if (n < 0 || n > 1 << 24 || sag_node_get_int (node, "output_datatype", 1) != 1)
    return sag_node_unsupported (node, error, "its size or type is out of range");
  period = MAX (1, sag_node_get_int (node, "periodic", 1) != 0 ? n : n - 1);
  to = sag_build_floats (&b, &(SagShape){ 1, { n } }, &y);
  for (gint64 i = 0; i < n; i++)
    {
      turn (i % period, period, &wave[0], &sine);
      turn (2 * i % period, period, &wave[1], &sine);
      to[i] = (float) (first - second * wave[0] + third * wave[1]);
    }
  sag_build_end (&b, 0, y);
  return TRUE;
}

const SagOp sag_ops_signal[] = {
  { "DFT", "", .expand = expand_dft, .needs = 1 << 1 | 1 << 2 },
  { "STFT", "", .expand = expand_stft, .needs = 1 << 1 | 1 << 3 },
  { "HannWindow", "", .expand = expand_window, .needs = 1 },
  { "HammingWindow", "", .expand = expand_window, .needs = 1 },
  { "BlackmanWindow", "", .expand = expand_window, .needs = 1 },
  { NULL },
};
