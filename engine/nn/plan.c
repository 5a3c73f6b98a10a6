/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: the steps of a graph in order, and where everything lies.
 */
#include "engine/nn/plan.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/nn/op-util.h"

#include <string.h>

/* A piece of the arena: a value's elements, or a step's scratch. */
typedef struct
{
  SagValue *value; /* or NULL: scratch of step `first` */
  int       first, last;
  gsize     bytes, offset;
  gsize     before, after; /* of the bytes: room in front of the value and behind it, for others over it */
} Piece;

enum { TRAIL_BYTES = 4 << 20 }; /* smaller values are not worth it */

static SagValue *
root_of (SagValue *value)
{
  while (value->view_of != NULL)
    value = value->view_of;
  return value;
}

/* Bytes from where the root begins. */
static gint64
shift_of (const SagValue *value)
{
  gint64 shift = 0;

  for (; value->view_of != NULL; value = value->view_of)
    shift += value->shift;
  return shift;
}

static gboolean
value_bytes (const SagValue *value, gsize *bytes)
{
  gint64 n = sag_value_count (value);

  return n >= 0 && sag_dtype_get_bytes (value->dtype, (gsize) n, bytes)
         && g_size_checked_add (bytes, *bytes, SAG_ALIGN - 1)
         && ((*bytes &= ~(gsize) (SAG_ALIGN - 1)), TRUE);
}

/* value->index: the piece of a root, or -1 if it lies outside of the arena. */
typedef struct
{
  SagPlan *plan;
  GArray  *pieces;
} Draft;

static void
mark_outside (GPtrArray *values)
{
  for (guint i = 0; i < values->len; i++)
    ((SagValue *) values->pdata[i])->index = -2;
}

