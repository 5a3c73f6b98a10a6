/* SPDX-License-Identifier: Apache-2.0
 *
 * anatomy.c: names of parts of the body in the language of the window.
 */
#include "app/state/anatomy.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define BODY " (body structure)"

/* What catalogues are asked for; a name that is not here may be any word of theirs. */
static const char *const terms[] = {
  N_ ("Left lung"),
  N_ ("Right lung"),
  N_ ("Lungs"),
  N_ ("Lesion"),
  N_ ("Left ventricle (blood)"),
  N_ ("Anterior hippocampus"),
  N_ ("Posterior hippocampus"),
  N_ ("Cerebral cortex"),
  N_ ("Cerebral white matter"),
  N_ ("Cerebrospinal fluid"),
  N_ ("Deep grey nuclei"),
  N_ ("Cerebellum"),
  N_ ("Brainstem"),
  N_ ("Bone"),
  /* Models. */
  N_ ("Lungs (CT)"),
  N_ ("Lungs (chest X-ray)"),
  N_ ("Lesion (breast ultrasound)"),
  N_ ("Left ventricle (cine MR)"),
  N_ ("Hippocampus (MR)"),
  N_ ("Hippocampus (MR, transformer)"),
  N_ ("Brain tissues (MR)"),
  N_ ("Threshold: bone"),
};

const char *
sag_anatomy_translate (const char *name)
{
  for (gsize n = 0; n < G_N_ELEMENTS (terms); n++)
    if (g_str_equal (name, terms[n]))
      return _ (terms[n]);
  return name;
}

char *
sag_anatomy_dup_name (const SagLabel *label)
{
  /* PS3.16 CID 244, and its codes of before 2020. */
  static const struct
  {
    const char *codes[2], *word;
  } sides[] = {
    { { "7771000", "G-A101" }, N_ ("left") },
    { { "24028007", "G-A100" }, N_ ("right") },
    { { "51440002", "G-A102" }, N_ ("both sides") },
  };
  const char *more = label->modifier.meaning;
  g_autofree char *name = g_strdup (sag_anatomy_translate (label->name));
  g_autofree char *said = g_utf8_casefold (label->name, -1), *word = g_utf8_casefold (more, -1);

  if (g_str_has_suffix (name, BODY)) /* in every such name of SNOMED CT */
    name[strlen (name) - strlen (BODY)] = '\0';
  if (*more == '\0' || strstr (said, word) != NULL)
    return g_steal_pointer (&name);
  for (gsize n = 0; n < G_N_ELEMENTS (sides); n++)
    if (g_str_equal (label->modifier.value, sides[n].codes[0]) || g_str_equal (label->modifier.value, sides[n].codes[1]))
      more = _ (sides[n].word);
  return g_strconcat (name, ", ", more, NULL);
}
