/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-binary.c: pointwise operators of several inputs, with broadcasting: arithmetic, comparison,
 * logic, choice.
 */
#include "engine/nn/op-util.h"

#include <math.h>
#include <string.h>

typedef enum
{
  OP_ADD,
  OP_SUB,
  OP_MUL,
  OP_DIV,
  OP_POW,
  OP_MOD,
  OP_MAX,
  OP_MIN,
  OP_AND,
  OP_OR,
  OP_XOR,
  OP_EQUAL,
  OP_LESS,
  OP_LESS_EQUAL,
  OP_GREATER,
  OP_GREATER_EQUAL,
  OP_BIT_AND,
  OP_BIT_OR,
  OP_BIT_XOR,
  OP_SHIFT,
  OP_PRELU,
  OP_MEAN, /* as ADD, then divided */
} Kind;

static const struct
{
  const char *name;
  Kind        kind;
} kinds[] = {
  { "Add", OP_ADD },
  { "Sub", OP_SUB },
  { "Mul", OP_MUL },
  { "Div", OP_DIV },
  { "Pow", OP_POW },
  { "Mod", OP_MOD },
  { "Max", OP_MAX },
  { "Min", OP_MIN },
  { "Sum", OP_ADD },
  { "Mean", OP_MEAN },
  { "And", OP_AND },
  { "Or", OP_OR },
  { "Xor", OP_XOR },
  { "Equal", OP_EQUAL },
  { "Less", OP_LESS },
  { "LessOrEqual", OP_LESS_EQUAL },
  { "Greater", OP_GREATER },
  { "GreaterOrEqual", OP_GREATER_EQUAL },
  { "BitwiseAnd", OP_BIT_AND },
  { "BitwiseOr", OP_BIT_OR },
  { "BitwiseXor", OP_BIT_XOR },
  { "BitShift", OP_SHIFT },
  { "PRelu", OP_PRELU },
};

static Kind
kind_of (const SagNode *node)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].name, node->op->name) == 0)
      return kinds[i].kind;
  g_assert_not_reached ();
}

static gboolean
is_comparison (Kind kind)
{
  return kind >= OP_EQUAL && kind <= OP_GREATER_EQUAL;
}

/* All inputs of one type, broadcast to one shape. */
static gboolean
infer_binary (SagNode *node, GError **error)
{
  Kind kind = kind_of (node);
  SagShape shape;
  SagDType dtype;
  gboolean variadic =
      strcmp (node->op->name, "Sum") == 0 || kind == OP_MEAN || kind == OP_MAX || kind == OP_MIN;
  int n = (int) node->inputs->len - (node->fused.residual ? 1 : 0);

  if (!sag_node_arity (node, variadic ? MAX (n, 1) : 2, error))
    return FALSE;
  if (!variadic && n != 2)
    return sag_node_invalid (node, error, "it has %d inputs, not 2", n);
  shape = sag_node_input (node, 0)->shape;
  dtype = sag_node_input (node, 0)->dtype;
  for (int i = 1; i < n; i++)
    {
      const SagValue *x = sag_node_input (node, i);

      if (!sag_shape_broadcast (&shape, &x->shape, &shape))
        {
          g_autofree char *a = sag_shape_to_string (&sag_node_input (node, 0)->shape);
          g_autofree char *b = sag_shape_to_string (&x->shape);

          return sag_node_invalid (node, error, "shapes %s and %s do not fit each other", a, b);
        }
      if (x->dtype != dtype && kind != OP_POW)
        return sag_node_invalid (node, error, "its inputs are of different types (%s and %s)",
                                 sag_dtype_get_name (dtype), sag_dtype_get_name (x->dtype));
    }
  if (sag_node_input (node, 1) != NULL && sag_node_input (node, 1)->dtype != dtype
      && dtype != SAG_DTYPE_F32 && dtype != SAG_DTYPE_I64 && dtype != SAG_DTYPE_I32)
    return sag_node_unsupported (node, error, "its types are not supported together");
  if ((kind == OP_PRELU || kind == OP_MEAN) && !sag_node_want_float (node, 0, error))
    return FALSE;
  if (dtype == SAG_DTYPE_F32 && (kind == OP_SHIFT || (kind >= OP_BIT_AND && kind <= OP_BIT_XOR)))
    return sag_node_invalid (node, error, "it works on whole numbers only");
  if (is_comparison (kind) || (kind >= OP_AND && kind <= OP_XOR))
    dtype = SAG_DTYPE_BOOL;
  return sag_node_give (node, 0, dtype, &shape, error);
}

