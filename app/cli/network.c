/* SPDX-License-Identifier: Apache-2.0
 *
 * network.c: what the commands that run a network share.
 */
#include "app/cli/network.h"

#include "app/cli/cli.h"
#include "app/files/npy.h"
#include "engine/base/error.h"

#include <string.h>

static gboolean
invalid (GError **error, const char *name, const char *what)
{
  g_autofree char *escaped = sag_escape_name (name, -1);

  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, "Input '%s' %s", escaped, what);
  return FALSE;
}

/* What the kernel says is free, or no limit if it says nothing. */
static gsize
available_bytes (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL))
    return 0;
  line = strstr (text, "MemAvailable:");
  return line != NULL ? (gsize) g_ascii_strtoull (line + strlen ("MemAvailable:"), NULL, 10) * 1024
                      : 0;
}

static gboolean
is_real (SagDType dtype)
{
  return dtype == SAG_DTYPE_F32 || dtype == SAG_DTYPE_F64 || dtype == SAG_DTYPE_F16;
}

/* The elements in the port's type. Only changes that keep every value near or exact are made. */
static SagTensor *
in_type (const SagTensor *given, const SagPort *port, GError **error)
{
  gint64 n = sag_shape_count (&given->shape);
  SagTensor *tensor;

  if (given->dtype == port->dtype)
    return sag_tensor_copy (given, error);
  if (!(port->dtype == SAG_DTYPE_F32 || port->dtype == SAG_DTYPE_F64)
      && !(port->dtype == SAG_DTYPE_I64 && !is_real (given->dtype)))
    {
      g_autofree char *what =
          g_strdup_printf ("is %s in its file, but the model wants %s",
                           sag_dtype_get_name (given->dtype), sag_dtype_get_name (port->dtype));

      invalid (error, port->name, what);
      return NULL;
    }
  tensor = sag_tensor_new (port->dtype, &given->shape, error);
  for (gint64 i = 0; tensor != NULL && i < n; i++)
    if (port->dtype == SAG_DTYPE_F32)
      ((float *) tensor->owned)[i] = (float) sag_tensor_get_real (given, i);
    else if (port->dtype == SAG_DTYPE_F64)
      ((double *) tensor->owned)[i] = sag_tensor_get_real (given, i);
    else
      ((gint64 *) tensor->owned)[i] = sag_tensor_get_int (given, i);
  return tensor;
}

static SagShape
port_shape (const SagPort *port)
{
  SagShape shape = { port->rank, { 0 } };

  memcpy (shape.dim, port->shape, sizeof shape.dim);
  return shape;
}

/* Numbers in [-1, 1), the same each time; zeroes for an input of another type. */
static SagTensor *
made_up (const SagPort *port, GError **error)
{
  SagShape shape = port_shape (port);
  SagTensor *tensor = sag_tensor_new (port->dtype, &shape, error);
  guint32 state = 1;

  for (gint64 i = 0; tensor != NULL && port->dtype == SAG_DTYPE_F32 && i < sag_shape_count (&shape);
       i++)
    {
      state = state * 1664525u + 1013904223u;
      ((float *) tensor->owned)[i] = (float) (state >> 8) / (float) (1 << 23) - 1;
    }
  return tensor;
}

static gboolean
read_inputs (SagNetwork *self, GArray *bindings, GError **error)
{
  for (char **input = self->inputs; input != NULL && *input != NULL; input++)
    {
      char *equals = strchr (*input, '=');
      SagBinding binding = { 0 };
      SagTensor *tensor;

      if (equals == NULL)
        return invalid (error, *input, "names no file; write NAME=FILE.npy");
      *equals = '\0';
      tensor = sag_npy_read (equals + 1, error);
      if (tensor == NULL)
        return FALSE;
      g_ptr_array_add (self->given, tensor);
      binding.name = *input;
      binding.rank = tensor->shape.rank;
      memcpy (binding.shape, tensor->shape.dim, sizeof binding.shape);
      binding.data = tensor->data;
      g_array_append_val (bindings, binding);
    }
  return TRUE;
}

/* Input `port` from its file, or made up. */
static SagTensor *
find_input (SagNetwork *self, const SagPort *port, gboolean strict, GError **error)
{
  for (guint i = 0; i < self->given->len; i++)
    if (strcmp (self->inputs[i], port->name) == 0)
      return in_type (self->given->pdata[i], port, error);
  if (!strict)
    return made_up (port, error);
  invalid (error, port->name, "has no file; give --input NAME=FILE.npy");
  return NULL;
}

