/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-pointwise.c: operators of one element at a time with one input: activations and functions.
 *
 * Floats go through the kernels table where it has the function; what it lacks is rare and runs in
 * plain loops. Any layout.
 */
#include "engine/nn/build.h"
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"
#include "engine/nn/ops-pointwise.h"

#include <math.h>
#include <string.h>

/* Functions the kernels table does not have. */
typedef enum
{
  EXTRA_NONE,
  EXTRA_NEG,
  EXTRA_SIGN,
  EXTRA_SOFTSIGN,
  EXTRA_THRESHOLDED,
  EXTRA_SHRINK,
  EXTRA_CELU,
  EXTRA_TAN,
  EXTRA_IS_NAN,
  EXTRA_IS_INF,
  EXTRA_NOT,
  EXTRA_BITWISE_NOT,
  EXTRA_ATAN,
  EXTRA_ASIN,
  EXTRA_ACOS,
  EXTRA_SINH,
  EXTRA_COSH,
  EXTRA_ASINH,
  EXTRA_ACOSH,
  EXTRA_ATANH,
} Extra;

typedef struct
{
  const char *name;
  int         kernel; /* SagUnary, or -1 */
  Extra       extra;
  float       a, b;
  const char *a_name, *b_name; /* attributes that set them */
} Row;

static const Row rows[] = {
  { "Relu", SAG_UNARY_CLIP, 0, 0, INFINITY },
  { "LeakyRelu", SAG_UNARY_LEAKY, 0, 0.01f, 0, "alpha" },
  { "Elu", SAG_UNARY_ELU, 0, 1, 1, "alpha" },
  { "Selu", SAG_UNARY_ELU, 0, 1.67326319217681884765625f, 1.05070102214813232421875f, "alpha",
    "gamma" },
  { "Celu", -1, EXTRA_CELU, 1, 0, "alpha" },
  { "HardSigmoid", SAG_UNARY_HARD_SIGMOID, 0, 0.2f, 0.5f, "alpha", "beta" },
  { "HardSwish", SAG_UNARY_HARD_SWISH, 0, 1.0f / 6, 0.5f },
  { "Sigmoid", SAG_UNARY_SIGMOID },
  { "Tanh", SAG_UNARY_TANH },
  { "Silu", SAG_UNARY_SILU, 0, 1 },
  { "Swish", SAG_UNARY_SILU, 0, 1, 0, "alpha" },
  { "QuickGelu", SAG_UNARY_SILU, 0, 1.702f, 0, "alpha" },
  { "Gelu", SAG_UNARY_GELU_ERF },
  { "FastGelu", SAG_UNARY_GELU_TANH },
  { "Softplus", SAG_UNARY_SOFTPLUS },
  { "Mish", SAG_UNARY_MISH },
  { "Exp", SAG_UNARY_EXP },
  { "Log", SAG_UNARY_LOG },
  { "Erf", SAG_UNARY_ERF },
  { "Sqrt", SAG_UNARY_SQRT },
  { "Reciprocal", SAG_UNARY_RECIPROCAL },
  { "Abs", SAG_UNARY_ABS },
  { "Floor", SAG_UNARY_FLOOR },
  { "Ceil", SAG_UNARY_CEIL },
  { "Round", SAG_UNARY_ROUND },
  { "Sin", SAG_UNARY_SIN },
  { "Cos", SAG_UNARY_COS },
  { "Tan", -1, EXTRA_TAN },
  { "Neg", -1, EXTRA_NEG },
  { "Sign", -1, EXTRA_SIGN },
  { "Softsign", -1, EXTRA_SOFTSIGN },
  { "ThresholdedRelu", -1, EXTRA_THRESHOLDED, 1, 0, "alpha" },
  { "Shrink", -1, EXTRA_SHRINK, 0.5f, 0, "lambd", "bias" },
  { "IsNaN", -1, EXTRA_IS_NAN },
  { "IsInf", -1, EXTRA_IS_INF },
  { "Not", -1, EXTRA_NOT },
  { "BitwiseNot", -1, EXTRA_BITWISE_NOT },
  { "Atan", -1, EXTRA_ATAN },
  { "Asin", -1, EXTRA_ASIN },
  { "Acos", -1, EXTRA_ACOS },
  { "Sinh", -1, EXTRA_SINH },
  { "Cosh", -1, EXTRA_COSH },
  { "Asinh", -1, EXTRA_ASINH },
  { "Acosh", -1, EXTRA_ACOSH },
  { "Atanh", -1, EXTRA_ATANH },
  { "Clip", SAG_UNARY_CLIP, 0, -INFINITY, INFINITY },
};

