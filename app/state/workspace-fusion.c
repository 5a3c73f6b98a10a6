/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-fusion.c: a second series in colour over the first.
 */
#include "app/state/workspace-private.h"

#include <string.h>

/* Levels up to which the colour grows from nothing: no uptake hides nothing. */
#define FADE_LEVELS 64

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
sag_workspace_render_fusion (SagWorkspace *self, const SagSliceSpec *spec, int width, int height,
                             guint8 *rgba)
{
  SagWorkspace *fusion = self->fusion;
  const guint8 *table;
  g_autofree guint8 *over = NULL;
  guint share[256];
  SagSliceSpec own;

  if (fusion == NULL || !sag_workspace_can_fuse (self, fusion))
    return;
  sag_workspace_get_spec (fusion, SAG_VIEW_AXIAL, &own);
  own.plane = spec->plane;
  own.slab_mm = spec->slab_mm;
  own.slab_mode = spec->slab_mode;
  own.overlay = 0;
  own.invert = FALSE;
  own.colour_table = NULL;
  table = sag_colour_table_get (fusion->colour_table != SAG_COLOUR_TABLE_GREY
                                    ? fusion->colour_table
                                    : SAG_COLOUR_TABLE_HOT_IRON);
  over = g_malloc (4 * (gsize) width * (gsize) height);
  sag_slice_render (fusion->volume, NULL, NULL, &own, width, height, over);
  for (int level = 0; level < 256; level++)
    share[level] = (guint) (self->fusion_opacity * 256 * MIN (level, FADE_LEVELS) / FADE_LEVELS + 0.5);
  for (gsize n = 0; n < (gsize) width * (gsize) height; n++)
    {
      guint8 level = over[4 * n];
      guint part = share[level];

      for (int c = 0; c < 3; c++)
        rgba[4 * n + c]
            = (guint8) ((rgba[4 * n + c] * (256 - part) + table[3 * level + c] * part) >> 8);
    }
}
