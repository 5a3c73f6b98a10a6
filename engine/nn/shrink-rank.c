/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink-rank.c: weights as products of smaller ones.
 *
 * A convolution's weight W [O][I][K] (K: places of the kernel) is projected onto the first
 * eigenvectors of its Gram matrices over outputs and over inputs, which are its singular vectors of
 * those modes:
 *
 *     1 x 1, I -> r     then  K places, r -> s     then  1 x 1, s -> O
 *
 * whichever of the three forms (both ends, outputs only, inputs only) costs least. A matrix product
 * is the same with K = 1.
 */
#include "engine/nn/shrink.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-write.h"

#include <math.h>
#include <string.h>

/* Cheaper than this part of what it was, or it is not worth a layer more. */
#define WORTH 0.9

/* --- eigenvectors -------------------------------------------------------------------------- */

/* Householder reflections make `a` tridiagonal: d its diagonal, e[1..] what lies beside it; the
 * product of the reflections goes to v as columns. */
static void
tridiagonalise (const double *a, int n, double *v, double *d, double *e)
{
  g_autofree double *h = g_new (double, n), *p = g_new (double, n);
  g_autofree double *b = g_memdup2 (a, sizeof *a * (gsize) n * (gsize) n);

  memset (v, 0, sizeof *v * (gsize) n * (gsize) n);
  for (int i = 0; i < n; i++)
    v[i * n + i] = 1;
  memset (e, 0, sizeof *e * (gsize) n);
  for (int k = 0; k < n - 1; k++)
    {
      /* Row k right of the diagonal onto its first element: H = 1 - 2 h h' / h'h. */
      double norm = 0, scale, sum = 0;

      for (int i = k + 1; i < n; i++)
        norm += b[k * n + i] * b[k * n + i];
      norm = sqrt (norm);
      e[k + 1] = b[k * n + k + 1];
      if (k == n - 2 || norm <= fabs (e[k + 1]) * (1 + 1e-15))
        continue;
      e[k + 1] = b[k * n + k + 1] > 0 ? -norm : norm;
      for (int i = k + 1; i < n; i++)
        h[i] = b[k * n + i];
      h[k + 1] -= e[k + 1];
      for (int i = k + 1; i < n; i++)
        sum += h[i] * h[i];
      scale = 2 / sum;
      /* B = H B H on what is left, by w = s B h - (s^2 h'Bh / 2) h. */
      sum = 0;
      for (int i = k + 1; i < n; i++)
        {
          double dot = 0;

          for (int j = k + 1; j < n; j++)
            dot += b[i * n + j] * h[j];
          p[i] = scale * dot;
          sum += p[i] * h[i];
        }
      for (int i = k + 1; i < n; i++)
        p[i] -= scale * sum / 2 * h[i];
      for (int i = k + 1; i < n; i++)
        for (int j = k + 1; j < n; j++)
          b[i * n + j] -= h[i] * p[j] + p[i] * h[j];
      for (int i = 0; i < n; i++)
        {
          double dot = 0;

          for (int j = k + 1; j < n; j++)
            dot += v[i * n + j] * h[j];
          for (int j = k + 1; j < n; j++)
            v[i * n + j] -= scale * dot * h[j];
        }
    }
  for (int i = 0; i < n; i++)
    d[i] = b[i * n + i];
}

/* Implicit QL steps with Wilkinson's shift; the rows of v turn along. */
static void
diagonalise (int n, double *d, double *e, double *v)
{
  for (int i = 1; i < n; i++)
    e[i - 1] = e[i];
  e[n - 1] = 0;
  for (int l = 0; l < n; l++)
    for (int step = 0; step < 60; step++)
      {
        double g, r, s = 1, c = 1, p = 0;
        int    m = l, i;

        while (m < n - 1 && fabs (e[m]) > 1e-16 * (fabs (d[m]) + fabs (d[m + 1])))
          m++;
        if (m == l)
          break;
        g = (d[l + 1] - d[l]) / (2 * e[l]);
        r = sqrt (g * g + 1);
        g = d[m] - d[l] + e[l] / (g + (g < 0 ? -r : r));
        for (i = m - 1; i >= l; i--)
          {
            double f = s * e[i], b = c * e[i];

            r = sqrt (f * f + g * g);
            e[i + 1] = r;
            if (r == 0)
              {
                d[i + 1] -= p;
                e[m] = 0;
                break;
              }
            s = f / r;
            c = g / r;
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            for (int k = 0; k < n; k++)
              {
                double x = v[i * n + k], y = v[(i + 1) * n + k];

                v[(i + 1) * n + k] = s * x + c * y;
                v[i * n + k] = c * x - s * y;
              }
          }
        if (r == 0 && i >= l)
          continue;
        d[l] -= p;
        e[l] = g;
        e[m] = 0;
      }
}

