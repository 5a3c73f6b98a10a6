/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx-reader.h: what the files that read ONNX models share; nobody else includes it.
 */
#pragma once

#include "engine/nn/onnx.h"

enum
{
  SAG_ONNX_MAX_DEPTH = 16,        /* of bodies in bodies and functions in functions */
  SAG_ONNX_MAX_NODES = 50000,    /* after functions were written out */
  SAG_ONNX_MAX_NAMES = 100000,    /* inputs or outputs of one node or graph */
};

typedef struct
{
  const char       *folder;
  GHashTable       *opsets;    /* domain -> version */
  GHashTable       *functions; /* "domain:name" -> SagWire * */
  GHashTable       *params;    /* dimension name -> gint64 * */
  const SagBinding *bindings;
  int               n_bindings;
  int               depth;
  int               n_nodes;
  GPtrArray        *files;
} SagOnnxReader;

/* Names in one graph, body or function. */
typedef struct _SagOnnxScope
{
  SagGraph      *graph;
  GHashTable    *values; /* name -> SagValue * */
  struct _SagOnnxScope *parent; /* of a body: the scope around it */
  GPtrArray     *outer;  /* of a body: what each of graph->captures stands for, in parent->graph */
  const SagNode *caller; /* of a function: whose attributes `ref_attr_name` means */
} SagOnnxScope;

/* Fails with INVALID and the text. */
gboolean   sag_onnx_invalid    (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The end of a walk over fields: `good` unless `local`, which is taken, was set on the way. */
gboolean   sag_onnx_finish     (GError *local, gboolean good, GError **error);

void sag_onnx_scope_init (SagOnnxScope *scope,
                          SagGraph *graph); /* scope->values is to be unreffed */

/* The value of that name here or around, which then becomes a capture; NULL if there is none. */
SagValue  *sag_onnx_scope_find (SagOnnxScope *scope, const char *name);
gboolean sag_onnx_scope_add (SagOnnxScope *scope, SagValue *value, const char *name,
                             GError **error);

/* A NodeProto into scope->graph: onnx-node.c. */
gboolean sag_onnx_read_node (SagOnnxReader *reader, SagOnnxScope *scope, SagWire message,
                             GError **error);

/* An OperatorSetIdProto of the model, or of one of its functions, into reader->opsets: onnx.c. */
gboolean sag_onnx_read_opset (SagOnnxReader *reader, SagWire message, GError **error);

/* A GraphProto that is an attribute; what it captures is appended to `outer`: onnx.c. */
SagGraph *sag_onnx_read_body (SagOnnxReader *reader, SagOnnxScope *parent, SagWire message,
                              GPtrArray *outer, GError **error);
