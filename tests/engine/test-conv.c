/* SPDX-License-Identifier: Apache-2.0
 *
 * test-conv: Conv and ConvTranspose of random shapes, in every layout, against their definition.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

typedef struct
{
  gboolean transposed, bias, residual;
  int      axes; /* 1..3 */
  gint64   batch, groups, kin, nout, in[3], kernel[3], stride[3], dilation[3], begin[3], end[3], more[3];
  SagFused fused;
} Case;

static float *
random_floats (gint64 n)
{
  float *x = g_new (float, MAX (n, 1));

  for (gint64 i = 0; i < n; i++)
    x[i] = (float) g_test_rand_double_range (-1, 1);
  return x;
}

static SagValue *
add_input (SagGraph *graph, SagNode *node, const SagShape *shape, float *data, gboolean constant)
{
  SagValue *value;

  if (constant)
    {
      SagTensor *tensor = sag_tensor_new (SAG_DTYPE_F32, shape, NULL);

      memcpy ((void *) tensor->data, data, sizeof (float) * (gsize) sag_shape_count (shape));
      value = sag_graph_add_constant (graph, "w", tensor);
    }
  else
    value = sag_graph_add_value (graph, "x");
  value->dtype = SAG_DTYPE_F32;
  value->shape = *shape;
  value->data = constant ? (void *) value->constant->data : data;
  g_ptr_array_add (node->inputs, value);
  return value;
}

/* `src` in PLAIN order to `layout`, or back. */
static float *
relayout (const SagShape *shape, const float *src, SagLayout from, SagLayout to)
{
  gint64 a[SAG_MAX_RANK], b[SAG_MAX_RANK], n[SAG_MAX_RANK];
  float *dst = g_new (float, sag_shape_count (shape));

  sag_layout_strides (shape, from, a);
  sag_layout_strides (shape, to, b);
  memcpy (n, shape->dim, sizeof n);
  sag_copy_box (shape->rank, n, sizeof (float), dst, b, src, a);
  return dst;
}

static double
activate (const SagFused *fused, double v)
{
  switch (fused->activation)
    {
    case SAG_ACTIVATION_RELU:
      return MAX (v, 0);
    case SAG_ACTIVATION_LEAKY:
      return v < 0 ? (double) fused->alpha * v : v;
    case SAG_ACTIVATION_SILU:
      return v / (1 + exp (-v));
    default:
      return v;
    }
}

/* The definitions, for three axes: every product of every tap. */
static double *
define (const Case *c, const gint64 *out, const float *x, const float *w, const float *bias,
        const float *residual)
{
  gint64 cin = c->groups * c->kin, cout = c->groups * c->nout, pixels = out[0] * out[1] * out[2];
  double *y = g_new0 (double, c->batch * cout * pixels);

  for (gint64 b = 0; b < c->batch; b++)
    for (gint64 g = 0; g < c->groups; g++)
      for (gint64 p = 0; p < c->kin; p++)
        for (gint64 j = 0; j < c->nout; j++)
          for (gint64 t = 0; t < c->kernel[0] * c->kernel[1] * c->kernel[2]; t++)
            {
              gint64 tap[3] = { t / (c->kernel[1] * c->kernel[2]), t / c->kernel[2] % c->kernel[1],
                                t % c->kernel[2] };
              gint64 size = c->kernel[0] * c->kernel[1] * c->kernel[2];
              gint64 channel = g * c->kin + p, result = g * c->nout + j;
              double weight = (double) (c->transposed ? w[(channel * c->nout + j) * size + t]
                                                      : w[(result * c->kin + p) * size + t]);
              const gint64 *loop = c->transposed ? c->in : out;

              for (gint64 i = 0; i < loop[0] * loop[1] * loop[2]; i++)
                {
                  gint64 at[3] = { i / (loop[1] * loop[2]), i / loop[2] % loop[1], i % loop[2] }, to[3];
                  const gint64 *limit = c->transposed ? out : c->in;
                  gboolean inside = TRUE;
                  gint64 other;

                  for (int a = 0; a < 3; a++)
                    {
                      to[a] = at[a] * c->stride[a] + tap[a] * c->dilation[a] - c->begin[a];
                      inside = inside && to[a] >= 0 && to[a] < limit[a];
                    }
                  if (!inside)
                    continue;
                  other = (to[0] * limit[1] + to[1]) * limit[2] + to[2];
                  if (c->transposed)
                    y[(b * cout + result) * pixels + other]
                      += weight * (double) x[(b * cin + channel) * c->in[0] * c->in[1] * c->in[2] + i];
                  else
                    y[(b * cout + result) * pixels + i] +=
                        weight
                        * (double) x[(b * cin + channel) * c->in[0] * c->in[1] * c->in[2] + other];
                }
            }
  for (gint64 i = 0; i < c->batch * cout * pixels; i++)
    {
      double v = y[i] + (bias != NULL ? (double) bias[i / pixels % cout] : 0)
                 + (residual != NULL ? (double) residual[i] : 0);

      y[i] = activate (&c->fused, v);
    }
  return y;
}

