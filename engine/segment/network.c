/* SPDX-License-Identifier: Apache-2.0
 *
 * network.c: the model file as a segmenter sees it: one image in, channels out.
 *
 * Field numbers are those of onnx.proto: ModelProto.graph 7; GraphProto.initializer 5, input 11;
 * ValueInfoProto.name 1, type 2; TypeProto.tensor_type 1; Tensor.shape 2; TensorShapeProto.dim 1;
 * Dimension.dim_value 1; TensorProto.name 8.
 */
#include "engine/segment/network.h"

#include "engine/base/error.h"
#include "engine/nn/onnx-wire.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MAX_OUTPUT_CHANNELS 256

/* --- looking ----------------------------------------------------------------------------- */

/* The first field `number` of a message. FALSE if it has none. */
static gboolean
find (SagWire message, guint32 number, SagWire *bytes)
{
  SagWireField field;

  while (sag_wire_next (&message, &field, NULL))
    if (field.number == number && field.type == 2)
      {
        *bytes = field.bytes;
        return TRUE;
      }
  return FALSE;
}

/* Dimensions of a ValueInfoProto, 0 where open; their number, or -1. */
static int
read_shape (SagWire value, gint64 dim[SAG_MAX_RANK])
{
  SagWire type, tensor, shape;
  SagWireField field;
  int rank = 0;

  if (!find (value, 2, &type) || !find (type, 1, &tensor) || !find (tensor, 2, &shape))
    return -1;
  while (sag_wire_next (&shape, &field, NULL))
    if (field.number == 1 && field.type == 2)
      {
        SagWire dimension = field.bytes;
        SagWireField part;

        if (rank == SAG_MAX_RANK)
          return -1;
        dim[rank] = 0;
        while (sag_wire_next (&dimension, &part, NULL))
          if (part.number == 1 && part.type == 0)
            dim[rank] = (gint64) MIN (part.value, (guint64) G_MAXINT);
        rank++;
      }
  return rank;
}

/* The one input that is not an initializer's default: its name and ValueInfoProto. */
static gboolean
find_input (SagWire graph, char **name, SagWire *value, GError **error)
{
  g_autoptr (GHashTable) constants = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  SagWire at = graph, bytes;
  SagWireField field;
  int n = 0;

  while (sag_wire_next (&at, &field, NULL))
    if (field.number == 5 && field.type == 2 && find (field.bytes, 8, &bytes))
      g_hash_table_add (constants, sag_wire_string (&bytes));
  for (at = graph; sag_wire_next (&at, &field, NULL);)
    if (field.number == 11 && field.type == 2 && find (field.bytes, 1, &bytes))
      {
        g_autofree char *candidate = sag_wire_string (&bytes);

        if (g_hash_table_contains (constants, candidate))
          continue;
        if (n++ == 0)
          {
            *name = g_steal_pointer (&candidate);
            *value = field.bytes;
          }
      }
  if (n == 1)
    return TRUE;
  g_clear_pointer (name, g_free);
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
               _ ("The network has %d inputs; one image is needed"), n);
  return FALSE;
}

void
sag_network_peek_clear (SagNetworkPeek *peek)
{
  g_clear_pointer (&peek->input, g_free);
}

gboolean
sag_network_peek (const char *path, SagNetworkPeek *peek, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &local);
  SagWire model, graph = { NULL, NULL }, value = { NULL, NULL };
  gint64 dim[SAG_MAX_RANK];
  int rank;

  memset (peek, 0, sizeof *peek);
  if (file == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("The model cannot be read: %s"),
                   local->message);
      return FALSE;
    }
  model.at = (const guint8 *) g_mapped_file_get_contents (file);
  model.end = model.at + g_mapped_file_get_length (file);
  if (!find (model, 7, &graph))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("'%s' is not an ONNX model or is damaged"), path);
      return FALSE;
    }
  if (!find_input (graph, &peek->input, &value, error))
    return FALSE;
  rank = read_shape (value, dim);
  if ((rank != 4 && rank != 5) || dim[0] > 1)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   _ ("The network's input '%s' is not [1, C, H, W] or [1, C, D, H, W]"), peek->input);
      sag_network_peek_clear (peek);
      return FALSE;
    }
  peek->slicewise = rank == 4;
  peek->channels = (int) dim[1];
  for (int m = 0; m < rank - 2; m++)
    peek->patch[m] = (int) dim[rank - 1 - m];
  if (peek->slicewise)
    peek->patch[2] = 1;
  return TRUE;
}

