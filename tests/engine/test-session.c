/* SPDX-License-Identifier: Apache-2.0
 *
 * test-session.c: the promises of session.h: the same bits for any team and instruction set, memory
 * as planned, cancel, and nets that others trained.
 *
 * Run with --digest MODEL..., it prints a checksum of each model's outputs instead: the program
 * starts itself so under every SAG_CPU.
 */
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/kernels/kernels.h"
#include "engine/nn/session.h"
#include "engine/nn/tensor.h"
#include "tests/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const models[] = { "conv", "conv3d", "resize", "transformer", "scan",
                                      "loop", "quant",  "index",  "shapes" };

static char *
corpus (const char *name)
{
  return g_strdup_printf ("%s/fuzz/corpus/onnx/%s.onnx", g_getenv ("G_TEST_SRCDIR"), name);
}

static SagTensor *
tensor_for (const SagPort *port)
{
  SagShape shape = { port->rank, { 0 } };
  SagTensor *tensor;
  guint32 state = 1;

  memcpy (shape.dim, port->shape, sizeof shape.dim);
  tensor = sag_tensor_new (port->dtype, &shape, NULL);
  for (gint64 i = 0; port->dtype == SAG_DTYPE_F32 && i < sag_shape_count (&shape); i++)
    {
      state = state * 1664525u + 1013904223u;
      ((float *) tensor->owned)[i] = (float) (state >> 8) / (float) (1 << 23) - 1;
    }
  return tensor;
}

/* Runs once; outputs are owned tensors. */
static GPtrArray *
run (SagSession *session, const SagTick *tick, gboolean *done)
{
  GPtrArray *outputs = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  g_autoptr (GPtrArray) inputs = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_tensor_free);
  g_autoptr (GPtrArray) in = g_ptr_array_new (), out = g_ptr_array_new ();

  for (int i = 0; i < sag_session_get_n_inputs (session); i++)
    {
      g_ptr_array_add (inputs, tensor_for (sag_session_get_input (session, i)));
      g_ptr_array_add (in, ((SagTensor *) inputs->pdata[i])->owned);
    }
  for (int i = 0; i < sag_session_get_n_outputs (session); i++)
    {
      g_ptr_array_add (outputs, tensor_for (sag_session_get_output (session, i)));
      g_ptr_array_add (out, ((SagTensor *) outputs->pdata[i])->owned);
    }
  *done =
      sag_session_run (session, (const void *const *) in->pdata, (void *const *) out->pdata, tick);
  return outputs;
}

static char *
digest (const char *path, int threads)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) session = NULL;
  g_autoptr (GPtrArray) outputs = NULL;
  GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA256);
  gboolean done;
  char *text;

  sag_parallel_own (SAG_TEAM_COMPUTE, threads);
  session = sag_session_new (path, NULL, &error);
  g_assert_no_error (error);
  outputs = run (session, NULL, &done);
  g_assert_true (done);
  for (guint i = 0; i < outputs->len; i++)
    {
      const SagTensor *tensor = outputs->pdata[i];
      gsize bytes = 0;

      sag_dtype_get_bytes (tensor->dtype, (gsize) sag_shape_count (&tensor->shape), &bytes);
      g_checksum_update (sum, tensor->data, (gssize) bytes);
    }
  text = g_strdup (g_checksum_get_string (sum));
  g_checksum_free (sum);
  return text;
}

static void
test_threads (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = corpus (models[i]), *one = digest (path, 1);

      for (int threads = 2; threads <= 4; threads += 2)
        {
          g_autofree char *more = digest (path, threads);

          g_assert_cmpstr (one, ==, more);
        }
    }
}

static void
test_isa (void)
{
  static const char *const levels[] = { "c", "avx2", "avx512" };
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *first = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    {
      g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "SAG_CPU", levels[i], TRUE);
      const char *command[] = { self, "--digest", NULL };
      g_autoptr (GError) error = NULL;
      g_autofree char *text = NULL;
      int status;

      g_spawn_sync (NULL, (char **) command, environment, 0, NULL, NULL, &text, NULL, &status,
                    &error);
      g_assert_no_error (error);
      g_spawn_check_wait_status (status, &error);
      g_assert_no_error (error);
      g_assert_cmpint (strlen (text), >, 64 * G_N_ELEMENTS (models));
      if (first == NULL)
        first = g_steal_pointer (&text);
      else
        g_assert_cmpstr (first, ==, text);
    }
}

