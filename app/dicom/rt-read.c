/* SPDX-License-Identifier: Apache-2.0
 *
 * rt-read.c: the contours of an RT Structure Set as masks.
 */
#include "app/dicom/rt-read.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/index.h"
#include "app/dicom/layers.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OWN_PIXEL_MM 1.0
#define MAX_SIDE 4096
#define MAX_SLICES 8192

static gboolean
fail (const SagDicomContours *from, SagDicomError code, GError **error, const char *what)
{
  g_autofree char *name = g_path_get_basename (from->instance->path);
  g_autofree char *shown = sag_escape_name (name, -1);

  g_set_error (error, SAG_DICOM_ERROR, code, "'%s' %s", shown, what);
  return FALSE;
}

/* The grid of the images it refers to, if they lie beside it. */
static gboolean
find_images (const SagDicomContours *from, SagGrid *grid)
{
  const SagDicomInstance *in = from->instance;
  g_autofree char *folder = g_path_get_dirname (in->path);
  g_autoptr (SagIndex) index = NULL;
  const SagStack *found = NULL;

  /* A path under /proc is a message, not a folder of images. */
  if (!g_str_has_prefix (folder, "/proc"))
    index = sag_index_folder (folder, NULL, NULL);
  for (guint i = 0; index != NULL && i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);
          gboolean named
              = strcmp (series->first->series_instance_uid, in->referenced_series_uid) == 0;
          gboolean same = in->frame_of_reference_uid[0] != '\0'
                          && strcmp (series->first->frame_of_reference_uid,
                                     in->frame_of_reference_uid) == 0;

          if (series->stacks->len > 0 && (named || (same && found == NULL)))
            found = g_ptr_array_index (series->stacks, 0);
        }
    }
  if (found != NULL)
    *grid = found->grid;
  return found != NULL;
}

