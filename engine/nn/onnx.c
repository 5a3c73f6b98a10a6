/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx.c: ONNX files to graphs.
 *
 * Field numbers are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto...).
 */
#include "engine/nn/onnx.h"

#include "engine/base/error.h"
#include "engine/nn/op.h"

#include <string.h>

enum
{
  MAX_DEPTH = 16,        /* of bodies in bodies and functions in functions */
  MAX_NODES = 1000000,   /* after functions were written out */
  MAX_NAMES = 100000,    /* inputs or outputs of one node or graph */
  OLDEST_OPSET = 7,
};

typedef struct
{
  const char       *folder;
  GHashTable       *opsets;    /* domain -> version */
  GHashTable       *functions; /* "domain:name" -> SagWire * */
  GHashTable       *params;    /* dimension name -> gint64 * */
  const SagBinding *bindings;
  int               n_bindings;
  int               depth;
  int               n_nodes;
  GPtrArray        *files;
} Reader;

/* Names in one graph, body or function. */
typedef struct _Scope
{
  SagGraph      *graph;
  GHashTable    *values; /* name -> SagValue * */
  struct _Scope *parent; /* of a body: the scope around it */
  GPtrArray     *outer;  /* of a body: what each of graph->captures stands for, in parent->graph */
  const SagNode *caller; /* of a function: whose attributes `ref_attr_name` means */
} Scope;

static SagGraph *read_body (Reader *reader, Scope *parent, SagWire message, GPtrArray *outer,
                            GError **error);
static gboolean  read_node (Reader *reader, Scope *scope, SagWire message, GError **error);

static gboolean
invalid (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, text);
  return FALSE;
}

static gboolean
finish (GError *local, gboolean good, GError **error)
{
  if (local == NULL)
    return good;
  if (good)
    g_propagate_error (error, local);
  else
    g_error_free (local);
  return FALSE;
}

/* ---- names ------------------------------------------------------------------------------ */

static SagValue *
scope_find (Scope *scope, const char *name)
{
  SagValue *value = g_hash_table_lookup (scope->values, name);
  SagValue *outer;

  if (value != NULL || scope->parent == NULL)
    return value;
  outer = scope_find (scope->parent, name);
  if (outer == NULL)
    return NULL;
  value = sag_graph_add_value (scope->graph, name);
  value->dtype = outer->dtype;
  g_ptr_array_add (scope->graph->captures, value);
  g_ptr_array_add (scope->outer, outer);
  g_hash_table_insert (scope->values, g_strdup (name), value);
  return value;
}

static gboolean
scope_add (Scope *scope, SagValue *value, const char *name, GError **error)
{
  g_autofree char *escaped = NULL;

  if (!g_hash_table_contains (scope->values, name))
    {
      g_hash_table_insert (scope->values, g_strdup (name), value);
      return TRUE;
    }
  escaped = sag_escape_name (name, -1);
  return invalid (error, "The name '%s' is given twice in the model", escaped);
}

