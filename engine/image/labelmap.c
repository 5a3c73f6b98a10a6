/* SPDX-License-Identifier: Apache-2.0
 *
 * labelmap.c: one label a voxel, and what the labels mean.
 */
#include "engine/image/labelmap.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <math.h>
#include <string.h>

struct _SagLabelmap
{
  gatomicrefcount refs;
  SagGrid         grid;
  SagBlock       *block;
  gsize           offset;     /* of the voxels in the block */
  int             box[6];     /* what they are: half open */
  gboolean        is_whole;   /* the box is the grid */
  SagLabel       *labels;
  int             n_labels;
  gint16          index[256]; /* of a value in labels; -1: none */
};

static void
whole_box (const SagGrid *grid, int box[6])
{
  for (int a = 0; a < 3; a++)
    {
      box[a] = 0;
      box[3 + a] = grid->size[a];
    }
}

/* Voxels of a box that lies in the grid. */
static gsize
box_size (const int box[6])
{
  return (gsize) (box[3] - box[0]) * (gsize) (box[4] - box[1]) * (gsize) (box[5] - box[2]);
}

static gboolean
check_labels (const SagLabel *labels, int n_labels, gint16 index[256], GError **error)
{
  memset (index, 0xff, 256 * sizeof *index);
  for (int n = 0; n < n_labels; n++)
    {
      if (labels[n].value == 0 || index[labels[n].value] >= 0)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       labels[n].value == 0 ? "Label %d ('%s') has the value 0, which is background"
                                            : "Label value %d ('%s') is given twice",
                       labels[n].value == 0 ? n + 1 : labels[n].value, labels[n].name);
          return FALSE;
        }
      if (labels[n].number < 0 || labels[n].number >= SAG_LABEL_NUMBERS)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       "Label '%s' has the number %d; numbers go from 1 to %d", labels[n].name, labels[n].number,
                       SAG_LABEL_NUMBERS - 1);
          return FALSE;
        }
      index[labels[n].value] = (gint16) n;
    }
  return TRUE;
}

SagLabelmap *
sag_labelmap_new_boxed (const SagGrid *grid, const int box[6], SagBlock *block, gsize offset,
                        const SagLabel *labels, int n_labels, GError **error)
{
  gint16 index[256];
  SagLabelmap *self;
  int whole[6];

  if (!sag_grid_check (grid, error) || !check_labels (labels, n_labels, index, error))
    return NULL;
  for (int a = 0; a < 3; a++)
    if (box[a] < 0 || box[3 + a] < box[a] || box[3 + a] > grid->size[a])
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                     "The labels' box reaches beyond their size of %d x %d x %d", grid->size[0],
                     grid->size[1], grid->size[2]);
        return NULL;
      }
  if (offset > sag_block_get_size (block) || sag_block_get_size (block) - offset < box_size (box))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "The labels' memory holds fewer voxels than their size of %d x %d x %d",
                   box[3] - box[0], box[4] - box[1], box[5] - box[2]);
      return NULL;
    }
  whole_box (grid, whole);
  self = g_new0 (SagLabelmap, 1);
  g_atomic_ref_count_init (&self->refs);
  self->grid = *grid;
  self->block = sag_block_ref (block);
  self->offset = offset;
  memcpy (self->box, box, sizeof self->box);
  self->is_whole = memcmp (box, whole, sizeof whole) == 0;
  self->labels = g_memdup2 (labels, sizeof *labels * (gsize) n_labels);
  self->n_labels = n_labels;
  memcpy (self->index, index, sizeof index);
  return self;
}

SagLabelmap *
sag_labelmap_new (const SagGrid *grid, SagBlock *block, const SagLabel *labels, int n_labels,
                  GError **error)
{
  g_autoptr (SagBlock) owned = NULL;
  int box[6];

  if (!sag_grid_check (grid, error))
    return NULL;
  owned = block != NULL ? sag_block_ref (block)
                        : sag_block_new (sag_grid_get_n_voxels (grid), "the labels", error);
  if (owned == NULL)
    return NULL;
  whole_box (grid, box);
  return sag_labelmap_new_boxed (grid, box, owned, 0, labels, n_labels, error);
}

