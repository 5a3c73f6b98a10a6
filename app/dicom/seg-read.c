/* SPDX-License-Identifier: Apache-2.0
 *
 * seg-read.c: DICOM Segmentation objects of any maker to labelmaps.
 */
#include "app/dicom/seg.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/layers.h"
#include "app/dicom/palette.h"
#include "app/dicom/pixels.h"
#include "app/dicom/rt-read.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLICES 32767
#define MAX_SLIDE 16384 /* pixels a side */

void
sag_seg_info_free (SagSegInfo *self)
{
  if (self == NULL)
    return;
  g_free (self->content_label);
  g_free (self->content_description);
  g_free (self->series_description);
  g_free (self->manufacturer);
  g_free (self->creator);
  g_free (self->segmentation_type);
  g_free (self->algorithm_type);
  g_free (self->algorithm_name);
  g_free (self);
}

#define MAX_LABELS 255
#define N_NUMBERS 65536 /* of segments, which are 16 bits */

typedef struct
{
  int    frame;
  int    segment; /* index into the header's segments; -1 in a label map, where pixels say */
  int    k;
  int    x, y;    /* where its pixels lie in the slice: not 0 of tiles alone */
  double position;
} Frame;

typedef struct
{
  SagDicomSegHeader *header;
  SagPixels         *pixels;
  SagGrid            grid;
  Frame             *frames; /* by segment, then place */
  int                n_frames;
  guint8            *tile;   /* of a frame, before it goes to its place; NULL where frames are slices */
  guint8            *value_of; /* label of each segment index; 0: of none */
  SagLayers         *layers;
  GArray            *layer_of; /* of int: layer of each segment index; -1 if it has no frame */
  SagBlock          *confidence;
  gboolean           has_place;
} Seg;

static gboolean
fail (const Seg *seg, SagDicomError code, GError **error, const char *what)
{
  g_autofree char *name = g_path_get_basename (seg->header->instance->path);
  g_autofree char *shown = sag_escape_name (name, -1);

  g_set_error (error, SAG_DICOM_ERROR, code, "'%s' %s", shown, what);
  return FALSE;
}

static int
compare_position (gconstpointer a, gconstpointer b)
{
  const Frame *x = a, *y = b;

  return (x->position > y->position) - (x->position < y->position);
}

static int
compare_segment (gconstpointer a, gconstpointer b)
{
  const Frame *x = a, *y = b;

  if (x->segment != y->segment)
    return x->segment < y->segment ? -1 : 1;
  if (x->k != y->k)
    return x->k < y->k ? -1 : 1;
  return (x->frame > y->frame) - (x->frame < y->frame);
}

/* TRUE if every frame lies on a multiple of `step`. */
static gboolean
try_step (Seg *seg, double step)
{
  double first = seg->frames[0].position;

  if (!(step > 1e-3) || (seg->frames[seg->n_frames - 1].position - first) / step >= MAX_SLICES)
    return FALSE;
  for (int i = 0; i < seg->n_frames; i++)
    {
      double k = (seg->frames[i].position - first) / step;

      if (fabs (k - round (k)) > 0.05)
        return FALSE;
      seg->frames[i].k = (int) round (k);
    }
  seg->grid.spacing[2] = step;
  return TRUE;
}

/* Places of all frames along the normal. Frames may be few: the distance between them need not be a
 * slice's. */
static gboolean
place_frames (Seg *seg, GError **error)
{
  const SagDicomInstance *in = seg->header->instance;
  const SagDicomFrame *first = sag_dicom_instance_get_frame (in, seg->frames[0].frame);
  double nearest = G_MAXDOUBLE;
  int last = 0;

  qsort (seg->frames, seg->n_frames, sizeof *seg->frames, compare_position);
  for (int i = 1; i < seg->n_frames; i++)
    {
      double step = seg->frames[i].position - seg->frames[i - 1].position;

      if (step > 0.01)
        nearest = MIN (nearest, step);
    }
  if (nearest == G_MAXDOUBLE)
    {
      double step = first->spacing_between_slices > 0 ? first->spacing_between_slices
                                                      : first->slice_thickness;

      seg->grid.spacing[2] = step > 1e-3 ? step : 1;
    }
  else if (!try_step (seg, first->spacing_between_slices) && !try_step (seg, nearest)
           && !try_step (seg, first->slice_thickness) && !try_step (seg, nearest / 2))
    {
      /* Positions without a common step: one slice after the other at the mean. */
      for (int i = 1; i < seg->n_frames; i++)
        {
          last += seg->frames[i].position - seg->frames[i - 1].position > 0.01;
          seg->frames[i].k = last;
        }
      seg->grid.spacing[2]
          = (seg->frames[seg->n_frames - 1].position - seg->frames[0].position) / last;
    }
  for (int i = 0; i < seg->n_frames; i++)
    last = MAX (last, seg->frames[i].k);
  if (last >= MAX_SLICES)
    return fail (seg, SAG_DICOM_ERROR_INVALID, error, _ ("spans more slices than can be"));
  seg->grid.size[2] = last + 1;
  memcpy (seg->grid.origin,
          sag_dicom_instance_get_frame (in, seg->frames[0].frame)->image_position_patient,
          sizeof seg->grid.origin);
  return TRUE;
}

