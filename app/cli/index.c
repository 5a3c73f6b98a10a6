/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c: `sagitta-cli index`: what a folder holds.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/dicom/index.h"

static void
add_stack (JsonBuilder *b, const SagStack *stack)
{
  const SagGrid *grid = &stack->grid;

  json_builder_begin_object (b);
  sag_json_string (b, "name", stack->name);
  sag_json_boolean (b, "localizer", stack->is_localizer);
  sag_json_int (b, "images", stack->n_slices);
  json_builder_set_member_name (b, "size");
  json_builder_begin_array (b);
  for (int a = 0; a < 3; a++)
    json_builder_add_int_value (b, grid->size[a]);
  json_builder_end_array (b);
  sag_json_doubles (b, "spacing", grid->spacing, 3);
  json_builder_set_member_name (b, "findings");
  json_builder_begin_array (b);
  for (guint i = 0; i < stack->findings->len; i++)
    {
      const SagFinding *finding = g_ptr_array_index (stack->findings, i);

      json_builder_begin_object (b);
      sag_json_string (b, "kind", sag_finding_kind_get_name (finding->kind));
      sag_json_int (b, "slice", finding->slice);
      sag_json_double (b, "amount", finding->amount);
      sag_json_string (b, "text", finding->text);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
}

static void
add_series (JsonBuilder *b, const SagIndexSeries *series)
{
  static const char *const kinds[] = { "image", "segmentation", "other" };
  const SagDicomInstance *first = series->first;

  json_builder_begin_object (b);
  sag_json_string (b, "uid", first->series_instance_uid);
  sag_json_string (b, "kind", kinds[series->kind]);
  sag_json_string (b, "modality", first->modality);
  sag_json_string (b, "description", first->series_description);
  sag_json_int (b, "number", first->series_number);
  sag_json_int (b, "files", series->instances->len);
  sag_json_string (b, "transfer_syntax", first->transfer_syntax_uid);
  json_builder_set_member_name (b, "stacks");
  json_builder_begin_array (b);
  for (guint i = 0; i < series->stacks->len; i++)
    add_stack (b, g_ptr_array_index (series->stacks, i));
  json_builder_end_array (b);
  json_builder_end_object (b);
}

static void
print_json (const SagIndex *index)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  sag_json_int (b, "files", index->n_files);
  sag_json_int (b, "skipped", index->n_skipped);
  json_builder_set_member_name (b, "problems");
  json_builder_begin_array (b);
  for (guint i = 0; i < index->problems->len; i++)
    sag_json_add_string (b, g_ptr_array_index (index->problems, i));
  json_builder_end_array (b);
  json_builder_set_member_name (b, "studies");
  json_builder_begin_array (b);
  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      json_builder_begin_object (b);
      sag_json_string (b, "uid", study->first->study_instance_uid);
      sag_json_string (b, "date", study->first->study_date);
      sag_json_string (b, "description", study->first->study_description);
      sag_json_string (b, "patient_name", study->first->patient_name);
      sag_json_string (b, "patient_id", study->first->patient_id);
      json_builder_set_member_name (b, "series");
      json_builder_begin_array (b);
      for (guint j = 0; j < study->series->len; j++)
        add_series (b, g_ptr_array_index (study->series, j));
      json_builder_end_array (b);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

static void
print_stack (const SagIndexSeries *series, const SagStack *stack)
{
  const SagGrid *grid = &stack->grid;

  if (series->stacks->len > 1)
    g_print ("      stack%s%s%s", *stack->name != '\0' ? " " : "", stack->name,
             stack->is_localizer ? " (localizer)" : "");
  else
    g_print ("     ");
  g_print (" %d x %d x %d, %.3f x %.3f x %.3f mm\n", grid->size[0], grid->size[1], grid->size[2],
           grid->spacing[0], grid->spacing[1], grid->spacing[2]);
  for (guint i = 0; i < stack->findings->len; i++)
    g_print ("      ! %s\n", ((SagFinding *) g_ptr_array_index (stack->findings, i))->text);
}

static void
print_text (const SagIndex *index)
{
  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      g_print ("%s  %s  %s  %s\n", study->first->study_date, study->first->patient_name,
               study->first->patient_id, study->first->study_description);
      for (guint j = 0; j < study->series->len; j++)
        {
          const SagIndexSeries *series = g_ptr_array_index (study->series, j);
          g_autofree char *description = sag_index_series_describe (series);

          g_print ("  %4d %s\n      %s\n", series->first->series_number, description,
                   series->first->series_instance_uid);
          for (guint k = 0; k < series->stacks->len; k++)
            print_stack (series, g_ptr_array_index (series->stacks, k));
        }
    }
  for (guint i = 0; i < index->problems->len; i++)
    g_print ("! %s\n", (char *) g_ptr_array_index (index->problems, i));
  g_print ("%d files, %d not DICOM\n", index->n_files, index->n_skipped);
}

int
sag_command_index (int argc, char **argv)
{
  gboolean json = FALSE;
  int threads = 0;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  g_autoptr (SagIndex) index = NULL;
  GError *error = NULL;

  if (!sag_cli_parse (
          &argc, &argv, entries, "FOLDER",
          "Lists the studies, series and stacks of a folder, and what is wrong with them."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  sag_cli_set_threads (threads);
  index = sag_index_folder (argv[1], NULL, &error);
  if (index == NULL)
    return sag_cli_fail (argv[0], error);
  if (json)
    print_json (index);
  else
    print_text (index);
  return 0;
}