void
sag_eigen_symmetric (const double *a, int n, double *vectors, double *values)
{
  g_autofree double *beside = g_new (double, n);

  tridiagonalise (a, n, vectors, values, beside);
  for (int i = 0; i < n; i++) /* columns to rows */
    for (int j = i + 1; j < n; j++)
      {
        double kept = vectors[i * n + j];

        vectors[i * n + j] = vectors[j * n + i];
        vectors[j * n + i] = kept;
      }
  diagonalise (n, values, beside, vectors);
  for (int i = 0; i < n; i++) /* greatest first */
    {
      int    best = i;
      double value = values[i];

      for (int k = i + 1; k < n; k++)
        if (values[k] > values[best])
          best = k;
      values[i] = values[best];
      values[best] = value;
      for (int k = 0; k < n && best != i; k++)
        {
          double kept = vectors[i * n + k];

          vectors[i * n + k] = vectors[best * n + k];
          vectors[best * n + k] = kept;
        }
    }
}

/* --- one weight ---------------------------------------------------------------------------- */

enum
{
  BOTH,
  OUTPUTS,
  INPUTS,
  N_FORMS
};

/* W [o][i][k] in double, and its singular vectors as rows over outputs and over inputs. */
typedef struct
{
  int     o, i, k;
  double *w;
  double *out, *in; /* [o][o], [i][i] */
  int     out_rank, in_rank;
} Factors;

static void
factors_clear (Factors *self)
{
  g_free (self->w);
  g_free (self->out);
  g_free (self->in);
}

/* Singular vectors of one mode, and how many keep the energy. */
static double *
get_vectors (const Factors *self, gboolean over_inputs, double energy, int *rank)
{
  int                n = over_inputs ? self->i : self->o, others = over_inputs ? self->o : self->i;
  double            *vectors = g_new (double, (gsize) n *(gsize) n);
  g_autofree double *gram = g_new0 (double, (gsize) n *(gsize) n);
  g_autofree double *values = g_new (double, n);
  double             total = 0, sum = 0;

  for (int a = 0; a < n; a++)
    for (int b = a; b < n; b++)
      {
        double dot = 0;

        for (int c = 0; c < others; c++)
          {
            const double *x =
                self->w
                + ((gsize) (over_inputs ? c : a) * self->i + (gsize) (over_inputs ? a : c)) * self->k;
            const double *y =
                self->w
                + ((gsize) (over_inputs ? c : b) * self->i + (gsize) (over_inputs ? b : c)) * self->k;

            for (int k = 0; k < self->k; k++)
              dot += x[k] * y[k];
          }
        gram[a * n + b] = gram[b * n + a] = dot;
      }
  sag_eigen_symmetric (gram, n, vectors, values);
  for (int a = 0; a < n; a++)
    total += MAX (values[a], 0);
  for (*rank = 0; *rank < n && sum < energy * total; (*rank)++)
    sum += MAX (values[*rank], 0);
  *rank = MAX (*rank, 1);
  return vectors;
}

/* The weight with outputs projected to the first `r` vectors, or inputs to the first `s`, or both;
 * 0: not projected. [r or o][s or i][k]; caller frees. */
