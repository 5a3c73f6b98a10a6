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

/* For sag_session_watch(). */
typedef void (*SagSessionSeen) (const char  *name,
                                gint64       n,
                                const float *x,
                                gpointer     data);

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
  gboolean watched; /* sag_session_watch() will be used: every value is made as a whole */
  const char *ranges; /* INT8 and INT4: side file of static ranges (ranges.h). NULL: NAME.ranges
                       * beside the model if it is there; "": none, ranges are found at each run */
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
void           sag_session_get_info      (SagSession       *self,
                                          SagSessionInfo   *info);

/* Arena and packed weights: without what sag_session_get_info() must read the file for. */
gsize          sag_session_get_bytes     (const SagSession *self);

/* Runs once on the calling thread and its team. `inputs[i]` and `outputs[i]` hold the elements of
 * port i in its dtype, row-major in the file's axis order; they must not overlap. FALSE if
 * `tick` said stop, or if a Loop of the network would not end, which sag_session_explain() says
 * (outputs are then undefined, the session stays good). One run at a time. [compute thread] */
gboolean    sag_session_run          (SagSession         *self,
                                      const void *const  *inputs,
                                      void *const        *outputs,
                                      const SagTick      *tick);

/* After a run that returned FALSE: TRUE if it was stopped by its tick; else UNSUPPORTED, and which node it was. */
gboolean    sag_session_explain     (const SagSession   *self,
                                     GError            **error);

/* Adds how many numbers were looked at in the runs since the last call, and how many of them lay outside of their
 * static ranges: a sample, the same for the same inputs. Nothing if there is no side file of ranges, whose examples
 * an input can be unlike: a file that brings its own scales may cut by intent. [compute thread] */
void        sag_session_take_saturation (SagSession      *self,
                                         guint64         *seen,
                                         guint64         *cut);

/* Of a session that was opened to be watched: from now on `seen` is told of every float value that a run makes, inputs first: its name in the file
 * and its `n` numbers, in any order. NULL ends it. [compute thread] */
void        sag_session_watch        (SagSession         *self,
                                      SagSessionSeen      seen,
                                      gpointer            data);

/* One step of the plan. Strings are the session's or static; shapes as "1x16x64x64", or "" */
typedef struct
{
  const char  *name, *op, *kernel;
  char         in[128], out[128];         /* shape of input 0 and output 0 */
  const char  *in_layout, *out_layout;    /* "plain", "last", "rows" */
  const char  *in_stored, *out_stored;    /* "f32", "u8" … as they lie in memory */
  SagPrecision precision;
  gsize        out_bytes, weight_bytes, scratch_bytes;
  gint64       macs;
  gint64       elapsed;                   /* microseconds, of the last run; 0 before */
  gboolean     fused;                     /* an activation or a sum follows in the same pass */
} SagSessionStep;

/* Step `index` of SagSessionInfo.n_steps. */
void        sag_session_get_step     (const SagSession   *self,
                                      int                 index,
                                      SagSessionStep     *step);

/* One line a step: node, operator, kernel, layout, precision, shapes, bytes, MACs. Caller frees. */
char       *sag_session_describe     (const SagSession   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSession, sag_session_free)
