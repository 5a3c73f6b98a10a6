/* SPDX-License-Identifier: Apache-2.0
 *
 * pass-chain.c: convolutions that follow each other, and a Concat, Resize or Sum before them, become one step,
 * which makes a few lines of the last one at a time: what lies between never leaves the cache of the core that
 * made it, and has no memory of its own but a buffer a thread. ("Fused-layer CNN accelerators", Alwani, Chen, Ferdman and Milder,
 * MICRO 2016, is the idea.) Each output is the same sum as before: the same bits. A Concat before Winograd's form is
 * no step at all: tiles are read from its parts.
 *
 * Lines that a band shares with the next stay in the buffer; only where the work of two threads meets are a
 * few computed twice.
 */
#include "engine/base/alloc.h"
#include "engine/base/parallel.h"
#include "engine/nn/band.h"
#include "engine/nn/bytes.h"
#include "engine/nn/conv.h"
#include "engine/nn/op-util.h"
#include "engine/nn/passes.h"

#include <string.h>

enum
{
  MOST = 8,                /* members of a chain */
  WORTH_BYTES = 1 << 20,   /* a value between that is smaller stays in the cache anyway */
  BUFFER_BYTES = 3 << 18,  /* of the lines between, a thread */
  MOST_LINES = 16,         /* of a band */
  LEAST_LINES = 8,         /* of an item: its neighbours compute some of the lines before it too */
};

/* A part of the channels of what the first convolution reads. */
typedef enum
{
  SOURCE_COPY,   /* as it lies in memory */
  SOURCE_TURN,   /* lines of x by channel there, channels last here */
  SOURCE_RESIZE,
} SourceKind;

typedef struct
{
  SourceKind kind;
  SagNode   *node;  /* Layout or Resize; else NULL */
  SagValue  *value; /* in memory */
  gint64     channels;
  gsize      scratch; /* where that of its Resize begins, in bytes behind the buffers */
} Source;

typedef struct
{
  int      n;
  SagNode *node[MOST];     /* the first may be Concat, Resize or Sum, of these sources: */
  int      n_sources;
  gboolean adds;           /* Sum */
  gsize    spare;          /* where a line of it lies, in bytes behind the buffers */
  Source   source[MOST];
  gsize    scratch;        /* bytes of a thread: buffers, then what Resizes need */
  gint64   lines[MOST];    /* that the buffer behind member i holds; none behind the last */
  gint64   line[MOST];     /* floats of one */
  gsize    buffer[MOST];   /* where it begins, in floats */
  gsize    floats;         /* of all buffers, a multiple of 16 */
  gint64   per_word;       /* channels in what counts as a float here: 4 on bytes, else 1 */
  gsize    constants[MOST + 1]; /* where those of products on bytes begin, in bytes behind the threads'; all of them */
  gint64   band;           /* lines of the last member */
} Chain;

static const SagConv *
conv_of (const Chain *self, int i)
{
  return self->node[i]->state;
}

static gsize
round_up (gsize bytes)
{
  return (bytes + SAG_ALIGN - 1) & ~(gsize) (SAG_ALIGN - 1);
}

static gboolean
is_winograd (const SagNode *node)
{
  return node->op->run == sag_conv_run && ((const SagConv *) node->state)->form == SAG_CONV_WINOGRAD;
}

/* Input lines that lines from .. to - 1 of the output see. */
static void
lines_seen (const SagConvGeometry *g, gint64 *from, gint64 *to)
{
  gint64 first = *from * g->in_step[1] + g->phases[0].least[1];
  gint64 last = (*to - 1) * g->in_step[1] + g->phases[0].most[1];

  *from = CLAMP (first, 0, g->in[1]);
  *to = CLAMP (last + 1, *from, g->in[1]);
}

/* --- run --------------------------------------------------------------------------------- */

typedef struct
{
  const SagStep *step;
  const Chain   *chain;
  gint64         per_item, per_image; /* lines of an item; items of an image */
  guint8        *constants;
} Job;

/* Lines first .. end - 1 of the value behind a member lie in its buffer, the first at `place`; after the buffer's last
 * line comes its first. */
typedef struct
{
  gint64 first, end, place;
} Held;

