/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-einsum.c: Einsum: written out as a matrix product or as products of elements where it is one,
 * otherwise by its definition; of more than two operands, as one of two after the other.
 *
 * Every letter is an axis with a size, and so is each axis of an ellipsis. Letters of the output are
 * walked outside (in parallel), the others summed inside, in the order of their first appearance.
 */
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* The last of the letters are the axes that "..." stands for, aligned at the right. */
enum { MAX_OPERANDS = 3, LETTERS = 52 + SAG_MAX_RANK };

typedef struct
{
  int    n_operands, n_kept, n_summed;
  gint64 size[LETTERS];                 /* 0: not used */
  gint64 stride[MAX_OPERANDS]
               [LETTERS]; /* elements; a letter twice in an operand walks the diagonal */
  int    kept[LETTERS], summed[LETTERS];
  int    axis[MAX_OPERANDS][SAG_MAX_RANK]; /* the letter of each operand's axes */
  int    n_axes[MAX_OPERANDS];
  gboolean plain; /* no letter twice in an operand, nothing repeated */
} Einsum;

static int
letter (char c)
{
  return g_ascii_isupper (c) ? c - 'A' + 26 : g_ascii_islower (c) ? c - 'a' : -1;
}

/* The next letter of a term, or `dots` axes of an ellipsis one by one; -1 at its end or where it is
 * none. `*dot` counts inside an ellipsis. */
static int
next_letter (const char **at, int dots, int *dot)
{
  while (**at == ' ')
    ++*at;
  if (**at == '.' && (*at)[1] == '.' && (*at)[2] == '.')
    {
      if (*dot < dots)
        return LETTERS - dots + (*dot)++;
      *at += 3;
      return next_letter (at, 0, dot);
    }
  if (letter (**at) < 0)
    return -1;
  return letter (*(*at)++);
}

/* Axes left for the ellipsis of the term at `at`, if it has one. */
static int
count_dots (const char *at, int rank)
{
  int letters = 0;
  gboolean dots = FALSE;

  for (; *at != '\0' && *at != ',' && *at != '-'; at++)
    {
      letters += letter (*at) >= 0;
      dots = dots || *at == '.';
    }
  return dots ? MAX (0, rank - letters) : 0;
}

/* One operand's letters; *at moves behind them. */
static gboolean
read_operand (const SagNode *node, int i, const char **at, Einsum *e, int *count, int *max_dots,
              GError **error)
{
  const SagValue *x = sag_node_input (node, i);
  int dots = count_dots (*at, x->shape.rank), dot = 0, l;
  gint64 strides[SAG_MAX_RANK];

  *max_dots = MAX (*max_dots, dots);
  sag_value_strides (x, strides);
  while ((l = next_letter (at, dots, &dot)) >= 0)
    {
      int axis = e->n_axes[i];
      gint64 n = axis < x->shape.rank ? x->shape.dim[axis] : 0;
      gboolean wide = l >= 52; /* axes of an ellipsis broadcast */

      if (n < 1 || (e->size[l] > 0 && e->size[l] != n && !(wide && (n == 1 || e->size[l] == 1))))
        return sag_node_invalid (node, error, "its equation does not fit its inputs");
      if (e->size[l] > 0 && e->size[l] != n)
        e->plain = FALSE;
      for (int k = 0; k < axis; k++)
        if (e->axis[i][k] == l)
          e->plain = FALSE;
      if (n > 1 || !wide)
        e->stride[i][l] += strides[axis];
      e->size[l] = MAX (e->size[l], n);
      e->axis[i][e->n_axes[i]++] = l;
      count[l]++;
    }
  if (**at == '.' || (**at != '\0' && **at != ',' && **at != '-'))
    return sag_node_unsupported (node, error, "its equation has something other than letters");
  return e->n_axes[i] == x->shape.rank
         || sag_node_invalid (node, error, "its equation does not fit its inputs");
}

