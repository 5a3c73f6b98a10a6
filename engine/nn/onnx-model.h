/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-model.h: an ONNX file as something to edit and to write again.
 *
 * The engine's graph (graph.h) has its shapes bound and its constants folded; here nodes and weights are
 * as the file has them, open dimensions, bodies and metadata included, and what is not touched is
 * written byte for byte. Only shapes of values in between are dropped. The same model gives the same
 * bytes.
 */
#pragma once

#include "engine/nn/onnx.h"

typedef struct
{
  char      *op, *domain, *name;
  GPtrArray *inputs, *outputs; /* char *; "" where omitted */
  GPtrArray *attributes;       /* GBytes *: AttributeProto */
} SagOnnxNode;

/* An initializer. */
typedef struct
{
  char      *name;
  GBytes    *raw;    /* TensorProto as in the file; NULL once `tensor` was set */
  gint64     type;   /* TensorProto.DataType: 1 FLOAT, 3 INT8, 7 INT64, 22 INT4 … */
  SagTensor *tensor; /* elements; 16-bit floats are widened, INT4 is a byte an element */
} SagOnnxWeight;

typedef struct
{
  GPtrArray  *nodes;   /* SagOnnxNode *, in the order of the file */
  GPtrArray  *weights; /* SagOnnxWeight * */
  GPtrArray  *inputs;  /* char *, without the initializers among them */
  GArray     *shapes;  /* SagShape: of the inputs as declared; -1: open */
  GPtrArray  *outputs; /* char * */
  GHashTable *held;    /* names that bodies (If, Loop, Scan) read from outside: a set of char * */
  int         opset;   /* of the domain ""; sag_onnx_model_raise_opset() */

  GPtrArray  *before, *after; /* GBytes *: fields of ModelProto around the graph */
  GPtrArray  *graph_fields;   /* GBytes *: fields of GraphProto that are kept */
  char       *path;
} SagOnnxModel;

/* INVALID, UNSUPPORTED or IO. Constant nodes that hold a tensor become weights. */
SagOnnxModel  *sag_onnx_model_read   (const char         *path,
                                      GError            **error);
void           sag_onnx_model_free   (SagOnnxModel       *self);

/* Elements of the initializers of a file that are not whole numbers of 64 bits, which are shapes. Counts
 * what it can read of a damaged file. */
gint64         sag_onnx_count_parameters (GBytes        *file);

/* The file's bytes. */
GBytes        *sag_onnx_model_write  (const SagOnnxModel *self);

/* Shapes of all values by name (char * -> SagShape *), inputs bound as in sag_onnx_read(). Unref when
 * done. */
GHashTable    *sag_onnx_model_infer  (const SagOnnxModel *self,
                                      const SagBinding   *bindings,
                                      int                 n_bindings,
                                      GError            **error);

/* NULL if there is no initializer of that name. */
SagOnnxWeight *sag_onnx_model_find   (const SagOnnxModel *self,
                                      const char         *name);

/* A new initializer; takes the tensor. `type` as in SagOnnxWeight. */
SagOnnxWeight *sag_onnx_model_add    (SagOnnxModel       *self,
                                      const char         *name,
                                      gint64              type,
                                      SagTensor          *tensor);

/* Other elements; takes the tensor. */
void           sag_onnx_weight_set   (SagOnnxWeight      *self,
                                      SagTensor          *tensor);

/* How many inputs of nodes and outputs of the graph read that name. */
int            sag_onnx_model_count_readers (const SagOnnxModel *self,
                                      const char         *name);

/* Initializers that nobody reads any longer go. */
void           sag_onnx_model_clean  (SagOnnxModel       *self);

/* Rewrites what changed its form between the operator sets (13 and newer) up to 21, and the file's IR
 * version. UNSUPPORTED naming a node that cannot be rewritten. */
gboolean       sag_onnx_model_raise_opset (SagOnnxModel  *self,
                                      int                 opset,
                                      GError            **error);

/* A new node at `position` with no inputs, outputs and attributes yet. */
SagOnnxNode   *sag_onnx_model_insert (SagOnnxModel       *self,
                                      int                 position,
                                      const char         *op,
                                      const char         *name);
const char    *sag_onnx_node_input   (const SagOnnxNode  *self,
                                      int                 i); /* "" if there is none */
void           sag_onnx_node_set_input (SagOnnxNode      *self,
                                      int                 i,
                                      const char         *name);

/* Attributes; a default where absent. Lists are the caller's to free, NULL with *n = 0 if absent. */
gint64         sag_onnx_node_get_int  (const SagOnnxNode *self,
                                      const char         *name,
                                      gint64              otherwise);
gint64        *sag_onnx_node_get_ints (const SagOnnxNode *self,
                                      const char         *name,
                                      int                *n);
void           sag_onnx_node_set_int  (SagOnnxNode       *self,
                                      const char         *name,
                                      gint64              value);
void           sag_onnx_node_set_ints (SagOnnxNode       *self,
                                      const char         *name,
                                      const gint64       *values,
                                      int                 n);
void           sag_onnx_node_copy_attribute (SagOnnxNode *self,
                                      const SagOnnxNode  *from,
                                      const char         *name);
void           sag_onnx_node_remove_attribute (SagOnnxNode *self,
                                      const char         *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagOnnxModel, sag_onnx_model_free)