/* A line of a source; its pixels, or lines by channel, lie `pitch` floats apart. */
static void
gather_line (const Source *source, gint64 channels, gboolean last, gint64 image, gint64 height, gint64 width, gint64 y,
             float *to, gint64 pitch, guint8 *scratch)
{
  gint64 block = last ? channels : channels * width, blocks = last ? width : 1;
  const float *x = (const float *) source->value->data + (image * height + y) * channels * width;

  if (source->kind == SOURCE_RESIZE)
    sag_resize_run_band (source->node, &(SagBand){ .image = image, .from = y, .to = y + 1, .out_first = y, .out = to },
                         pitch, scratch + source->scratch);
  else if (source->kind == SOURCE_TURN)
    sag_kernels_get ()->transpose_f32 ((gsize) channels, (gsize) width, x, width, to, pitch);
  else
    for (gint64 j = 0; j < blocks; j++)
      memcpy (to + j * pitch, x + j * block, (gsize) block * sizeof (float));
}

/* Lines from .. to - 1 of what the first convolution reads: side by side, or their sum. */
static void
gather (const Chain *self, gint64 image, gint64 from, gint64 to, float *buffer, gint64 first, guint8 *scratch)
{
  const SagConvGeometry *g = &conv_of (self, 1)->geometry;
  gboolean last = sag_node_output (self->node[0], 0)->layout == SAG_LAYOUT_LAST;
  gint64 width = g->in[2], height = g->in[1], all = g->cin / self->per_word, size = all * width;
  gint64 pitch = last ? all : size;

  for (gint64 y = from; y < to; y++)
    {
      float *line = buffer + (y - first) * size, *spare = (float *) (gpointer) (scratch + self->spare);
      gint64 at = 0;

      for (int i = 0; i < self->n_sources; i++)
        {
          const Source *source = &self->source[i];
          gint64 channels = source->channels / self->per_word;

          if (!self->adds)
            gather_line (source, channels, last, image, height, width, y, line + (last ? at : at * width), pitch, scratch);
          else
            gather_line (source, channels, last, image, height, width, y, i == 0 ? line : spare, pitch, scratch);
          if (self->adds && i > 0)
            sag_kernels_get ()->binary[SAG_BINARY_ADD]((gsize) size, line, 1, spare, 1, line);
          at += channels;
        }
      if (self->adds)
        sag_fused_apply (&self->node[0]->fused, (gsize) size, line);
    }
}

/* Whether a member can read lines that go on at the start of a buffer. */
static gboolean
turns (const SagNode *node)
{
  const SagConv *conv = node->state;

  return conv->form == SAG_CONV_ROWS || conv->form == SAG_CONV_ROWS_DEPTHWISE || conv->square;
}

/* Makes lines from .. to - 1 of the last member. */
static void
run_band (const Chain *self, float *buffers, const guint8 *constants, Held *held, gint64 image, gint64 from, gint64 to)
{
  gint64 first[MOST], end[MOST];

  for (int i = self->n - 1; i >= 0; i--)
    {
      first[i] = from;
      end[i] = to;
      if (i < self->n - 1)
        {
          gint64 place = 0;

          if (from >= held[i].first && from < held[i].end) /* goes on from what is there */
            {
              float *buffer = buffers + self->buffer[i], *kept = buffer + (from - held[i].first) * self->line[i];

              if (turns (self->node[i + 1]))
                place = (held[i].place + from - held[i].first) % self->lines[i];
              else
                memmove (buffer, kept, (gsize) ((held[i].end - from) * self->line[i]) * sizeof (float));
              first[i] = MIN (held[i].end, to);
            }
          held[i] = (Held){ from, MAX (first[i], to), place };
          from = first[i];
        }
      if (from == to)
        {
          for (int j = 0; j < i; j++)
            first[j] = end[j] = 0;
          break;
        }
      if (i > 0)
        lines_seen (&conv_of (self, i)->geometry, &from, &to);
    }
  for (int i = 0; i < self->n; i++)
    for (gint64 y = first[i], next; y < end[i]; y = next)
      {
        SagBand band = { .image = image, .from = y, .constants = constants + self->constants[i] };
        gint64 place;

        next = end[i];
        if (i > 0)
          {
            band.in = buffers + self->buffer[i - 1];
            band.in_first = held[i - 1].first - held[i - 1].place;
            band.in_ring = turns (self->node[i]) ? self->lines[i - 1] : 0;
          }
        if (i < self->n - 1)
          {
            place = (held[i].place + y - held[i].first) % self->lines[i];
            next = MIN (end[i], y + self->lines[i] - place);
            band.out = buffers + self->buffer[i];
            band.out_first = y - place;
          }
        band.to = next;
        if (i == 0 && self->n_sources > 0)
          gather (self, image, y, next, band.out, band.out_first, (guint8 *) (buffers + self->floats));
        else
          sag_conv_run_band (self->node[i], &band);
      }
}