static const Row *
find_row (const SagNode *node)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strcmp (rows[i].name, node->op->name) == 0)
      return &rows[i];
  g_assert_not_reached ();
}

static void
parameters (const SagNode *node, const Row *row, int *kernel, float *a, float *b)
{
  *kernel = row->kernel;
  *a = row->a_name != NULL ? sag_node_get_float (node, row->a_name, row->a) : row->a;
  *b = row->b_name != NULL ? sag_node_get_float (node, row->b_name, row->b) : row->b;
  if (strcmp (row->name, "Gelu") == 0
      && strcmp (sag_node_get_string (node, "approximate", "none"), "tanh") == 0)
    *kernel = SAG_UNARY_GELU_TANH;
  if (row->kernel == SAG_UNARY_ELU && row->b_name != NULL) /* Selu: gamma scales both sides */
    *a *= *b;
}

/* Clip before operator set 11 has attributes, after it inputs, which may be computed. */
static void
clip_limits (const SagNode *node, double *lo, double *hi)
{
  const SagValue *min = sag_node_input (node, 1), *max = sag_node_input (node, 2);

  *lo = sag_node_get_float (node, "min", -INFINITY);
  *hi = sag_node_get_float (node, "max", INFINITY);
  for (int i = 0; i < 2; i++)
    {
      const SagValue *value = i == 0 ? min : max;

      if (value != NULL)
        *(i == 0 ? lo : hi) = sag_tensor_get_real (
          &(SagTensor) { .dtype = value->dtype, .shape = value->shape, .data = value->data }, 0);
    }
}

gboolean
sag_node_activation (const SagNode *node, SagFused *fused)
{
  static const struct
  {
    SagUnary      kernel;
    SagActivation activation;
  } pairs[] = {
    { SAG_UNARY_LEAKY, SAG_ACTIVATION_LEAKY },
    { SAG_UNARY_ELU, SAG_ACTIVATION_ELU },
    { SAG_UNARY_SIGMOID, SAG_ACTIVATION_SIGMOID },
    { SAG_UNARY_TANH, SAG_ACTIVATION_TANH },
    { SAG_UNARY_SILU, SAG_ACTIVATION_SILU },
    { SAG_UNARY_GELU_ERF, SAG_ACTIVATION_GELU },
    { SAG_UNARY_GELU_TANH, SAG_ACTIVATION_GELU_TANH },
    { SAG_UNARY_HARD_SIGMOID, SAG_ACTIVATION_HSIGMOID },
    { SAG_UNARY_HARD_SWISH, SAG_ACTIVATION_HSWISH },
    { SAG_UNARY_SOFTPLUS, SAG_ACTIVATION_SOFTPLUS },
  };
  const Row *row;
  int kernel;
  double lo, hi;

  if (node->op->run != sag_unary_run || sag_node_output (node, 0)->dtype != SAG_DTYPE_F32)
    return FALSE;
  row = find_row (node);
  *fused = (SagFused) { 0 };
  parameters (node, row, &kernel, &fused->alpha, &fused->beta);
  if (strcmp (row->name, "Clip") == 0)
    {
      for (int i = 1; i <= 2; i++)
        if (sag_node_input (node, i) != NULL && sag_node_input (node, i)->constant == NULL)
          return FALSE;
      clip_limits (node, &lo, &hi);
      fused->activation = SAG_ACTIVATION_CLIP;
      fused->alpha = (float) lo;
      fused->beta = (float) hi;
      return lo <= hi;
    }
  if (strcmp (row->name, "Relu") == 0)
    {
      fused->activation = SAG_ACTIVATION_RELU;
      return TRUE;
    }
  if ((kernel == SAG_UNARY_ELU && fused->beta != 1)
      || (kernel == SAG_UNARY_SILU && fused->alpha != 1))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    if ((int) pairs[i].kernel == kernel)
      {
        fused->activation = pairs[i].activation;
        return TRUE;
      }
  return FALSE;
}

