/* SPDX-License-Identifier: Apache-2.0
 *
 * anatomy.h: names of parts of the body in the language of the window.
 */
#pragma once

#include <glib.h>

/* A label's name as shown: translated if it is a term that the catalogues know (those of the models that come with
 * the program), else as it is. Files always keep the name itself. Borrowed from `name` or the catalogue. */
const char *sag_anatomy_translate (const char *name);