static SagShape
make_shape (gint64 a, gint64 b, int axes, const gint64 *size)
{
  SagShape shape = { .rank = 2 + axes, .dim = { a, b } };

  for (int i = 0; i < axes; i++)
    shape.dim[2 + i] = size[3 - axes + i];
  return shape;
}

static void
set_attributes (SagNode *node, const Case *c)
{
  gint64 pads[6];
  int skip = 3 - c->axes;

  for (int i = 0; i < c->axes; i++)
    {
      pads[i] = c->begin[skip + i];
      pads[c->axes + i] = c->end[skip + i];
    }
  sag_node_set_ints (node, "pads", pads, 2 * c->axes);
  sag_node_set_ints (node, "strides", c->stride + skip, c->axes);
  sag_node_set_ints (node, "dilations", c->dilation + skip, c->axes);
  if (c->transposed)
    sag_node_set_ints (node, "output_padding", c->more + skip, c->axes);
  sag_node_set_int (node, "group", c->groups);
}

/* Whether the last run_case() used the form whose arithmetic is its own. */
static gboolean winograd;

/* Runs the case in one pair of layouts; PLAIN output, or NULL if it cannot. */
static float *
run_case (const Case *c, SagLayout in, SagLayout out, gboolean dynamic, const float *x, float *w,
          float *bias, const float *residual, SagShape *y_shape)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  g_autoptr (GError) error = NULL;
  g_autofree float *data = NULL, *result = NULL, *rest = NULL;
  gint64 cin = c->groups * c->kin, cout = c->groups * c->nout;
  const SagOp *op = sag_op_find ("", c->transposed ? "ConvTranspose" : "Conv");
  SagNode *node = sag_graph_add_node (graph, op, "n", -1);
  SagShape x_shape = make_shape (c->batch, cin, c->axes, c->in);
  SagShape w_shape = c->transposed ? make_shape (cin, c->nout, c->axes, c->kernel)
                                   : make_shape (cout, c->kin, c->axes, c->kernel);
  SagShape bias_shape = { .rank = 1, .dim = { cout } };
  SagValue *value = add_input (graph, node, &x_shape, NULL, FALSE);
  SagStep step = { .node = node };
  gpointer scratch;

  value->layout = in;
  add_input (graph, node, &w_shape, w, !dynamic);
  if (bias != NULL)
    add_input (graph, node, &bias_shape, bias, !dynamic);
  set_attributes (node, c);
  value = sag_graph_add_value (graph, "y");
  sag_node_set_output (node, 0, value);
  g_assert_true (node->op->infer (node, &error));
  g_assert_no_error (error);
  *y_shape = value->shape;
  if (cin != 1 && node->op->cost (node, in, out) == SAG_COST_NEVER)
    return NULL;
  value->layout = out;
  node->fused = c->fused;
  if (residual != NULL)
    {
      node->fused.residual = TRUE;
      rest = relayout (y_shape, residual, SAG_LAYOUT_PLAIN, out);
      add_input (graph, node, y_shape, rest, FALSE)->layout = out;
    }
  data = relayout (&x_shape, x, SAG_LAYOUT_PLAIN, in);
  result = random_floats (sag_shape_count (y_shape));
  sag_node_input (node, 0)->data = data;
  value->data = result;

  g_assert_true (node->op->prepare (node, SAG_PRECISION_F32, &error));
  winograd = g_str_equal (node->kernel, "winograd");
  node->packed = sag_alloc_try (node->packed_bytes, "weights", NULL);
  scratch = step.scratch = sag_alloc_try (node->scratch_bytes, "scratch", NULL);
  node->op->pack (node);
  node->op->run (&step);
  sag_free (node->packed);
  sag_free (scratch);
  return relayout (y_shape, result, out, SAG_LAYOUT_PLAIN);
}