static gboolean
infer_unary (SagNode *node, GError **error)
{
  const Row *row = find_row (node);
  const SagValue *x = sag_node_input (node, 0);
  SagDType dtype;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  dtype = x->dtype;
  if (row->extra == EXTRA_NOT && dtype != SAG_DTYPE_BOOL)
    return sag_node_invalid (node, error, "its input is not of bools");
  if ((row->extra == EXTRA_IS_NAN || row->extra == EXTRA_IS_INF)
      && !sag_node_want_float (node, 0, error))
    return FALSE;
  if (row->extra == EXTRA_BITWISE_NOT && (dtype == SAG_DTYPE_F32 || dtype == SAG_DTYPE_BOOL))
    return sag_node_invalid (node, error, "its input is not of integers");
  if (row->extra == EXTRA_IS_NAN || row->extra == EXTRA_IS_INF || row->extra == EXTRA_NOT)
    dtype = SAG_DTYPE_BOOL;
  else if (dtype != SAG_DTYPE_F32
           && !(row->kernel == SAG_UNARY_CLIP || row->kernel == SAG_UNARY_ABS
                || row->extra == EXTRA_NEG || row->extra == EXTRA_SIGN
                || row->extra == EXTRA_BITWISE_NOT))
    return sag_node_want_float (node, 0, error);
  for (int i = 1; i <= 2; i++)
    if (sag_node_input (node, i) != NULL && sag_value_count (sag_node_input (node, i)) != 1)
      return sag_node_invalid (node, error, "input %d must be one number", i);
  return sag_node_give (node, 0, dtype, &x->shape, error);
}

typedef struct
{
  const Row  *row;
  SagUnaryFn  fn;
  float       a, b;
  double      lo, hi; /* Clip of integers */
  int         plus, minus; /* IsInf */
  const void *x;
  void       *y;
  SagDType    dtype;
} UnaryRun;

#define INT_LOOP(type, expression)                                                             \
  {                                                                                            \
    const type *x = run->x;                                                                    \
    type *y = run->y;                                                                          \
                                                                                               \
    for (gint64 i = from; i < to; i++)                                                         \
      y[i] = (type) (expression);                                                              \
    break;                                                                                     \
  }

#define SIGNED_CASES(expression)                                                               \
  case SAG_DTYPE_I64:                                                                          \
    INT_LOOP (gint64, expression)                                                              \
  case SAG_DTYPE_I32:                                                                          \
    INT_LOOP (gint32, expression)                                                              \
  case SAG_DTYPE_I16:                                                                          \
    INT_LOOP (gint16, expression)                                                              \
  case SAG_DTYPE_I8:                                                                           \
    INT_LOOP (gint8, expression)

#define UNSIGNED_CASES(expression)                                                             \
  case SAG_DTYPE_U64:                                                                          \
    INT_LOOP (guint64, expression)                                                             \
  case SAG_DTYPE_U32:                                                                          \
    INT_LOOP (guint32, expression)                                                             \
  case SAG_DTYPE_U16:                                                                          \
    INT_LOOP (guint16, expression)                                                             \
  case SAG_DTYPE_U8:                                                                           \
  case SAG_DTYPE_BOOL:                                                                         \
    INT_LOOP (guint8, expression)

