/* SPDX-License-Identifier: Apache-2.0
 *
 * anatomy.c: names of parts of the body in the language of the window.
 */
#include "app/state/anatomy.h"

#include <glib/gi18n-lib.h>

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
