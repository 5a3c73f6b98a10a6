/* SPDX-License-Identifier: Apache-2.0
 *
 * network.h: what the commands that run a network share: options, inputs from .npy files, memory.
 */
#pragma once

#include "engine/nn/session.h"
#include "engine/nn/tensor.h"

/* As typed. Zero-initialise; clear with sag_network_clear(). */
typedef struct
{
  char   **inputs;    /* "NAME=FILE.npy" */
  char    *precision; /* NULL: fp32 */
  char    *ranges;    /* side file of static ranges; NULL: the one beside the model; "": none */
  int      threads;
  gboolean watched;   /* for sag_calibration_run() */
  gboolean planned;   /* nothing will run: no arrays are made */
  char    *max_memory; /* NULL: what the machine has free */

  SagSession *session;
  GPtrArray  *given;  /* SagTensor *, one for each of `inputs` */
  GPtrArray  *in;     /* SagTensor * for each port, in its type */
  GPtrArray  *out;    /* SagTensor * for each port */
} SagNetwork;

/* Reads the inputs, loads `model` with their shapes, and makes ready to run. Inputs without a file
 * are an error if `strict`; else numbers are made up, the same each time. */
gboolean sag_network_load  (SagNetwork  *self,
                            const char  *model,
                            gboolean     strict,
                            GError     **error);

/* One run; never stopped. */
gboolean sag_network_run   (SagNetwork  *self,
                            GError     **error);
void     sag_network_clear (SagNetwork  *self);
