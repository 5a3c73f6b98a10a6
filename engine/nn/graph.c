/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.c: a network as nodes and values.
 */
#include "engine/nn/graph.h"

#include "engine/base/error.h"
#include "engine/nn/op.h"

#include <string.h>

static void
attribute_free (gpointer data)
{
  SagAttribute *self = data;

  g_free (self->name);
  g_free (self->s);
  g_free (self->floats);
  g_free (self->ints);
  g_strfreev (self->strings);
  sag_tensor_free (self->tensor);
  sag_graph_free (self->graph);
  g_free (self);
}

static void
value_free (gpointer data)
{
  SagValue *self = data;

  g_free (self->name);
  sag_tensor_free (self->constant);
  g_free (self->planes);
  g_free (self);
}

static void
node_free (gpointer data)
{
  SagNode *self = data;

  if (self->free_state != NULL)
    self->free_state (self->state);
  g_free (self->name);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_ptr_array_unref (self->attributes);
  g_free (self);
}

SagGraph *
sag_graph_new (void)
{
  SagGraph *self = g_new0 (SagGraph, 1);

  self->values = g_ptr_array_new_with_free_func (value_free);
  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->inner = g_ptr_array_new_with_free_func (node_free);
  self->inputs = g_ptr_array_new ();
  self->outputs = g_ptr_array_new ();
  self->captures = g_ptr_array_new ();
  return self;
}

void
sag_graph_free (SagGraph *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->nodes);
  g_ptr_array_unref (self->inner);
  g_ptr_array_unref (self->values);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_ptr_array_unref (self->captures);
  g_clear_pointer (&self->files, g_ptr_array_unref);
  g_free (self);
}

SagValue *
sag_graph_add_value (SagGraph *self, const char *name)
{
  SagValue *value = g_new0 (SagValue, 1);

  value->name = g_strdup (name);
  g_ptr_array_add (self->values, value);
  return value;
}

SagValue *
sag_graph_add_constant (SagGraph *self, const char *name, SagTensor *tensor)
{
  SagValue *value = sag_graph_add_value (self, name);

  value->constant = tensor;
  value->dtype = tensor->dtype;
  value->shape = tensor->shape;
  value->data = (void *) tensor->data;
  return value;
}

SagNode *
sag_graph_add_node (SagGraph *self, const SagOp *op, const char *name, int position)
{
  SagNode *node = g_new0 (SagNode, 1);

  node->op = op;
  node->name = g_strdup (name);
  node->graph = self;
  node->opset = G_MAXINT;
  node->inputs = g_ptr_array_new ();
  node->outputs = g_ptr_array_new ();
  node->attributes = g_ptr_array_new_with_free_func (attribute_free);
  g_ptr_array_insert (self->nodes, position, node);
  self->edited = TRUE;
  return node;
}

void
sag_node_set_output (SagNode *self, int i, SagValue *value)
{
  while (self->outputs->len <= (guint) i)
    g_ptr_array_add (self->outputs, NULL);
  self->outputs->pdata[i] = value;
  self->graph->edited = TRUE;
  if (value != NULL)
    value->producer = self;
}

void
sag_graph_replace (SagGraph *self, SagValue *from, SagValue *to)
{
  g_assert (from != sag_value_follow (to));
  from->forward = to;
  self->edited = TRUE;
}

void
sag_graph_count_readers (SagGraph *self)
{
  for (guint i = 0; i < self->values->len; i++)
    {
      SagValue *value = self->values->pdata[i];

      value->n_readers = 0;
      value->reader = NULL;
    }
  for (guint i = 0; i < self->nodes->len; i++)
    {
      SagNode *node = self->nodes->pdata[i];

      for (guint j = 0; j < node->inputs->len; j++)
        {
          SagValue *value = sag_node_input (node, (int) j);

          if (value == NULL)
            continue;
          value->n_readers++;
          value->reader = node;
        }
    }
  for (guint i = 0; i < self->outputs->len; i++)
    {
      SagValue *value = sag_value_follow (self->outputs->pdata[i]);

      value->n_readers++;
      value->reader = NULL;
    }
}

/* Depth first from the outputs, on a stack of its own: graphs may be long. */
typedef struct
{
  SagNode *node;
  guint    next; /* input to visit */
} Visit;

