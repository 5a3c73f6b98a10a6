/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c: a network from file to numbers.
 */
#include "engine/nn/session.h"

#include "engine/base/alloc.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "engine/nn/bytes.h"
#include "engine/nn/onnx.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"
#include "engine/nn/plan.h"
#include "engine/nn/ranges.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct _SagSession
{
  GBytes        *file;
  SagGraph      *graph;
  SagPlan       *plan;
  SagStep      **shown; /* those that are no views */
  gpointer       arena, packed;
  GArray        *inputs, *outputs; /* SagPort */
  SagSessionSeen seen;
  gpointer       seen_data;
  const SagNode *endless;         /* that made the last run fail, or NULL */
  gboolean       watched, ranged; /* has static ranges of a side file */
  SagSessionInfo info;
};

static GBytes *
map_file (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  GMappedFile *mapped =
      g_file_test (path, G_FILE_TEST_IS_DIR) ? NULL : g_mapped_file_new (path, FALSE, &local);
  GBytes *bytes;

  if (mapped == NULL)
    {
      g_autofree char *name = sag_escape_name (path, -1);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO,
                   "The model '%s' cannot be opened: %s", name,
                   local != NULL ? local->message : "it is a folder");
      return NULL;
    }
  bytes = g_mapped_file_get_bytes (mapped);
  g_mapped_file_unref (mapped);
  return bytes;
}

static void
add_ports (GArray *ports, GPtrArray *values)
{
  for (guint i = 0; i < values->len; i++)
    {
      const SagValue *value = values->pdata[i];
      SagPort port = { .name = g_strdup (value->name) };

      g_array_append_val (ports, port);
    }
}

/* Names are known before the passes, which may rename; types and shapes after them. */
static void
fill_ports (GArray *ports, GPtrArray *values)
{
  for (guint i = 0; i < values->len; i++)
    {
      SagPort *port = &g_array_index (ports, SagPort, i);
      const SagValue *value = values->pdata[i];

      port->dtype = value->dtype;
      port->rank = value->shape.rank;
      memcpy (port->shape, value->shape.dim, sizeof port->shape);
    }
}

static gint64
count_parameters (const SagGraph *graph)
{
  gint64 n = 0;

  for (guint i = 0; i < graph->values->len; i++)
    {
      const SagValue *value = graph->values->pdata[i];

      if (value->constant != NULL && value->dtype != SAG_DTYPE_I64)
        n += sag_value_count (value);
    }
  return n;
}

/* Bytes of constants that runs read; the others live in packed form. Owned ones among those are let
 * go when `release` is set. */
static gsize
constant_bytes (SagGraph *graph, gboolean release)
{
  gsize total = 0;

  for (guint i = 0; i < graph->values->len; i++)
    ((SagValue *) graph->values->pdata[i])->index = 0;
  for (guint i = 0; i < graph->nodes->len; i++)
    {
      const SagNode *node = graph->nodes->pdata[i];

      for (guint j = 0; j < node->inputs->len; j++)
        {
          SagValue *value = sag_node_input (node, (int) j);

          if (value != NULL && (j >= 32 || !(node->packed_inputs >> j & 1)))
            value->index = 1;
        }
    }
  for (guint i = 0; i < graph->values->len; i++)
    {
      SagValue *value = graph->values->pdata[i];
      gsize bytes;

      if (value->constant == NULL)
        continue;
      if (value->index == 1)
        total += sag_dtype_get_bytes (value->dtype, sag_value_count (value), &bytes) ? bytes : 0;
      else if (release && value->constant->owned != NULL)
        {
          sag_free (g_steal_pointer (&value->constant->owned));
          value->constant->data = value->data = NULL;
        }
    }
  return total;
}

enum
{
  PAGE = 64 << 10, /* a multiple of any system's */
  HUGE_PAGE = 2 << 20,
};

static gsize
mapped_bytes (gsize bytes)
{
  return (MAX (bytes, 1) + PAGE - 1) & ~(gsize) (PAGE - 1);
}

