/* SPDX-License-Identifier: Apache-2.0
 *
 * hanger.c: puts a study up. */
#include "ui/hanger.h"

#include "ui/hanging.h"
#include "ui/mammography.h"

struct _SagHanger
{
  SagSliceLayout *layout;
  SagCatalogue   *catalogue;
  GSettings      *settings;
  SagCell        *cells[1 + SAG_N_COMPANIONS];
  char           *hung; /* UID of the study that was put up; NULL if none */
};

/* The plane the slices were acquired in. */
static SagView
find_acquired (const SagGrid *grid)
{
  for (int v = 0; v < SAG_N_VIEWS; v++)
    {
      SagPlane plane;
      int axis;

      sag_plane_init_grid_view (&plane, grid, v, grid->origin, 1, &axis);
      if (axis == 2)
        return v;
    }
  return SAG_VIEW_AXIAL;
}

/* What is shown beside each other changed. */
static void
place (SagHanger *self)
{
  SagSliceView *shown[SAG_N_CELLS];
  int n = sag_slice_layout_get_cells (self->layout, shown);
  gboolean full;

  g_object_get (self->layout, "full", &full, NULL);
  for (int v = 0; full && v < n; v++)
    sag_mammography_place (&shown[v], 1); /* alone */
  if (!full)
    sag_mammography_place (shown, n);
}

static void
companion_volume_changed (SagHanger    *self,
                          GParamSpec   *pspec,
                          SagWorkspace *workspace)
{
  SagVolume *volume = sag_workspace_get_volume (workspace);

  for (int c = 0; c < SAG_N_COMPANIONS && volume != NULL; c++)
    if (self->cells[1 + c]->workspace == workspace)
      g_object_set (sag_slice_layout_get_companion (self->layout, c), "plane",
                    find_acquired (sag_volume_get_grid (volume)), NULL);
  place (self);
}

static void
clear_companions (SagHanger *self)
{
  for (int c = 1; c <= SAG_N_COMPANIONS; c++)
    {
      sag_opener_cancel (self->cells[c]->opener);
      sag_workspace_set_series (self->cells[c]->workspace, NULL);
    }
}

void
sag_hanger_fill (SagHanger *self)
{
  SagSeries *series = sag_workspace_get_series (self->cells[0]->workspace);
  SagSeries *others[SAG_N_COMPANIONS];
  SagSliceView *shown[SAG_N_CELLS];
  int n_shown = sag_slice_layout_get_cells (self->layout, shown), n, next = 0;
  g_autofree char *mode = NULL;

  g_object_get (self->layout, "mode", &mode, NULL);
  if (series == NULL || g_str_equal (mode, "mpr"))
    return;
  n = sag_hanging_list_companions (self->catalogue, series, others, SAG_N_COMPANIONS);
  for (int c = 1; c < n_shown; c++)
    {
      while (next < n && sag_slice_layout_has_companion (self->layout, others[next]))
        next++;
      if (next < n && sag_workspace_get_series (self->cells[c]->workspace) == NULL)
        sag_opener_open_series (self->cells[c]->opener, others[next++]);
    }
}

void
sag_hanger_hang (SagHanger *self)
{
  SagWorkspace *workspace = self->cells[0]->workspace;
  SagSeries *series = sag_workspace_get_series (workspace);
  SagStudy *study = series != NULL ? sag_series_get_study (series) : NULL;
  SagVolume *volume = sag_workspace_get_volume (workspace);
  SagHanging hanging;

  if (study == NULL || volume == NULL || g_strcmp0 (self->hung, sag_study_get_uid (study)) == 0)
    return;
  g_free (self->hung);
  self->hung = g_strdup (sag_study_get_uid (study));
  clear_companions (self);
  sag_workspace_set_view (workspace, find_acquired (sag_volume_get_grid (volume)));
  if (!g_settings_get_boolean (self->settings, "hanging"))
    return;
  hanging = sag_hanging_choose (self->catalogue, series);
  g_object_set (self->layout, "mode", hanging.mode, NULL);
  sag_hanger_fill (self);
  if (hanging.cine)
    gtk_widget_activate_action (GTK_WIDGET (self->layout), "view.cine", NULL);
}

SagHanger *
sag_hanger_new (SagSliceLayout *layout,
                SagCatalogue   *catalogue,
                SagCell *const *cells,
                GSettings      *settings)
{
  SagHanger *self = g_new0 (SagHanger, 1);

  self->layout = g_object_ref (layout);
  self->catalogue = g_object_ref (catalogue);
  self->settings = g_object_ref (settings);
  g_signal_connect_swapped (layout, "notify::mode", G_CALLBACK (place), self);
  g_signal_connect_swapped (layout, "notify::full", G_CALLBACK (place), self);
  g_signal_connect_swapped (cells[0]->workspace, "notify::volume", G_CALLBACK (place), self);
  for (int c = 0; c <= SAG_N_COMPANIONS; c++)
    {
      self->cells[c] = cells[c];
      if (c > 0)
        g_signal_connect_swapped (cells[c]->workspace, "notify::volume",
                                  G_CALLBACK (companion_volume_changed), self);
    }
  return self;
}

void
sag_hanger_free (SagHanger *self)
{
  g_signal_handlers_disconnect_by_data (self->layout, self);
  for (int c = 0; c <= SAG_N_COMPANIONS; c++)
    g_signal_handlers_disconnect_by_data (self->cells[c]->workspace, self);
  g_object_unref (self->layout);
  g_object_unref (self->catalogue);
  g_object_unref (self->settings);
  g_free (self->hung);
  g_free (self);
}
