/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink-prune.c: structured channel pruning: fewer channels, the graph rewired.
 *
 * shrink-walk.c finds which channels go together, and what lies along them; here those of little
 * weight are chosen and cut out everywhere.
 */
#include "engine/nn/shrink.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-write.h"
#include "engine/nn/shrink-walk.h"

#include <math.h>
#include <string.h>

/* --- choosing ------------------------------------------------------------------------------ */

static int
maker_root (GArray *makers, int m)
{
  while (g_array_index (makers, SagMaker, m).parent != m)
    m = g_array_index (makers, SagMaker, m).parent;
  return m;
}

/* The sum of squares of each slice, over their mean; adds to `scores`. */
static void
add_norms (SagWalk *self, const SagMaker *maker, double *scores)
{
  const SagTensor *tensor = maker->weight->tensor;
  const float     *values = tensor->data;
  gint64           inner = sag_shape_product (&tensor->shape, maker->axis + 1, tensor->shape.rank);
  gint64           n = sag_shape_count (&tensor->shape);
  g_autofree double *squares = g_new0 (double, MAX (maker->track.n, 1));
  double             total = 0;

  for (gint64 i = 0; i < n; i++)
    squares[i / inner % maker->track.n] += (double) values[i] * values[i];
  for (int c = 0; c < maker->track.n; c++)
    total += squares[c];
  for (int c = 0; c < maker->track.n && total > 0; c++)
    scores[sag_walk_root (self, maker->track.ids[c])] += squares[c] * maker->track.n / total;
}

typedef struct
{
  double score;
  int    id;
} Scored;

static int
compare_scored (gconstpointer a, gconstpointer b)
{
  const Scored *x = a, *y = b;

  return x->score != y->score ? (x->score > y->score) - (x->score < y->score)
                              : (x->id > y->id) - (x->id < y->id);
}

/* Marks the channels of one set of tied makers that go; returns how many. */
static int
choose (
    SagWalk *self, int set, const double *scores, double fraction, gboolean *gone, GPtrArray *notes)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GArray) free_ones = g_array_new (FALSE, FALSE, sizeof (Scored));
  const char *why = NULL;
  int         n, n_gone, kept;

  for (guint m = 0; m < self->makers->len; m++)
    {
      const SagMaker *maker = &g_array_index (self->makers, SagMaker, m);

      if (maker_root (self->makers, (int) m) != set)
        continue;
      for (int c = 0; c < maker->track.n; c++)
        {
          Scored scored = { 0, sag_walk_root (self, maker->track.ids[c]) };

          if (!g_hash_table_add (seen, GINT_TO_POINTER (scored.id)))
            continue;
          scored.score = scores[scored.id];
          if (self->fixed->pdata[scored.id] == NULL)
            g_array_append_val (free_ones, scored);
          else
            why = self->fixed->pdata[scored.id];
        }
    }
  n = (int) g_hash_table_size (seen);
  if (why != NULL && notes != NULL)
    g_ptr_array_add (notes,
                     g_strdup_printf ("The channels of '%s' stay: they meet %s",
                                      g_array_index (self->makers, SagMaker, set).node->name, why));
  n_gone = MIN ((int) (fraction * n), (int) free_ones->len);
  kept = n - n_gone;
  if (n >= 16)
    kept = MIN (n, (kept + 3) / 4 * 4);
  n_gone = MIN (n - MAX (kept, 1), (int) free_ones->len);
  g_array_sort (free_ones, compare_scored);
  for (int i = 0; i < n_gone; i++)
    gone[g_array_index (free_ones, Scored, i).id] = TRUE;
  return MAX (n_gone, 0);
}

static int
choose_all (SagWalk *self, double fraction, gboolean *gone, GPtrArray *notes)
{
  g_autofree double *scores = g_new0 (double, self->parent->len + 1);
  g_autofree int    *owner = g_new (int, self->parent->len + 1);
  int                n_gone = 0;

  for (guint id = 0; id < self->parent->len; id++)
    owner[id] = -1;
  for (guint m = 0; m < self->makers->len; m++)
    {
      SagMaker *maker = &g_array_index (self->makers, SagMaker, m);

      add_norms (self, maker, scores);
      for (int c = 0; c < maker->track.n; c++)
        {
          int root = sag_walk_root (self, maker->track.ids[c]);

          if (owner[root] < 0)
            owner[root] = (int) m;
          else
            {
              int a = maker_root (self->makers, owner[root]), b = maker_root (self->makers, (int) m);

              g_array_index (self->makers, SagMaker, MAX (a, b)).parent = MIN (a, b);
            }
        }
    }
  for (guint m = 0; m < self->makers->len; m++)
    if (maker_root (self->makers, (int) m) == (int) m)
      n_gone += choose (self, (int) m, scores, fraction, gone, notes);
  return n_gone;
}

/* --- rewiring ------------------------------------------------------------------------------ */

static int
count_kept (SagWalk *self, const SagTrack *track, const gboolean *gone)
{
  int n = 0;

  for (int c = 0; c < track->n; c++)
    n += !gone[sag_walk_root (self, track->ids[c])];
  return n;
}

