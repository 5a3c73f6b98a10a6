/* SPDX-License-Identifier: Apache-2.0
 *
 * cell.c: one series on screen and what works on it. */
#include "ui/cell.h"

#include "ui/segment-panel.h"
#include "ui/strikes.h"

SagCell *
sag_cell_new (SagWorkspace *workspace,
              SagCatalogue *catalogue)
{
  SagCell *self = g_new0 (SagCell, 1);

  self->workspace = g_object_ref (workspace);
  self->opener = sag_opener_new (workspace, catalogue);
  self->segmenter = sag_segmenter_new (workspace);
  self->keeper = sag_keeper_new (workspace);
  self->corrector = sag_corrector_new (workspace);
  return self;
}

/* As the person left it last. */
static void
restore (SagCell   *self,
         GSettings *settings)
{
  g_autofree char *name = g_settings_get_string (settings, "precision");
  g_autofree char *model = g_settings_get_string (settings, "model");
  SagPrecision precision;

  if (sag_precision_from_name (name, &precision, NULL))
    g_object_set (self->segmenter, "precision", precision, NULL);
  sag_segmenter_choose (self->segmenter, model);
}

void
sag_cell_wake (SagCell   *self,
               GSettings *settings)
{
  if (self->panel != NULL)
    return;
  self->panel = sag_segment_panel_new (self->segmenter, self->workspace);
  restore (self, settings);
  sag_strikes_watch (self->segmenter, settings);
  sag_segmenter_load (self->segmenter);
}

void
sag_cell_close (SagCell *self)
{
  sag_opener_close (self->opener);
  sag_corrector_cancel (self->corrector);
  sag_keeper_close (self->keeper);
  sag_segmenter_close (self->segmenter);
}

void
sag_cell_free (SagCell *self)
{
  g_object_unref (self->opener);
  g_object_unref (self->corrector);
  g_object_unref (self->keeper);
  g_object_unref (self->segmenter);
  g_object_unref (self->workspace);
  g_free (self);
}
