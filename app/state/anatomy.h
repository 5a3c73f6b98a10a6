/* SPDX-License-Identifier: Apache-2.0
 *
 * anatomy.h: names of parts of the body in the language of the window.
 */
#pragma once

#include "engine/image/labelmap.h"

/* A label's name as shown: translated if it is a term that the catalogues know (those of the models that come with
 * the program), else as it is. Files always keep the name itself. Borrowed from `name` or the catalogue. */
const char *sag_anatomy_translate (const char     *name);

/* A label's name with the side, or what else its type's modifier says, unless the name says it itself, and
 * without the "(body structure)" of SNOMED CT: "Putamen, left". The caller frees it. */
char       *sag_anatomy_dup_name  (const SagLabel *label);
