/* SPDX-License-Identifier: Apache-2.0
 *
 * mammography.c: where the chest wall is, and how large the largest is. */
#include "ui/mammography.h"

static gboolean
is_mammogram (SagSliceView *view)
{
  SagWorkspace *workspace = sag_slice_view_get_workspace (view);
  SagSeries *series = sag_workspace_get_series (workspace);

  return series != NULL && sag_workspace_get_volume (workspace) != NULL
         && g_str_equal (sag_series_get_modality (series), "MG") && !sag_series_is_placed (series);
}

/* Rows of pixels run away from the chest wall, or towards it; PatientOrientation (PS3.3 C.7.6.1.1.1) of a mammogram
 * always says which ("A\R", "P\L"). 0 if it does not. */
static int
find_chest_wall (SagSeries *series)
{
  const char *rows = sag_series_get_patient_orientation (series);

  return rows[0] == 'A' ? -1 : rows[0] == 'P' ? 1 : 0;
}

void
sag_mammography_place (SagSliceView *const *views,
                       int                  n)
{
  double extent[2] = { 0, 0 };
  gboolean known = TRUE;

  for (int v = 0; v < n; v++)
    if (is_mammogram (views[v]))
      {
        SagWorkspace *workspace = sag_slice_view_get_workspace (views[v]);
        const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (workspace));

        known = known
                && !g_str_equal (sag_series_get_spacing_source (sag_workspace_get_series (workspace)), "unknown");
        for (int a = 0; a < 2; a++)
          extent[a] = MAX (extent[a], grid->size[a] * grid->spacing[a]);
      }
  for (int v = 0; v < n; v++)
    {
      SagSliceHome home = { 0 };

      if (n > 1 && is_mammogram (views[v]))
        {
          home.side = find_chest_wall (sag_workspace_get_series (sag_slice_view_get_workspace (views[v])));
          home.extent[0] = known ? extent[0] : 0; /* pixels of unknown size have no scale to share */
          home.extent[1] = known ? extent[1] : 0;
        }
      sag_slice_view_set_home (views[v], &home);
    }
}