static void
check_case (const Case *c)
{
  static const SagLayout pairs[][2] = {
    { SAG_LAYOUT_LAST, SAG_LAYOUT_LAST }, { SAG_LAYOUT_PLAIN, SAG_LAYOUT_PLAIN },
    { SAG_LAYOUT_ROWS, SAG_LAYOUT_ROWS }, { SAG_LAYOUT_PLAIN, SAG_LAYOUT_ROWS },
    { SAG_LAYOUT_ROWS, SAG_LAYOUT_PLAIN },
    /* One channel lies the same in all of them, whatever the value says. */
    { SAG_LAYOUT_PLAIN, SAG_LAYOUT_LAST }, { SAG_LAYOUT_LAST, SAG_LAYOUT_ROWS },
  };
  gint64 cin = c->groups * c->kin, cout = c->groups * c->nout;
  g_autofree float *x = random_floats (c->batch * cin * c->in[0] * c->in[1] * c->in[2]);
  g_autofree float *w = random_floats (cout * c->kin * c->kernel[0] * c->kernel[1] * c->kernel[2]);
  g_autofree float *bias = c->bias ? random_floats (cout) : NULL;
  g_autofree float *residual = NULL, *first = NULL;
  g_autofree double *want = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree float *got = NULL;
      SagShape shape;
      gint64 n;

      if (c->axes < 2 && (pairs[i][0] == SAG_LAYOUT_ROWS || pairs[i][1] == SAG_LAYOUT_ROWS))
        continue;
      if (i >= 5 && cin != 1)
        continue;
      /* The first run also finds the shape of the residual. */
      if (c->residual && residual == NULL)
        {
          g_free (run_case (c, SAG_LAYOUT_PLAIN, SAG_LAYOUT_PLAIN, FALSE, x, w, bias, NULL, &shape));
          residual = random_floats (sag_shape_count (&shape));
        }
      sag_parallel_own (SAG_TEAM_COMPUTE, 1 + (int) i % 3);
      got = run_case (c, pairs[i][0], pairs[i][1], i == 3, x, w, bias, residual, &shape);
      g_assert_nonnull (got);
      n = sag_shape_count (&shape);
      if (want == NULL)
        {
          gint64 out[3] = { 1, 1, 1 };

          for (int a = 0; a < c->axes; a++)
            out[3 - c->axes + a] = shape.dim[2 + a];
          want = define (c, out, x, w, bias, residual);
        }
      for (gint64 j = 0; j < n; j++)
        if (fabs ((double) got[j] - want[j]) > 1e-5 * (8 + fabs (want[j])))
          g_error ("%s axes %d in %dx%dx%d kernel %dx%dx%d stride %d %d %d groups %d kin %d nout "
                   "%d layouts %d %d: "
                   "element %d is %g, not %g",
                   c->transposed ? "ConvTranspose" : "Conv", c->axes, (int) c->in[0], (int) c->in[1],
                   (int) c->in[2], (int) c->kernel[0], (int) c->kernel[1], (int) c->kernel[2],
                   (int) c->stride[0], (int) c->stride[1], (int) c->stride[2], (int) c->groups,
                   (int) c->kin, (int) c->nout, pairs[i][0], pairs[i][1], (int) j, (double) got[j],
                   want[j]);
      if (winograd)
        {
          g_autofree float *again = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, 3);
          again = run_case (c, pairs[i][0], pairs[i][1], FALSE, x, w, bias, residual, &shape);
          g_assert_cmpmem (got, sizeof (float) * (gsize) n, again, sizeof (float) * (gsize) n);
          continue;
        }
      /* The other forms add in the same order, so the layout chosen changes no bit. */
      if (first == NULL)
        first = g_memdup2 (got, sizeof (float) * (gsize) n);
      g_assert_cmpmem (got, sizeof (float) * (gsize) n, first, sizeof (float) * (gsize) n);
    }
}

static gboolean
took_winograd (const Case *c)
{
  g_autofree float *x = random_floats (c->batch * c->kin * c->in[0] * c->in[1] * c->in[2]);
  g_autofree float *w = random_floats (c->nout * c->kin * c->kernel[0] * c->kernel[1] * c->kernel[2]);
  SagShape shape;

  g_free (run_case (c, SAG_LAYOUT_LAST, SAG_LAYOUT_LAST, FALSE, x, w, NULL, NULL, &shape));
  return winograd;
}

static int
pick (int from, int to)
{
  return g_test_rand_int_range (from, to + 1);
}

