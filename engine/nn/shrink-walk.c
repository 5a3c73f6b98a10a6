/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink-walk.c: which channels of a network belong together.
 */
#include "engine/nn/shrink-walk.h"

#include "engine/nn/onnx-write.h"

#include <string.h>

/* --- channel numbers ----------------------------------------------------------------------- */

int
sag_walk_root (const SagWalk *self, int id)
{
  int *at = (int *)(gpointer) self->parent->data;

  while (at[id] != id)
    id = at[id] = at[at[id]];
  return id;
}

static void
fix (SagWalk *self, const SagTrack *track, const char *why)
{
  for (int c = 0; track != NULL && c < track->n; c++)
    {
      int root = sag_walk_root (self, track->ids[c]);

      if (self->fixed->pdata[root] == NULL)
        self->fixed->pdata[root] = (gpointer) why;
    }
}

static void
join (SagWalk *self, const SagTrack *a, const SagTrack *b)
{
  for (int c = 0; c < a->n; c++)
    {
      int x = sag_walk_root (self, a->ids[c]), y = sag_walk_root (self, b->ids[c]);

      if (x == y)
        continue;
      g_array_index (self->parent, int, MAX (x, y)) = MIN (x, y);
      if (self->fixed->pdata[MIN (x, y)] == NULL)
        self->fixed->pdata[MIN (x, y)] = self->fixed->pdata[MAX (x, y)];
    }
}

static int *
new_ids (SagWalk *self, int n)
{
  int *ids = g_new (int, MAX (n, 1));

  g_ptr_array_add (self->pool, ids);
  return ids;
}

static SagTrack
fresh (SagWalk *self, int axis, int n)
{
  SagTrack track = { axis, n, new_ids (self, n) };

  for (int c = 0; c < n; c++)
    {
      track.ids[c] = (int) self->parent->len;
      g_array_append_val (self->parent, track.ids[c]);
      g_ptr_array_add (self->fixed, NULL);
    }
  return track;
}

/* --- values -------------------------------------------------------------------------------- */

static const SagShape *
shape_of (const SagWalk *self, const char *name)
{
  SagOnnxWeight *weight = sag_onnx_model_find (self->model, name);

  return weight != NULL ? &weight->tensor->shape : g_hash_table_lookup (self->shapes, name);
}

static const SagTrack *
track_of (const SagWalk *self, const char *name)
{
  return g_hash_table_lookup (self->tracks, name);
}

static const SagTrack *
input_track (const SagWalk *self, const SagOnnxNode *node, int i)
{
  return track_of (self, sag_onnx_node_input (node, i));
}

static void
give (SagWalk *self, const SagOnnxNode *node, int output, const SagTrack *track)
{
  if ((guint) output < node->outputs->len && *(char *) node->outputs->pdata[output] != '\0')
    g_hash_table_insert (self->tracks, g_strdup (node->outputs->pdata[output]),
                         g_memdup2 (track, sizeof *track));
}

static const char *
describe (SagWalk *self, const SagOnnxNode *node)
{
  char *text = *node->name != '\0'
                   ? g_strdup_printf ("%s '%s'", node->op, node->name)
                   : g_strdup_printf ("%s making '%s'", node->op, (char *) node->outputs->pdata[0]);

  g_ptr_array_add (self->pool, text);
  return text;
}

static void
fix_inputs (SagWalk *self, const SagOnnxNode *node)
{
  const char *why = describe (self, node);

  for (guint i = 0; i < node->inputs->len; i++)
    fix (self, input_track (self, node, (int) i), why);
}

static void
add_job (
    SagWalk *self, SagSliceKind kind, SagOnnxNode *node, int input, int axis, const SagTrack *track)
{
  SagSliceJob job = { kind, node, input, axis, *track };

  g_array_append_val (self->jobs, job);
}

static void
add_maker (SagWalk *self, SagOnnxNode *node, SagOnnxWeight *weight, int axis, const SagTrack *track)
{
  SagMaker maker = { node, weight, axis, *track, (int) self->makers->len };

  g_array_append_val (self->makers, maker);
}

/* A float weight with that many elements along `axis`, or NULL. */
static SagOnnxWeight *
weight_along (const SagWalk *self, const SagOnnxNode *node, int input, int axis, gint64 n)
{
  SagOnnxWeight *weight = sag_onnx_model_find (self->model, sag_onnx_node_input (node, input));

  return weight != NULL && weight->type == SAG_ONNX_FLOAT && axis >= 0
                 && axis < weight->tensor->shape.rank && weight->tensor->shape.dim[axis] == n
             ? weight
             : NULL;
}