/* --- opening ----------------------------------------------------------------------------- */

static gsize
port_bytes (const SagPort *port)
{
  gsize n = 1, bytes = 0;

  for (int d = 0; d < port->rank; d++)
    if (!g_size_checked_mul (&n, n, (gsize) port->shape[d]))
      return 0;
  return sag_dtype_get_bytes (port->dtype, n, &bytes) ? bytes : 0;
}

static gboolean
is_number (SagDType dtype)
{
  return dtype == SAG_DTYPE_F32 || dtype == SAG_DTYPE_I64 || dtype == SAG_DTYPE_I32
         || dtype == SAG_DTYPE_I16 || dtype == SAG_DTYPE_U16 || dtype == SAG_DTYPE_I8
         || dtype == SAG_DTYPE_U8;
}

/* Channels that the output must have. */
static int
expected_channels (const SagRecipe *recipe, int got)
{
  switch (recipe->output)
    {
    case SAG_NET_SIGMOID: return recipe->n_labels;
    case SAG_NET_ARGMAX: return 1;
    case SAG_NET_PROBABILITIES: return got == 1 ? 1 : recipe->n_labels + 1;
    default: return recipe->n_labels + 1;
    }
}

/* Is it [1, C, patch]? A network that ends in ArgMax may leave C out. */
static gboolean
check_output (const SagRecipe *recipe, const SagFrame *frame, const SagPort *port, int *channels,
              GError **error)
{
  int n_space = frame->slicewise ? 2 : 3, n_lead = port->rank - n_space, got;
  gboolean fits = n_lead == 2 || (n_lead == 1 && recipe->output == SAG_NET_ARGMAX);

  fits = fits && port->shape[0] == 1;
  for (int m = 0; fits && m < n_space; m++)
    fits = port->shape[port->rank - 1 - m] == frame->patch[m];
  if (!fits)
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
          _ ("The network's output '%s' is not as large as its input; export the model with its "
          "output brought back to the input's size"),
          port->name);
      return FALSE;
    }
  got = n_lead == 2 ? (int) MIN (port->shape[1], G_MAXINT) : 1;
  if (got != expected_channels (recipe, got) || got > MAX_OUTPUT_CHANNELS)
    {
      g_set_error (
          error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
          _ ("The network's output '%s' has %d channels, but %d labels need %d; describe every "
          "channel%s"),
          port->name, got, recipe->n_labels, expected_channels (recipe, got),
          recipe->output == SAG_NET_SOFTMAX ? _ (" but the background") : "");
      return FALSE;
    }
  if (port->dtype != SAG_DTYPE_F32
      && !(recipe->output == SAG_NET_ARGMAX && is_number (port->dtype)))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   _ ("The network's output '%s' is %s; export the model with 32-bit floats"),
                   port->name, sag_dtype_get_name (port->dtype));
      return FALSE;
    }
  *channels = recipe->output == SAG_NET_ARGMAX ? recipe->n_labels + 1 : got;
  return TRUE;
}

/* Is it the image that was bound? Patches are written there. The session reads the file by itself, and
 * a damaged one may show it another graph than it showed sag_network_peek(). */
static gboolean
check_input (const SagSession *session, const SagBinding *binding, GError **error)
{
  const SagPort *input
    = sag_session_get_n_inputs (session) == 1 ? sag_session_get_input (session, 0) : NULL;

  if (input != NULL && strcmp (input->name, binding->name) == 0 && input->rank == binding->rank
      && memcmp (input->shape, binding->shape, sizeof input->shape[0] * (gsize) input->rank) == 0)
    return TRUE;
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
               _ ("The network's input is not the image '%s' that the file announces; export the model "
               "again"), binding->name);
  return FALSE;
}

