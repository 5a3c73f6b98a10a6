/* SPDX-License-Identifier: Apache-2.0
 *
 * test-chain: convolutions that follow each other, run in bands of lines, and attention in tiles of rows give the
 * bits that their nodes give one by one: random shapes, both layouts, any team.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"
#include "engine/nn/plan.h"

#include <math.h>
#include <string.h>

enum { MOST = 4 };

typedef struct
{
  gboolean  depthwise, residual;
  gint64    cout, kernel[2], stride[2], dilation[2], pads[4];
  SagFused  fused;
} Layer;

typedef struct
{
  SagLayout layout;
  gint64    batch, cin, in[2];
  int       n;
  Layer     layer[MOST];
} Case;

static GRand *chance; /* the same cases every time */

static gint64
pick (gint64 from, gint64 to)
{
  return g_rand_int_range (chance, (gint32) from, (gint32) to + 1);
}

static Case
random_case (void)
{
  Case c = { .layout = pick (0, 1) ? SAG_LAYOUT_ROWS : SAG_LAYOUT_LAST, .batch = pick (1, 2),
             .cin = pick (1, 6), .in = { pick (60, 90), pick (60, 90) }, .n = (int) pick (2, MOST) };
  gint64 channels = c.cin;

  for (int i = 0; i < c.n; i++)
    {
      Layer *layer = &c.layer[i];

      layer->depthwise = i > 0 && pick (0, 2) > 0;
      layer->cout = layer->depthwise ? channels : i + 1 < c.n ? pick (80, 90) : pick (1, 40);
      for (int a = 0; a < 2; a++)
        {
          layer->kernel[a] = 2 * pick (0, layer->depthwise ? 2 : 1) + 1;
          layer->stride[a] = i + 1 == c.n && pick (0, 2) == 0 ? pick (2, 3) : 1;
          layer->dilation[a] = pick (1, 2);
          layer->pads[a] = pick (0, layer->kernel[a] - 1);
          layer->pads[2 + a] = pick (0, layer->kernel[a] - 1);
        }
      layer->fused = (SagFused){ .activation = (SagActivation[]){ SAG_ACTIVATION_NONE, SAG_ACTIVATION_RELU,
                                                                  SAG_ACTIVATION_GELU }[pick (0, 2)] };
      if (i + 1 == c.n && pick (0, 1)) /* a residual: the shape must come back */
        {
          memcpy (layer->stride, (gint64[]){ 1, 1 }, sizeof layer->stride);
          layer->residual = TRUE;
        }
      channels = layer->cout;
    }
  return c;
}

static SagValue *
add_value (SagGraph *graph, const SagShape *shape, SagLayout layout)
{
  SagValue *value = sag_graph_add_value (graph, "x");

  value->dtype = SAG_DTYPE_F32;
  value->shape = *shape;
  value->layout = layout;
  return value;
}

static SagValue *
add_constant (SagGraph *graph, const SagShape *shape, GRand *random)
{
  SagTensor *tensor = sag_tensor_new (SAG_DTYPE_F32, shape, NULL);
  SagValue *value;

  for (gint64 i = 0; i < sag_shape_count (shape); i++)
    ((float *) tensor->owned)[i] = (float) g_rand_double_range (random, -0.2, 0.2);
  value = sag_graph_add_constant (graph, "w", tensor);
  value->dtype = SAG_DTYPE_F32;
  value->shape = *shape;
  return value;
}

