/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-constant.c: values out of nothing (Constant, ConstantOfShape, Range...), and changes of type
 * or layout.
 */
#include "engine/nn/bytes.h"
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

/* ---- Constant --------------------------------------------------------------------------- */

/* The attribute that holds the value; NULL if there is none we can hold. */
static const SagAttribute *
find_value (const SagNode *node)
{
  static const struct
  {
    const char      *name;
    SagAttributeKind kind;
  } forms[] = {
    { "value", SAG_ATTRIBUTE_TENSOR },        { "value_float", SAG_ATTRIBUTE_FLOAT },
    { "value_int", SAG_ATTRIBUTE_INT },       { "value_floats", SAG_ATTRIBUTE_FLOATS },
    { "value_ints", SAG_ATTRIBUTE_INTS },
  };

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++)
    {
      const SagAttribute *attribute = sag_node_attribute (node, forms[i].name);

      if (attribute != NULL && attribute->kind == forms[i].kind)
        return attribute;
    }
  return NULL;
}

static gboolean
infer_constant (SagNode *node, GError **error)
{
  const SagAttribute *attribute = find_value (node);
  gboolean real;
  SagShape shape = { 0 };

  if (!sag_node_arity (node, 0, error))
    return FALSE;
  if (attribute == NULL)
    return sag_node_unsupported (node, error, "its value is text, sparse or missing");
  if (attribute->kind == SAG_ATTRIBUTE_TENSOR)
    return sag_node_give (node, 0, attribute->tensor->dtype, &attribute->tensor->shape, error);
  real = attribute->kind == SAG_ATTRIBUTE_FLOAT || attribute->kind == SAG_ATTRIBUTE_FLOATS;
  if (attribute->kind == SAG_ATTRIBUTE_FLOATS || attribute->kind == SAG_ATTRIBUTE_INTS)
    shape = (SagShape) { 1, { attribute->n } };
  return sag_node_give (node, 0, real ? SAG_DTYPE_F32 : SAG_DTYPE_I64, &shape, error);
}

static void
run_constant (const SagStep *step)
{
  const SagNode *node = step->node;
  SagValue *y = sag_node_output (node, 0);
  const SagAttribute *attribute = find_value (node);
  gsize bytes = sag_value_count (y) * sag_dtype_size (y->dtype);

  if (attribute != NULL && bytes > 0)
    memcpy (y->data,
            attribute->kind == SAG_ATTRIBUTE_TENSOR   ? attribute->tensor->data
            : attribute->kind == SAG_ATTRIBUTE_FLOAT  ? &attribute->f
            : attribute->kind == SAG_ATTRIBUTE_INT    ? (const void *) &attribute->i
            : attribute->kind == SAG_ATTRIBUTE_FLOATS ? (const void *) attribute->floats
                                                      : attribute->ints,
            bytes);
}

/* ---- ConstantOfShape -------------------------------------------------------------------- */

static gboolean
infer_constant_of_shape (SagNode *node, GError **error)
{
  const SagAttribute *value = sag_node_attribute (node, "value");
  g_autofree gint64 *dims = NULL;
  SagShape shape = { 0 };
  int n;

  if (!sag_node_arity (node, 1, error) || !sag_node_const_ints (node, 0, &dims, &n, error))
    return FALSE;
  if (n > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "more than %d dimensions", SAG_MAX_RANK);
  if (value != NULL && (value->tensor == NULL || sag_shape_count (&value->tensor->shape) != 1))
    return sag_node_invalid (node, error, "its value is not one number");
  shape.rank = n;
  for (int i = 0; i < n; i++)
    shape.dim[i] = dims[i];
  return sag_node_give (node, 0, value != NULL ? value->tensor->dtype : SAG_DTYPE_F32, &shape,
                        error);
}

static void
run_constant_of_shape (const SagStep *step)
{
  const SagAttribute *value = sag_node_attribute (step->node, "value");
  SagValue *y = sag_node_output (step->node, 0);
  gint64 n = sag_value_count (y), one = 1, zero = 0;

  sag_fill_box (1, &n, sag_dtype_size (y->dtype), y->data, &one,
                value != NULL ? value->tensor->data : &zero);
}

