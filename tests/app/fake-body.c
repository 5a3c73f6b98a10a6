/* SPDX-License-Identifier: Apache-2.0
 *
 * fake-body.c: a body that does what the request says.
 */
#include "tests/app/fake-body.h"

#include "app/state/wire.h"
#include "tests/app/job-runs.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKET 3 /* of the worker, app/work/link.c */

static GVariant *
answer (const char *key, GVariant *value)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (key != NULL)
    g_variant_dict_insert_value (&dict, key, value);
  return g_variant_dict_end (&dict);
}

static GVariant *
send_partials (const SagJobSink *sink)
{
  for (int n = 0; n < 10; n++)
    {
      sink->partial ("step", answer ("n", g_variant_new_int32 (n)), NULL, sink->data);
      if (n == 5)
        sink->report (0.5, "half-way", sink->data);
    }
  return answer (NULL, NULL);
}

static GVariant *
send_voxels (const SagJobSink *sink, GError **error)
{
  const int size[3] = { 4, 4, 6 };
  const double spacing[3] = { 1, 1, 2 };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (SagVolume) volume = NULL;
  SagGrid grid;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, -1024, "HU", error);
  if (volume == NULL)
    return NULL;
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  sink->partial ("volume", answer ("volume", sag_volume_to_variant (volume, fds, error)), fds,
                 sink->data);
  for (int k = 0; k < size[2]; k++)
    {
      gint16 *voxels = sag_volume_get_slice (volume, k);
      GVariantDict dict;

      for (int p = 0; p < size[0] * size[1]; p++)
        voxels[p] = (gint16) (100 * k + p);
      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "of", "s", "volume");
      g_variant_dict_insert (&dict, "k0", "i", k);
      g_variant_dict_insert (&dict, "k1", "i", k + 1);
      sink->partial ("ready", g_variant_dict_end (&dict), NULL, sink->data);
    }
  return answer (NULL, NULL);
}

static GVariant *
send_short (const SagJobSink *sink, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int handle = sag_wire_append_bytes (fds, "abc", 3, error);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "size", "(iii)", 512, 512, 100);
  g_variant_dict_insert (&dict, "spacing", "(ddd)", 1.0, 1.0, 1.0);
  g_variant_dict_insert (&dict, "origin", "(ddd)", 0.0, 0.0, 0.0);
  g_variant_dict_insert (&dict, "direction", "(ddddddddd)", 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0);
  g_variant_dict_insert (&dict, "type", "s", "i16");
  g_variant_dict_insert (&dict, "slope", "d", 1.0);
  g_variant_dict_insert (&dict, "intercept", "d", 0.0);
  g_variant_dict_insert (&dict, "unit", "s", "");
  g_variant_dict_insert (&dict, "modality", "s", "CT");
  g_variant_dict_insert (&dict, "frame-of-reference", "s", "");
  g_variant_dict_insert (&dict, "voxels", "h", handle);
  g_variant_dict_insert_value (&dict, "ready", g_variant_new_array (G_VARIANT_TYPE ("(ii)"), NULL, 0));
  sink->partial ("volume", answer ("volume", g_variant_dict_end (&dict)), fds, sink->data);
  return answer (NULL, NULL);
}

static GVariant *
wait_for_cancel (const SagJobSink *sink, gboolean listens, GError **error)
{
  sink->partial ("waiting", answer (NULL, NULL), NULL, sink->data);
  while (!listens || !sink->is_cancelled (sink->data))
    g_usleep (1000);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  return NULL;
}

static void
eat (void)
{
  /* Against the limit of the address space, not of the machine: never touched. */
  for (int n = 0; n < 64; n++)
    if (g_try_malloc (128 * 1024 * 1024) == NULL)
      abort ();
}