/* --- operators ----------------------------------------------------------------------------- */

static gboolean
is_one_of (const char *op, const char *const *list)
{
  return g_strv_contains (list, op);
}

static gboolean
walk_conv (SagWalk *self, SagOnnxNode *node)
{
  gboolean        transposed = strcmp (node->op, "ConvTranspose") == 0;
  SagOnnxWeight  *weight = sag_onnx_model_find (self->model, sag_onnx_node_input (node, 1));
  gint64          group = sag_onnx_node_get_int (node, "group", 1);
  const SagTrack *in = input_track (self, node, 0);
  int             out_axis = transposed ? 1 : 0;
  SagTrack        out;

  if (weight == NULL || weight->type != SAG_ONNX_FLOAT || weight->tensor->shape.rank < 3
      || (in != NULL && in->axis != 1))
    return FALSE;
  if (group > 1)
    {
      /* Depthwise: one channel in, one out. Other groups keep their channels. */
      if (in == NULL || group != in->n || weight->tensor->shape.dim[0] != in->n
          || weight->tensor->shape.dim[1] != 1)
        return FALSE;
      add_job (self, SAG_SLICE_WEIGHT, node, 1, 0, in);
      add_job (self, SAG_SLICE_WEIGHT, node, 2, 0, in);
      add_job (self, SAG_SLICE_GROUP, node, 0, 0, in);
      give (self, node, 0, in);
      return TRUE;
    }
  if (in != NULL)
    add_job (self, SAG_SLICE_WEIGHT, node, 1, 1 - out_axis, in);
  out = fresh (self, 1, (int) weight->tensor->shape.dim[out_axis]);
  add_job (self, SAG_SLICE_WEIGHT, node, 1, out_axis, &out);
  add_job (self, SAG_SLICE_WEIGHT, node, 2, 0, &out);
  add_maker (self, node, weight, out_axis, &out);
  give (self, node, 0, &out);
  return TRUE;
}

/* [.., K] x [K, N]. */
static gboolean
walk_product (SagWalk *self, SagOnnxNode *node)
{
  gboolean        gemm = strcmp (node->op, "Gemm") == 0;
  SagOnnxWeight  *weight = sag_onnx_model_find (self->model, sag_onnx_node_input (node, 1));
  const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));
  const SagTrack *in = input_track (self, node, 0);
  int             n_axis = gemm && sag_onnx_node_get_int (node, "transB", 0) != 0 ? 0 : 1;
  SagTrack        out;

  if (weight == NULL || weight->type != SAG_ONNX_FLOAT || weight->tensor->shape.rank != 2
      || x == NULL || x->rank < 2 || (gemm && sag_onnx_node_get_int (node, "transA", 0) != 0)
      || (in != NULL && in->axis != x->rank - 1))
    return FALSE;
  if (in != NULL)
    add_job (self, SAG_SLICE_WEIGHT, node, 1, 1 - n_axis, in);
  out = fresh (self, x->rank - 1, (int) weight->tensor->shape.dim[n_axis]);
  add_job (self, SAG_SLICE_WEIGHT, node, 1, n_axis, &out);
  add_maker (self, node, weight, n_axis, &out);
  if (gemm && *sag_onnx_node_input (node, 2) != '\0')
    {
      SagOnnxWeight *bias = sag_onnx_model_find (self->model, sag_onnx_node_input (node, 2));

      if (bias == NULL)
        fix (self, &out, describe (self, node));
      else
        add_job (self, SAG_SLICE_WEIGHT, node, 2, bias->tensor->shape.rank - 1, &out);
    }
  give (self, node, 0, &out);
  return TRUE;
}

/* One parameter a channel in inputs first..last, the channels along `axis`. */
static gboolean
walk_norm (SagWalk *self, SagOnnxNode *node, int axis, int last)
{
  const SagTrack *in = input_track (self, node, 0);

  if (in == NULL || in->axis != axis)
    return in == NULL;
  for (int i = 1; i <= last; i++)
    if (*sag_onnx_node_input (node, i) != '\0' && weight_along (self, node, i, 0, in->n) == NULL)
      return FALSE;
  for (int i = 1; i <= last; i++)
    if (*sag_onnx_node_input (node, i) != '\0')
      add_job (self, SAG_SLICE_WEIGHT, node, i, 0, in);
  give (self, node, 0, in);
  return TRUE;
}

