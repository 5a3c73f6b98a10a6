/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.h: keeps what is measured with its series, and brings it back: what a window does with KEEP and
 * RECALL jobs. No widget.
 *
 * Every change is written as it is made; what was kept is there again when the series is opened, also after
 * a crash.
 *
 * Signal "failed" (SagKeeper *, const char *message, gpointer). */
#pragma once

#include "app/state/workspace.h"

#define SAG_TYPE_KEEPER (sag_keeper_get_type ())
G_DECLARE_FINAL_TYPE (SagKeeper, sag_keeper, SAG, KEEPER, GObject)

SagKeeper *sag_keeper_new   (SagWorkspace *workspace);