/* The layers as a graph of one input, or two: the residual. */
static SagGraph *
make_graph (const Case *c, guint32 seed)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  SagShape shape = { 4, { c->batch, c->cin, c->in[0], c->in[1] } };
  SagValue *x = add_value (graph, &shape, c->layout);

  graph->precision = SAG_PRECISION_INT4; /* no Winograd */
  g_ptr_array_add (graph->inputs, x);
  for (int i = 0; i < c->n; i++)
    {
      const Layer *layer = &c->layer[i];
      gint64 channels = x->shape.dim[1], kin = layer->depthwise ? 1 : channels;
      SagShape w = { 4, { layer->cout, kin, layer->kernel[0], layer->kernel[1] } };
      SagNode *node = sag_graph_add_node (graph, sag_op_find ("", "Conv"), "conv", -1);
      g_autoptr (GError) error = NULL;

      node->opset = 17;
      g_ptr_array_add (node->inputs, x);
      g_ptr_array_add (node->inputs, add_constant (graph, &w, random));
      g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 1, { layer->cout } }, random));
      sag_node_set_ints (node, "strides", layer->stride, 2);
      sag_node_set_ints (node, "dilations", layer->dilation, 2);
      sag_node_set_ints (node, "pads", layer->pads, 4);
      sag_node_set_int (node, "group", layer->depthwise ? channels : 1);
      x = add_value (graph, &shape, c->layout);
      sag_node_set_output (node, 0, x);
      g_assert_true (node->op->infer (node, &error));
      g_assert_no_error (error);
      x->layout = c->layout;
      node->fused = layer->fused;
      if (layer->residual)
        {
          SagValue *residual = add_value (graph, &x->shape, c->layout);

          node->fused.residual = TRUE;
          g_ptr_array_add (node->inputs, residual);
          g_ptr_array_add (graph->inputs, residual);
        }
    }
  g_ptr_array_add (graph->outputs, x);
  return graph;
}

static float *
noise (const SagValue *value, guint32 seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  gint64 n = sag_value_count (value);
  float *x = g_new (float, MAX (n, 1));

  for (gint64 i = 0; i < n; i++)
    x[i] = (float) g_rand_double_range (random, -1, 1);
  return x;
}

typedef gboolean (*Pass) (SagGraph *graph, GError **error);

static SagPrecision wanted = SAG_PRECISION_F32;

/* The network's output, and how many steps made it. Takes the graph. */
static float *
run_graph (SagGraph *made, guint32 seed, Pass before, Pass after, gint64 *n_out, int *n_steps)
{
  g_autoptr (SagGraph) graph = made;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  SagPlan *plan;
  SagRun run = { .total = 1 };
  void *arena, *packed;
  float *out;

  sag_graph_count_readers (graph);
  g_assert_true (before == NULL || before (graph, &error));
  g_assert_true (sag_pass_prepare (graph, graph->precision == SAG_PRECISION_INT8 ? SAG_PRECISION_INT8 : wanted, &error));
  g_assert_true (after == NULL || after (graph, &error));
  plan = sag_plan_new (graph, &error);
  g_assert_no_error (error);
  arena = sag_alloc_try (plan->arena_bytes + SAG_ALIGN, "a test", &error);
  packed = sag_alloc_try (plan->packed_bytes + SAG_ALIGN, "a test", &error);
  g_assert_no_error (error);
  sag_plan_bind (plan, arena, packed);
  sag_plan_pack (plan);
  for (guint i = 0; i < graph->inputs->len; i++)
    {
      SagValue *value = graph->inputs->pdata[i];

      value->data = noise (value, seed + i);
      g_ptr_array_add (inputs, value->data);
    }
  *n_out = sag_value_count (graph->outputs->pdata[0]);
  out = g_new (float, MAX (*n_out, 1));
  ((SagValue *) graph->outputs->pdata[0])->data = out;
  g_assert_true (sag_plan_run (plan, &run));
  *n_steps = plan->n_steps;
  sag_plan_free (plan);
  sag_free (arena);
  sag_free (packed);
  return out;
}

static void
test_random (void)
{
  int joined = 0;

  chance = g_rand_new_with_seed (7);
  for (int i = 0; i < 16; i++)
    {
      Case c = random_case ();
      guint32 seed = (guint32) i + 1;
      gint64 n, n_got;
      int steps, few;
      g_autofree float *want = NULL;

      wanted = i % 4 == 3 ? SAG_PRECISION_BF16 : SAG_PRECISION_F32;
      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      want = run_graph (make_graph (&c, seed), seed, NULL, NULL, &n, &steps);
      g_assert_cmpint (steps, ==, c.n);
      for (int team = 1; team <= 2; team++)
        {
          g_autofree float *got = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, team);
          got = run_graph (make_graph (&c, seed), seed, NULL, sag_pass_chain, &n_got, &few);
          g_assert_cmpint (n_got, ==, n);
          if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
            g_error ("case %d, team %d: other bits", i, team);
          joined += few < steps;
        }
    }
  g_assert_cmpint (joined, >, 16); /* most of them */
  wanted = SAG_PRECISION_F32;
  g_rand_free (chance);
}

