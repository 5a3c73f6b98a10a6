/* SPDX-License-Identifier: Apache-2.0
 *
 * body-labels.c: which of the NIfTI files that are named together are labels of the images beside them.
 */
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/work/body-private.h"

#include <math.h>
#include <string.h>

#define MOST_LABELS 64 /* images of whole numbers have more */

gboolean
sag_body_is_part_of (const SagGrid *part, const SagGrid *whole)
{
  double first[3];

  sag_grid_to_ijk (whole, part->origin, first);
  for (int a = 0; a < 3; a++)
    if (fabs (part->spacing[a] - whole->spacing[a]) > 1e-4 * whole->spacing[a]
        || fabs (first[a] - floor (first[a] + 0.5)) > 0.01 || first[a] < -0.5
        || first[a] + part->size[a] > whole->size[a] + 0.5)
      return FALSE;
  for (int n = 0; n < 9; n++)
    if (fabs (part->direction[n] - whole->direction[n]) > 1e-4)
      return FALSE;
  return TRUE;
}

/* The same in whatever order the axes are. */
static gboolean
lies_on (const SagGrid *part, const SagGrid *whole)
{
  SagGrid turned;
  SagTurn turn;
  char code[4];

  sag_grid_get_orientation (whole, code);
  return sag_grid_turn (part, code, &turn, &turned, NULL) && sag_body_is_part_of (&turned, whole);
}

/* UID of a known series of DICOM images whose voxels are those of `grid`, or NULL. */
static const char *
find_series (SagBody *self, const SagGrid *grid)
{
  for (guint n = self->indexes->len; n > 0; n--)
    {
      const SagIndex *index = g_ptr_array_index (self->indexes, n - 1);

      for (guint s = 0; s < index->studies->len; s++)
        {
          const SagIndexStudy *study = g_ptr_array_index (index->studies, s);

          for (guint i = 0; i < study->series->len; i++)
            {
              const SagIndexSeries *series = g_ptr_array_index (study->series, i);

              if (series->kind == SAG_SERIES_IMAGE && series->stacks->len > 0
                  && lies_on (grid, &((const SagStack *) g_ptr_array_index (series->stacks, 0))->grid))
                return series->first->series_instance_uid;
            }
        }
    }
  return NULL;
}

static gboolean
holds_labels (const char *path)
{
  g_autoptr (SagSegmentation) labels = sag_nifti_read_segmentation (path, NULL);
  int n = 0;

  for (int layer = 0; labels != NULL && layer < sag_segmentation_get_n_layers (labels); layer++)
    {
      int more;

      sag_labelmap_get_labels (sag_segmentation_get_layer (labels, layer), &more);
      n += more;
    }
  return n > 0 && n <= MOST_LABELS;
}

GPtrArray *
sag_body_match_labels (SagBodyRun *run, GPtrArray *files)
{
  GPtrArray *matches = g_ptr_array_new_with_free_func (g_free);
  g_autofree SagGrid *grids = g_new0 (SagGrid, files->len + 1);
  g_autofree gboolean *placed = g_new0 (gboolean, files->len + 1);
  g_autofree gboolean *labels = g_new0 (gboolean, files->len + 1);

  for (guint i = 0; i < files->len; i++)
    placed[i] = sag_nifti_count (files->pdata[i], &placed[i], NULL) == 1 && placed[i]
                && sag_nifti_read_grid (files->pdata[i], &grids[i], NULL);
  for (guint i = 0; i < files->len; i++)
    {
      gboolean beside = placed[i] && find_series (run->self, &grids[i]) != NULL;

      for (guint j = 0; j < files->len && placed[i] && !beside; j++)
        beside = j != i && placed[j] && lies_on (&grids[i], &grids[j]);
      labels[i] = beside && holds_labels (files->pdata[i]);
    }
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *of = NULL;

      for (guint j = 0; j < files->len && labels[i] && of == NULL; j++)
        if (j != i && placed[j] && !labels[j] && lies_on (&grids[i], &grids[j]))
          of = g_filename_display_name (files->pdata[j]);
      if (labels[i] && of == NULL)
        of = g_strdup (find_series (run->self, &grids[i]));
      g_ptr_array_add (matches, g_steal_pointer (&of));
    }
  return matches;
}
