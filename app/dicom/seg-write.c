/* SPDX-License-Identifier: Apache-2.0
 *
 * seg-write.c: labelmaps to DICOM Segmentation objects, kept only if they read back the same.
 */
#include "app/dicom/seg.h"

#include "app/dicom/dcmtk.h"
#include "app/files/save.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

/* Labels of all layers, in order of number: the index is the segment. */
typedef struct
{
  SagLabel *labels;
  int      *layers;
  int       n;
} Labels;

static void
labels_clear (Labels *self)
{
  g_free (self->labels);
  g_free (self->layers);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Labels, labels_clear)

static gboolean
collect_labels (SagSegmentation *segmentation, Labels *out, GError **error)
{
  g_autofree int *layer_of = g_new0 (int, SAG_LABEL_NUMBERS); /* by number, from 1 */
  int n_all = 0;

  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      int n;
      const SagLabel *labels
          = sag_labelmap_get_labels (sag_segmentation_get_layer (segmentation, layer), &n);

      for (int i = 0; i < n; i++, n_all++)
        {
          int number = sag_label_get_number (&labels[i]);

          if (layer_of[number] != 0)
            {
              g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           _ ("Two labels have the number %d; give each label a number of its own"), number);
              return FALSE;
            }
          layer_of[number] = layer + 1;
        }
    }
  if (n_all == 0)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           _ ("The segmentation has no labels, so there is nothing to write"));
      return FALSE;
    }
  out->labels = g_new (SagLabel, n_all);
  out->layers = g_new (int, n_all);
  for (int number = 1; number < SAG_LABEL_NUMBERS; number++)
    if (layer_of[number] != 0)
      {
        int layer = layer_of[number] - 1;

        out->layers[out->n] = layer;
        out->labels[out->n++]
            = *sag_labelmap_find_number (sag_segmentation_get_layer (segmentation, layer), number);
      }
  return TRUE;
}

typedef struct
{
  SagSegmentation *segmentation;
  const Labels    *labels;
  gboolean         is_fractional;
  int              threshold; /* 0..255; voxels below are left out of BINARY */
  gsize            n;         /* pixels of a frame */
  guint8          *room;      /* [n], for a slice of a layer that keeps only a box */
} Source;

/* The value of segment `s` at pixel `i` of slice k: 0 or 1, or 0..255. */
static inline guint8
pixel (const Source *source, const guint8 *voxels, const guint8 *confidence, guint8 value, gsize i)
{
  if (voxels[i] != value)
    return 0;
  if (source->is_fractional)
    return MAX (confidence[i], 1); /* the label is shown there, however doubtful */
  return confidence == NULL || confidence[i] >= source->threshold;
}

/* Slice k of the layer that segment `s` is in; it holds a voxel where it is asked for. */
static const guint8 *
slice_of (const Source *source, int s, int k)
{
  SagLabelmap *map = sag_segmentation_get_layer (source->segmentation, source->labels->layers[s]);

  return sag_labelmap_get_slice (map, k, source->room);
}

static const guint8 *
confidence_of (const Source *source, int k)
{
  SagBlock *block = sag_segmentation_get_confidence (source->segmentation);

  return block != NULL ? (const guint8 *) sag_block_get_data (block) + source->n * k : NULL;
}

/* Is the segment on slice k? */
static gboolean
is_present (const Source *source, int s, int k)
{
  const guint8 *voxels = slice_of (source, s, k), *confidence = confidence_of (source, k);
  guint8 value = source->labels->labels[s].value;

  for (gsize i = 0; i < source->n && voxels != NULL; i++)
    if (pixel (source, voxels, confidence, value, i) != 0)
      return TRUE;
  return FALSE;
}

/* Frames with something in them, by segment, then slice. */
static GArray *
list_frames (const Source *source, int n_slices)
{
  GArray *frames = g_array_new (FALSE, FALSE, sizeof (SagDicomSegFrame));
  g_autoptr (GHashTable) places = sag_segmentation_find_places (source->segmentation);

  for (int s = 0; s < source->labels->n; s++)
    {
      const SagLabelPlace *place
          = g_hash_table_lookup (places, GINT_TO_POINTER (sag_label_get_number (&source->labels->labels[s])));

      for (int k = place != NULL ? place->box[2] : n_slices; k < n_slices && k < place->box[5]; k++)
        if (is_present (source, s, k))
          {
            const SagDicomSegFrame frame = { s, k };

            g_array_append_val (frames, frame);
          }
    }
  if (frames->len == 0)
    {
      /* An object must have a frame: an empty one says that nothing was found. */
      const SagDicomSegFrame frame = { 0, n_slices / 2 };

      g_array_append_val (frames, frame);
    }
  return frames;
}