/* Pages of its own: zeroed only when touched, and huge where the system has such. */
static gpointer
map_pages (gsize bytes, const char *what, GError **error)
{
  gsize size = mapped_bytes (bytes), all = bytes < G_MAXSIZE / 2 ? size + HUGE_PAGE : G_MAXSIZE;
  guint8 *start = mmap (NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *memory;
  g_autofree char *shown = NULL;

  if (start == MAP_FAILED)
    {
      shown = g_format_size (bytes);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "There is not enough memory for %s (%s); close other programs or series", what, shown);
      return NULL;
    }
  memory = start + (HUGE_PAGE - (guintptr) start % HUGE_PAGE) % HUGE_PAGE;
  if (memory > start)
    munmap (start, (gsize) (memory - start));
  munmap (memory + size, (gsize) (start + all - (memory + size)));
  madvise (memory, size, MADV_HUGEPAGE);
  return memory;
}

/* A few bytes of file may ask for any memory: without a caller's limit a network may take what this machine has, and
 * no more than 2^12 times what it is fed. */
static gsize
find_limit (const SagGraph *graph)
{
  enum { LEAST = 1 << 30, TIMES = 1 << 12 };
  double fed = 0, machine = (double) sysconf (_SC_PHYS_PAGES) * (double) sysconf (_SC_PAGESIZE);

  for (guint i = 0; i < graph->values->len; i++)
    {
      const SagValue *value = graph->values->pdata[i];

      if (value->constant != NULL)
        fed += (double) sag_value_count (value) * (double) sag_dtype_size (value->dtype);
    }
  for (guint i = 0; i < graph->inputs->len; i++)
    {
      const SagValue *value = graph->inputs->pdata[i];

      fed += (double) sag_value_count (value) * (double) sag_dtype_size (value->dtype);
    }
  return (gsize) MIN (machine, MAX (LEAST, TIMES * fed));
}

static gboolean
reserve (SagSession *self, gsize limit, GError **error)
{
  gsize total;

  self->info.weight_bytes = self->plan->packed_bytes + constant_bytes (self->graph, FALSE);
  self->info.arena_bytes = self->plan->arena_bytes;
  if (!g_size_checked_add (&total, self->info.weight_bytes, self->info.arena_bytes)
      || total > (limit > 0 ? limit : find_limit (self->graph)))
    {
      g_autofree char *need = g_format_size (total),
                      *have = g_format_size (limit > 0 ? limit : find_limit (self->graph));

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "The network needs %s, more than the limit of %s; use smaller patches or a "
                   "lower precision",
                   need, have);
      return FALSE;
    }
  self->packed = map_pages (self->plan->packed_bytes, "the network's weights", error);
  if (self->packed == NULL)
    return FALSE;
  self->arena = map_pages (self->plan->arena_bytes, "the network's activations", error);
  return self->arena != NULL;
}

/* The pages of the file, which is mapped from its start, leave memory. What is still read comes back by itself. */
static void
forget_file (const SagSession *self, gsize end)
{
  gsize size, page = (gsize) sysconf (_SC_PAGESIZE);
  gconstpointer data = g_bytes_get_data (self->file, &size);

  if (data != NULL && (guintptr) data % page == 0)
    madvise ((gpointer) data, MIN (end, size), MADV_DONTNEED);
}

/* Of the whole file, of which never more than a piece need be in memory. */
static void
find_digest (SagSession *self)
{
  enum { PIECE = 1 << 20 };
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size;
  const guchar *data = g_bytes_get_data (self->file, &size);

  for (gsize at = 0; at < size; at += PIECE)
    {
      g_checksum_update (sum, data + at, (gssize) MIN (PIECE, size - at));
      forget_file (self, at + PIECE);
    }
  g_strlcpy (self->info.sha256, g_checksum_get_string (sum), sizeof self->info.sha256);
}