/* SagNode.mark */
enum { NEW, WANTED, OPEN, DONE };

static gboolean
visit (SagNode *start, GArray *stack, GPtrArray *order, GError **error)
{
  Visit first = { start, 0 };

  if (start->mark >= OPEN)
    return TRUE;
  g_array_set_size (stack, 0);
  start->mark = OPEN;
  g_array_append_val (stack, first);
  while (stack->len > 0)
    {
      Visit *top = &g_array_index (stack, Visit, stack->len - 1);
      SagNode *node = top->node;
      SagValue *value;
      Visit below;

      if (top->next == node->inputs->len)
        {
          node->mark = DONE;
          g_ptr_array_add (order, node);
          g_array_set_size (stack, stack->len - 1);
          continue;
        }
      value = node->inputs->pdata[top->next++];
      if (value == NULL || value->producer == NULL)
        continue;
      switch (value->producer->mark)
        {
        case DONE:
          break;
        case OPEN:
          return sag_node_invalid (value->producer, error, "The graph runs in a circle");
        default:
          below = (Visit) { value->producer, 0 };
          below.node->mark = OPEN;
          g_array_append_val (stack, below);
        }
    }
  return TRUE;
}

static void
mark_outputs (SagGraph *self)
{
  for (guint i = 0; i < self->outputs->len; i++)
    if (((SagValue *) self->outputs->pdata[i])->producer != NULL)
      ((SagValue *) self->outputs->pdata[i])->producer->mark = WANTED;
}

/* Marks what the outputs need in an order that already holds, from the end: each node's makers are still
 * to come. FALSE if it does not hold. */
static gboolean
mark_in_order (SagGraph *self)
{
  for (guint i = self->nodes->len; i-- > 0;)
    {
      SagNode *node = self->nodes->pdata[i];

      if (node->mark != WANTED)
        {
          node->mark = OPEN; /* too late to ask for it */
          continue;
        }
      node->mark = DONE;
      for (guint j = 0; j < node->inputs->len; j++)
        {
          const SagValue *value = node->inputs->pdata[j];

          if (value == NULL || value->producer == NULL || value->producer->mark == WANTED)
            continue;
          if (value->producer->mark != NEW)
            return FALSE;
          value->producer->mark = WANTED;
        }
    }
  return TRUE;
}

gboolean
sag_graph_clean (SagGraph *self, GError **error)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (Visit));
  g_autoptr (GPtrArray) order = g_ptr_array_sized_new (self->nodes->len);
  gboolean ordered;

  for (guint i = 0; i < self->nodes->len; i++)
    {
      SagNode *node = self->nodes->pdata[i];

      node->mark = NEW;
      for (guint j = 0; j < node->inputs->len; j++)
        node->inputs->pdata[j] = sag_value_follow (node->inputs->pdata[j]);
    }
  for (guint i = 0; i < self->outputs->len; i++)
    self->outputs->pdata[i] = sag_value_follow (self->outputs->pdata[i]);
  mark_outputs (self);
  ordered = mark_in_order (self);
  for (guint i = 0; ordered && i < self->nodes->len; i++)
    if (((SagNode *) self->nodes->pdata[i])->mark == DONE)
      g_ptr_array_add (order, self->nodes->pdata[i]);
  if (!ordered)
    {
      for (guint i = 0; i < self->nodes->len; i++)
        ((SagNode *) self->nodes->pdata[i])->mark = NEW;
      mark_outputs (self);
    }
  /* Start points in file order keep the file's order where it is free. */
  for (guint i = 0; !ordered && i < self->nodes->len; i++)
    if (((SagNode *) self->nodes->pdata[i])->mark == WANTED
        && !visit (self->nodes->pdata[i], stack, order, error))
      return FALSE;

  for (guint i = 0; i < self->nodes->len; i++)
    if (((SagNode *) self->nodes->pdata[i])->mark != DONE)
      {
        SagNode *node = self->nodes->pdata[i];

        for (guint j = 0; j < node->outputs->len; j++)
          if (node->outputs->pdata[j] != NULL)
            {
              SagValue *value = node->outputs->pdata[j];

              if (value->producer == node)
                value->producer = NULL;
            }
        node_free (node);
      }
  g_ptr_array_set_free_func (self->nodes, NULL);
  g_ptr_array_set_size (self->nodes, 0);
  g_ptr_array_extend (self->nodes, order, NULL, NULL);
  g_ptr_array_set_free_func (self->nodes, node_free);
  sag_graph_count_readers (self);
  self->edited = FALSE;
  return TRUE;
}

