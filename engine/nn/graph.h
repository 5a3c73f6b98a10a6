/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.h: a network as nodes and values.
 *
 * A graph owns its nodes and values. All types inside are F32, I64, I32, I16, I8, U64, U32, U16, U8
 * or BOOL: F16, BF16 and F64 of the file became F32 at import (session.c converts at the ports).
 * Every dimension is known: open ones were bound before the first infer.
 */
#pragma once

#include "engine/nn/int8.h"
#include "engine/nn/tensor.h"

typedef struct _SagOp    SagOp;
typedef struct _SagGraph SagGraph;
typedef struct _SagNode  SagNode;
typedef struct _SagValue SagValue;

/* How the elements of a value lie in memory. The logical shape stays ONNX's [N, C, spatial...];
 * a layout other than PLAIN needs rank >= 3. All are dense. */
typedef enum
{
  SAG_LAYOUT_PLAIN, /* row-major, as in the file: [N][C][D][H][W] */
  SAG_LAYOUT_LAST,  /* channels last: [N][D][H][W][C] (rank 3: [N][L][C]) */
  SAG_LAYOUT_ROWS,  /* row-interleaved: [N][D][H][C][W]; rank >= 4 */
  SAG_N_LAYOUTS
} SagLayout;

/* What every pass looks at comes first, so that it lies in one cache line. */
struct _SagValue
{
  SagValue  *forward;   /* sag_graph_replace() was called: every reader sees this one instead */
  SagNode   *producer;  /* NULL for inputs and constants */
  SagTensor *constant;  /* NULL, or the elements (always PLAIN) */
  int        index;     /* pass-local scratch */
  int        n_readers; /* nodes' inputs plus graph outputs; sag_graph_count_readers() */
  SagNode   *reader;    /* the last one counted: the only one if n_readers is 1 and is not an output */
  SagDType   dtype;
  SagLayout  layout;
  SagQuantum quantum;   /* of static ranges; scale 0: found at each run */
  char      *name;      /* as in the file; "" never */
  SagShape   shape;     /* logical */
  SagQuantum *planes;  /* of a volume in bytes whose range is found at run time: of each of its N x D planes, written by
                        * the producer's run; else NULL */
  float      least, most; /* the file cuts it to these (QDQ); 0, 0: it does not */
  int        stored_bits; /* of a float constant that the file stores as integers: 8 or 4; else 0 */

  /* The plan's: where the elements are during a run. A view shares its source's memory. */
  SagValue  *view_of;
  gint64     shift;  /* bytes from where view_of begins */
  gsize      offset; /* bytes into the arena */
  void      *data;   /* set before a run; for constants, constant->data */
};

typedef enum
{
  SAG_ATTRIBUTE_FLOAT,
  SAG_ATTRIBUTE_INT,
  SAG_ATTRIBUTE_STRING,
  SAG_ATTRIBUTE_FLOATS,
  SAG_ATTRIBUTE_INTS,
  SAG_ATTRIBUTE_STRINGS,
  SAG_ATTRIBUTE_TENSOR,
  SAG_ATTRIBUTE_GRAPH,
} SagAttributeKind;

typedef struct
{
  char            *name;
  SagAttributeKind kind;
  float            f;
  gint64           i;
  char            *s; /* terminated */
  float           *floats;
  gint64          *ints;
  char           **strings;
  int              n; /* of floats, ints, strings */
  SagTensor       *tensor;
  SagGraph        *graph;
} SagAttribute;

/* What follows the operator proper, in the same pass over its output:
 *     y = activation (op (x...) + residual)
 * Set by pass-fuse only on nodes whose SagOp says it can (SagOp.fuses). */
