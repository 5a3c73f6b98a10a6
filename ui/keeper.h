/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.h: keeps what is measured with its series, and brings it back: what a window does with KEEP and
 * RECALL jobs. No widget.
 *
 * Every change is written as it is made; what was kept is there again when the series is opened, also after
 * a crash.
 *
 * Corrected labels are written a few seconds after a stroke, or at once when the series is left, and
 * forgotten when they are saved to a file of a person's choice.
 *
 * Signals: "failed" (SagKeeper *, const char *message, gpointer); "found" (SagKeeper *, const char *path,
 * gpointer): labels corrected earlier on this series, saved nowhere else. */
#pragma once

#include "app/state/workspace.h"

#define SAG_TYPE_KEEPER (sag_keeper_get_type ())
G_DECLARE_FINAL_TYPE (SagKeeper, sag_keeper, SAG, KEEPER, GObject)

SagKeeper *sag_keeper_new          (SagWorkspace *workspace);

/* Writes corrections that are waiting to be, and leaves the series to others. */
void       sag_keeper_close        (SagKeeper    *self);
/* They are saved elsewhere, or not wanted. */
void       sag_keeper_forget_edits (SagKeeper    *self);