static guint8 *
pack (const Source *source, const GArray *frames, gsize *n_bytes, GError **error)
{
  gsize n_pixels, total;
  guint8 *pixels;

  if (!g_size_checked_mul (&n_pixels, source->n, frames->len))
    n_pixels = G_MAXSIZE / 2;
  total = source->is_fractional ? n_pixels : (n_pixels + 7) / 8;
  total += total % 2;
  if (total > G_MAXUINT32 - 2)
    {
      g_set_error_literal (
          error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED,
          _ ("The segmentation is larger than 4 GB, more than one DICOM object holds; write "
          "fewer labels at a time"));
      return NULL;
    }
  pixels = sag_alloc_try (total, "the segmentation's pixels", error);
  if (pixels == NULL)
    return NULL;
  for (guint f = 0; f < frames->len; f++)
    {
      const SagDicomSegFrame *frame = &g_array_index (frames, SagDicomSegFrame, f);
      const guint8 *voxels = slice_of (source, frame->segment, frame->k);
      const guint8 *confidence = confidence_of (source, frame->k);
      guint8 value = source->labels->labels[frame->segment].value;
      gsize at = source->n * f;

      for (gsize i = 0; i < source->n; i++, at++)
        {
          guint8 v = pixel (source, voxels, confidence, value, i);

          if (source->is_fractional)
            pixels[at] = v;
          else
            pixels[at / 8] |= v << (at % 8);
        }
    }
  *n_bytes = total;
  return pixels;
}

/* Centroid of each segment's written voxels, in mm; n 0 where there are none. */
typedef struct
{
  double centroid[3];
  double n;
} Centre;

static void
add_voxel (Centre *centre, int i, int j, int k)
{
  centre->centroid[0] += i;
  centre->centroid[1] += j;
  centre->centroid[2] += k;
  centre->n++;
}

static void
finish_centre (Centre *centre, const SagGrid *grid)
{
  if (centre->n == 0)
    return;
  for (int a = 0; a < 3; a++)
    centre->centroid[a] /= centre->n;
  sag_grid_to_lps (grid, centre->centroid, centre->centroid);
}

static void
measure_source (const Source *source, const GArray *frames, Centre *centres)
{
  const SagGrid *grid = sag_segmentation_get_grid (source->segmentation);

  for (guint f = 0; f < frames->len; f++)
    {
      const SagDicomSegFrame *frame = &g_array_index (frames, SagDicomSegFrame, f);
      const guint8 *voxels = slice_of (source, frame->segment, frame->k);
      const guint8 *confidence = confidence_of (source, frame->k);
      guint8 value = source->labels->labels[frame->segment].value;
      int columns = grid->size[0];

      for (gsize i = 0; i < source->n; i++)
        {
          guint8 v = pixel (source, voxels, confidence, value, i);

          if (v != 0)
            add_voxel (&centres[frame->segment], (int) (i % columns), (int) (i / columns), frame->k);
        }
    }
  for (int s = 0; s < source->labels->n; s++)
    finish_centre (&centres[s], grid);
}

static void
measure_written (SagSegmentation *written, Centre *centres, int n)
{
  const SagGrid *grid = sag_segmentation_get_grid (written);

  for (int layer = 0; layer < sag_segmentation_get_n_layers (written); layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (written, layer);
      const guint8 *v = sag_labelmap_get_box_voxels (map);
      Centre *by_value[256] = { NULL };
      int box[6], n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (map, &n_labels);

      for (int i = 0; i < n_labels; i++)
        if (sag_label_get_number (&labels[i]) <= n)
          by_value[labels[i].value] = &centres[sag_label_get_number (&labels[i]) - 1];
      sag_labelmap_get_box (map, box);
      for (int k = box[2]; k < box[5]; k++)
        for (int j = box[1]; j < box[4]; j++)
          for (int i = box[0]; i < box[3]; i++, v++)
            if (by_value[*v] != NULL)
              add_voxel (by_value[*v], i, j, k);
    }
  for (int s = 0; s < n; s++)
    finish_centre (&centres[s], grid);
}