typedef enum
{
  SAG_ACTIVATION_NONE,
  SAG_ACTIVATION_RELU,
  SAG_ACTIVATION_LEAKY,     /* x >= 0 ? x : alpha x */
  SAG_ACTIVATION_CLIP,      /* min (max (x, alpha), beta): ReLU6 */
  SAG_ACTIVATION_ELU,       /* x >= 0 ? x : alpha (exp x - 1) */
  SAG_ACTIVATION_SIGMOID,
  SAG_ACTIVATION_TANH,
  SAG_ACTIVATION_SILU,      /* x sigmoid (x) */
  SAG_ACTIVATION_GELU,      /* x/2 (1 + erf (x / sqrt 2)) */
  SAG_ACTIVATION_GELU_TANH, /* the tanh approximation */
  SAG_ACTIVATION_HSIGMOID,  /* clamp (alpha x + beta, 0, 1) */
  SAG_ACTIVATION_HSWISH,    /* x clamp (x/6 + 1/2, 0, 1) */
  SAG_ACTIVATION_SOFTPLUS,  /* log (1 + exp x) */
  SAG_N_ACTIVATIONS
} SagActivation;

typedef struct
{
  SagActivation activation;
  float         alpha, beta;
  gboolean      residual; /* the last input is added before the activation; it has the shape and
                           * the layout of output 0 */
} SagFused;

struct _SagNode
{
  const SagOp *op;
  char        *name; /* as in the file; may be "" */
  int          opset; /* version of the operator set the file asks for */
  SagGraph    *graph; /* owner */
  GPtrArray   *inputs;     /* SagValue *; NULL for an omitted one */
  GPtrArray   *outputs;    /* SagValue *; NULL for an unused one */
  GPtrArray   *attributes; /* owned SagAttribute * */
  SagFused     fused;
  int          n_captures; /* Loop, Scan, If: the last inputs are values of the outer graph that the
                            * bodies read, in the order of each body's `captures` */

  /* What prepare states; see op.h. */
  const char   *kernel;        /* static; printed by `plan` */
  SagPrecision  precision;     /* what it really runs at */
  gsize         packed_bytes;  /* weights in the kernel's form */
  gsize         scratch_bytes; /* during run; includes all per-thread areas */
  gint64        macs;
  guint         packed_inputs; /* bit i: constant input i is not read after pack */
  guint         inplace;       /* bit i: output 0 may be written over input i */
  gsize         trails;        /* not 0: output 0 may lie over input 0 if it begins at least so many bytes
                                * before it, or behind: run works away from there */
  gboolean      view;          /* output 0 is input 0, or a part of it, under another shape: run is never called */
  gint64        view_shift;    /* bytes from where input 0 begins to where that part does */
  gpointer      state;         /* small; freed with free_state */
  GDestroyNotify free_state;

  int           mark;   /* sag_graph_clean()'s, sag_graph_set_aside()'s */
  void         *packed; /* set before pack and run: packed_bytes, aligned to SAG_ALIGN */
};

struct _SagGraph
{
  GPtrArray *values;   /* owned */
  GPtrArray *nodes;    /* owned; in an order in which every value is made before it is read */
  gboolean   edited;   /* since sag_graph_clean (): nodes, what they make, what stands for what */
  GPtrArray *inner;    /* owned; nodes that are run by one of `nodes` (pass-chain.c) */
  GPtrArray *inputs;   /* SagValue * */
  GPtrArray *outputs;  /* SagValue * */
  GPtrArray *captures; /* bodies: SagValue * standing for values of the outer graph */
  GPtrArray *files;    /* GBytes that constants point into; NULL in bodies */
  SagPrecision precision; /* that the session wants; of bodies too */
  gsize      max_bytes; /* that the session may take; 0: any. Not set in bodies */
  int        compiled; /* bodies: 1 folded, 2 prepared (ops-control.c) */
};

SagGraph *sag_graph_new            (void);
void      sag_graph_free           (SagGraph *self);

/* New value, owned by the graph; the name is copied and need not be unique for made-up ones. */
SagValue *sag_graph_add_value      (SagGraph *self, const char *name);

/* New constant; takes ownership of the tensor. */
SagValue *sag_graph_add_constant   (SagGraph *self, const char *name, SagTensor *tensor);