static SagNode *
add_node (SagGraph *graph, const char *name, const char *domain, SagValue *x)
{
  SagNode *node = sag_graph_add_node (graph, sag_op_find (domain, name), name, -1);

  node->opset = 17;
  g_ptr_array_add (node->inputs, x);
  return node;
}

static SagValue *
finish_node (SagGraph *graph, SagNode *node, SagLayout layout)
{
  g_autoptr (GError) error = NULL;
  SagValue *y = add_value (graph, &sag_node_input (node, 0)->shape, layout);

  sag_node_set_output (node, 0, y);
  g_assert_true (node->op->infer (node, &error));
  g_assert_no_error (error);
  y->layout = layout;
  return y;
}

typedef enum { CONCAT, ALONE, SUM } Gather;

/* A resized image, one as it is and, where channels are last, one that lies otherwise, side by side or added before
 * a convolution; or the first alone. */
static SagGraph *
make_gather (SagLayout layout, gint64 batch, gint64 height, gint64 width, Gather how)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (3);
  gint64 channels[] = { 37, how == SUM ? 37 : 20, how == SUM ? 37 : 9 };
  SagValue *part[3], *x;
  SagNode *node;
  SagAttribute *mode = g_new0 (SagAttribute, 1);

  graph->precision = SAG_PRECISION_INT4; /* no Winograd */
  for (int i = 0; i < 3; i++)
    {
      SagShape shape = { 4, { batch, channels[i], i == 0 ? height / 2 : height, i == 0 ? width / 2 : width } };

      part[i] = add_value (graph, &shape, i == 2 ? SAG_LAYOUT_ROWS : layout);
      if (i == 0 || how != ALONE)
        g_ptr_array_add (graph->inputs, part[i]);
    }
  node = add_node (graph, "Resize", "", part[0]);
  *mode = (SagAttribute){ .name = g_strdup ("mode"), .kind = SAG_ATTRIBUTE_STRING, .s = g_strdup ("linear") };
  g_ptr_array_add (node->attributes, mode);
  g_ptr_array_add (node->inputs, NULL);
  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 1, { 4 } }, random));
  memcpy (((SagValue *) node->inputs->pdata[2])->constant->owned, (float[]){ 1, 1, 2, 2 }, 4 * sizeof (float));
  x = part[0] = finish_node (graph, node, layout);
  if (how != ALONE)
    {
      part[2] = finish_node (graph, add_node (graph, "Layout", "sagitta", part[2]), layout);
      node = add_node (graph, how == SUM ? "Sum" : "Concat", "", part[1]);
      g_ptr_array_add (node->inputs, part[0]);
      g_ptr_array_add (node->inputs, part[2]);
      sag_node_set_int (node, "axis", 1);
      if (how == SUM)
        node->fused.activation = SAG_ACTIVATION_RELU;
      x = finish_node (graph, node, layout);
    }
  node = add_node (graph, "Conv", "", x);
  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 4, { 30, x->shape.dim[1], 3, 3 } }, random));
  sag_node_set_ints (node, "pads", (gint64[]){ 1, 1, 1, 1 }, 4);
  g_ptr_array_add (graph->outputs, finish_node (graph, node, layout));
  return graph;
}

static void
test_gather (void)
{
  for (guint form = 0; form < 12; form++)
    {
      SagLayout layout = form & 1 ? SAG_LAYOUT_ROWS : SAG_LAYOUT_LAST;
      gint64 batch = form & 2 ? 2 : 1, n, n_got;
      Gather how = form / 4;
      g_autofree float *want = NULL;
      int steps, one;

      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      want = run_graph (make_gather (layout, batch, 90, 100, how), form, NULL, NULL, &n, &steps);
      for (int team = 1; team <= 2; team++)
        {
          g_autofree float *got = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, team);
          got = run_graph (make_gather (layout, batch, 90, 100, how), form, NULL, sag_pass_chain, &n_got, &one);
          g_assert_cmpint (one, <=, 2); /* rows stay rows in a step of their own */
          g_assert_cmpint (n_got, ==, n);
          if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
            g_error ("form %u, team %d: other bits", form, team);
        }
    }
}