static double *
project (const Factors *self, int r, int s)
{
  int                n_out = r > 0 ? r : self->o, n_in = s > 0 ? s : self->i;
  g_autofree double *half = g_new0 (double, (gsize) n_out *(gsize) self->i *(gsize) self->k);
  double            *core = g_new0 (double, (gsize) n_out *(gsize) n_in *(gsize) self->k);
  gsize              row = (gsize) self->i * (gsize) self->k;

  for (int a = 0; a < n_out; a++)
    for (int o = 0; o < self->o; o++)
      {
        double factor = r > 0 ? self->out[a * self->o + o] : a == o;

        for (gsize x = 0; x < row && factor != 0; x++)
          half[(gsize) a * row + x] += factor * self->w[(gsize) o * row + x];
      }
  for (int a = 0; a < n_out; a++)
    for (int b = 0; b < n_in; b++)
      for (int i = 0; i < self->i; i++)
        {
          double factor = s > 0 ? self->in[b * self->i + i] : b == i;

          for (int k = 0; k < self->k && factor != 0; k++)
            core[((gsize) a * n_in + b) * self->k + k] +=
                factor * half[(gsize) a * row + (gsize) i * self->k + k];
        }
  return core;
}

/* --- the graph ----------------------------------------------------------------------------- */

static gboolean
add_weight (SagOnnxModel *model,
            const char   *name,
            const double *values,
            int           rank,
            const gint64 *dims,
            GError      **error)
{
  SagShape   shape = { .rank = rank };
  SagTensor *tensor;

  memcpy (shape.dim, dims, sizeof *dims * (gsize) rank);
  tensor = sag_tensor_new (SAG_DTYPE_F32, &shape, error);
  if (tensor == NULL)
    return FALSE;
  for (gint64 i = 0; i < sag_shape_count (&shape); i++)
    ((float *)tensor->owned)[i] = (float) values[i];
  sag_onnx_model_add (model, name, SAG_ONNX_FLOAT, tensor);
  return TRUE;
}

/* A 1 x 1 convolution from `n_in` to `n_out` channels with weight [n_out][n_in], or the transposed
 * of `values`; NULL without memory. */
static SagOnnxNode *
add_one_by_one (SagOnnxModel *model,
                int           at,
                const char   *name,
                const double *values,
                int           n_out,
                int           n_in,
                gboolean      transposed,
                int           rank,
                GError      **error)
{
  g_autofree double *w = g_new (double, (gsize) n_out *(gsize) n_in);
  g_autofree char   *weight = g_strconcat (name, ".weight", NULL);
  gint64             dims[SAG_MAX_RANK] = { n_out, n_in, 1, 1, 1, 1, 1, 1 };
  SagOnnxNode       *node;

  for (int o = 0; o < n_out; o++)
    for (int i = 0; i < n_in; i++)
      w[o * n_in + i] = transposed ? values[i * n_out + o] : values[o * n_in + i];
  if (!add_weight (model, weight, w, rank, dims, error))
    return NULL;
  node = sag_onnx_model_insert (model, at, "Conv", name);
  sag_onnx_node_set_input (node, 1, weight);
  g_ptr_array_add (node->outputs, g_strdup (name));
  sag_onnx_node_set_ints (node, "kernel_shape", dims + 2, rank - 2);
  return node;
}