/* What only a child may do. */
static void
misbehave (const char *what)
{
  static const char garbage[] = "this is no message";

  if (strcmp (what, "crash") == 0)
    raise (SIGSEGV);
  else if (strcmp (what, "abort") == 0)
    abort ();
  else if (strcmp (what, "exit") == 0)
    _exit (7);
  else if (strcmp (what, "eat") == 0)
    eat ();
  else if (strcmp (what, "close") == 0)
    shutdown (SOCKET, SHUT_RDWR);
  else if (strcmp (what, "garbage") == 0)
    g_assert_cmpint (send (SOCKET, garbage, sizeof garbage, 0), ==, sizeof garbage);
}

static GVariant *
run (gpointer self, SagJobKind kind, GVariant *request, GUnixFDList *fds, const SagJobSink *sink,
     GError **error)
{
  const char *what = "", *text = "";

  g_variant_lookup (request, "do", "&s", &what);
  g_variant_lookup (request, "echo", "&s", &text);
  if (strcmp (what, "partials") == 0)
    return send_partials (sink);
  if (strcmp (what, "voxels") == 0)
    return send_voxels (sink, error);
  if (strcmp (what, "short") == 0)
    return send_short (sink, error);
  if (strcmp (what, "wait") == 0 || strcmp (what, "hang") == 0)
    return wait_for_cancel (sink, *what == 'w', error);
  if (strcmp (what, "bulk") == 0)
    {
      g_autofree guint8 *bytes = g_malloc (1000000);

      memset (bytes, 'x', 1000000);
      return answer ("bytes", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, 1000000, 1));
    }
  if (strcmp (what, "fail") == 0)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "No such luck");
      return NULL;
    }
  misbehave (what);
  return answer ("echo", g_variant_new_string (text));
}

static gpointer
create (void)
{
  return g_strdup ("fake");
}

const SagJobBody *
fake_body (void)
{
  static const SagJobBody body = { create, run, g_free };

  return &body;
}

SagJob *
fake_job (const char *what, gboolean compute)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "do", "s", what);
  g_variant_dict_insert (&dict, "echo", "s", what);
  g_variant_dict_insert (&dict, "title", "s", what);
  return sag_job_new (compute ? SAG_JOB_MODELS : SAG_JOB_INDEX, g_variant_dict_end (&dict), NULL);
}

static void
note_begin (SagJob *job, GParamSpec *pspec, gpointer data)
{
  if (sag_job_get_state (job) == SAG_JOB_STATE_RUNNING)
    g_string_append (data, g_object_get_data (G_OBJECT (job), "name"));
}

void
fake_check_order (void)
{
  static const struct
  {
    SagJobKind  kind;
    const char *name;
  } rows[] = { { SAG_JOB_THUMBNAIL, "a" }, { SAG_JOB_THUMBNAIL, "b" }, { SAG_JOB_READ, "C" },
               { SAG_JOB_THUMBNAIL, "d" }, { SAG_JOB_TAGS, "E" },      { SAG_JOB_THUMBNAIL, "f" } };
  g_autoptr (JobRun) first = job_run_start (fake_job ("wait", FALSE), NULL, NULL);
  g_autoptr (GPtrArray) runs = g_ptr_array_new_with_free_func ((GDestroyNotify) job_run_free);
  g_autoptr (GString) order = g_string_new (NULL);

  job_run_wait_partial (first, "waiting");
  for (gsize n = 0; n < G_N_ELEMENTS (rows); n++)
    {
      SagJob *job
          = sag_job_new (rows[n].kind, g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0), NULL);

      g_object_set_data (G_OBJECT (job), "name", (gpointer) rows[n].name);
      g_signal_connect (job, "notify::state", G_CALLBACK (note_begin), order);
      g_ptr_array_add (runs, job_run_start (job, NULL, NULL));
    }
  sag_job_cancel (first->job);
  for (guint n = 0; n < runs->len; n++)
    job_run_wait (g_ptr_array_index (runs, n));
  g_assert_cmpstr (order->str, ==, "CEabdf");
  job_run_wait (first);
}
