/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-select.c: operators that give as many elements as the data say: NonMaxSuppression and Unique. Memory is known
 * before a run, so their inputs must be known then, too, and so is what they give.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <stdlib.h>
#include <string.h>

#define MOST ((gint64) 1 << 20)       /* elements looked at */
#define MOST_PAIRS ((gint64) 1 << 26) /* of boxes compared: a second or two */

/* ---- NonMaxSuppression (ONNX 10, 11) ----------------------------------------------------- */

typedef struct
{
  double low[2], high[2];
} Box;

static Box
read_box (const SagTensor *boxes, gint64 i, gboolean centred)
{
  double v[4];
  Box box;

  for (int k = 0; k < 4; k++)
    v[k] = sag_tensor_get_real (boxes, 4 * i + k);
  for (int k = 0; k < 2; k++)
    if (centred) /* x, y, width, height */
      {
        box.low[k] = v[k] - v[2 + k] / 2;
        box.high[k] = v[k] + v[2 + k] / 2;
      }
    else /* two opposite corners, whichever they are */
      {
        box.low[k] = MIN (v[k], v[2 + k]);
        box.high[k] = MAX (v[k], v[2 + k]);
      }
  return box;
}

static double
get_area (const Box *box)
{
  return (box->high[0] - box->low[0]) * (box->high[1] - box->low[1]);
}

static double
get_overlap (const Box *a, const Box *b)
{
  double both = 1, whole;

  for (int k = 0; k < 2; k++)
    {
      double extent = MIN (a->high[k], b->high[k]) - MAX (a->low[k], b->low[k]);

      if (!(extent > 0))
        return 0;
      both *= extent;
    }
  whole = get_area (a) + get_area (b) - both;
  return whole > 0 ? both / whole : 0;
}

typedef struct
{
  double score;
  gint64 box;
} Candidate;

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  const Candidate *x = a, *y = b;

  return x->score > y->score ? -1 : x->score < y->score ? 1 : x->box < y->box ? -1 : x->box > y->box;
}

static double
number_of (const SagNode *node, int i, double otherwise)
{
  const SagValue *value = sag_node_input (node, i);

  return value != NULL && sag_value_count (value) == 1 ? sag_tensor_get_real (value->constant, 0) : otherwise;
}

/* Of one class of one image. FALSE when `work`, of pairs of boxes, is used up. */
static gboolean
select_boxes (const SagNode *node, gint64 batch, gint64 class, const SagTensor *boxes, const SagTensor *scores, GArray *chosen,
              gint64 *work)
{
  gint64 n = boxes->shape.dim[1], from = (batch * scores->shape.dim[1] + class) * n;
  gboolean centred = sag_node_get_int (node, "center_point_box", 0) != 0, limited = sag_node_input (node, 4) != NULL;
  double most = number_of (node, 2, 0), overlap = number_of (node, 3, 0), least = number_of (node, 4, 0);
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  guint first = chosen->len;

  for (gint64 i = 0; i < n; i++)
    {
      Candidate candidate = { sag_tensor_get_real (scores, from + i), i };

      if (!limited || candidate.score > least)
        g_array_append_val (candidates, candidate);
    }
  g_array_sort (candidates, compare_candidates);
  for (guint i = 0; i < candidates->len && (double) ((chosen->len - first) / 3) < most; i++)
    {
      gint64 row[3] = { batch, class, g_array_index (candidates, Candidate, i).box };
      Box box = read_box (boxes, batch * n + row[2], centred);
      gboolean good = TRUE;

      *work -= (chosen->len - first) / 3;
      if (*work < 0)
        return FALSE;
      for (guint k = first; good && k < chosen->len; k += 3)
        {
          Box other = read_box (boxes, batch * n + g_array_index (chosen, gint64, k + 2), centred);

          good = get_overlap (&box, &other) <= overlap;
        }
      if (good)
        g_array_append_vals (chosen, row, 3);
    }
  return TRUE;
}

static gboolean
expand_suppression (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  g_autoptr (GArray) chosen = g_array_new (FALSE, FALSE, sizeof (gint64));
  const SagTensor *boxes, *scores;
  SagTensor *rows;
  gint64 work = MOST_PAIRS;

  if (!sag_node_arity (node, 2, error) || !sag_node_want_float (node, 0, error) || !sag_node_want_float (node, 1, error))
    return FALSE;
  boxes = sag_node_input (node, 0)->constant;
  scores = sag_node_input (node, 1)->constant;
  if (boxes->shape.rank != 3 || scores->shape.rank != 3 || boxes->shape.dim[2] != 4
      || boxes->shape.dim[0] != scores->shape.dim[0] || boxes->shape.dim[1] != scores->shape.dim[2]
      || sag_shape_count (&scores->shape) > MOST)
    return sag_node_invalid (node, error, "its boxes and scores do not fit each other");
  for (gint64 i = 0; i < scores->shape.dim[0]; i++)
    for (gint64 k = 0; k < scores->shape.dim[1]; k++)
      if (!select_boxes (node, i, k, boxes, scores, chosen, &work))
        return sag_node_unsupported (node, error, "its boxes are too many to be compared; give it a score threshold");
  rows = sag_tensor_new (SAG_DTYPE_I64, &(SagShape){ 2, { chosen->len / 3, 3 } }, error);
  if (rows == NULL)
    return FALSE;
  if (chosen->len > 0)
    memcpy (rows->owned, chosen->data, sizeof (gint64) * chosen->len);
  sag_build_end (&b, 0, sag_graph_add_constant (node->graph, node->name, rows));
  return TRUE;
}