static void
random_case (Case *c, gboolean transposed, int axes)
{
  static const SagActivation activations[] = { SAG_ACTIVATION_NONE, SAG_ACTIVATION_RELU,
                                               SAG_ACTIVATION_LEAKY, SAG_ACTIVATION_SILU };
  gboolean depthwise = pick (0, 3) == 0;

  *c = (Case){ .transposed = transposed, .axes = axes, .bias = pick (0, 1) };
  c->residual = pick (0, 2) == 0;
  c->batch = pick (1, 2);
  c->groups = depthwise ? pick (2, 40) : pick (0, 3) == 0 ? pick (2, 3) : 1;
  c->kin = depthwise || pick (0, 9) == 0 ? 1 : pick (1, 19);
  c->nout = depthwise ? 1 : pick (1, pick (0, 3) == 0 ? 70 : 20);
  c->fused = (SagFused){ .activation = activations[pick (0, 3)], .alpha = 0.1f };
  for (int a = 0; a < 3; a++)
    {
      gboolean there = a >= 3 - axes;
      gint64 extent;

      c->kernel[a] = there ? pick (1, axes == 3 ? 3 : 7) : 1;
      c->stride[a] = there ? pick (1, 3) : 1;
      c->dilation[a] = there ? pick (1, 3) : 1;
      extent = (c->kernel[a] - 1) * c->dilation[a] + 1;
      c->begin[a] = there ? pick (0, (int) extent - 1) : 0;
      c->end[a] = there ? pick (0, (int) extent - 1) : 0;
      c->in[a] = there ? pick (a == 2 ? 1 : 1, a == 2 ? 50 : 6) : 1;
      if (transposed)
        {
          c->more[a] = there ? pick (0, (int) c->stride[a] - 1) : 0;
          /* at least one pixel must remain */
          while (c->stride[a] * (c->in[a] - 1) + c->more[a] + extent - c->begin[a] - c->end[a] < 1)
            c->begin[a] > c->end[a] ? c->begin[a]-- : c->end[a]--;
        }
      else if (c->in[a] + c->begin[a] + c->end[a] < extent)
        c->in[a] = extent;
    }
}

/* Wide layers of 3 x 3, with and without depth: at least some take Winograd's form. */
static void
test_winograd (void)
{
  static const SagActivation activations[] = { SAG_ACTIVATION_NONE, SAG_ACTIVATION_RELU,
                                               SAG_ACTIVATION_SILU };
  int taken = 0;

  for (int i = 0; i < 24; i++)
    {
      Case c = { .axes = 2 + i % 2, .bias = pick (0, 1), .residual = pick (0, 1), .batch = pick (1, 2),
                 .groups = 1, .kin = pick (12, 40), .nout = pick (12, 70) };

      c.fused = (SagFused){ .activation = activations[pick (0, 2)] };
      for (int a = 0; a < 3; a++)
        {
          c.kernel[a] = a > 0 ? 3 : c.axes == 3 ? pick (1, 3) : 1;
          c.stride[a] = a == 0 && c.axes == 3 ? pick (1, 2) : 1;
          c.dilation[a] = i % 3 == 0 && (a > 0 || c.axes == 3) ? pick (1, 5) : 1;
          c.begin[a] = a > 0 ? pick (0, 2) + c.dilation[a] - 1 : (c.kernel[a] - 1) / 2 * c.dilation[a];
          c.end[a] = a > 0 ? pick (0, 2) + c.dilation[a] - 1 : (c.kernel[a] - 1) / 2 * c.dilation[a];
          c.in[a] = a > 0 ? pick (5, c.axes == 3 ? 17 : 27) : c.axes == 3 ? pick (3, 8) : 1;
          c.in[a] = MAX (c.in[a], c.dilation[a] * (c.kernel[a] - 1) + 1); /* at least one pixel */
        }
      check_case (&c);
      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      taken += took_winograd (&c);
    }
  g_assert_cmpint (taken, >, 8);
}

static void
test_random (gconstpointer data)
{
  guint what = GPOINTER_TO_UINT (data);

  for (int i = 0; i < 60; i++)
    {
      Case c;

      random_case (&c, what / 4, (int) what % 4);
      check_case (&c);
    }
}

