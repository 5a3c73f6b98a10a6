/* SPDX-License-Identifier: Apache-2.0
 *
 * models.c: `sagitta-cli models`: what can be run, and what cannot and why.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/plugins.h"

static void
json_precisions (JsonBuilder *b, const SagPluginEntry *entry)
{
  json_builder_set_member_name (b, "precisions");
  json_builder_begin_array (b);
  for (int p = 0; p < SAG_N_PRECISIONS; p++)
    if ((entry->precisions & (1u << p)) != 0)
      json_builder_add_string_value (b, sag_precision_get_name (p));
  json_builder_end_array (b);
}

static void
json_code (JsonBuilder *b, const char *name, const SagCode *code)
{
  g_autofree char *text = code->value[0] != '\0'
                            ? g_strdup_printf ("%s:%s:%s", code->scheme, code->value, code->meaning)
                            : g_strdup ("");

  sag_json_string (b, name, text);
}

static void
json_labels (JsonBuilder *b, const SagRecipe *recipe)
{
  json_builder_set_member_name (b, "labels");
  json_builder_begin_array (b);
  for (int l = 0; l < recipe->n_labels; l++)
    {
      const SagLabel *label = &recipe->labels[l];
      g_autofree char *colour = g_strdup_printf ("#%02x%02x%02x", label->rgb[0], label->rgb[1],
                                                 label->rgb[2]);

      json_builder_begin_object (b);
      sag_json_int (b, "value", label->value);
      sag_json_string (b, "name", label->name);
      json_code (b, "category", &label->category);
      json_code (b, "type", &label->type);
      json_code (b, "modifier", &label->modifier);
      sag_json_string (b, "colour", colour);
      json_builder_end_object (b);
    }
  json_builder_end_array (b);
}

/* What the model was trained for; absent where it does not say. */
static void
json_fit (JsonBuilder *b, const SagRecipe *recipe)
{
  json_builder_set_member_name (b, "trained_on");
  json_builder_begin_object (b);
  if (recipe->spacing_max[0] > 0)
    {
      sag_json_doubles (b, "spacing_min", recipe->spacing_min, 3);
      sag_json_doubles (b, "spacing_max", recipe->spacing_max, 3);
    }
  if (recipe->intensity[0] != recipe->intensity[1])
    {
      const double range[2] = { recipe->intensity[0], recipe->intensity[1] };

      sag_json_doubles (b, "intensity", range, 2);
    }
  if (recipe->planes[0] != '\0')
    sag_json_string (b, "planes", recipe->planes);
  json_builder_end_object (b);
}

static void
json_entry (JsonBuilder *b, const SagPluginEntry *entry)
{
  const SagRecipe *recipe = entry->recipe;
  gint64 parameters;
  char sha256[65];

  json_builder_begin_object (b);
  sag_json_string (b, "id", recipe->id);
  sag_json_boolean (b, "usable", entry->failure == NULL);
  sag_json_string (b, "file", entry->file);
  if (entry->failure != NULL)
    sag_json_string (b, "failure", entry->failure);
  else
    {
      sag_json_string (b, "name", recipe->name);
      sag_json_string (b, "version", recipe->version);
      sag_json_string (b, "modality", recipe->modality);
      sag_json_string (b, "description", entry->description);
      sag_json_string (b, "licence", entry->licence);
      sag_json_string (b, "training_data", entry->data);
      sag_json_string (b, "accuracy", entry->accuracy);
      if (sag_plugin_entry_measure (entry, &parameters, sha256))
        {
          sag_json_string (b, "network", entry->onnx);
          sag_json_int (b, "parameters", parameters);
          sag_json_string (b, "sha256", sha256);
        }
      if (entry->card != NULL)
        sag_json_string (b, "card", entry->card);
      sag_json_string (b, "kind", entry->onnx == NULL   ? "code"
                                  : entry->code != NULL ? "network"
                                                        : "key file");
      json_precisions (b, entry);
      if (entry->onnx != NULL)
        {
          sag_json_doubles (b, "spacing", recipe->spacing, 3);
          sag_json_string (b, "orientation", recipe->orientation);
        }
      json_fit (b, recipe);
      json_labels (b, recipe);
    }
  json_builder_end_object (b);
}

static void
print_entry (const SagPluginEntry *entry)
{
  const SagRecipe *recipe = entry->recipe;

  if (entry->failure != NULL)
    {
      g_print ("%-28s cannot be used: %s (%s)\n", recipe->id, entry->failure, entry->file);
      return;
    }
  g_print ("%-28s %s %s, %s:", recipe->id, recipe->name, recipe->version,
           recipe->modality[0] != '\0' ? recipe->modality : "any modality");
  for (int l = 0; l < recipe->n_labels; l++)
    g_print ("%s %s", l > 0 ? "," : "", recipe->labels[l].name);
  g_print ("\n");
}

int
sag_command_models (int argc, char **argv)
{
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one line of JSON", NULL },
    { NULL }
  };
  g_autoptr (SagPluginHost) host = NULL;
  JsonBuilder *b;

  if (!sag_cli_parse (
          &argc, &argv, entries, "",
          "Lists the models found, and those that cannot be used and why. Folders are taken from "
          "SAG_PLUGIN_PATH, the user's data folder and the installation."))
    return 2;
  if (argc != 1)
    return sag_cli_usage (argv[0]);
  host = sag_cli_open_plugins ();
  if (!json)
    {
      for (int i = 0; i < sag_plugin_host_get_n_entries (host); i++)
        print_entry (sag_plugin_host_get_entry (host, i));
      return 0;
    }
  b = json_builder_new ();
  json_builder_begin_object (b);
  json_builder_set_member_name (b, "models");
  json_builder_begin_array (b);
  for (int i = 0; i < sag_plugin_host_get_n_entries (host); i++)
    json_entry (b, sag_plugin_host_get_entry (host, i));
  json_builder_end_array (b);
  json_builder_end_object (b);
  sag_cli_print_json (b);
  return 0;
}
