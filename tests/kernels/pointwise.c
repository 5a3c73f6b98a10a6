/* SPDX-License-Identifier: Apache-2.0
 *
 * pointwise.c: unary and binary functions, and how close the definitions come to the truth.
 */
#include "tests/kernels/check.h"

#include <math.h>
#include <stdio.h>

static const char *const unary_names[SAG_N_UNARY] = {
  [SAG_UNARY_AFFINE] = "affine", [SAG_UNARY_CLIP] = "clip", [SAG_UNARY_LEAKY] = "leaky",
  [SAG_UNARY_ELU] = "elu", [SAG_UNARY_HARD_SIGMOID] = "hard_sigmoid",
  [SAG_UNARY_HARD_SWISH] = "hard_swish", [SAG_UNARY_SIGMOID] = "sigmoid", [SAG_UNARY_TANH] = "tanh",
  [SAG_UNARY_SILU] = "silu", [SAG_UNARY_GELU_ERF] = "gelu_erf", [SAG_UNARY_GELU_TANH] = "gelu_tanh",
  [SAG_UNARY_SOFTPLUS] = "softplus", [SAG_UNARY_MISH] = "mish", [SAG_UNARY_EXP] = "exp",
  [SAG_UNARY_LOG] = "log", [SAG_UNARY_ERF] = "erf", [SAG_UNARY_SQRT] = "sqrt",
  [SAG_UNARY_RECIPROCAL] = "reciprocal", [SAG_UNARY_ABS] = "abs", [SAG_UNARY_FLOOR] = "floor",
  [SAG_UNARY_CEIL] = "ceil", [SAG_UNARY_ROUND] = "round", [SAG_UNARY_SIN] = "sin",
  [SAG_UNARY_COS] = "cos",
};
static const char *const binary_names[SAG_N_BINARY] = {
  [SAG_BINARY_ADD] = "add", [SAG_BINARY_SUB] = "sub", [SAG_BINARY_MUL] = "mul",
  [SAG_BINARY_DIV] = "div", [SAG_BINARY_MIN] = "min", [SAG_BINARY_MAX] = "max",
  [SAG_BINARY_POW] = "pow",
};

typedef struct
{
  int    op;
  size_t n;
  float *x, *y, *z;
} Bench;

static void
run_unary (const SagKernels *k, void *data)
{
  Bench *b = data;

  k->unary[b->op] (b->n, b->x, b->y, 0.1f, 0.5f);
}

static void
run_binary (const SagKernels *k, void *data)
{
  Bench *b = data;

  k->binary[b->op] (b->n, b->x, 1, b->z, 1, b->y);
}

static void
bench (Check *check)
{
  Bench b = { .n = 4096 };

  b.x = check_floats (check, b.n, CHECK_PLAIN);
  b.y = check_floats (check, b.n, CHECK_PLAIN);
  b.z = check_floats (check, b.n, CHECK_PLAIN);
  for (b.op = 0; b.op < SAG_N_UNARY; b.op++)
    check_bench (check, unary_names[b.op], 0, 8.0 * (double) b.n, run_unary, &b);
  for (b.op = 0; b.op < SAG_N_BINARY; b.op++)
    check_bench (check, binary_names[b.op], 0, 12.0 * (double) b.n, run_binary, &b);
  check_release_all (check);
}

static void
unary_one (Check *check, int op, size_t n, CheckFill fill)
{
  float a = op == SAG_UNARY_CLIP ? 0.0f : 0.3f, b = op == SAG_UNARY_CLIP ? 6.0f : 0.5f;
  float *x = check_floats (check, n, fill);
  float *got = check_floats (check, n, CHECK_PLAIN), *want = check_copy (check, got, n);
  float *same = check_copy (check, x, n);

  CHECK_GUARDED (check, unary_names[op])
    check->k->unary[op] (n, x, got, a, b);
  check->ref->unary[op] (n, x, want, a, b);
  check_same (check, got, want, n, "%s n %zu", unary_names[op], n);
  CHECK_GUARDED (check, unary_names[op])
    check->k->unary[op] (n, same, same, a, b);
  check_same (check, same, want, n, "%s in place n %zu", unary_names[op], n);
  check_release_all (check);
}

