/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx.c: ONNX files to graphs: ports, graphs, bodies and the model around them.
 *
 * Field numbers are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto...).
 */
#include "engine/nn/onnx-reader.h"

#include "engine/base/error.h"
#include "engine/nn/op.h"

#include <string.h>

enum { OLDEST_OPSET = 7, MOST_OPSETS = 100 };

static gboolean
read_dimension (SagOnnxReader *reader, SagWire message, SagShape *shape, GPtrArray *params,
                GError **error)
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
    return sag_onnx_invalid (error, "A tensor has more than 8 dimensions");
  if (local == NULL)
    shape->dim[shape->rank++] = size > 0 || (size == 0 && param == NULL) ? size : -1;
  return sag_onnx_finish (local, TRUE, error);
}

/* A port as the file declares it. */
typedef struct
{
  char      *name;
  gint64     type;
  gboolean   has_type, has_shape;
  gboolean   foreign; /* a sequence, map, sparse or optional: inside bodies only */
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
read_type (SagOnnxReader *reader, SagWire message, int level, PortDraft *port, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE;

  while (good && sag_wire_next (&message, &field, &local))
    if (level == 0 && field.number == 1 && field.type == 2)
      good = read_type (reader, field.bytes, 1, port, error);
    else if (level == 0
             && (field.number == 4 || field.number == 5 || field.number == 8 || field.number == 9))
      port->foreign = TRUE;
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
  return sag_onnx_finish (local, good, error);
}

static PortDraft *
read_port (SagOnnxReader *reader, SagWire message, GError **error)
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
  if (!sag_onnx_finish (local, good, error))
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
read_graph_fields (SagOnnxReader *reader, SagOnnxScope *scope, SagWire message, GraphDraft *draft,
                   GError **error)
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
          tensor =
              sag_onnx_read_tensor (field.bytes, reader->folder, reader->files, TRUE, &name, error);
          good = tensor != NULL
                 && sag_onnx_scope_add (scope, sag_graph_add_constant (scope->graph, name, tensor),
                                        name, error);
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
      good = good && draft->inputs->len < SAG_ONNX_MAX_NAMES
             && draft->outputs->len < SAG_ONNX_MAX_NAMES;
      if (!good && error != NULL && *error == NULL)
        sag_onnx_invalid (error, "The model has too many inputs or outputs");
    }
  return sag_onnx_finish (local, good, error);
}

static gboolean
bad_port (const PortDraft *port, GError **error, const char *what)
{
  g_autofree char *name = sag_escape_name (port->name, -1);

  return sag_onnx_invalid (error, "Input '%s' %s", name, what);
}