static void
test_memory (void)
{
  g_autofree char *path = corpus ("conv");
  SagSessionOptions options = { 0 };
  g_autoptr (SagSession) session = sag_session_new (path, &options, NULL);
  g_autoptr (SagSession) tight = NULL, none = NULL;
  g_autoptr (GError) error = NULL;
  SagSessionInfo info;

  g_assert_nonnull (session);
  sag_session_get_info (session, &info);
  g_assert_cmpuint (info.arena_bytes, >, 0);
  g_assert_cmpint (strlen (info.sha256), ==, 64);
  g_assert_cmpint (info.macs, >, 0);
  /* exactly what is promised is enough, a byte less is not */
  options.max_bytes = info.arena_bytes + info.weight_bytes;
  tight = sag_session_new (path, &options, &error);
  g_assert_no_error (error);
  options.max_bytes--;
  none = sag_session_new (path, &options, &error);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY);
}

static void
test_precision (void)
{
  g_autofree char *path = corpus ("conv");

  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    {
      SagSessionOptions options = { .precision = (SagPrecision) p };
      g_autoptr (GError) error = NULL;
      g_autoptr (SagSession) session = sag_session_new (path, &options, &error);

      /* never silently another one */
      if (session == NULL)
        g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
      else
        {
          g_autofree char *plan = sag_session_describe (session);

          g_assert_nonnull (strstr (plan, sag_precision_get_name ((SagPrecision) p)));
        }
    }
}

static gboolean
stop_later (double fraction, gpointer data)
{
  double *last = data;

  g_assert_cmpfloat (fraction, >=, *last);
  g_assert_cmpfloat (fraction, <=, 1);
  *last = fraction;
  return fraction < 0.3;
}

static void
test_cancel (void)
{
  g_autofree char *path = corpus ("conv");
  g_autoptr (SagSession) session = sag_session_new (path, NULL, NULL);
  double last = 0;
  SagTick tick = { stop_later, &last };
  gboolean done;
  g_autoptr (GPtrArray) outputs = run (session, &tick, &done);

  g_assert_false (done);
  g_assert_cmpfloat (last, >=, 0.3);
  g_ptr_array_unref (outputs);
  outputs = run (session, NULL, &done);
  g_assert_true (done);
}

typedef struct
{
  int n, stop; /* questions so far; which one to deny */
} Questions;

static gboolean
deny (double fraction, gpointer data)
{
  Questions *questions = data;

  return questions->n++ != questions->stop;
}

/* Steps that take long ask on their way: a pool, a resize and a maximum of many elements. With one thread, as the first
 * of several asks, and how much of the work falls to it hangs on what else the machine does. */
static void
test_cancel_in_step (void)
{
  g_autofree char *path = g_strdup_printf ("%s/engine/nets/long2d.onnx", g_getenv ("G_TEST_SRCDIR"));
  g_autoptr (SagSession) session = sag_session_new (path, NULL, NULL);
  SagTick tick = { 0 };
  double last = 0;
  gboolean done;
  SagSessionInfo info;

  g_assert_nonnull (session);
  sag_session_get_info (session, &info);
  g_assert_cmpint (info.n_steps, ==, 3);
  sag_parallel_own (SAG_TEAM_NONE, 1);
  tick = (SagTick) { stop_later, &last };
  g_ptr_array_unref (run (session, &tick, &done));
  g_assert_false (done);
  for (int stop = 0; stop < 40; stop++)
    {
      Questions questions = { 0, stop };

      tick = (SagTick) { deny, &questions };
      g_ptr_array_unref (run (session, &tick, &done));
      g_assert_false (done);
      g_assert_cmpint (questions.n, ==, stop + 1);
    }
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
}

/* A Loop that its data do not end fails by name, and the session stays good. */
static void
test_endless (void)
{
  g_autofree char *path = g_strdup_printf ("%s/engine/nets/endless.onnx", g_getenv ("G_TEST_SRCDIR"));
  g_autoptr (SagSession) session = sag_session_new (path, NULL, NULL);
  g_autoptr (GError) error = NULL;
  const float numbers[] = { -4, 1, -4 };

  g_assert_nonnull (session);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      float out = 0;
      gboolean done = sag_session_run (session, (const void *[]){ &numbers[i] }, (void *[]){ &out }, NULL);

      g_assert_cmpint (done, ==, numbers[i] < 0);
      g_assert_cmpint (sag_session_explain (session, &error), ==, done);
      if (done)
        g_assert_cmpfloat (out, ==, -1);
      else
        {
          g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
          g_assert_nonnull (strstr (error->message, "while"));
          g_assert_nonnull (strstr (error->message, "16384"));
          g_clear_error (&error);
        }
    }
}