/* ---- Range ------------------------------------------------------------------------------ */

static gboolean
infer_range (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  double from[3], count;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  if (x->dtype != SAG_DTYPE_F32 && x->dtype != SAG_DTYPE_I64 && x->dtype != SAG_DTYPE_I32
      && x->dtype != SAG_DTYPE_I16)
    return sag_node_unsupported (node, error, "its type is not supported");
  for (int i = 0; i < 3; i++)
    {
      const SagTensor *tensor = sag_node_input (node, i)->constant;

      if (sag_shape_count (&tensor->shape) != 1 || tensor->dtype != x->dtype)
        return sag_node_invalid (node, error, "it wants three numbers of one type");
      from[i] = sag_tensor_get_real (tensor, 0);
    }
  count = from[2] == 0 ? NAN : ceil ((from[1] - from[0]) / from[2]);
  if (!(count < 1e12))
    return sag_node_invalid (node, error, "it has no end");
  return sag_node_give (node, 0, x->dtype, &(SagShape) { 1, { (gint64) MAX (count, 0) } }, error);
}

static void
run_range_op (const SagStep *step)
{
  const SagTensor *start = sag_node_input (step->node, 0)->constant;
  const SagTensor *delta = sag_node_input (step->node, 2)->constant;
  SagValue *y = sag_node_output (step->node, 0);
  gint64 n = sag_value_count (y);

  for (gint64 i = 0; i < n; i++)
    {
      gint64 whole = y->dtype == SAG_DTYPE_F32
                       ? 0
                       : (gint64) ((guint64) sag_tensor_get_int (start, 0)
                                   + (guint64) i * (guint64) sag_tensor_get_int (delta, 0));

      switch (y->dtype)
        {
        case SAG_DTYPE_F32:
          ((float *) y->data)[i] = (float) (sag_tensor_get_real (start, 0)
                                            + (double) i * sag_tensor_get_real (delta, 0));
          break;
        case SAG_DTYPE_I64:
          ((gint64 *) y->data)[i] = whole;
          break;
        case SAG_DTYPE_I32:
          ((gint32 *) y->data)[i] = (gint32) whole;
          break;
        default:
          ((gint16 *) y->data)[i] = (gint16) whole;
          break;
        }
    }
}

/* ---- element types ---------------------------------------------------------------------- */

/* ONNX codes; types that are F32 inside stay so. */
static gboolean
target_type (const SagNode *node, gint64 code, SagDType *dtype, GError **error)
{
  static const SagDType types[] = {
    [1] = SAG_DTYPE_F32,  [2] = SAG_DTYPE_U8,   [3] = SAG_DTYPE_I8,   [4] = SAG_DTYPE_U16,
    [5] = SAG_DTYPE_I16,  [6] = SAG_DTYPE_I32,  [7] = SAG_DTYPE_I64,  [8] = SAG_N_DTYPES,
    [9] = SAG_DTYPE_BOOL, [10] = SAG_DTYPE_F32, [11] = SAG_DTYPE_F32, [12] = SAG_DTYPE_U32,
    [13] = SAG_DTYPE_U64, [14] = SAG_N_DTYPES,  [15] = SAG_N_DTYPES,  [16] = SAG_DTYPE_F32,
  };

  *dtype = code >= 1 && code <= 16 ? types[code] : SAG_N_DTYPES;
  if (*dtype == SAG_N_DTYPES)
    return sag_node_unsupported (node, error, "element type %" G_GINT64_FORMAT " is not supported",
                                 code);
  return TRUE;
}

/* ---- EyeLike ---------------------------------------------------------------------------- */

static gboolean
infer_eye_like (SagNode *node, GError **error)
{
  const SagValue *x = sag_node_input (node, 0);
  SagDType dtype;

  if (!sag_node_arity (node, 1, error))
    return FALSE;
  dtype = x->dtype;
  if (x->shape.rank != 2)
    return sag_node_invalid (node, error, "its input is no matrix");
  if (sag_node_attribute (node, "dtype") != NULL
      && !target_type (node, sag_node_get_int (node, "dtype", 0), &dtype, error))
    return FALSE;
  return sag_node_give (node, 0, dtype, &x->shape, error);
}

