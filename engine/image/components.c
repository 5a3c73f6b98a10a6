/* SPDX-License-Identifier: Apache-2.0
 *
 * components.c: connected parts of a labelmap, and tidying by them.
 *
 * Voxels are taken as runs along i, joined to the runs they touch in the rows before (union-find,
 * the first run of a part being its root): memory goes with the surface, not with the volume.
 */
#include "engine/image/components.h"

#include "engine/base/alloc.h"

#include <string.h>

typedef struct
{
  int i0, i1; /* half open */
  int parent; /* run; itself at a root */
} Run;

typedef struct
{
  Run  *runs;
  int   n;
  int  *rows;   /* first run of row j + k * size[1], and one past the last row */
  int   box[6]; /* what was looked at: i0, j0, k0, i1, j1, k1 */
} Runs;

/* Which voxels belong. */
typedef struct
{
  guint8   value;
  gboolean any;   /* every voxel but 0 */
  gboolean other; /* every voxel but `value` */
} Rule;

static inline gboolean
belongs (Rule rule, guint8 voxel)
{
  return rule.any ? voxel != 0 : (voxel == rule.value) != rule.other;
}

static void
runs_clear (Runs *self)
{
  sag_free (self->runs);
  sag_free (self->rows);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Runs, runs_clear)

/* Passes over a row; `runs` may be NULL to count only. */
static int
scan_row (const guint8 *row, int i0, int i1, Rule rule, Run *runs, int first)
{
  int n = 0;

  for (int i = i0; i < i1; i++)
    {
      int start;

      if (!belongs (rule, row[i]))
        continue;
      start = i;
      while (i + 1 < i1 && belongs (rule, row[i + 1]))
        i++;
      if (runs != NULL)
        runs[first + n] = (Run){ start, i + 1, first + n };
      n++;
    }
  return n;
}

static int
find_root (Run *runs, int run)
{
  while (runs[run].parent != run)
    {
      runs[run].parent = runs[runs[run].parent].parent;
      run = runs[run].parent;
    }
  return run;
}

static void
join (Run *runs, int a, int b)
{
  a = find_root (runs, a);
  b = find_root (runs, b);
  if (a < b)
    runs[b].parent = a;
  else
    runs[a].parent = b;
}

/* Joins the runs of two rows that overlap, or touch at a corner where `reach` is 1. */
static void
join_rows (Runs *self, int row, int other, int reach)
{
  Run *runs = self->runs;
  int a = self->rows[row], b = self->rows[other];

  while (a < self->rows[row + 1] && b < self->rows[other + 1])
    {
      if (runs[a].i0 < runs[b].i1 + reach && runs[b].i0 < runs[a].i1 + reach)
        join (runs, a, b);
      if (runs[a].i1 < runs[b].i1)
        a++;
      else
        b++;
    }
}

/* Finds and joins the runs within `box`; `corners`: 26 neighbours, else 6. */
static gboolean
runs_find (Runs *self, const guint8 *voxels, const int size[3], const int box[6], Rule rule,
           gboolean corners, GError **error)
{
  gsize n_rows = (gsize) size[1] * (gsize) size[2], n = 0;
  int count = 0;

  memcpy (self->box, box, sizeof self->box);
  self->rows = sag_alloc_try ((n_rows + 1) * sizeof (int), "finding connected parts", error);
  if (self->rows == NULL)
    return FALSE;
  for (gsize row = 0; row < n_rows; row++)
    {
      int j = (int) (row % (gsize) size[1]), k = (int) (row / (gsize) size[1]);

      self->rows[row] = (int) MIN (n, G_MAXINT);
      if (j >= box[1] && j < box[4] && k >= box[2] && k < box[5])
        n += (gsize) scan_row (voxels + row * (gsize) size[0], box[0], box[3], rule, NULL, 0);
    }
  self->rows[n_rows] = (int) MIN (n, G_MAXINT);
  /* Run numbers are ints; more than 2^31 runs would take 24 GB. */
  self->runs =
      sag_alloc_try (n < G_MAXINT ? n * sizeof (Run) : G_MAXSIZE, "finding connected parts", error);
  if (self->runs == NULL)
    return FALSE;
  for (gsize row = 0; row < n_rows; row++)
    {
      int j = (int) (row % (gsize) size[1]), k = (int) (row / (gsize) size[1]);

      if (self->rows[row + 1] == self->rows[row])
        continue;
      count += scan_row (voxels + row * (gsize) size[0], box[0], box[3], rule, self->runs, count);
      if (j > 0)
        join_rows (self, (int) row, (int) row - 1, corners);
      for (int dj = corners ? -1 : 0; dj <= (corners ? 1 : 0); dj++)
        if (k > 0 && j + dj >= 0 && j + dj < size[1])
          join_rows (self, (int) row, (int) row - size[1] + dj, corners);
    }
  self->n = count;
  for (int run = 0; run < count; run++)
    self->runs[run].parent = find_root (self->runs, run);
  return TRUE;
}

