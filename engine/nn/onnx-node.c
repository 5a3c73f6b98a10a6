/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-node.c: NodeProto and AttributeProto to nodes, with names looked up and functions written
 * out.
 */
#include "engine/nn/onnx-reader.h"

#include "engine/base/error.h"
#include "engine/nn/op.h"

#include <string.h>

gboolean
sag_onnx_invalid (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, text);
  return FALSE;
}

gboolean
sag_onnx_finish (GError *local, gboolean good, GError **error)
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

SagValue *
sag_onnx_scope_find (SagOnnxScope *scope, const char *name)
{
  SagValue *value = g_hash_table_lookup (scope->values, name);
  SagValue *outer;

  if (value != NULL || scope->parent == NULL)
    return value;
  outer = sag_onnx_scope_find (scope->parent, name);
  if (outer == NULL)
    return NULL;
  value = sag_graph_add_value (scope->graph, name);
  value->dtype = outer->dtype;
  g_ptr_array_add (scope->graph->captures, value);
  g_ptr_array_add (scope->outer, outer);
  g_hash_table_insert (scope->values, g_strdup (name), value);
  return value;
}

gboolean
sag_onnx_scope_add (SagOnnxScope *scope, SagValue *value, const char *name, GError **error)
{
  g_autofree char *escaped = NULL;

  if (!g_hash_table_contains (scope->values, name))
    {
      g_hash_table_insert (scope->values, g_strdup (name), value);
      return TRUE;
    }
  escaped = sag_escape_name (name, -1);
  return sag_onnx_invalid (error, "The name '%s' is given twice in the model", escaped);
}

void
sag_onnx_scope_init (SagOnnxScope *scope, SagGraph *graph)
{
  *scope = (SagOnnxScope) { .graph = graph };
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
read_attribute_field (SagOnnxReader *reader, SagOnnxScope *scope, const SagWireField *field,
                      AttributeDraft *draft, GPtrArray *outer, GError **error)
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
        return sag_onnx_invalid (error, "An attribute has two graphs");
      attribute->graph = sag_onnx_read_body (reader, scope, field->bytes, outer, error);
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
    return sag_onnx_invalid (error, "An attribute is of an unknown kind (%" G_GINT64_FORMAT ")",
                             draft->type);
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
    return sag_onnx_invalid (error, "An attribute is empty");
  return TRUE;
}

static gboolean
read_attribute (SagOnnxReader *reader, SagOnnxScope *scope, SagNode *node, SagWire message,
                GPtrArray *outer, GError **error)
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
  good = sag_onnx_finish (local, good, error);
  if (good && draft.ref != NULL && *draft.ref != '\0')
    {
      const SagAttribute *from
          = scope->caller != NULL ? sag_node_attribute (scope->caller, draft.ref) : NULL;
      SagAttribute *copy;

      /* An attribute the caller leaves out is left out here too: the default holds. */
      copy = from != NULL
                 ? attribute_copy (from, draft.attribute->name != NULL ? draft.attribute->name : "")
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
  if (local == NULL
      && (draft->inputs->len > SAG_ONNX_MAX_NAMES || draft->outputs->len > SAG_ONNX_MAX_NAMES))
    return sag_onnx_invalid (error, "A node has too many inputs or outputs");
  return sag_onnx_finish (local, TRUE, error);
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
connect_inputs (SagOnnxScope *scope, SagNode *node, const NodeDraft *draft, GError **error)
{
  for (guint i = 0; i < draft->inputs->len; i++)
    {
      const char *name = draft->inputs->pdata[i];
      SagValue *value = *name == '\0' ? NULL : sag_onnx_scope_find (scope, name);

      if (*name != '\0' && value == NULL)
        {
          g_autofree char *escaped = sag_escape_name (name, -1);

          return sag_node_invalid (node, error, "it reads '%s', which no earlier node gives",
                                   escaped);
        }
      g_ptr_array_add (node->inputs, value);
    }
  return TRUE;
}

/* The name in an AttributeProto. */
static char *
attribute_name (SagWire message)
{
  SagWireField field;
  char *name = NULL;

  while (name == NULL && sag_wire_next (&message, &field, NULL))
    if (field.number == 1 && field.type == 2)
      name = sag_wire_string (&field.bytes);
  return name;
}

/* FunctionProto's attribute_proto: what holds where the caller says nothing. */
static gboolean
add_default (SagOnnxReader *reader, SagOnnxScope *scope, SagNode *caller, SagWire message, GError **error)
{
  g_autoptr (GPtrArray) outer = g_ptr_array_new ();
  g_autofree char *name = attribute_name (message);

  return name == NULL || sag_node_attribute (caller, name) != NULL
         || read_attribute (reader, scope, caller, message, outer, error);
}

static GHashTable *
copy_opsets (GHashTable *from)
{
  GHashTable *to = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer domain, version;

  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &domain, &version))
    g_hash_table_insert (to, g_strdup (domain), version);
  return to;
}