/* Frames without positions: slices as their place in the stack says (PS3.3 C.7.6.16.2.2), or else the n-th of
 * each segment is slice n. */
static void
count_frames (Seg *seg)
{
  g_autofree int *next = g_new0 (int, seg->header->n_segments + 1);
  gboolean numbered = TRUE;

  for (int i = 0; i < seg->n_frames; i++)
    {
      int place = sag_dicom_instance_get_frame (seg->header->instance, seg->frames[i].frame)->in_stack_position;

      numbered &= place >= 1 && place <= MAX_SLICES;
    }
  seg->grid.size[2] = 1;
  for (int i = 0; i < seg->n_frames; i++)
    {
      seg->frames[i].k
          = numbered ? sag_dicom_instance_get_frame (seg->header->instance, seg->frames[i].frame)->in_stack_position - 1
                     : next[seg->frames[i].segment + 1]++;
      seg->grid.size[2] = MAX (seg->grid.size[2], seg->frames[i].k + 1);
    }
}

/* Tiles make one plane, or several over each other; a slide lies nowhere in the patient. */
static gboolean
make_slide (Seg *seg, const double spacing[3], GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  int size[3] = { h->total_columns, h->total_rows, h->n_planes };

  if (size[0] > MAX_SLIDE || size[1] > MAX_SLIDE)
    return fail (seg, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("is of a slide of more than 16384 pixels a side, which cannot be shown; use a lower level of it"));
  sag_grid_init (&seg->grid, size, spacing);
  for (int i = 0; i < seg->n_frames; i++)
    {
      seg->frames[i].x = h->tiles[i].column;
      seg->frames[i].y = h->tiles[i].row;
      seg->frames[i].k = h->tiles[i].plane;
    }
  seg->tile = sag_alloc_try ((gsize) h->instance->columns * h->instance->rows * 2, "one tile", error);
  return seg->tile != NULL && sag_grid_check (&seg->grid, error);
}