/* Small files that ask for gigabytes or hours are refused when they load; the second only without a caller's limit. */
static void
test_greedy (void)
{
  const char *names[] = { "nothing", "loop", "input" };
  const char *said[] = { "hangs on no input", "hang on no input", "more than the limit" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path =
          g_strdup_printf ("%s/engine/nets/greedy-%s.onnx", g_getenv ("G_TEST_SRCDIR"), names[i]);
      g_autoptr (GError) error = NULL;
      g_autoptr (SagSession) session = sag_session_new (path, NULL, &error);

      g_assert_null (session);
      g_assert_nonnull (strstr (error->message, said[i]));
      if (i == 2)
        {
          SagSessionOptions options = { .max_bytes = (gsize) 8 << 30 };

          session = sag_session_new (path, &options, NULL);
          g_assert_nonnull (session);
        }
    }
}

/* Outputs as large as the elements of an input say, where those are given at load. */
static void
test_places (void)
{
  enum { N = 8192 };
  g_autofree char *path = g_strdup_printf ("%s/engine/nets/places.onnx", g_getenv ("G_TEST_SRCDIR"));
  g_autofree float *image = g_new0 (float, N), *halves = g_new0 (float, 4 * N);
  gint64 places[2] = { 0, 0 };
  SagBinding binding = { "image", 1, { N }, image };
  SagSessionOptions options = { .bindings = &binding, .n_bindings = 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) refused = sag_session_new (path, NULL, &error), session = NULL;

  g_assert_null (refused);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  image[7] = 0.625f;
  image[8000] = 0.75f;
  session = sag_session_new (path, &options, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sag_session_get_output (session, 0)->shape[1], ==, 2);
  g_assert_cmpint (sag_session_get_output (session, 1)->shape[0], ==, 4); /* 0.375, 0.1875, 0.09375, 0.046875 */
  g_assert_true (sag_session_run (session, (const void *[]){ image }, (void *[]){ places, halves }, NULL));
  g_assert_cmpint (places[0], ==, 7);
  g_assert_cmpint (places[1], ==, 8000);
  g_assert_cmpfloat (halves[3 * N + 8000], ==, 0.046875f);
  g_assert_cmpfloat (halves[7], ==, 0.3125f);
}

/* The steps inside a trip ask too, and each can stop the run. */
static void
test_cancel_in_body (void)
{
  g_autofree char *path = corpus ("loop");
  g_autoptr (SagSession) session = sag_session_new (path, NULL, NULL);
  Questions questions = { 0, -1 };
  SagTick tick = { deny, &questions };
  int all;
  gboolean done;

  g_ptr_array_unref (run (session, &tick, &done));
  g_assert_true (done);
  all = questions.n;
  g_assert_cmpint (all, >=, 5 * 2); /* trips, steps of each */
  for (int stop = 0; stop < all; stop++)
    {
      questions = (Questions) { 0, stop };
      g_ptr_array_unref (run (session, &tick, &done));
      g_assert_false (done);
      g_assert_cmpint (questions.n, ==, stop + 1);
    }
}

/* All eight axes repeated: y[i] is x[i % 2] along each. */
static void
test_tile (void)
{
  g_autofree char *path = corpus ("tile");
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) session = sag_session_new (path, NULL, &error);
  g_autoptr (SagTensor) x = NULL;
  g_autoptr (GPtrArray) outputs = NULL;
  const float *y;
  gboolean done;

  g_assert_no_error (error);
  x = tensor_for (sag_session_get_input (session, 0));
  outputs = run (session, NULL, &done);
  y = ((SagTensor *) outputs->pdata[0])->data;
  g_assert_cmpint (sag_shape_count (&((SagTensor *) outputs->pdata[0])->shape), ==, 1 << 16);
  for (int i = 0; i < 1 << 16; i++)
    {
      int from = 0;

      for (int a = 0; a < 8; a++)
        from |= (i >> (2 * a) & 1) << a;
      g_assert_cmpfloat (y[i], ==, ((const float *) x->data)[from]);
    }
}