static int
compare_double (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* An axial grid around all contours, with a plane where each of them lies. */
static gboolean
make_grid (const SagDicomContours *from, SagGrid *grid, GError **error)
{
  double low[3] = { G_MAXDOUBLE, G_MAXDOUBLE, G_MAXDOUBLE };
  double high[3] = { -G_MAXDOUBLE, -G_MAXDOUBLE, -G_MAXDOUBLE }, step = G_MAXDOUBLE;
  double spacing[3] = { OWN_PIXEL_MM, OWN_PIXEL_MM, 1 };
  g_autofree double *planes = g_new (double, from->n_contours);
  int size[3];

  for (int c = 0; c < from->n_contours; c++)
    {
      planes[c] = from->contours[c].points[2];
      for (int i = 0; i < from->contours[c].n_points; i++)
        for (int a = 0; a < 3; a++)
          {
            double v = from->contours[c].points[3 * i + a];

            if (!isfinite (v) || fabs (v) > 1e6)
              return fail (from, SAG_DICOM_ERROR_INVALID, error,
                           _ ("has contour points that lie nowhere"));
            low[a] = MIN (low[a], v);
            high[a] = MAX (high[a], v);
          }
    }
  qsort (planes, from->n_contours, sizeof *planes, compare_double);
  for (int c = 1; c < from->n_contours; c++)
    if (planes[c] - planes[c - 1] > 0.05)
      step = MIN (step, planes[c] - planes[c - 1]);
  spacing[2] = step < G_MAXDOUBLE ? step : 1;
  for (int a = 0; a < 2; a++)
    {
      spacing[a] = MAX (OWN_PIXEL_MM, (high[a] - low[a] + 2) / MAX_SIDE);
      size[a] = (int) ceil ((high[a] - low[a]) / spacing[a]) + 3;
      low[a] = floor (low[a] / spacing[a]) * spacing[a] - spacing[a];
    }
  size[2] = (int) MIN (floor ((high[2] - low[2]) / spacing[2] + 0.5) + 1, MAX_SLICES + 1);
  if (size[2] > MAX_SLICES)
    return fail (from, SAG_DICOM_ERROR_INVALID, error, _ ("spans more planes than can be"));
  sag_grid_init (grid, size, spacing);
  memcpy (grid->origin, low, sizeof low);
  return sag_grid_check (grid, error);
}

/* Flips the pixels of `mask` whose centres lie within the polygon `xy` (pixels). */
static void
flip (guint8 *mask, const SagGrid *grid, const double *xy, int n, double *crossings)
{
  double low = G_MAXDOUBLE, high = -G_MAXDOUBLE;

  for (int i = 0; i < n; i++)
    {
      low = MIN (low, xy[2 * i + 1]);
      high = MAX (high, xy[2 * i + 1]);
    }
  for (int j = MAX (0, (int) ceil (low)); j <= MIN (grid->size[1] - 1, (int) floor (high)); j++)
    {
      int n_crossings = 0;

      for (int i = 0; i < n; i++)
        {
          const double *p = xy + 2 * i, *q = xy + 2 * ((i + 1) % n);

          /* Half open, so that a corner on the row counts once. */
          if ((p[1] <= j) != (q[1] <= j))
            crossings[n_crossings++] = p[0] + (j - p[1]) * (q[0] - p[0]) / (q[1] - p[1]);
        }
      qsort (crossings, n_crossings, sizeof *crossings, compare_double);
      for (int c = 0; c + 1 < n_crossings; c += 2)
        {
          int from = (int) ceil (CLAMP (crossings[c], 0, grid->size[0]));
          int to = (int) ceil (CLAMP (crossings[c + 1], 0, grid->size[0]));

          for (int i = from; i < to; i++)
            mask[(gsize) j * grid->size[0] + i] ^= 1;
        }
    }
}

/* A contour in voxels: its plane, and its points in pixels; FALSE if it is not on a slice. */
static gboolean
place_contour (const SagDicomContour *contour, const SagGrid *grid, double *xy, int *k)
{
  double low = G_MAXDOUBLE, high = -G_MAXDOUBLE;

  for (int i = 0; i < contour->n_points; i++)
    {
      double ijk[3];

      sag_grid_to_ijk (grid, contour->points + 3 * i, ijk);
      if (!isfinite (ijk[0]) || !isfinite (ijk[1]) || fabs (ijk[0]) > 1e6 || fabs (ijk[1]) > 1e6)
        return FALSE;
      xy[2 * i] = ijk[0];
      xy[2 * i + 1] = ijk[1];
      low = MIN (low, ijk[2]);
      high = MAX (high, ijk[2]);
    }
  *k = (int) floor (CLAMP ((low + high) / 2, -1e6, 1e6) + 0.5);
  return high - low < 0.5;
}

typedef struct
{
  const SagDicomContours *from;
  SagGrid                 grid;
  SagLayers              *layers;
  int                    *layer;    /* of each structure */
  int                     n_across; /* contours that lie across the slices */
} Rt;

/* Of more than 255 structures several have one value, in layers of their own. */
static guint8
value_of (int roi)
{
  return (guint8) (roi % 255 + 1);
}

/* All contours of structure `roi`, on the slices they span. */
static gboolean
fill_roi (Rt *rt, int roi, double *xy, double *crossings, GError **error)
{
  gsize pixels = (gsize) rt->grid.size[0] * rt->grid.size[1];
  int first = G_MAXINT, last = -1, k;
  g_autofree int *ks = NULL;
  guint8 *masks;

  for (int c = 0; c < rt->from->n_contours; c++)
    if (rt->from->contours[c].roi == roi)
      {
        if (!place_contour (&rt->from->contours[c], &rt->grid, xy, &k))
          rt->n_across++;
        else if (k >= 0 && k < rt->grid.size[2])
          {
            first = MIN (first, k);
            last = MAX (last, k);
          }
      }
  if (last < 0)
    return (rt->layer[roi] = sag_layers_place (rt->layers, value_of (roi), NULL, 0, NULL, error)) >= 0;
  masks = sag_alloc_try (pixels * (last - first + 1), "a structure", error);
  if (masks == NULL)
    return FALSE;
  memset (masks, 0, pixels * (last - first + 1));
  for (int c = 0; c < rt->from->n_contours; c++)
    if (rt->from->contours[c].roi == roi && place_contour (&rt->from->contours[c], &rt->grid, xy, &k)
        && k >= first && k <= last)
      flip (masks + pixels * (k - first), &rt->grid, xy, rt->from->contours[c].n_points, crossings);
  ks = g_new (int, last - first + 1);
  for (int i = first; i <= last; i++)
    ks[i - first] = i;
  rt->layer[roi] = sag_layers_place (rt->layers, value_of (roi), ks, last - first + 1, masks, error);
  sag_free (masks);
  return rt->layer[roi] >= 0;
}

static SagSegmentation *
assemble (Rt *rt, GError **error)
{
  const SagDicomContours *from = rt->from;
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  SagSegmentation *result;

  for (int layer = 0; layer < sag_layers_get_n (rt->layers); layer++)
    {
      g_autofree SagLabel *labels = g_new0 (SagLabel, 256);
      SagLabelmap *map;
      int n = 0;

      for (int r = 0; r < from->n_rois; r++)
        if (rt->layer[r] == layer)
          {
            labels[n] = from->rois[r].label;
            labels[n].value = value_of (r);
            labels[n].number = r + 1;
            if (!from->rois[r].has_colour)
              sag_label_default_colour (r, labels[n].rgb);
            n++;
          }
      map = sag_layers_make_map (rt->layers, layer, labels, n, error);
      if (map == NULL)
        return NULL;
      g_ptr_array_add (maps, map);
    }
  g_clear_pointer (&rt->layers, sag_layers_free); /* the maps hold its memory now, until each is moved */
  if (!sag_labelmap_pack ((SagLabelmap **) maps->pdata, (int) maps->len, error))
    return NULL;
  sag_provenance_set (&provenance->model_name, from->label);
  sag_provenance_set (&provenance->algorithm, from->rois[0].algorithm_type);
  sag_provenance_set (&provenance->program, from->instance->manufacturer);
  sag_provenance_set (&provenance->description, from->instance->series_description);
  sag_provenance_set (&provenance->time, from->time);
  sag_provenance_set (&provenance->creator, from->creator);
  sag_provenance_set (&provenance->source, from->instance->referenced_series_uid);
  result = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len, NULL,
                                 provenance, error);
  if (result != NULL)
    sag_segmentation_mark_ready (result, 0, rt->grid.size[2]);
  return result;
}