static void
run_integers (const UnaryRun *run, gint64 from, gint64 to)
{
  /* Unsigned arithmetic wraps where the signed one would be undefined. */
  if (run->row->extra == EXTRA_NEG)
    switch (run->dtype)
      {
        SIGNED_CASES (0 - (guint64) x[i])
        UNSIGNED_CASES (0 - (guint64) x[i])
      default:
        break;
      }
  else if (run->row->extra == EXTRA_BITWISE_NOT)
    switch (run->dtype)
      {
        SIGNED_CASES (~x[i])
        UNSIGNED_CASES (~x[i])
      default:
        break;
      }
  else if (run->row->extra == EXTRA_SIGN)
    switch (run->dtype)
      {
        SIGNED_CASES ((x[i] > 0) - (x[i] < 0))
        UNSIGNED_CASES (x[i] > 0)
      default:
        break;
      }
  else if (run->row->kernel == SAG_UNARY_ABS)
    switch (run->dtype)
      {
        SIGNED_CASES (x[i] < 0 ? 0 - (guint64) x[i] : (guint64) x[i])
        UNSIGNED_CASES (x[i])
      default:
        break;
      }
  else /* Relu and Clip */
    switch (run->dtype)
      {
        SIGNED_CASES ((double) x[i] > run->hi ? run->hi : (double) x[i] < run->lo ? run->lo : x[i])
        UNSIGNED_CASES ((double) x[i] > run->hi   ? run->hi
                        : (double) x[i] < run->lo ? run->lo
                                                  : x[i])
      default:
        break;
      }
}

static float
exp_one (float x)
{
  float y;

  sag_kernels_get ()->unary[SAG_UNARY_EXP] (1, &x, &y, 0, 0);
  return y;
}

static float
log_one (float x)
{
  float y;

  sag_kernels_get ()->unary[SAG_UNARY_LOG] (1, &x, &y, 0, 0);
  return y;
}

/* Abramowitz and Stegun 4.4.34 brings |x| below tan (pi / 8); the polynomial is Cephes' atanf. */
static float
atan_one (float x)
{
  float a = fabsf (x), base = 0, z, y;

  if (a > 2.414213562373095f)
    {
      base = 1.57079632679489662f;
      a = -1 / a;
    }
  else if (a > 0.4142135623730950f)
    {
      base = 0.785398163397448310f;
      a = (a - 1) / (a + 1);
    }
  z = a * a;
  y = (((8.05374449538e-2f * z - 1.38776856032e-1f) * z + 1.99777106478e-1f) * z
       - 3.33329491539e-1f) * z * a + a;
  return copysignf (base + y, x);
}

/* Hyperbolic functions and their inverses; series where the formula would cancel. */
static float
hyperbolic_one (Extra kind, float x)
{
  float z = x * x, e;

  switch (kind)
    {
    case EXTRA_SINH:
      if (fabsf (x) < 0.5f)
        return x + x * z * (1.0f / 6 + z * (1.0f / 120 + z * (1.0f / 5040)));
      e = exp_one (fabsf (x));
      return copysignf (0.5f * e - 0.5f / e, x);
    case EXTRA_COSH:
      e = exp_one (fabsf (x));
      return 0.5f * e + 0.5f / e;
    case EXTRA_ASINH:
      if (fabsf (x) < 0.125f)
        return x - x * z * (1.0f / 6 - z * (3.0f / 40 - z * (15.0f / 336)));
      e = fabsf (x);
      return copysignf (e > 1e18f ? log_one (e) + 0.693147181f : log_one (e + sqrtf (z + 1)), x);
    case EXTRA_ACOSH:
      return x > 1e18f ? log_one (x) + 0.693147181f : log_one (x + sqrtf ((x - 1) * (x + 1)));
    default: /* atanh */
      if (fabsf (x) < 0.125f)
        return x + x * z * (1.0f / 3 + z * (1.0f / 5 + z * (1.0f / 7)));
      return 0.5f * log_one ((1 + x) / (1 - x));
    }
}

enum { BLOCK = 256 };

#define FLOAT_LOOP(expression)                                                                 \
  for (gint64 i = from; i < to; i++)                                                           \
    y[i] = (expression);                                                                       \
  break