/* New node at `position` in nodes (-1: the end), with nothing connected. */
SagNode *sag_graph_add_node (SagGraph *self, const SagOp *op, const char *name, int position);

/* The value that `node` gives as output `i` is made by it from now on. */
void      sag_node_set_output      (SagNode *self, int i, SagValue *value);

/* Every reader of `from`, and the graph's outputs, read `to` instead: at once through
 * sag_node_input(), in the arrays themselves after sag_graph_clean(). */
void      sag_graph_replace        (SagGraph *self, SagValue *from, SagValue *to);

/* Follows replacements, drops nodes nobody reads, sorts, counts readers. FALSE (INVALID) on a
 * cycle. */
gboolean  sag_graph_clean          (SagGraph *self, GError **error);

/* sag_graph_clean (), if a node was added, given an output, or replaced since; for passes that change inputs of a
 * node only with one of these. Most networks have nothing for most passes. */
gboolean  sag_graph_settle         (SagGraph *self, GError **error);
void      sag_graph_count_readers  (SagGraph *self);

/* Nodes whose mark is not 0 become inner ones. */
void      sag_graph_set_aside      (SagGraph *self);

/* One line a node, for tests and `plan`. Caller frees. */
char     *sag_graph_to_string      (SagGraph *self);

/* The value that stands for it now; NULL for NULL. */
static inline SagValue *
sag_value_follow (SagValue *value)
{
  while (value != NULL && value->forward != NULL)
    value = value->forward;
  return value;
}

/* NULL where omitted or absent. */
static inline SagValue *
sag_node_input (const SagNode *self, int i)
{
  return i >= 0 && (guint) i < self->inputs->len ? sag_value_follow (self->inputs->pdata[i]) : NULL;
}

static inline SagValue *
sag_node_output (const SagNode *self, int i)
{
  return i >= 0 && (guint) i < self->outputs->len ? self->outputs->pdata[i] : NULL;
}

/* Attributes by name, with a default where absent or of another kind. Strings and lists are
 * borrowed. */
const SagAttribute *sag_node_attribute  (const SagNode *self, const char *name);
gint64              sag_node_get_int    (const SagNode *self, const char *name, gint64 otherwise);
float               sag_node_get_float  (const SagNode *self, const char *name, float otherwise);
const char *sag_node_get_string (const SagNode *self, const char *name, const char *otherwise);
const gint64       *sag_node_get_ints   (const SagNode *self, const char *name, int *n);
void                sag_node_set_int    (SagNode *self, const char *name, gint64 value);
void                sag_node_set_float  (SagNode *self, const char *name, float value);
void sag_node_set_ints (SagNode *self, const char *name, const gint64 *values, int n);

/* Elements of constant integer input `i` as a new array; NULL with *n = 0 if the input is omitted.
 * An input that is not constant sets an error that says so. Caller frees. */
gboolean sag_node_const_ints (const SagNode *self, int i, gint64 **ints, int *n, GError **error);

/* Sets SAG_ENGINE_ERROR_INVALID: "Operator 'Conv' (node 'x'): " and the message. Returns FALSE. */
gboolean  sag_node_invalid         (const SagNode *self, GError **error, const char *format, ...)
  G_GNUC_PRINTF (3, 4);
/* The same for SAG_ENGINE_ERROR_UNSUPPORTED. */
gboolean  sag_node_unsupported     (const SagNode *self, GError **error, const char *format, ...)
  G_GNUC_PRINTF (3, 4);

/* FALSE unless the elements of `a` and `b` in memory are in the same order whatever the layout
 * says (one channel, or no spatial extent). */
gboolean  sag_layouts_coincide     (const SagShape *shape, SagLayout a, SagLayout b);
const char *sag_layout_get_name    (SagLayout layout); /* "plain", "last", "rows" */

/* Sets type and shape of output `i` (if used). FALSE with INVALID if the shape is too large. */
gboolean  sag_node_give            (SagNode *self, int i, SagDType dtype, const SagShape *shape,
                                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagGraph, sag_graph_free)