static void
test_bindings (void)
{
  g_autofree char *path = corpus ("dynamic");
  SagBinding binding = { "x", 4, { 3, 2, 6, 6 } };
  SagSessionOptions options = { .bindings = &binding, .n_bindings = 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (SagSession) session = sag_session_new (path, &options, &error), unbound = NULL,
                         wrong = NULL;

  g_assert_no_error (error);
  g_assert_cmpint (sag_session_get_output (session, 0)->shape[0], ==, 3);
  unbound = sag_session_new (path, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sag_session_get_input (unbound, 0)->shape[0], ==, 1);
  binding.shape[1] = 5;
  wrong = sag_session_new (path, &options, &error);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
}

/* Models that are wrong on purpose: one clear sentence each. */
static void
test_errors (void)
{
  static const struct
  {
    const char *name, *part;
    int         code;
  } cases[] = {
    { "bad-cycle", "no earlier node", SAG_ENGINE_ERROR_INVALID },
    { "bad-operator", "Operator 'Frobnicate' (node 'dec4/?up') is not supported",
      SAG_ENGINE_ERROR_UNSUPPORTED },
    { "bad-dims", "too large", SAG_ENGINE_ERROR_INVALID },
    { "bad-deep", "nested", SAG_ENGINE_ERROR_INVALID },
    { "bad-external", "in or below the model's folder", SAG_ENGINE_ERROR_IO },
    { "bad-trips", "trips", SAG_ENGINE_ERROR_UNSUPPORTED },
    { "bad-condition", "its body's condition is not one bool", SAG_ENGINE_ERROR_INVALID },
    { "bad-inputs", "it has 3 inputs, not 2", SAG_ENGINE_ERROR_INVALID },
    { "bad-gap", "it has 3 inputs, not 2", SAG_ENGINE_ERROR_INVALID },
    { "bad-isnan", "only floating point is supported", SAG_ENGINE_ERROR_UNSUPPORTED },
    { "bad-group", "scale and bias are of different lengths", SAG_ENGINE_ERROR_INVALID },
    { "bad-grow", "negative or too large", SAG_ENGINE_ERROR_INVALID },
    { "bad-unroll", "trips, written out", SAG_ENGINE_ERROR_UNSUPPORTED },
    { "bad-bomb", "call each other too deeply", SAG_ENGINE_ERROR_INVALID },
    { "bad-columns", "sizes are out of range", SAG_ENGINE_ERROR_INVALID },
    { "bad-resize", "its output is too large", SAG_ENGINE_ERROR_INVALID }, /* before it has tables */
    { "bad-huge", "needs", SAG_ENGINE_ERROR_MEMORY },
    { "absent", "cannot be opened", SAG_ENGINE_ERROR_IO },
  };
  SagSessionOptions options = { .max_bytes = 1 << 30 };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = corpus (cases[i].name);
      g_autoptr (GError) error = NULL;
      SagSession *session = sag_session_new (path, &options, &error);

      g_assert_null (session);
      g_assert_error (error, SAG_ENGINE_ERROR, cases[i].code);
      g_assert_nonnull (strstr (error->message, cases[i].part));
    }
}

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "--digest") == 0)
    {
      for (guint i = 0; i < G_N_ELEMENTS (models); i++)
        {
          g_autofree char *path = corpus (models[i]), *sum = digest (path, 2);

          printf ("%s %s\n", models[i], sum);
        }
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/session/threads", test_threads);
  g_test_add_func ("/session/instruction-sets", test_isa);
  g_test_add_func ("/session/memory", test_memory);
  g_test_add_func ("/session/precision", test_precision);
  g_test_add_func ("/session/cancel", test_cancel);
  g_test_add_func ("/session/cancel-in-body", test_cancel_in_body);
  g_test_add_func ("/session/endless", test_endless);
  g_test_add_func ("/session/greedy", test_greedy);
  g_test_add_func ("/session/places", test_places);
  g_test_add_func ("/session/cancel-in-step", test_cancel_in_step);
  g_test_add_func ("/session/tile", test_tile);
  g_test_add_func ("/session/bindings", test_bindings);
  g_test_add_func ("/session/errors", test_errors);
  return g_test_run ();
}