static gboolean
make_grid (Seg *seg, GError **error)
{
  const SagDicomInstance *in = seg->header->instance;
  const SagDicomFrame *first = sag_dicom_instance_get_frame (in, 0);
  const double *o = first->image_orientation_patient;
  int size[3] = { in->columns, in->rows, 1 };
  double spacing[3] = { 1, 1, 1 };
  gboolean placed = TRUE, any = FALSE;

  if (first->pixel_spacing_source != SAG_SPACING_UNKNOWN)
    {
      spacing[0] = first->pixel_spacing[1];
      spacing[1] = first->pixel_spacing[0];
    }
  if (seg->header->tiles != NULL)
    return make_slide (seg, spacing, error);
  sag_grid_init (&seg->grid, size, spacing);
  for (int i = 0; i < seg->n_frames; i++)
    {
      const SagDicomFrame *f = sag_dicom_instance_get_frame (in, i);

      placed &= f->has_position && f->has_orientation;
      any |= f->has_position;
      for (int a = 0; placed && a < 6; a++)
        if (fabs (f->image_orientation_patient[a] - o[a]) > 1e-3)
          return fail (seg, SAG_DICOM_ERROR_UNSUPPORTED, error,
                       _ ("has frames in several orientations, which is not supported"));
    }
  seg->has_place = placed;
  if (!placed)
    {
      if (any || in->rows > 4096 || in->columns > 4096)
        return fail (seg, SAG_DICOM_ERROR_UNSUPPORTED, error,
                     _ ("does not place its frames in the patient (a slide, or tiles)"));
      count_frames (seg);
      return sag_grid_check (&seg->grid, error);
    }
  double normal[3] = { o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                       o[0] * o[4] - o[1] * o[3] };
  double length = sqrt (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
  for (int a = 0; a < 3; a++)
    {
      normal[a] /= length;
      seg->grid.direction[3 * a] = o[a];
      seg->grid.direction[3 * a + 2] = normal[a];
    }
  for (int a = 0; a < 3; a++)
    {
      int b = (a + 1) % 3, c = (a + 2) % 3;

      seg->grid.direction[3 * a + 1] = normal[b] * o[c] - normal[c] * o[b];
    }
  for (int i = 0; i < seg->n_frames; i++)
    {
      const double *p = sag_dicom_instance_get_frame (in, i)->image_position_patient;

      seg->frames[i].position = p[0] * normal[0] + p[1] * normal[1] + p[2] * normal[2];
    }
  return place_frames (seg, error) && sag_grid_check (&seg->grid, error);
}

/* A label map may describe its background as a segment: the one of the padding value, number 0
 * where there is none, or the one coded so (PS3.16 CID 7150: 125040 DCM). */
static gboolean
is_background (const SagDicomSegHeader *h, int s)
{
  int number = h->segments[s].number;
  const SagCode *type = &h->segments[s].label.type;

  if (h->instance->has_pixel_padding && number == h->instance->pixel_padding_value)
    return TRUE;
  return number == 0
         && (!h->instance->has_pixel_padding
             || (strcmp (type->value, "125040") == 0 && strcmp (type->scheme, "DCM") == 0));
}

/* Which segment numbers the pixels of a label map hold. */
static gboolean
find_numbers (Seg *seg, gboolean *has_number, GError **error)
{
  gsize n = (gsize) seg->header->instance->rows * (gsize) seg->header->instance->columns;
  gboolean wide = sag_pixels_sample (seg->pixels) == SAG_SAMPLE_U16;
  guint8 *scratch = sag_alloc_try (2 * n, "one image", error);
  gboolean ok = scratch != NULL;

  for (int f = 0; f < seg->n_frames && ok; f++)
    {
      ok = sag_pixels_decode (seg->pixels, seg->frames[f].frame, scratch, error);
      for (gsize i = 0; i < n && ok; i++)
        has_number[wide ? ((guint16 *) scratch)[i] : scratch[i]] = TRUE;
    }
  sag_free (scratch);
  return ok;
}

/* Of more segments than a byte can tell apart, as where a whole table of structures is described, those that are in the
 * images; if they are as many still, layers use the same values (sag_segmentation_is_wide()). */
static gboolean
keep_used (Seg *seg, gboolean is_labelmap, gboolean *is_kept, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  g_autofree gboolean *has_number = g_new0 (gboolean, N_NUMBERS);
  g_autofree gboolean *has_frame = g_new0 (gboolean, h->n_segments);

  if (is_labelmap && !find_numbers (seg, has_number, error))
    return FALSE;
  for (int f = 0; f < seg->n_frames && !is_labelmap; f++)
    has_frame[seg->frames[f].segment] = TRUE;
  for (int s = 0; s < h->n_segments; s++)
    {
      int number = h->segments[s].number;

      is_kept[s] = is_kept[s] && (is_labelmap ? number >= 0 && number < N_NUMBERS && has_number[number] : has_frame[s]);
    }
  return TRUE;
}

/* Label values: segment numbers where they fit a byte, else the order, again and again. 0: background. */
static gboolean
choose_values (Seg *seg, gboolean is_labelmap, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  g_autofree gboolean *is_kept = g_new (gboolean, h->n_segments);
  gboolean used[MAX_LABELS + 1] = { FALSE }, fit = TRUE;
  int n = 0;

  for (int i = 0; i < h->n_segments; i++)
    n += is_kept[i] = !is_labelmap || !is_background (h, i);
  if (n > MAX_LABELS && !keep_used (seg, is_labelmap, is_kept, error))
    return FALSE;
  for (int i = 0; i < h->n_segments; i++)
    {
      int number = h->segments[i].number;

      if (!is_kept[i])
        continue;
      fit &= number >= 1 && number <= MAX_LABELS && !used[number];
      if (number >= 0 && number <= MAX_LABELS)
        used[number] = TRUE;
    }
  seg->value_of = g_new0 (guint8, (guint) h->n_segments);
  n = 0;
  for (int i = 0; i < h->n_segments; i++)
    if (is_kept[i])
      seg->value_of[i] = (guint8) (fit ? h->segments[i].number : n++ % MAX_LABELS + 1);
  return TRUE;
}

/* The palette of a label map is how its segments are shown; its pixels stay segment numbers. */
static void
take_palette (SagDicomSegHeader *h)
{
  g_autoptr (SagDcmFile) file = sag_dcm_file_open (h->instance->path, NULL);
  SagPalette *palette = file != NULL ? sag_palette_read (file, FALSE, NULL) : NULL;

  for (int s = 0; s < h->n_segments && palette != NULL; s++)
    {
      int entry = h->segments[s].number - palette->first;

      if (!h->segments[s].has_colour && entry >= 0 && entry < palette->n_entries)
        {
          memcpy (h->segments[s].label.rgb, palette->rgb + 3 * entry, 3);
          h->segments[s].has_colour = TRUE;
        }
    }
  g_clear_pointer (&palette, sag_palette_free);
  sag_dicom_text_set (&h->instance->photometric_interpretation, "MONOCHROME2");
}

static gboolean
list_frames (Seg *seg, gboolean is_labelmap, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  g_autofree int *segment_of = g_new (int, N_NUMBERS);
  int n = h->instance->number_of_frames;

  for (int number = 0; number < N_NUMBERS; number++)
    segment_of[number] = number == 0 && h->n_segments == 1 ? 0 : -1;
  for (int s = 0; s < h->n_segments; s++)
    if (h->segments[s].number >= 0 && h->segments[s].number < N_NUMBERS)
      segment_of[h->segments[s].number] = s;
  seg->frames = g_new0 (Frame, n);
  seg->n_frames = n;
  for (int i = 0; i < n; i++)
    {
      int number = h->tiles != NULL ? h->tiles[i].segment_number
                                    : sag_dicom_instance_get_frame (h->instance, i)->segment_number;

      seg->frames[i].frame = i;
      seg->frames[i].segment = is_labelmap || number < 0 || number >= N_NUMBERS ? -1 : segment_of[number];
      if (seg->frames[i].segment < 0 && !is_labelmap)
        return fail (seg, SAG_DICOM_ERROR_INVALID, error,
                     _ ("has a frame of a segment that it does not describe"));
    }
  return TRUE;
}

/* The pixels of a frame into those of its slice: all of them, or a tile of them. */
static gboolean
decode (Seg *seg, const Frame *frame, guint8 *slice, GError **error)
{
  const SagDicomInstance *in = seg->header->instance;
  int columns = MIN (in->columns, seg->grid.size[0] - frame->x), rows = MIN (in->rows, seg->grid.size[1] - frame->y);

  if (seg->tile == NULL)
    return sag_pixels_decode (seg->pixels, frame->frame, slice, error);
  if (!sag_pixels_decode (seg->pixels, frame->frame, seg->tile, error))
    return FALSE;
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++)
      slice[(gsize) (frame->y + r) * seg->grid.size[0] + frame->x + c] |= seg->tile[(gsize) r * in->columns + c];
  return TRUE;
}

