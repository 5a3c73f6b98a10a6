/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-overlay.c: labels over the pixels of a picture.
 *
 * For each band of rows, and two rows more on either side for the outlines:
 *
 *     labels     what is shown where: hidden labels are 0; in difference mode one of four classes
 *     confident  the same where the confidence reaches the threshold, else 0
 *
 * A pixel is outlined if it is inside a label and another pixel within a distance of 2 is not: the
 * outline is 2 device pixels wide whatever the zoom, and never leaves its label.
 */
#include "engine/image/slice-overlay.h"

#include <math.h>
#include <string.h>

enum
{
  MARGIN = SAG_SLICE_PAD, /* bytes before a row of labels; 2 are looked at */
  BAND = SAG_SLICE_ROWS + 4,
};

/* Classes of a difference. */
enum
{
  ONLY_HERE = 1,
  ONLY_THERE,
  BOTH,
  UNLIKE, /* both, with different labels: the two colours in turn */
};

/* base -> base * keep / 256 + colour * (256 - keep) / 256, the second term and the rounding
 * prepared; bytes in the order of a pixel read as a little-endian word. */
typedef struct
{
  guint32 red_blue, green, keep;
} Blend;

/* A layer whose labels are looked up: what its values mean. */
typedef struct
{
  SagLabelmap *map;
  guint8       lut[256];     /* value -> itself, or 0 if hidden */
  guint16      numbers[256]; /* value -> the label's number, or 0 if hidden: the same in every layer and result */
} Source;

/* One picture of labels to draw. */
typedef struct
{
  const Source *source; /* NULL: the classes of a difference */
  Blend         fill[256]; /* by label, or by confidence */
  guint32       line[256]; /* by label; opaque pixel */
} Layer;

struct _SagSliceOverlay
{
  SagSegmentation *segmentation, *preview, *reference;
  const guint8    *confidence; /* NULL where it is not known or not asked for */
  SagOverlayFlags  flags;
  guint8           least;    /* confidence shown in full; 0: all of it */
  gboolean         by_confidence;
  SagSliceMap      map, preview_map, reference_map;
  Source          *sources, *preview_sources, *reference_sources; /* by layer */
  Layer           *layers;
  int              n_layers;
};

static guint32
make_pixel (const guint8 rgb[3])
{
  return 0xff000000u | (guint32) rgb[2] << 16 | (guint32) rgb[1] << 8 | rgb[0];
}

static Blend
make_blend (const guint8 rgb[3], double opacity)
{
  guint32 alpha = (guint32) floor (CLAMP (opacity, 0, 1) * 256 + 0.5);

  return (Blend){ ((guint32) rgb[2] << 16 | rgb[0]) * alpha + 0x00800080u, rgb[1] * alpha + 0x80u,
                  256 - alpha };
}

static inline guint32
blend (const Blend *colour, guint32 pixel)
{
  guint32 red_blue = ((pixel & 0xff00ffu) * colour->keep + colour->red_blue) >> 8 & 0xff00ffu;
  guint32 green = ((pixel >> 8 & 0xffu) * colour->keep + colour->green) & 0xff00u;

  return 0xff000000u | red_blue | green;
}

/* The layers of `segmentation` (NULL: none). */
static Source *
make_sources (SagSegmentation *segmentation, const SagSliceSpec *spec)
{
  int n = segmentation != NULL ? sag_segmentation_get_n_layers (segmentation) : 0;
  Source *sources = g_new0 (Source, n);

  for (int layer = 0; layer < n; layer++)
    {
      Source *self = &sources[layer];

      self->map = sag_segmentation_get_layer (segmentation, layer);
      for (int value = 1; value < 256; value++)
        {
          const SagLabel *label = sag_labelmap_find_label (self->map, (guint8) value);
          int number = label != NULL ? sag_label_get_number (label) : value;

          if ((spec->hidden[number >> 5] >> (number & 31) & 1) != 0)
            continue;
          self->lut[value] = (guint8) value;
          self->numbers[value] = (guint16) number;
        }
    }
  return sources;
}

static void
layer_init (Layer *layer, const Source *source, const SagSliceSpec *spec, gboolean by_confidence)
{
  SagLabelmap *map = source->map;

  layer->source = source;
  for (int value = 0; value < 256; value++)
    {
      const SagLabel *label = sag_labelmap_find_label (map, (guint8) value);
      guint8 rgb[3], ramp[3];

      if (label == NULL && sag_labelmap_get_voxels (map) == NULL && !by_confidence)
        continue; /* of many layers each has few of the values */
      if (label != NULL)
        memcpy (rgb, label->rgb, 3);
      else
        sag_label_default_colour (MAX (value - 1, 0), rgb);
      sag_confidence_colour ((float) value / 255, ramp);
      layer->line[value] = make_pixel (rgb);
      layer->fill[value] = make_blend (by_confidence ? ramp : rgb, spec->opacity);
    }
}