static gboolean
read_equation (const SagNode *node, Einsum *e, GError **error)
{
  const char *at = sag_node_get_string (node, "equation", "");
  gboolean is_kept[LETTERS] = { FALSE };
  int count[LETTERS] = { 0 }, dots = 0, dot = 0, l;

  *e = (Einsum) { .n_operands = (int) node->inputs->len, .plain = TRUE };
  if (e->n_operands < 1 || e->n_operands > MAX_OPERANDS)
    return sag_node_unsupported (node, error, "it has %d inputs; more than 3 are supported if all its axes have letters",
                                 e->n_operands);
  for (int i = 0; i < e->n_operands; i++)
    {
      if (!sag_node_want_float (node, i, error) || !read_operand (node, i, &at, e, count, &dots, error))
        return FALSE;
      if (i + 1 < e->n_operands && *at++ != ',')
        return sag_node_invalid (node, error, "its equation has too few terms");
    }
  if (at[0] == '-' && at[1] == '>')
    {
      at += 2;
      while ((l = next_letter (&at, dots, &dot)) >= 0)
        {
          if (e->size[l] == 0 || is_kept[l])
            return sag_node_invalid (node, error, "its equation's output is not understood");
          is_kept[l] = TRUE;
          e->kept[e->n_kept++] = l;
        }
      if (*at != '\0')
        return sag_node_invalid (node, error, "its equation's output is not understood");
    }
  else if (*at != '\0')
    return sag_node_invalid (node, error, "its equation has too many terms");
  else /* the ellipsis, then letters that occur once, capitals first */
    for (int k = 0; k < LETTERS; k++)
      {
        l = k < SAG_MAX_RANK ? 52 + k : (k - SAG_MAX_RANK + 26) % 52;
        if (l >= 52 ? count[l] > 0 : count[l] == 1)
          {
            is_kept[l] = TRUE;
            e->kept[e->n_kept++] = l;
          }
      }
  if (e->n_kept > SAG_MAX_RANK)
    return sag_node_invalid (node, error, "its output has too many dimensions");
  for (l = 0; l < LETTERS; l++)
    if (e->size[l] > 0 && !is_kept[l])
      e->summed[e->n_summed++] = l;
  return TRUE;
}

/* ---- written out ------------------------------------------------------------------------ */

static gboolean
has_letter (const Einsum *e, int operand, int l)
{
  for (int i = 0; i < e->n_axes[operand]; i++)
    if (e->axis[operand][i] == l)
      return TRUE;
  return FALSE;
}

/* The operand with its axes in the order of `letters`; those it lacks have size 1. */
static SagValue *
arrange (SagBuild *b, const Einsum *e, int operand, int n, const int *letters)
{
  SagValue *x = sag_node_input (b->node, operand);
  gint64 perm[SAG_MAX_RANK], shape[SAG_MAX_RANK];
  int rank = 0;

  for (int i = 0; i < n; i++)
    {
      shape[i] = has_letter (e, operand, letters[i]) ? e->size[letters[i]] : 1;
      for (int k = 0; k < e->n_axes[operand]; k++)
        if (e->axis[operand][k] == letters[i])
          perm[rank++] = k;
    }
  x = sag_build_transpose (b, x, rank, perm);
  return rank == n ? x : sag_build_reshape (b, x, n, shape);
}

/* The letters that both operands and the output have; those that only `first` and the output have;
 * those that are summed. FALSE if there are others. */
typedef struct
{
  int    n_batch, n_a, n_b, n_k;
  int    batch[SAG_MAX_RANK], a[SAG_MAX_RANK], b[SAG_MAX_RANK], k[SAG_MAX_RANK];
  gint64 size_batch, size_a, size_b, size_k;
} Parts;

static gboolean
find_parts (const Einsum *e, int first, Parts *parts)
{
  *parts = (Parts){ .size_batch = 1, .size_a = 1, .size_b = 1, .size_k = 1 };
  for (int i = 0; i < e->n_kept + e->n_summed; i++)
    {
      gboolean kept = i < e->n_kept;
      int l = kept ? e->kept[i] : e->summed[i - e->n_kept];
      gboolean in_a = has_letter (e, first, l), in_b = has_letter (e, 1 - first, l);

      if (in_a && in_b && kept)
        {
          parts->batch[parts->n_batch++] = l;
          parts->size_batch *= e->size[l];
        }
      else if (in_a && in_b)
        {
          parts->k[parts->n_k++] = l;
          parts->size_k *= e->size[l];
        }
      else if (!kept)
        return FALSE;
      else if (in_a)
        {
          parts->a[parts->n_a++] = l;
          parts->size_a *= e->size[l];
        }
      else
        {
          parts->b[parts->n_b++] = l;
          parts->size_b *= e->size[l];
        }
    }
  return TRUE;
}