/* Frames of a segment are in order of their slices: does this one begin another mask? */
static gboolean
starts_mask (const Seg *seg, int start, int f)
{
  return seg->tile == NULL || f == start || seg->frames[f].k != seg->frames[f - 1].k;
}

/* A fractional frame to a mask, its values to the confidence. */
static void
threshold (Seg *seg, guint8 *mask, int k, int maximum)
{
  gsize n = (gsize) seg->grid.size[0] * seg->grid.size[1];
  guint8 *confidence = seg->confidence != NULL
                           ? (guint8 *) sag_block_get_data (seg->confidence) + n * k : NULL;

  for (gsize i = 0; i < n; i++)
    {
      int value = MIN (mask[i], maximum);
      gboolean inside = seg->header->is_label_confidence ? value > 0 : 2 * value >= maximum;
      int certain = (value * 255 + maximum / 2) / maximum;

      if (confidence != NULL)
        {
          /* Stored as distance from certainty until all frames are in: 0, a new block's content, is
           * the background nobody claims. */
          int doubt = inside ? 255 - certain : certain;

          confidence[i] = (guint8) MAX (confidence[i], doubt);
        }
      mask[i] = inside;
    }
}

/* Frames [start, end) of one segment into a layer. A slice in which it is nowhere takes no memory: a mask that is
 * empty makes room for the next, and of those not reached no page is touched. */