/* Node `at` becomes up to three; returns how many came in front of it, -1 on error. */
static int
factor_conv (SagOnnxModel *model, int at, const Factors *f, int r, int s, GError **error)
{
  SagOnnxNode         *node = model->nodes->pdata[at];
  const SagOnnxWeight *weight = sag_onnx_model_find (model, sag_onnx_node_input (node, 1));
  int                  rank = weight->tensor->shape.rank, added = 0;
  const char          *output = node->outputs->pdata[0];
  g_autofree char     *first = g_strconcat (output, ".in", NULL),
                  *core = g_strconcat (output, ".core", NULL),
                  *core_weight = g_strconcat (output, ".core.weight", NULL),
                  *last_weight = g_strconcat (output, ".out.weight", NULL);
  g_autofree double *values = project (f, r, s);
  gint64             dims[SAG_MAX_RANK];
  SagOnnxNode       *middle = node;

  memcpy (dims, weight->tensor->shape.dim, sizeof dims);
  dims[0] = r > 0 ? r : f->o;
  dims[1] = s > 0 ? s : f->i;
  if (!add_weight (model, core_weight, values, rank, dims, error))
    return -1;
  if (s > 0)
    {
      SagOnnxNode *ends = add_one_by_one (model, at, first, f->in, s, f->i, FALSE, rank, error);

      if (ends == NULL)
        return -1;
      sag_onnx_node_set_input (ends, 0, sag_onnx_node_input (node, 0));
      sag_onnx_node_set_input (node, 0, first);
      added++;
    }
  if (r > 0)
    {
      static const char *const attributes[] = { "auto_pad", "dilations", "kernel_shape", "pads",
                                                "strides" };
      g_autofree double       *out = g_new (double, (gsize) f->o *(gsize) r);
      gint64                   ones[SAG_MAX_RANK] = { f->o, r, 1, 1, 1, 1, 1, 1 };

      for (int o = 0; o < f->o; o++)
        for (int a = 0; a < r; a++)
          out[o * r + a] = f->out[a * f->o + o];
      if (!add_weight (model, last_weight, out, rank, ones, error))
        return -1;
      middle = sag_onnx_model_insert (model, at + added, "Conv", core);
      sag_onnx_node_set_input (middle, 0, sag_onnx_node_input (node, 0));
      g_ptr_array_add (middle->outputs, g_strdup (core));
      for (gsize a = 0; a < G_N_ELEMENTS (attributes); a++)
        {
          sag_onnx_node_copy_attribute (middle, node, attributes[a]);
          sag_onnx_node_remove_attribute (node, attributes[a]);
        }
      sag_onnx_node_set_ints (node, "kernel_shape", ones + 2, rank - 2);
      sag_onnx_node_set_input (node, 0, core);
      sag_onnx_node_set_input (node, 1, last_weight);
      added++;
    }
  sag_onnx_node_set_input (middle, 1, core_weight);
  return added;
}

/* [.., I] x [I, O] through r numbers of its outputs, or s of its inputs. */
static int
factor_product (SagOnnxModel  *model,
                int            at,
                const Factors *f,
                int            r,
                int            s,
                gboolean       transposed,
                GError       **error)
{
  SagOnnxNode     *node = model->nodes->pdata[at], *first;
  const char      *output = node->outputs->pdata[0];
  g_autofree char *name = g_strconcat (output, ".in", NULL),
                  *in_weight = g_strconcat (output, ".in.weight", NULL),
                  *out_weight = g_strconcat (output, ".out.weight", NULL);
  g_autofree double *core = project (f, r, s); /* [r][i] or [o][s] */
  int                n = r > 0 ? r : s;
  g_autofree double *in = g_new (double, (gsize) f->i *(gsize) n);
  g_autofree double *out = g_new (double, (gsize) f->o *(gsize) n);

  for (int a = 0; a < n; a++)
    {
      for (int i = 0; i < f->i; i++)
        in[i * n + a] = r > 0 ? core[a * f->i + i] : f->in[a * f->i + i];
      for (int o = 0; o < f->o; o++)
        out[transposed ? o * n + a : a * f->o + o] = r > 0 ? f->out[a * f->o + o] : core[o * n + a];
    }
  if (!add_weight (model, in_weight, in, 2, (gint64[]){ f->i, n }, error)
      || !add_weight (model, out_weight, out, 2,
                      transposed ? (gint64[]){ f->o, n } : (gint64[]){ n, f->o }, error))
    return -1;
  first = sag_onnx_model_insert (model, at, "MatMul", name);
  sag_onnx_node_set_input (first, 0, sag_onnx_node_input (node, 0));
  sag_onnx_node_set_input (first, 1, in_weight);
  g_ptr_array_add (first->outputs, g_strdup (name));
  sag_onnx_node_set_input (node, 0, name);
  sag_onnx_node_set_input (node, 1, out_weight);
  return 1;
}

/* Strides multiply what the first 1 x 1 convolution costs for each output. */
static double
get_stride (const SagOnnxNode *node)
{
  int                n;
  g_autofree gint64 *strides = sag_onnx_node_get_ints (node, "strides", &n);
  double             product = 1;

  for (int a = 0; a < n; a++)
    product *= (double) strides[a];
  return product;
}