typedef struct
{
  Kind            kind;
  SagDType        dtype, exponent; /* of the inputs; of Pow's second */
  gboolean        flag;            /* Mod: fmod; BitShift: to the left */
  const SagFused *fused;
} BinaryRun;

static gint64
int_power (gint64 base, gint64 exponent)
{
  guint64 result = 1, factor = (guint64) base;

  if (exponent < 0)
    return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  for (; exponent > 0; exponent >>= 1, factor *= factor)
    if (exponent & 1)
      result *= factor;
  return (gint64) result;
}

static gint64
int_divide (gint64 a, gint64 b)
{
  return b == 0 ? 0 : b == -1 ? (gint64) (0 - (guint64) a) : a / b;
}

static gint64
int_modulo (gint64 a, gint64 b, gboolean like_c)
{
  gint64 rest = b == 0 || b == -1 ? 0 : a % b;

  return rest != 0 && !like_c && (rest < 0) != (b < 0) ? rest + b : rest;
}

#define LINE(out, in, expression)                                                              \
  for (gint64 i = 0; i < n; i++)                                                               \
    {                                                                                          \
      in a = ((const in *) p[1])[i * step[1]], b = ((const in *) p[2])[i * step[2]];           \
                                                                                               \
      ((out *) p[0])[i * step[0]] = (out) (expression);                                        \
    }                                                                                          \
  break

#define SIGN_FREE(type, wide)                                                                  \
  case OP_ADD:                                                                                 \
    LINE (type, type, (wide) a + (wide) b);                                                    \
  case OP_SUB:                                                                                 \
    LINE (type, type, (wide) a - (wide) b);                                                    \
  case OP_MUL:                                                                                 \
    LINE (type, type, (wide) a * (wide) b);                                                    \
  case OP_MAX:                                                                                 \
    LINE (type, type, a > b ? a : b);                                                          \
  case OP_MIN:                                                                                 \
    LINE (type, type, a < b ? a : b);                                                          \
  case OP_EQUAL:                                                                               \
    LINE (guint8, type, a == b);                                                               \
  case OP_LESS:                                                                                \
    LINE (guint8, type, a < b);                                                                \
  case OP_LESS_EQUAL:                                                                          \
    LINE (guint8, type, a <= b);                                                               \
  case OP_GREATER:                                                                             \
    LINE (guint8, type, a > b);                                                                \
  case OP_GREATER_EQUAL:                                                                       \
    LINE (guint8, type, a >= b)

#define INTEGER_LINE(name, type, is_signed)                                                    \
  static void name (gint64 n, char *const *p, const gint64 *step, gpointer data)               \
  {                                                                                            \
    const BinaryRun *run = data;                                                               \
                                                                                               \
    switch (run->kind)                                                                         \
      {                                                                                        \
        SIGN_FREE (type, guint64);                                                             \
      case OP_DIV:                                                                             \
        LINE (type, type,                                                                      \
              is_signed ? int_divide ((gint64) a, (gint64) b)                                  \
                        : (gint64) (b == 0 ? 0 : a / b));                                      \
      case OP_MOD:                                                                             \
        LINE (type, type,                                                                      \
              is_signed ? int_modulo ((gint64) a, (gint64) b, run->flag)                       \
                        : (gint64) (b == 0 ? 0 : a % b));                                      \
      case OP_POW:                                                                             \
        LINE (type, type, int_power ((gint64) a, (gint64) b));                                 \
      case OP_AND:                                                                             \
        LINE (guint8, type, a && b);                                                           \
      case OP_OR:                                                                              \
        LINE (guint8, type, a || b);                                                           \
      case OP_XOR:                                                                             \
        LINE (guint8, type, !a != !b);                                                         \
      case OP_BIT_AND:                                                                         \
        LINE (type, type, a & b);                                                              \
      case OP_BIT_OR:                                                                          \
        LINE (type, type, a | b);                                                              \
      case OP_BIT_XOR:                                                                         \
        LINE (type, type, a ^ b);                                                              \
      case OP_SHIFT:                                                                           \
        LINE (type, type,                                                                      \
              (guint64) b >= 8 * sizeof (type) ? 0                                             \
              : run->flag                      ? (guint64) a << b                              \
                                               : (guint64) a >> b);                            \
      default:                                                                                 \
        break;                                                                                 \
      }                                                                                        \
  }