static void
binary_one (Check *check, int op, size_t n, CheckFill fill, size_t sa, size_t sb)
{
  float *a = check_floats (check, sa ? n : 1, fill), *b = check_floats (check, sb ? n : 1, fill);
  float *got = check_floats (check, n, CHECK_PLAIN), *want = check_copy (check, got, n);

  CHECK_GUARDED (check, binary_names[op])
    check->k->binary[op] (n, a, sa, b, sb, got);
  check->ref->binary[op] (n, a, sa, b, sb, want);
  check_same (check, got, want, n, "%s n %zu steps %zu %zu", binary_names[op], n, sa, sb);
  if (sa == 1)
    {
      CHECK_GUARDED (check, binary_names[op])
        check->k->binary[op] (n, a, sa, b, sb, a);
      check_same (check, a, want, n, "%s in place n %zu", binary_names[op], n);
    }
  check_release_all (check);
}

static void
rows_one (Check *check, size_t n, CheckFill fill)
{
  const SagKernels *k = check->k, *r = check->ref;
  float *a = check_floats (check, n, fill), *b = check_floats (check, n, fill);
  float *c = check_floats (check, n, fill);
  float *got = check_floats (check, n, CHECK_PLAIN), *want = check_copy (check, got, n);

  CHECK_GUARDED (check, "add_clamp")
    k->add_clamp (n, a, b, got, -1.0f, 2.0f);
  r->add_clamp (n, a, b, want, -1.0f, 2.0f);
  check_same (check, got, want, n, "add_clamp n %zu", n);
  CHECK_GUARDED (check, "affine")
    k->affine (n, a, b, c, got, -INFINITY, INFINITY);
  r->affine (n, a, b, c, want, -INFINITY, INFINITY);
  check_same (check, got, want, n, "affine n %zu", n);
  check_release_all (check);
}

void
check_pointwise (Check *check)
{
  size_t l = check->k->lanes;
  size_t ns[] = { 0, 1, l - 1, l, l + 1, 3 * l, 101, 1000 };

  if (check->bench)
    {
      bench (check);
      return;
    }
  for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++)
    for (CheckFill fill = CHECK_PLAIN; fill <= CHECK_RANGE; fill++)
      {
        for (int op = 0; op < SAG_N_UNARY; op++)
          unary_one (check, op, ns[i], fill);
        for (int op = 0; op < SAG_N_BINARY; op++)
          for (int steps = 0; steps < 4 && ns[i] > 0; steps++)
            binary_one (check, op, ns[i], fill, steps & 1, steps >> 1);
        rows_one (check, ns[i], fill);
      }
}

/* --- against libm, in double ------------------------------------------------------------- */

