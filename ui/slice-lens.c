/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-lens.c: a magnifier over a slice. */
#include "ui/slice-lens.h"

#include <string.h>

#define ZOOM 2.5

void
sag_slice_lens_snapshot (const SagSliceScene *scene,
                         double               x,
                         double               y,
                         GtkSnapshot         *snapshot)
{
  const GdkRGBA rim = { 0.34, 0.71, 0.91, 1 };
  double r = CLAMP (MIN (scene->width, scene->height) / 5.0, 50, 130);
  int pixels = (int) (2 * r * scene->scale);
  gsize bytes = (gsize) pixels * (gsize) pixels * 4;
  graphene_rect_t at = GRAPHENE_RECT_INIT (x - r, y - r, 2 * r, 2 * r);
  guint8 *rgba = g_malloc (bytes);
  g_autoptr (GBytes) taken = g_bytes_new_take (rgba, bytes);
  g_autoptr (GdkTexture) texture = NULL;
  SagSliceSpec spec = scene->spec;
  GskRoundedRect circle;

  memcpy (spec.plane.centre, scene->probe, sizeof scene->probe);
  spec.plane.mm_per_pixel /= ZOOM;
  sag_workspace_render (scene->workspace, &spec, pixels, pixels, rgba);
  texture = gdk_memory_texture_new (pixels, pixels, GDK_MEMORY_R8G8B8A8, taken, (gsize) pixels * 4);
  gsk_rounded_rect_init_from_rect (&circle, &at, (float) r);
  gtk_snapshot_push_rounded_clip (snapshot, &circle);
  gtk_snapshot_append_texture (snapshot, texture, &at);
  gtk_snapshot_pop (snapshot);
  gtk_snapshot_append_border (snapshot, &circle, (float[4]){ 1, 1, 1, 1 },
                              (GdkRGBA[4]){ rim, rim, rim, rim });
}
