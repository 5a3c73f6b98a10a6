/* SPDX-License-Identifier: Apache-2.0
 *
 * spoken.c: names and sentences for those who hear the screen. */
#include "ui/spoken.h"

#include "app/state/anatomy.h"
#include "ui/format.h"
#include "ui/study-title.h"

#include <glib/gi18n-lib.h>
#include <math.h>

void
sag_spoken_name (GtkWidget  *widget,
                 const char *name)
{
  gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  /* In GTK 4.8 what takes the focus is a button inside. */
  if (GTK_IS_DROP_DOWN (widget))
    sag_spoken_name (gtk_widget_get_first_child (widget), name);
}

static void
append_place (const SagSliceScene *scene,
              GString             *text)
{
  g_autofree char *value = NULL;
  double lps[3];
  SagProbe probe;

  sag_workspace_get_cursor (scene->workspace, lps);
  if (!sag_workspace_probe (scene->workspace, scene->probing ? scene->probe : lps, &probe)
      || !probe.inside)
    return;
  value = sag_format_value (probe.value, probe.unit);
  g_string_append_printf (
      text, scene->probing ? _ (", under the pointer: %s") : _ (", at the crosshair: %s"), value);
  if (probe.label != NULL)
    {
      g_autofree char *name = sag_anatomy_dup_name (probe.label);

      g_string_append_printf (text, ", %s", name);
    }
  if (probe.label != NULL && isfinite (probe.confidence))
    g_string_append_printf (text, _ (", confidence %.0f %%"), 100 * probe.confidence);
}

char *
sag_spoken_dup_slice (const SagSliceScene *scene)
{
  SagSeries *series = sag_workspace_get_series (scene->workspace);
  SagStudy *study = series != NULL ? sag_series_get_study (series) : NULL;
  int n, slice = sag_workspace_get_slice (scene->workspace, scene->view, &n);
  g_autofree char *position = sag_slice_corners_dup_position (scene);
  g_autofree char *window = sag_slice_corners_dup_window (scene);
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, _ ("%s, slice %d of %d, %s, %s"),
                          sag_slice_corners_get_view_name (scene->view), slice + 1, n, position,
                          window);
  append_place (scene, text);
  if (study != NULL)
    g_string_append_printf (text, _ (", patient: %s"),
                            scene->nameless ? _ ("not named") : sag_study_title_get (study));
  if (series != NULL)
    g_string_append_printf (text, _ (", series: %s"), sag_series_get_title (series));
  return g_string_free (text, FALSE);
}