/* A convolution whose output has a range; `size` of its kernel, each channel by itself where that is 3. */
static SagValue *
add_ranged (SagGraph *graph, GRand *random, SagValue *x, gint64 cout, gint64 size, gint64 stride, SagValue *residual)
{
  SagNode *node = add_node (graph, "Conv", "", x);
  SagValue *y;

  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 4, { cout, size > 1 ? 1 : x->shape.dim[1], size, size } }, random));
  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 1, { cout } }, random));
  sag_node_set_ints (node, "pads", (gint64[]){ size / 2, size / 2, size / 2, size / 2 }, 4);
  sag_node_set_ints (node, "strides", (gint64[]){ stride, stride }, 2);
  sag_node_set_int (node, "group", size > 1 ? cout : 1);
  y = finish_node (graph, node, SAG_LAYOUT_LAST);
  y->quantum = sag_int8_quantum (-3, 4);
  node->fused = (SagFused){ .activation = SAG_ACTIVATION_CLIP, .alpha = -1, .beta = 3 };
  if (residual != NULL)
    {
      node->fused.residual = TRUE;
      g_ptr_array_add (node->inputs, residual);
    }
  return y;
}

/* Layers on bytes: a residual, a stride, a resized image beside another. */
static SagGraph *
make_bytes (gint64 channels, gint64 batch)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  SagShape shape = { 4, { batch, 8, 136, 140 } };
  SagValue *x = add_value (graph, &shape, SAG_LAYOUT_LAST), *wide, *small;
  SagAttribute *mode = g_new0 (SagAttribute, 1);
  SagNode *node;

  graph->precision = SAG_PRECISION_INT8;
  g_ptr_array_add (graph->inputs, x);
  x = add_ranged (graph, random, x, channels, 1, 1, NULL);
  wide = add_ranged (graph, random, x, channels, 1, 1, NULL);
  x = add_ranged (graph, random, wide, channels, 3, 1, NULL);
  wide = add_ranged (graph, random, x, channels, 1, 1, wide);
  small = add_ranged (graph, random, wide, channels, 3, 2, NULL);
  small = add_ranged (graph, random, small, 72, 1, 1, NULL);
  node = add_node (graph, "Resize", "", small);
  *mode = (SagAttribute){ .name = g_strdup ("mode"), .kind = SAG_ATTRIBUTE_STRING, .s = g_strdup ("linear") };
  g_ptr_array_add (node->attributes, mode);
  g_ptr_array_add (node->inputs, NULL);
  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 1, { 4 } }, random));
  memcpy (((SagValue *) node->inputs->pdata[2])->constant->owned, (float[]){ 1, 1, 2, 2 }, 4 * sizeof (float));
  small = finish_node (graph, node, SAG_LAYOUT_LAST);
  small->quantum = wide->quantum;
  node = add_node (graph, "Concat", "", small);
  g_ptr_array_add (node->inputs, wide);
  sag_node_set_int (node, "axis", 1);
  x = finish_node (graph, node, SAG_LAYOUT_LAST);
  x->quantum = wide->quantum;
  x = add_ranged (graph, random, x, channels + 72, 3, 1, NULL);
  x = add_ranged (graph, random, x, 60, 1, 1, NULL);
  x = add_ranged (graph, random, x, 5, 1, 1, NULL);
  g_ptr_array_add (graph->outputs, x);
  return graph;
}

static void
test_bytes (void)
{
  static const gint64 channels[] = { 60, 64, 100 };

  for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
    {
      gint64 batch = i == 1 ? 2 : 1, n, n_got;
      g_autofree float *want = NULL;
      int steps, few;

      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      want = run_graph (make_bytes (channels[i], batch), i, NULL, NULL, &n, &steps);
      for (int team = 1; team <= 2; team++)
        {
          g_autofree float *got = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, team);
          got = run_graph (make_bytes (channels[i], batch), i, NULL, sag_pass_chain, &n_got, &few);
          g_assert_cmpint (few, <=, steps - 5); /* two with what is before them, and the last four */
          g_assert_cmpint (n_got, ==, n);
          if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
            g_error ("channels %d, team %d: other bits", (int) channels[i], team);
        }
    }
}