/* A line longer than the buffer that phases are woven in, and more taps than one call takes. */
static void
test_long (void)
{
  Case c = { .transposed = TRUE, .bias = TRUE, .axes = 2, .batch = 1, .groups = 1, .kin = 2, .nout = 9,
             .in = { 1, 2, 700 },
             .kernel = { 1, 2, 2 },
             .stride = { 1, 2, 2 },
             .dilation = { 1, 1, 1 } };

  check_case (&c);
  c.kernel[2] = 5;
  c.more[2] = 1;
  c.begin[2] = 2;
  check_case (&c);
  c = (Case){ .bias = TRUE, .axes = 2, .batch = 1, .groups = 1, .kin = 3, .nout = 17,
              .in = { 1, 12, 30 }, .kernel = { 1, 9, 11 }, .stride = { 1, 1, 2 },
              .dilation = { 1, 1, 1 }, .begin = { 0, 4, 5 }, .end = { 0, 4, 5 },
              .fused = { .activation = SAG_ACTIVATION_RELU } };
  check_case (&c);
  c.groups = 20;
  c.kin = c.nout = 1;
  check_case (&c);
}

static gboolean
infers (const char *op, const gint64 *x, const gint64 *w, int axes, const char *attribute,
        const gint64 *values, int n, SagShape *result)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  g_autoptr (GError) error = NULL;
  SagNode *node = sag_graph_add_node (graph, sag_op_find ("", op), "n", -1);
  SagShape x_shape = { .rank = axes + 2 }, w_shape = { .rank = axes + 2 };
  gboolean good;

  memcpy (x_shape.dim, x, sizeof (gint64) * (gsize) x_shape.rank);
  memcpy (w_shape.dim, w, sizeof (gint64) * (gsize) w_shape.rank);
  add_input (graph, node, &x_shape, NULL, FALSE);
  add_input (graph, node, &w_shape, NULL, FALSE);
  sag_node_set_output (node, 0, sag_graph_add_value (graph, "y"));
  if (attribute != NULL)
    sag_node_set_ints (node, attribute, values, n);
  good = node->op->infer (node, &error);
  g_assert_true (good == (error == NULL));
  if (good && result != NULL)
    *result = sag_node_output (node, 0)->shape;
  return good;
}

static void
test_refused (void)
{
  const gint64 x[] = { 1, 3, 8, 8 }, w[] = { 4, 3, 3, 3 };
  const gint64 other[] = { 4, 2, 3, 3 }, none[] = { 4, 3, 0, 3 };
  const gint64 large[] = { 4, 3, 9, 9 }, two[] = { 2, 2 }, zero[] = { 0, 1 }, much[] = { G_MAXINT64, 1 };
  const gint64 four[] = { 1, 1, 1, 1 }, minus[] = { -1, 1, 1, 1 };
  SagShape shape;

  g_assert_true (infers ("Conv", x, w, 2, NULL, NULL, 0, &shape));
  g_assert_cmpint (shape.dim[1], ==, 4);
  g_assert_cmpint (shape.dim[2], ==, 6);
  g_assert_true (infers ("Conv", x, w, 2, "strides", two, 2, &shape));
  g_assert_cmpint (shape.dim[3], ==, 3);
  g_assert_true (infers ("Conv", x, w, 2, "pads", four, 4, NULL));
  g_assert_false (infers ("Conv", x, other, 2, NULL, NULL, 0, NULL));
  g_assert_false (infers ("Conv", x, none, 2, NULL, NULL, 0, NULL));
  g_assert_false (infers ("Conv", x, large, 2, NULL, NULL, 0, NULL));
  g_assert_false (infers ("Conv", x, w, 2, "strides", zero, 2, NULL));
  g_assert_false (infers ("Conv", x, w, 2, "strides", two, 1, NULL));
  g_assert_false (infers ("Conv", x, w, 2, "dilations", much, 2, NULL));
  g_assert_false (infers ("Conv", x, w, 2, "pads", minus, 4, NULL));
  g_assert_false (infers ("Conv", x, w, 2, "kernel_shape", two, 2, NULL));
  g_assert_false (infers ("ConvTranspose", x, w, 2, NULL, NULL, 0, NULL));
  g_assert_false (infers ("ConvTranspose", x, (const gint64[]){ 3, 4, 3, 3 }, 2, "output_shape",
                          zero, 2, NULL));
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "conv", "transposed" };

  g_test_init (&argc, &argv, NULL);
  for (guint t = 0; t < 2; t++)
    for (guint axes = 1; axes <= 3; axes++)
      {
        g_autofree char *path = g_strdup_printf ("/%s/%ud", names[t], axes);

        g_test_add_data_func (path, GUINT_TO_POINTER (t * 4 + axes), test_random);
      }
  g_test_add_func ("/conv/winograd", test_winograd);
  g_test_add_func ("/conv/long", test_long);
  g_test_add_func ("/conv/refused", test_refused);
  return g_test_run ();
}