static void
scope_init (Scope *scope, SagGraph *graph)
{
  *scope = (Scope) { .graph = graph };
  scope->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

/* ---- attributes ------------------------------------------------------------------------- */

static void
append_fixed32 (GArray *array, const SagWireField *field)
{
  SagWire at = field->bytes;
  guint32 bits = (guint32) field->value;

  if (field->type != 2)
    g_array_append_val (array, bits);
  for (; field->type == 2 && sag_wire_length (&at) >= 4; at.at += 4)
    {
      memcpy (&bits, at.at, 4);
      g_array_append_val (array, bits);
    }
}

static void
append_varint (GArray *array, const SagWireField *field)
{
  SagWire at = field->bytes;
  guint64 value = field->value;

  if (field->type != 2)
    g_array_append_val (array, value);
  while (field->type == 2 && sag_wire_varint (&at, &value))
    g_array_append_val (array, value);
}

/* NULL for a body: no exporter hands one to a function. */
static SagAttribute *
attribute_copy (const SagAttribute *from, const char *name)
{
  SagAttribute *copy;

  if (from->kind == SAG_ATTRIBUTE_GRAPH)
    return NULL;
  copy = g_new0 (SagAttribute, 1);
  *copy = *from;
  copy->name = g_strdup (name);
  copy->s = g_strdup (from->s);
  copy->floats = g_memdup2 (from->floats, sizeof (float) * from->n);
  copy->ints = g_memdup2 (from->ints, sizeof (gint64) * from->n);
  copy->strings = g_strdupv (from->strings);
  if (from->tensor != NULL)
    copy->tensor = sag_tensor_copy (from->tensor, NULL);
  if (from->tensor != NULL && copy->tensor == NULL)
    copy->kind = SAG_ATTRIBUTE_INT; /* no memory: as if it were absent */
  return copy;
}

typedef struct
{
  SagAttribute *attribute;
  gint64        type;
  char         *ref;
  GArray       *floats, *ints;
  GPtrArray    *strings;
} AttributeDraft;

static gboolean
read_attribute_field (Reader *reader, Scope *scope, const SagWireField *field, AttributeDraft *draft,
                      GPtrArray *outer, GError **error)
{
  SagAttribute *attribute = draft->attribute;
  guint32 bits = (guint32) field->value;

  switch (field->number)
    {
    case 1:
      g_free (attribute->name);
      attribute->name = sag_wire_string (&field->bytes);
      break;
    case 2:
      memcpy (&attribute->f, &bits, sizeof bits);
      break;
    case 3:
      attribute->i = (gint64) field->value;
      break;
    case 4:
      g_free (attribute->s);
      attribute->s = sag_wire_string (&field->bytes);
      break;
    case 5:
      sag_tensor_free (attribute->tensor);
      attribute->tensor
          = sag_onnx_read_tensor (field->bytes, reader->folder, reader->files, TRUE, NULL, error);
      return attribute->tensor != NULL;
    case 6:
      if (attribute->graph != NULL)
        return invalid (error, "An attribute has two graphs");
      attribute->graph = read_body (reader, scope, field->bytes, outer, error);
      return attribute->graph != NULL;
    case 7:
      append_fixed32 (draft->floats, field);
      break;
    case 8:
      append_varint (draft->ints, field);
      break;
    case 9:
      g_ptr_array_add (draft->strings, sag_wire_string (&field->bytes));
      break;
    case 20:
      draft->type = (gint64) field->value;
      break;
    case 21:
      g_free (draft->ref);
      draft->ref = sag_wire_string (&field->bytes);
      break;
    default:
      break;
    }
  return TRUE;
}

/* FLOAT 1, INT 2, STRING 3, TENSOR 4, GRAPH 5, FLOATS 6, INTS 7, STRINGS 8. */
static gboolean
attribute_finish (AttributeDraft *draft, GError **error)
{
  SagAttribute *attribute = draft->attribute;
  static const SagAttributeKind kinds[9] = {
    0, SAG_ATTRIBUTE_FLOAT, SAG_ATTRIBUTE_INT, SAG_ATTRIBUTE_STRING, SAG_ATTRIBUTE_TENSOR,
    SAG_ATTRIBUTE_GRAPH, SAG_ATTRIBUTE_FLOATS, SAG_ATTRIBUTE_INTS, SAG_ATTRIBUTE_STRINGS,
  };

  if (attribute->name == NULL)
    attribute->name = g_strdup ("");
  if (draft->type < 1 || draft->type > 8)
    return invalid (error, "An attribute is of an unknown kind (%" G_GINT64_FORMAT ")", draft->type);
  attribute->kind = kinds[draft->type];
  if (attribute->kind == SAG_ATTRIBUTE_FLOATS)
    attribute->n = (int) draft->floats->len;
  else if (attribute->kind == SAG_ATTRIBUTE_INTS)
    attribute->n = (int) draft->ints->len;
  else if (attribute->kind == SAG_ATTRIBUTE_STRINGS)
    attribute->n = (int) draft->strings->len;
  g_ptr_array_add (draft->strings, NULL);
  attribute->floats = (float *) g_array_free (g_steal_pointer (&draft->floats), FALSE);
  attribute->ints = (gint64 *) g_array_free (g_steal_pointer (&draft->ints), FALSE);
  attribute->strings = (char **) g_ptr_array_free (g_steal_pointer (&draft->strings), FALSE);
  if (attribute->s == NULL)
    attribute->s = g_strdup ("");
  if ((attribute->kind == SAG_ATTRIBUTE_TENSOR && attribute->tensor == NULL)
      || (attribute->kind == SAG_ATTRIBUTE_GRAPH && attribute->graph == NULL))
    return invalid (error, "An attribute is empty");
  return TRUE;
}

static gboolean
read_attribute (Reader *reader, Scope *scope, SagNode *node, SagWire message, GPtrArray *outer,
                GError **error)
{
  AttributeDraft draft = { .attribute = g_new0 (SagAttribute, 1) };
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  g_ptr_array_add (node->attributes, draft.attribute);
  draft.floats = g_array_new (FALSE, FALSE, sizeof (float));
  draft.ints = g_array_new (FALSE, FALSE, sizeof (gint64));
  draft.strings = g_ptr_array_new_with_free_func (g_free);
  while (good && sag_wire_next (&message, &field, &local))
    good = read_attribute_field (reader, scope, &field, &draft, outer, error);
  good = finish (local, good, error);
  if (good && draft.ref != NULL && *draft.ref != '\0')
    {
      const SagAttribute *from
          = scope->caller != NULL ? sag_node_attribute (scope->caller, draft.ref) : NULL;
      SagAttribute *copy;

      /* An attribute the caller leaves out is left out here too: the default holds. */
      copy = from != NULL ? attribute_copy (from, draft.attribute->name != NULL ? draft.attribute->name : "")
                          : NULL;
      g_ptr_array_remove_index (node->attributes, node->attributes->len - 1);
      if (copy != NULL)
        g_ptr_array_add (node->attributes, copy);
    }
  else if (good)
    good = attribute_finish (&draft, error);
  else if (draft.attribute->name == NULL)
    draft.attribute->name = g_strdup ("");
  g_free (draft.ref);
  g_clear_pointer (&draft.floats, g_array_unref);
  g_clear_pointer (&draft.ints, g_array_unref);
  g_clear_pointer (&draft.strings, g_ptr_array_unref);
  return good;
}

/* ---- nodes ------------------------------------------------------------------------------ */

typedef struct
{
  GPtrArray *inputs, *outputs; /* owned names */
  GArray    *attributes;       /* SagWire */
  char      *name, *type, *domain;
} NodeDraft;

static gboolean
draft_read (NodeDraft *draft, SagWire message, GError **error)
{
  SagWireField field;
  GError *local = NULL;

  draft->inputs = g_ptr_array_new_with_free_func (g_free);
  draft->outputs = g_ptr_array_new_with_free_func (g_free);
  draft->attributes = g_array_new (FALSE, FALSE, sizeof (SagWire));
  while (sag_wire_next (&message, &field, &local))
    {
      char **text = field.number == 3 ? &draft->name
                    : field.number == 4 ? &draft->type
                    : field.number == 7 ? &draft->domain
                                        : NULL;

      if (field.type != 2)
        continue;
      if (field.number == 1)
        g_ptr_array_add (draft->inputs, sag_wire_string (&field.bytes));
      else if (field.number == 2)
        g_ptr_array_add (draft->outputs, sag_wire_string (&field.bytes));
      else if (field.number == 5)
        g_array_append_val (draft->attributes, field.bytes);
      else if (text != NULL)
        {
          g_free (*text);
          *text = sag_wire_string (&field.bytes);
        }
    }
  for (int i = 0; i < 3; i++)
    {
      char **text = i == 0 ? &draft->name : i == 1 ? &draft->type : &draft->domain;

      if (*text == NULL)
        *text = g_strdup ("");
    }
  if (strcmp (draft->domain, "ai.onnx") == 0)
    *draft->domain = '\0';
  if (local == NULL && (draft->inputs->len > MAX_NAMES || draft->outputs->len > MAX_NAMES))
    return invalid (error, "A node has too many inputs or outputs");
  return finish (local, TRUE, error);
}

static void
draft_clear (NodeDraft *draft)
{
  g_clear_pointer (&draft->inputs, g_ptr_array_unref);
  g_clear_pointer (&draft->outputs, g_ptr_array_unref);
  g_clear_pointer (&draft->attributes, g_array_unref);
  g_free (draft->name);
  g_free (draft->type);
  g_free (draft->domain);
}

static gboolean
connect_inputs (Scope *scope, SagNode *node, const NodeDraft *draft, GError **error)
{
  for (guint i = 0; i < draft->inputs->len; i++)
    {
      const char *name = draft->inputs->pdata[i];
      SagValue *value = *name == '\0' ? NULL : scope_find (scope, name);

      if (*name != '\0' && value == NULL)
        {
          g_autofree char *escaped = sag_escape_name (name, -1);

          return sag_node_invalid (node, error, "it reads '%s', which no earlier node gives", escaped);
        }
      g_ptr_array_add (node->inputs, value);
    }
  return TRUE;
}

/* A call of a function of the model's own: its nodes are written out in the caller's graph. */
static gboolean
expand_function (Reader *reader, Scope *scope, const NodeDraft *draft, const SagNode *caller,
                 SagWire message, GError **error)
{
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) outputs = g_ptr_array_new_with_free_func (g_free);
  SagWire again = message;
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;
  Scope inner;

  if (++reader->depth > MAX_DEPTH)
    return invalid (error, "Functions in the model call each other too deeply");
  while (sag_wire_next (&message, &field, &local))
    if (field.type == 2 && (field.number == 4 || field.number == 5))
      g_ptr_array_add (field.number == 4 ? inputs : outputs, sag_wire_string (&field.bytes));
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  scope_init (&inner, scope->graph);
  inner.caller = caller;
  for (guint i = 0; i < inputs->len && i < draft->inputs->len; i++)
    {
      SagValue *value = caller->inputs->pdata[i];

      if (value != NULL)
        g_hash_table_insert (inner.values, g_strdup (inputs->pdata[i]), value);
    }
  while (good && sag_wire_next (&again, &field, NULL))
    if (field.number == 7 && field.type == 2)
      good = read_node (reader, &inner, field.bytes, error);
  for (guint i = 0; good && i < draft->outputs->len; i++)
    {
      const char *name = draft->outputs->pdata[i];
      SagValue *value
          = i < outputs->len ? g_hash_table_lookup (inner.values, outputs->pdata[i]) : NULL;

      if (*name == '\0')
        continue;
      good = value != NULL ? scope_add (scope, value, name, error)
                           : invalid (error, "A function of the model does not give its output");
    }
  g_hash_table_unref (inner.values);
  reader->depth--;
  return good;
}

