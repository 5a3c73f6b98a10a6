/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-model.c: an ONNX file as something to edit: reading, and looking things up.
 *
 * Field numbers are those of onnx.proto.
 */
#include "engine/nn/onnx-model.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-write.h"
#include "engine/nn/passes.h"

#include <string.h>

enum
{
  MAX_NESTING = 16
};

static void
node_free (gpointer data)
{
  SagOnnxNode *self = data;

  g_free (self->op);
  g_free (self->domain);
  g_free (self->name);
  g_ptr_array_unref (self->inputs);
  g_ptr_array_unref (self->outputs);
  g_ptr_array_unref (self->attributes);
  g_free (self);
}

static SagOnnxNode *
node_new (const char *op, const char *name)
{
  SagOnnxNode *self = g_new0 (SagOnnxNode, 1);

  self->op = g_strdup (op);
  self->domain = g_strdup ("");
  self->name = g_strdup (name);
  self->inputs = g_ptr_array_new_with_free_func (g_free);
  self->outputs = g_ptr_array_new_with_free_func (g_free);
  self->attributes = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  return self;
}

static void
weight_free (gpointer data)
{
  SagOnnxWeight *self = data;

  g_free (self->name);
  g_clear_pointer (&self->raw, g_bytes_unref);
  sag_tensor_free (self->tensor);
  g_free (self);
}

void
sag_onnx_model_free (SagOnnxModel *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->nodes);
  g_ptr_array_unref (self->weights);
  g_ptr_array_unref (self->inputs);
  g_array_unref (self->shapes);
  g_ptr_array_unref (self->outputs);
  g_hash_table_unref (self->held);
  g_ptr_array_unref (self->before);
  g_ptr_array_unref (self->after);
  g_ptr_array_unref (self->graph_fields);
  g_free (self->path);
  g_free (self);
}

static gboolean
fail (GError **error, const char *text)
{
  g_set_error_literal (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED, text);
  return FALSE;
}

static GBytes *
bytes_of (const SagWire *wire)
{
  return g_bytes_new (wire->at, sag_wire_length (wire));
}

static SagWire
wire_of (GBytes *bytes)
{
  gsize         size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  return (SagWire){ data, data + size };
}

/* The field as it stands in the message, tag included; `from` is where it began. */
static void
keep_field (GPtrArray *fields, const guint8 *from, const SagWire *after)
{
  g_ptr_array_add (fields, g_bytes_new (from, (gsize) (after->at - from)));
}

/* --- reading ------------------------------------------------------------------------------- */

/* What the nodes of a body read, whether it is theirs or from outside: too many names do no harm.
 */
static void
hold_names (SagOnnxModel *self, SagWire graph, int depth)
{
  SagWireField node, field, part;

  while (depth < MAX_NESTING && sag_wire_next (&graph, &node, NULL))
    while (node.number == 1 && node.type == 2 && sag_wire_next (&node.bytes, &field, NULL))
      if (field.number == 1 && field.type == 2)
        g_hash_table_add (self->held, sag_wire_string (&field.bytes));
      else
        while (field.number == 5 && field.type == 2 && sag_wire_next (&field.bytes, &part, NULL))
          if (part.number == 6 && part.type == 2)
            hold_names (self, part.bytes, depth + 1);
}

static gboolean
read_node (SagOnnxModel *self, SagWire message, GError **error)
{
  SagOnnxNode *node = node_new ("", "");
  GError      *local = NULL;
  SagWireField field, part;

  while (sag_wire_next (&message, &field, &local))
    {
      char **text = field.number == 3   ? &node->name
                    : field.number == 4 ? &node->op
                    : field.number == 7 ? &node->domain
                                        : NULL;

      if (field.type != 2)
        continue;
      if (text != NULL)
        {
          g_free (*text);
          *text = sag_wire_string (&field.bytes);
        }
      else if (field.number == 1 || field.number == 2)
        g_ptr_array_add (field.number == 1 ? node->inputs : node->outputs,
                         sag_wire_string (&field.bytes));
      else if (field.number == 5)
        {
          SagWire attribute = field.bytes;

          g_ptr_array_add (node->attributes, bytes_of (&field.bytes));
          while (sag_wire_next (&attribute, &part, NULL))
            if (part.number == 6 && part.type == 2)
              hold_names (self, part.bytes, 0);
        }
    }
  if (strcmp (node->domain, "ai.onnx") == 0)
    *node->domain = '\0';
  if (local != NULL)
    {
      g_propagate_error (error, local);
      node_free (node);
      return FALSE;
    }
  g_ptr_array_add (self->nodes, node);
  return TRUE;
}