/* Static ranges onto the values they were measured of. */
static gboolean
read_ranges (SagSession *self, const char *path, const SagSessionOptions *options, GError **error)
{
  g_autofree char *beside = options->ranges == NULL ? sag_ranges_path_for (path) : NULL;
  g_autofree char *shown = NULL;
  g_autoptr (SagRanges) ranges = NULL;

  if (beside != NULL ? !g_file_test (beside, G_FILE_TEST_EXISTS) : options->ranges[0] == '\0')
    return TRUE;
  ranges = sag_ranges_read (beside != NULL ? beside : options->ranges, error);
  if (ranges == NULL)
    return FALSE;
  find_digest (self);
  if (strcmp (self->info.sha256, sag_ranges_get_sha256 (ranges)) != 0)
    {
      shown = sag_escape_name (beside != NULL ? beside : options->ranges, -1);
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The ranges '%s' belong to another model file; make them anew with "
                   "'sagitta-cli calibrate', or remove them",
                   shown);
      return FALSE;
    }
  self->ranged = TRUE;
  for (guint i = 0; i < self->graph->values->len; i++)
    {
      SagValue *value = self->graph->values->pdata[i];
      float least, most;

      if (value->dtype == SAG_DTYPE_F32 && value->constant == NULL
          && sag_ranges_get (ranges, value->name, &least, &most))
        value->quantum = sag_int8_quantum (least, most);
    }
  return TRUE;
}

static gboolean
compile (SagSession *self, const char *path, const SagSessionOptions *options, GError **error)
{
  SagPrecision precision = options != NULL ? options->precision : SAG_PRECISION_F32;

  self->graph->precision = precision;
  self->graph->max_bytes = options != NULL ? options->max_bytes : 0;
  self->info.parameters = count_parameters (self->graph);
  if (options != NULL
      && !sag_pass_bind (self->graph, options->bindings, options->n_bindings, error))
    return FALSE;
  if (!sag_pass_qoperator (self->graph, error) || !sag_pass_fold (self->graph, error) || !sag_pass_quant (self->graph, error)
      || !sag_pass_fuse (self->graph, error)
      || (precision >= SAG_PRECISION_INT8 && !read_ranges (self, path, options, error))
      || !sag_pass_layout (self->graph, error))
    return FALSE;
  self->watched = options != NULL && options->watched;
  if (!sag_pass_prepare (self->graph, precision, error) || !sag_pass_bound (self->graph, error)
      || (!self->watched && !sag_pass_chain (self->graph, error)))
    return FALSE;
  if (!self->watched)
    sag_pass_pool (self->graph);
  self->plan = sag_plan_new (self->graph, error);
  if (self->plan != NULL)
    self->plan->counting = self->ranged;
  if (self->plan == NULL || !reserve (self, options != NULL ? options->max_bytes : 0, error))
    return FALSE;
  sag_plan_bind (self->plan, self->arena, self->packed);
  forget_file (self, G_MAXSIZE); /* most weights were copied out of it, to lie at whole words */
  sag_plan_pack (self->plan);
  constant_bytes (self->graph, TRUE);
  forget_file (self, G_MAXSIZE);
  fill_ports (self->inputs, self->graph->inputs);
  fill_ports (self->outputs, self->graph->outputs);
  self->info.macs = self->plan->macs;
  self->shown = g_new (SagStep *, MAX (self->plan->n_steps, 1));
  for (int i = 0; i < self->plan->n_steps; i++)
    if (!self->plan->steps[i].node->view)
      self->shown[self->info.n_steps++] = &self->plan->steps[i];
  return TRUE;
}