INTEGER_LINE (line_i64, gint64, TRUE)
INTEGER_LINE (line_i32, gint32, TRUE)
INTEGER_LINE (line_i16, gint16, TRUE)
INTEGER_LINE (line_i8, gint8, TRUE)
INTEGER_LINE (line_u64, guint64, FALSE)
INTEGER_LINE (line_u32, guint32, FALSE)
INTEGER_LINE (line_u16, guint16, FALSE)
INTEGER_LINE (line_u8, guint8, FALSE)

/* Python's sign for Mod without fmod. */
static float
float_modulo (float a, float b, gboolean like_c)
{
  float rest = fmodf (a, b);

  return rest != 0 && !like_c && (rest < 0) != (b < 0) ? rest + b : rest;
}

static void
line_f32 (gint64 n, char *const *p, const gint64 *step, gpointer data)
{
  const BinaryRun *run = data;

  switch (run->kind)
    {
      SIGN_FREE (float, float);
    case OP_DIV:
      LINE (float, float, a / b);
    case OP_MOD:
      LINE (float, float, float_modulo (a, b, run->flag));
    case OP_PRELU:
      LINE (float, float, a < 0 ? a * b : a);
    default:
      break;
    }
}

static const SagBinary table_kinds[] = {
  [OP_ADD] = SAG_BINARY_ADD, [OP_SUB] = SAG_BINARY_SUB, [OP_MUL] = SAG_BINARY_MUL,
  [OP_DIV] = SAG_BINARY_DIV, [OP_POW] = SAG_BINARY_POW, [OP_MOD] = SAG_N_BINARY,
  [OP_MAX] = SAG_BINARY_MAX, [OP_MIN] = SAG_BINARY_MIN,
};

static void
line_f32_table (gint64 n, char *const *p, const gint64 *step, gpointer data)
{
  const BinaryRun *run = data;
  const SagKernels *kernels = sag_kernels_get ();
  const float *a = (const float *) p[1], *b = (const float *) p[2];
  float *y = (float *) p[0];

  if (run->kind == OP_POW && step[2] == 0 && (*b == 2 || *b == 0.5f) && step[1] == 1)
    {
      /* exact where the general power is not quite */
      if (*b == 2)
        kernels->binary[SAG_BINARY_MUL]((size_t) n, a, 1, a, 1, y);
      else
        kernels->unary[SAG_UNARY_SQRT]((size_t) n, a, y, 0, 0);
      return;
    }
  if (step[0] == 1 && step[1] >= 0 && step[1] <= 1 && step[2] >= 0 && step[2] <= 1)
    {
      kernels->binary[table_kinds[run->kind]]((size_t) n, a, (size_t) step[1], b, (size_t) step[2],
                                              y);
      sag_fused_apply (run->fused, (gsize) n, y);
      return;
    }
  for (gint64 i = 0; i < n; i++)
    {
      kernels->binary[table_kinds[run->kind]](1, a + i * step[1], 1, b + i * step[2], 1,
                                              y + i * step[0]);
      sag_fused_apply (run->fused, 1, y + i * step[0]);
    }
}

/* Axes strided for the kernels but ruled out above still run: only POW needs the table there. */
static SagLoopFunc
choose_line (const BinaryRun *run, const SagLoop *loop)
{
  int last = loop->rank - 1;
  gboolean flat =
      loop->stride[0][last] == 1 && loop->stride[1][last] <= 1 && loop->stride[2][last] <= 1;

  switch (run->dtype)
    {
    case SAG_DTYPE_F32:
      if (run->kind == OP_POW || (run->kind <= OP_MIN && run->kind != OP_MOD
                                  && (flat || run->fused->activation != SAG_ACTIVATION_NONE)))
        return line_f32_table;
      return line_f32;
    case SAG_DTYPE_I64:
      return line_i64;
    case SAG_DTYPE_I32:
      return line_i32;
    case SAG_DTYPE_I16:
      return line_i16;
    case SAG_DTYPE_I8:
      return line_i8;
    case SAG_DTYPE_U64:
      return line_u64;
    case SAG_DTYPE_U32:
      return line_u32;
    case SAG_DTYPE_U16:
      return line_u16;
    default:
      return line_u8;
    }
}