gboolean
sag_graph_settle (SagGraph *self, GError **error)
{
  return !self->edited || sag_graph_clean (self, error);
}

void
sag_graph_set_aside (SagGraph *self)
{
  guint kept = 0;

  g_ptr_array_set_free_func (self->nodes, NULL);
  for (guint i = 0; i < self->nodes->len; i++)
    {
      SagNode *node = self->nodes->pdata[i];

      if (node->mark != 0)
        g_ptr_array_add (self->inner, node);
      else
        self->nodes->pdata[kept++] = node;
    }
  g_ptr_array_set_size (self->nodes, (int) kept);
  g_ptr_array_set_free_func (self->nodes, node_free);
  sag_graph_count_readers (self);
}

static void
append_value (GString *text, const SagValue *value)
{
  if (value == NULL)
    {
      g_string_append_c (text, '-');
      return;
    }
  g_autofree char *name = sag_escape_name (value->name, -1);
  g_autofree char *shape = sag_shape_to_string (&value->shape);

  g_string_append_printf (text, "%s:%s[%s]", name, sag_dtype_get_name (value->dtype), shape);
  if (value->layout != SAG_LAYOUT_PLAIN)
    g_string_append_printf (text, "/%s", sag_layout_get_name (value->layout));
  if (value->constant != NULL)
    g_string_append_c (text, '*');
}

static const char *const activation_names[SAG_N_ACTIVATIONS] = {
  "", "Relu", "LeakyRelu", "Clip", "Elu", "Sigmoid", "Tanh", "Silu", "Gelu", "GeluTanh",
  "HardSigmoid", "HardSwish", "Softplus",
};

char *
sag_graph_to_string (SagGraph *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->nodes->len; i++)
    {
      SagNode *node = self->nodes->pdata[i];

      g_string_append (text, node->op->name);
      if (node->fused.residual)
        g_string_append (text, "+residual");
      if (node->fused.activation != SAG_ACTIVATION_NONE)
        g_string_append_printf (text, "+%s", activation_names[node->fused.activation]);
      for (guint j = 0; j < node->inputs->len; j++)
        {
          g_string_append_c (text, ' ');
          append_value (text, sag_node_input (node, (int) j));
        }
      g_string_append (text, " ->");
      for (guint j = 0; j < node->outputs->len; j++)
        {
          g_string_append_c (text, ' ');
          append_value (text, sag_node_output (node, (int) j));
        }
      g_string_append_c (text, '\n');
    }
  return g_string_free (text, FALSE);
}

const SagAttribute *
sag_node_attribute (const SagNode *self, const char *name)
{
  for (guint i = 0; i < self->attributes->len; i++)
    {
      const SagAttribute *attribute = self->attributes->pdata[i];

      if (strcmp (attribute->name, name) == 0)
        return attribute;
    }
  return NULL;
}

gint64
sag_node_get_int (const SagNode *self, const char *name, gint64 otherwise)
{
  const SagAttribute *attribute = sag_node_attribute (self, name);

  return attribute != NULL && attribute->kind == SAG_ATTRIBUTE_INT ? attribute->i : otherwise;
}

float
sag_node_get_float (const SagNode *self, const char *name, float otherwise)
{
  const SagAttribute *attribute = sag_node_attribute (self, name);

  return attribute != NULL && attribute->kind == SAG_ATTRIBUTE_FLOAT ? attribute->f : otherwise;
}

const char *
sag_node_get_string (const SagNode *self, const char *name, const char *otherwise)
{
  const SagAttribute *attribute = sag_node_attribute (self, name);

  return attribute != NULL && attribute->kind == SAG_ATTRIBUTE_STRING ? attribute->s : otherwise;
}