static gboolean
read_attributes (Reader *reader, Scope *scope, SagNode *node, const NodeDraft *draft, GError **error)
{
  g_autoptr (GPtrArray) outer = g_ptr_array_new ();

  for (guint i = 0; i < draft->attributes->len; i++)
    if (!read_attribute (reader, scope, node, g_array_index (draft->attributes, SagWire, i), outer, error))
      return FALSE;
  for (guint i = 0; i < outer->len; i++)
    g_ptr_array_add (node->inputs, outer->pdata[i]);
  node->n_captures = (int) outer->len;
  return TRUE;
}

static gboolean
build_node (Reader *reader, Scope *scope, const NodeDraft *draft, GError **error)
{
  g_autofree char *key = g_strdup_printf ("%s:%s", draft->domain, draft->type);
  const SagOp *op = sag_op_find (draft->domain, draft->type);
  const SagWire *function = g_hash_table_lookup (reader->functions, key);
  gpointer version = g_hash_table_lookup (reader->opsets, draft->domain);
  SagNode *node;

  if (op == NULL && function == NULL)
    {
      g_autofree char *type = sag_escape_name (draft->type, -1);
      g_autofree char *name = sag_escape_name (draft->name, -1);
      g_autofree char *domain = sag_escape_name (draft->domain, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "Operator '%s%s%s' (node '%s') is not supported; export the model with standard "
                   "operators instead", domain, *domain != '\0' ? "::" : "", type, name);
      return FALSE;
    }
  if (op == NULL)
    {
      static const SagOp call = { "function", "" };

      /* A node outside the graph carries the call's inputs and attributes. */
      g_autoptr (SagGraph) aside = sag_graph_new ();
      gboolean good;

      node = sag_graph_add_node (aside, &call, draft->name, -1);
      good = connect_inputs (scope, node, draft, error)
             && read_attributes (reader, scope, node, draft, error)
             && expand_function (reader, scope, draft, node, *function, error);
      return good;
    }

  node = sag_graph_add_node (scope->graph, op, draft->name, -1);
  if (version != NULL)
    node->opset = GPOINTER_TO_INT (version);
  if (!connect_inputs (scope, node, draft, error)
      || !read_attributes (reader, scope, node, draft, error))
    return FALSE;
  for (guint i = 0; i < draft->outputs->len; i++)
    {
      const char *name = draft->outputs->pdata[i];
      SagValue *value = *name == '\0' ? NULL : sag_graph_add_value (scope->graph, name);

      sag_node_set_output (node, (int) i, value);
      if (value != NULL && !scope_add (scope, value, name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_node (Reader *reader, Scope *scope, SagWire message, GError **error)
{
  NodeDraft draft = { 0 };
  gboolean good;

  if (++reader->n_nodes > MAX_NODES)
    return invalid (error, "The model has more than a million nodes");
  good = draft_read (&draft, message, error) && build_node (reader, scope, &draft, error);
  draft_clear (&draft);
  return good;
}

/* ---- graphs ----------------------------------------------------------------------------- */

static gboolean
read_dimension (Reader *reader, SagWire message, SagShape *shape, GPtrArray *params, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gint64 size = -1;
  char *param = NULL;

  while (sag_wire_next (&message, &field, &local))
    if (field.number == 1 && field.type == 0)
      size = (gint64) field.value;
    else if (field.number == 2 && field.type == 2)
      {
        g_free (param);
        param = sag_wire_string (&field.bytes);
      }
  g_ptr_array_add (params, param);
  if (local == NULL && shape->rank == SAG_MAX_RANK)
    return invalid (error, "A tensor has more than 8 dimensions");
  if (local == NULL)
    shape->dim[shape->rank++] = size > 0 || (size == 0 && param == NULL) ? size : -1;
  return finish (local, TRUE, error);
}

/* A port as the file declares it. */
typedef struct
{
  char      *name;
  gint64     type;
  gboolean   has_type, has_shape;
  SagShape   shape; /* -1: open */
  GPtrArray *params; /* dimension names or NULL */
} PortDraft;

static void
port_free (gpointer data)
{
  PortDraft *port = data;

  g_free (port->name);
  g_clear_pointer (&port->params, g_ptr_array_unref);
  g_free (port);
}

/* TypeProto.tensor_type, then its shape. `level` counts down from ValueInfoProto. */
static gboolean
read_type (Reader *reader, SagWire message, int level, PortDraft *port, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  while (good && sag_wire_next (&message, &field, &local))
    if (level == 0 && field.number == 1 && field.type == 2)
      good = read_type (reader, field.bytes, 1, port, error);
    else if (level == 0 && (field.number == 4 || field.number == 5 || field.number == 8 || field.number == 9))
      {
        g_autofree char *name = sag_escape_name (port->name != NULL ? port->name : "", -1);

        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                     "'%s' is not a dense tensor (sequence, map, sparse or optional); export the "
                     "model with tensors only", name);
        good = FALSE;
      }
    else if (level == 1 && field.number == 1)
      {
        port->type = (gint64) field.value;
        port->has_type = TRUE;
      }
    else if (level == 1 && field.number == 2 && field.type == 2)
      {
        port->has_shape = TRUE;
        good = read_type (reader, field.bytes, 2, port, error);
      }
    else if (level == 2 && field.number == 1 && field.type == 2)
      good = read_dimension (reader, field.bytes, &port->shape, port->params, error);
  return finish (local, good, error);
}

static PortDraft *
read_port (Reader *reader, SagWire message, GError **error)
{
  PortDraft *port = g_new0 (PortDraft, 1);
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  port->params = g_ptr_array_new_with_free_func (g_free);
  while (good && sag_wire_next (&message, &field, &local))
    if (field.number == 1 && field.type == 2)
      {
        g_free (port->name);
        port->name = sag_wire_string (&field.bytes);
      }
    else if (field.number == 2 && field.type == 2)
      good = read_type (reader, field.bytes, 0, port, error);
  if (!finish (local, good, error))
    {
      port_free (port);
      return NULL;
    }
  if (port->name == NULL)
    port->name = g_strdup ("");
  return port;
}

typedef struct
{
  GPtrArray *inputs, *outputs; /* PortDraft * */
  GArray    *nodes;            /* SagWire */
} GraphDraft;

static void
graph_draft_clear (GraphDraft *draft)
{
  g_ptr_array_unref (draft->inputs);
  g_ptr_array_unref (draft->outputs);
  g_array_unref (draft->nodes);
}

/* Initializers become constants at once; the rest is kept for later. */
static gboolean
read_graph_fields (Reader *reader, Scope *scope, SagWire message, GraphDraft *draft, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  draft->inputs = g_ptr_array_new_with_free_func (port_free);
  draft->outputs = g_ptr_array_new_with_free_func (port_free);
  draft->nodes = g_array_new (FALSE, FALSE, sizeof (SagWire));
  while (good && sag_wire_next (&message, &field, &local))
    {
      g_autofree char *name = NULL;
      SagTensor *tensor;
      PortDraft *port;

      if (field.type != 2)
        continue;
      switch (field.number)
        {
        case 1:
          g_array_append_val (draft->nodes, field.bytes);
          break;
        case 5:
          tensor = sag_onnx_read_tensor (field.bytes, reader->folder, reader->files, TRUE, &name, error);
          good = tensor != NULL
                 && scope_add (scope, sag_graph_add_constant (scope->graph, name, tensor), name, error);
          break;
        case 11:
        case 12:
          port = read_port (reader, field.bytes, error);
          good = port != NULL;
          if (good)
            g_ptr_array_add (field.number == 11 ? draft->inputs : draft->outputs, port);
          break;
        case 15:
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                       "The model has sparse weights; export it with dense ones");
          good = FALSE;
          break;
        default:
          break;
        }
      good = good && draft->inputs->len < MAX_NAMES && draft->outputs->len < MAX_NAMES;
      if (!good && error != NULL && *error == NULL)
        invalid (error, "The model has too many inputs or outputs");
    }
  return finish (local, good, error);
}

static gboolean
bad_port (const PortDraft *port, GError **error, const char *what)
{
  g_autofree char *name = sag_escape_name (port->name, -1);

  return invalid (error, "Input '%s' %s", name, what);
}

/* The shape a binding gives, checked against what the file fixes. */
static gboolean
apply_binding (Reader *reader, PortDraft *port, GError **error)
{
  for (int b = 0; b < reader->n_bindings; b++)
    {
      const SagBinding *binding = &reader->bindings[b];
      SagShape given = { .rank = binding->rank };

      if (strcmp (binding->name, port->name) != 0)
        continue;
      memcpy (given.dim, binding->shape, sizeof given.dim);
      for (int i = 0; i < given.rank && port->has_shape; i++)
        if (given.rank != port->shape.rank
            || (port->shape.dim[i] >= 0 && port->shape.dim[i] != given.dim[i]))
          {
            g_autofree char *want = sag_shape_to_string (&port->shape);
            g_autofree char *have = sag_shape_to_string (&given);
            g_autofree char *text = g_strdup_printf ("is %s, but the model wants %s (-1: any)", have, want);

            return bad_port (port, error, text);
          }
      if (port->has_shape && given.rank != port->shape.rank)
        return bad_port (port, error, "has another number of dimensions than the model wants");
      port->shape = given;
      port->has_shape = TRUE;
    }
  return TRUE;
}

static gboolean
bind_dimensions (Reader *reader, GPtrArray *ports, GError **error)
{
  for (guint p = 0; p < ports->len; p++)
    if (!apply_binding (reader, ports->pdata[p], error))
      return FALSE;
  for (int round = 0; round < 2; round++)
    for (guint p = 0; p < ports->len; p++)
      {
        PortDraft *port = ports->pdata[p];

        if (!port->has_shape)
          return bad_port (port, error, "has no shape in the model; give it one");
        for (int i = 0; i < port->shape.rank; i++)
          {
            gint64 *size = &port->shape.dim[i];
            const char *param = (guint) i < port->params->len ? port->params->pdata[i] : NULL;
            gint64 *known = param != NULL ? g_hash_table_lookup (reader->params, param) : NULL;

            if (round == 0 && *size >= 0 && param != NULL && *param != '\0' && known == NULL)
              g_hash_table_insert (reader->params, g_strdup (param), g_memdup2 (size, sizeof *size));
            if (round == 0 || *size >= 0)
              continue;
            if (known != NULL)
              *size = *known;
            else if (i == 0 && port->shape.rank > 1)
              *size = 1;
            else
              {
                g_autofree char *axis = sag_escape_name (param != NULL ? param : "?", -1);
                g_autofree char *text
                    = g_strdup_printf ("has an open dimension (axis %d, '%s'); give its shape", i, axis);

                return bad_port (port, error, text);
              }
          }
        if (round == 1 && sag_shape_count (&port->shape) < 0)
          return bad_port (port, error, "is too large");
      }
  return TRUE;
}

static gboolean
is_wide (SagDType dtype)
{
  return dtype == SAG_DTYPE_F16 || dtype == SAG_DTYPE_BF16 || dtype == SAG_DTYPE_F64;
}

/* A node between a port of a 16 or 64-bit float type and the F32 inside. */
static SagNode *
add_port_node (SagGraph *graph, SagValue *from, SagValue *to)
{
  SagNode *node = sag_graph_add_node (graph, sag_op_find ("sagitta", "Port"), from->name, -1);

  g_ptr_array_add (node->inputs, from);
  sag_node_set_output (node, 0, to);
  return node;
}

static gboolean
add_inputs (Reader *reader, Scope *scope, GraphDraft *draft, GError **error)
{
  g_autoptr (GPtrArray) ports = g_ptr_array_new ();

  /* Old files list the initializers among the inputs. */
  for (guint i = 0; i < draft->inputs->len; i++)
    {
      PortDraft *port = draft->inputs->pdata[i];
      SagValue *value = g_hash_table_lookup (scope->values, port->name);

      if (value == NULL || value->constant == NULL)
        g_ptr_array_add (ports, port);
    }
  if (scope->parent == NULL && !bind_dimensions (reader, ports, error))
    return FALSE;
  for (guint i = 0; i < ports->len; i++)
    {
      PortDraft *port = ports->pdata[i];
      SagValue *value = sag_graph_add_value (scope->graph, port->name);
      SagValue *inner = value;

      g_ptr_array_add (scope->graph->inputs, value);
      if (scope->parent == NULL && !sag_onnx_dtype (port->type, &value->dtype))
        return bad_port (port, error, "is of an element type that is not supported");
      if (scope->parent == NULL)
        value->shape = port->shape;
      if (scope->parent == NULL && is_wide (value->dtype))
        {
          inner = sag_graph_add_value (scope->graph, port->name);
          add_port_node (scope->graph, value, inner);
        }
      if (!scope_add (scope, inner, port->name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_outputs (Reader *reader, Scope *scope, GraphDraft *draft, GError **error)
{
  for (guint i = 0; i < draft->outputs->len; i++)
    {
      PortDraft *port = draft->outputs->pdata[i];
      SagValue *value = scope_find (scope, port->name);
      SagDType dtype = SAG_DTYPE_F32;

      if (value == NULL)
        {
          g_autofree char *name = sag_escape_name (port->name, -1);

          return invalid (error, "Output '%s' is given by no node", name);
        }
      if (scope->parent == NULL && port->has_type && sag_onnx_dtype (port->type, &dtype) && is_wide (dtype))
        {
          SagValue *outside = sag_graph_add_value (scope->graph, port->name);
          SagNode *node = add_port_node (scope->graph, value, outside);

          sag_node_set_int (node, "to", dtype);
          value = outside;
        }
      g_ptr_array_add (scope->graph->outputs, value);
    }
  return TRUE;
}

static gboolean
read_graph (Reader *reader, Scope *scope, SagWire message, GError **error)
{
  GraphDraft draft;
  gboolean good = read_graph_fields (reader, scope, message, &draft, error)
                  && add_inputs (reader, scope, &draft, error);

  for (guint i = 0; good && i < draft.nodes->len; i++)
    good = read_node (reader, scope, g_array_index (draft.nodes, SagWire, i), error);
  good = good && add_outputs (reader, scope, &draft, error);
  graph_draft_clear (&draft);
  return good;
}

static SagGraph *
read_body (Reader *reader, Scope *parent, SagWire message, GPtrArray *outer, GError **error)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  gboolean good;
  Scope scope;

  if (++reader->depth > MAX_DEPTH)
    {
      invalid (error, "The model's graphs are nested more than %d deep", MAX_DEPTH);
      return NULL;
    }
  scope_init (&scope, graph);
  scope.parent = parent;
  scope.outer = outer;
  scope.caller = parent->caller;
  good = read_graph (reader, &scope, message, error);
  g_hash_table_unref (scope.values);
  reader->depth--;
  return good ? g_steal_pointer (&graph) : NULL;
}

static gboolean
read_opset (Reader *reader, SagWire message, GError **error)
{
  g_autofree char *domain = NULL;
  SagWireField field;
  GError *local = NULL;
  guint64 version = 0;

  while (sag_wire_next (&message, &field, &local))
    if (field.number == 1 && field.type == 2)
      {
        g_free (domain);
        domain = sag_wire_string (&field.bytes);
      }
    else if (field.number == 2)
      version = field.value;
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  if (domain == NULL || strcmp (domain, "ai.onnx") == 0)
    {
      g_free (domain);
      domain = g_strdup ("");
    }
  if (*domain == '\0' && version < OLDEST_OPSET)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   "The model uses ONNX operator set %" G_GUINT64_FORMAT "; export it with 7 or newer",
                   version);
      return FALSE;
    }
  g_hash_table_insert (reader->opsets, g_steal_pointer (&domain),
                       GINT_TO_POINTER ((int) MIN (version, 1000)));
  return TRUE;
}

static gboolean
read_function (Reader *reader, SagWire message, GError **error)
{
  g_autofree char *name = NULL, *domain = NULL;
  SagWire whole = message;
  SagWireField field;
  GError *local = NULL;

  while (sag_wire_next (&message, &field, &local))
    if (field.type == 2 && (field.number == 1 || field.number == 10))
      {
        char **text = field.number == 1 ? &name : &domain;

        g_free (*text);
        *text = sag_wire_string (&field.bytes);
      }
  if (local == NULL)
    g_hash_table_insert (reader->functions,
                         g_strdup_printf ("%s:%s", domain != NULL ? domain : "", name != NULL ? name : ""),
                         g_memdup2 (&whole, sizeof whole));
  return finish (local, TRUE, error);
}

static gboolean
read_model (Reader *reader, SagGraph *graph, SagWire message, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE, found = FALSE;
  SagWire body = { 0 };
  Scope scope;

  while (good && sag_wire_next (&message, &field, &local))
    if (field.type == 2 && field.number == 8)
      good = read_opset (reader, field.bytes, error);
    else if (field.type == 2 && field.number == 25)
      good = read_function (reader, field.bytes, error);
    else if (field.type == 2 && field.number == 7)
      {
        body = field.bytes;
        found = TRUE;
      }
  if (!finish (local, good, error))
    return FALSE;
  if (!found || !g_hash_table_contains (reader->opsets, ""))
    return invalid (error, "The file is not an ONNX model: it has no graph or no operator set");
  scope_init (&scope, graph);
  good = read_graph (reader, &scope, body, error);
  g_hash_table_unref (scope.values);
  if (good && graph->outputs->len == 0)
    return invalid (error, "The model has no outputs");
  return good;
}

SagGraph *
sag_onnx_read (GBytes *file, const char *path, const SagBinding *bindings, int n_bindings, GError **error)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  g_autofree char *folder = g_path_get_dirname (path);
  Reader reader = { .folder = folder, .bindings = bindings, .n_bindings = n_bindings };
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);
  gboolean good;

  graph->files = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_ptr_array_add (graph->files, g_bytes_ref (file));
  reader.files = graph->files;
  reader.opsets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  reader.functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  reader.params = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  good = read_model (&reader, graph, (SagWire) { data, data + size }, error);
  g_hash_table_unref (reader.opsets);
  g_hash_table_unref (reader.functions);
  g_hash_table_unref (reader.params);
  return good ? g_steal_pointer (&graph) : NULL;
}