static void
run_item (gsize item, int thread, gpointer data)
{
  const Job *job = data;
  const Chain *self = job->chain;
  const SagConvGeometry *g = &conv_of (self, self->n - 1)->geometry;
  gint64 image = (gint64) item / job->per_image, from = (gint64) item % job->per_image * job->per_item;
  gint64 end = MIN (from + job->per_item, g->out[1]);
  guint8 *scratch = (guint8 *) job->step->scratch + (gsize) thread * self->scratch;
  void (*done) (void) = sag_kernels_get ()->gemm_u8.done;
  Held held[MOST] = { { 0, 0 } };

  for (int i = 0; i < self->n_sources; i++)
    if (self->source[i].kind == SOURCE_RESIZE)
      sag_resize_begin (self->source[i].node, scratch + self->floats * sizeof (float) + self->source[i].scratch);

  for (; from < end; from += self->band)
    {
      if (!sag_step_go_on (job->step, thread, (double) (image * g->out[1] + from) / (double) (g->batch * g->out[1])))
        break;
      run_band (self, (float *) scratch, job->constants, held, image, from, MIN (from + self->band, end));
    }
  if (self->per_word > 1 && done != NULL)
    done ();
}

static void
run_bands (const SagStep *step)
{
  const Chain *self = step->node->state;
  const SagConvGeometry *g = &conv_of (self, self->n - 1)->geometry;
  gint64 items = 4 * sag_parallel_get_size ();
  Job job = { .step = step, .chain = self };

  job.constants = (guint8 *) step->scratch + step->node->scratch_bytes - self->constants[self->n];
  for (int i = self->n_sources > 0; i < self->n && self->per_word > 1; i++)
    sag_conv_begin (self->node[i], job.constants + self->constants[i]);
  if (g->out[1] < items * 2 * LEAST_LINES)
    items = sag_parallel_get_size ();
  job.per_item = MAX (LEAST_LINES, (g->out[1] + items - 1) / items);
  job.per_image = (g->out[1] + job.per_item - 1) / job.per_item;
  sag_parallel_for ((gsize) (g->batch * job.per_image), run_item, &job);
}

static void
run (const SagStep *step)
{
  const Chain *self = step->node->state;

  if (is_winograd (self->node[1]))
    {
      SagConvSource sources[MOST];

      for (int i = 0; i < self->n_sources; i++)
        sources[i] = (SagConvSource){ self->source[i].value->data, self->source[i].channels };
      sag_conv_winograd_run (step, self->node[1], sources, self->n_sources, NULL);
      return;
    }
  run_bands (step);
}

static void
pack (SagNode *node)
{
  const Chain *self = node->state;
  guint8 *at = node->packed;

  for (int i = self->n_sources > 0; i < self->n; i++)
    {
      self->node[i]->packed = at;
      self->node[i]->op->pack (self->node[i]);
      at += round_up (self->node[i]->packed_bytes);
    }
}

/* Not in the table: no file can name it. */
static const SagOp chain_op = { "Conv", "sagitta", .pack = pack, .run = run };

/* --- which ------------------------------------------------------------------------------- */

/* The bytes of a node's output if it and what reads it could be one; else 0. */
static gsize
bytes_behind (const SagNode *node)
{
  const SagValue *value = sag_node_output (node, 0);
  const SagConv *self, *next;
  gsize n = (gsize) sag_value_count (value), size = sag_value_in_bytes (value) ? 1 : sizeof (float);

  if (value->n_readers != 1 || value->reader == NULL || value->reader->op->run != sag_conv_run
      || sag_node_input (value->reader, 0) != value || !sag_conv_has_bands (value->reader))
    return 0;
  next = value->reader->state;
  if (node->op->run == sag_conv_run)
    {
      self = node->state;
      if (memcmp (self->out_stride, next->in_stride, sizeof self->out_stride) != 0 || self->bytes_in != next->bytes_in)
        return 0;
    }
  else if (value->layout != (next->in_stride[3] == 1 ? SAG_LAYOUT_LAST : SAG_LAYOUT_ROWS))
    return 0;
  return n * size;
}

/* Where the channels of a Concat, Resize or Sum come from. FALSE if it is another node, or has none that can be had by
 * lines. */