/* Two or three images side by side before a convolution in Winograd's form, in two or three dimensions. */
static SagGraph *
make_parts (int n, int axes, gint64 batch)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (5);
  gint64 channels[] = { 16, 37, 11 }, cin = 0, sides[] = { 14, 22, 19 }, ones[] = { 1, 1, 1, 1, 1, 1 };
  SagShape w = { axes + 2, { 24, 0, 3, 3, 3 } };
  SagNode *node = NULL;
  SagValue *x;

  for (int i = 0; i < n; i++)
    {
      SagShape shape = { axes + 2, { batch, channels[i] } };

      memcpy (shape.dim + 2, sides, sizeof (gint64) * (gsize) axes);
      x = add_value (graph, &shape, SAG_LAYOUT_LAST);
      g_ptr_array_add (graph->inputs, x);
      if (node == NULL)
        node = add_node (graph, "Concat", "", x);
      else
        g_ptr_array_add (node->inputs, x);
      cin += channels[i];
    }
  sag_node_set_int (node, "axis", 1);
  x = finish_node (graph, node, SAG_LAYOUT_LAST);
  node = add_node (graph, "Conv", "", x);
  w.dim[1] = cin;
  g_ptr_array_add (node->inputs, add_constant (graph, &w, random));
  sag_node_set_ints (node, "pads", ones, 2 * axes);
  g_ptr_array_add (graph->outputs, finish_node (graph, node, SAG_LAYOUT_LAST));
  return graph;
}

static void
test_parts (void)
{
  for (guint form = 0; form < 8; form++)
    {
      int parts = form & 1 ? 3 : 2, axes = form & 2 ? 3 : 2, steps, one;
      gint64 batch = form & 4 ? 2 : 1, n, n_got;
      g_autofree float *want = NULL;

      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      want = run_graph (make_parts (parts, axes, batch), form, NULL, NULL, &n, &steps);
      g_assert_cmpint (steps, ==, 2);
      for (int team = 1; team <= 2; team++)
        {
          g_autofree float *got = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, team);
          got = run_graph (make_parts (parts, axes, batch), form, NULL, sag_pass_chain, &n_got, &one);
          g_assert_cmpint (one, ==, 1);
          g_assert_cmpint (n_got, ==, n);
          if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
            g_error ("form %u, team %d: other bits", form, team);
        }
    }
}

/* A convolution that only a MaxPool of 2 x 2 reads. */
typedef struct
{
  SagLayout     layout;
  gint64        batch, cin, cout, high, wide, kernel, group;
  SagActivation activation;
  gboolean      turn; /* a change of layout behind it */
  const char   *kernel_name;
} Pool;

static SagGraph *
make_pool (const Pool *p)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (6);
  SagShape shape = { 4, { p->batch, p->cin, p->high, p->wide } }, w = { 4, { p->cout, p->cin / p->group, p->kernel, p->kernel } };
  gint64 pad = p->kernel / 2, two[] = { 2, 2 };
  SagValue *x = add_value (graph, &shape, p->layout);
  SagNode *node = add_node (graph, "Conv", "", x);

  g_ptr_array_add (graph->inputs, x);
  g_ptr_array_add (node->inputs, add_constant (graph, &w, random));
  g_ptr_array_add (node->inputs, add_constant (graph, &(SagShape){ 1, { p->cout } }, random));
  sag_node_set_ints (node, "pads", (gint64[]){ pad, pad, pad, pad }, 4);
  sag_node_set_int (node, "group", p->group);
  node->fused.activation = p->activation;
  node = add_node (graph, "MaxPool", "", finish_node (graph, node, p->layout));
  sag_node_set_ints (node, "kernel_shape", two, 2);
  sag_node_set_ints (node, "strides", two, 2);
  x = finish_node (graph, node, p->layout);
  if (p->turn)
    x = finish_node (graph, add_node (graph, "Layout", "sagitta", x), SAG_LAYOUT_LAST);
  g_ptr_array_add (graph->outputs, x);
  return graph;
}

static const char *expected;

static gboolean
join_pool (SagGraph *graph, GError **error)
{
  sag_pass_pool (graph);
  g_assert_cmpuint (graph->nodes->len, ==, 1);
  g_assert_cmpstr (((SagNode *) graph->nodes->pdata[0])->kernel, ==, expected);
  return TRUE;
}