/* Element by element, with broadcasting. */
static gboolean
walk_elementwise (SagWalk *self, SagOnnxNode *node)
{
  const SagShape *y = shape_of (self, node->outputs->pdata[0]);
  const SagTrack *first = NULL;
  SagTrack        out;
  int             axis = -1;

  if (y == NULL)
    return FALSE;
  for (guint i = 0; i < node->inputs->len; i++)
    {
      const SagShape *x = shape_of (self, node->inputs->pdata[i]);
      const SagTrack *track = input_track (self, node, (int) i);

      if (track == NULL || x == NULL
          || x->dim[track->axis] != y->dim[track->axis + y->rank - x->rank])
        continue;
      if (axis >= 0 && axis != track->axis + y->rank - x->rank)
        return FALSE;
      axis = track->axis + y->rank - x->rank;
      if (first == NULL)
        first = track;
    }
  if (first == NULL)
    return FALSE;
  for (guint i = 0; i < node->inputs->len; i++)
    {
      const SagShape *x = shape_of (self, node->inputs->pdata[i]);
      const SagTrack *track = input_track (self, node, (int) i);
      int             own = x != NULL ? axis - (y->rank - x->rank) : -1;

      if (x == NULL)
        return FALSE;
      if (own < 0 || x->dim[own] == 1) /* the same for all channels */
        {
          fix (self, track, describe (self, node));
          continue;
        }
      if (track != NULL)
        join (self, first, track);
      else if (weight_along (self, node, (int) i, own, first->n) != NULL)
        add_job (self, SAG_SLICE_WEIGHT, node, (int) i, own, first);
      else
        return FALSE;
    }
  out = *first;
  out.axis = axis;
  give (self, node, 0, &out);
  return TRUE;
}

static gboolean
walk_concat (SagWalk *self, SagOnnxNode *node)
{
  const SagShape *y = shape_of (self, node->outputs->pdata[0]);
  int axis = y != NULL ? sag_axis (sag_onnx_node_get_int (node, "axis", 1), y->rank) : -1;
  const SagTrack *first = input_track (self, node, 0);
  SagTrack        out;
  int             n = 0;

  if (first == NULL || axis < 0)
    return FALSE;
  for (guint i = 0; i < node->inputs->len; i++)
    {
      const SagTrack *track = input_track (self, node, (int) i);

      if (track == NULL || track->axis != first->axis)
        return FALSE;
      n += track->n;
    }
  out = *first;
  if (axis == first->axis)
    {
      out.n = n;
      out.ids = new_ids (self, n);
      n = 0;
    }
  for (guint i = 0; i < node->inputs->len; i++)
    {
      const SagTrack *track = input_track (self, node, (int) i);

      if (axis != first->axis)
        join (self, first, track);
      else
        memcpy (out.ids + n, track->ids, sizeof (int) * (gsize) track->n);
      n += track->n;
    }
  give (self, node, 0, &out);
  return TRUE;
}

static gboolean
walk_split (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack *in = input_track (self, node, 0);
  const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));
  int axis = x != NULL ? sag_axis (sag_onnx_node_get_int (node, "axis", 0), x->rank) : -1, at = 0;

  if (in == NULL || axis < 0)
    return FALSE;
  for (guint o = 0; o < node->outputs->len; o++)
    {
      const SagShape *y = shape_of (self, node->outputs->pdata[o]);
      SagTrack        part = *in;

      if (axis == in->axis)
        {
          if (y == NULL || at + y->dim[axis] > in->n)
            return FALSE;
          part.ids = in->ids + at;
          part.n = (int) y->dim[axis];
          at += part.n;
          add_job (self, SAG_SLICE_SPLIT, node, (int) o, 0, &part);
        }
      give (self, node, (int) o, &part);
    }
  return TRUE;
}

/* Reshape, Flatten, Squeeze, Unsqueeze: the channels may stay an axis of their own. */
static gboolean
walk_reshape (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack *in = input_track (self, node, 0);
  const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));
  const SagShape *y = shape_of (self, node->outputs->pdata[0]);
  gint64          before, at = 1;
  SagTrack        out;

  if (in == NULL || x == NULL || y == NULL)
    return FALSE;
  before = sag_shape_product (x, 0, in->axis);
  out = *in;
  for (out.axis = 0; out.axis < y->rank; at *= y->dim[out.axis++])
    if (at == before && y->dim[out.axis] == in->n)
      break;
  if (out.axis == y->rank)
    return FALSE;
  if (strcmp (node->op, "Reshape") == 0)
    {
      SagOnnxWeight *shape = sag_onnx_model_find (self->model, sag_onnx_node_input (node, 1));

      /* What other nodes compute of a shape follows by itself only if it comes from this value: not
       * worth finding out. */
      if (shape == NULL || shape->tensor->shape.rank != 1)
        return FALSE;
      if (sag_tensor_get_int (shape->tensor, out.axis) > 0)
        add_job (self, SAG_SLICE_ENTRY, node, 1, out.axis, in);
    }
  give (self, node, 0, &out);
  return TRUE;
}

