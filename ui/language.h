/* SPDX-License-Identifier: Apache-2.0
 *
 * language.h: the language of the window. */
#pragma once

/* Takes the locale of the environment (POSIX setlocale()) and binds the catalogues: those of the build
 * folder, of the prefix the program stands in, or of the system. Call first, once. */
void sag_language_bind (void);