/* What came back must be where, and as much as, what was given. */
static gboolean
check_written (const char *path, const Source *source, const GArray *frames, GError **error)
{
  const SagGrid *grid = sag_segmentation_get_grid (source->segmentation);
  g_autoptr (SagSegmentation) written = sag_seg_read (path, NULL, error);
  g_autofree Centre *before = g_new0 (Centre, source->labels->n);
  g_autofree Centre *after = g_new0 (Centre, source->labels->n);
  double limit = 0.5 * MIN (grid->spacing[0], MIN (grid->spacing[1], grid->spacing[2]));

  if (written != NULL && !sag_segmentation_get_has_place (written))
    {
      SagSegmentation *laid = sag_seg_regrid (written, grid, error);

      sag_segmentation_unref (written);
      written = laid;
    }
  if (written == NULL)
    {
      g_prefix_error (error,
                      _ ("The segmentation was written but cannot be read back, and was not kept: "));
      return FALSE;
    }
  measure_source (source, frames, before);
  measure_written (written, after, source->labels->n);
  for (int s = 0; s < source->labels->n; s++)
    {
      double moved = 0;

      for (int a = 0; a < 3 && before[s].n > 0; a++)
        moved += pow (before[s].centroid[a] - after[s].centroid[a], 2);
      moved = sqrt (moved);
      if (before[s].n != after[s].n || moved >= limit)
        {
          g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                       _ ("The segmentation was written but label '%s' reads back with %.0f voxels "
                       "instead of %.0f "
                       "and its centre %.2f mm away; the file was not kept"),
                       source->labels->labels[s].name, after[s].n, before[s].n, moved);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
check_arguments (SagSegmentation *segmentation, const SagStack *source, const SagSegOptions *options,
                 GError **error)
{
  if (!sag_grid_equal (sag_segmentation_get_grid (segmentation), &source->grid))
    {
      g_set_error_literal (
          error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
          _ ("The segmentation does not lie on the voxels of its source images; bring it onto "
          "their grid first"));
      return FALSE;
    }
  if (options->type == SAG_SEG_FRACTIONAL && sag_segmentation_get_confidence (segmentation) == NULL)
    {
      g_set_error_literal (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID,
                           _ ("There is no confidence to write; write a binary segmentation instead"));
      return FALSE;
    }
  return TRUE;
}

/* Without a place, frames are tied to the images alone (PS3.3 A.51.5: the plane groups are required only where
 * no derivation image is given). */
static gboolean
has_place (const SagStack *source)
{
  const SagDicomInstance *first = source->slices[0].instance;
  const SagDicomFrame *frame = sag_dicom_instance_get_frame (first, source->slices[0].frame);

  return frame->has_position && frame->has_orientation && first->frame_of_reference_uid[0] != '\0';
}

gboolean
sag_seg_write (const char *path, SagSegmentation *segmentation, const SagStack *stack,
               const SagSegOptions *options, GError **error)
{
  static const SagSegOptions defaults = { 0 };
  const SagGrid *grid = sag_segmentation_get_grid (segmentation);
  const SagProvenance *provenance = sag_segmentation_get_provenance (segmentation);
  g_auto (Labels) labels = { NULL };
  g_autofree guint8 *room = NULL;
  SagSave *file;
  g_autofree char *description = NULL;
  g_autoptr (GArray) frames = NULL;
  SagDicomSegSpec spec = { 0 };
  guint8 *pixels;
  gboolean ok;

  if (options == NULL)
    options = &defaults;
  if (!check_arguments (segmentation, stack, options, error)
      || !collect_labels (segmentation, &labels, error))
    return FALSE;
  Source source = {
    .segmentation = segmentation,
    .labels = &labels,
    .is_fractional = options->type == SAG_SEG_FRACTIONAL,
    .threshold = (int) CLAMP (ceil (options->threshold * 255), 0, 255),
    .n = (gsize) grid->size[0] * grid->size[1],
  };
  source.room = room = g_malloc (source.n);
  description = options->series_description != NULL
                    ? g_strdup (options->series_description)
                    : g_strdup_printf ("%s (research use)",
                                       *provenance->model_name != '\0' ? provenance->model_name
                                                                       : "Segmentation");
  frames = list_frames (&source, grid->size[2]);
  pixels = pack (&source, frames, &spec.n_bytes, error);
  if (pixels == NULL)
    return FALSE;
  spec.shown_path = path;
  spec.source = stack;
  spec.grid = grid;
  spec.is_fractional = source.is_fractional;
  spec.labels = labels.labels;
  spec.n_labels = labels.n;
  spec.frames = (const SagDicomSegFrame *) frames->data;
  spec.n_frames = (int) frames->len;
  spec.pixels = pixels;
  spec.has_place = has_place (stack);
  spec.provenance = provenance;
  spec.threshold = options->threshold;
  spec.series_description = description;
  spec.content_label = options->content_label != NULL ? options->content_label : "SEGMENTATION";
  spec.series_number = options->series_number > 0
                           ? options->series_number
                           : 9000 + stack->slices[0].instance->series_number % 1000;
  spec.seed = options->seed;
  spec.date = options->date;

  file = sag_save_begin (path, error);
  ok = file != NULL && sag_dicom_write_seg (sag_save_get_name (file), &spec, error);
  sag_free (pixels);
  if (ok && check_written (sag_save_get_name (file), &source, frames, error))
    return sag_save_finish (file, error);
  g_clear_pointer (&file, sag_save_abort);
  return FALSE;
}