/* The node's own copy of a weight that others read too. */
static SagOnnxWeight *
own_weight (SagWalk *self, SagOnnxNode *node, int input, GError **error)
{
  const char    *name = sag_onnx_node_input (node, input);
  SagOnnxWeight *weight = sag_onnx_model_find (self->model, name);
  SagTensor     *copy;

  if (weight == NULL || sag_onnx_model_count_readers (self->model, name) == 1)
    return weight;
  copy = sag_tensor_copy (weight->tensor, error);
  if (copy != NULL)
    {
      g_autofree char *fresh_name =
          g_strdup_printf ("%s.%s.%d", name, (char *) node->outputs->pdata[0], input);

      weight = sag_onnx_model_add (self->model, fresh_name, weight->type, copy);
      sag_onnx_node_set_input (node, input, fresh_name);
      return weight;
    }
  return NULL;
}

static gboolean
slice (SagWalk *self, const SagSliceJob *job, const gboolean *gone, GError **error)
{
  SagOnnxWeight *weight =
      sag_onnx_model_find (self->model, sag_onnx_node_input (job->node, job->input));
  gint64       inner, at = 0;
  SagTensor   *sliced;
  const float *from;
  SagShape     shape;

  /* A bias that is not there, or one number for all channels. */
  if (weight == NULL || weight->tensor->shape.rank <= job->axis
      || weight->tensor->shape.dim[job->axis] != job->track.n)
    return TRUE;
  weight = own_weight (self, job->node, job->input, error);
  if (weight == NULL)
    return FALSE;
  shape = weight->tensor->shape;
  inner = sag_shape_product (&shape, job->axis + 1, shape.rank);
  shape.dim[job->axis] = count_kept (self, &job->track, gone);
  sliced = sag_tensor_new (SAG_DTYPE_F32, &shape, error);
  if (sliced == NULL)
    return FALSE;
  from = weight->tensor->data;
  for (gint64 i = 0; i < sag_shape_count (&weight->tensor->shape); i++)
    if (!gone[sag_walk_root (self, job->track.ids[i / inner % job->track.n])])
      ((float *)sliced->owned)[at++] = from[i];
  sag_onnx_weight_set (weight, sliced);
  return TRUE;
}

static gboolean
set_entry (SagWalk *self, const SagSliceJob *job, const gboolean *gone, GError **error)
{
  SagOnnxWeight *weight = own_weight (self, job->node, job->input, error);
  SagTensor     *copy = weight != NULL ? sag_tensor_copy (weight->tensor, error) : NULL;

  if (copy == NULL)
    return FALSE;
  ((gint64 *) copy->owned)[job->axis] = count_kept (self, &job->track, gone);
  sag_onnx_weight_set (weight, copy);
  return TRUE;
}

/* The sizes of all outputs anew, from the jobs of this node; done at its first. */
static gboolean
set_split (SagWalk *self, const SagSliceJob *job, const gboolean *gone, GError **error)
{
  gint64 sizes[64] = { 0 };
  int    n = (int) job->node->outputs->len;

  if (job->input != 0)
    return TRUE;
  for (guint j = 0; j < self->jobs->len; j++)
    {
      const SagSliceJob *other = &g_array_index (self->jobs, SagSliceJob, j);

      if (other->node == job->node && other->kind == SAG_SLICE_SPLIT && other->input < 64)
        sizes[other->input] = count_kept (self, &other->track, gone);
    }
  if (self->model->opset < 13)
    sag_onnx_node_set_ints (job->node, "split", sizes, n);
  else
    {
      g_autofree char *name = g_strconcat (job->node->outputs->pdata[0], ".split", NULL);
      SagShape         shape = { 1, { n } };
      SagTensor       *tensor = sag_tensor_new (SAG_DTYPE_I64, &shape, error);

      if (tensor == NULL)
        return FALSE;
      memcpy (tensor->owned, sizes, sizeof *sizes * (gsize) n);
      sag_onnx_model_add (self->model, name, SAG_ONNX_INT64, tensor);
      sag_onnx_node_set_input (job->node, 1, name);
      sag_onnx_node_remove_attribute (job->node, "num_outputs");
    }
  return TRUE;
}

static gboolean
do_job (SagWalk *self, const SagSliceJob *job, const gboolean *gone, GError **error)
{
  if (job->kind != SAG_SLICE_SPLIT && count_kept (self, &job->track, gone) == job->track.n)
    return TRUE;
  switch (job->kind)
    {
    case SAG_SLICE_WEIGHT:
      return slice (self, job, gone, error);
    case SAG_SLICE_ENTRY:
      return set_entry (self, job, gone, error);
    case SAG_SLICE_GROUP:
      sag_onnx_node_set_int (job->node, "group", count_kept (self, &job->track, gone));
      return TRUE;
    case SAG_SLICE_SPLIT:
      return set_split (self, job, gone, error);
    }
  g_assert_not_reached ();
}

int
sag_shrink_prune (
    SagOnnxModel *model, GHashTable *shapes, double fraction, GPtrArray *notes, GError **error)
{
  SagWalk              self;
  g_autofree gboolean *gone = NULL;
  int                  n_gone;

  sag_walk_init (&self, model, shapes);
  gone = g_new0 (gboolean, self.parent->len + 1);
  n_gone = choose_all (&self, fraction, gone, notes);
  for (guint j = 0; n_gone > 0 && j < self.jobs->len; j++)
    if (!do_job (&self, &g_array_index (self.jobs, SagSliceJob, j), gone, error))
      n_gone = -1;
  sag_onnx_model_clean (model);
  sag_walk_clear (&self);
  return n_gone;
}
