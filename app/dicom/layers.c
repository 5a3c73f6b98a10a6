/* SPDX-License-Identifier: Apache-2.0
 *
 * layers.c: labels that may lie over each other, in as few bytes as hold them.
 */
#include "app/dicom/layers.h"

#include <string.h>

typedef struct
{
  SagBlock *block;
  int       box[6];    /* i0, j0, k0, i1, j1, k1; of a whole layer the grid */
  gboolean  is_whole;
  int       used[6];   /* of a whole layer: the box of its labels; empty at first */
  gboolean  has[256];  /* values of the labels in it */
} Layer;

struct _SagLayers
{
  SagGrid grid;
  GArray *layers; /* of Layer */
};

static void
layer_clear (gpointer data)
{
  g_clear_pointer (&((Layer *) data)->block, sag_block_unref);
}

SagLayers *
sag_layers_new (const SagGrid *grid)
{
  SagLayers *self = g_new0 (SagLayers, 1);

  self->grid = *grid;
  self->layers = g_array_new (FALSE, TRUE, sizeof (Layer));
  g_array_set_clear_func (self->layers, layer_clear);
  return self;
}

void
sag_layers_free (SagLayers *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->layers);
  g_free (self);
}

int
sag_layers_get_n (const SagLayers *self)
{
  return (int) self->layers->len;
}

static gsize
get_size (const int box[6])
{
  return (gsize) (box[3] - box[0]) * (gsize) (box[4] - box[1]) * (gsize) (box[5] - box[2]);
}

/* Voxel (box[0], j, k). */
static guint8 *
row_of (const Layer *layer, int j, int k)
{
  const int *box = layer->box;

  return (guint8 *) sag_block_get_data (layer->block)
         + ((gsize) (k - box[2]) * (gsize) (box[4] - box[1]) + (gsize) (j - box[1]))
               * (gsize) (box[3] - box[0]);
}

/* Appends an empty layer over `box`. */
static Layer *
add_layer (SagLayers *self, const int box[6], GError **error)
{
  Layer layer = { .is_whole = FALSE };

  layer.block = sag_block_new (MAX (get_size (box), 1), "the segments", error);

  if (layer.block == NULL)
    return NULL;
  memcpy (layer.box, box, sizeof layer.box);
  g_array_append_val (self->layers, layer);
  return &g_array_index (self->layers, Layer, self->layers->len - 1);
}

static Layer *
add_whole (SagLayers *self, GError **error)
{
  const int box[6] = { 0, 0, 0, self->grid.size[0], self->grid.size[1], self->grid.size[2] };
  Layer *layer = add_layer (self, box, error);

  if (layer != NULL)
    layer->is_whole = TRUE;
  return layer;
}

guint8 *
sag_layers_get_whole (SagLayers *self, int layer, GError **error)
{
  while ((int) self->layers->len <= layer)
    if (add_whole (self, error) == NULL)
      return NULL;
  return sag_block_get_data (g_array_index (self->layers, Layer, layer).block);
}

/* FALSE if the masks are empty. */
static gboolean
find_box (const SagGrid *grid, const int *ks, int n, const guint8 *masks, int box[6])
{
  int columns = grid->size[0];

  for (int a = 0; a < 3; a++)
    {
      box[a] = G_MAXINT;
      box[3 + a] = 0;
    }
  for (int f = 0; f < n; f++)
    for (int j = 0; j < grid->size[1]; j++, masks += columns)
      {
        int from = 0, to = columns;

        if (masks[0] == 0 && memcmp (masks, masks + 1, (gsize) columns - 1) == 0)
          continue; /* all alike */
        while (masks[from] == 0)
          from++;
        while (masks[to - 1] == 0)
          to--;
        box[0] = MIN (box[0], from);
        box[1] = MIN (box[1], j);
        box[2] = MIN (box[2], ks[f]);
        box[3] = MAX (box[3], to);
        box[4] = MAX (box[4], j + 1);
        box[5] = MAX (box[5], ks[f] + 1);
      }
  return box[3] > 0;
}

/* Is a voxel of the masks taken by another label? */
static gboolean
is_taken (const Layer *layer, const SagGrid *grid, guint8 value, const int *ks, int n, const guint8 *masks,
          const int box[6])
{
  int i0 = MAX (box[0], layer->box[0]), i1 = MIN (box[3], layer->box[3]);

  for (int f = 0; f < n; f++)
    {
      if (ks[f] < layer->box[2] || ks[f] >= layer->box[5])
        continue;
      for (int j = MAX (box[1], layer->box[1]); j < MIN (box[4], layer->box[4]); j++)
        {
          const guint8 *mask = masks + ((gsize) f * (gsize) grid->size[1] + (gsize) j) * (gsize) grid->size[0];
          const guint8 *row = row_of (layer, j, ks[f]) - layer->box[0];

          for (int i = i0; i < i1; i++)
            if (mask[i] != 0 && row[i] != 0 && row[i] != value)
              return TRUE;
        }
    }
  return FALSE;
}