/* y = a op b, each seen as y's shape. */
static void
combine (BinaryRun *run, const SagValue *y, const SagValue *a, const SagValue *b)
{
  gint64 ys[SAG_MAX_RANK], as[SAG_MAX_RANK], bs[SAG_MAX_RANK];
  gsize size = sag_dtype_size (run->dtype), sizes[3] = { sag_dtype_size (y->dtype), size, size };
  void *base[3] = { y->data, a->data, b->data };
  SagLoop loop;

  sag_value_strides (y, ys);
  sag_value_strides_in (a, &y->shape, as);
  sag_value_strides_in (b, &y->shape, bs);
  sag_loop_init (&loop, 3);
  for (int i = 0; i < y->shape.rank; i++)
    sag_loop_add_axis (&loop, y->shape.dim[i], (gint64[3]) { ys[i], as[i], bs[i] });
  sag_loop_simplify (&loop);
  sag_loop_run (&loop, base, sizes, choose_line (run, &loop), run);
}

/* Pow's exponent in another type than its base is brought to the base's in scratch. */
static SagValue
same_type (const SagStep *step, const SagValue *value, SagDType dtype)
{
  SagValue copy = *value;
  SagTensor tensor = { value->dtype, value->shape, value->data, NULL };
  gint64 n = sag_value_count (value);

  if (value->dtype == dtype)
    return copy;
  for (gint64 i = 0; i < n; i++)
    switch (dtype)
      {
      case SAG_DTYPE_F32:
        ((float *) step->scratch)[i] = (float) sag_tensor_get_real (&tensor, i);
        break;
      case SAG_DTYPE_I64:
        ((gint64 *) step->scratch)[i] = sag_tensor_get_int (&tensor, i);
        break;
      default:
        ((gint32 *) step->scratch)[i] = (gint32) sag_tensor_get_int (&tensor, i);
        break;
      }
  copy.data = step->scratch;
  copy.dtype = dtype;
  return copy;
}

static void
run_binary (const SagStep *step)
{
  const SagNode *node = step->node;
  static const SagFused nothing = { 0 };
  BinaryRun run = { .kind = kind_of (node), .dtype = sag_node_input (node, 0)->dtype };
  SagValue *y = sag_node_output (node, 0);
  const SagValue *a = sag_node_input (node, 0);
  gboolean mean = run.kind == OP_MEAN;
  int n = (int) node->inputs->len;

  run.fused = &nothing;
  run.flag = run.kind == OP_MOD ? sag_node_get_int (node, "fmod", 0) != 0
                                : strcmp (sag_node_get_string (node, "direction", ""), "LEFT") == 0;
  if (mean)
    run.kind = OP_ADD;
  if (n == 1)
    memcpy (y->data, a->data, sag_value_count (y) * sag_dtype_size (y->dtype));
  for (int i = 1; i < n; i++)
    {
      SagValue b = same_type (step, sag_node_input (node, i), run.dtype);

      run.fused = i == n - 1 && !mean ? &node->fused : &nothing;
      combine (&run, y, a, &b);
      a = y;
    }
  if (mean)
    {
      float scale = (float) n;
      SagValue divisor = { .dtype = SAG_DTYPE_F32, .data = &scale };

      run.kind = OP_DIV;
      combine (&run, y, y, &divisor);
    }
  if (n == 1)
    sag_fused_apply (&node->fused, (gsize) sag_value_count (y), y->data);
}

static gboolean
prepare_binary (SagNode *node, SagPrecision precision, GError **error)
{
  const SagValue *a = sag_node_input (node, 0), *b = sag_node_input (node, 1),
                 *y = sag_node_output (node, 0);

  if (node->inputs->len == 2)
    node->inplace = 3;
  if (b != NULL && a->dtype != b->dtype)
    node->scratch_bytes = sag_value_count (b) * 8;
  for (guint i = 0; i < 2 && i < node->inputs->len; i++)
    if (!sag_shape_equal (&sag_node_input (node, (int) i)->shape, &y->shape)
        || sag_dtype_size (sag_node_input (node, (int) i)->dtype) != sag_dtype_size (y->dtype))
      node->inplace &= ~(1u << i);
  return TRUE;
}

/* ---- Where ------------------------------------------------------------------------------ */

static gboolean
infer_where (SagNode *node, GError **error)
{
  SagShape shape;

  if (!sag_node_arity (node, 3, error))
    return FALSE;
  if (!sag_shape_broadcast (&sag_node_input (node, 0)->shape, &sag_node_input (node, 1)->shape,
                            &shape)
      || !sag_shape_broadcast (&shape, &sag_node_input (node, 2)->shape, &shape))
    return sag_node_invalid (node, error, "its shapes do not fit each other");
  if (sag_node_input (node, 0)->dtype != SAG_DTYPE_BOOL
      || sag_node_input (node, 1)->dtype != sag_node_input (node, 2)->dtype)
    return sag_node_invalid (node, error, "it wants a bool and two inputs of one type");
  return sag_node_give (node, 0, sag_node_input (node, 1)->dtype, &shape, error);
}