static gboolean
walk_transpose (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack    *in = input_track (self, node, 0);
  int                n;
  g_autofree gint64 *perm = sag_onnx_node_get_ints (node, "perm", &n);

  for (int a = 0; in != NULL && a < n; a++)
    if (perm[a] == in->axis)
      {
        SagTrack out = *in;

        out.axis = a;
        give (self, node, 0, &out);
        return TRUE;
      }
  return FALSE;
}

/* The axes an operator works along, as flags; FALSE if they are not constant. */
static gboolean
get_axes (SagWalk *self, const SagOnnxNode *node, int input, int rank, gboolean axes[SAG_MAX_RANK])
{
  int                n;
  g_autofree gint64 *listed = sag_onnx_node_get_ints (node, "axes", &n);
  SagOnnxWeight     *weight = sag_onnx_model_find (self->model, sag_onnx_node_input (node, input));

  memset (axes, 0, sizeof *axes * SAG_MAX_RANK);
  if (listed == NULL && weight == NULL)
    {
      for (int a = 0; a < rank; a++)
        axes[a] = TRUE;
      return *sag_onnx_node_input (node, input) == '\0';
    }
  if (listed == NULL)
    n = (int) sag_shape_count (&weight->tensor->shape);
  for (int i = 0; i < n; i++)
    {
      int axis =
          sag_axis (listed != NULL ? listed[i] : sag_tensor_get_int (weight->tensor, i), rank);

      if (axis < 0)
        return FALSE;
      axes[axis] = TRUE;
    }
  return TRUE;
}

static gboolean
walk_reduce (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack *in = input_track (self, node, 0);
  const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));
  gboolean        axes[SAG_MAX_RANK];
  SagTrack        out;

  if (in == NULL || x == NULL || !get_axes (self, node, 1, x->rank, axes))
    return FALSE;
  if (axes[in->axis])
    return TRUE; /* over the channels, however many there are */
  out = *in;
  if (sag_onnx_node_get_int (node, "keepdims", 1) == 0)
    for (int a = 0; a < in->axis; a++)
      out.axis -= axes[a];
  give (self, node, 0, &out);
  return TRUE;
}

/* Works along other axes only: Slice, Pad, Gather. */
static gboolean
walk_aside (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack *in = input_track (self, node, 0);
  const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));
  const SagShape *y = shape_of (self, node->outputs->pdata[0]);
  gboolean        axes[SAG_MAX_RANK];

  if (in == NULL || x == NULL || y == NULL || x->rank != y->rank || y->dim[in->axis] != in->n)
    return FALSE;
  if (strcmp (node->op, "Slice") == 0
      && (!get_axes (self, node, 3, x->rank, axes) || axes[in->axis]))
    return FALSE;
  give (self, node, 0, in);
  return TRUE;
}

static gboolean
walk_resize (SagWalk *self, SagOnnxNode *node)
{
  const SagTrack *in = input_track (self, node, 0);
  SagOnnxWeight  *sizes = sag_onnx_model_find (self->model, sag_onnx_node_input (node, 3));
  const SagShape *y = shape_of (self, node->outputs->pdata[0]);

  if (in == NULL || y == NULL || y->dim[in->axis] != in->n)
    return FALSE;
  if (sizes != NULL && sag_shape_count (&sizes->tensor->shape) == y->rank)
    add_job (self, SAG_SLICE_ENTRY, node, 3, in->axis, in);
  else if (sizes == NULL && *sag_onnx_node_input (node, 3) != '\0')
    return FALSE; /* computed; may hold the number of channels */
  give (self, node, 0, in);
  return TRUE;
}