static gboolean
read_weight (SagOnnxModel *self, SagWire message, const char *called, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->path), *name = NULL;
  g_autoptr (GPtrArray) files = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (SagTensor) seen = NULL;
  SagWire        rest = message;
  SagOnnxWeight *weight;
  SagWireField   field;
  gboolean       external = FALSE;
  gint64         type = 0;

  while (sag_wire_next (&rest, &field, NULL))
    if (field.number == 2)
      type = (gint64) field.value;
    else if (field.number == 14)
      external = field.value == 1;
  seen = sag_onnx_read_tensor (message, folder, files, TRUE, &name, error);
  if (seen == NULL)
    return FALSE;
  weight = g_new0 (SagOnnxWeight, 1);
  weight->name = g_strdup (called != NULL ? called : name);
  weight->type = type;
  g_ptr_array_add (self->weights, weight);
  weight->tensor = sag_tensor_copy (seen, error); /* the file goes */
  if (weight->tensor == NULL)
    return FALSE;
  if (!external && called == NULL)
    weight->raw = bytes_of (&message);
  else if (type != SAG_ONNX_FLOAT && type != SAG_ONNX_INT64 && type != SAG_ONNX_INT8)
    return fail (error, "A weight in a file of its own or in a Constant is not float32, int8 or "
                        "int64; export the model as one file with float32 weights");
  return TRUE;
}

static char *
port_name (SagWire message)
{
  SagWireField field;

  while (sag_wire_next (&message, &field, NULL))
    if (field.number == 1 && field.type == 2)
      return sag_wire_string (&field.bytes);
  return g_strdup ("");
}

/* ValueInfoProto.type.tensor_type.shape.dim: `level` counts down. */
static void
read_shape (SagWire message, int level, SagShape *shape)
{
  static const guint numbers[] = { 2, 1, 2, 1 };
  SagWireField       field;

  while (sag_wire_next (&message, &field, NULL))
    if (level < 4 && field.number == numbers[level] && field.type == 2)
      {
        if (level == 3 && shape->rank < SAG_MAX_RANK)
          shape->dim[shape->rank++] = -1;
        read_shape (field.bytes, level + 1, shape);
      }
    else if (level == 4 && field.number == 1 && field.type == 0 && field.value > 0)
      shape->dim[shape->rank - 1] = (gint64) field.value;
}

static gboolean
read_graph (SagOnnxModel *self, SagWire message, GError **error)
{
  GError       *local = NULL;
  gboolean      good = TRUE;
  const guint8 *from = message.at;
  SagWireField  field;

  for (; good && sag_wire_next (&message, &field, &local); from = message.at)
    switch (field.type == 2 ? field.number : 0)
      {
      case 1:
        good = read_node (self, field.bytes, error);
        break;
      case 5:
        good = read_weight (self, field.bytes, NULL, error);
        break;
      case 13: /* value_info: shapes in between, which change */
      case 14: /* quantization_annotation */
        break;
      case 15:
        good = fail (error, "The model has sparse weights; export it with dense ones");
        break;
      case 11:
      case 12:
        g_ptr_array_add (field.number == 11 ? self->inputs : self->outputs,
                         port_name (field.bytes));
        if (field.number == 11)
          {
            SagShape shape = { 0 };

            read_shape (field.bytes, 0, &shape);
            g_array_append_val (self->shapes, shape);
          }
        G_GNUC_FALLTHROUGH;
      default:
        keep_field (self->graph_fields, from, &message);
      }
  if (local != NULL)
    g_propagate_error (error, local);
  return good && local == NULL;
}

static void
read_opset (SagOnnxModel *self, SagWire message)
{
  g_autofree char *domain = g_strdup ("");
  SagWireField     field;
  int              version = 0;

  while (sag_wire_next (&message, &field, NULL))
    if (field.number == 1 && field.type == 2)
      {
        g_free (domain);
        domain = sag_wire_string (&field.bytes);
      }
    else if (field.number == 2)
      version = (int) field.value;
  if (*domain == '\0' || strcmp (domain, "ai.onnx") == 0)
    self->opset = version;
}

static gboolean
read_model (SagOnnxModel *self, SagWire message, GError **error)
{
  GError       *local = NULL;
  gboolean      good = TRUE, found = FALSE;
  const guint8 *from = message.at;
  SagWireField  field;

  for (; good && sag_wire_next (&message, &field, &local); from = message.at)
    if (field.number == 7 && field.type == 2)
      {
        good = read_graph (self, field.bytes, error);
        found = TRUE;
      }
    else
      {
        if (field.number == 8 && field.type == 2)
          read_opset (self, field.bytes);
        keep_field (found ? self->after : self->before, from, &message);
      }
  if (local != NULL)
    g_propagate_error (error, local);
  return good && local == NULL;
}

