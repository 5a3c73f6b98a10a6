/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-frame.c: how a view looks at its plane. */
#include "ui/slice-frame.h"

void
sag_slice_frame_apply (const SagSliceFrame *self,
                       gboolean             mirrored,
                       SagPlane            *plane)
{
  for (int c = 0; c < 3; c++)
    {
      double right = mirrored ? -plane->right[c] : plane->right[c];
      double down = plane->down[c];

      for (int n = 0; n < self->turns; n++)
        {
          double old = right;

          right = -down;
          down = old;
        }
      plane->right[c] = self->flip[0] ? -right : right;
      plane->down[c] = self->flip[1] ? -down : down;
      plane->centre[c] += plane->right[c] * self->pan[0] + plane->down[c] * self->pan[1];
    }
}

double
sag_slice_home_apply (const SagSliceHome  *home,
                      const SagSliceFrame *frame,
                      int                  width,
                      int                  height,
                      double               across,
                      double               fit,
                      SagPlane            *plane)
{
  int side = frame->flip[0] ? -home->side : home->side;

  if (frame->turns != 0)
    return fit;
  fit = MAX (fit, MAX (home->extent[0] / width, home->extent[1] / height));
  for (int c = 0; c < 3; c++)
    plane->centre[c] -= plane->right[c] * side * (width * fit - across) / 2;
  return fit;
}

gboolean
sag_slice_frame_zoom_at (SagSliceFrame *self,
                         double         factor,
                         double         dx,
                         double         dy)
{
  double zoom = CLAMP (self->zoom * factor, SAG_SLICE_ZOOM_MIN, SAG_SLICE_ZOOM_MAX);

  if (zoom == self->zoom)
    return FALSE;
  self->pan[0] += dx * (1 - self->zoom / zoom);
  self->pan[1] += dy * (1 - self->zoom / zoom);
  self->zoom = zoom;
  return TRUE;
}

void
sag_slice_frame_turn (SagSliceFrame *self,
                      int            quarters)
{
  double pan[2] = { self->pan[0], self->pan[1] };

  /* Clockwise as seen, whatever flips come after it. */
  if (self->flip[0] != self->flip[1])
    quarters = -quarters;
  self->turns = (self->turns + 4 + quarters % 4) % 4;
  self->pan[0] = quarters > 0 ? -pan[1] : pan[1];
  self->pan[1] = quarters > 0 ? pan[0] : -pan[0];
}

gboolean
sag_slice_frame_flip (SagSliceFrame *self,
                      int            axis,
                      gboolean       flip)
{
  if (self->flip[axis] == flip)
    return FALSE;
  self->flip[axis] = flip;
  self->pan[axis] = -self->pan[axis];
  return TRUE;
}