static gboolean
read_segment (Seg *seg, int start, int end, gboolean is_fractional, GError **error)
{
  gsize n = (gsize) seg->grid.size[0] * seg->grid.size[1];
  int maximum = CLAMP (seg->header->maximum_fractional_value, 1, 255), segment = seg->frames[start].segment;
  g_autofree int *ks = g_new (int, end - start);
  int n_masks = 0, layer = -1;
  guint8 *masks;
  gboolean ok = TRUE;

  /* Tiles of one slice share its mask; slices that are there twice do not. */
  for (int f = start; f < end; f++)
    n_masks += starts_mask (seg, start, f);
  masks = g_try_malloc0_n ((gsize) n_masks, n);
  if (masks == NULL)
    return fail (seg, SAG_DICOM_ERROR_MEMORY, error, "needs more memory than there is");
  n_masks = 0;
  for (int f = start; f < end && ok; f++)
    {
      guint8 *mask = masks + n * (gsize) n_masks;

      ok = decode (seg, &seg->frames[f], mask, error);
      if (!ok || (f + 1 < end && !starts_mask (seg, start, f + 1)))
        continue;
      if (is_fractional)
        threshold (seg, mask, seg->frames[f].k, maximum);
      if (mask[0] != 0 || memcmp (mask, mask + 1, n - 1) != 0)
        ks[n_masks++] = seg->frames[f].k;
    }
  if (ok)
    layer = sag_layers_place (seg->layers, seg->value_of[segment], ks, n_masks, masks, error);
  g_array_index (seg->layer_of, int, segment) = layer;
  g_free (masks);
  return layer >= 0;
}

static gboolean
read_segments (Seg *seg, gboolean is_fractional, GError **error)
{
  int end;

  for (int start = 0; start < seg->n_frames; start = end)
    {
      for (end = start + 1; end < seg->n_frames
                            && seg->frames[end].segment == seg->frames[start].segment;)
        end++;
      if (!read_segment (seg, start, end, is_fractional, error))
        return FALSE;
    }
  return TRUE;
}

/* One layer of a label map: pixels are segment numbers, `value_of` gets the labels that lie in it. */
static gboolean
read_labelmap_layer (Seg *seg, int layer, const guint8 *value_of, guint8 *scratch, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  gsize n = (gsize) seg->grid.size[0] * seg->grid.size[1];
  gboolean wide = sag_pixels_sample (seg->pixels) == SAG_SAMPLE_U16, ok = TRUE;
  guint8 *voxels = sag_layers_get_whole (seg->layers, layer, error);

  if (voxels == NULL)
    return FALSE;
  for (int f = 0; f < seg->n_frames && ok; f++)
    {
      const Frame *frame = &seg->frames[f];
      int columns = MIN (h->instance->columns, seg->grid.size[0] - frame->x);

      ok = sag_pixels_decode (seg->pixels, frame->frame, scratch, error);
      for (int r = 0; r < MIN (h->instance->rows, seg->grid.size[1] - frame->y) && ok; r++)
        {
          gsize from = (gsize) r * h->instance->columns;
          int j = frame->y + r, first = G_MAXINT, last = -1;
          guint8 *row = voxels + n * frame->k + (gsize) j * seg->grid.size[0] + frame->x;

          /* Nothing is written where nothing is: those pages are never taken. */
          for (int c = 0; c < columns; c++)
            {
              guint8 value = value_of[wide ? ((guint16 *) scratch)[from + c] : scratch[from + c]];

              if (value == 0)
                continue;
              row[c] = value;
              first = MIN (first, frame->x + c);
              last = frame->x + c;
            }
          if (last >= 0)
            sag_layers_widen (seg->layers, layer, (const int[]){ first, j, frame->k, last + 1, j + 1, frame->k + 1 });
        }
    }
  return ok;
}

