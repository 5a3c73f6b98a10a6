/* SPDX-License-Identifier: Apache-2.0
 *
 * op.h: what an operator is.
 *
 * An operator's life, once each and in this order, while the model loads:
 *
 *   infer    types and shapes of the outputs, from those of the inputs (and from constants that
 *            `needs` names). May be called again after a pass changed the graph.
 *   cost     pass-layout asks in which layouts it can work; then fixes inputs and outputs.
 *   prepare  the layouts are final (value->layout): choose the kernel and state packed_bytes,
 *            scratch_bytes, macs, packed_inputs, inplace, view in the node. Allocates nothing but
 *            a small `state`. Must not change shapes.
 *   pack     node->packed points to packed_bytes of zeroed memory: write the weights there.
 *            Cannot fail.
 *
 * then, any number of times:
 *
 *   run      inputs are at sag_node_input (node, i)->data, the output goes to
 *            sag_node_output (node, i)->data; constants in PLAIN layout. May not fail, allocate, or
 *            change the node. Parallel only through sag_parallel_for(), over outputs.
 *
 * The plan places outputs and scratch in the arena: scratch is live during this step only. Memory
 * is aligned to SAG_ALIGN for arena values and packed weights; graph inputs, graph outputs and
 * constants may be aligned to their element only. Contents of outputs and scratch are undefined
 * before run.
 *
 * An operator is one row in its family's table (ops-conv.c: sag_ops_conv) and adding a family one
 * line in op.c.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/nn/graph.h"

/* One run of a plan, seen from a step. */
typedef struct
{
  const SagTick *tick;
  double         done, total; /* MACs before this step, and of all */
  int            stopped;     /* atomic */
  SagSessionSeen seen;        /* NULL, or told of every float value as it is made */
  gpointer       seen_data;
  const SagNode *endless; /* a Loop that its data did not end in the trips it may make: stopped, too */
} SagRun;

typedef struct
{
  SagNode *node;
  void    *scratch; /* scratch_bytes, aligned to SAG_ALIGN */
  gsize    offset;  /* of the scratch in the arena */
  double   cost;    /* for progress */
  gint64   elapsed; /* microseconds, of the last run */
  SagRun  *run;     /* set before the run */
} SagStep;

enum
{
  SAG_FUSE_ACTIVATION = 1 << 0,
  SAG_FUSE_RESIDUAL   = 1 << 1,
};

enum
{
  SAG_OP_SHAPE_ONLY = 1 << 0, /* reads only the inputs' shapes: foldable without data */
  SAG_OP_STRIDED = 1 << 1,  /* reads each input by its own strides: constants, and inputs of another
                             * rank than output 0, stay PLAIN instead of following */
  SAG_OP_IDENTITY = 1 << 2, /* output 0 is input 0: pass-fold takes the node out */
  SAG_OP_WEIGHTED = 1 << 3, /* constant input 1 is weights: prepare may be asked for less than F32,
                             * and states in node->precision what it does */
};

/* What an operator can do with values that lie in memory as bytes (bytes.h). */
enum
{
  SAG_BYTES_IN   = 1 << 0, /* read input 0 */
  SAG_BYTES_OUT  = 1 << 1, /* write output 0; the fused residual, if any, is then in bytes too */
  SAG_BYTES_SAME = 1 << 2, /* all inputs and output 0, together only, with one quantum */
  SAG_BYTES_BOTH = 1 << 3, /* input 0 and output 0, together only, each with its own quantum */
  SAG_PLANES_IN  = 1 << 4, /* read input 0 with a quantum for each plane (SagValue.planes) */
  SAG_PLANES_OUT = 1 << 5, /* write output 0 so */
};

/* A layout in which the operator cannot work. */
#define SAG_COST_NEVER (G_MAXINT64)

struct _SagOp
{
  const char *name;   /* ONNX op_type */
  const char *domain; /* "" is ai.onnx */

  gboolean (*infer)   (SagNode *node, GError **error);

  /* Extra element moves (about one float read and written each) when every followed input lies
   * in `in` and output 0 (and the fused residual) in `out`; SAG_COST_NEVER if it cannot. Only
   * differences count. NULL: PLAIN to PLAIN only. pass-layout adds the price of conversions. */
  gint64   (*cost)    (const SagNode *node, SagLayout in, SagLayout out);

  gboolean (*prepare) (SagNode *node, SagPrecision precision, GError **error);
  void     (*pack)    (SagNode *node); /* NULL if packed_bytes is always 0 */
  void     (*run)     (const SagStep *step);

  guint    (*bytes)   (const SagNode *node); /* SAG_BYTES_*, asked after prepare; NULL: none */

  guint    follows; /* bit i: input i lies in `in`; the others are PLAIN. 0: all of them */
  guint    needs;   /* bit i: input i must be constant when infer runs */
  guint    fuses;   /* SAG_FUSE_* it can do in prepare/run, reading node->fused */
  guint    flags;   /* SAG_OP_* */

  /* NULL, or called before infer, when types and shapes of the inputs are known: may write the node
   * out as simpler ones (build.h) from `position` in the graph's nodes on; it is left as it is if
   * none of its outputs is replaced. */
  gboolean (*expand) (SagNode *node, int position, GError **error);

  /* NULL, or every cost() at once, where they have most of their work in common. */
  void     (*costs)  (const SagNode *node, gint64 costs[SAG_N_LAYOUTS][SAG_N_LAYOUTS]); /* [in][out] */
};

/* NULL if there is none. */
const SagOp *sag_op_find (const char *domain, const char *name);

/* For long steps: call once a tile, from inside sag_parallel_for() too. FALSE: the run was
 * cancelled, return soon (outputs may stay undefined). `part` is the fraction of this step done, as
 * far as thread 0 knows; only thread 0 calls the tick. */
gboolean     sag_step_go_on (const SagStep *step, int thread, double part);

/* The families. Each ends with a row whose name is NULL. */
extern const SagOp sag_ops_conv[];
extern const SagOp sag_ops_matmul[];
extern const SagOp sag_ops_nhwc[];
extern const SagOp sag_ops_norm[];
extern const SagOp sag_ops_rows[];
extern const SagOp sag_ops_pointwise[];
extern const SagOp sag_ops_binary[];
extern const SagOp sag_ops_pool[];
extern const SagOp sag_ops_resize[];
extern const SagOp sag_ops_reduce[];
extern const SagOp sag_ops_shape[];
extern const SagOp sag_ops_move[];
extern const SagOp sag_ops_index[];
extern const SagOp sag_ops_quant[];
extern const SagOp sag_ops_einsum[];
extern const SagOp sag_ops_grid[];
extern const SagOp sag_ops_random[];
extern const SagOp sag_ops_region[];
extern const SagOp sag_ops_scan[];
extern const SagOp sag_ops_wkv[];
extern const SagOp sag_ops_select[];
extern const SagOp sag_ops_signal[];
extern const SagOp sag_ops_control[];
extern const SagOp sag_ops_constant[];
extern const SagOp sag_ops_compound[];
extern const SagOp sag_ops_attention[];
extern const SagOp sag_ops_recurrent[];
extern const SagOp sag_ops_sequence[];
