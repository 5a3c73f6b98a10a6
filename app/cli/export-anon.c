/* SPDX-License-Identifier: Apache-2.0
 *
 * export-anon.c: `sagitta-cli export-anon`: copies that do not say whose they are.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/dicom/deidentify.h"

static void
add_texts (JsonBuilder *b, const char *name, GPtrArray *texts)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_array (b);
  for (guint i = 0; i < texts->len; i++)
    {
      g_autofree char *valid = g_utf8_make_valid (g_ptr_array_index (texts, i), -1);

      json_builder_add_string_value (b, valid);
    }
  json_builder_end_array (b);
}

static void
print_json (const SagDeidentified *report, const char *folder, SagDates dates)
{
  static const char *const names[] = { "removed", "shifted", "kept" };
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  sag_json_string (b, "output", folder);
  sag_json_int (b, "files", report->n_files);
  sag_json_string (b, "dates", names[dates]);
  json_builder_set_member_name (b, "series");
  json_builder_begin_array (b);
  for (guint i = 0; i < report->folders->len; i++)
    {
      json_builder_begin_object (b);
      sag_json_string (b, "uid", g_ptr_array_index (report->uids, i));
      sag_json_string (b, "folder", g_ptr_array_index (report->folders, i));
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  add_texts (b, "warnings", report->warnings);
  add_texts (b, "skipped", report->skipped);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

int
sag_command_export_anon (int argc, char **argv)
{
  gboolean json = FALSE, keep = FALSE, shift = FALSE;
  g_autofree char *series = NULL;
  const GOptionEntry entries[] = {
    { "series", 0, 0, G_OPTION_ARG_STRING, &series, "Only this series", "UID" },
    { "keep-dates", 0, 0, G_OPTION_ARG_NONE, &keep, "Keep dates and times as they are", NULL },
    { "shift-dates", 0, 0, G_OPTION_ARG_NONE, &shift,
      "Move all dates of a patient back by the same number of days", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };
  g_autoptr (SagIndex) index = NULL;
  g_autoptr (SagDeidentified) report = NULL;
  SagDates dates;
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "INPUT FOLDER",
                      "Copies images and segmentations without what says whose they are (PS3.15 basic "
                      "profile).\nDates are removed unless an option keeps them. Text in the pixels is "
                      "warned of, not removed."))
    return 2;
  if (argc != 3 || (keep && shift))
    return sag_cli_usage (argv[0]);
  dates = keep ? SAG_DATES_KEEP : shift ? SAG_DATES_SHIFT : SAG_DATES_REMOVE;
  index = sag_index_folder (argv[1], NULL, &error);
  if (index != NULL)
    report = sag_deidentify (index, series, argv[2], dates, NULL, &error);
  if (report == NULL)
    return sag_cli_fail (argv[0], error);
  if (json)
    {
      print_json (report, argv[2], dates);
      return 0;
    }
  for (guint i = 0; i < report->warnings->len; i++)
    g_print ("! %s\n", (char *) g_ptr_array_index (report->warnings, i));
  for (guint i = 0; i < report->skipped->len; i++)
    g_print ("! %s\n", (char *) g_ptr_array_index (report->skipped, i));
  g_print ("%d files in %u series\n", report->n_files, report->folders->len);
  return 0;
}
