/* SPDX-License-Identifier: Apache-2.0
 *
 * test-shipped.c: every model that ships, at every precision it offers, on pictures made here: the same
 * labels and confidences, byte by byte, as when shipped.txt was written. On any CPU level and number of
 * threads, as the engine promises the same bits.
 *
 * A line of shipped.txt: id, size along i, j, k, mm, smallest and largest value, precision, voxels with a
 * label, SHA-256 of labels and confidences. A line that differs is printed as it should be.
 */
#include "app/plugin/host.h"
#include "tests/app/synthetic.h"

static const char     *table;
static SagPluginHost *host;

typedef struct
{
  char   id[80], precision[8], sha256[80];
  int    size[3], n_labelled;
  double mm[3], low, high;
} Line;

/* How bright the scene is at a place of -1..1 along each axis, 0..1000: a body with two dark lungs, a
 * bright heart with dark cavity, and grain. Whole numbers only. */
static int
scene (int x, int y, int z, guint32 *grain)
{
  static const struct
  {
    int centre[3], radius[3], value; /* thousandths */
  } bodies[] = {
    { { 0, 0, 0 }, { 850, 700, 1100 }, 550 },     { { -360, -60, 0 }, { 270, 430, 900 }, 120 },
    { { 360, -60, 0 }, { 270, 430, 900 }, 150 },  { { 60, 120, 100 }, { 260, 240, 500 }, 700 },
    { { 60, 120, 100 }, { 150, 140, 350 }, 920 }, { { -80, 480, 0 }, { 130, 120, 1000 }, 330 },
  };
  int value = 20;

  for (gsize b = 0; b < G_N_ELEMENTS (bodies); b++)
    {
      gint64 place[3] = { x, y, z }, sum = 0;

      for (int a = 0; a < 3; a++)
        {
          gint64 d = (place[a] - bodies[b].centre[a]) * 1000 / bodies[b].radius[a];

          sum += d * d;
        }
      if (sum <= 1000000)
        value = bodies[b].value;
    }
  *grain = *grain * 1664525u + 1013904223u;
  return value + (int) (*grain >> 24) / 4;
}

static SagVolume *
make_volume (const Line *line)
{
  SagGrid grid;
  SagVolume *volume;
  const int *n = line->size;
  guint32 grain = 1;

  sag_grid_init (&grid, n, line->mm);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, line->low < 0 ? "HU" : "", NULL);
  for (int k = 0; k < n[2]; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int j = 0; j < n[1]; j++)
        for (int i = 0; i < n[0]; i++)
          {
            int v = scene ((2 * i + 1) * 1000 / n[0] - 1000, (2 * j + 1) * 1000 / n[1] - 1000,
                           (2 * k + 1) * 1000 / n[2] - 1000, &grain);

            slice[j * n[0] + i] = (gint16) (line->low + v * (line->high - line->low) / 1000);
          }
    }
  sag_volume_mark_ready (volume, 0, n[2]);
  return volume;
}

static gboolean
parse_line (const char *text, Line *line)
{
  return sscanf (text, "%79s %d %d %d %lf %lf %lf %lf %lf %7s %d %79s", line->id, &line->size[0],
                 &line->size[1], &line->size[2], &line->mm[0], &line->mm[1], &line->mm[2],
                 &line->low, &line->high, line->precision, &line->n_labelled, line->sha256) == 12;
}

static SagPrecision
precision_of (const char *name)
{
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if (g_str_equal (name, sag_precision_get_name (p)))
      return p;
  g_error ("'%s' is not a precision", name);
}

/* What the model of `line` found at FP32. */
static int
labelled_at_fp32 (const Line *line)
{
  g_auto (GStrv) lines = g_strsplit (table, "\n", -1);
  Line other;

  for (int l = 0; lines[l] != NULL; l++)
    if (parse_line (lines[l], &other) && g_str_equal (other.id, line->id) && g_str_equal (other.precision, "fp32"))
      return other.n_labelled;
  g_error ("shipped.txt has no line of %s at fp32", line->id);
}

