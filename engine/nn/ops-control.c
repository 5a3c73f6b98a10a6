/* SPDX-License-Identifier: Apache-2.0
 *
 * ops-control.c: If, Loop and Scan: graphs within a node.
 *
 * A body is compiled like a graph of its own; its plan, bound into the node's scratch, runs once a
 * trip. State goes from a trip's outputs to the next trip's inputs through two areas in turn.
 * Trip counts are known when the model loads, because shapes are; a condition may end a Loop early
 * only where no output grows with the trips.
 */
#include "engine/base/alloc.h"
#include "engine/nn/build.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"
#include "engine/nn/plan.h"

#include <string.h>

#define MAX_TRIPS ((gint64) 1 << 20)
#define MOST_WHILE ((gint64) 1 << 14) /* of a Loop that only its own condition ends */
#define MAX_STEPS ((double) (1 << 23)) /* of all trips, those of loops inside included */

static gsize
round_up (gsize bytes)
{
  return (bytes + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
}

static gsize
value_bytes (const SagValue *value)
{
  return (gsize) sag_value_count (value) * sag_dtype_size (value->dtype);
}

/* The last n_captures inputs of the node, from `first` on, are the body's captures. */
static void
pass_captures_in (SagNode *node, SagGraph *body, guint first)
{
  for (guint i = 0; i < body->captures->len; i++)
    {
      SagValue *inner = body->captures->pdata[i];
      const SagValue *outer = sag_node_input (node, (int) (first + i));

      inner->dtype = outer->dtype;
      inner->shape = outer->shape;
      if (outer->constant != NULL && inner->constant == NULL)
        {
          inner->constant = g_memdup2 (outer->constant, sizeof *outer->constant);
          inner->constant->owned = NULL; /* the outer value's */
          inner->data = (void *) inner->constant->data;
        }
    }
}

static void
copy_type (SagValue *to, const SagValue *from)
{
  to->dtype = from->dtype;
  to->shape = from->shape;
}

static SagGraph *
get_body (const SagNode *node, const char *name, GError **error)
{
  const SagAttribute *attribute = sag_node_attribute (node, name);

  if (attribute == NULL || attribute->kind != SAG_ATTRIBUTE_GRAPH)
    {
      sag_node_invalid (node, error, "it has no body '%s'", name);
      return NULL;
    }
  return attribute->graph;
}

static guint
first_capture (const SagNode *node)
{
  return node->inputs->len - (guint) node->n_captures;
}

/* Shapes of the body; once, since folding changes it. */
static gboolean
compile_body (SagNode *node, SagGraph *body, GError **error)
{
  if (body->compiled)
    return TRUE;
  body->compiled = TRUE;
  if (sag_pass_fold (body, error))
    return TRUE;
  g_prefix_error (error, "In the body of '%s': ", node->op->name);
  return FALSE;
}

/* ---- what prepare makes of a body ------------------------------------------------------- */

typedef struct
{
  SagPlan *plan[2]; /* Loop, Scan: one; If: two */
  gsize    packed[2], arena[2]; /* offsets */
  double   steps; /* of one run */
} Bodies;

static void
bodies_free (gpointer data)
{
  Bodies *self = data;

  sag_plan_free (self->plan[0]);
  sag_plan_free (self->plan[1]);
  g_free (self);
}

static gboolean
prepare_bodies (SagNode *node, SagGraph **graphs, int n, SagPrecision precision, GError **error)
{
  Bodies *self = g_new0 (Bodies, 1);

  if (node->free_state != NULL)
    node->free_state (node->state);
  node->state = self;
  node->free_state = bodies_free;
  node->kernel = "body";
  for (int i = 0; i < n; i++)
    {
      if (graphs[i]->compiled < 2 && !sag_pass_body (graphs[i], precision, error))
        return FALSE;
      graphs[i]->compiled = 2;
      self->plan[i] = sag_plan_new (graphs[i], error);
      if (self->plan[i] == NULL)
        return FALSE;
      self->packed[i] = node->packed_bytes;
      self->arena[i] = node->scratch_bytes;
      if (!g_size_checked_add (&node->packed_bytes, node->packed_bytes,
                               round_up (self->plan[i]->packed_bytes))
          || !g_size_checked_add (&node->scratch_bytes, node->scratch_bytes,
                                  round_up (self->plan[i]->arena_bytes)))
        return sag_node_invalid (node, error, "it is too large");
    }
  return TRUE;
}

/* Steps of one run of a plan, with those of the bodies in it. */
static double
count_steps (const SagPlan *plan)
{
  double steps = plan->n_steps;

  for (int i = 0; i < plan->n_steps; i++)
    if (plan->steps[i].node->free_state == bodies_free)
      steps += ((const Bodies *) plan->steps[i].node->state)->steps;
  return steps;
}

/* The work of all trips; each step of a trip costs something even if it multiplies nothing. */
static gboolean
count_trips (SagNode *node, GError **error)
{
  Bodies *self = node->state;
  double trips = (double) sag_node_get_int (node, "sagitta_trips", 0);
  double work = (self->plan[0]->cost + 1000.0 * self->plan[0]->n_steps) * trips;

  node->macs = work < 1e18 ? (gint64) work : (gint64) 1e18;
  self->steps = count_steps (self->plan[0]) * trips;
  return self->steps <= MAX_STEPS
         || sag_node_unsupported (node, error, "it and the loops in it make too many trips");
}

static void
pack_bodies (SagNode *node)
{
  Bodies *self = node->state;

  for (int i = 0; i < 2 && self->plan[i] != NULL; i++)
    {
      sag_plan_bind (self->plan[i], NULL, (guint8 *) node->packed + self->packed[i]);
      sag_plan_pack (self->plan[i]);
    }
}

/* Points the body at this step's scratch and captures. */
static void
bind_body (const SagStep *step, int which, guint first)
{
  Bodies *self = step->node->state;
  SagGraph *body = self->plan[which]->graph;

  sag_plan_bind (self->plan[which], (guint8 *) step->scratch + self->arena[which],
                 (guint8 *) step->node->packed + self->packed[which]);
  for (guint i = 0; i < body->captures->len; i++)
    {
      SagValue *inner = body->captures->pdata[i];

      if (inner->constant == NULL)
        inner->data = sag_node_input (step->node, (int) (first + i))->data;
    }
}

/* The steps of a trip ask the whole run whether to go on; its fraction stays where the trip began. */
typedef struct
{
  const SagStep *step;
  double         part;
} Trip;

static gboolean
trip_goes_on (double fraction, gpointer data)
{
  const Trip *trip = data;

  return sag_step_go_on (trip->step, 0, trip->part);
}

static void
give_up (const SagStep *step, const SagNode *loop)
{
  step->run->endless = loop;
  g_atomic_int_set (&step->run->stopped, TRUE);
}

/* FALSE if the whole run was stopped. */
static gboolean
run_body (const SagStep *step, int which, double part)
{
  Bodies *self = step->node->state;
  Trip trip = { step, part };
  const SagTick tick = { trip_goes_on, &trip };
  SagRun inner = { .tick = &tick, .total = 1 };

  if (sag_plan_run (self->plan[which], &inner))
    return TRUE;
  if (inner.endless != NULL)
    give_up (step, inner.endless);
  return FALSE;
}

/* ---- If --------------------------------------------------------------------------------- */

static gboolean
infer_if (SagNode *node, GError **error)
{
  SagGraph *branches[2] = { get_body (node, "then_branch", error), NULL };

  branches[1] = branches[0] != NULL ? get_body (node, "else_branch", error) : NULL;
  if (branches[1] == NULL)
    return FALSE;
  if (node->inputs->len - (guint) node->n_captures != 1 || sag_node_input (node, 0) == NULL
      || sag_value_count (sag_node_input (node, 0)) != 1
      || sag_node_input (node, 0)->dtype != SAG_DTYPE_BOOL)
    return sag_node_invalid (node, error, "its condition is not one bool");
  for (int i = 0; i < 2; i++)
    {
      if (branches[i]->outputs->len != node->outputs->len || branches[i]->inputs->len != 0)
        return sag_node_invalid (node, error, "a branch has another number of outputs");
      pass_captures_in (node, branches[i], 1 + (i == 1 ? branches[0]->captures->len : 0));
      if (!compile_body (node, branches[i], error))
        return FALSE;
    }
  for (guint i = 0; i < node->outputs->len; i++)
    {
      const SagValue *a = branches[0]->outputs->pdata[i], *b = branches[1]->outputs->pdata[i];

      if (a->dtype != b->dtype || !sag_shape_equal (&a->shape, &b->shape))
        return sag_node_unsupported (
            node, error,
            "its branches give different shapes and its condition depends on the data");
      if (!sag_node_give (node, (int) i, a->dtype, &a->shape, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
prepare_if (SagNode *node, SagPrecision precision, GError **error)
{
  SagGraph *branches[2] = { get_body (node, "then_branch", error),
                            get_body (node, "else_branch", error) };
  Bodies *self;

  for (guint i = 0; i < node->outputs->len; i++) /* a place for outputs nobody wants */
    if (sag_node_output (node, (int) i) == NULL)
      return sag_node_unsupported (node, error, "an output is unused");
  if (!prepare_bodies (node, branches, 2, precision, error))
    return FALSE;
  self = node->state;
  self->steps = MAX (count_steps (self->plan[0]), count_steps (self->plan[1]));
  return TRUE;
}

static void
run_if (const SagStep *step)
{
  Bodies *self = step->node->state;
  int which = *(const guint8 *) sag_step_in (step, 0) != 0 ? 0 : 1;
  guint first = 1 + (which == 1 ? self->plan[0]->graph->captures->len : 0);

  bind_body (step, which, first);
  for (guint i = 0; i < step->node->outputs->len; i++)
    ((SagValue *) self->plan[which]->graph->outputs->pdata[i])->data = sag_step_out (step, (int) i);
  run_body (step, which, 0);
}

/* ---- Loop ------------------------------------------------------------------------------- */

/* inputs: M, cond, state...; body: (i, cond, state...) -> (cond, state..., slices...). */
static gboolean
infer_loop (SagNode *node, GError **error)
{
  SagGraph *body = get_body (node, "body", error);
  int n_state = (int) first_capture (node) - 2;
  const SagValue *trips = sag_node_input (node, 0), *cond = sag_node_input (node, 1), *again;
  gint64 m;

  if (body == NULL)
    return FALSE;
  if (n_state < 0 || body->inputs->len != (guint) n_state + 2
      || body->outputs->len < (guint) n_state + 1 || node->outputs->len > body->outputs->len - 1)
    return sag_node_invalid (node, error, "its body has another number of inputs or outputs");
  if (cond != NULL && (sag_value_count (cond) != 1 || cond->dtype != SAG_DTYPE_BOOL))
    return sag_node_invalid (node, error, "its condition is not one bool");
  m = trips == NULL ? G_MAXINT64
      : trips->constant != NULL && sag_value_count (trips) == 1 ? sag_tensor_get_int (trips->constant, 0)
                                                                : -1;
  if (cond != NULL && cond->constant != NULL && sag_tensor_get_int (cond->constant, 0) == 0)
    m = 0;
  /* Where a trip decides whether there is another: a run that would go on after so many fails. */
  sag_node_set_int (node, "sagitta_open", m > MAX_TRIPS && sag_loop_decides (body));
  if (sag_node_get_int (node, "sagitta_open", 0))
    m = MOST_WHILE;
  if (m < 0 || m > MAX_TRIPS)
    return sag_node_unsupported (node, error,
                                 "it makes too many trips, or a number not known at load");
  sag_node_set_int (node, "sagitta_trips", m);

  copy_type (body->inputs->pdata[0], &(SagValue) { .dtype = SAG_DTYPE_I64 });
  copy_type (body->inputs->pdata[1], &(SagValue) { .dtype = SAG_DTYPE_BOOL });
  for (int i = 0; i < n_state; i++)
    {
      if (sag_node_input (node, 2 + i) == NULL)
        return sag_node_invalid (node, error, "a state input is missing");
      copy_type (body->inputs->pdata[2 + i], sag_node_input (node, 2 + i));
    }
  pass_captures_in (node, body, first_capture (node));
  if (!compile_body (node, body, error))
    return FALSE;
  again = body->outputs->pdata[0];
  if (again->dtype != SAG_DTYPE_BOOL || sag_value_count (again) != 1)
    return sag_node_invalid (node, error, "its body's condition is not one bool");
  for (guint i = 0; i + 1 < body->outputs->len; i++)
    {
      const SagValue *out = body->outputs->pdata[1 + i];
      SagShape shape = out->shape;

      if ((int) i < n_state)
        {
          const SagValue *in = body->inputs->pdata[2 + i];

          if (!sag_shape_equal (&in->shape, &shape) || in->dtype != out->dtype)
            return sag_node_unsupported (node, error,
                                         "a state changes its shape from trip to trip");
        }
      else
        {
          if (shape.rank == SAG_MAX_RANK)
            return sag_node_invalid (node, error, "an output has too many dimensions");
          if (again->constant == NULL
              && !(again->producer == NULL && again == body->inputs->pdata[1]))
            return sag_node_unsupported (node, error,
                                         "its condition decides how large an output is");
          memmove (shape.dim + 1, shape.dim, sizeof shape.dim - sizeof shape.dim[0]);
          shape.dim[0] = m;
          shape.rank++;
        }
      if (!sag_node_give (node, (int) i, out->dtype, &shape, error))
        return FALSE;
    }
  return TRUE;
}

/* Scratch after the body's arena: trip number and condition, then two areas for each state and one
 * for each slice. */
static gboolean
prepare_loop (SagNode *node, SagPrecision precision, GError **error)
{
  SagGraph *body = get_body (node, "body", error);

  if (!prepare_bodies (node, &body, 1, precision, error))
    return FALSE;
  if (!count_trips (node, error))
    return FALSE;
  node->scratch_bytes = round_up (node->scratch_bytes) + 4 * SAG_ALIGN;
  for (guint i = 0; i < body->outputs->len; i++)
    if (!g_size_checked_add (&node->scratch_bytes, node->scratch_bytes,
                             2 * round_up (value_bytes (body->outputs->pdata[i]))))
      return sag_node_invalid (node, error, "it is too large");
  return TRUE;
}

/* Copies slice `i` of an output that grows along `axis`. */
static void
put_slice (SagValue *whole, int axis, gint64 i, const SagValue *slice)
{
  gint64 inner = sag_shape_product (&slice->shape, axis, slice->shape.rank);
  gint64 outer = sag_shape_product (&slice->shape, 0, axis), n = whole->shape.dim[axis];
  gint64 size = (gint64) sag_dtype_size (slice->dtype);

  for (gint64 o = 0; o < outer; o++)
    memcpy ((char *) whole->data + (o * n + i) * inner * size,
            (const char *) slice->data + o * inner * size, (gsize) (inner * size));
}

static void
take_slice (const SagValue *whole, int axis, gint64 i, SagValue *slice)
{
  gint64 inner = sag_shape_product (&slice->shape, axis, slice->shape.rank);
  gint64 outer = sag_shape_product (&slice->shape, 0, axis), n = whole->shape.dim[axis];
  gint64 size = (gint64) sag_dtype_size (slice->dtype);

  for (gint64 o = 0; o < outer; o++)
    memcpy ((char *) slice->data + o * inner * size,
            (const char *) whole->data + (o * n + i) * inner * size, (gsize) (inner * size));
}

static void
run_loop (const SagStep *step)
{
  SagNode *node = step->node;
  Bodies *self = node->state;
  SagGraph *body = self->plan[0]->graph;
  gint64 trips = sag_node_get_int (node, "sagitta_trips", 0);
  guint n_state = body->inputs->len - 2;
  guint8 *area = (guint8 *) step->scratch + round_up (self->plan[0]->arena_bytes);
  gint64 *trip = (gint64 *) area;
  guint8 *cond = area + SAG_ALIGN;
  const SagValue *start = sag_node_input (node, 1);

  bind_body (step, 0, first_capture (node));
  area += 4 * SAG_ALIGN;
  ((SagValue *) body->inputs->pdata[0])->data = trip;
  ((SagValue *) body->inputs->pdata[1])->data = cond;
  *cond = start == NULL || *(const guint8 *) start->data != 0;
  for (guint i = 0; i < n_state; i++)
    ((SagValue *) body->inputs->pdata[2 + i])->data = sag_node_input (node, (int) (2 + i))->data;
  for (*trip = 0; *trip < trips && *cond; ++*trip)
    {
      guint8 *at = area;

      for (guint i = 0; i < body->outputs->len; i++)
        {
          SagValue *out = body->outputs->pdata[i];

          /* in turn: a state's last value is read while the next is written */
          out->data = at + (*trip % 2) * round_up (value_bytes (out));
          at += 2 * round_up (value_bytes (out));
        }
      if (!run_body (step, 0, (double) *trip / (double) trips))
        return;
      *cond = *(const guint8 *) ((SagValue *) body->outputs->pdata[0])->data != 0;
      for (guint i = 0; i < n_state; i++)
        ((SagValue *) body->inputs->pdata[2 + i])->data =
            ((SagValue *) body->outputs->pdata[1 + i])->data;
      for (guint i = n_state; i < node->outputs->len; i++)
        if (sag_node_output (node, (int) i) != NULL)
          put_slice (sag_node_output (node, (int) i), 0, *trip, body->outputs->pdata[1 + i]);
    }
  if (*cond && sag_node_get_int (node, "sagitta_open", 0))
    {
      give_up (step, node);
      return;
    }
  for (guint i = 0; i < n_state && i < node->outputs->len; i++)
    if (sag_node_output (node, (int) i) != NULL)
      memcpy (sag_step_out (step, (int) i), ((SagValue *) body->inputs->pdata[2 + i])->data,
              value_bytes (body->inputs->pdata[2 + i]));
}

/* ---- Scan ------------------------------------------------------------------------------- */

typedef struct
{
  int n_state, n_scan_in, n_scan_out;
} ScanForm;

static gint64
nth (const SagNode *node, const char *name, int i)
{
  int n;
  const gint64 *list = sag_node_get_ints (node, name, &n);

  return list != NULL && i < n ? list[i] : 0;
}

static gboolean
scan_form (const SagNode *node, SagGraph *body, ScanForm *form, GError **error)
{
  gint64 n_scan = sag_node_get_int (node, "num_scan_inputs", 0);
  gint64 n_inputs = (gint64) first_capture (node);

  if (n_scan < 1 || n_scan > n_inputs || body->inputs->len != (guint) n_inputs
      || body->outputs->len < (guint) (n_inputs - n_scan)
      || node->outputs->len > body->outputs->len)
    return sag_node_invalid (node, error, "its body has another number of inputs or outputs");
  form->n_scan_in = (int) n_scan;
  form->n_state = (int) (n_inputs - n_scan);
  form->n_scan_out = (int) body->outputs->len - form->n_state;
  return TRUE;
}

static gboolean
infer_scan (SagNode *node, GError **error)
{
  SagGraph *body = get_body (node, "body", error);
  gint64 length = -1;
  ScanForm form = { 0 };

  if (body == NULL || !scan_form (node, body, &form, error))
    return FALSE;
  if (node->opset < 9)
    return sag_node_unsupported (node, error, "its form before operator set 9");
  for (int i = 0; i < form.n_state + form.n_scan_in; i++)
    {
      const SagValue *x = sag_node_input (node, i);
      SagValue *inner = body->inputs->pdata[i];
      int axis;

      if (x == NULL)
        return sag_node_invalid (node, error, "an input is missing");
      copy_type (inner, x);
      if (i < form.n_state)
        continue;
      axis = sag_axis (nth (node, "scan_input_axes", i - form.n_state), x->shape.rank);
      if (axis < 0 || (length >= 0 && x->shape.dim[axis] != length))
        return sag_node_invalid (node, error, "its scanned inputs differ in length");
      length = x->shape.dim[axis];
      memmove (inner->shape.dim + axis, inner->shape.dim + axis + 1,
               sizeof inner->shape.dim[0] * (SAG_MAX_RANK - 1 - axis));
      inner->shape.rank--;
    }
  if (length > MAX_TRIPS)
    return sag_node_unsupported (node, error, "it makes too many trips");
  sag_node_set_int (node, "sagitta_trips", length);
  pass_captures_in (node, body, first_capture (node));
  if (!compile_body (node, body, error))
    return FALSE;
  for (int i = 0; i < (int) body->outputs->len; i++)
    {
      const SagValue *out = body->outputs->pdata[i];
      SagShape shape = out->shape;

      if (i < form.n_state)
        {
          const SagValue *in = body->inputs->pdata[i];

          if (!sag_shape_equal (&in->shape, &shape) || in->dtype != out->dtype)
            return sag_node_unsupported (node, error,
                                         "a state changes its shape from trip to trip");
        }
      else
        {
          int axis = sag_axis (nth (node, "scan_output_axes", i - form.n_state), shape.rank + 1);

          if (axis < 0 || shape.rank == SAG_MAX_RANK)
            return sag_node_invalid (node, error, "an output's axis is out of range");
          memmove (shape.dim + axis + 1, shape.dim + axis,
                   sizeof shape.dim[0] * (SAG_MAX_RANK - 1 - axis));
          shape.dim[axis] = length;
          shape.rank++;
        }
      if (!sag_node_give (node, i, out->dtype, &shape, error))
        return FALSE;
    }
  return TRUE;
}

/* Scratch after the body's arena: one area for each scanned input, two for each output. */
static gboolean
prepare_scan (SagNode *node, SagPrecision precision, GError **error)
{
  SagGraph *body = get_body (node, "body", error);
  gboolean good;

  if (!prepare_bodies (node, &body, 1, precision, error))
    return FALSE;
  if (!count_trips (node, error))
    return FALSE;
  node->scratch_bytes = round_up (node->scratch_bytes);
  good = TRUE;
  for (guint i = 0; i < body->inputs->len; i++)
    good = good && g_size_checked_add (&node->scratch_bytes, node->scratch_bytes,
                                       round_up (value_bytes (body->inputs->pdata[i])));
  for (guint i = 0; i < body->outputs->len; i++)
    good = good && g_size_checked_add (&node->scratch_bytes, node->scratch_bytes,
                                       2 * round_up (value_bytes (body->outputs->pdata[i])));
  return good || sag_node_invalid (node, error, "it is too large");
}

static void
run_scan (const SagStep *step)
{
  SagNode *node = step->node;
  Bodies *self = node->state;
  SagGraph *body = self->plan[0]->graph;
  gint64 trips = sag_node_get_int (node, "sagitta_trips", 0);
  guint8 *area = (guint8 *) step->scratch + round_up (self->plan[0]->arena_bytes);
  ScanForm form = { 0 };

  scan_form (node, body, &form, NULL);
  bind_body (step, 0, first_capture (node));
  for (int i = 0; i < form.n_state + form.n_scan_in; i++)
    {
      SagValue *inner = body->inputs->pdata[i];

      inner->data = i < form.n_state ? sag_node_input (node, i)->data : (void *) area;
      area += round_up (value_bytes (inner));
    }
  for (gint64 trip = 0; trip < trips; trip++)
    {
      guint8 *at = area;

      for (guint i = 0; i < body->outputs->len; i++)
        {
          SagValue *out = body->outputs->pdata[i];

          out->data = at + (trip % 2) * round_up (value_bytes (out));
          at += 2 * round_up (value_bytes (out));
        }
      for (int i = 0; i < form.n_scan_in; i++)
        {
          const SagValue *whole = sag_node_input (node, form.n_state + i);
          gint64 k = nth (node, "scan_input_directions", i) != 0 ? trips - 1 - trip : trip;

          take_slice (whole, sag_axis (nth (node, "scan_input_axes", i), whole->shape.rank), k,
                      body->inputs->pdata[form.n_state + i]);
        }
      if (!run_body (step, 0, (double) trip / (double) trips))
        return;
      for (int i = 0; i < form.n_state; i++)
        ((SagValue *) body->inputs->pdata[i])->data = ((SagValue *) body->outputs->pdata[i])->data;
      for (int i = 0; i < form.n_scan_out; i++)
        {
          SagValue *whole = sag_node_output (node, form.n_state + i);
          gint64 k = nth (node, "scan_output_directions", i) != 0 ? trips - 1 - trip : trip;

          if (whole != NULL)
            put_slice (whole, sag_axis (nth (node, "scan_output_axes", i), whole->shape.rank), k,
                       body->outputs->pdata[form.n_state + i]);
        }
    }
  for (int i = 0; i < form.n_state; i++)
    if (sag_node_output (node, i) != NULL)
      memcpy (sag_step_out (step, i), ((SagValue *) body->inputs->pdata[i])->data,
              value_bytes (body->inputs->pdata[i]));
}

const SagOp sag_ops_control[] = {
  { "If", "", infer_if, NULL, prepare_if, pack_bodies, run_if },
  { "Loop", "", infer_loop, NULL, prepare_loop, pack_bodies, run_loop, .needs = 1,
    .expand = sag_expand_loop },
  { "Scan", "", infer_scan, NULL, prepare_scan, pack_bodies, run_scan },
  { NULL },
};
