/* SPDX-License-Identifier: Apache-2.0
 *
 * validate.c: `sagitta-cli validate`: what is wrong with files and series, in words.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/dicom/validate.h"

static char *
show_tag (const SagFault *fault)
{
  return fault->tag == 0 ? g_strdup ("")
                         : g_strdup_printf ("(%04x,%04x)", fault->tag >> 16, fault->tag & 0xffff);
}

static void
print_json (const SagValidation *validation, const char *path)
{
  JsonBuilder *b = json_builder_new ();

  json_builder_begin_object (b);
  sag_json_string (b, "path", path);
  sag_json_boolean (b, "valid", validation->n_errors == 0);
  sag_json_int (b, "files", validation->n_files);
  sag_json_int (b, "errors", validation->n_errors);
  sag_json_int (b, "warnings", validation->n_warnings);
  json_builder_set_member_name (b, "faults");
  json_builder_begin_array (b);
  for (guint i = 0; i < validation->faults->len; i++)
    {
      const SagFault *fault = g_ptr_array_index (validation->faults, i);
      g_autofree char *tag = show_tag (fault);

      json_builder_begin_object (b);
      sag_json_string (b, "severity", fault->is_error ? "error" : "warning");
      sag_json_string (b, "file", fault->path);
      sag_json_int (b, "files", fault->n_files);
      sag_json_string (b, "tag", tag);
      sag_json_string (b, "text", fault->text);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
}

int
sag_command_validate (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };
  g_autoptr (SagValidation) validation = NULL;
  GError *error = NULL;

  if (!sag_cli_parse (&argc, &argv, entries, "INPUT",
                      "Tells what is wrong with DICOM files and series. Exits with 1 if there are errors."))
    return 2;
  if (argc != 2)
    return sag_cli_usage (argv[0]);
  validation = sag_validate (argv[1], NULL, &error);
  if (validation == NULL)
    return sag_cli_fail (argv[0], error);
  if (json)
    print_json (validation, argv[1]);
  for (guint i = 0; i < validation->faults->len && !json; i++)
    {
      const SagFault *fault = g_ptr_array_index (validation->faults, i);
      g_autofree char *tag = show_tag (fault);
      g_autofree char *others
          = fault->n_files > 1 ? g_strdup_printf (" (and %d more)", fault->n_files - 1) : g_strdup ("");

      g_print ("%s %s%s: %s%s%s\n", fault->is_error ? "error  " : "warning", fault->path, others, tag,
               *tag != '\0' ? " " : "", fault->text);
    }
  if (!json)
    g_print ("%d files, %d errors, %d warnings\n", validation->n_files, validation->n_errors,
             validation->n_warnings);
  return validation->n_errors > 0 ? 1 : 0;
}