SagLabelmap *
sag_labelmap_ref (SagLabelmap *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
sag_labelmap_unref (SagLabelmap *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  sag_block_unref (self->block);
  g_free (self->labels);
  g_free (self);
}

const SagGrid *
sag_labelmap_get_grid (const SagLabelmap *self)
{
  return &self->grid;
}

SagBlock *
sag_labelmap_get_block (const SagLabelmap *self)
{
  return self->block;
}

gsize
sag_labelmap_get_offset (const SagLabelmap *self)
{
  return self->offset;
}

guint8 *
sag_labelmap_get_voxels (const SagLabelmap *self)
{
  return self->is_whole ? (guint8 *) sag_block_get_data (self->block) + self->offset : NULL;
}

void
sag_labelmap_get_box (const SagLabelmap *self, int box[6])
{
  memcpy (box, self->box, sizeof self->box);
}

const guint8 *
sag_labelmap_get_box_voxels (const SagLabelmap *self)
{
  return (const guint8 *) sag_block_get_data (self->block) + self->offset;
}

static const guint8 *
box_row (const SagLabelmap *self, int j, int k)
{
  const int *box = self->box;

  return sag_labelmap_get_box_voxels (self)
         + ((gsize) (k - box[2]) * (gsize) (box[4] - box[1]) + (gsize) (j - box[1])) * (gsize) (box[3] - box[0]);
}

guint8
sag_labelmap_get_value (const SagLabelmap *self, int i, int j, int k)
{
  const int at[3] = { i, j, k };

  for (int a = 0; a < 3; a++)
    if (at[a] < self->box[a] || at[a] >= self->box[3 + a])
      return 0;
  return box_row (self, j, k)[i - self->box[0]];
}

void
sag_labelmap_copy_row (const SagLabelmap *self, int i0, int i1, int j, int k, guint8 *row)
{
  const int *box = self->box;
  int from = CLAMP (box[0], i0, i1), to = CLAMP (box[3], from, i1);

  if (j < box[1] || j >= box[4] || k < box[2] || k >= box[5])
    from = to = i1;
  memset (row, 0, (gsize) (from - i0));
  if (to > from)
    memcpy (row + (from - i0), box_row (self, j, k) + (from - box[0]), (gsize) (to - from));
  memset (row + (to - i0), 0, (gsize) (i1 - to));
}

const guint8 *
sag_labelmap_get_slice (const SagLabelmap *self, int k, guint8 *room)
{
  const int *size = self->grid.size;

  if (self->is_whole)
    return box_row (self, 0, k);
  if (k < self->box[2] || k >= self->box[5])
    return NULL;
  for (int j = 0; j < size[1]; j++)
    sag_labelmap_copy_row (self, 0, size[0], j, k, room + (gsize) j * (gsize) size[0]);
  return room;
}

SagBlock *
sag_labelmap_copy_voxels (const SagLabelmap *self, const char *what, GError **error)
{
  const int *size = self->grid.size, *box = self->box;
  SagBlock *copy = sag_block_new (sag_grid_get_n_voxels (&self->grid), what, error);
  guint8 *to;

  if (copy == NULL)
    return NULL;
  to = sag_block_get_data (copy);
  for (int k = box[2]; k < box[5]; k++)
    for (int j = box[1]; j < box[4]; j++)
      memcpy (to + ((gsize) k * (gsize) size[1] + (gsize) j) * (gsize) size[0] + box[0], box_row (self, j, k),
              (gsize) (box[3] - box[0]));
  return copy;
}

SagLabelmap *
sag_labelmap_to_whole (SagLabelmap *self, GError **error)
{
  g_autoptr (SagBlock) copy = NULL;

  if (self->is_whole)
    return sag_labelmap_ref (self);
  copy = sag_labelmap_copy_voxels (self, "the labels", error);
  return copy != NULL ? sag_labelmap_new (&self->grid, copy, self->labels, self->n_labels, error) : NULL;
}

/* The box of a row's labels along i, joined to `box`; FALSE if it has none. */
static gboolean
join_row (const guint8 *row, int i0, int i1, int box[6])
{
  int first = 0, last = i1 - i0;

  /* Most rows hold nothing: eight voxels at a time. */
  for (; first + 8 <= last; first += 8)
    {
      guint64 word;

      memcpy (&word, row + first, sizeof word);
      if (word != 0)
        break;
    }
  while (first < last && row[first] == 0)
    first++;
  if (first == last)
    return FALSE;
  while (row[last - 1] == 0)
    last--;
  box[0] = MIN (box[0], i0 + first);
  box[3] = MAX (box[3], i0 + last);
  return TRUE;
}

SagLabelmap *
sag_labelmap_crop (SagLabelmap *self, GError **error)
{
  const int *all = self->box;
  int box[6] = { all[3], all[4], all[5], all[0], all[1], all[2] };
  g_autoptr (SagBlock) block = NULL;
  guint8 *to;

  for (int k = all[2]; k < all[5]; k++)
    for (int j = all[1]; j < all[4]; j++)
      if (join_row (box_row (self, j, k), all[0], all[3], box))
        {
          box[1] = MIN (box[1], j);
          box[4] = MAX (box[4], j + 1);
          box[2] = MIN (box[2], k);
          box[5] = MAX (box[5], k + 1);
        }
  if (box[3] <= box[0]) /* nothing: one voxel of background */
    for (int a = 0; a < 3; a++)
      {
        box[a] = all[a];
        box[3 + a] = MIN (all[a] + 1, all[3 + a]);
      }
  if (box_size (box) > box_size (all) / 4 * 3)
    return sag_labelmap_ref (self);
  block = sag_block_new (box_size (box), "the labels", error);
  if (block == NULL)
    return NULL;
  to = sag_block_get_data (block);
  for (int k = box[2]; k < box[5]; k++)
    for (int j = box[1]; j < box[4]; j++, to += box[3] - box[0])
      memcpy (to, box_row (self, j, k) + box[0] - all[0], (gsize) (box[3] - box[0]));
  return sag_labelmap_new_boxed (&self->grid, box, block, 0, self->labels, self->n_labels, error);
}

gboolean
sag_labelmap_pack (SagLabelmap **maps, int n, GError **error)
{
  g_autoptr (SagBlock) block = NULL;
  gsize bytes = 0, at = 0;

  for (int m = 0; m < n; m++)
    bytes += maps[m]->is_whole ? 0 : box_size (maps[m]->box);
  if (bytes == 0)
    return TRUE;
  block = sag_block_new (bytes, "the labels", error);
  for (int m = 0; m < n && block != NULL; m++)
    if (!maps[m]->is_whole)
      {
        gsize size = box_size (maps[m]->box);
        SagLabelmap *moved = sag_labelmap_new_boxed (&maps[m]->grid, maps[m]->box, block, at, maps[m]->labels,
                                                     maps[m]->n_labels, error);

        if (moved == NULL)
          return FALSE;
        memcpy ((guint8 *) sag_block_get_data (block) + at, sag_labelmap_get_box_voxels (maps[m]), size);
        sag_labelmap_unref (maps[m]); /* its memory goes before the next is needed */
        maps[m] = moved;
        at += size;
      }
  return block != NULL;
}

const SagLabel *
sag_labelmap_get_labels (const SagLabelmap *self, int *n_labels)
{
  *n_labels = self->n_labels;
  return self->labels;
}

const SagLabel *
sag_labelmap_find_label (const SagLabelmap *self, guint8 value)
{
  return self->index[value] >= 0 ? &self->labels[self->index[value]] : NULL;
}

const SagLabel *
sag_labelmap_find_number (const SagLabelmap *self, int number)
{
  for (int n = 0; n < self->n_labels; n++)
    if (sag_label_get_number (&self->labels[n]) == number)
      return &self->labels[n];
  return NULL;
}

/* What one thread has seen of one label. All integers, so that the order of adding does not matter.
 */
typedef struct
{
  guint64 count, sum[3];
  int     lower[3], upper[3];
} Tally;

typedef struct
{
  const SagLabelmap *map;
  Tally             *tallies; /* [threads][256] */
} Measure;

static void
measure_slice (gsize item, int thread, gpointer data)
{
  const Measure *measure = data;
  const int *box = measure->map->box;
  Tally *tallies = measure->tallies + 256 * (gsize) thread;
  int k = box[2] + (int) item;
  const guint8 *row = box_row (measure->map, box[1], k);

  for (int j = box[1]; j < box[4]; j++, row += box[3] - box[0])
    for (int i = box[0], end; i < box[3]; i = end)
      {
        guint8 value = row[i - box[0]];
        Tally *tally = &tallies[value];
        guint64 run;

        for (end = i + 1; end < box[3] && row[end - box[0]] == value;)
          end++;
        if (value == 0)
          continue;
        run = (guint64) (end - i);
        tally->count += run;
        tally->sum[0] += run * (guint64) (i + end - 1) / 2;
        tally->sum[1] += run * (guint64) j;
        tally->sum[2] += run * (guint64) k;
        tally->lower[0] = MIN (tally->lower[0], i);
        tally->lower[1] = MIN (tally->lower[1], j);
        tally->lower[2] = MIN (tally->lower[2], k);
        tally->upper[0] = MAX (tally->upper[0], end);
        tally->upper[1] = MAX (tally->upper[1], j + 1);
        tally->upper[2] = MAX (tally->upper[2], k + 1);
      }
}

void
sag_labelmap_measure (const SagLabelmap *self, SagLabelStats *stats)
{
  int threads = sag_parallel_get_size ();
  g_autofree Tally *tallies = g_new0 (Tally, 256 * threads);
  Measure measure = { self, tallies };
  gsize labelled = 0;

  for (int n = 0; n < 256 * threads; n++)
    for (int a = 0; a < 3; a++)
      tallies[n].lower[a] = G_MAXINT;
  sag_parallel_for ((gsize) (self->box[5] - self->box[2]), measure_slice, &measure);

  memset (stats, 0, 256 * sizeof *stats);
  for (int value = 1; value < 256; value++)
    {
      Tally sum = tallies[value];
      SagLabelStats *out = &stats[value];
      double ijk[3];

      for (int t = 1; t < threads; t++)
        {
          const Tally *other = &tallies[256 * t + value];

          sum.count += other->count;
          for (int a = 0; a < 3; a++)
            {
              sum.sum[a] += other->sum[a];
              sum.lower[a] = MIN (sum.lower[a], other->lower[a]);
              sum.upper[a] = MAX (sum.upper[a], other->upper[a]);
            }
        }
      if (sum.count == 0)
        continue;
      for (int a = 0; a < 3; a++)
        {
          ijk[a] = (double) sum.sum[a] / (double) sum.count;
          out->box[a] = sum.lower[a];
          out->box[3 + a] = sum.upper[a];
        }
      out->n_voxels = sum.count;
      out->ml = (double) sum.count * sag_grid_get_voxel_ml (&self->grid);
      sag_grid_to_lps (&self->grid, ijk, out->centroid);
      labelled += sum.count;
    }
  stats[0].n_voxels = sag_grid_get_n_voxels (&self->grid) - labelled;
  stats[0].ml = (double) stats[0].n_voxels * sag_grid_get_voxel_ml (&self->grid);
}

/* Linear light -> sRGB in 0..255. Roots instead of the power: they are exact on every machine, and
 * the fit is good to half a step of 255. */
static guint8
encode_srgb (double linear)
{
  double x = CLAMP (linear, 0, 1);
  double s1 = sqrt (x), s2 = sqrt (s1), s3 = sqrt (s2);
  double y = 0.662002687 * s1 + 0.684122060 * s2 - 0.323583601 * s3 - 0.0225411470 * x;

  return (guint8) (CLAMP (y, 0, 1) * 255 + 0.5);
}

void
sag_label_default_colour (int index, guint8 rgb[3])
{
  /* Okabe and Ito, Color Universal Design (2002). */
  static const guint8 first[7][3] = {
    { 0xe6, 0x9f, 0x00 }, { 0x56, 0xb4, 0xe9 }, { 0x00, 0x9e, 0x73 }, { 0xf0, 0xe4, 0x42 },
    { 0x00, 0x72, 0xb2 }, { 0xd5, 0x5e, 0x00 }, { 0xcc, 0x79, 0xa7 },
  };
  /* Then Oklab (Ottosson 2020) at lightness 0.75, chroma 0.11, turning by the golden angle. */
  const double lightness = 0.75, cosine = -0.737368878, sine = 0.675490294;
  double a = 0.11, b = 0, l, m, s;

  if (index >= 0 && index < 7)
    {
      memcpy (rgb, first[index], 3);
      return;
    }
  for (int n = 7; n < index; n++)
    {
      double turned = a * cosine - b * sine;

      b = a * sine + b * cosine;
      a = turned;
    }
  l = lightness + 0.3963377774 * a + 0.2158037573 * b;
  m = lightness - 0.1055613458 * a - 0.0638541728 * b;
  s = lightness - 0.0894841775 * a - 1.2914855480 * b;
  l = l * l * l;
  m = m * m * m;
  s = s * s * s;
  rgb[0] = encode_srgb (4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  rgb[1] = encode_srgb (-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  rgb[2] = encode_srgb (-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
}