static void
run_extra (const UnaryRun *run, gint64 from, gint64 to)
{
  const float *x = run->x;
  float *y = run->y, a = run->a, b = run->b, cosine;
  guint8 *truth = run->y;
  const SagKernels *kernels = sag_kernels_get ();

  switch (run->row->extra)
    {
    case EXTRA_NEG:
      FLOAT_LOOP (-x[i]);
    case EXTRA_SIGN:
      FLOAT_LOOP ((float) ((x[i] > 0) - (x[i] < 0)));
    case EXTRA_SOFTSIGN:
      FLOAT_LOOP (x[i] / (1 + fabsf (x[i])));
    case EXTRA_THRESHOLDED:
      FLOAT_LOOP (x[i] > a ? x[i] : 0);
    case EXTRA_SHRINK:
      FLOAT_LOOP (x[i] < -a ? x[i] + b : x[i] > a ? x[i] - b : 0);
    case EXTRA_CELU: /* max (0, x) + min (0, a (exp (x / a) - 1)) */
      for (gint64 i = from; i < to; i += BLOCK)
        {
          gint64 n = MIN (BLOCK, to - i);
          float t[BLOCK];

          for (gint64 k = 0; k < n; k++)
            t[k] = x[i + k] / a;
          kernels->unary[SAG_UNARY_ELU] ((size_t) n, t, t, 1, 1);
          for (gint64 k = 0; k < n; k++)
            y[i + k] = x[i + k] > 0 ? x[i + k] : a * t[k];
        }
      break;
    case EXTRA_TAN:
      for (gint64 i = from; i < to; i++)
        {
          kernels->unary[SAG_UNARY_COS] (1, &x[i], &cosine, 0, 0);
          kernels->unary[SAG_UNARY_SIN] (1, &x[i], &y[i], 0, 0);
          y[i] /= cosine;
        }
      break;
    case EXTRA_ATAN:
      FLOAT_LOOP (atan_one (x[i]));
    case EXTRA_ASIN:
      FLOAT_LOOP (atan_one (x[i] / sqrtf ((1 - x[i]) * (1 + x[i]))));
    case EXTRA_ACOS: /* twice the half angle: no cancelling near 1 */
      FLOAT_LOOP (x[i] <= -1 ? (x[i] == -1 ? 3.14159265358979f : NAN)
                             : 2 * atan_one (sqrtf ((1 - x[i]) / (1 + x[i]))));
    case EXTRA_SINH:
    case EXTRA_COSH:
    case EXTRA_ASINH:
    case EXTRA_ACOSH:
    case EXTRA_ATANH:
      FLOAT_LOOP (hyperbolic_one (run->row->extra, x[i]));
    case EXTRA_IS_NAN:
      for (gint64 i = from; i < to; i++)
        truth[i] = isnan (x[i]) != 0;
      break;
    case EXTRA_IS_INF:
      for (gint64 i = from; i < to; i++)
        truth[i] = isinf (x[i]) && (x[i] > 0 ? run->plus : run->minus);
      break;
    case EXTRA_NOT:
      for (gint64 i = from; i < to; i++)
        truth[i] = ((const guint8 *) run->x)[i] == 0;
      break;
    default:
      break;
    }
}

static void
run_piece (gint64 from, gint64 to, int thread, gpointer data)
{
  const UnaryRun *run = data;

  if (run->dtype != SAG_DTYPE_F32 && run->row->extra != EXTRA_NOT)
    run_integers (run, from, to);
  else if (run->fn != NULL)
    run->fn ((size_t) (to - from), (const float *) run->x + from, (float *) run->y + from, run->a,
             run->b);
  else
    run_extra (run, from, to);
}

/* From bytes to bytes there are but 256 answers. */
typedef struct
{
  const guint8 *x, *table;
  guint8       *y;
} TableRun;

static void
table_piece (gint64 from, gint64 to, int thread, gpointer data)
{
  const TableRun *run = data;

  sag_kernels_get ()->bytes.look_up ((gsize) (to - from), run->x + from, run->table, run->y + from);
}

static void
run_table (const SagNode *node, UnaryRun *run)
{
  const SagQuantum *in = &sag_node_input (node, 0)->quantum, *out = &sag_node_output (node, 0)->quantum;
  const SagQuantize *quantize = &sag_kernels_get ()->quantize;
  guint8 table[256];
  float x[256];
  TableRun job = { run->x, table, run->y };

  for (int i = 0; i < 256; i++)
    table[i] = (guint8) i;
  quantize->from_u8 (256, table, in->scale, in->zero, x);
  run->x = run->y = x;
  run->dtype = SAG_DTYPE_F32;
  run_piece (0, 256, 0, run);
  quantize->to_u8 (256, x, out->scale, out->zero, table);
  sag_range_run (sag_value_count (sag_node_output (node, 0)), 4 * SAG_GRAIN, table_piece, &job);
}

