/* SPDX-License-Identifier: Apache-2.0
 *
 * export-anon.c: `sagitta-cli export-anon`: copies that do not say whose they are.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/dicom/deidentify.h"
#include "engine/base/error.h"

#include <stdlib.h>
#include <string.h>

static void
add_texts (JsonBuilder *b, const char *name, GPtrArray *texts)
{
  json_builder_set_member_name (b, name);
  json_builder_begin_array (b);
  for (guint i = 0; i < texts->len; i++)
    sag_json_add_string (b, g_ptr_array_index (texts, i));
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

/* Copies among the originals would be sent on with them. */
static gboolean
check_apart (const char *input, const char *folder, GError **error)
{
  g_autofree char *from = realpath (input, NULL), *to = NULL;
  g_autofree char *rest = g_canonicalize_filename (folder, NULL);
  gsize n;

  if (from == NULL || !g_file_test (from, G_FILE_TEST_IS_DIR))
    return TRUE;
  while ((to = realpath (rest, NULL)) == NULL && strcmp (rest, "/") != 0) /* the part that is there already */
    {
      char *parent = g_path_get_dirname (rest);

      g_free (rest);
      rest = parent;
    }
  n = strlen (from);
  if (to != NULL && strncmp (to, from, n) == 0 && (to[n] == '\0' || to[n] == '/' || n == 1))
    {
      g_autofree char *shown = sag_escape_name (folder, -1);

      return sag_invalid (error, "'%s' lies in the folder to be copied; choose one outside of it", shown);
    }
  return TRUE;
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
  if (argc != 3)
    return sag_cli_usage (argv[0]);
  if (keep && shift)
    return sag_cli_misuse (argv[0], "dates are kept or shifted, not both");
  dates = keep ? SAG_DATES_KEEP : shift ? SAG_DATES_SHIFT : SAG_DATES_REMOVE;
  if (check_apart (argv[1], argv[2], &error))
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
