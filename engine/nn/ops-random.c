/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-random.c: RandomUniform, RandomNormal, their Like forms, and Bernoulli.
 *
 * Numbers depend on the attribute `seed` (0 where there is none) and the place of the element only, so
 * that every run gives the same, whatever the team and the processor: element i is made of SplitMix64
 * (Steele, Lea and Flood, 2014) of the seed's bits and i, a normal one by Box and Muller's transform.
 */
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

static gboolean
is_normal (const SagNode *node)
{
  return strncmp (node->op->name, "RandomNormal", strlen ("RandomNormal")) == 0;
}

/* The attribute's float types come as F32, like those of the file. */
static gboolean
give (SagNode *node, const SagShape *shape, SagDType otherwise, GError **error)
{
  enum { FLOAT = 1, FLOAT16 = 10, DOUBLE = 11, BFLOAT16 = 16 };
  gint64 type = sag_node_get_int (node, "dtype", 0);

  if (type != 0 && type != FLOAT && type != FLOAT16 && type != DOUBLE && type != BFLOAT16)
    return sag_node_unsupported (node, error, "its type must be a float one");
  return sag_node_give (node, 0, type == 0 ? otherwise : SAG_DTYPE_F32, shape, error);
}

static gboolean
infer_random (SagNode *node, GError **error)
{
  SagShape shape = { 0 };
  const gint64 *dims = sag_node_get_ints (node, "shape", &shape.rank);

  if (!sag_node_arity (node, 0, error))
    return FALSE;
  if (dims == NULL || shape.rank > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "it needs a shape of up to %d axes", SAG_MAX_RANK);
  memcpy (shape.dim, dims, sizeof *dims * (gsize) shape.rank);
  return give (node, &shape, SAG_DTYPE_F32, error);
}

static gboolean
infer_random_like (SagNode *node, GError **error)
{
  return sag_node_arity (node, 1, error)
         && give (node, &sag_node_input (node, 0)->shape, SAG_DTYPE_F32, error);
}

static gboolean
infer_bernoulli (SagNode *node, GError **error)
{
  return sag_node_arity (node, 1, error) && sag_node_want_float (node, 0, error)
         && give (node, &sag_node_input (node, 0)->shape, SAG_DTYPE_F32, error);
}

static guint64
mix (guint64 seed, guint64 i)
{
  guint64 z = seed + (i + 1) * 0x9e3779b97f4a7c15u;

  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* 24 bits: [0, 1). */
static float
unit (guint32 bits)
{
  return (float) (bits >> 8) * 0x1p-24f;
}

static void
fill (gint64 from, gint64 to, int thread, gpointer data)
{
  const SagNode *node = data;
  const SagKernels *kernels = sag_kernels_get ();
  gboolean normal = is_normal (node), chance = strcmp (node->op->name, "Bernoulli") == 0;
  float first = sag_node_get_float (node, normal ? "mean" : "low", 0);
  float second = sag_node_get_float (node, normal ? "scale" : "high", 1);
  float seed = sag_node_get_float (node, "seed", 0);
  float *y = sag_node_output (node, 0)->data;
  guint32 bits;

  memcpy (&bits, &seed, sizeof bits);
  for (gint64 i = from; i < to; i++)
    {
      guint64 z = mix (bits, (guint64) i);
      float u = unit ((guint32) z), v = unit ((guint32) (z >> 32));

      if (chance)
        y[i] = u < ((const float *) sag_node_input (node, 0)->data)[i] ? 1 : 0;
      else if (!normal)
        y[i] = first + (second - first) * u;
      else
        {
          float angle = 6.2831853f * v, left = 1 - u, logarithm, cosine;

          kernels->unary[SAG_UNARY_LOG] (1, &left, &logarithm, 0, 0);
          kernels->unary[SAG_UNARY_COS] (1, &angle, &cosine, 0, 0);
          y[i] = first + second * (sqrtf (-2 * logarithm) * cosine);
        }
    }
}

static void
run_random (const SagStep *step)
{
  sag_range_run (sag_value_count (sag_node_output (step->node, 0)), SAG_GRAIN / 16, fill, step->node);
}

#define RANDOM(name, infer) { name, "", infer, NULL, sag_prepare_nothing, NULL, run_random }

const SagOp sag_ops_random[] = {
  RANDOM ("RandomUniform", infer_random),
  RANDOM ("RandomNormal", infer_random),
  RANDOM ("RandomUniformLike", infer_random_like),
  RANDOM ("RandomNormalLike", infer_random_like),
  RANDOM ("Bernoulli", infer_bernoulli),
  { NULL },
};