static gboolean
find_sources (Chain *self, SagNode *node)
{
  const SagValue *y = sag_node_output (node, 0);
  gboolean concat = strcmp (node->op->name, "Concat") == 0, adds = strcmp (node->op->name, "Sum") == 0;
  gboolean bytes = y != NULL && sag_value_in_bytes (y);
  gsize scratch = 0;

  if ((!concat && !adds && !sag_resize_has_bands (node)) || y == NULL || y->shape.rank != 4
      || (bytes ? adds || y->layout != SAG_LAYOUT_LAST : y->dtype != SAG_DTYPE_F32)
      || y->layout == SAG_LAYOUT_PLAIN || node->inputs->len > MOST
      || (concat && sag_axis (sag_node_get_int (node, "axis", 0), 4) != 1))
    return FALSE;
  self->n_sources = concat || adds ? (int) node->inputs->len : 1;
  self->adds = adds;
  for (int i = 0; i < self->n_sources; i++)
    {
      SagValue *x = concat || adds ? sag_node_input (node, i) : sag_node_output (node, 0);
      SagNode *maker = x->producer;
      Source *source = &self->source[i];

      *source = (Source){ SOURCE_COPY, NULL, x, x->shape.dim[1], scratch };
      if (x->constant != NULL || x->dtype != y->dtype || sag_value_in_bytes (x) != bytes || x->layout != y->layout
          || (adds && !sag_shape_equal (&x->shape, &y->shape)))
        return FALSE;
      if (maker == NULL || x->n_readers != 1 || maker->mark != 0)
        continue;
      if (sag_resize_has_bands (maker))
        {
          *source = (Source){ SOURCE_RESIZE, maker, sag_node_input (maker, 0), x->shape.dim[1], scratch };
          scratch += sag_resize_band_bytes (maker);
        }
      else if (!bytes && strcmp (maker->op->name, "Layout") == 0 && y->layout == SAG_LAYOUT_LAST
               && sag_node_input (maker, 0)->layout == SAG_LAYOUT_ROWS && sag_node_input (maker, 0)->constant == NULL)
        *source = (Source){ SOURCE_TURN, maker, sag_node_input (maker, 0), x->shape.dim[1], scratch };
    }
  self->spare = scratch;
  if (adds)
    scratch += (gsize) ((y->shape.dim[1] * y->shape.dim[3] + 15) / 16 * 16) * sizeof (float);
  self->scratch = scratch;
  return scratch <= BUFFER_BYTES;
}

/* Lines that each buffer must hold for bands of so many, and what that comes to. */
static gsize
plan_lines (Chain *self, gint64 band)
{
  gint64 lines = band;
  gsize floats = 0;

  self->band = band;
  for (int i = self->n - 2; i >= 0; i--)
    {
      const SagConvGeometry *g = &conv_of (self, i + 1)->geometry;

      lines = (lines - 1) * g->in_step[1] + g->phases[0].most[1] - g->phases[0].least[1] + 1;
      lines = CLAMP (lines, 1, g->in[1]);
      self->lines[i] = lines;
      self->line[i] = g->in[2] * g->cin / self->per_word;
      self->buffer[i] = floats;
      floats += ((gsize) (lines * self->line[i]) + 15) / 16 * 16;
    }
  self->floats = floats;
  return floats * sizeof (float);
}

/* A Concat before a convolution in Winograd's form, which reads its tiles from the parts: the length of that
 * chain, or 0. */
static int
collect_parts (Chain *self, SagNode *node)
{
  const SagValue *value = sag_node_output (node, 0);
  SagNode *reader = value != NULL ? value->reader : NULL;

  if (value == NULL || value->n_readers != 1 || reader == NULL || !is_winograd (reader)
      || sag_node_input (reader, 0) != value || strcmp (node->op->name, "Concat") != 0 || node->inputs->len > MOST
      || value->dtype != SAG_DTYPE_F32 || value->layout != SAG_LAYOUT_LAST
      || sag_axis (sag_node_get_int (node, "axis", 0), value->shape.rank) != 1)
    return 0;
  self->n_sources = (int) node->inputs->len;
  for (int i = 0; i < self->n_sources; i++)
    {
      SagValue *x = sag_node_input (node, i);

      if (x->constant != NULL || x->dtype != SAG_DTYPE_F32 || x->layout != SAG_LAYOUT_LAST)
        return 0;
      self->source[i] = (Source){ SOURCE_COPY, NULL, x, x->shape.dim[1], 0 };
    }
  self->node[0] = node;
  self->node[1] = reader;
  return self->n = 2;
}

