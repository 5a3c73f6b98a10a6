/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.c: `sagitta-cli bench`: how long a network takes, and how near it comes to a reference.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/network.h"
#include "app/files/npy.h"
#include "engine/base/error.h"
#include "engine/kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Resident memory now, and the most so far, in MB. */
static double
resident_mb (void)
{
  g_autofree char *text = NULL;
  long pages = 0;

  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      && sscanf (text, "%*s %ld", &pages) != 1)
    pages = 0;
  return (double) pages * (double) sysconf (_SC_PAGESIZE) / 1e6;
}

static double
peak_mb (void)
{
  struct rusage usage = { 0 };

  getrusage (RUSAGE_SELF, &usage);
  return (double) usage.ru_maxrss * 1024 / 1e6;
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Largest difference of output 0 from the reference; NaN counts as infinite. */
static gboolean
compare_reference (SagNetwork *network, const char *path, double *difference, GError **error)
{
  g_autoptr (SagTensor) reference = sag_npy_read (path, error);
  const SagTensor *out = network->out->len > 0 ? network->out->pdata[0] : NULL;

  if (reference == NULL)
    return FALSE;
  if (out == NULL || sag_shape_count (&out->shape) != sag_shape_count (&reference->shape))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The reference has another number of elements than the first output");
      return FALSE;
    }
  *difference = 0;
  for (gint64 i = 0; i < sag_shape_count (&out->shape); i++)
    {
      double d = fabs (sag_tensor_get_real (out, i) - sag_tensor_get_real (reference, i));

      *difference = isnan (d) ? INFINITY : MAX (*difference, d);
    }
  return TRUE;
}

typedef struct
{
  double   base_mb, load_ms, difference;
  GArray  *times; /* double, ms, sorted */
  gint64  *steps; /* the least microseconds of each step; NULL: not wanted */
  gboolean compared;
} Figures;

static void
keep_steps (const SagNetwork *network, Figures *f)
{
  SagSessionInfo info;

  sag_session_get_info (network->session, &info);
  if (f->steps == NULL)
    f->steps = g_new0 (gint64, MAX (info.n_steps, 1));
  for (int i = 0; i < info.n_steps; i++)
    {
      SagSessionStep step;

      sag_session_get_step (network->session, i, &step);
      f->steps[i] = f->steps[i] == 0 ? step.elapsed : MIN (f->steps[i], step.elapsed);
    }
}

static void
print_steps (const SagNetwork *network, const Figures *f)
{
  SagSessionInfo info;

  sag_session_get_info (network->session, &info);
  for (int i = 0; i < info.n_steps; i++)
    {
      SagSessionStep step;
      g_autofree char *name = NULL;
      double ms = (double) f->steps[i] / 1e3;

      sag_session_get_step (network->session, i, &step);
      name = sag_escape_name (step.name, -1);
      g_print ("%9.3f ms %7.1f GMAC/s  %-16s %-13s %-5s %s/%s:%s -> %s/%s:%s  %s\n", ms,
               f->steps[i] > 0 ? (double) step.macs / ms / 1e6 : 0.0, step.op, step.kernel,
               sag_precision_get_name (step.precision), step.in, step.in_layout, step.in_stored,
               step.out, step.out_layout, step.out_stored, name);
    }
}

static gboolean
measure (SagNetwork *network, const char *model, int runs, const char *reference, gboolean steps,
         Figures *f, GError **error)
{
  gint64 start = g_get_monotonic_time ();

  if (!sag_network_load (network, model, FALSE, error))
    return FALSE;
  f->load_ms = (double) (g_get_monotonic_time () - start) / 1e3;
  if (!sag_network_run (network, error))
    return FALSE;
  for (int i = 0; i < runs; i++)
    {
      double ms;

      start = g_get_monotonic_time ();
      if (!sag_network_run (network, error))
        return FALSE;
      ms = (double) (g_get_monotonic_time () - start) / 1e3;
      g_array_append_val (f->times, ms);
      if (steps)
        keep_steps (network, f);
    }
  g_array_sort (f->times, compare_times);
  f->compared = reference != NULL;
  return reference == NULL || compare_reference (network, reference, &f->difference, error);
}