SagSession *
sag_session_new (const char *path, const SagSessionOptions *options, GError **error)
{
  g_autoptr (SagSession) self = NULL;
  g_autoptr (GBytes) file = NULL;

  g_return_val_if_fail (path != NULL, NULL);

  file = map_file (path, error);
  if (file == NULL)
    return NULL;
  self = g_new0 (SagSession, 1);
  self->inputs = g_array_new (FALSE, TRUE, sizeof (SagPort));
  self->outputs = g_array_new (FALSE, TRUE, sizeof (SagPort));
  self->graph = sag_onnx_read (file, path, options != NULL ? options->bindings : NULL,
                               options != NULL ? options->n_bindings : 0, error);
  if (self->graph == NULL)
    return NULL;
  add_ports (self->inputs, self->graph->inputs);
  add_ports (self->outputs, self->graph->outputs);
  self->file = g_steal_pointer (&file);
  if (!compile (self, path, options, error))
    return NULL;
  return g_steal_pointer (&self);
}

static void
free_ports (GArray *ports)
{
  for (guint i = 0; i < ports->len; i++)
    g_free ((char *) g_array_index (ports, SagPort, i).name);
  g_array_unref (ports);
}

void
sag_session_free (SagSession *self)
{
  if (self == NULL)
    return;
  if (self->packed != NULL)
    munmap (self->packed, mapped_bytes (self->plan->packed_bytes));
  if (self->arena != NULL)
    munmap (self->arena, mapped_bytes (self->plan->arena_bytes));
  sag_plan_free (self->plan);
  sag_graph_free (self->graph);
  g_clear_pointer (&self->file, g_bytes_unref);
  free_ports (self->inputs);
  free_ports (self->outputs);
  g_free (self->shown);
  g_free (self);
}

int
sag_session_get_n_inputs (const SagSession *self)
{
  return (int) self->inputs->len;
}

int
sag_session_get_n_outputs (const SagSession *self)
{
  return (int) self->outputs->len;
}

const SagPort *
sag_session_get_input (const SagSession *self, int index)
{
  g_return_val_if_fail (index >= 0 && (guint) index < self->inputs->len, NULL);
  return &g_array_index (self->inputs, SagPort, index);
}

const SagPort *
sag_session_get_output (const SagSession *self, int index)
{
  g_return_val_if_fail (index >= 0 && (guint) index < self->outputs->len, NULL);
  return &g_array_index (self->outputs, SagPort, index);
}

void
sag_session_get_info (SagSession *self, SagSessionInfo *info)
{
  if (self->info.sha256[0] == '\0')
    find_digest (self);
  *info = self->info;
}

gsize
sag_session_get_bytes (const SagSession *self)
{
  return self->info.arena_bytes + self->info.weight_bytes;
}

typedef struct
{
  SagPlan *plan;
  SagRun  *run;
  gboolean whole;
} PlanJob;

static void
run_plan (gpointer data)
{
  PlanJob *job = data;

  job->whole = sag_plan_run (job->plan, job->run);
}

gboolean
sag_session_run (SagSession *self, const void *const *inputs, void *const *outputs,
                 const SagTick *tick)
{
  SagRun run = { .tick = tick, .total = MAX (1, self->plan->cost), .seen = self->seen,
                 .seen_data = self->seen_data };
  PlanJob job = { self->plan, &run, FALSE };

  for (guint i = 0; i < self->graph->inputs->len; i++)
    {
      SagValue *value = self->graph->inputs->pdata[i];

      if (value->constant == NULL)
        value->data = (void *) inputs[i];
      if (self->seen != NULL && value->dtype == SAG_DTYPE_F32)
        self->seen (value->name, sag_value_count (value), value->data, self->seen_data);
    }
  for (guint i = 0; i < self->graph->outputs->len; i++)
    ((SagValue *) self->graph->outputs->pdata[i])->data = outputs[i];
  sag_parallel_hold (run_plan, &job);
  self->endless = run.endless;
  return job.whole;
}

gboolean
sag_session_explain (const SagSession *self, GError **error)
{
  return self->endless == NULL
         || sag_node_unsupported (self->endless, error,
                                  "on these inputs its condition has not ended it after %d trips, the most it may make; "
                                  "export it with a fixed number of trips",
                                  (int) sag_node_get_int (self->endless, "sagitta_trips", 0));
}