static void
layer_init_difference (Layer *layer, const SagSliceSpec *spec)
{
  static const guint8 colours[][3] = {
    [ONLY_HERE] = { 0x56, 0xb4, 0xe9 },
    [ONLY_THERE] = { 0xd5, 0x5e, 0x00 },
    [BOTH] = { 0x00, 0x9e, 0x73 },
  };

  layer->source = NULL;
  for (int class = ONLY_HERE; class <= BOTH; class++)
    {
      layer->line[class] = make_pixel (colours[class]);
      layer->fill[class] =
          make_blend (colours[class], class == BOTH ? spec->opacity / 2 : spec->opacity);
    }
}

static gboolean
segmentation_is_ready (gconstpointer object, int k)
{
  return sag_segmentation_is_ready (object, k);
}

static void
map_init (SagSliceMap *map, SagSegmentation *segmentation, const SagSliceSpec *spec, int width,
          int height)
{
  if (segmentation != NULL)
    sag_slice_map_init (map, sag_segmentation_get_grid (segmentation), 1, segmentation_is_ready,
                        segmentation, &spec->plane, 0, width, height);
}

SagSliceOverlay *
sag_slice_overlay_new (SagSegmentation *segmentation, SagSegmentation *preview,
                       SagSegmentation *reference, const SagSliceSpec *spec, int width, int height)
{
  gboolean difference =
      (spec->overlay & SAG_OVERLAY_DIFFERENCE) != 0 && segmentation != NULL && reference != NULL;
  SagSliceOverlay *self;
  SagBlock *confidence;

  if ((segmentation == NULL && preview == NULL) || spec->overlay == 0)
    return NULL;
  if (segmentation == NULL)
    {
      segmentation = preview;
      preview = NULL;
    }
  self = g_new0 (SagSliceOverlay, 1);
  self->segmentation = segmentation;
  self->preview = difference ? NULL : preview;
  self->reference = difference ? reference : NULL;
  self->flags = spec->overlay;
  map_init (&self->map, self->segmentation, spec, width, height);
  self->sources = make_sources (self->segmentation, spec);
  self->preview_sources = make_sources (self->preview, spec);
  self->reference_sources = make_sources (self->reference, spec);
  confidence = difference ? NULL : sag_segmentation_get_confidence (segmentation);
  if (confidence != NULL)
    {
      self->by_confidence = (spec->overlay & SAG_OVERLAY_CONFIDENCE) != 0;
      self->least = (guint8) ceil (CLAMP (spec->confidence_threshold, 0, 1) * 255 - 1e-4);
      if (self->by_confidence || self->least > 0)
        self->confidence = sag_block_get_data (confidence);
    }
  self->n_layers = difference ? 1 : sag_segmentation_get_n_layers (segmentation);
  self->layers = g_new0 (Layer, self->n_layers);
  if (difference)
    layer_init_difference (&self->layers[0], spec);
  else
    for (int n = 0; n < self->n_layers; n++)
      if (n == 0 || sag_slice_map_meets (&self->map, self->sources[n].map, 0, height))
        layer_init (&self->layers[n], &self->sources[n], spec, self->by_confidence);
  map_init (&self->preview_map, self->preview, spec, width, height);
  map_init (&self->reference_map, self->reference, spec, width, height);
  return self;
}

void
sag_slice_overlay_free (SagSliceOverlay *self)
{
  sag_slice_map_clear (&self->map);
  sag_slice_map_clear (&self->preview_map);
  sag_slice_map_clear (&self->reference_map);
  g_free (self->sources);
  g_free (self->preview_sources);
  g_free (self->reference_sources);
  g_free (self->layers);
  g_free (self);
}

/* Rows of bytes with room to either side. */
typedef struct
{
  gsize   pitch;
  guint8 *labels, *confident, *confidence; /* [BAND][pitch], pixel x at MARGIN + x */
  guint8 *missing, *other;                 /* one row */
  guint8 *solid, *dotted;                  /* one row */
  guint16 *here, *there;                   /* one row of the numbers of labels: of a difference */
  gpointer scratch;
} Rows;

static guint8 *
row_at (const Rows *rows, guint8 *plane, int n)
{
  return plane + (gsize) n * rows->pitch + MARGIN;
}

