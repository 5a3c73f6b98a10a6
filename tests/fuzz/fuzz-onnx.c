/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-onnx.c: a model from any bytes: read, compiled and, if it is small, run.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/nn/session.h"
#include "engine/nn/tensor.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A slow machine under a sanitizer does no more in time. */
enum
{
  MAX_BYTES = 1 << 20,
  MAX_MACS = 10000000,
  MAX_TICKS = 1000
};

/* A Loop without end is the user's to cancel. */
static gboolean
count_tick (double fraction, gpointer data)
{
  return ++*(int *)data < MAX_TICKS;
}

static SagTensor *
tensor_for (const SagPort *port)
{
  SagShape shape = { port->rank, { 0 } };
  gsize    bytes = 0;

  memcpy (shape.dim, port->shape, sizeof shape.dim);
  if (!sag_dtype_get_bytes (port->dtype, (gsize)sag_shape_count (&shape), &bytes)
      || bytes > MAX_BYTES)
    return NULL;
  return sag_tensor_new (port->dtype, &shape, NULL);
}

static void
run (SagSession *session)
{
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify)sag_tensor_free);
  g_autoptr (GPtrArray) data = g_ptr_array_new ();
  int           n_ticks = 0;
  const SagTick tick = { count_tick, &n_ticks };
  int n_in = sag_session_get_n_inputs (session), n_out = sag_session_get_n_outputs (session);

  for (int i = 0; i < n_in + n_out; i++)
    {
      SagTensor *tensor = tensor_for (i < n_in ? sag_session_get_input (session, i)
                                               : sag_session_get_output (session, i - n_in));

      if (tensor == NULL)
        return;
      g_ptr_array_add (tensors, tensor);
      g_ptr_array_add (data, tensor->owned);
    }
  sag_session_run (session, (const void *const *)data->pdata, (void *const *)(data->pdata + n_in),
                   &tick);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int               fd = memfd_create ("model", MFD_CLOEXEC);
  g_autofree char  *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  SagSessionOptions options = { .max_bytes = MAX_BYTES };
  g_autoptr (SagSession) session = NULL;
  g_autoptr (GError) error = NULL;
  SagSessionInfo info;

  sag_parallel_own (SAG_TEAM_NONE, 1);
  g_assert_cmpint (write (fd, data, size), ==, (gssize)size);
  session = sag_session_new (path, &options, &error);
  /* the contract of errors, and of their text */
  g_assert_true ((session == NULL) == (error != NULL));
  if (error != NULL)
    g_assert_true (error->domain == SAG_ENGINE_ERROR && strchr (error->message, '\n') == NULL
                   && g_utf8_validate (error->message, -1, NULL));
  if (session != NULL)
    {
      sag_session_get_info (session, &info);
      g_free (sag_session_describe (session));
      if (info.macs < MAX_MACS)
        run (session);
    }
  close (fd);
  return 0;
}