/* An operand as [batch][rows][columns] of letters, each group one axis. */
static SagValue *
as_matrices (SagBuild *b, const Einsum *e, int operand, const Parts *p, int n_rows, const int *rows,
             gint64 size_rows, int n_columns, const int *columns, gint64 size_columns)
{
  int letters[3 * SAG_MAX_RANK], n = 0;
  SagValue *x;

  for (int i = 0; i < p->n_batch; i++)
    letters[n++] = p->batch[i];
  for (int i = 0; i < n_rows; i++)
    letters[n++] = rows[i];
  for (int i = 0; i < n_columns; i++)
    letters[n++] = columns[i];
  x = arrange (b, e, operand, n, letters);
  if (p->n_batch == 1 && n_rows == 1 && n_columns == 1)
    return x;
  return sag_build_reshape (b, x, 3, (gint64[]){ p->size_batch, size_rows, size_columns });
}

static void
build_product (SagBuild *b, const Einsum *e, int first, const Parts *p)
{
  gint64 shape[SAG_MAX_RANK], perm[SAG_MAX_RANK];
  int made[SAG_MAX_RANK], n = 0, second = 1 - first;
  SagValue *x = as_matrices (b, e, first, p, p->n_a, p->a, p->size_a, p->n_k, p->k, p->size_k), *y;
  /* The second as it lies: its last axis summed is the turned form. */
  gboolean turned = e->axis[second][e->n_axes[second] - 1] == p->k[p->n_k - 1];

  if (turned)
    y = as_matrices (b, e, second, p, p->n_b, p->b, p->size_b, p->n_k, p->k, p->size_k);
  else
    y = as_matrices (b, e, second, p, p->n_k, p->k, p->size_k, p->n_b, p->b, p->size_b);
  if (turned)
    {
      x = sag_build_in (b, "com.microsoft", "FusedMatMul", 2, x, y);
      sag_node_set_int (x->producer, "transB", 1);
    }
  else
    x = sag_build (b, "MatMul", 2, x, y);
  for (int i = 0; i < p->n_batch + p->n_a + p->n_b; i++)
    made[n++] = i < p->n_batch ? p->batch[i]
                : i < p->n_batch + p->n_a ? p->a[i - p->n_batch] : p->b[i - p->n_batch - p->n_a];
  for (int i = 0; i < n; i++)
    {
      shape[i] = e->size[made[i]];
      for (int k = 0; k < n; k++)
        if (made[k] == e->kept[i])
          perm[i] = k;
    }
  x = sag_build_reshape (b, x, n, shape);
  sag_build_end (b, 0, sag_build_transpose (b, x, n, perm));
}

/* --- more than two operands: two at a time ------------------------------------------------- */

enum { MOST_TERMS = 16 };

typedef struct
{
  SagValue *x;
  guint64   letters; /* a bit each */
  char     *text;
} Term;

static double
size_of (guint64 letters, const gint64 *size)
{
  double n = 1;

  for (int l = 0; l < 52; l++)
    if (letters >> l & 1)
      n *= (double) size[l];
  return n;
}

static char *
text_of (guint64 letters)
{
  GString *text = g_string_new (NULL);

  for (int l = 0; l < 52; l++)
    if (letters >> l & 1)
      g_string_append_c (text, (char) (l < 26 ? 'a' + l : 'A' + l - 26));
  return g_string_free (text, FALSE);
}

static SagValue *
build_pair (SagBuild *b, const Term *one, const Term *other, const char *out)
{
  SagValue *y = sag_build (b, "Einsum", 2, one->x, other->x);
  SagAttribute *equation = g_new0 (SagAttribute, 1);

  *equation = (SagAttribute){ .name = g_strdup ("equation"), .kind = SAG_ATTRIBUTE_STRING,
                              .s = g_strdup_printf ("%s,%s->%s", one->text, other->text, out) };
  g_ptr_array_add (y->producer->attributes, equation);
  return y;
}

