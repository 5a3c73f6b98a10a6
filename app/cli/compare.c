/* SPDX-License-Identifier: Apache-2.0
 *
 * compare.c: `sagitta-cli compare`: how alike two segmentations are, label by label.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/files/open.h"
#include "engine/base/error.h"
#include "engine/image/metrics.h"
#include "engine/image/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One segmentation on the grid of the comparison. */
typedef struct
{
  SagSegmentation *segmentation;
  GHashTable      *places; /* of its labels */
} Side;

typedef struct
{
  Side side[2];
} Sides;

static void
sides_clear (Sides *self)
{
  for (int s = 0; s < 2; s++)
    {
      g_clear_pointer (&self->side[s].places, g_hash_table_unref);
      g_clear_pointer (&self->side[s].segmentation, sag_segmentation_unref);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sides, sides_clear)

/* Laid on `grid`, and which labels it holds. */
static gboolean
side_lay (Side *self, const SagGrid *grid, GError **error)
{
  int n_layers = sag_segmentation_get_n_layers (self->segmentation);
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_labelmap_unref);
  gboolean has_place = sag_segmentation_get_has_place (self->segmentation);
  SagSegmentation *laid;

  for (int n = 0; n < n_layers && !sag_grid_equal (grid, sag_segmentation_get_grid (self->segmentation)); n++)
    {
      SagLabelmap *layer = sag_labelmap_resample (sag_segmentation_get_layer (self->segmentation, n), grid, error);

      if (layer == NULL)
        return FALSE;
      g_ptr_array_add (layers, layer);
    }
  if (layers->len > 0)
    {
      laid = sag_segmentation_new ((SagLabelmap *const *) layers->pdata, n_layers, NULL, NULL, error);
      if (laid == NULL)
        return FALSE;
      sag_segmentation_set_has_place (laid, has_place);
      sag_segmentation_unref (self->segmentation);
      self->segmentation = laid;
    }
  self->places = sag_segmentation_find_places (self->segmentation);
  return TRUE;
}

/* Two results of one image often differ in their boxes or in the order of their axes only (a SEG
 * spans the slices it has something in, NIfTI files run from posterior to anterior): then the
 * voxels are the same. The smallest grid with a's axes that holds both goes to `both`; FALSE if the
 * voxels do not coincide. */
static gboolean
find_common_grid (const SagGrid *a, const SagGrid *b, SagGrid *both)
{
  char code[4];
  SagTurn turn;
  SagGrid turned;
  double far[3], near[3], origin[3], n_both = 1;

  sag_grid_get_orientation (a, code);
  if (!sag_grid_turn (b, code, &turn, &turned, NULL))
    return FALSE;
  sag_grid_to_ijk (a, turned.origin, near);
  sag_grid_to_lps (
      &turned, (const double[]){ turned.size[0] - 1, turned.size[1] - 1, turned.size[2] - 1 }, far);
  sag_grid_to_ijk (a, far, far);
  *both = *a;
  for (int n = 0; n < 3; n++)
    {
      double first = floor (near[n] + 0.5), last = floor (far[n] + 0.5);

      if (fabs (near[n] - first) > 0.05 || fabs (far[n] - last) > 0.05
          || last - first != turned.size[n] - 1)
        return FALSE;
      origin[n] = MIN (first, 0);
      n_both *= MAX (last, a->size[n] - 1) - origin[n] + 1;
      if (n_both > 4e10)
        return FALSE;
      both->size[n] = (int) (MAX (last, a->size[n] - 1) - origin[n] + 1);
    }
  sag_grid_to_lps (a, origin, both->origin);
  /* Far apart, they are not of one image. */
  return n_both <= 8 * ((double) sag_grid_get_n_voxels (a) + (double) sag_grid_get_n_voxels (b));
}

static char *
describe_grid (const SagGrid *grid)
{
  char code[4];

  sag_grid_get_orientation (grid, code);
  return g_strdup_printf ("%d x %d x %d of %.4g x %.4g x %.4g mm, %s, from (%.1f, %.1f, %.1f)",
                          grid->size[0], grid->size[1], grid->size[2], grid->spacing[0],
                          grid->spacing[1], grid->spacing[2], code, grid->origin[0],
                          grid->origin[1], grid->origin[2]);
}

/* Reads both and lays them on one grid. */
static gboolean
open_sides (Sides *sides, char **paths, gboolean resample, GError **error)
{
  const SagGrid *grids[2];
  SagGrid both;

  for (int n = 0; n < 2; n++)
    {
      sides->side[n].segmentation = sag_open_segmentation (paths[n], NULL, error);
      if (sides->side[n].segmentation == NULL)
        return FALSE;
    }
  for (int n = 0; n < 2; n++) /* what knows no place lies on the other's pixels */
    if (!sag_segmentation_get_has_place (sides->side[n].segmentation)
        && sag_segmentation_get_has_place (sides->side[1 - n].segmentation))
      {
        SagSegmentation *laid
            = sag_seg_regrid (sides->side[n].segmentation,
                              sag_segmentation_get_grid (sides->side[1 - n].segmentation), error);

        if (laid == NULL)
          return FALSE;
        sag_segmentation_unref (sides->side[n].segmentation);
        sides->side[n].segmentation = laid;
      }
  for (int n = 0; n < 2; n++)
    grids[n] = sag_segmentation_get_grid (sides->side[n].segmentation);
  if (resample)
    both = *grids[0];
  else if (!find_common_grid (grids[0], grids[1], &both))
    {
      g_autofree char *a = describe_grid (grids[0]), *b = describe_grid (grids[1]);

      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                   "'%s' (%s) and '%s' (%s) lie on different grids; --resample brings the second "
                   "onto the first",
                   paths[0], a, paths[1], b);
      return FALSE;
    }
  return side_lay (&sides->side[0], &both, error) && side_lay (&sides->side[1], &both, error);
}