#define WHERE_CASE(type)                                                                       \
  for (gint64 i = 0; i < n; i++)                                                               \
    ((type *) p[0])[i * step[0]]                                                               \
        = p[1][i * step[1]] ? ((const type *) p[2])[i * step[2]] : ((const type *) p[3])[i * step[3]]; \
  break

/* Four bytes each, end to end or one for all: without a branch for each element. */
static gboolean
choose_words (gint64 n, char *const *p, const gint64 *step)
{
  guint32 *y = (guint32 *) p[0];
  const guint8 *c = (const guint8 *) p[1];
  const guint32 *a = (const guint32 *) p[2], *b = (const guint32 *) p[3];

  if (step[0] != 1 || step[1] != 1 || step[2] < 0 || step[2] > 1 || step[3] < 0 || step[3] > 1)
    return FALSE;
#define CHOOSE(x, z)                                                                           \
  for (gint64 i = 0; i < n; i++)                                                               \
    {                                                                                          \
      guint32 mask = -(guint32) (c[i] != 0);                                                   \
                                                                                               \
      y[i] = ((x) & mask) | ((z) & ~mask);                                                     \
    }
  if (step[2] == 1 && step[3] == 1)
    CHOOSE (a[i], b[i])
  else if (step[2] == 1)
    CHOOSE (a[i], *b)
  else if (step[3] == 1)
    CHOOSE (*a, b[i])
  else
    CHOOSE (*a, *b)
#undef CHOOSE
  return TRUE;
}

static void
line_where (gint64 n, char *const *p, const gint64 *step, gpointer data)
{
  if (*(const gsize *) data == 4 && choose_words (n, p, step))
    return;
  switch (*(const gsize *) data)
    {
    case 1:
      WHERE_CASE (guint8);
    case 2:
      WHERE_CASE (guint16);
    case 4:
      WHERE_CASE (guint32);
    default:
      WHERE_CASE (guint64);
    }
}

static void
run_where (const SagStep *step)
{
  SagValue *y = sag_node_output (step->node, 0);
  gsize size = sag_dtype_size (y->dtype), sizes[4] = { size, 1, size, size };
  void *base[4] = { y->data };
  gint64 strides[4][SAG_MAX_RANK];
  SagLoop loop;

  sag_value_strides (y, strides[0]);
  for (int i = 0; i < 3; i++)
    {
      const SagValue *x = sag_node_input (step->node, i);

      base[i + 1] = x->data;
      sag_value_strides_in (x, &y->shape, strides[i + 1]);
    }
  sag_loop_init (&loop, 4);
  for (int i = 0; i < y->shape.rank; i++)
    sag_loop_add_axis (&loop, y->shape.dim[i],
                       (gint64[4]) { strides[0][i], strides[1][i], strides[2][i], strides[3][i] });
  sag_loop_simplify (&loop);
  sag_loop_run (&loop, base, sizes, line_where, &size);
}

#define BINARY(name, fused)                                                                        \
  {                                                                                                \
    name, "", infer_binary, sag_cost_same, prepare_binary, NULL, run_binary,                       \
        .flags = SAG_OP_STRIDED, .fuses = fused                                                    \
  }

const SagOp sag_ops_binary[] = {
  BINARY ("Add", SAG_FUSE_ACTIVATION),
  BINARY ("Sub", SAG_FUSE_ACTIVATION),
  BINARY ("Mul", SAG_FUSE_ACTIVATION),
  BINARY ("Div", SAG_FUSE_ACTIVATION),
  BINARY ("Pow", 0),
  BINARY ("Mod", 0),
  BINARY ("Max", 0),
  BINARY ("Min", 0),
  BINARY ("Sum", SAG_FUSE_ACTIVATION),
  BINARY ("Mean", 0),
  BINARY ("And", 0),
  BINARY ("Or", 0),
  BINARY ("Xor", 0),
  BINARY ("Equal", 0),
  BINARY ("Less", 0),
  BINARY ("LessOrEqual", 0),
  BINARY ("Greater", 0),
  BINARY ("GreaterOrEqual", 0),
  BINARY ("BitwiseAnd", 0),
  BINARY ("BitwiseOr", 0),
  BINARY ("BitwiseXor", 0),
  BINARY ("BitShift", 0),
  BINARY ("PRelu", 0),
  { "Where", "", infer_where, sag_cost_same, sag_prepare_nothing, NULL, run_where,
    .flags = SAG_OP_STRIDED },
  { NULL },
};