/* Always the two whose product is the smallest. Nothing is built where an equation is not of plain letters, with its
 * output stated. */
static gboolean
build_pairs (SagBuild *b, const SagNode *node)
{
  g_auto (GStrv) sides = g_strsplit (sag_node_get_string (node, "equation", ""), "->", -1), texts = NULL;
  gint64 size[52] = { 0 };
  Term term[MOST_TERMS];
  guint64 wanted = 0;
  int n = (int) node->inputs->len;
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (g_free);

  if (g_strv_length (sides) != 2 || n > MOST_TERMS)
    return FALSE;
  texts = g_strsplit (sides[0], ",", -1);
  if (g_strv_length (texts) != (guint) n)
    return FALSE;
  for (const char *c = g_strstrip (sides[1]); *c != '\0'; c++)
    if (letter (*c) < 0)
      return FALSE;
    else
      wanted |= (guint64) 1 << letter (*c);
  for (int i = 0; i < n; i++)
    {
      SagValue *x = sag_node_input (node, i);
      const char *text = g_strstrip (texts[i]);

      if (x == NULL || x->shape.rank != (int) strlen (text))
        return FALSE;
      term[i] = (Term){ x, 0, texts[i] };
      for (int k = 0; k < x->shape.rank; k++)
        {
          int l = letter (text[k]);

          if (l < 0 || (term[i].letters >> l & 1) || (size[l] > 0 && size[l] != x->shape.dim[k]))
            return FALSE;
          size[l] = x->shape.dim[k];
          term[i].letters |= (guint64) 1 << l;
        }
    }
  for (; n > 2; n--)
    {
      int first = 0, second = 1;
      double least = -1;
      guint64 kept = 0;

      for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
          {
            guint64 others = wanted, both = term[i].letters | term[j].letters;
            double cost;

            for (int k = 0; k < n; k++)
              if (k != i && k != j)
                others |= term[k].letters;
            cost = size_of (both & others, size) + 1e-3 * size_of (both, size);
            if (__builtin_popcountll (both & others) <= SAG_MAX_RANK && (least < 0 || cost < least))
              {
                least = cost;
                first = i;
                second = j;
                kept = both & others;
              }
          }
      if (least < 0)
        return FALSE;
      g_ptr_array_add (made, text_of (kept));
      term[first] = (Term){ build_pair (b, &term[first], &term[second], made->pdata[made->len - 1]), kept,
                            made->pdata[made->len - 1] };
      for (int k = second; k + 1 < n; k++)
        term[k] = term[k + 1];
    }
  sag_build_end (b, 0, build_pair (b, &term[0], &term[1], sides[1]));
  return TRUE;
}

static gboolean
expand_einsum (SagNode *node, int at, GError **error)
{
  SagBuild b = { node, at };
  gboolean swap;
  Einsum e;
  Parts parts;

  if (!sag_node_arity (node, (int) MAX (1, node->inputs->len), error))
    return FALSE;
  if (node->inputs->len > 2 && build_pairs (&b, node))
    return TRUE;
  if (!read_equation (node, &e, error))
    return FALSE;
  if (!e.plain || e.n_kept == 0 || e.n_operands < 2)
    return TRUE;
  if (e.n_summed == 0)
    {
      SagValue *y = arrange (&b, &e, 0, e.n_kept, e.kept);

      for (int i = 1; i < e.n_operands; i++)
        y = sag_build (&b, "Mul", 2, y, arrange (&b, &e, i, e.n_kept, e.kept));
      sag_build_end (&b, 0, y);
      return TRUE;
    }
  if (e.n_operands != 2 || !find_parts (&e, 0, &parts))
    return TRUE;
  /* The operand whose axes come first in the output comes first. */
  swap = FALSE;
  for (int i = 0; i < e.n_kept; i++)
    if (has_letter (&e, 0, e.kept[i]) != has_letter (&e, 1, e.kept[i]))
      {
        swap = has_letter (&e, 1, e.kept[i]);
        break;
      }
  if (swap)
    find_parts (&e, 1, &parts);
  build_product (&b, &e, swap, &parts);
  return TRUE;
}

/* ---- by definition ---------------------------------------------------------------------- */