/* The number of the first label shown over all layers. */
static void
merge_layers (const SagSliceMap *map, const Source *sources, int n, int y, guint16 *numbers, Rows *rows)
{
  memset (numbers, 0, sizeof *numbers * (gsize) map->width);
  for (int layer = n - 1; layer >= 0; layer--)
    {
      const Source *source = &sources[layer];

      if (!sag_slice_map_meets (map, source->map, y, y + 1))
        continue;
      sag_slice_map_labels (map, source->map, NULL, source->lut, y, rows->other, NULL, NULL, rows->scratch);
      for (int x = 0; x < map->width; x++)
        numbers[x] = rows->other[x] != 0 ? source->numbers[rows->other[x]] : numbers[x];
    }
}

static void
make_difference (const SagSliceOverlay *self, int y, guint8 *classes, Rows *rows)
{
  merge_layers (&self->map, self->sources, sag_segmentation_get_n_layers (self->segmentation), y, rows->here, rows);
  merge_layers (&self->reference_map, self->reference_sources, sag_segmentation_get_n_layers (self->reference), y,
                rows->there, rows);
  for (int x = 0; x < self->map.width; x++)
    {
      guint16 here = rows->here[x], there = rows->there[x];

      classes[x] = here == there ? (here != 0 ? BOTH : 0)
                                 : (there == 0 ? ONLY_HERE : here == 0 ? ONLY_THERE : UNLIKE);
    }
}

/* Pixels of which the segmentation has nothing to say yet, from the preview. */
static void
add_preview (const SagSliceOverlay *self, int y, guint8 *labels, guint8 *confidence, Rows *rows)
{
  SagBlock *block = sag_segmentation_get_confidence (self->preview);
  const guint8 *known =
      block != NULL && self->confidence != NULL ? sag_block_get_data (block) : NULL;
  guint8 *sure = rows->solid; /* free until the band is drawn */

  if (memchr (rows->missing, 1, (gsize) self->map.width) == NULL)
    return;
  sag_slice_map_labels (&self->preview_map, self->preview_sources[0].map, known,
                        self->preview_sources[0].lut, y, rows->other, sure, NULL, rows->scratch);
  for (int x = 0; x < self->map.width; x++)
    if (rows->missing[x])
      {
        labels[x] = rows->other[x];
        if (self->confidence != NULL)
          confidence[x] = known != NULL ? sure[x] : 255;
      }
}

/* The picture does not end a label at its own border. */
static void
repeat_border (guint8 *row, int width)
{
  row[-2] = row[-1] = row[0];
  row[width] = row[width + 1] = row[width - 1];
}

static void
make_rows (const SagSliceOverlay *self, const Layer *layer, int y0, int y1, Rows *rows)
{
  int width = self->map.width, last = -1;

  for (int n = 0; n < y1 - y0 + 4; n++)
    {
      int y = CLAMP (y0 - 2 + n, 0, self->map.height - 1);
      guint8 *labels = row_at (rows, rows->labels, n),
             *confidence = row_at (rows, rows->confidence, n);
      int key = self->preview != NULL || self->reference != NULL
                    ? -1
                    : sag_slice_map_get_row_key (&self->map, y);

      if (n > 0 && ((key >= 0 && key == last) || y == CLAMP (y0 - 3 + n, 0, self->map.height - 1)))
        {
          memcpy (row_at (rows, rows->labels, n) - MARGIN,
                  row_at (rows, rows->labels, n - 1) - MARGIN, rows->pitch);
          if (self->confidence != NULL)
            memcpy (confidence - MARGIN, row_at (rows, rows->confidence, n - 1) - MARGIN,
                    rows->pitch);
          if (self->least > 0)
            memcpy (row_at (rows, rows->confident, n) - MARGIN,
                    row_at (rows, rows->confident, n - 1) - MARGIN, rows->pitch);
          continue;
        }
      last = key;
      if (layer->source == NULL)
        make_difference (self, y, labels, rows);
      else
        {
          sag_slice_map_labels (&self->map, layer->source->map, self->confidence,
                                layer->source->lut, y, labels, confidence,
                                self->preview != NULL ? rows->missing : NULL, rows->scratch);
          if (self->preview != NULL && layer == self->layers)
            add_preview (self, y, labels, confidence, rows);
        }
      repeat_border (labels, width);
      if (self->least > 0)
        {
          repeat_border (confidence, width);
          sag_kernels_get ()->slice.confident (rows->pitch, labels - MARGIN, confidence - MARGIN,
                                               self->least,
                                               row_at (rows, rows->confident, n) - MARGIN);
        }
    }
}