/* ---- Unique (ONNX 11) -------------------------------------------------------------------- */

/* Slices of a tensor along an axis: slice i has `outer` pieces of `inner` elements. */
typedef struct
{
  const SagTensor *x;
  gint64           n, outer, inner;
} Slices;

static gint64
place_in (const Slices *self, gint64 slice, gint64 k)
{
  return (k / self->inner * self->n + slice) * self->inner + k % self->inner;
}

static int
compare_slices (const Slices *self, gint64 a, gint64 b)
{
  gboolean whole = self->x->dtype != SAG_DTYPE_F32;

  for (gint64 k = 0; k < self->outer * self->inner; k++)
    {
      gint64 p = place_in (self, a, k), q = place_in (self, b, k);
      double u = sag_tensor_get_real (self->x, p), v = sag_tensor_get_real (self->x, q);

      if (whole && u == v)
        {
          gint64 i = sag_tensor_get_int (self->x, p), j = sag_tensor_get_int (self->x, q);

          if (i != j)
            return i < j ? -1 : 1;
        }
      else if (u != v)
        return u < v ? -1 : 1;
    }
  return 0;
}

static int
compare_places (gconstpointer a, gconstpointer b, gpointer data)
{
  gint64 i = *(const gint64 *) a, j = *(const gint64 *) b;
  int order = compare_slices (data, i, j);

  return order != 0 ? order : i < j ? -1 : i > j;
}

static int
compare_firsts (gconstpointer a, gconstpointer b)
{
  const gint64 *i = a, *j = b;

  return *i < *j ? -1 : *i > *j;
}

static gboolean
give_ints (SagBuild *b, int output, const gint64 *values, gint64 n, GError **error)
{
  SagTensor *tensor = sag_tensor_new (SAG_DTYPE_I64, &(SagShape){ 1, { n } }, error);

  if (tensor == NULL)
    return FALSE;
  if (n > 0)
    memcpy (tensor->owned, values, sizeof *values * (gsize) n);
  sag_build_end (b, output, sag_graph_add_constant (b->node->graph, b->node->name, tensor));
  return TRUE;
}

static gboolean
expand_unique (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  const SagTensor *x;
  gboolean flat = sag_node_attribute (node, "axis") == NULL;
  g_autofree gint64 *order = NULL, *firsts = NULL, *counts = NULL, *inverse = NULL, *rank = NULL;
  gint64 n = 0, size;
  Slices slices;
  SagShape shape;
  SagTensor *y;
  int axis;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  x = sag_node_input (node, 0)->constant;
  shape = flat ? (SagShape){ 1, { sag_shape_count (&x->shape) } } : x->shape;
  axis = flat ? 0 : sag_axis (sag_node_get_int (node, "axis", 0), shape.rank);
  if (axis < 0 || sag_shape_count (&shape) > MOST || sag_shape_count (&shape) < 1)
    return sag_node_unsupported (node, error, "its axis or size is out of range");
  slices = (Slices){ x, shape.dim[axis], sag_shape_product (&shape, 0, axis), sag_shape_product (&shape, axis + 1, shape.rank) };
  order = g_new (gint64, slices.n);
  firsts = g_new (gint64, slices.n);
  counts = g_new0 (gint64, slices.n);
  inverse = g_new (gint64, slices.n);
  rank = g_new (gint64, slices.n);
  for (gint64 i = 0; i < slices.n; i++)
    order[i] = i;
  g_qsort_with_data (order, (gint) slices.n, sizeof *order, compare_places, &slices);
  for (gint64 i = 0; i < slices.n; i++) /* firsts: of each group; rank: which one begins there */
    {
      if (i == 0 || compare_slices (&slices, order[i - 1], order[i]) != 0)
        firsts[n++] = order[i];
      inverse[order[i]] = firsts[n - 1];
    }
  if (sag_node_get_int (node, "sorted", 1) == 0)
    qsort (firsts, (gsize) n, sizeof *firsts, compare_firsts);
  for (gint64 i = 0; i < n; i++)
    rank[firsts[i]] = i;
  for (gint64 i = 0; i < slices.n; i++)
    {
      inverse[i] = rank[inverse[i]];
      counts[inverse[i]]++;
    }
  shape.dim[axis] = n;
  y = sag_tensor_new (x->dtype, &shape, error);
  if (y == NULL)
    return FALSE;
  size = (gint64) sag_dtype_size (x->dtype);
  for (gint64 o = 0; o < slices.outer; o++)
    for (gint64 i = 0; i < n; i++)
      memcpy ((char *) y->owned + (o * n + i) * slices.inner * size,
              (const char *) x->data + (o * slices.n + firsts[i]) * slices.inner * size, (gsize) (slices.inner * size));
  sag_build_end (&b, 0, sag_graph_add_constant (node->graph, node->name, y));
  return give_ints (&b, 1, firsts, n, error) && give_ints (&b, 2, inverse, slices.n, error)
         && give_ints (&b, 3, counts, n, error);
}

const SagOp sag_ops_select[] = {
  { "NonMaxSuppression", "", .expand = expand_suppression, .needs = 31 },
  { "Unique", "", .expand = expand_unique, .needs = 1 },
  { NULL },
};