/* Constants are weights in another place, and old files list the weights among the inputs. */
static gboolean
tidy (SagOnnxModel *self, GError **error)
{
  for (guint n = self->nodes->len; n-- > 0;)
    {
      SagOnnxNode *node = self->nodes->pdata[n];
      SagWireField field;
      gboolean     taken = FALSE;

      if (strcmp (node->op, "Constant") != 0 || *node->domain != '\0' || node->attributes->len != 1
          || node->outputs->len != 1)
        continue;
      for (SagWire a = wire_of (node->attributes->pdata[0]); sag_wire_next (&a, &field, NULL);)
        if (field.number == 5 && field.type == 2)
          {
            SagWireField type;
            gint64       code = 0;

            for (SagWire t = field.bytes; sag_wire_next (&t, &type, NULL);)
              if (type.number == 2)
                code = (gint64) type.value;
            if (code != SAG_ONNX_FLOAT && code != SAG_ONNX_INT64)
              continue;
            if (!read_weight (self, field.bytes, node->outputs->pdata[0], error))
              return FALSE;
            taken = TRUE;
          }
      if (taken)
        g_ptr_array_remove_index (self->nodes, n);
    }
  for (guint n = self->inputs->len; n-- > 0;)
    if (sag_onnx_model_find (self, self->inputs->pdata[n]) != NULL)
      return fail (error, "The model lists its weights among its inputs, as files before 2019 do; "
                          "export it anew");
  return TRUE;
}