static void
test_line (gconstpointer data)
{
  g_autofree char *doubt = NULL;
  SagSegmentReport report;
  Line line;
  g_autoptr (GError) error = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) result = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  const SagPluginEntry *entry;
  const guint8 *labels, *confidence;
  gsize n;
  int labelled = 0;

  g_assert_true (parse_line (data, &line));
  entry = sag_plugin_host_find (host, line.id, &error);
  g_assert_no_error (error);
  volume = make_volume (&line);
  result = sag_plugin_host_segment (host, entry, precision_of (line.precision), volume, NULL, NULL,
                                    &report, &error);
  g_assert_no_error (error);
  doubt = sag_segment_doubt (&report);
  g_test_message ("%.4f of the numbers saturated", report.saturated);
  if (precision_of (line.precision) < SAG_PRECISION_INT8)
    g_assert_cmpfloat (report.saturated, ==, 0);
  else if (labelled_at_fp32 (&line) == 0 && line.n_labelled > 0) /* of a picture it was not made for */
    g_assert_nonnull (doubt);
  n = (gsize) line.size[0] * (gsize) line.size[1] * (gsize) line.size[2];
  labels = sag_labelmap_get_voxels (sag_segmentation_get_layer (result, 0));
  confidence = sag_block_get_data (sag_segmentation_get_confidence (result));
  for (gsize v = 0; v < n; v++)
    labelled += labels[v] != 0;
  g_checksum_update (checksum, labels, (gssize) n);
  g_checksum_update (checksum, confidence, (gssize) n);
  if (labelled != line.n_labelled || !g_str_equal (g_checksum_get_string (checksum), line.sha256))
    {
      g_test_message ("%s %d %d %d %g %g %g %g %g %s %d %s", line.id, line.size[0], line.size[1],
                      line.size[2], line.mm[0], line.mm[1], line.mm[2], line.low, line.high,
                      line.precision, labelled, g_checksum_get_string (checksum));
      g_test_fail_printf ("labels or confidences differ");
    }
}

/* No model, and no precision a model offers, is left out of the table. */
static void
test_complete (void)
{
  g_auto (GStrv) lines = g_strsplit (table, "\n", -1);

  for (int e = 0; e < sag_plugin_host_get_n_entries (host); e++)
    {
      const SagPluginEntry *entry = sag_plugin_host_get_entry (host, e);

      g_assert_cmpstr (entry->failure, ==, NULL);
      for (int p = 0; p < SAG_N_PRECISIONS && entry->onnx != NULL; p++)
        {
          gboolean found = FALSE;
          Line line;

          for (int l = 0; lines[l] != NULL && !found; l++)
            found = parse_line (lines[l], &line) && g_str_equal (line.id, entry->recipe->id)
                    && precision_of (line.precision) == (SagPrecision) p;
          if ((entry->precisions & 1u << p) != 0 && !found)
            g_error ("shipped.txt has no line of %s at %s", entry->recipe->id,
                     sag_precision_get_name (p));
        }
    }
}

int
main (int argc, char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  const char *folders[2] = { NULL, NULL };
  int result;

  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 3);
  folders[0] = argv[1];
  g_assert_true (g_file_get_contents (argv[2], &text, NULL, &error));
  table = text;
  host = sag_plugin_host_new (folders);
  g_test_add_func ("/shipped/complete", test_complete);
  lines = g_strsplit (text, "\n", -1);
  for (int l = 0; lines[l] != NULL; l++)
    {
      Line line;

      if (parse_line (lines[l], &line))
        {
          g_autofree char *path = g_strdup_printf ("/shipped/%s/%s", line.id, line.precision);

          g_test_add_data_func (path, lines[l], test_line);
        }
    }
  result = g_test_run ();
  sag_plugin_host_free (host);
  return result;
}
