/* SPDX-License-Identifier: Apache-2.0
 *
 * conv.h: a prepared convolution, between ops-conv.c, which makes it, and what runs it.
 */
#pragma once

#include "engine/kernels/kernels.h"
#include "engine/nn/conv-geometry.h"
#include "engine/nn/int8.h"

enum
{
  SAG_CONV_TAPS = 32,   /* taps of one kernel call; more are added in further calls */
  SAG_CONV_TURNED_N = 8, /* output channels, at most, of pixels that are turned */
  SAG_CONV_PHASE_N = 8, /* output channels of the line that phases along x are woven from */
};

typedef enum
{
  SAG_CONV_ROWS,
  SAG_CONV_ROWS_DEPTHWISE,
  SAG_CONV_LAST,
  SAG_CONV_LAST_DEPTHWISE,
  SAG_CONV_WINOGRAD, /* channels last */
} SagConvForm;

typedef struct
{
  SagConvGeometry geometry;
  SagConvForm     form;
  SagPrecision    precision;
  int             gemm;       /* SAG_GEMM_* of SAG_CONV_LAST */
  gint64          kin, nout;  /* channels a group; depthwise counts as one group of nout = cout */
  gint64          groups;
  gint64          width;      /* output channels of one call: columns of a panel */
  gint64          n_panels;   /* of a group */
  gboolean        turned;     /* SAG_CONV_ROWS whose output has channels last, SAG_CONV_LAST whose output has
                               * them apart */
  gboolean        dynamic;    /* weights or bias are made by the network: packed at each run */
  SagFused        fused;
  float           lo, hi;     /* clamp inside the kernel */

  /* Packed memory (or scratch, if dynamic), in floats: zeros, bias, for INT8 scales and sums, and
   * from `head` on the weights, in elements of their precision (INT4: in bytes, at `halves`, two weights each); BF16 ones, which are few where the form's kernel
   * reads floats, lie there as such. */
  gsize           zeros;      /* kin zeroes: a pixel in the padding (channels last) */
  gsize           bias;       /* [groups][n_panels * width] */
  gsize           scales;     /* of the weights, [n_panels * width] */
  gsize           sums;       /* of the quantised weights, gint32 [n_phases or n_depths][n_panels * width] */
  gsize           head;
  gsize           n_weights;
  gsize          *weights;    /* [n_phases] -> [groups][n_panels][taps][kin][width], from head on; INT4: from
                               * `unpacked` on */
  gsize          *halves;     /* INT4: the same, packed */
  gsize          *group_factors; /* INT4: [n_phases] -> gint16 [n_panels][groups of 32][width] */

  /* Distances in floats: of images, planes, lines and channels, in and out. */
  gint64          in_stride[4], out_stride[4];

  SagQuantum      quantum;    /* on bytes: of the input; scale 0: found at each run */

  /* Input or output in bytes (bytes.h): then strides count words (lines) or bytes (channels last). */
  gboolean        bytes_in, bytes_out;
  gboolean        planes_in;  /* bytes_in, with a quantum for each plane (SagValue.planes); the products of the taps of one
                               * plane are summed by themselves, and the sums as floats */
  gboolean        planes_out; /* the output: made in floats a plane at a time, in scratch, and there the strides hold */
  int             n_depths;   /* of planes_in: planes of the input that an output sees, else 0 */
  guint8          depths[SAG_CONV_TAPS + 1]; /* taps of depth d: depths[d] .. depths[d + 1] - 1 */
  SagQuantum      out_quantum, residual_quantum;
  float           slope;      /* before the clamp, below 0, where the output is in bytes */
  gboolean        square;     /* depthwise from bytes to bytes by 3 x 3 taps of a plane: lines at once */

  /* INT8: bytes into scratch, which begins with the quantised input, laid out as the kernel reads
   * it: [n][z][y][kin / 4][x][4] for lines, channels last for the other form. */
  gsize           unpacked;   /* INT4: weights of eight bits, made at each run */
  gsize           starts;     /* as sums: minus zero point times them, gint32 */
  gsize           factors;    /* float [1 or n_depths][n_panels * width]: scale of a sum */
  gsize           pads;       /* kin zero points: a pixel in the padding */
  gsize           partials;   /* of sag_int8_find() */
  gsize           plane;      /* planes_out, whatever the precision: the plane in floats, [y][nout][x], */
  gsize           extremes;   /* and the least and the greatest of each of its lines */
} SagConv;

/* NULL if there is none. */
SagValue *sag_conv_bias     (const SagNode *node);
SagValue *sag_conv_residual (const SagNode *node);

/* Writes weights and bias as the kernels read them. */
void sag_conv_pack (const SagConv *self, const float *w, const float *bias, float *packed);

/* SagOp.run of both operators. */
void sag_conv_run  (const SagStep *step);

static inline gboolean
sag_conv_on_bytes (const SagConv *self)
{
  return self->precision == SAG_PRECISION_INT8 || self->precision == SAG_PRECISION_INT4;
}

/* BF16 that lies in two bytes: the kernel, or Winograd's form at each run, widens it. */
static inline gboolean
sag_conv_in_halves (const SagConv *self)
{
  return self->precision == SAG_PRECISION_BF16
         && (self->form == SAG_CONV_LAST || self->form == SAG_CONV_WINOGRAD);
}

/* Rows of `sums` and `starts`. */
static inline gint64
sag_conv_n_sums (const SagConv *self)
{
  return self->n_depths > 0 ? self->n_depths : self->geometry.n_phases;
}

/* Products in fours of a phase, and groups of them with a scale. */
static inline gint64
sag_conv_steps (const SagConv *self, int phase)
{
  return self->geometry.phases[phase].n_taps * ((self->kin + 3) / 4);
}

static inline gint64
sag_conv_groups (const SagConv *self, int phase)
{
  return (sag_conv_steps (self, phase) + 7) / 8;
}

/* INT8 and INT4: states what scratch holds, fills it from the input, and one panel of lines. */
gboolean sag_conv_int8_fits (const SagConv *self);
gsize    sag_conv_int8_plan (SagConv *self);
guint8   sag_conv_int8_fill (const SagConv *self, const float *in, const void *packed, void *scratch);
void     sag_conv_find_depths (SagConv *self);
gboolean sag_conv_is_square (const SagConv *self, gboolean residual);
void     sag_conv_int8_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj,
                             float *packed);
void     sag_conv_int4_pack (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj,
                             float *packed);

/* Winograd's form: its price in element moves (INFINITY if it cannot), elements of packed weights, bytes of
 * scratch for the calling thread's team; planes to SagNode.trails. Weights are F32 or BF16, and constant. */
double   sag_conv_winograd_moves   (const SagConvGeometry *g, SagPrecision precision);
gint64   sag_conv_winograd_trail   (const SagConvGeometry *g);
gsize    sag_conv_winograd_weights (const SagConv *self);
gsize    sag_conv_winograd_scratch (const SagConv *self);
void     sag_conv_winograd_pack    (const SagConv *self, const float *w, ptrdiff_t sp, ptrdiff_t sj,
                                    float *packed);

/* Channels of the input, channels last, that follow those of the source before it. */
typedef struct
{
  const float *data;
  gint64       channels;
} SagConvSource;

/* As `step`, whose node is `node` or has taken its place. `pooled`: NULL, or where instead of the output the largest of
 * each 2 x 2 pixels of it go. */
void     sag_conv_winograd_run     (const SagStep *step, const SagNode *node, const SagConvSource *sources,
                                    int n_sources, const SagValue *pooled);
gboolean sag_conv_winograd_pools   (const SagConv *self);