static gboolean
read_labelmap (Seg *seg, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  g_autofree guint8 *value_of = g_malloc0 (N_NUMBERS);
  gboolean ok = TRUE, used[MAX_LABELS + 1] = { FALSE };
  guint8 *scratch;

  if (sag_pixels_sample (seg->pixels) != SAG_SAMPLE_U16 && sag_pixels_sample (seg->pixels) != SAG_SAMPLE_U8)
    return fail (seg, SAG_DICOM_ERROR_UNSUPPORTED, error, _ ("is a label map of an unusual pixel type"));
  scratch = sag_alloc_try ((gsize) h->instance->columns * h->instance->rows * 2, "one image", error);
  ok = scratch != NULL;
  for (int s = 0, layer = 0; s < h->n_segments && ok; s++)
    {
      int number = h->segments[s].number, value = seg->value_of[s];

      if (used[value] && value != 0) /* all of a layer */
        {
          ok = read_labelmap_layer (seg, layer++, value_of, scratch, error);
          memset (value_of, 0, N_NUMBERS);
          memset (used, 0, sizeof used);
        }
      used[value] = TRUE;
      if (number >= 0 && number < N_NUMBERS)
        value_of[number] = (guint8) value;
      g_array_index (seg->layer_of, int, s) = layer;
      if (s + 1 == h->n_segments && ok)
        ok = read_labelmap_layer (seg, layer, value_of, scratch, error);
    }
  sag_free (scratch);
  return ok;
}

/* Segments without frames are labels all the same. */
static gboolean
place_empty (Seg *seg, GError **error)
{
  for (int s = 0; s < seg->header->n_segments; s++)
    if (g_array_index (seg->layer_of, int, s) < 0 && seg->value_of[s] != 0
        && (g_array_index (seg->layer_of, int, s)
            = sag_layers_place (seg->layers, seg->value_of[s], NULL, 0, NULL, error)) < 0)
      return FALSE;
  return TRUE;
}

static SagSegmentation *
assemble (Seg *seg, GError **error)
{
  const SagDicomSegHeader *h = seg->header;
  g_autoptr (GPtrArray) maps = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  SagSegmentation *result;

  for (int layer = 0; layer < sag_layers_get_n (seg->layers); layer++)
    {
      g_autofree SagLabel *labels = g_new0 (SagLabel, 256);
      SagLabelmap *map;
      int n = 0;

      for (int s = 0; s < h->n_segments; s++)
        {
          /* Without a value: a label map's background, or one of too many that is nowhere. */
          if (g_array_index (seg->layer_of, int, s) != layer || seg->value_of[s] == 0)
            continue;
          labels[n] = h->segments[s].label;
          labels[n].value = seg->value_of[s];
          labels[n].number = h->segments[s].number;
          if (!h->segments[s].has_colour)
            sag_label_default_colour (s, labels[n].rgb);
          n++;
        }
      map = sag_layers_make_map (seg->layers, layer, labels, n, error);
      if (map == NULL)
        return NULL;
      g_ptr_array_add (maps, map);
    }
  g_clear_pointer (&seg->layers, sag_layers_free); /* the maps hold its memory now, until each is moved */
  if (!sag_labelmap_pack ((SagLabelmap **) maps->pdata, (int) maps->len, error))
    return NULL;
  if (seg->confidence != NULL)
    {
      guint8 *bytes = sag_block_get_data (seg->confidence);

      for (gsize i = 0; i < sag_block_get_size (seg->confidence); i++)
        bytes[i] = 255 - bytes[i];
    }
  result = sag_segmentation_new ((SagLabelmap *const *) maps->pdata, (int) maps->len,
                                 seg->confidence, h->provenance, error);
  if (result != NULL)
    {
      sag_segmentation_set_has_place (result, seg->has_place);
      sag_segmentation_mark_ready (result, 0, seg->grid.size[2]);
    }
  return result;
}