int
sag_components_find (const guint8 *voxels, const int size[3], guint8 value, gint32 *parts,
                     GArray *sizes, GError **error)
{
  const int whole[6] = { 0, 0, 0, size[0], size[1], size[2] };
  gsize columns = (gsize) size[0], n_rows = (gsize) size[1] * (gsize) size[2];
  g_auto (Runs) runs = { 0 };
  int *numbers;
  int n_parts = 0;

  if (!runs_find (&runs, voxels, size, whole, (Rule){ .value = value, .any = value == 0 }, TRUE,
                  error))
    return -1;
  numbers = sag_alloc_try (sizeof *numbers * (gsize) runs.n, "finding connected parts", error);
  if (numbers == NULL)
    return -1;
  if (sizes != NULL)
    g_array_set_size (sizes, 0);
  if (parts != NULL)
    memset (parts, 0, columns * n_rows * sizeof *parts);
  for (gsize row = 0; row < n_rows; row++)
    for (int n = runs.rows[row]; n < runs.rows[row + 1]; n++)
      {
        const Run *run = &runs.runs[n];
        guint64 length = (guint64) (run->i1 - run->i0);

        if (run->parent == n)
          {
            numbers[n] = ++n_parts;
            if (sizes != NULL)
              g_array_append_val (sizes, length);
          }
        else
          {
            numbers[n] = numbers[run->parent];
            if (sizes != NULL)
              g_array_index (sizes, guint64, numbers[n] - 1) += length;
          }
        for (int i = run->i0; parts != NULL && i < run->i1; i++)
          parts[row * columns + (gsize) i] = numbers[n];
      }
  sag_free (numbers);
  return n_parts;
}

gint64
sag_components_keep_largest (guint8 *voxels, const int size[3], guint8 value, GError **error)
{
  const int whole[6] = { 0, 0, 0, size[0], size[1], size[2] };
  gsize columns = (gsize) size[0], n_rows = (gsize) size[1] * (gsize) size[2];
  g_auto (Runs) runs = { 0 };
  guint64 *lengths;
  int best = 0;
  gint64 cleared = 0;

  if (!runs_find (&runs, voxels, size, whole, (Rule){ .value = value }, TRUE, error))
    return -1;
  lengths = sag_alloc_try (sizeof *lengths * (gsize) runs.n, "finding connected parts", error);
  if (lengths == NULL)
    return -1;
  for (int n = 0; n < runs.n; n++)
    lengths[runs.runs[n].parent] += (guint64) (runs.runs[n].i1 - runs.runs[n].i0);
  for (int n = 0; n < runs.n; n++)
    if (lengths[n] > lengths[best])
      best = n;
  sag_free (lengths);
  for (gsize row = 0; row < n_rows; row++)
    for (int n = runs.rows[row]; n < runs.rows[row + 1]; n++)
      if (runs.runs[n].parent != best)
        {
          memset (voxels + row * columns + runs.runs[n].i0, 0,
                  (gsize) (runs.runs[n].i1 - runs.runs[n].i0));
          cleared += runs.runs[n].i1 - runs.runs[n].i0;
        }
  return cleared;
}

/* The box of `value`; FALSE if there is none. */
static gboolean
find_box (const guint8 *voxels, const int size[3], guint8 value, int box[6])
{
  gsize columns = (gsize) size[0];

  memcpy (box, (const int[6]){ G_MAXINT, G_MAXINT, G_MAXINT, 0, 0, 0 }, 6 * sizeof (int));
  for (int k = 0; k < size[2]; k++)
    for (int j = 0; j < size[1]; j++, voxels += columns)
      {
        const guint8 *first = memchr (voxels, value, columns);
        const guint8 *last = first != NULL ? memrchr (voxels, value, columns) : NULL;

        if (first == NULL)
          continue;
        box[0] = MIN (box[0], (int) (first - voxels));
        box[3] = MAX (box[3], (int) (last - voxels) + 1);
        box[1] = MIN (box[1], j);
        box[4] = MAX (box[4], j + 1);
        box[2] = MIN (box[2], k);
        box[5] = k + 1;
      }
  return box[5] > 0;
}

gint64
sag_components_fill_holes (guint8 *voxels, const int size[3], guint8 value, GError **error)
{
  gsize columns = (gsize) size[0], n_rows = (gsize) size[1] * (gsize) size[2];
  g_auto (Runs) runs = { 0 };
  guint8 *open;
  gint64 filled = 0;
  int box[6];

  /* What leaves the label's box reaches the volume's border straight on. */
  if (!find_box (voxels, size, value, box))
    return 0;
  if (!runs_find (&runs, voxels, size, box, (Rule){ .value = value, .other = TRUE }, FALSE, error))
    return -1;
  open = sag_alloc_try ((gsize) runs.n, "finding connected parts", error);
  if (open == NULL)
    return -1;
  for (gsize row = 0; row < n_rows; row++)
    {
      int j = (int) (row % (gsize) size[1]), k = (int) (row / (gsize) size[1]);
      gboolean border = j == box[1] || j == box[4] - 1 || k == box[2] || k == box[5] - 1;

      for (int n = runs.rows[row]; n < runs.rows[row + 1]; n++)
        if (border || runs.runs[n].i0 == box[0] || runs.runs[n].i1 == box[3])
          open[runs.runs[n].parent] = 1;
    }
  for (gsize row = 0; row < n_rows; row++)
    for (int n = runs.rows[row]; n < runs.rows[row + 1]; n++)
      {
        guint8 *voxel = voxels + row * columns + runs.runs[n].i0;

        if (open[runs.runs[n].parent])
          continue;
        for (int i = runs.runs[n].i0; i < runs.runs[n].i1; i++, voxel++)
          if (*voxel == 0)
            {
              *voxel = value;
              filled++;
            }
      }
  sag_free (open);
  return filled;
}
