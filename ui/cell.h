/* SPDX-License-Identifier: Apache-2.0
 *
 * cell.h: one series on screen and what works on it: it is opened, segmented, corrected and measured by itself. The
 * first cell's series is the window's; companions stand beside it. */
#pragma once

#include "ui/corrector.h"
#include "ui/keeper.h"
#include "ui/opener.h"
#include "ui/segmenter.h"

#include <gtk/gtk.h>

typedef struct
{
  SagWorkspace *workspace;
  SagOpener    *opener;
  SagSegmenter *segmenter;
  SagKeeper    *keeper;
  SagCorrector *corrector;
  GtkWidget    *panel; /* of segmentation; NULL until somebody looks */
} SagCell;

SagCell *sag_cell_new   (SagWorkspace *workspace,
                         SagCatalogue *catalogue);
/* Its panel is looked at: it is made, once, and the models are asked for. */
void     sag_cell_wake  (SagCell      *self,
                         GSettings    *settings);
/* The window closes: stops all but what is being written. */
void     sag_cell_close (SagCell      *self);
void     sag_cell_free  (SagCell      *self);