static SagSegInfo *
describe (const SagDicomSegHeader *h)
{
  SagSegInfo *info = g_new0 (SagSegInfo, 1);
  gboolean is_labelmap = strcmp (h->instance->sop_class_uid, SAG_UID_LABELMAP_SEG) == 0;

  info->content_label = g_strdup (h->content_label);
  info->content_description = g_strdup (h->content_description);
  info->series_description = g_strdup (h->instance->series_description);
  info->manufacturer = g_strdup (h->instance->manufacturer);
  info->creator = g_strdup (h->content_creator_name);
  info->segmentation_type
      = is_labelmap ? g_strdup ("LABELMAP")
        : h->fractional_type[0] != '\0'
            ? g_strconcat (h->segmentation_type, "/", h->fractional_type, NULL)
            : g_strdup (h->segmentation_type);
  info->algorithm_type = g_strdup (h->segments[0].algorithm_type);
  info->algorithm_name = g_strdup (h->segments[0].algorithm_name);
  g_strlcpy (info->frame_of_reference_uid, h->instance->frame_of_reference_uid, sizeof (SagUid));
  g_strlcpy (info->referenced_series_uid, h->referenced_series_uid, sizeof (SagUid));
  info->n_segments = h->n_segments;
  info->n_frames = h->instance->number_of_frames;
  return info;
}

static gboolean
read_all (Seg *seg, GError **error)
{
  SagDicomSegHeader *h = seg->header;
  gboolean is_labelmap = strcmp (h->instance->sop_class_uid, SAG_UID_LABELMAP_SEG) == 0;
  gboolean is_fractional = strcmp (h->segmentation_type, "FRACTIONAL") == 0;
  int none = -1;

  if (!is_labelmap && !is_fractional && strcmp (h->segmentation_type, "BINARY") != 0)
    return fail (seg, SAG_DICOM_ERROR_UNSUPPORTED, error,
                 _ ("is neither a binary, a fractional nor a label map segmentation"));
  if (is_labelmap && strcmp (h->instance->photometric_interpretation, "PALETTE COLOR") == 0)
    take_palette (h);
  seg->pixels = sag_pixels_open (h->instance, error);
  if (seg->pixels == NULL)
    return FALSE;
  if (!is_labelmap && sag_pixels_sample (seg->pixels) != SAG_SAMPLE_BIT
      && sag_pixels_sample (seg->pixels) != SAG_SAMPLE_U8)
    return fail (seg, SAG_DICOM_ERROR_INVALID, error, _ ("does not hold the pixels a segmentation has"));
  for (int s = 0; s < h->n_segments; s++)
    g_array_append_val (seg->layer_of, none);
  if (!list_frames (seg, is_labelmap, error) || !choose_values (seg, is_labelmap, error)
      || !make_grid (seg, error))
    return FALSE;
  seg->layers = sag_layers_new (&seg->grid);
  qsort (seg->frames, seg->n_frames, sizeof *seg->frames, compare_segment);
  if (is_fractional && strcmp (h->fractional_type, "OCCUPANCY") != 0)
    {
      seg->confidence = sag_block_new (sag_grid_get_n_voxels (&seg->grid), "the confidence", error);
      if (seg->confidence == NULL)
        return FALSE;
    }
  if (is_labelmap ? !read_labelmap (seg, error) : !read_segments (seg, is_fractional, error))
    return FALSE;
  return place_empty (seg, error) && sag_layers_get_whole (seg->layers, 0, error) != NULL;
}

static gboolean
is_structure_set (const char *path)
{
  g_autoptr (SagDicomInstance) instance = sag_dicom_read_header (path, NULL);

  return instance != NULL && strcmp (instance->sop_class_uid, SAG_UID_RT_STRUCTURE_SET) == 0;
}

SagSegmentation *
sag_seg_read (const char *path, SagSegInfo **info, GError **error)
{
  g_autoptr (GError) reason = NULL;
  Seg seg = { .header = sag_dicom_read_seg_header (path, &reason) };
  SagSegmentation *result = NULL;

  if (seg.header == NULL && is_structure_set (path))
    return sag_rt_read (path, info, error);
  if (seg.header == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return NULL;
    }
  seg.layer_of = g_array_new (FALSE, FALSE, sizeof (int));
  if (read_all (&seg, error))
    result = assemble (&seg, error);
  if (result != NULL && info != NULL)
    *info = describe (seg.header);
  g_clear_pointer (&seg.pixels, sag_pixels_close);
  g_clear_pointer (&seg.confidence, sag_block_unref);
  g_clear_pointer (&seg.layers, sag_layers_free);
  g_array_unref (seg.layer_of);
  g_free (seg.frames);
  g_free (seg.value_of);
  sag_free (seg.tile);
  sag_dicom_seg_header_free (seg.header);
  return result;
}
