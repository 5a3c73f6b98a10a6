/* SPDX-License-Identifier: Apache-2.0
 *
 * sample.h: the sample study: made once, by `sagitta-cli phantom`, and kept in the user's cache. */
#pragma once

#include <gio/gio.h>

/* How much of it is done, 0 … 1. Called in the main loop. */
typedef void (*SagSampleProgress) (double fraction, gpointer user_data);

/* Ends with the folder of its CT series. Cancelling leaves nothing behind. `progress`, or NULL, gets `user_data` too. */
void  sag_sample_make_async  (GCancellable        *cancellable,
                              SagSampleProgress    progress,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
char *sag_sample_make_finish (GAsyncResult        *result,
                              GError             **error);
