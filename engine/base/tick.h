/* SPDX-License-Identifier: Apache-2.0
 *
 * tick.h: progress and cancel, one shape at every layer.
 */
#pragma once

#include <glib.h>

/* Called between steps with the fraction done (0..1, never falling); answers "go on?".
 * It runs on the thread that does the work and must be quick. */
typedef struct
{
  gboolean (*tick) (double fraction, gpointer data);
  gpointer data;
} SagTick;

/* TRUE to go on; a NULL tick always goes on. [the working thread] */
static inline gboolean
sag_tick (const SagTick *tick, double fraction)
{
  return tick == NULL || tick->tick == NULL || tick->tick (fraction, tick->data);
}