static guint
can_bytes (const SagNode *node)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);

  return y != NULL && x->layout == y->layout && x->dtype != SAG_DTYPE_BOOL ? SAG_BYTES_BOTH : 0;
}

void
sag_unary_run (const SagStep *step)
{
  const SagNode *node = step->node;
  UnaryRun run = { .row = find_row (node),
                   .x = sag_step_in (step, 0),
                   .y = sag_step_out (step, 0) };
  int kernel;

  run.dtype = sag_node_input (node, 0)->dtype;
  parameters (node, run.row, &kernel, &run.a, &run.b);
  run.fn = kernel >= 0 ? sag_kernels_get ()->unary[kernel] : NULL;
  run.lo = kernel == SAG_UNARY_CLIP ? run.a : 0;
  run.hi = INFINITY;
  run.plus = (int) sag_node_get_int (node, "detect_positive", 1);
  run.minus = (int) sag_node_get_int (node, "detect_negative", 1);
  if (strcmp (run.row->name, "Clip") == 0)
    {
      clip_limits (node, &run.lo, &run.hi);
      /* ONNX: min (max (x, lo), hi); the kernel does it the other way round. */
      run.a = (float) MIN (run.lo, run.hi);
      run.b = (float) run.hi;
    }
  if (sag_value_in_bytes (sag_node_input (node, 0)) && sag_value_in_bytes (sag_node_output (node, 0)))
    run_table (node, &run);
  else
    sag_range_run (sag_value_count (sag_node_output (node, 0)), SAG_GRAIN, run_piece, &run);
}

static gboolean
prepare_unary (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *x = sag_node_input (node, 0), *y = sag_node_output (node, 0);

  node->inplace = sag_dtype_size (x->dtype) == sag_dtype_size (y->dtype);
  return TRUE;
}

#define UNARY(name, domain)                                                                    \
  { name, domain, infer_unary, sag_cost_same, prepare_unary, NULL, sag_unary_run, .bytes = can_bytes, \
    .follows = 1 }

const SagOp sag_ops_pointwise[] = {
  UNARY ("Relu", ""),
  UNARY ("LeakyRelu", ""),
  UNARY ("Elu", ""),
  UNARY ("Selu", ""),
  UNARY ("Celu", ""),
  UNARY ("Clip", ""),
  UNARY ("HardSigmoid", ""),
  UNARY ("HardSwish", ""),
  UNARY ("Sigmoid", ""),
  UNARY ("Tanh", ""),
  UNARY ("Silu", "sagitta"),
  UNARY ("Swish", ""),
  UNARY ("Gelu", ""),
  UNARY ("Softplus", ""),
  UNARY ("Mish", ""),
  UNARY ("Exp", ""),
  UNARY ("Log", ""),
  UNARY ("Erf", ""),
  UNARY ("Sqrt", ""),
  UNARY ("Reciprocal", ""),
  UNARY ("Abs", ""),
  UNARY ("Floor", ""),
  UNARY ("Ceil", ""),
  UNARY ("Round", ""),
  UNARY ("Sin", ""),
  UNARY ("Cos", ""),
  UNARY ("Tan", ""),
  UNARY ("Neg", ""),
  UNARY ("Sign", ""),
  UNARY ("Softsign", ""),
  UNARY ("ThresholdedRelu", ""),
  UNARY ("Shrink", ""),
  UNARY ("IsNaN", ""),
  UNARY ("IsInf", ""),
  UNARY ("Not", ""),
  UNARY ("BitwiseNot", ""),
  UNARY ("Atan", ""),
  UNARY ("Asin", ""),
  UNARY ("Acos", ""),
  UNARY ("Sinh", ""),
  UNARY ("Cosh", ""),
  UNARY ("Asinh", ""),
  UNARY ("Acosh", ""),
  UNARY ("Atanh", ""),
  UNARY ("Gelu", "com.microsoft"),
  UNARY ("QuickGelu", "com.microsoft"),
  { "FastGelu", "com.microsoft", infer_unary, sag_cost_same, prepare_unary, NULL, sag_unary_run,
    .bytes = can_bytes, .follows = 1, .expand = sag_expand_bias_gelu },
  { NULL },
};