static gboolean
infer_einsum (SagNode *node, GError **error)
{
  SagShape shape = { 0 };
  Einsum e;

  if (!sag_node_arity (node, (int) MAX (1, node->inputs->len), error)
      || !read_equation (node, &e, error))
    return FALSE;
  for (int i = 0; i < e.n_kept; i++)
    shape.dim[shape.rank++] = e.size[e.kept[i]];
  return sag_node_give (node, 0, SAG_DTYPE_F32, &shape, error);
}

static gboolean
prepare_einsum (SagNode *node, SagPrecision precision, GError **error)
{
  double work = (double) sag_value_count (sag_node_output (node, 0));
  Einsum e;

  if (!read_equation (node, &e, error))
    return FALSE;
  for (int i = 0; i < e.n_summed; i++)
    work *= (double) e.size[e.summed[i]];
  node->macs = (gint64) MIN (work, 1e18);
  return TRUE;
}

typedef struct
{
  Einsum       e;
  const float *x[MAX_OPERANDS];
  float       *y;
  gint64       lines; /* product of all summed sizes but the last */
} EinsumRun;

/* The sum over the last summed letter. */
static float
sum_line (const EinsumRun *run, const gint64 *at)
{
  const Einsum *e = &run->e;
  int l = e->n_summed > 0 ? e->summed[e->n_summed - 1] : -1;
  gint64 n = l >= 0 ? e->size[l] : 1, sa = l >= 0 ? e->stride[0][l] : 0;
  gint64 sb = l >= 0 ? e->stride[1][l] : 0, sc = l >= 0 ? e->stride[2][l] : 0;
  const float *a = run->x[0] + at[0], *b = run->x[1], *c = run->x[2];
  float sum = 0;

  if (e->n_operands == 2 && sa == 1 && sb == 1)
    return sag_kernels_get ()->reduce.dot ((size_t) n, a, b + at[1]);
  for (gint64 i = 0; i < n; i++)
    {
      float product = a[i * sa];

      if (e->n_operands > 1)
        product *= b[at[1] + i * sb];
      if (e->n_operands > 2)
        product *= c[at[2] + i * sc];
      sum += product;
    }
  return sum;
}

static void
einsum_items (gint64 item, gint64 to, int thread, gpointer data)
{
  const EinsumRun *run = data;
  const Einsum *e = &run->e;

  for (; item < to; item++)
    {
      gint64 start[MAX_OPERANDS] = { 0 }, rest = item;
      float sum = 0;

      for (int i = e->n_kept - 1; i >= 0; i--)
        {
          int l = e->kept[i];

          for (int o = 0; o < e->n_operands; o++)
            start[o] += rest % e->size[l] * e->stride[o][l];
          rest /= e->size[l];
        }
      for (gint64 line = 0; line < run->lines; line++)
        {
          gint64 at[MAX_OPERANDS];

          memcpy (at, start, sizeof at);
          rest = line;
          for (int i = e->n_summed - 2; i >= 0; i--)
            {
              int l = e->summed[i];

              for (int o = 0; o < e->n_operands; o++)
                at[o] += rest % e->size[l] * e->stride[o][l];
              rest /= e->size[l];
            }
          sum += sum_line (run, at);
        }
      run->y[item] = sum;
    }
}

static void
run_einsum (const SagStep *step)
{
  EinsumRun run = { .y = sag_step_out (step, 0), .lines = 1 };
  gint64 work = 1;

  read_equation (step->node, &run.e, NULL);
  for (int i = 0; i < run.e.n_operands; i++)
    run.x[i] = sag_step_in (step, i);
  for (int i = 0; i + 1 < run.e.n_summed; i++)
    run.lines *= run.e.size[run.e.summed[i]];
  work = run.lines * (run.e.n_summed > 0 ? run.e.size[run.e.summed[run.e.n_summed - 1]] : 1);
  sag_range_run (sag_value_count (sag_node_output (step->node, 0)),
                 MAX (1, SAG_GRAIN / MAX (1, work)), einsum_items, &run);
}

const SagOp sag_ops_einsum[] = {
  { "Einsum", "", infer_einsum, NULL, prepare_einsum, NULL, run_einsum, .expand = expand_einsum },
  { NULL },
};