const gint64 *
sag_node_get_ints (const SagNode *self, const char *name, int *n)
{
  const SagAttribute *attribute = sag_node_attribute (self, name);

  *n = 0;
  if (attribute == NULL || attribute->kind != SAG_ATTRIBUTE_INTS)
    return NULL;
  *n = attribute->n;
  return attribute->ints;
}

/* The attribute of that name, made if it is not there. */
static SagAttribute *
make_attribute (SagNode *self, const char *name, SagAttributeKind kind)
{
  SagAttribute *attribute = (SagAttribute *) sag_node_attribute (self, name);

  if (attribute == NULL)
    {
      attribute = g_new0 (SagAttribute, 1);
      attribute->name = g_strdup (name);
      g_ptr_array_add (self->attributes, attribute);
    }
  attribute->kind = kind;
  return attribute;
}

void
sag_node_set_int (SagNode *self, const char *name, gint64 value)
{
  make_attribute (self, name, SAG_ATTRIBUTE_INT)->i = value;
}

void
sag_node_set_float (SagNode *self, const char *name, float value)
{
  make_attribute (self, name, SAG_ATTRIBUTE_FLOAT)->f = value;
}

void
sag_node_set_ints (SagNode *self, const char *name, const gint64 *values, int n)
{
  SagAttribute *attribute = make_attribute (self, name, SAG_ATTRIBUTE_INTS);

  g_free (attribute->ints);
  attribute->ints = g_memdup2 (values, sizeof *values * n);
  attribute->n = n;
}

gboolean
sag_node_const_ints (const SagNode *self, int i, gint64 **ints, int *n, GError **error)
{
  const SagValue *value = sag_node_input (self, i);
  gint64 count;

  *ints = NULL;
  *n = 0;
  if (value == NULL)
    return TRUE;
  if (value->constant == NULL)
    return sag_node_unsupported (self, error, "input %d must be known when the model loads; export "
                                 "it with fixed shapes", i);
  count = sag_shape_count (&value->constant->shape);
  if (count > 65536)
    return sag_node_invalid (self, error, "input %d is too long for a list of dimensions", i);
  *ints = g_new (gint64, MAX (count, 1));
  *n = (int) count;
  for (int k = 0; k < *n; k++)
    (*ints)[k] = sag_tensor_get_int (value->constant, k);
  return TRUE;
}

static gboolean
node_error (const SagNode *self, SagEngineError code, GError **error, const char *format,
            va_list arguments)
{
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  g_autofree char *name = sag_escape_name (self->name, -1);

  g_set_error (error, SAG_ENGINE_ERROR, code, "Operator '%s' (node '%s'): %s", self->op->name, name,
               text);
  return FALSE;
}

gboolean
sag_node_invalid (const SagNode *self, GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  node_error (self, SAG_ENGINE_ERROR_INVALID, error, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
sag_node_unsupported (const SagNode *self, GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  node_error (self, SAG_ENGINE_ERROR_UNSUPPORTED, error, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
sag_layouts_coincide (const SagShape *shape, SagLayout a, SagLayout b)
{
  gint64 channels, width, outer;

  if (a == b)
    return TRUE;
  if (shape->rank < 3)
    return FALSE;
  channels = shape->dim[1];
  width = shape->dim[shape->rank - 1];
  outer = sag_shape_product (shape, 2, shape->rank - 1);
  if (channels == 1)
    return TRUE;
  if (a != SAG_LAYOUT_ROWS && b != SAG_LAYOUT_ROWS) /* plain, last */
    return outer * width == 1;
  if (a != SAG_LAYOUT_LAST && b != SAG_LAYOUT_LAST) /* plain, rows */
    return outer == 1;
  return width == 1; /* last, rows */
}

const char *
sag_layout_get_name (SagLayout layout)
{
  static const char *const names[SAG_N_LAYOUTS] = { "plain", "last", "rows" };

  return names[layout];
}

gboolean
sag_node_give (SagNode *self, int i, SagDType dtype, const SagShape *shape, GError **error)
{
  SagValue *value = sag_node_output (self, i);

  if (sag_shape_count (shape) < 0)
    return sag_node_invalid (self, error, "the output's shape is negative or too large");
  if (value == NULL)
    return TRUE;
  value->dtype = dtype;
  value->shape = *shape;
  return TRUE;
}