static gboolean
walk_node (SagWalk *self, SagOnnxNode *node)
{
  static const char *const unary[] = { "Relu",
                                       "LeakyRelu",
                                       "Sigmoid",
                                       "Tanh",
                                       "Elu",
                                       "Selu",
                                       "Celu",
                                       "HardSigmoid",
                                       "HardSwish",
                                       "Softplus",
                                       "Softsign",
                                       "Mish",
                                       "Gelu",
                                       "Erf",
                                       "Exp",
                                       "Log",
                                       "Sqrt",
                                       "Reciprocal",
                                       "Neg",
                                       "Abs",
                                       "Floor",
                                       "Ceil",
                                       "Round",
                                       "Sin",
                                       "Cos",
                                       "Sign",
                                       "Identity",
                                       "Dropout",
                                       "Cast",
                                       "Clip",
                                       "ThresholdedRelu",
                                       "MaxPool",
                                       "AveragePool",
                                       "LpPool",
                                       "GlobalAveragePool",
                                       "GlobalMaxPool",
                                       NULL };
  static const char *const elementwise[] = { "Add", "Sub", "Mul",  "Div",   "Pow", "Min",
                                             "Max", "Sum", "Mean", "PRelu", NULL };
  static const char *const reshapes[] = { "Reshape", "Flatten", "Squeeze", "Unsqueeze", NULL };
  const SagTrack          *in = input_track (self, node, 0);
  const char              *op = node->op;

  if (*node->domain != '\0')
    return FALSE;
  if (strcmp (op, "Conv") == 0 || strcmp (op, "ConvTranspose") == 0)
    return walk_conv (self, node);
  if (strcmp (op, "Gemm") == 0 || strcmp (op, "MatMul") == 0)
    return walk_product (self, node);
  if (strcmp (op, "BatchNormalization") == 0)
    return walk_norm (self, node, 1, 4);
  if (strcmp (op, "InstanceNormalization") == 0)
    return walk_norm (self, node, 1, 2);
  if (strcmp (op, "LayerNormalization") == 0)
    {
      const SagShape *x = shape_of (self, sag_onnx_node_input (node, 0));

      return x != NULL
             && sag_axis (sag_onnx_node_get_int (node, "axis", -1), x->rank) == x->rank - 1
             && walk_norm (self, node, x->rank - 1, 2);
    }
  if (is_one_of (op, elementwise))
    return walk_elementwise (self, node);
  if (is_one_of (op, reshapes))
    return walk_reshape (self, node);
  if (strcmp (op, "Concat") == 0)
    return walk_concat (self, node);
  if (strcmp (op, "Split") == 0)
    return walk_split (self, node);
  if (strcmp (op, "Transpose") == 0)
    return walk_transpose (self, node);
  if (strcmp (op, "Resize") == 0 || strcmp (op, "Upsample") == 0)
    return walk_resize (self, node);
  if (strcmp (op, "Slice") == 0 || strcmp (op, "Pad") == 0)
    return walk_aside (self, node);
  if (g_str_has_prefix (op, "Reduce"))
    return walk_reduce (self, node);
  if (strcmp (op, "Shape") == 0 || strcmp (op, "Size") == 0)
    return in == NULL || in->n > 0; /* only looks */
  if (is_one_of (op, unary) && in != NULL)
    {
      give (self, node, 0, in);
      return TRUE;
    }
  return FALSE;
}

void
sag_walk_init (SagWalk *self, SagOnnxModel *model, GHashTable *shapes)
{
  *self = (SagWalk){ .model = model, .shapes = shapes };
  self->tracks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->pool = g_ptr_array_new_with_free_func (g_free);
  self->parent = g_array_new (FALSE, FALSE, sizeof (int));
  self->fixed = g_ptr_array_new ();
  self->jobs = g_array_new (FALSE, FALSE, sizeof (SagSliceJob));
  self->makers = g_array_new (FALSE, FALSE, sizeof (SagMaker));
  for (guint n = 0; n < self->model->inputs->len; n++)
    {
      const char     *name = self->model->inputs->pdata[n];
      const SagShape *shape = shape_of (self, name);

      if (shape != NULL && shape->rank >= 3)
        {
          SagTrack track = fresh (self, 1, (int) shape->dim[1]);

          fix (self, &track, "the model's input");
          g_hash_table_insert (self->tracks, g_strdup (name), g_memdup2 (&track, sizeof track));
        }
    }
  for (guint n = 0; n < self->model->nodes->len; n++)
    if (!walk_node (self, self->model->nodes->pdata[n]))
      fix_inputs (self, self->model->nodes->pdata[n]);
  for (guint n = 0; n < self->model->outputs->len; n++)
    fix (self, track_of (self, self->model->outputs->pdata[n]), "the model's output");
  for (guint n = 0; n < self->model->nodes->len; n++)
    {
      const SagOnnxNode *node = self->model->nodes->pdata[n];

      for (guint o = 0; o < node->outputs->len; o++)
        if (g_hash_table_contains (self->model->held, node->outputs->pdata[o]))
          fix (self, track_of (self, node->outputs->pdata[o]), "a body of If, Loop or Scan");
    }
}

void
sag_walk_clear (SagWalk *self)
{
  g_hash_table_unref (self->tracks);
  g_ptr_array_unref (self->pool);
  g_array_unref (self->parent);
  g_ptr_array_unref (self->fixed);
  g_array_unref (self->jobs);
  g_array_unref (self->makers);
}
