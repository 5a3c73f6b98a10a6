/* SPDX-License-Identifier: Apache-2.0
 *
 * examples.h: example inputs of a network, .npy files in a folder, and the static ranges that come
 * of them: what `calibrate` and `compress --calibrate` share.
 */
#pragma once

#include "engine/nn/calibrate.h"

/* The examples in `folder` for `model`, each a GStrv of NAME=FILE.npy, sorted by path. For a model of one
 * input every .npy is an example; for several, files in order, or NAME.npy of each in subfolders.
 * INVALID if there are none. Caller unrefs. */
GPtrArray *sag_examples_find      (const char         *folder,
                                   const char         *model,
                                   GError            **error);

/* Ranges of every value of `model` when it is run on them, at FP32. `percentile` is read by its method
 * only. Caller frees. INVALID, MEMORY, IO. [compute thread] */
SagRanges *sag_examples_calibrate (const GPtrArray    *examples,
                                   const char         *model,
                                   SagCalibrateMethod  method,
                                   double              percentile,
                                   int                 threads,
                                   const char         *max_memory,
                                   GError            **error);

/* The side file, whole or not at all. IO. */
gboolean   sag_examples_save      (const SagRanges    *ranges,
                                   const char         *path,
                                   GError            **error);
