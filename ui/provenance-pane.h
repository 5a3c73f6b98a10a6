/* SPDX-License-Identifier: Apache-2.0
 *
 * provenance-pane.h: where the result shown came from: who or what made it, when, from what, and what its labels
 * mean; all that a file says of itself, ours or of another maker. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

#define SAG_TYPE_PROVENANCE_PANE (sag_provenance_pane_get_type ())
G_DECLARE_FINAL_TYPE (SagProvenancePane, sag_provenance_pane, SAG, PROVENANCE_PANE, GtkWidget)

GtkWidget *sag_provenance_pane_new      (SagWorkspace      *workspace);

/* All of it, "Name: value" line by line; new string. */
char      *sag_provenance_pane_dup_text (SagProvenancePane *self);