static double
exact (SagUnary op, double x)
{
  switch (op)
    {
    case SAG_UNARY_ELU:
      return x < 0 ? expm1 (x) : x;
    case SAG_UNARY_SIGMOID:
      return 1 / (1 + exp (-x));
    case SAG_UNARY_TANH:
      return tanh (x);
    case SAG_UNARY_SILU:
      return x / (1 + exp (-x));
    case SAG_UNARY_GELU_ERF:
      return 0.5 * x * erfc (-x * sqrt (0.5));
    case SAG_UNARY_GELU_TANH:
      return 0.5 * x * (1 + tanh (sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
    case SAG_UNARY_SOFTPLUS:
      return x > 0 ? x + log1p (exp (-x)) : log1p (exp (x));
    case SAG_UNARY_MISH:
      return x * tanh (x > 0 ? x + log1p (exp (-x)) : log1p (exp (x)));
    case SAG_UNARY_EXP:
      return exp (x);
    case SAG_UNARY_LOG:
      return log (x);
    case SAG_UNARY_ERF:
      return erf (x);
    case SAG_UNARY_SIN:
      return sin (x);
    case SAG_UNARY_COS:
      return cos (x);
    default:
      return NAN;
    }
}

void
check_math (Check *check)
{
  /* The error allowed is `relative` of the value or `absolute`, whichever is larger. */
  static const struct
  {
    SagUnary op;
    double   from, to, relative, absolute;
  } functions[] = {
    { SAG_UNARY_ELU, -30, 5, 2e-7, 1e-45 },       { SAG_UNARY_SIGMOID, -80, 80, 3e-7, 1e-45 },
    { SAG_UNARY_TANH, -12, 12, 2e-7, 1e-45 },     { SAG_UNARY_SILU, -80, 80, 3e-7, 1e-45 },
    { SAG_UNARY_GELU_ERF, -10, 10, 2e-7, 4e-7 },  { SAG_UNARY_GELU_TANH, -8, 8, 4e-6, 1e-7 },
    { SAG_UNARY_SOFTPLUS, -80, 80, 2e-7, 1e-45 }, { SAG_UNARY_MISH, -80, 80, 5e-7, 1e-45 },
    { SAG_UNARY_EXP, -103, 88, 1.2e-7, 2e-45 },   { SAG_UNARY_LOG, 1e-40, 4, 1.2e-7, 1e-45 },
    { SAG_UNARY_LOG, 4, 1e30, 1.2e-7, 1e-45 },    { SAG_UNARY_ERF, -5, 5, 1.5e-7, 1e-45 },
    { SAG_UNARY_SIN, -1000, 1000, 1e-7, 1e-9 },   { SAG_UNARY_COS, -1000, 1000, 1e-7, 1e-9 },
  };

  if (check->bench || check->k->lanes > 1)
    return;
  for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++)
    {
      SagUnary op = functions[f].op;
      double worst = 0, at = 0;
      enum { N = 200000 };

      for (int i = 0; i <= N; i++)
        {
          float x = (float) (functions[f].from
                             + (functions[f].to - functions[f].from) * ((double) i / N));
          double want = exact (op, x), got = sag_ref_unary (op, x, 1.0f, 1.0f);
          double allowed = fmax (functions[f].relative * fabs (want), functions[f].absolute);
          double error = fabs (got - want) / allowed;

          if (!(error <= worst))
            worst = error, at = x;
        }
      check_true (check, worst <= 1, "%s (%g): %.3g times the error allowed", unary_names[op], at,
                  worst);
    }

  for (int i = 0; i < 200000; i++)
    {
      float a = ldexpf ((float) (1 + check_random (check, 1 << 20)) / (1 << 20),
                        (int) check_random (check, 40) - 20);
      float b = (float) ((int) check_random (check, 2001) - 1000) / 128.0f;
      float got = sag_ref_binary (SAG_BINARY_POW, a, b);
      double want = pow (a, b);

      /* where the result is a normal float */
      if (want < 1e-37 || want > 3e38)
        continue;
      check_true (check, fabs (got - want) <= 1e-7 * want, "pow (%a, %a)", (double) a, (double) b);
    }
  {
    static const float values[] = { 0.0f, -0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 3.0f, -3.0f, 0.5f, -0.5f,
                                    1e30f, -1e30f, INFINITY, -INFINITY, NAN };

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
      for (size_t j = 0; j < sizeof values / sizeof values[0]; j++)
        {
          float got = sag_ref_binary (SAG_BINARY_POW, values[i], values[j]);
          float want = powf (values[i], values[j]);

          check_true (check, got == want || (got != got && want != want)
                                 || fabsf (got - want) <= 1e-6f * fabsf (want),
                      "pow (%g, %g) is %g, not %g", (double) values[i], (double) values[j],
                      (double) got, (double) want);
        }
  }
  check_true (check, sag_ref_unary (SAG_UNARY_LOG, 0.0f, 0, 0) == -INFINITY, "log (0)");
  check_true (check, isnan (sag_ref_unary (SAG_UNARY_LOG, -1.0f, 0, 0)), "log (-1)");
  check_true (check, sag_ref_unary (SAG_UNARY_LOG, INFINITY, 0, 0) == INFINITY, "log (inf)");
  check_true (check, sag_ref_exp (INFINITY) == INFINITY, "exp (inf)");
  check_true (check, sag_ref_exp (-INFINITY) == 0.0f, "exp (-inf)");
  check_true (check, isnan (sag_ref_exp (NAN)), "exp (nan)");
}
