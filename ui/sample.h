/* SPDX-License-Identifier: Apache-2.0
 *
 * sample.h: the sample study: made once, by `sagitta-cli phantom`, and kept in the user's cache. */
#pragma once

#include <gio/gio.h>

/* Ends with the folder of its CT series. Cancelling leaves nothing behind. */
void  sag_sample_make_async  (GCancellable        *cancellable,
                              GAsyncReadyCallback  callback,
                              gpointer             user_data);
char *sag_sample_make_finish (GAsyncResult        *result,
                              GError             **error);