static void
test_pools (void)
{
  static const Pool pools[] = {
    { SAG_LAYOUT_LAST, 1, 16, 24, 115, 99, 3, 1, SAG_ACTIVATION_RELU, FALSE, "winograd+max" },
    { SAG_LAYOUT_LAST, 2, 32, 40, 60, 81, 3, 1, SAG_ACTIVATION_GELU, FALSE, "winograd+max" },
    { SAG_LAYOUT_LAST, 2, 20, 28, 101, 78, 1, 1, SAG_ACTIVATION_NONE, FALSE, "conv-gemm+max" },
    { SAG_LAYOUT_LAST, 1, 36, 36, 101, 78, 3, 36, SAG_ACTIVATION_RELU, FALSE, "depthwise+max" },
    { SAG_LAYOUT_ROWS, 2, 1, 8, 31, 2111, 3, 1, SAG_ACTIVATION_GELU, FALSE, "conv-row+max" },
    { SAG_LAYOUT_ROWS, 2, 3, 11, 171, 150, 3, 1, SAG_ACTIVATION_RELU, TRUE, "conv-row+max" },
    { SAG_LAYOUT_ROWS, 1, 12, 12, 170, 151, 3, 12, SAG_ACTIVATION_NONE, TRUE, "depthwise-row+max" },
  };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (pools); i++)
    {
      const Pool *pool = &pools[i / 2];
      gint64 n, n_got;
      g_autofree float *want = NULL;
      int steps;

      wanted = i % 2 == 1 ? SAG_PRECISION_BF16 : SAG_PRECISION_F32;
      expected = pool->kernel_name;
      sag_parallel_own (SAG_TEAM_COMPUTE, 1);
      want = run_graph (make_pool (pool), i, NULL, NULL, &n, &steps);
      g_assert_cmpint (steps, ==, pool->turn ? 3 : 2);
      for (int team = 1; team <= 2; team++)
        {
          g_autofree float *got = NULL;

          sag_parallel_own (SAG_TEAM_COMPUTE, team);
          got = run_graph (make_pool (pool), i, NULL, join_pool, &n_got, &steps);
          g_assert_cmpint (n_got, ==, n);
          if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
            g_error ("pool %u, team %d: other bits", i, team);
        }
    }
  wanted = SAG_PRECISION_F32;
}

/* Three convolutions of a volume that is large enough to be written over its input. */
static SagGraph *
make_volume (gint64 dilation)
{
  SagGraph *graph = sag_graph_new ();
  g_autoptr (GRand) random = g_rand_new_with_seed (9);
  SagShape shape = { 5, { 1, 1, 72, 140, 140 } };
  gint64 around[] = { dilation, dilation, dilation, dilation, dilation, dilation };
  SagValue *x = add_value (graph, &shape, SAG_LAYOUT_LAST);

  g_ptr_array_add (graph->inputs, x);
  for (int i = 0; i < 3; i++)
    {
      SagShape w = { 5, { i < 2 ? 12 : 2, x->shape.dim[1], i == 1 ? 3 : 1, i == 1 ? 3 : 1, i == 1 ? 3 : 1 } };
      SagNode *node = add_node (graph, "Conv", "", x);

      g_ptr_array_add (node->inputs, add_constant (graph, &w, random));
      if (i == 1)
        {
          sag_node_set_ints (node, "pads", around, 6);
          sag_node_set_ints (node, "dilations", around, 3);
        }
      x = finish_node (graph, node, SAG_LAYOUT_LAST);
    }
  g_ptr_array_add (graph->outputs, x);
  return graph;
}

static gboolean
forbid_trails (SagGraph *graph, GError **error)
{
  for (guint i = 0; i < graph->nodes->len; i++)
    ((SagNode *) graph->nodes->pdata[i])->trails = 0;
  return TRUE;
}

static gboolean
expect_trails (SagGraph *graph, GError **error)
{
  SagNode *node = graph->nodes->pdata[1];

  g_assert_cmpstr (node->kernel, ==, "winograd");
  g_assert_cmpuint (node->trails, >, 0);
  return TRUE;
}