static void
find_edges (const SagSliceOverlay *self, const Rows *rows, guint8 *plane, int n, guint8 *edge)
{
  const guint8 *around[5];

  for (int dy = 0; dy < 5; dy++)
    around[dy] = row_at (rows, plane, n + dy);
  sag_kernels_get ()->slice.edge ((size_t) self->map.width, around, edge);
}

/* Lines of two pixels in six, for colour not to be the only sign. */
static inline gboolean
is_hatched (guint8 label, int x, int y)
{
  int wide = label > 4 ? 10 : 6;
  int along;

  switch (label & 3)
    {
    case 1: along = x + y; break;
    case 2: along = x - y + 100000 * 30; break;
    case 3: along = y; break;
    default: along = x; break;
    }
  return along % wide < wide / 3;
}

static void
draw_row (const SagSliceOverlay *self, const Layer *layer, const Rows *rows, int n, int y,
          guint8 *rgba)
{
  gboolean filled =
      (self->flags & (SAG_OVERLAY_FILL | SAG_OVERLAY_CONFIDENCE | SAG_OVERLAY_DIFFERENCE)) != 0;
  gboolean outlined = (self->flags & SAG_OVERLAY_OUTLINE) != 0;
  gboolean hatched = (self->flags & SAG_OVERLAY_HATCH) != 0 && layer->source != NULL;
  const guint8 *labels = row_at (rows, rows->labels, n + 2);
  const guint8 *confident = self->least > 0 ? row_at (rows, rows->confident, n + 2) : labels;
  const guint8 *index = self->by_confidence ? row_at (rows, rows->confidence, n + 2) : confident;

  if (outlined)
    find_edges (self, rows, self->least > 0 ? rows->confident : rows->labels, n, rows->solid);
  if (self->least > 0)
    find_edges (self, rows, rows->labels, n, rows->dotted);
  for (int x = 0; x < self->map.width; x++)
    {
      guint8 label = labels[x], shade = index[x], line = label;
      guint32 pixel;

      if (label == 0)
        {
          guint64 eight;

          /* Most of a picture has no label. */
          for (; x + 8 < self->map.width; x += 8)
            {
              memcpy (&eight, labels + x, sizeof eight);
              if (eight != 0)
                break;
            }
          if (labels[x] == 0)
            continue;
          label = line = labels[x];
          shade = index[x];
        }
      memcpy (&pixel, rgba + 4 * x, sizeof pixel);
      if (label == UNLIKE && layer->source == NULL)
        shade = line = ((x >> 2) + (y >> 2)) & 1 ? ONLY_HERE : ONLY_THERE;
      if (confident[x] != 0)
        {
          if (outlined && rows->solid[x] != 0)
            pixel = layer->line[line];
          else if (filled && (!hatched || is_hatched (label, x, y)))
            pixel = blend (&layer->fill[shade], pixel);
        }
      else if (rows->dotted[x] != 0 && (((x >> 1) + (y >> 1)) & 1) != 0)
        pixel = layer->line[line];
      memcpy (rgba + 4 * x, &pixel, sizeof pixel);
    }
}

void
sag_slice_overlay_draw (const SagSliceOverlay *self, int y0, int y1, guint8 *rgba)
{
  Rows rows = { .pitch = (gsize) self->map.pitch + 2 * MARGIN };
  gsize plane = BAND * rows.pitch;
  g_autofree guint8 *memory = g_malloc0 (3 * plane + 4 * rows.pitch);
  g_autofree guint8 *scratch = g_malloc (sag_slice_map_get_scratch (&self->map));
  g_autofree guint16 *numbers = self->reference != NULL ? g_new (guint16, 2 * rows.pitch) : NULL;

  rows.labels = memory;
  rows.confident = memory + plane;
  rows.confidence = memory + 2 * plane;
  rows.missing = memory + 3 * plane;
  rows.other = rows.missing + rows.pitch;
  rows.solid = rows.other + rows.pitch;
  rows.dotted = rows.solid + rows.pitch;
  rows.scratch = scratch;
  rows.here = numbers;
  rows.there = numbers != NULL ? numbers + rows.pitch : NULL;
  for (int n = 0; n < self->n_layers; n++)
    {
      const Layer *layer = &self->layers[n];

      if (n > 0 && layer->source == NULL)
        continue; /* nowhere in the picture */
      if (n > 0 && !sag_slice_map_meets (&self->map, layer->source->map, y0 - 2, y1 + 2))
        continue;
      make_rows (self, layer, y0, y1, &rows);
      for (int y = y0; y < y1; y++)
        draw_row (self, layer, &rows, y - y0, y, rgba + 4 * (gsize) y * (gsize) self->map.width);
    }
}
