/* SPDX-License-Identifier: Apache-2.0
 *
 * statistics.c: what is true of each label.
 */
#include "app/work/statistics.h"

#include "app/dicom/seg.h"
#include "app/files/save.h"

#include <math.h>

typedef struct
{
  guint64 n;
  double  sum, squares;
} Sums;

/* One slice of one layer, to the sums of the labels' numbers: no sum of a whole volume loses the small values of the
 * next. */
static void
add_slice (SagLabelmap *layer, const guint8 *labels, const float *values, gsize n, Sums *sums)
{
  Sums slice[256] = { 0 };

  for (gsize p = 0; p < n; p++)
    if (labels[p] != 0 && isfinite (values[p]))
      {
        Sums *s = &slice[labels[p]];

        s->n++;
        s->sum += (double) values[p];
        s->squares += (double) values[p] * (double) values[p];
      }
  for (int value = 1; value < 256; value++)
    {
      const SagLabel *label = slice[value].n > 0 ? sag_labelmap_find_label (layer, (guint8) value) : NULL;
      Sums *all = label != NULL ? &sums[sag_label_get_number (label)] : NULL;

      if (all == NULL)
        continue;
      all->n += slice[value].n;
      all->sum += slice[value].sum;
      all->squares += slice[value].squares;
    }
}

gboolean
sag_statistics_find_values (SagSegmentation *segmentation, SagVolume *volume,
                            SagLabelValues *values)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  gsize n = (gsize) grid->size[0] * (gsize) grid->size[1];
  g_autoptr (SagSegmentation) here = NULL;
  g_autofree float *slice = NULL;
  g_autofree guint8 *room = NULL;
  g_autofree Sums *sums = NULL;

  if (sag_volume_get_voxel_type (volume) == SAG_VOXEL_RGB8)
    return FALSE;
  here = sag_grid_equal (sag_segmentation_get_grid (segmentation), grid)
             ? sag_segmentation_ref (segmentation)
             : sag_seg_regrid (segmentation, grid, NULL);
  if (here == NULL)
    return FALSE;
  slice = g_new (float, n);
  room = g_malloc (n);
  sums = g_new0 (Sums, SAG_LABEL_NUMBERS);
  for (int k = 0; k < grid->size[2]; k++)
    {
      sag_volume_get_values (volume, k, slice);
      for (int layer = 0; layer < sag_segmentation_get_n_layers (here); layer++)
        {
          SagLabelmap *map = sag_segmentation_get_layer (here, layer);
          const guint8 *labels = sag_labelmap_get_slice (map, k, room);

          if (labels != NULL)
            add_slice (map, labels, slice, n, sums);
        }
    }
  for (int number = 0; number < SAG_LABEL_NUMBERS; number++)
    {
      const Sums *s = &sums[number];
      double mean = s->n > 0 ? s->sum / (double) s->n : NAN;
      double variance = s->n > 0 ? s->squares / (double) s->n - mean * mean : NAN;

      values[number] = (SagLabelValues) { s->n, mean, sqrt (MAX (variance, 0)) };
    }
  return TRUE;
}

/* ---- as a table */

static void
add_text (GString *row, const char *text)
{
  g_string_append_c (row, '"');
  for (; *text != '\0'; text++)
    {
      if (*text == '"')
        g_string_append_c (row, '"');
      g_string_append_c (row, *text);
    }
  g_string_append (row, "\",");
}

/* With a point, whatever the locale; "" for what is not known. */
static void
add_number (GString *row, double value, const char *format)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isfinite (value))
    g_string_append (row, g_ascii_formatd (text, sizeof text, format, value));
  g_string_append_c (row, ',');
}

static double
get_confidence (SagSegmentation *segmentation, SagLabelmap *layer, guint8 value)
{
  SagBlock *block = sag_segmentation_get_confidence (segmentation);
  const int *size = sag_labelmap_get_grid (layer)->size;
  const guint8 *labels = sag_labelmap_get_box_voxels (layer);
  const guint8 *confidence = block != NULL ? sag_block_get_data (block) : NULL;
  gsize found = 0;
  guint64 sum = 0;
  int box[6];

  sag_labelmap_get_box (layer, box);
  for (int k = box[2]; k < box[5] && confidence != NULL; k++)
    for (int j = box[1]; j < box[4]; j++, labels += box[3] - box[0])
      {
        const guint8 *row = confidence + ((gsize) k * (gsize) size[1] + (gsize) j) * (gsize) size[0] + box[0];

        for (int i = 0; i < box[3] - box[0]; i++)
          if (labels[i] == value)
            {
              sum += row[i];
              found++;
            }
      }
  return found > 0 ? (double) sum / (255.0 * (double) found) : NAN;
}

static void
add_row (GString *table, SagSegmentation *segmentation, SagLabelmap *layer, const SagLabel *label,
         const SagLabelStats *stats, const SagLabelValues *values, SagVolume *volume)
{
  gboolean real = volume != NULL ? sag_volume_is_spatial (volume) : sag_segmentation_get_has_place (segmentation);
  gboolean placed = real && stats->n_voxels > 0;

  g_string_append_printf (table, "%d,", sag_label_get_number (label));
  add_text (table, label->name);
  g_string_append_printf (table, "%" G_GUINT64_FORMAT ",", (guint64) stats->n_voxels);
  add_number (table, real ? stats->ml : NAN, "%.4f");
  add_number (table, values != NULL ? values->mean : NAN, "%.3f");
  add_number (table, values != NULL ? values->sd : NAN, "%.3f");
  add_text (table, values != NULL ? sag_volume_get_unit (volume) : "");
  add_number (table, get_confidence (segmentation, layer, label->value), "%.4f");
  for (int c = 0; c < 3; c++)
    add_number (table, placed ? stats->centroid[c] : NAN, "%.3f");
  add_text (table, label->category.meaning);
  add_text (table, label->type.meaning);
  g_string_truncate (table, table->len - 1);
  g_string_append (table, "\r\n");
}

gboolean
sag_statistics_write_csv (const char *path, SagSegmentation *segmentation, SagVolume *volume,
                          GError **error)
{
  g_autoptr (GString) table = g_string_new (
      "label,name,voxels,ml,mean,sd,unit,confidence,centroid_x_mm_lps,centroid_y_mm_lps,"
      "centroid_z_mm_lps,category,type\r\n");
  g_autofree SagLabelStats *stats = g_new (SagLabelStats, 256);
  g_autofree SagLabelValues *values = g_new (SagLabelValues, SAG_LABEL_NUMBERS);
  gboolean known = volume != NULL && sag_statistics_find_values (segmentation, volume, values);

  for (int n = 0; n < sag_segmentation_get_n_layers (segmentation); n++)
    {
      SagLabelmap *layer = sag_segmentation_get_layer (segmentation, n);
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (layer, &n_labels);

      sag_labelmap_measure (layer, stats);
      for (int l = 0; l < n_labels; l++)
        add_row (table, segmentation, layer, &labels[l], &stats[labels[l].value],
                 known ? &values[sag_label_get_number (&labels[l])] : NULL, volume);
    }
  return sag_save_bytes (path, table->str, table->len, error);
}