/* Inputs and outputs are memory too. */
static gboolean
check_memory (SagNetwork *self, gsize limit, GError **error)
{
  double total = (double) sag_session_get_bytes (self->session);
  int n = sag_session_get_n_inputs (self->session);

  for (int i = 0; i < n + sag_session_get_n_outputs (self->session); i++)
    {
      const SagPort *port = i < n ? sag_session_get_input (self->session, i)
                                  : sag_session_get_output (self->session, i - n);
      SagShape shape = port_shape (port);
      gsize size = 1;

      sag_dtype_get_bytes (port->dtype, 1, &size);
      total += (double) sag_shape_count (&shape) * (double) size;
    }
  if (limit == 0 || total <= (double) limit)
    return TRUE;
  g_set_error (
      error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
      "The network needs %.1f GB with its inputs and outputs, more than the limit of %.1f GB",
      total / 1e9, (double) limit / 1e9);
  return FALSE;
}

static gboolean
make_tensors (SagNetwork *self, gboolean strict, GError **error)
{
  for (guint i = 0; i < self->given->len; i++)
    {
      gboolean found = FALSE;

      for (int k = 0; k < sag_session_get_n_inputs (self->session); k++)
        found =
            found || strcmp (self->inputs[i], sag_session_get_input (self->session, k)->name) == 0;
      if (!found)
        return invalid (error, self->inputs[i], "is not an input of the model");
    }
  if (self->planned)
    return TRUE;
  for (int i = 0; i < sag_session_get_n_inputs (self->session); i++)
    {
      SagTensor *tensor =
          find_input (self, sag_session_get_input (self->session, i), strict, error);

      if (tensor == NULL)
        return FALSE;
      g_ptr_array_add (self->in, tensor);
    }
  g_ptr_array_set_size (self->given, 0);
  for (int i = 0; i < sag_session_get_n_outputs (self->session); i++)
    {
      const SagPort *port = sag_session_get_output (self->session, i);
      SagShape shape = port_shape (port);
      SagTensor *tensor = sag_tensor_new (port->dtype, &shape, error);

      if (tensor == NULL)
        return FALSE;
      g_ptr_array_add (self->out, tensor);
    }
  return TRUE;
}

gboolean
sag_network_load (SagNetwork *self, const char *model, gboolean strict, GError **error)
{
  g_autoptr (GArray) bindings = g_array_new (FALSE, FALSE, sizeof (SagBinding));
  SagSessionOptions options = { .precision = SAG_PRECISION_F32 };

  self->given = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  self->in = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  self->out = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  if (self->precision != NULL
      && !sag_precision_from_name (self->precision, &options.precision, error))
    return FALSE;
  sag_cli_set_threads (self->threads);
  if (!read_inputs (self, bindings, error))
    return FALSE;
  options.ranges = self->ranges;
  options.watched = self->watched;
  options.bindings = (const SagBinding *) bindings->data;
  options.n_bindings = (int) bindings->len;
  if (!sag_cli_parse_size (self->max_memory, &options.max_bytes, error))
    return FALSE;
  if (options.max_bytes == 0)
    options.max_bytes = available_bytes ();
  self->session = sag_session_new (model, &options, error);
  return self->session != NULL && check_memory (self, options.max_bytes, error)
         && make_tensors (self, strict, error);
}

gboolean
sag_network_run (SagNetwork *self, GError **error)
{
  g_autofree const void **inputs = g_new0 (const void *, self->in->len + 1);
  g_autofree void **outputs = g_new0 (void *, self->out->len + 1);

  for (guint i = 0; i < self->in->len; i++)
    inputs[i] = ((SagTensor *) self->in->pdata[i])->data;
  for (guint i = 0; i < self->out->len; i++)
    outputs[i] = ((SagTensor *) self->out->pdata[i])->owned;
  return sag_session_run (self->session, inputs, outputs, NULL) || sag_session_explain (self->session, error);
}

void
sag_network_clear (SagNetwork *self)
{
  g_clear_pointer (&self->session, sag_session_free);
  g_clear_pointer (&self->given, g_ptr_array_unref);
  g_clear_pointer (&self->in, g_ptr_array_unref);
  g_clear_pointer (&self->out, g_ptr_array_unref);
  g_clear_pointer (&self->inputs, g_strfreev);
  g_clear_pointer (&self->precision, g_free);
  g_clear_pointer (&self->max_memory, g_free);
  g_clear_pointer (&self->ranges, g_free);
}