static void
print_figures (const SagNetwork *network, const Figures *f, double peak, gboolean json)
{
  const double *times = (const double *) f->times->data;
  guint n = f->times->len;
  double median = (times[n / 2] + times[(n - 1) / 2]) / 2;
  SagSessionInfo info;

  sag_session_get_info (network->session, &info);
  if (json)
    {
      JsonBuilder *builder = json_builder_new ();

      json_builder_begin_object (builder);
      sag_json_rounded (builder, "median_ms", median);
      sag_json_rounded (builder, "min_ms", times[0]);
      sag_json_rounded (builder, "load_ms", f->load_ms);
      sag_json_rounded (builder, "rss_mb", peak);
      sag_json_rounded (builder, "base_mb", f->base_mb);
      sag_json_rounded (builder, "arena_mb", (double) info.arena_bytes / 1e6);
      sag_json_rounded (builder, "weights_mb", (double) info.weight_bytes / 1e6);
      sag_json_int (builder, "macs", info.macs);
      sag_json_int (builder, "parameters", info.parameters);
      sag_json_int (builder, "runs", n);
      if (f->compared)
        sag_json_double (builder, "max_abs_diff", f->difference);
      json_builder_end_object (builder);
      sag_cli_print_json (builder);
      return;
    }
  g_print ("median %.2f ms, min %.2f ms (%u runs), load %.1f ms, %.2f GMAC/s, kernels %s\n", median, times[0],
           n, f->load_ms, (double) info.macs / median / 1e6, sag_kernels_get ()->name);
  g_print ("memory: peak %.1f MB, bare process %.1f MB, arena %.1f MB, weights %.1f MB\n", peak,
           f->base_mb, (double) info.arena_bytes / 1e6, (double) info.weight_bytes / 1e6);
  if (f->compared)
    g_print ("largest difference from the reference: %g\n", f->difference);
}

int
sag_command_bench (int argc, char **argv)
{
  SagNetwork network = { 0 };
  Figures figures = { .base_mb = resident_mb () };
  g_autofree char *reference = NULL;
  GError *error = NULL;
  gboolean json = FALSE, steps = FALSE, good;
  int runs = 5;
  const GOptionEntry entries[] = {
    { "input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &network.inputs,
      "An input's elements (default: made up)", "NAME=FILE.npy" },
    { "ref", 'r', 0, G_OPTION_ARG_FILENAME, &reference, "What the first output should be",
      "FILE.npy" },
    { "precision", 'p', 0, G_OPTION_ARG_STRING, &network.precision,
      "fp32 (default), bf16, int8 or int4", "P" },
    { "ranges", 0, 0, G_OPTION_ARG_FILENAME, &network.ranges,
      "Static ranges for int8 and int4 (NAME.ranges beside the model; '': none)", "FILE" },
    { "threads", 't', 0, G_OPTION_ARG_INT, &network.threads, "Threads; 0: one a core", "N" },
    { "runs", 'n', 0, G_OPTION_ARG_INT, &runs, "Timed runs after one to warm up (5)", "N" },
    { "max-memory", 0, 0, G_OPTION_ARG_STRING, &network.max_memory,
      "Refuse to take more than this", "SIZE" },
    { "steps", 0, 0, G_OPTION_ARG_NONE, &steps, "The least time of each step too", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object on one line", NULL },
    { NULL }
  };

  if (!sag_cli_parse (&argc, &argv, entries, "MODEL.onnx", "Times a network."))
    return 2;
  if (argc != 2 || runs < 1 || runs > 100000)
    {
      sag_network_clear (&network);
      return argc != 2 ? sag_cli_usage ("bench") : sag_cli_misuse ("bench", "--runs wants a number from 1 to 100000");
    }
  figures.times = g_array_new (FALSE, FALSE, sizeof (double));
  good = measure (&network, argv[1], runs, reference, steps, &figures, &error);
  if (good && steps && !json)
    print_steps (&network, &figures);
  if (good)
    print_figures (&network, &figures, peak_mb (), json);
  g_array_unref (figures.times);
  g_free (figures.steps);
  sag_network_clear (&network);
  return good ? 0 : sag_cli_fail ("bench", error);
}