/* Returns how many nodes came in front of node `at`; 0: it is left; -1 on error. */
static int
factor_node (SagOnnxModel *model, int at, double energy, GPtrArray *notes, GError **error)
{
  SagOnnxNode   *node = model->nodes->pdata[at];
  gboolean       conv = strcmp (node->op, "Conv") == 0, gemm = strcmp (node->op, "Gemm") == 0;
  SagOnnxWeight *weight = sag_onnx_model_find (model, sag_onnx_node_input (node, 1));
  gboolean       transposed = gemm && sag_onnx_node_get_int (node, "transB", 0) != 0;
  Factors        f = { 0 };
  const float   *values;
  double         full, best, cost[N_FORMS], stride = get_stride (node);
  int            form = -1, added = 0;

  if ((!conv && !gemm && strcmp (node->op, "MatMul") != 0) || *node->domain != '\0'
      || weight == NULL || weight->type != SAG_ONNX_FLOAT
      || (conv ? weight->tensor->shape.rank < 3 : weight->tensor->shape.rank != 2)
      || sag_onnx_node_get_int (node, "group", 1) != 1
      || sag_onnx_node_get_int (node, "transA", 0) != 0)
    return 0;
  if (sag_onnx_model_count_readers (model, weight->name) > 1)
    {
      if (notes != NULL)
        g_ptr_array_add (notes,
                         g_strdup_printf ("The weight of '%s' stays: others share it", node->name));
      return 0;
    }
  f.o = (int) weight->tensor->shape.dim[conv || transposed ? 0 : 1];
  f.i = (int) weight->tensor->shape.dim[conv || transposed ? 1 : 0];
  f.k = (int) sag_shape_product (&weight->tensor->shape, 2, weight->tensor->shape.rank);
  if (f.o < 4 || f.i < 4)
    return 0;
  values = weight->tensor->data;
  f.w = g_new (double, (gsize) f.o *(gsize) f.i *(gsize) f.k);
  for (int o = 0; o < f.o; o++)
    for (int i = 0; i < f.i; i++)
      for (int k = 0; k < f.k; k++)
        f.w[((gsize) o * f.i + i) * f.k + k] =
            values[conv || transposed ? ((gsize) o * f.i + i) * f.k + k : (gsize) i * f.o + o];
  /* Of a matrix the singular vectors of one side say it all: the smaller one is quicker. */
  if (f.k > 1 || f.o <= f.i)
    f.out = get_vectors (&f, FALSE, energy, &f.out_rank);
  if (f.k > 1 || f.o > f.i)
    f.in = get_vectors (&f, TRUE, energy, &f.in_rank);
  full = (double) f.o * f.i * f.k;
  cost[BOTH] =
      f.i * f.in_rank * stride + (double) f.in_rank * f.out_rank * f.k + (double) f.out_rank * f.o;
  cost[OUTPUTS] = (double) f.i * f.out_rank * f.k + (double) f.out_rank * f.o;
  cost[INPUTS] = f.i * f.in_rank * stride + (double) f.in_rank * f.o * f.k;
  best = full * WORTH;
  for (int n = 0; n < N_FORMS; n++)
    if (cost[n] < best && (n == INPUTS || f.out != NULL) && (n == OUTPUTS || f.in != NULL))
      {
        best = cost[n];
        form = n;
      }
  if (form >= 0)
    {
      int r = form == INPUTS ? 0 : f.out_rank, s = form == OUTPUTS ? 0 : f.in_rank;

      added = conv ? factor_conv (model, at, &f, r, s, error)
                   : factor_product (model, at, &f, r, s, transposed, error);
    }
  factors_clear (&f);
  return added;
}

int
sag_shrink_low_rank (SagOnnxModel *model, double energy, GPtrArray *notes, GError **error)
{
  int n_factored = 0;

  for (guint n = 0; n < model->nodes->len; n++)
    {
      int added = factor_node (model, (int) n, energy, notes, error);

      if (added < 0)
        return -1;
      n_factored += added > 0;
      n += (guint) added;
    }
  sag_onnx_model_clean (model);
  return n_factored;
}
