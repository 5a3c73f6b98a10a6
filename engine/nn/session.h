/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h: a network from file to numbers; the public face of engine/nn.
 *
 * Everything that can fail fails in sag_session_new(): reading, binding dynamic dimensions, shapes,
 * choosing kernels, packing weights, planning memory. Running a session cannot fail; it can only be
 * cancelled. Shapes are fixed for the life of a session.
 */
#pragma once

#include "engine/base/dtype.h"
#include "engine/base/tick.h"

#define SAG_MAX_RANK 8

typedef struct _SagSession SagSession;

/* One input or output of the network. */
typedef struct
{
  const char *name; /* owned by the session */
  SagDType    dtype;
  int         rank;
  gint64      shape[SAG_MAX_RANK]; /* as in the file: channels first, last fastest */
} SagPort;

/* A shape to give an input whose dimensions the file leaves open. */
typedef struct
{
  const char *name;
  int         rank;
  gint64      shape[SAG_MAX_RANK];
  const void *data; /* NULL, or the input's elements in its dtype, read during sag_session_new()
                     * only: where shapes inside the network depend on this input's values (the
                     * target of a Reshape), they are fixed to these, and runs no longer read it */
} SagBinding;

typedef struct
{
  SagPrecision      precision;
  const SagBinding *bindings; /* for inputs with dynamic dimensions; others are left as they are */
  int               n_bindings;
  gsize max_bytes; /* refuse before allocating if weights + arena need more; 0: no limit */
} SagSessionOptions;

typedef struct
{
  gsize   arena_bytes;  /* activations and scratch */
  gsize   weight_bytes; /* packed weights */
  gint64  macs;         /* multiply-adds of one run */
  gint64  parameters;   /* elements of all weight initializers */
  int     n_steps;
  char    sha256[65];   /* hex, of the model file */
} SagSessionInfo;

/* Loads, compiles and prepares `path` for `options` (NULL: F32, nothing bound, no limit). The
 * file stays mapped. INVALID, UNSUPPORTED (an operator, named with its node), MEMORY or IO.
 * [compute thread] */
SagSession *sag_session_new          (const char              *path,
                                      const SagSessionOptions *options,
                                      GError                 **error);
void        sag_session_free         (SagSession              *self);

int            sag_session_get_n_inputs  (const SagSession *self);
int            sag_session_get_n_outputs (const SagSession *self);
const SagPort *sag_session_get_input     (const SagSession *self,
                                          int               index);
const SagPort *sag_session_get_output    (const SagSession *self,
                                          int               index);
void           sag_session_get_info      (const SagSession *self,
                                          SagSessionInfo   *info);

/* Runs once on the calling thread and its team. `inputs[i]` and `outputs[i]` hold the elements of
 * port i in its dtype, row-major in the file's axis order; they must not overlap. FALSE only if
 * `tick` said stop (outputs are then undefined, the session stays good). One run at a time.
 * [compute thread] */
gboolean    sag_session_run          (SagSession         *self,
                                      const void *const  *inputs,
                                      void *const        *outputs,
                                      const SagTick      *tick);

/* One line a step: node, operator, kernel, layout, precision, shapes, bytes, MACs. Caller frees. */
char       *sag_session_describe     (const SagSession   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSession, sag_session_free)