/* The smallest box around both. */
static void
join (const int a[6], const int b[6], int out[6])
{
  for (int n = 0; n < 3; n++)
    {
      out[n] = MIN (a[n], b[n]);
      out[3 + n] = MAX (a[3 + n], b[3 + n]);
    }
}

/* Makes room for `box` in a layer. */
static gboolean
grow (Layer *layer, const int box[6], GError **error)
{
  Layer wider = *layer;

  join (layer->box, box, wider.box);
  if (get_size (wider.box) == get_size (layer->box))
    return TRUE;
  wider.block = sag_block_new (get_size (wider.box), "the segments", error);
  if (wider.block == NULL)
    return FALSE;
  for (int k = layer->box[2]; k < layer->box[5]; k++)
    for (int j = layer->box[1]; j < layer->box[4]; j++)
      memcpy (row_of (&wider, j, k) + (layer->box[0] - wider.box[0]), row_of (layer, j, k),
              (gsize) (layer->box[3] - layer->box[0]));
  sag_block_unref (layer->block);
  *layer = wider;
  return TRUE;
}

/* The first layer if the label fits there; else one that is not made larger by it than both are apart; else one
 * more. */
static Layer *
find_layer (SagLayers *self, guint8 value, const int *ks, int n, const guint8 *masks, const int box[6],
            GError **error)
{
  for (guint l = 0; l < self->layers->len; l++)
    {
      Layer *layer = &g_array_index (self->layers, Layer, l);
      int both[6];

      join (layer->box, box, both);
      if (!layer->has[value] && get_size (both) <= get_size (layer->box) + get_size (box)
          && !is_taken (layer, &self->grid, value, ks, n, masks, box))
        return grow (layer, box, error) ? layer : NULL;
    }
  return self->layers->len == 0 ? add_whole (self, error) : add_layer (self, box, error);
}

/* A layer for a label without voxels. */
static Layer *
find_any (SagLayers *self, guint8 value, GError **error)
{
  const int nothing[6] = { 0 };

  for (guint l = 0; l < self->layers->len; l++)
    if (!g_array_index (self->layers, Layer, l).has[value])
      return &g_array_index (self->layers, Layer, l);
  return self->layers->len == 0 ? add_whole (self, error) : add_layer (self, nothing, error);
}

static void
widen (Layer *layer, const int box[6])
{
  if (get_size (layer->used) == 0)
    memcpy (layer->used, box, sizeof layer->used);
  else
    join (layer->used, box, layer->used);
}

void
sag_layers_widen (SagLayers *self, int layer, const int box[6])
{
  widen (&g_array_index (self->layers, Layer, layer), box);
}

int
sag_layers_place (SagLayers *self, guint8 value, const int *ks, int n, const guint8 *masks, GError **error)
{
  int box[6];
  gboolean any = n > 0 && find_box (&self->grid, ks, n, masks, box);
  Layer *layer = any ? find_layer (self, value, ks, n, masks, box, error) : find_any (self, value, error);

  if (layer == NULL)
    return -1;
  layer->has[value] = TRUE;
  for (int f = 0; f < n && any; f++)
    for (int j = box[1]; j < box[4] && ks[f] >= box[2] && ks[f] < box[5]; j++)
      {
        const guint8 *mask
            = masks + ((gsize) f * (gsize) self->grid.size[1] + (gsize) j) * (gsize) self->grid.size[0];
        guint8 *row = row_of (layer, j, ks[f]) - layer->box[0];

        for (int i = box[0]; i < box[3]; i++)
          if (mask[i] != 0)
            row[i] = value;
      }
  if (any && layer->is_whole)
    widen (layer, box);
  return (int) (layer - (Layer *) (gpointer) self->layers->data);
}

/* A whole layer gives up what no label needs; not worth a copy where they need nearly all. */
static gboolean
crop (Layer *layer, GError **error)
{
  Layer smaller = *layer;

  if (!layer->is_whole || get_size (layer->used) > get_size (layer->box) / 8 * 7)
    return TRUE;
  memcpy (smaller.box, layer->used, sizeof smaller.box);
  smaller.is_whole = FALSE;
  smaller.block = sag_block_new (MAX (get_size (smaller.box), 1), "the segments", error);
  if (smaller.block == NULL)
    return FALSE;
  for (int k = smaller.box[2]; k < smaller.box[5]; k++)
    for (int j = smaller.box[1]; j < smaller.box[4]; j++)
      memcpy (row_of (&smaller, j, k), row_of (layer, j, k) + smaller.box[0],
              (gsize) (smaller.box[3] - smaller.box[0]));
  sag_block_unref (layer->block);
  *layer = smaller;
  return TRUE;
}

SagLabelmap *
sag_layers_make_map (SagLayers *self, int layer, const SagLabel *labels, int n_labels, GError **error)
{
  Layer *from = &g_array_index (self->layers, Layer, layer);

  if (!crop (from, error))
    return NULL;
  return sag_labelmap_new_boxed (&self->grid, from->box, from->block, 0, labels, n_labels, error);
}