static void
run_eye_like (const SagStep *step)
{
  static const float real = 1;
  static const gint64 whole = 1; /* its first bytes are a smaller integer's: all machines we run on are little-endian */
  SagValue *y = sag_node_output (step->node, 0);
  gint64 k = sag_node_get_int (step->node, "k", 0), columns = y->shape.dim[1];
  gsize size = sag_dtype_size (y->dtype);

  memset (y->data, 0, (gsize) sag_value_count (y) * size);
  for (gint64 i = 0; i < y->shape.dim[0]; i++)
    if (k >= -i && k < columns - i)
      memcpy ((char *) y->data + (gsize) (i * columns + i + k) * size,
              y->dtype == SAG_DTYPE_F32 ? (const void *) &real : &whole, size);
}

/* ---- Cast, Port, Layout ----------------------------------------------------------------- */

static gboolean
infer_cast (SagNode *node, GError **error)
{
  SagDType dtype;

  if (!sag_node_arity (node, 1, error)
      || !target_type (node, sag_node_get_int (node, "to", 0), &dtype, error))
    return FALSE;
  return sag_node_give (node, 0, dtype, &sag_node_input (node, 0)->shape, error);
}

static gboolean
infer_cast_like (SagNode *node, GError **error)
{
  return sag_node_arity (node, 2, error)
         && sag_node_give (node, 0, sag_node_input (node, 1)->dtype,
                           &sag_node_input (node, 0)->shape, error);
}

/* Port: `to` is our SagDType; absent, F32. */
static gboolean
infer_port (SagNode *node, GError **error)
{
  SagDType dtype = (SagDType) sag_node_get_int (node, "to", SAG_DTYPE_F32);

  return sag_node_arity (node, 1, error)
         && sag_node_give (node, 0, dtype, &sag_node_input (node, 0)->shape, error);
}

typedef struct
{
  SagTensor x;
  SagDType  to;
  void     *y;
} CastRun;

/* binary32 -> binary16, round to nearest even. */
static guint16
to_half (float value)
{
  guint32 bits, mantissa, sign;
  int exponent;

  memcpy (&bits, &value, sizeof bits);
  sign = bits >> 16 & 0x8000;
  exponent = (int) (bits >> 23 & 255) - 112;
  mantissa = bits & 0x7fffff;
  if (exponent >= 143)
    return (guint16) (sign | 0x7c00 | (mantissa != 0 ? 0x200 : 0));
  if (exponent >= 31)
    return (guint16) (sign | 0x7c00);
  if (exponent <= 0)
    {
      int shift = 14 - exponent;
      guint32 whole, rest, half;

      if (shift > 24)
        return (guint16) sign;
      mantissa |= 0x800000;
      whole = mantissa >> shift;
      rest = mantissa & ((1u << shift) - 1);
      half = 1u << (shift - 1);
      return (guint16) (sign | (whole + (rest > half || (rest == half && (whole & 1)))));
    }
  bits = (guint32) exponent << 10 | mantissa >> 13;
  return (guint16) (sign
                    | (bits
                       + ((mantissa & 0x1fff) > 0x1000
                          || ((mantissa & 0x1fff) == 0x1000 && (bits & 1)))));
}

/* Float to integer truncates; what does not fit takes the nearest end, NaN becomes 0. */
static gint64
to_int (double value, double lo, double hi)
{
  if (!(value >= lo))
    return isnan (value) ? 0 : lo <= -9e18 ? G_MININT64 : (gint64) lo;
  return value >= 9.2e18 ? G_MAXINT64 : (gint64) MIN (value, hi);
}

#define CAST_TO(type, lo, hi)                                                                  \
  for (gint64 i = from; i < to; i++)                                                           \
    ((type *) run->y)[i] = real ? (type) to_int (sag_tensor_get_real (&run->x, i), lo, hi)     \
                                : (type) sag_tensor_get_int (&run->x, i);                      \
  break