/* Output 0 over input 0, some way before or behind its start: whichever makes the piece grow less. */
static gboolean
place_trailing (const SagNode *node, SagValue *output, int at, const int *last_use, Piece *pieces,
                const int *piece_of)
{
  SagValue *input = sag_node_input (node, 0), *root;
  gsize have, want, own, trail = (node->trails + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
  gint64 shift, before, after;
  Piece *piece;

  if (node->trails == 0 || input == NULL || input->constant != NULL)
    return FALSE;
  root = root_of (input);
  if (root->index < 0 || last_use[root->index] != at || !value_bytes (root, &have)
      || !value_bytes (output, &want) || have != want || !value_bytes (input, &own) || own != want
      || want < TRAIL_BYTES || trail > want / 2)
    return FALSE;
  for (int j = 1; j < (int) node->inputs->len; j++)
    if (sag_node_input (node, j) != NULL && root_of (sag_node_input (node, j)) == root)
      return FALSE;
  piece = &pieces[piece_of[root->index]];
  shift = shift_of (input);
  before = MAX (0, (gint64) trail - shift - (gint64) piece->before);
  after = MAX (0, shift + (gint64) trail - (gint64) piece->after);
  output->view_of = root;
  output->shift = before <= after ? shift - (gint64) trail : shift + (gint64) trail;
  if (before <= after)
    piece->before += (gsize) before;
  else
    piece->after += (gsize) after;
  piece->bytes = want + piece->before + piece->after;
  return TRUE;
}

/* Finds an input over which output 0 can be written at step `at`, and makes it so. */
static gboolean
place_over (Draft *draft, SagNode *node, SagValue *output, int at, const int *last_use)
{
  for (int i = 0; i < 32 && i < (int) node->inputs->len; i++)
    {
      SagValue *input = sag_node_input (node, i), *root;
      gsize have, want, own;
      gboolean alone = TRUE;

      if (!(node->inplace >> i & 1) || input == NULL || input->constant != NULL)
        continue;
      root = root_of (input);
      if (root->index < 0 || last_use[root->index] != at || !value_bytes (root, &have)
          || !value_bytes (output, &want) || have != want || !value_bytes (input, &own) || own != want)
        continue;
      for (int j = 0; j < (int) node->inputs->len; j++)
        {
          SagValue *other = sag_node_input (node, j);

          if (other != NULL && j != i && root_of (other) == root && !(node->inplace >> j & 1))
            alone = FALSE;
        }
      if (!alone)
        continue;
      output->view_of = root;
      output->shift = shift_of (input);
      return TRUE;
    }
  return FALSE;
}

static int
add_piece (Draft *draft, SagValue *value, int step, gsize bytes)
{
  Piece piece = { value, step, step, bytes, 0, 0, 0 };

  g_array_append_val (draft->pieces, piece);
  return (int) draft->pieces->len - 1;
}

/* The last step that reads each root, views included; indexed by a number given in node order. */
static int *
find_last_uses (SagPlan *plan, GPtrArray *order)
{
  SagGraph *graph = plan->graph;
  int n = 0, *last;

  for (guint i = 0; i < graph->values->len; i++)
    {
      SagValue *value = graph->values->pdata[i];

      value->view_of = NULL;
      value->shift = 0;
      value->index = -2;
    }
  for (guint i = 0; i < order->len; i++)
    {
      SagNode *node = order->pdata[i];

      for (guint j = 0; j < node->outputs->len; j++)
        if (node->outputs->pdata[j] != NULL)
          ((SagValue *) node->outputs->pdata[j])->index = n++;
      if (node->view)
        {
          SagValue *whole = sag_node_input (node, 0), *part = sag_node_output (node, 0);

          part->shift = shift_of (whole) + node->view_shift;
          part->view_of = root_of (whole);
        }
    }
  mark_outside (graph->inputs);
  mark_outside (graph->outputs);
  mark_outside (graph->captures);
  last = g_new (int, MAX (n, 1));
  memset (last, -1, sizeof (int) * MAX (n, 1));
  for (guint i = 0; i < order->len; i++)
    {
      SagNode *node = order->pdata[i];

      for (guint j = 0; j < node->inputs->len; j++)
        {
          SagValue *input = sag_node_input (node, (int) j);

          if (input != NULL && root_of (input)->index >= 0)
            last[root_of (input)->index] = (int) i;
        }
    }
  return last;
}

static gboolean
collect_pieces (Draft *draft, GPtrArray *order, GError **error)
{
  g_autofree int *last_use = find_last_uses (draft->plan, order);
  g_autofree int *piece_of = g_new0 (int, draft->plan->graph->values->len + 1);
  gsize bytes;

  for (guint i = 0; i < order->len; i++)
    {
      SagNode *node = order->pdata[i];

      for (guint j = 0; j < node->outputs->len; j++)
        {
          SagValue *value = node->outputs->pdata[j];
          int uses;

          if (value == NULL || value->view_of != NULL || value->index < 0)
            continue;
          uses = last_use[value->index];
          if (j == 0
              && (place_over (draft, node, value, (int) i, last_use)
                  || place_trailing (node, value, (int) i, last_use, (Piece *) (gpointer) draft->pieces->data,
                                     piece_of)))
            {
              int root = root_of (value)->index;
              Piece *piece = &g_array_index (draft->pieces, Piece, piece_of[root]);

              piece->last = MAX (piece->last, uses);
              last_use[root] = MAX (last_use[root], uses);
              continue;
            }
          if (!value_bytes (value, &bytes))
            return sag_node_invalid (node, error, "its output is too large");
          piece_of[value->index] = add_piece (draft, value, (int) i, bytes);
          g_array_index (draft->pieces, Piece, piece_of[value->index]).last = MAX ((int) i, uses);
        }
      if (node->scratch_bytes > 0)
        {
          if (!g_size_checked_add (&bytes, node->scratch_bytes, SAG_ALIGN - 1))
            return sag_node_invalid (node, error, "its working memory is too large");
          add_piece (draft, NULL, (int) i, bytes & ~(gsize) (SAG_ALIGN - 1));
        }
    }
  return TRUE;
}

static int
compare_pieces (gconstpointer a, gconstpointer b)
{
  const Piece *x = *(Piece *const *) a, *y = *(Piece *const *) b;

  if (x->bytes != y->bytes)
    return x->bytes > y->bytes ? -1 : 1;
  if (x->last - x->first != y->last - y->first)
    return y->last - y->first - (x->last - x->first);
  return x->first != y->first ? x->first - y->first : (x < y ? -1 : x > y);
}

static int
compare_offsets (gconstpointer a, gconstpointer b)
{
  const Piece *x = *(Piece *const *) a, *y = *(Piece *const *) b;

  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Placed pieces by when they live: of each of so many stretches of steps, those that live in it. A piece
 * then looks only at its neighbours in time, and ten thousand layers cost no more than a hundred times a
 * hundred. */
enum
{
  STRETCHES = 256,
  FEW = 256, /* neighbours */
  TAIL = 32, /* pieces that are put in their places one by one */
};

typedef struct
{
  int        n_steps;
  GPtrArray *stretch[STRETCHES];
  GArray    *all; /* copies of every piece, the first n_sorted by offset: where nearly all are neighbours */
  guint      n_sorted;
} Timeline;

static int
stretch_of (const Timeline *self, int step)
{
  return (int) ((gint64) step * STRETCHES / self->n_steps);
}

/* The lowest offset where `piece` fits between `n` placed ones, by offset, of which it minds those that live
 * while it does. */
static gsize
find_gap (const Piece *piece, guint n, const Piece *(*nth) (gconstpointer list, guint i), gconstpointer list)
{
  gsize at = 0;

  for (guint k = 0; k < n; k++)
    {
      const Piece *other = nth (list, k);

      if (other->last < piece->first || other->first > piece->last)
        continue;
      if (other->offset >= at && other->offset - at >= piece->bytes)
        break;
      at = MAX (at, other->offset + other->bytes);
    }
  return at;
}

static const Piece *
nth_found (gconstpointer list, guint i)
{
  return ((const GPtrArray *) list)->pdata[i];
}

static const Piece *
nth_of_all (gconstpointer list, guint i)
{
  return &g_array_index ((const GArray *) list, const Piece, i);
}

/* Those that live while `piece` does, by offset; FALSE if they are many. */
static gboolean
find_neighbours (const Timeline *self, const Piece *piece, GPtrArray *found)
{
  int from = stretch_of (self, piece->first), to = stretch_of (self, piece->last);

  g_ptr_array_set_size (found, 0);
  for (int s = from; s <= to; s++)
    for (guint i = 0; i < self->stretch[s]->len; i++)
      {
        Piece *other = self->stretch[s]->pdata[i];

        if (other->last >= piece->first && other->first <= piece->last
            && s == MAX (from, stretch_of (self, other->first)))
          g_ptr_array_add (found, other);
        if (found->len > FEW)
          return FALSE;
      }
  g_ptr_array_sort (found, compare_offsets);
  return TRUE;
}

static void
remember (Timeline *self, Piece *piece)
{
  g_array_append_val (self->all, *piece);
  for (int s = stretch_of (self, piece->first); s <= stretch_of (self, piece->last); s++)
    g_ptr_array_add (self->stretch[s], piece);
}

static int
compare_copies (gconstpointer a, gconstpointer b)
{
  const Piece *x = a, *y = b;

  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Only when they are asked for: most pieces have few neighbours. */
static void
sort_all (Timeline *self)
{
  if (self->all->len - self->n_sorted > TAIL)
    g_array_sort (self->all, compare_copies);
  else
    for (guint i = self->n_sorted; i < self->all->len; i++)
      {
        Piece piece = *nth_of_all (self->all, i);
        guint k = i;

        while (k > 0 && nth_of_all (self->all, k - 1)->offset > piece.offset)
          k--;
        memmove (&g_array_index (self->all, Piece, k + 1), &g_array_index (self->all, Piece, k), (i - k) * sizeof piece);
        g_array_index (self->all, Piece, k) = piece;
      }
  self->n_sorted = self->all->len;
}

/* Largest first, and of equal ones those that live longest; each at the lowest offset that is free for as long as it lives. */
static gboolean
place_pieces (Draft *draft, GError **error)
{
  g_autoptr (GPtrArray) by_size = g_ptr_array_new ();
  g_autoptr (GPtrArray) placed = g_ptr_array_new (); /* neighbours, by offset */
  Timeline timeline = { .n_steps = MAX (draft->plan->n_steps, 1),
                        .all = g_array_new (FALSE, FALSE, sizeof (Piece)) };
  gboolean good = TRUE;

  for (int s = 0; s < STRETCHES; s++)
    timeline.stretch[s] = g_ptr_array_new ();
  for (guint i = 0; i < draft->pieces->len; i++)
    g_ptr_array_add (by_size, &g_array_index (draft->pieces, Piece, i));
  g_ptr_array_sort (by_size, compare_pieces);
  for (guint i = 0; good && i < by_size->len; i++)
    {
      Piece *piece = by_size->pdata[i];
      gsize end;

      if (find_neighbours (&timeline, piece, placed))
        piece->offset = find_gap (piece, placed->len, nth_found, placed);
      else
        {
          sort_all (&timeline);
          piece->offset = find_gap (piece, timeline.all->len, nth_of_all, timeline.all);
        }
      if (!g_size_checked_add (&end, piece->offset, piece->bytes))
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                       "The network needs more memory than any machine has");
          good = FALSE;
        }
      draft->plan->arena_bytes = MAX (draft->plan->arena_bytes, end);
      remember (&timeline, piece);
    }
  for (int s = 0; s < STRETCHES; s++)
    g_ptr_array_unref (timeline.stretch[s]);
  g_array_unref (timeline.all);
  return good;
}

static gboolean
add_costs (SagPlan *plan, GPtrArray *order, GError **error)
{
  for (guint i = 0; i < order->len; i++)
    {
      SagNode *node = order->pdata[i];
      SagStep *step = &plan->steps[i];
      gsize rounded;

      step->node = node;
      step->cost = (double) node->macs;
      for (guint j = 0; j < node->outputs->len; j++)
        if (node->outputs->pdata[j] != NULL)
          step->cost += 8 * (double) sag_value_count (node->outputs->pdata[j]);
      plan->cost += step->cost;
      plan->macs += MIN (node->macs, G_MAXINT64 - plan->macs);
      if (!g_size_checked_add (&rounded, node->packed_bytes, SAG_ALIGN - 1)
          || !g_size_checked_add (&plan->packed_bytes, plan->packed_bytes,
                                  rounded & ~(gsize) (SAG_ALIGN - 1)))
        return sag_node_invalid (node, error, "its weights are too large");
    }
  return TRUE;
}

SagPlan *
sag_plan_new (SagGraph *graph, GError **error)
{
  g_autoptr (SagPlan) plan = g_new0 (SagPlan, 1);
  g_autoptr (GPtrArray) order = g_ptr_array_new ();
  Draft draft = { plan, g_array_new (FALSE, FALSE, sizeof (Piece)) };
  gboolean good;

  plan->graph = graph;
  g_ptr_array_extend (order, graph->nodes, NULL, NULL);
  plan->steps = g_new0 (SagStep, MAX (order->len, 1));
  plan->n_steps = (int) order->len;
  good = collect_pieces (&draft, order, error) && place_pieces (&draft, error)
         && add_costs (plan, order, error);
  for (guint i = 0; good && i < draft.pieces->len; i++)
    {
      Piece *piece = &g_array_index (draft.pieces, Piece, i);

      if (piece->value != NULL)
        piece->value->offset = piece->offset + piece->before;
      else
        plan->steps[piece->first].offset = piece->offset;
    }
  g_array_unref (draft.pieces);
  return good ? g_steal_pointer (&plan) : NULL;
}

void
sag_plan_free (SagPlan *self)
{
  if (self == NULL)
    return;
  g_free (self->steps);
  g_free (self);
}

/* As numbers: while its weights are packed a plan is bound to no memory, and nothing may be read there. */
static void *
place (void *start, gsize offset)
{
  return (void *) ((guintptr) start + offset);
}

void
sag_plan_bind (SagPlan *self, void *arena, void *packed)
{
  guint8 *at = packed;

  for (int i = 0; i < self->n_steps; i++)
    {
      SagStep *step = &self->steps[i];
      SagNode *node = step->node;

      step->scratch = place (arena, step->offset);
      node->packed = at;
      at = place (at, (node->packed_bytes + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1));
      for (guint j = 0; j < node->outputs->len; j++)
        {
          SagValue *value = node->outputs->pdata[j];

          if (value != NULL && value->view_of == NULL && value->index >= 0)
            value->data = place (arena, value->offset);
        }
    }
}

/* The last step whose packing reads each constant; after all steps, if a run reads it. */
static void
find_last_packed (SagPlan *self)
{
  for (int i = 0; i < self->n_steps; i++)
    for (guint j = 0; j < self->steps[i].node->inputs->len; j++)
      {
        SagValue *value = sag_node_input (self->steps[i].node, (int) j);

        if (value != NULL && value->constant != NULL)
          value->index = -1;
      }
  for (int i = 0; i < self->n_steps; i++)
    for (guint j = 0; j < self->steps[i].node->inputs->len; j++)
      {
        const SagNode *node = self->steps[i].node;
        SagValue *value = sag_node_input (node, (int) j);

        if (value != NULL && value->constant != NULL)
          value->index = MAX (value->index, j < 32 && (node->packed_inputs >> j & 1) ? i : self->n_steps);
      }
}

void
sag_plan_pack (SagPlan *self)
{
  find_last_packed (self);
  for (int i = 0; i < self->n_steps; i++)
    {
      SagNode *node = self->steps[i].node;

      if (node->op->pack != NULL)
        node->op->pack (node);
      for (guint j = 0; j < node->inputs->len; j++)
        {
          SagValue *value = sag_node_input (node, (int) j);

          if (value != NULL && value->constant != NULL && value->index == i && value->constant->owned != NULL)
            {
              sag_free (g_steal_pointer (&value->constant->owned));
              value->constant->data = value->data = NULL;
            }
        }
    }
}

/* What a step made, to whoever watches. */
static void
tell (const SagRun *run, const SagNode *node)
{
  for (guint j = 0; j < node->outputs->len; j++)
    {
      const SagValue *value = node->outputs->pdata[j];

      if (value != NULL && value->dtype == SAG_DTYPE_F32)
        run->seen (value->name, sag_value_count (value), value->data, run->seen_data);
    }
}

gboolean
sag_plan_run (SagPlan *self, SagRun *run)
{
  for (int i = 0; i < self->n_steps; i++)
    {
      SagStep *step = &self->steps[i];
      SagNode *node = step->node;

      step->run = run;
      for (guint j = 0; j < node->outputs->len; j++)
        {
          SagValue *value = node->outputs->pdata[j];

          if (value != NULL && value->view_of != NULL)
            value->data = (guint8 *) root_of (value)->data + shift_of (value);
        }
      if (!sag_step_go_on (step, 0, 0))
        return FALSE;
      if (self->counting)
        sag_saturation_count_read (&self->saturation, node);
      if (!node->view)
        {
          gint64 start = g_get_monotonic_time ();

          node->op->run (step);
          step->elapsed = g_get_monotonic_time () - start;
        }
      if (self->counting)
        sag_saturation_count_made (&self->saturation, node);
      if (run->seen != NULL)
        tell (run, node);
      run->done += step->cost;
      if (g_atomic_int_get (&run->stopped))
        return FALSE;
    }
  return TRUE;
}
