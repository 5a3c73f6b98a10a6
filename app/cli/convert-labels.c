/* SPDX-License-Identifier: Apache-2.0
 *
 * convert-labels.c: labels to what is no image.
 */
#include "app/cli/convert-labels.h"

#include "app/files/open.h"
#include "app/files/stl.h"
#include "app/work/statistics.h"

#include <string.h>

static gboolean
is_table (const char *path)
{
  gsize n = strlen (path);

  return n > 4 && g_ascii_strcasecmp (path + n - 4, ".csv") == 0;
}

gboolean
sag_convert_is_labels (const char *output)
{
  return sag_stl_is_name (output) || is_table (output);
}

/* The label asked for, with its layer; of 0 the only one that there is. */
static const SagLabel *
choose (SagSegmentation *segmentation, int value, SagLabelmap **layer, GError **error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  const SagLabel *found = NULL;
  int n_found = 0;

  for (int l = 0; l < sag_segmentation_get_n_layers (segmentation); l++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (segmentation, l);
      int n;
      const SagLabel *labels = sag_labelmap_get_labels (map, &n);

      for (int i = 0; i < n; i++)
        {
          g_string_append_printf (all, "%s%d %s", all->len > 0 ? ", " : "", labels[i].value,
                                  labels[i].name);
          if (value != 0 && labels[i].value != value)
            continue;
          found = &labels[i];
          *layer = map;
          n_found++;
        }
    }
  if (n_found == 1)
    return found;
  if (value == 0 && n_found > 1)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                 "There are %d labels; choose one with --label: %s", n_found, all->str);
  else
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no label %d; there is: %s", value,
                 all->len > 0 ? all->str : "none");
  return NULL;
}

gboolean
sag_convert_labels (const char *input, const char *output, int label, int smooth, const char *images,
                    const char *series, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = sag_open_segmentation (input, NULL, error);
  g_autoptr (SagSurface) surface = NULL;
  g_autoptr (SagVolume) volume = NULL;
  const SagLabel *chosen;
  SagLabelmap *layer;

  if (segmentation == NULL)
    return FALSE;
  if (is_table (output))
    {
      if (images != NULL && (volume = sag_open_volume (images, series, NULL, NULL, error)) == NULL)
        return FALSE;
      return sag_statistics_write_csv (output, segmentation, volume, error);
    }
  chosen = choose (segmentation, label, &layer, error);
  if (chosen == NULL)
    return FALSE;
  if (!sag_segmentation_get_has_place (segmentation))
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED,
                           "The segmentation says no place in the patient (a radiograph's), so it has no surface there");
      return FALSE;
    }
  surface = sag_surface_new (layer, chosen->value, CLAMP (smooth, 0, 200), NULL, error);
  return surface != NULL && sag_stl_write (output, surface, chosen->name, error);
}