static void
cast_piece (gint64 from, gint64 to, int thread, gpointer data)
{
  const CastRun *run = data;
  gboolean real = run->x.dtype == SAG_DTYPE_F32;

  switch (run->to)
    {
    case SAG_DTYPE_F32:
      for (gint64 i = from; i < to; i++)
        ((float *) run->y)[i] = (float) sag_tensor_get_real (&run->x, i);
      break;
    case SAG_DTYPE_F64:
      for (gint64 i = from; i < to; i++)
        ((double *) run->y)[i] = sag_tensor_get_real (&run->x, i);
      break;
    case SAG_DTYPE_F16:
      for (gint64 i = from; i < to; i++)
        ((guint16 *) run->y)[i] = to_half ((float) sag_tensor_get_real (&run->x, i));
      break;
    case SAG_DTYPE_BF16:
      for (gint64 i = from; i < to; i++)
        ((guint16 *) run->y)[i] = sag_f32_to_bf16 ((float) sag_tensor_get_real (&run->x, i));
      break;
    case SAG_DTYPE_BOOL:
      for (gint64 i = from; i < to; i++)
        ((guint8 *) run->y)[i] =
            real ? ((const float *) run->x.data)[i] != 0 : sag_tensor_get_int (&run->x, i) != 0;
      break;
    case SAG_DTYPE_I64:
    case SAG_DTYPE_U64:
      CAST_TO (gint64, -9.3e18, 9.2e18);
    case SAG_DTYPE_I32:
      CAST_TO (gint32, G_MININT32, G_MAXINT32);
    case SAG_DTYPE_U32:
      CAST_TO (guint32, 0, G_MAXUINT32);
    case SAG_DTYPE_I16:
      CAST_TO (gint16, G_MININT16, G_MAXINT16);
    case SAG_DTYPE_U16:
      CAST_TO (guint16, 0, G_MAXUINT16);
    case SAG_DTYPE_I8:
      CAST_TO (gint8, G_MININT8, G_MAXINT8);
    default:
      CAST_TO (guint8, 0, G_MAXUINT8);
    }
}

static void
run_cast (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  CastRun run = { { x->dtype, x->shape, x->data, NULL }, y->dtype, y->data };

  if (x->dtype == y->dtype)
    memcpy (y->data, x->data, sag_value_count (x) * sag_dtype_size (x->dtype));
  else
    sag_range_run (sag_value_count (x), SAG_GRAIN, cast_piece, &run);
}

static void
run_layout (const SagStep *step)
{
  const SagValue *x = sag_node_input (step->node, 0);
  SagValue *y = sag_node_output (step->node, 0);
  gint64 from[SAG_MAX_RANK], to[SAG_MAX_RANK];
  SagShape shape;
  gsize size = sag_value_moves (x, &shape, from);

  sag_value_moves (y, &shape, to);
  sag_copy_box (shape.rank, shape.dim, size, y->data, to, x->data, from);
}

#define MAKER(name, infer, needed, run)                                                        \
  { name, "", infer, NULL, sag_prepare_nothing, NULL, run, .needs = needed }

const SagOp sag_ops_constant[] = {
  MAKER ("Constant", infer_constant, 0, run_constant),
  MAKER ("ConstantOfShape", infer_constant_of_shape, 1, run_constant_of_shape),
  MAKER ("Range", infer_range, 7, run_range_op),
  MAKER ("EyeLike", infer_eye_like, 0, run_eye_like),
  { "Cast", "", infer_cast, sag_cost_same, sag_prepare_nothing, NULL, run_cast, .follows = 1,
    .flags = SAG_OP_IDENTITY },
  { "CastLike", "", infer_cast_like, NULL, sag_prepare_nothing, NULL, run_cast,
    .flags = SAG_OP_IDENTITY },
  { "Port", "sagitta", infer_port, NULL, sag_prepare_nothing, NULL, run_cast },
  { "Layout", "sagitta", sag_infer_same, NULL, sag_prepare_nothing, NULL, run_layout,
    .bytes = sag_bytes_same },
  { NULL },
};