static SagSegInfo *
describe (const SagDicomContours *from)
{
  SagSegInfo *info = g_new0 (SagSegInfo, 1);
  const SagDicomInstance *in = from->instance;

  info->content_label = g_strdup (from->label);
  info->content_description = g_strdup ("");
  info->series_description = g_strdup (in->series_description);
  info->manufacturer = g_strdup (in->manufacturer);
  info->creator = g_strdup (from->creator);
  info->segmentation_type = g_strdup ("RTSTRUCT");
  info->algorithm_type = g_strdup (from->rois[0].algorithm_type);
  info->algorithm_name = g_strdup ("");
  g_strlcpy (info->frame_of_reference_uid, in->frame_of_reference_uid, sizeof (SagUid));
  g_strlcpy (info->referenced_series_uid, in->referenced_series_uid, sizeof (SagUid));
  info->n_segments = from->n_rois;
  info->n_frames = from->n_contours;
  return info;
}

SagSegmentation *
sag_rt_read (const char *path, SagSegInfo **info, GError **error)
{
  g_autoptr (SagDicomContours) from = sag_dicom_read_contours (path, error);
  g_autofree double *xy = NULL;
  g_autofree double *crossings = NULL;
  g_autofree int *layer = NULL;
  SagSegmentation *result = NULL;
  gboolean good;
  int most = 1;

  if (from == NULL)
    return NULL;
  Rt rt = { .from = from };
  if (from->n_contours == 0)
    {
      fail (from, SAG_DICOM_ERROR_INVALID, error,
            _ ("is a structure set without a closed contour: there is nothing to show"));
      return NULL;
    }
  if (!find_images (from, &rt.grid) && !make_grid (from, &rt.grid, error))
    return NULL;
  for (int c = 0; c < from->n_contours; c++)
    most = MAX (most, from->contours[c].n_points);
  xy = g_new (double, 2 * (gsize) most);
  crossings = g_new (double, most);
  rt.layers = sag_layers_new (&rt.grid);
  rt.layer = layer = g_new0 (int, from->n_rois);
  good = sag_layers_get_whole (rt.layers, 0, error) != NULL;
  for (int r = 0; r < from->n_rois && good; r++)
    good = fill_roi (&rt, r, xy, crossings, error);
  if (good && rt.n_across == from->n_contours)
    good = fail (from, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("has contours that do not lie in the slices of its images, which is not supported"));
  if (good)
    result = assemble (&rt, error);
  g_clear_pointer (&rt.layers, sag_layers_free);
  if (result != NULL && info != NULL)
    *info = describe (from);
  return result;
}