/* A call of a function of the model's own: its nodes, of the operator sets it names, are written out in the
 * caller's graph. */
static gboolean
expand_function (SagOnnxReader *reader, SagOnnxScope *scope, const NodeDraft *draft, SagNode *caller,
                 SagWire message, GError **error)
{
  GHashTable *opsets = reader->opsets;
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) outputs = g_ptr_array_new_with_free_func (g_free);
  SagWire again = message;
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;
  SagOnnxScope inner;

  if (++reader->depth > SAG_ONNX_MAX_DEPTH)
    return sag_onnx_invalid (error, "Functions in the model call each other too deeply");
  reader->opsets = copy_opsets (opsets);
  while (good && sag_wire_next (&message, &field, &local))
    if (field.type == 2 && (field.number == 4 || field.number == 5))
      g_ptr_array_add (field.number == 4 ? inputs : outputs, sag_wire_string (&field.bytes));
    else if (field.type == 2 && field.number == 9)
      good = sag_onnx_read_opset (reader, field.bytes, error);
    else if (field.type == 2 && field.number == 11)
      good = add_default (reader, scope, caller, field.bytes, error);
  good = sag_onnx_finish (local, good, error);
  sag_onnx_scope_init (&inner, scope->graph);
  inner.caller = caller;
  for (guint i = 0; i < inputs->len && i < draft->inputs->len; i++)
    {
      SagValue *value = caller->inputs->pdata[i];

      if (value != NULL)
        g_hash_table_insert (inner.values, g_strdup (inputs->pdata[i]), value);
    }
  while (good && sag_wire_next (&again, &field, NULL))
    if (field.number == 7 && field.type == 2)
      good = sag_onnx_read_node (reader, &inner, field.bytes, error);
  for (guint i = 0; good && i < draft->outputs->len; i++)
    {
      const char *name = draft->outputs->pdata[i];
      SagValue *value
          = i < outputs->len ? g_hash_table_lookup (inner.values, outputs->pdata[i]) : NULL;

      if (*name == '\0')
        continue;
      good = value != NULL
                 ? sag_onnx_scope_add (scope, value, name, error)
                 : sag_onnx_invalid (error, "A function of the model does not give its output");
    }
  g_hash_table_unref (inner.values);
  g_hash_table_unref (reader->opsets);
  reader->opsets = opsets;
  reader->depth--;
  return good;
}

static gboolean
read_attributes (SagOnnxReader *reader, SagOnnxScope *scope, SagNode *node, const NodeDraft *draft,
                 GError **error)
{
  g_autoptr (GPtrArray) outer = g_ptr_array_new (), others = g_ptr_array_new ();

  for (guint i = 0; i < draft->attributes->len; i++)
    {
      guint first = outer->len, last = node->attributes->len;

      if (!read_attribute (reader, scope, node, g_array_index (draft->attributes, SagWire, i), outer,
                           error))
        return FALSE;
      /* of an If, what the else branch reads comes last, whichever branch the file has first */
      if (node->attributes->len > last
          && strcmp (((SagAttribute *) node->attributes->pdata[last])->name, "else_branch") == 0)
        for (; outer->len > first; g_ptr_array_remove_index (outer, first))
          g_ptr_array_add (others, outer->pdata[first]);
    }
  g_ptr_array_extend (outer, others, NULL, NULL);
  for (guint i = 0; i < outer->len; i++)
    g_ptr_array_add (node->inputs, outer->pdata[i]);
  node->n_captures = (int) outer->len;
  return TRUE;
}

static gboolean
build_node (SagOnnxReader *reader, SagOnnxScope *scope, const NodeDraft *draft, GError **error)
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
      if (value != NULL && !sag_onnx_scope_add (scope, value, name, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sag_onnx_read_node (SagOnnxReader *reader, SagOnnxScope *scope, SagWire message, GError **error)
{
  NodeDraft draft = { 0 };
  gboolean good;

  if (++reader->n_nodes > SAG_ONNX_MAX_NODES)
    return sag_onnx_invalid (error, "The model has more than 50000 nodes");
  good = draft_read (&draft, message, error) && build_node (reader, scope, &draft, error);
  draft_clear (&draft);
  return good;
}

