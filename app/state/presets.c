/* SPDX-License-Identifier: Apache-2.0
 *
 * presets.c: the windows radiologists switch between.
 */
#include "app/state/presets.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MAX_NAME 40 /* characters, as much as a menu shows */

static const struct
{
  const char    *modality;
  const char    *unit;
  const char    *id;
  const char    *name;
  SagWindowLevel window;
} table[] = {
  { "CT", "HU", "soft", N_ ("Soft tissue"), { 40, 400 } },
  { "CT", "HU", "lung", N_ ("Lung"), { -600, 1500 } },
  { "CT", "HU", "bone", N_ ("Bone"), { 400, 1800 } },
  { "CT", "HU", "brain", N_ ("Brain"), { 40, 80 } },
  { "CT", "HU", "mediastinum", N_ ("Mediastinum"), { 50, 350 } },
  { "CT", "HU", "liver", N_ ("Liver"), { 60, 160 } },
  { "CT", "HU", "angio", N_ ("Angiography"), { 300, 600 } },
  { "PT", "SUVbw", "suv5", N_ ("SUV 0 to 5"), { 2.5, 5 } },
  { "PT", "SUVbw", "suv10", N_ ("SUV 0 to 10"), { 5, 10 } },
};

static void
clear_preset (gpointer data)
{
  SagWindowPreset *preset = data;

  g_free (preset->id);
  g_free (preset->name);
}

GArray *
sag_presets_new (void)
{
  GArray *presets = g_array_new (FALSE, FALSE, sizeof (SagWindowPreset));

  g_array_set_clear_func (presets, clear_preset);
  return presets;
}

void
sag_presets_add (GArray *presets, const char *id, const char *name, SagWindowLevel window)
{
  glong length = MIN (g_utf8_strlen (name, -1), MAX_NAME);
  SagWindowPreset preset = { g_strdup (id), g_utf8_substring (name, 0, length), window };

  g_array_append_val (presets, preset);
}

void
sag_presets_add_modality (GArray *presets, const char *modality, const char *unit)
{
  for (gsize n = 0; n < G_N_ELEMENTS (table); n++)
    if (strcmp (table[n].modality, modality) == 0 && strcmp (table[n].unit, unit) == 0)
      sag_presets_add (presets, table[n].id, _ (table[n].name), table[n].window);
}