/* The shape a binding gives, checked against what the file fixes. */
static gboolean
apply_binding (SagOnnxReader *reader, PortDraft *port, GError **error)
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
            g_autofree char *text =
                g_strdup_printf ("is %s, but the model wants %s (-1: any)", have, want);

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
bind_dimensions (SagOnnxReader *reader, GPtrArray *ports, GError **error)
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
              g_hash_table_insert (reader->params, g_strdup (param),
                                   g_memdup2 (size, sizeof *size));
            if (round == 0 || *size >= 0)
              continue;
            if (known != NULL)
              *size = *known;
            else if (i == 0 && port->shape.rank > 1)
              *size = 1;
            else
              {
                g_autofree char *axis = sag_escape_name (param != NULL ? param : "?", -1);
                g_autofree char *text = g_strdup_printf (
                    "has an open dimension (axis %d, '%s'); give its shape", i, axis);

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
check_dense (GPtrArray *ports, GError **error)
{
  for (guint i = 0; i < ports->len; i++)
    {
      const PortDraft *port = ports->pdata[i];

      if (port->foreign)
        {
          g_autofree char *name = sag_escape_name (port->name, -1);

          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                       "'%s' is not a dense tensor (sequence, map, sparse or optional); export the "
                       "model with tensors only", name);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
add_inputs (SagOnnxReader *reader, SagOnnxScope *scope, GraphDraft *draft, GError **error)
{
  g_autoptr (GPtrArray) ports = g_ptr_array_new ();

  if (scope->parent == NULL
      && (!check_dense (draft->inputs, error) || !check_dense (draft->outputs, error)))
    return FALSE;
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
      if (!sag_onnx_scope_add (scope, inner, port->name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
add_outputs (SagOnnxReader *reader, SagOnnxScope *scope, GraphDraft *draft, GError **error)
{
  for (guint i = 0; i < draft->outputs->len; i++)
    {
      PortDraft *port = draft->outputs->pdata[i];
      SagValue *value = sag_onnx_scope_find (scope, port->name);
      SagDType dtype = SAG_DTYPE_F32;

      if (value == NULL)
        {
          g_autofree char *name = sag_escape_name (port->name, -1);

          return sag_onnx_invalid (error, "Output '%s' is given by no node", name);
        }
      if (scope->parent == NULL && port->has_type && sag_onnx_dtype (port->type, &dtype)
          && is_wide (dtype))
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
read_graph (SagOnnxReader *reader, SagOnnxScope *scope, SagWire message, GError **error)
{
  GraphDraft draft;
  gboolean good = read_graph_fields (reader, scope, message, &draft, error)
                  && add_inputs (reader, scope, &draft, error);

  for (guint i = 0; good && i < draft.nodes->len; i++)
    good = sag_onnx_read_node (reader, scope, g_array_index (draft.nodes, SagWire, i), error);
  good = good && add_outputs (reader, scope, &draft, error);
  graph_draft_clear (&draft);
  return good;
}

SagGraph *
sag_onnx_read_body (SagOnnxReader *reader, SagOnnxScope *parent, SagWire message, GPtrArray *outer,
                    GError **error)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  gboolean good;
  SagOnnxScope scope;

  if (++reader->depth > SAG_ONNX_MAX_DEPTH)
    {
      sag_onnx_invalid (error, "The model's graphs are nested more than %d deep",
                        SAG_ONNX_MAX_DEPTH);
      return NULL;
    }
  sag_onnx_scope_init (&scope, graph);
  scope.parent = parent;
  scope.outer = outer;
  scope.caller = parent->caller;
  good = read_graph (reader, &scope, message, error);
  g_hash_table_unref (scope.values);
  reader->depth--;
  return good ? g_steal_pointer (&graph) : NULL;
}

gboolean
sag_onnx_read_opset (SagOnnxReader *reader, SagWire message, GError **error)
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
                   "The model uses ONNX operator set %" G_GUINT64_FORMAT
                   "; export it with 7 or newer",
                   version);
      return FALSE;
    }
  if (g_hash_table_size (reader->opsets) >= MOST_OPSETS)
    return sag_onnx_invalid (error, "The model, or a function of it, uses more than %d operator sets", MOST_OPSETS);
  g_hash_table_insert (reader->opsets, g_steal_pointer (&domain),
                       GINT_TO_POINTER ((int) MIN (version, 1000)));
  return TRUE;
}

static gboolean
read_function (SagOnnxReader *reader, SagWire message, GError **error)
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
    g_hash_table_insert (
        reader->functions,
        g_strdup_printf ("%s:%s", domain != NULL ? domain : "", name != NULL ? name : ""),
        g_memdup2 (&whole, sizeof whole));
  return sag_onnx_finish (local, TRUE, error);
}

static gboolean
read_model (SagOnnxReader *reader, SagGraph *graph, SagWire message, GError **error)
{
  SagWireField field;
  GError *local = NULL;
  gboolean good = TRUE, found = FALSE;
  SagWire body = { 0 };
  SagOnnxScope scope;

  while (good && sag_wire_next (&message, &field, &local))
    if (field.type == 2 && field.number == 8)
      good = sag_onnx_read_opset (reader, field.bytes, error);
    else if (field.type == 2 && field.number == 25)
      good = read_function (reader, field.bytes, error);
    else if (field.type == 2 && field.number == 7)
      {
        body = field.bytes;
        found = TRUE;
      }
  if (!sag_onnx_finish (local, good, error))
    return FALSE;
  if (!found || !g_hash_table_contains (reader->opsets, ""))
    return sag_onnx_invalid (error,
                             "The file is not an ONNX model: it has no graph or no operator set");
  sag_onnx_scope_init (&scope, graph);
  good = read_graph (reader, &scope, body, error);
  g_hash_table_unref (scope.values);
  if (good && graph->outputs->len == 0)
    return sag_onnx_invalid (error, "The model has no outputs");
  return good;
}

SagGraph *
sag_onnx_read (GBytes *file, const char *path, const SagBinding *bindings, int n_bindings,
               GError **error)
{
  g_autoptr (SagGraph) graph = sag_graph_new ();
  g_autofree char *folder = g_path_get_dirname (path);
  SagOnnxReader reader = { .folder = folder, .bindings = bindings, .n_bindings = n_bindings };
  gsize size;
  const guint8 *data = g_bytes_get_data (file, &size);
  gboolean good;

  graph->files = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_ptr_array_add (graph->files, g_bytes_ref (file));
  reader.files = graph->files;
  reader.opsets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  reader.functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  reader.params = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  /* An empty file has no address to count from. */
  good = read_model (&reader, graph, (SagWire) { data, size > 0 ? data + size : data }, error);
  g_hash_table_unref (reader.opsets);
  g_hash_table_unref (reader.functions);
  g_hash_table_unref (reader.params);
  return good ? g_steal_pointer (&graph) : NULL;
}