static void
test_volume (void)
{
  static const gint64 dilations[] = { 1, 2, 5 }; /* items of four, two and one plane */

  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  for (gsize i = 0; i < G_N_ELEMENTS (dilations); i++)
    {
      gint64 n, n_got;
      int steps;
      g_autofree float *want = run_graph (make_volume (dilations[i]), 1, NULL, forbid_trails, &n, &steps);
      g_autofree float *got = run_graph (make_volume (dilations[i]), 1, NULL, expect_trails, &n_got, &steps);

      g_assert_cmpint (n_got, ==, n);
      if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
        g_error ("dilation %d: other bits", (int) dilations[i]);
    }
}

/* softmax (q k scale + bias) v; which of the two are there, and how the bias repeats, is in `form`. */
static SagGraph *
make_attention (const gint64 *size, guint form)
{
  SagGraph *graph = sag_graph_new ();
  gint64 b = size[0], h = size[1], m = size[2], k = size[3], n = size[4], d = size[5];
  SagShape shapes[] = { { 4, { b, h, m, k } }, { 4, { b, h, k, n } }, { 4, { b, h, n, d } },
                        { 4, { form & 4 ? b : 1, h, form & 8 ? m : 1, n } } };
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  SagValue *in[4], *x;

  for (int i = 0; i < (form & 2 ? 4 : 3); i++)
    {
      in[i] = add_value (graph, &shapes[i], SAG_LAYOUT_PLAIN);
      g_ptr_array_add (graph->inputs, in[i]);
    }
  x = in[0];
  for (int i = 0; i < 5; i++)
    {
      static const char *const names[] = { "MatMul", "Mul", "Add", "Softmax", "MatMul" };
      g_autoptr (GError) error = NULL;
      SagNode *node;

      if ((i == 1 && !(form & 1)) || (i == 2 && !(form & 2)))
        continue;
      node = sag_graph_add_node (graph, sag_op_find ("", names[i]), names[i], -1);
      node->opset = 17;
      g_ptr_array_add (node->inputs, x);
      if (i != 3)
        g_ptr_array_add (node->inputs, i == 0   ? in[1]
                                       : i == 1 ? add_constant (graph, &(SagShape){ 0 }, random)
                                       : i == 2 ? in[3]
                                                : in[2]);
      x = add_value (graph, &shapes[0], SAG_LAYOUT_PLAIN);
      sag_node_set_output (node, 0, x);
      g_assert_true (node->op->infer (node, &error));
      g_assert_no_error (error);
    }
  g_ptr_array_add (graph->outputs, x);
  return graph;
}

static void
test_attention (void)
{
  static const gint64 sizes[][6] = { { 2, 3, 70, 32, 64, 32 }, { 1, 1, 5, 7, 3, 2 }, { 1, 2, 200, 16, 130, 40 },
                                     { 3, 1, 13, 1, 2000, 9 } };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (guint form = 0; form < 16; form++)
      {
        g_autofree float *want = NULL;
        gint64 n, n_got;
        int steps, one;

        sag_parallel_own (SAG_TEAM_COMPUTE, 1);
        want = run_graph (make_attention (sizes[i], form), form, NULL, NULL, &n, &steps);
        for (int team = 1; team <= 2; team++)
          {
            g_autofree float *got = NULL;

            sag_parallel_own (SAG_TEAM_COMPUTE, team);
            got = run_graph (make_attention (sizes[i], form), form, sag_pass_attention, NULL, &n_got, &one);
            g_assert_cmpint (one, ==, 1);
            g_assert_cmpint (n_got, ==, n);
            if (memcmp (got, want, sizeof (float) * (gsize) n) != 0)
              g_error ("sizes %d, form %u, team %d: other bits", (int) i, form, team);
          }
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nn/chain/random", test_random);
  g_test_add_func ("/nn/chain/gather", test_gather);
  g_test_add_func ("/nn/chain/bytes", test_bytes);
  g_test_add_func ("/nn/chain/parts", test_parts);
  g_test_add_func ("/nn/chain/pools", test_pools);
  g_test_add_func ("/nn/chain/volume", test_volume);
  g_test_add_func ("/nn/chain/attention", test_attention);
  return g_test_run ();
}