/* Whether it is a member of chains on bytes. */
static gboolean
reads_bytes (const SagNode *node)
{
  return node->op->run == sag_conv_run ? ((const SagConv *) node->state)->bytes_in
                                       : sag_value_in_bytes (sag_node_output (node, 0));
}

/* The longest chain from `node` on whose bands fit; its length. */
static int
collect (Chain *self, SagNode *node)
{
  *self = (Chain){ 0 };
  if (collect_parts (self, node) > 0)
    return self->n;
  *self = (Chain){ 0 };
  if (node->op->run != sag_conv_run ? !find_sources (self, node) : !sag_conv_has_bands (node))
    return 0;
  self->per_word = reads_bytes (node) ? 4 : 1;
  while (self->n < MOST)
    {
      gsize bytes;

      self->node[self->n++] = node;
      if (self->n > 1 && plan_lines (self, 1) > BUFFER_BYTES)
        {
          self->n--;
          break;
        }
      bytes = bytes_behind (node);
      if (bytes < WORTH_BYTES)
        break;
      node = sag_node_output (node, 0)->reader;
    }
  if (self->n < 2)
    return self->n;
  for (gint64 band = MIN (MOST_LINES, conv_of (self, self->n - 1)->geometry.out[1]); band > 0; band--)
    if (plan_lines (self, band) <= BUFFER_BYTES)
      break;
  self->scratch += self->floats * sizeof (float);
  for (int i = 0; i < self->n; i++)
    {
      gboolean has = self->per_word > 1 && self->node[i]->op->run == sag_conv_run;

      self->constants[i + 1] = self->constants[i] + (has ? round_up (self->node[i]->scratch_bytes) : 0);
    }
  return self->n;
}

/* The node that does what the members did, at the place of the last. */
static gboolean
join (SagGraph *graph, const Chain *draft, GError **error)
{
  Chain *self = g_memdup2 (draft, sizeof *draft);
  SagNode *last = self->node[self->n - 1], *node;
  g_autoptr (GString) kernel = g_string_new (NULL);
  guint at = 0;

  g_ptr_array_find (graph->nodes, last, &at);
  node = sag_graph_add_node (graph, &chain_op, last->name, (int) at);
  node->precision = last->precision;
  node->state = self;
  node->free_state = g_free;
  node->fused = last->fused;
  node->fused.residual = FALSE;
  for (int i = 0; i < self->n; i++)
    {
      SagNode *member = self->node[i];

      gboolean gathers = i == 0 && self->n_sources > 0;

      g_string_append_printf (kernel, "%s%s", i > 0 ? "+" : "", !gathers ? member->kernel : self->adds ? "sum" : "gather");
      for (int j = 0; j < self->n_sources && gathers; j++)
        {
          g_ptr_array_add (node->inputs, self->source[j].value);
          if (self->source[j].node != NULL)
            self->source[j].node->mark = 1;
        }
      node->macs += MIN (member->macs, G_MAXINT64 - node->macs);
      for (guint j = i > 0; j < member->inputs->len && !gathers; j++)
        {
          node->packed_inputs |= (member->packed_inputs >> j & 1) << node->inputs->len;
          g_ptr_array_add (node->inputs, sag_node_input (member, (int) j));
        }
      if (!g_size_checked_add (&node->packed_bytes, node->packed_bytes, round_up (member->packed_bytes)))
        return sag_node_invalid (node, error, "its weights are too large");
      member->mark = 1;
    }
  node->kernel = g_intern_string (kernel->str);
  if (is_winograd (self->node[1]))
    node->scratch_bytes = self->node[1]->scratch_bytes;
  else
    node->scratch_bytes = (gsize) sag_parallel_get_size () * self->scratch + self->constants[self->n];
  sag_node_set_output (node, 0, sag_node_output (last, 0));
  return TRUE;
}

gboolean
sag_pass_chain (SagGraph *graph, GError **error)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();

  g_ptr_array_extend (nodes, graph->nodes, NULL, NULL);
  for (guint i = 0; i < nodes->len; i++)
    ((SagNode *) nodes->pdata[i])->mark = 0;
  for (guint i = 0; i < nodes->len; i++)
    {
      SagNode *node = nodes->pdata[i];
      Chain chain;

      if (node->mark == 0 && collect (&chain, node) > 1 && !join (graph, &chain, error))
        return FALSE;
    }
  sag_graph_set_aside (graph);
  return TRUE;
}