static gboolean
check_session (SagNetwork *self, const SagRecipe *recipe, const SagFrame *frame,
               const SagBinding *binding, GError **error)
{
  const SagPort *input;
  int n_outputs = sag_session_get_n_outputs (self->session);

  if (!check_input (self->session, binding, error))
    return FALSE;
  input = sag_session_get_input (self->session, 0);
  if (input->dtype != SAG_DTYPE_F32)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   _ ("The network's input '%s' is %s; export the model with 32-bit floats"),
                   input->name, sag_dtype_get_name (input->dtype));
      return FALSE;
    }
  self->input_bytes = self->buffer_bytes = port_bytes (input);
  self->output_bytes = g_new (gsize, n_outputs);
  self->output = recipe->output_name[0] == '\0' ? 0 : -1;
  for (int o = 0; o < n_outputs; o++)
    {
      const SagPort *port = sag_session_get_output (self->session, o);

      self->output_bytes[o] = port_bytes (port);
      self->buffer_bytes += self->output_bytes[o];
      if (self->output < 0 && strcmp (port->name, recipe->output_name) == 0)
        self->output = o;
    }
  if (self->output < 0 || self->output >= n_outputs)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("The network has no output named '%s'"), recipe->output_name);
      return FALSE;
    }
  return check_output (recipe, frame, sag_session_get_output (self->session, self->output),
                       &self->out_channels, error);
}

/* The input's channels: neighbours, or copies of the slice. */
static gboolean
choose_channels (const SagNetworkPeek *peek, const SagRecipe *recipe, int *channels, GError **error)
{
  int wanted = 2 * recipe->neighbours + 1;

  if (recipe->neighbours > 0 && !peek->slicewise)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   _ ("neighbours: the network works on volumes, not slice by slice"));
      return FALSE;
    }
  *channels = peek->channels > 0 ? peek->channels : wanted;
  if (recipe->neighbours == 0 || *channels == wanted)
    return TRUE;
  g_set_error (
      error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
      _ ("neighbours: the network takes %d channels, but a slice with %d neighbours on each side "
      "makes %d"),
      peek->channels, recipe->neighbours, wanted);
  return FALSE;
}

SagNetwork *
sag_network_new (const char *path, const char *ranges, const SagNetworkPeek *peek,
                 const SagRecipe *recipe, const SagFrame *frame, SagPrecision precision,
                 gsize max_bytes, GError **error)
{
  SagNetwork *self;
  SagSessionInfo info;
  SagBinding binding = { .name = peek->input, .rank = peek->slicewise ? 4 : 5 };
  SagSessionOptions options = { .precision = precision, .bindings = &binding, .n_bindings = 1,
                                .max_bytes = max_bytes, .ranges = ranges };
  int channels;

  if (!choose_channels (peek, recipe, &channels, error))
    return NULL;
  binding.shape[0] = 1;
  binding.shape[1] = channels;
  for (int m = 0; m < binding.rank - 2; m++)
    binding.shape[binding.rank - 1 - m] = frame->patch[m];

  self = g_new0 (SagNetwork, 1);
  memcpy (self->patch, frame->patch, sizeof self->patch);
  self->in_channels = channels;
  self->session = sag_session_new (path, &options, error);
  if (self->session == NULL || !check_session (self, recipe, frame, &binding, error))
    {
      sag_network_free (self);
      return NULL;
    }
  sag_session_get_info (self->session, &info);
  memcpy (self->sha256, info.sha256, sizeof self->sha256);
  self->macs = info.macs;
  self->session_bytes = info.arena_bytes + info.weight_bytes;
  self->weight_bytes = info.weight_bytes;
  return self;
}

void
sag_network_free (SagNetwork *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->session, sag_session_free);
  g_free (self->output_bytes);
  g_free (self);
}