SagOnnxModel *
sag_onnx_model_read (const char *path, GError **error)
{
  g_autoptr (SagOnnxModel) self = g_new0 (SagOnnxModel, 1);
  g_autoptr (GMappedFile) file = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = NULL;

  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->weights = g_ptr_array_new_with_free_func (weight_free);
  self->inputs = g_ptr_array_new_with_free_func (g_free);
  self->shapes = g_array_new (FALSE, FALSE, sizeof (SagShape));
  self->outputs = g_ptr_array_new_with_free_func (g_free);
  self->held = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->before = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->after = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->graph_fields = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  self->path = g_strdup (path);
  file = g_mapped_file_new (path, FALSE, &local);
  if (file == NULL)
    {
      g_autofree char *shown = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "'%s' cannot be opened", shown);
      return NULL;
    }
  bytes = g_mapped_file_get_bytes (file);
  if (!read_model (self, wire_of (bytes), error) || !tidy (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

GHashTable *
sag_onnx_model_infer (const SagOnnxModel *self,
                      const SagBinding   *bindings,
                      int                 n_bindings,
                      GError            **error)
{
  g_autoptr (GBytes) bytes = sag_onnx_model_write (self);
  g_autoptr (SagGraph) graph = sag_onnx_read (bytes, self->path, bindings, n_bindings, error);
  GHashTable *shapes;

  if (graph == NULL || !sag_pass_fold (graph, error))
    return NULL;
  shapes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint n = 0; n < graph->values->len; n++)
    {
      const SagValue *value = graph->values->pdata[n];

      g_hash_table_insert (shapes, g_strdup (value->name),
                           g_memdup2 (&value->shape, sizeof value->shape));
    }
  return shapes;
}

/* Elements of a TensorProto; 0 if they are INT64. */
static gint64
count_elements (SagWire tensor)
{
  SagShape shape = { 0 };
  SagWireField field;
  guint64 size;
  gint64 type = 0;

  while (sag_wire_next (&tensor, &field, NULL))
    if (field.number == 2)
      type = (gint64) field.value;
    else if (field.number == 1 && field.type == 0 && shape.rank < SAG_MAX_RANK)
      shape.dim[shape.rank++] = (gint64) field.value;
    else
      while (field.number == 1 && field.type == 2 && shape.rank < SAG_MAX_RANK
             && sag_wire_varint (&field.bytes, &size))
        shape.dim[shape.rank++] = (gint64) size;
  return type == SAG_ONNX_INT64 ? 0 : MAX (sag_shape_count (&shape), 0);
}

gint64
sag_onnx_count_parameters (GBytes *file)
{
  SagWireField graph, field;
  gint64 n = 0;

  for (SagWire model = wire_of (file); sag_wire_next (&model, &graph, NULL);)
    while (graph.number == 7 && graph.type == 2 && sag_wire_next (&graph.bytes, &field, NULL))
      if (field.number == 5 && field.type == 2)
        n += count_elements (field.bytes);
  return n;
}

/* --- looking up and changing --------------------------------------------------------------- */

SagOnnxWeight *
sag_onnx_model_find (const SagOnnxModel *self, const char *name)
{
  for (guint n = 0; n < self->weights->len && *name != '\0'; n++)
    {
      SagOnnxWeight *weight = self->weights->pdata[n];

      if (strcmp (weight->name, name) == 0)
        return weight;
    }
  return NULL;
}

SagOnnxWeight *
sag_onnx_model_add (SagOnnxModel *self, const char *name, gint64 type, SagTensor *tensor)
{
  SagOnnxWeight *weight = g_new0 (SagOnnxWeight, 1);

  weight->name = g_strdup (name);
  weight->type = type;
  weight->tensor = tensor;
  g_ptr_array_add (self->weights, weight);
  return weight;
}

void
sag_onnx_weight_set (SagOnnxWeight *self, SagTensor *tensor)
{
  sag_tensor_free (self->tensor);
  self->tensor = tensor;
  g_clear_pointer (&self->raw, g_bytes_unref);
}

int
sag_onnx_model_count_readers (const SagOnnxModel *self, const char *name)
{
  int count = g_hash_table_contains (self->held, name);

  for (guint n = 0; n < self->nodes->len; n++)
    {
      const SagOnnxNode *node = self->nodes->pdata[n];

      for (guint i = 0; i < node->inputs->len; i++)
        count += strcmp (node->inputs->pdata[i], name) == 0;
    }
  for (guint n = 0; n < self->outputs->len; n++)
    count += strcmp (self->outputs->pdata[n], name) == 0;
  return count;
}

void
sag_onnx_model_clean (SagOnnxModel *self)
{
  for (guint n = self->weights->len; n-- > 0;)
    if (sag_onnx_model_count_readers (self, ((SagOnnxWeight *)self->weights->pdata[n])->name) == 0)
      g_ptr_array_remove_index (self->weights, n);
}

SagOnnxNode *
sag_onnx_model_insert (SagOnnxModel *self, int position, const char *op, const char *name)
{
  SagOnnxNode *node = node_new (op, name);

  g_ptr_array_insert (self->nodes, position, node);
  return node;
}

const char *
sag_onnx_node_input (const SagOnnxNode *self, int i)
{
  return (guint) i < self->inputs->len ? self->inputs->pdata[i] : "";
}

void
sag_onnx_node_set_input (SagOnnxNode *self, int i, const char *name)
{
  char *copy = g_strdup (name); /* it may be the old one */

  while (self->inputs->len <= (guint) i)
    g_ptr_array_add (self->inputs, g_strdup (""));
  g_free (self->inputs->pdata[i]);
  self->inputs->pdata[i] = copy;
}

/* Its place among the attributes, or -1. */
static int
find_attribute (const SagOnnxNode *self, const char *name)
{
  for (guint n = 0; n < self->attributes->len; n++)
    {
      g_autofree char *own = port_name (wire_of (self->attributes->pdata[n]));

      if (strcmp (own, name) == 0)
        return (int) n;
    }
  return -1;
}

gint64
sag_onnx_node_get_int (const SagOnnxNode *self, const char *name, gint64 otherwise)
{
  int          n = find_attribute (self, name);
  SagWireField field;
  SagWire      rest;

  if (n < 0)
    return otherwise;
  rest = wire_of (self->attributes->pdata[n]);
  while (sag_wire_next (&rest, &field, NULL))
    if (field.number == 3 && field.type == 0)
      return (gint64) field.value;
  return 0; /* proto3 writers leave zeroes out */
}

gint64 *
sag_onnx_node_get_ints (const SagOnnxNode *self, const char *name, int *n)
{
  int at = find_attribute (self, name);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (gint64));
  SagWireField field;
  SagWire      rest;
  guint64      value;

  *n = 0;
  if (at < 0)
    return NULL;
  rest = wire_of (self->attributes->pdata[at]);
  while (sag_wire_next (&rest, &field, NULL))
    if (field.number == 8 && field.type == 0)
      g_array_append_val (values, field.value);
    else
      while (field.number == 8 && field.type == 2 && sag_wire_varint (&field.bytes, &value))
        g_array_append_val (values, value);
  *n = (int) values->len;
  return (gint64 *) (gpointer) g_array_free (g_steal_pointer (&values), *n == 0);
}

void
sag_onnx_node_remove_attribute (SagOnnxNode *self, const char *name)
{
  int n = find_attribute (self, name);

  if (n >= 0)
    g_ptr_array_remove_index (self->attributes, n);
}

void
sag_onnx_node_copy_attribute (SagOnnxNode *self, const SagOnnxNode *from, const char *name)
{
  int n = find_attribute (from, name);

  sag_onnx_node_remove_attribute (self, name);
  if (n >= 0)
    g_ptr_array_add (self->attributes, g_bytes_ref (from->attributes->pdata[n]));
}

void
sag_onnx_node_set_int (SagOnnxNode *self, const char *name, gint64 value)
{
  sag_onnx_node_remove_attribute (self, name);
  g_ptr_array_add (self->attributes, sag_onnx_write_attribute (name, &value, -1));
}

void
sag_onnx_node_set_ints (SagOnnxNode *self, const char *name, const gint64 *values, int n)
{
  sag_onnx_node_remove_attribute (self, name);
  g_ptr_array_add (self->attributes, sag_onnx_write_attribute (name, values, n));
}
