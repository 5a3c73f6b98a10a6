/* SPDX-License-Identifier: Apache-2.0
 *
 * sync.h: workspaces that scroll together: each keeps its own series, all follow whose cursor moves.
 *
 * By position: those of the same frame of reference (PS3.3 C.7.4.1) come to the same place in the
 * patient; others stay. By offset: all move by as many millimetres, from where they stood when the mode
 * was chosen or a series came: for a prior study, or a patient who moved between two series. Main
 * thread only. */
#pragma once

#include "app/state/workspace.h"

typedef enum
{
  SAG_SYNC_OFF,
  SAG_SYNC_POSITION,
  SAG_SYNC_OFFSET,
} SagSyncMode;

typedef struct _SagSync SagSync;

SagSync     *sag_sync_new      (void);
void         sag_sync_free     (SagSync      *self);

/* Takes a reference. */
void         sag_sync_add      (SagSync      *self,
                                SagWorkspace *workspace);
void         sag_sync_set_mode (SagSync      *self,
                                SagSyncMode   mode);
SagSyncMode  sag_sync_get_mode (SagSync      *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagSync, sag_sync_free)