/* "1,2,7" as flags by value. */
static gboolean
parse_labels (const char *text, GHashTable *wanted, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);

  for (int n = 0; parts[n] != NULL; n++)
    {
      guint64 value;

      if (!g_ascii_string_to_unsigned (g_strstrip (parts[n]), 10, 1, SAG_LABEL_NUMBERS - 1, &value, NULL))
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       "'%s' is not a label value; use numbers from 1 to 65535, as in --labels 1,2",
                       parts[n]);
          return FALSE;
        }
      g_hash_table_add (wanted, GINT_TO_POINTER ((int) value));
    }
  return TRUE;
}

/* One row of the answer. */
typedef struct
{
  int          value;
  const char  *name;
  SagAgreement agreement;
} Row;

static gboolean
compare_label (const Sides *sides, int number, Row *row, GError **error)
{
  const SagLabelPlace *places[2];

  for (int n = 0; n < 2; n++)
    places[n] = g_hash_table_lookup (sides->side[n].places, GINT_TO_POINTER (number));
  row->value = number;
  row->name = "";
  for (int n = 0; n < 2; n++)
    if (places[n] != NULL && row->name[0] == '\0')
      row->name = places[n]->label->name;
  if (!sag_metrics_compare_places (places[0], places[1], TRUE, &row->agreement, error))
    return FALSE;
  if (!sag_segmentation_get_has_place (sides->side[0].segmentation)) /* nor has the other: pixels are no millimetres */
    row->agreement.hd95_mm = row->agreement.mean_mm = row->agreement.ml_a = row->agreement.ml_b = NAN;
  return TRUE;
}

static void
print_json (const GArray *rows, double mean)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  sag_json_double (b, "mean_dice", mean);
  json_builder_set_member_name (b, "labels");
  json_builder_begin_array (b);
  for (guint n = 0; n < rows->len; n++)
    {
      const Row *row = &g_array_index (rows, Row, n);

      json_builder_begin_object (b);
      sag_json_int (b, "value", row->value);
      sag_json_string (b, "name", row->name);
      sag_json_double (b, "dice", row->agreement.dice);
      sag_json_double (b, "hd95_mm", row->agreement.hd95_mm);
      sag_json_double (b, "mean_surface_mm", row->agreement.mean_mm);
      sag_json_double (b, "ml_a", row->agreement.ml_a);
      sag_json_double (b, "ml_b", row->agreement.ml_b);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static char *
known (double number)
{
  return isnan (number) ? g_strdup ("-") : g_strdup_printf ("%.2f", number);
}

static void
print_table (const GArray *rows, double mean)
{
  g_print ("%5s  %-24s %8s %10s %10s %10s\n", "value", "label", "Dice", "hd95 mm", "A ml", "B ml");
  for (guint n = 0; n < rows->len; n++)
    {
      const Row *row = &g_array_index (rows, Row, n);
      g_autofree char *hd95 = known (row->agreement.hd95_mm), *a = known (row->agreement.ml_a),
                      *b = known (row->agreement.ml_b);

      g_print ("%5d  %-24s %8.4f %10s %10s %10s\n", row->value, row->name, row->agreement.dice, hd95, a, b);
    }
  if (rows->len > 0)
    g_print ("%5s  %-24s %8.4f\n", "", "mean", mean);
  else
    g_print ("no label has a voxel in either\n");
}

static gboolean
compare (char **paths, const char *labels, gboolean resample, gboolean json, GError **error)
{
  g_auto (Sides) sides = { 0 };
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_autoptr (GHashTable) wanted = g_hash_table_new (NULL, NULL);
  double sum = 0;

  if (labels != NULL && !parse_labels (labels, wanted, error))
    return FALSE;
  if (!open_sides (&sides, paths, resample, error))
    return FALSE;
  for (int number = 1; number < SAG_LABEL_NUMBERS; number++)
    {
      gpointer key = GINT_TO_POINTER (number);
      Row row;

      if ((labels != NULL && !g_hash_table_contains (wanted, key))
          || (!g_hash_table_contains (sides.side[0].places, key) && !g_hash_table_contains (sides.side[1].places, key)))
        continue;
      if (!compare_label (&sides, number, &row, error))
        return FALSE;
      g_array_append_val (rows, row);
      sum += row.agreement.dice;
    }
  (json ? print_json : print_table) (rows, rows->len > 0 ? sum / rows->len : NAN);
  return TRUE;
}

int
sag_command_compare (int argc, char **argv)
{
  g_autofree char *labels = NULL;
  gboolean resample = FALSE, json = FALSE;
  int threads = 0;
  const GOptionEntry entries[] = {
    { "labels", 0, 0, G_OPTION_ARG_STRING, &labels, "Only these label values", "1,2" },
    { "resample", 0, 0, G_OPTION_ARG_NONE, &resample, "Bring B onto the grid of A by nearest voxel",
      NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One line of JSON", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  GError *error = NULL;

  if (!sag_cli_parse (
          &argc, &argv, entries, "A B",
          "Compares two segmentations (DICOM SEG or NIfTI labels): Dice, distances, volumes."))
    return 2;
  if (argc != 3)
    return sag_cli_usage ("compare");
  sag_cli_set_threads (threads);
  return compare (argv + 1, labels, resample, json, &error) ? 0 : sag_cli_fail ("compare", error);
}