void
sag_session_take_saturation (SagSession *self, guint64 *seen, guint64 *cut)
{
  *seen += self->plan->saturation.seen;
  *cut += self->plan->saturation.cut;
  self->plan->saturation = (SagSaturation){ 0, 0 };
}

void
sag_session_watch (SagSession *self, SagSessionSeen seen, gpointer data)
{
  g_return_if_fail (self->watched);

  self->seen = seen;
  self->seen_data = data;
}

static void
describe_value (const SagValue *value, char shape[128], const char **layout, const char **stored)
{
  g_autofree char *text = value != NULL ? sag_shape_to_string (&value->shape) : g_strdup ("");

  g_strlcpy (shape, text, 128);
  *layout = sag_layout_get_name (value != NULL ? value->layout : SAG_LAYOUT_PLAIN);
  *stored = value != NULL ? sag_dtype_get_name (value->dtype) : "";
}

/* What it runs at; what moves or takes the largest of bytes has no weights, but is not F32 for that. */
static SagPrecision
precision_of (const SagNode *node, const SagValue *x, const SagValue *y)
{
  gboolean bytes = x != NULL && y != NULL && sag_value_in_bytes (x) && sag_value_in_bytes (y);

  return node->precision == SAG_PRECISION_F32 && bytes ? SAG_PRECISION_INT8 : node->precision;
}

void
sag_session_get_step (const SagSession *self, int index, SagSessionStep *step)
{
  const SagStep *at;
  const SagNode *node;
  const SagValue *y;

  g_return_if_fail (index >= 0 && index < self->info.n_steps);
  at = self->shown[index];
  node = at->node;
  y = sag_node_output (node, 0);
  *step = (SagSessionStep){ .name = node->name, .op = node->op->name, .kernel = node->kernel,
                            .precision = precision_of (node, sag_node_input (node, 0), y), .weight_bytes = node->packed_bytes,
                            .scratch_bytes = node->scratch_bytes, .macs = node->macs,
                            .elapsed = at->elapsed,
                            .fused = node->fused.activation != SAG_ACTIVATION_NONE
                                     || node->fused.residual };
  describe_value (sag_node_input (node, 0), step->in, &step->in_layout, &step->in_stored);
  describe_value (y, step->out, &step->out_layout, &step->out_stored);
  if (y != NULL)
    sag_dtype_get_bytes (y->dtype, (gsize) sag_value_count (y), &step->out_bytes);
}

static void
print_value (GString *text, const char *shape, const char *layout, const char *stored)
{
  g_string_append_printf (text, " %s%s%s%s%s", shape, strcmp (layout, "plain") != 0 ? "/" : "",
                          strcmp (layout, "plain") != 0 ? layout : "",
                          strcmp (stored, "f32") != 0 ? ":" : "",
                          strcmp (stored, "f32") != 0 ? stored : "");
}

char *
sag_session_describe (const SagSession *self)
{
  GString *text = g_string_new (NULL);

  for (int i = 0; i < self->info.n_steps; i++)
    {
      SagSessionStep step;
      g_autofree char *name = NULL;

      sag_session_get_step (self, i, &step);
      name = sag_escape_name (step.name, -1);
      g_string_append_printf (text, "%-24s %-18s %-14s %s ", name, step.op, step.kernel,
                              sag_precision_get_name (step.precision));
      print_value (text, step.in, step.in_layout, step.in_stored);
      g_string_append (text, " ->");
      print_value (text, step.out, step.out_layout, step.out_stored);
      g_string_append_printf (text, "  out %" G_GSIZE_FORMAT " B, weights %" G_GSIZE_FORMAT
                              " B, scratch %" G_GSIZE_FORMAT " B, %" G_GINT64_FORMAT " MAC%s\n",
                              step.out_bytes, step.weight_bytes, step.scratch_bytes, step.macs,
                              step.fused ? " (fused)" : "");
    }
  return g_string_free (text, FALSE);
}
