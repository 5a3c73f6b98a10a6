/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-fusion.c: a second series in colour over the first.
 */
#include "app/state/workspace-private.h"

#include <string.h>

static void
fusion_changed (SagWorkspace *self)
{
  g_object_notify (G_OBJECT (self), "fusion");
}

gboolean
sag_workspace_can_fuse (SagWorkspace *self, SagWorkspace *fusion)
{
  SagVolume *a, *b;
  const char *frame;

  g_return_val_if_fail (SAG_IS_WORKSPACE (self) && SAG_IS_WORKSPACE (fusion), FALSE);

  a = self->volume;
  b = sag_workspace_get_volume (fusion);
  if (self == fusion || a == NULL || b == NULL)
    return FALSE;
  frame = sag_volume_get_frame_of_reference (a);
  return frame[0] != '\0' && strcmp (frame, sag_volume_get_frame_of_reference (b)) == 0
         && sag_volume_get_voxel_type (b) != SAG_VOXEL_RGB8;
}

void
sag_workspace_set_fusion (SagWorkspace *self, SagWorkspace *fusion)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  if (self->fusion == fusion)
    return;
  if (self->fusion != NULL)
    g_signal_handlers_disconnect_by_data (self->fusion, self);
  g_set_object (&self->fusion, fusion);
  if (fusion != NULL)
    {
      g_signal_connect_object (fusion, "notify", G_CALLBACK (fusion_changed), self,
                               G_CONNECT_SWAPPED);
      g_signal_connect_object (fusion, "slices-ready", G_CALLBACK (fusion_changed), self,
                               G_CONNECT_SWAPPED);
    }
  fusion_changed (self);
}

SagWorkspace *
sag_workspace_get_fusion (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), NULL);
  return self->fusion;
}

void
sag_workspace_set_fusion_opacity (SagWorkspace *self, double opacity)
{
  g_return_if_fail (SAG_IS_WORKSPACE (self));

  opacity = CLAMP (opacity, 0, 1);
  if (self->fusion_opacity == opacity)
    return;
  self->fusion_opacity = opacity;
  fusion_changed (self);
}

double
sag_workspace_get_fusion_opacity (SagWorkspace *self)
{
  g_return_val_if_fail (SAG_IS_WORKSPACE (self), 0);
  return self->fusion_opacity;
}

void
sag_workspace_peek_sources (SagWorkspace *self, SagSliceSources *sources)
{
  SagWorkspace *fusion;

  g_return_if_fail (SAG_IS_WORKSPACE (self));

  fusion = self->fusion;
  *sources = (SagSliceSources) { .volume = self->volume,
                                 .segmentation = self->segmentation,
                                 .preview = self->preview,
                                 .reference = self->reference };
  if (fusion == NULL || !sag_workspace_can_fuse (self, fusion))
    return;
  sources->fused = fusion->volume;
  sag_workspace_get_spec (fusion, SAG_VIEW_AXIAL, &sources->fused_spec);
  sources->fused_colours = sag_colour_table_get (fusion->colour_table != SAG_COLOUR_TABLE_GREY
                                                     ? fusion->colour_table
                                                     : SAG_COLOUR_TABLE_HOT_IRON);
  sources->fused_opacity = self->fusion_opacity;
}
