/* SPDX-License-Identifier: Apache-2.0
 *
 * language.h: in which language a process speaks.
 *
 * Sentences that a window may show are marked with _(): they come in its language from a process that has called
 * this, in English from all others.
 */
#pragma once

/* Takes `category` (LC_ALL, LC_MESSAGES; locale.h) of the environment and binds the catalogues: those of the build
 * folder, of the prefix the program stands in, or of the system. They are read at once: a process may give up
 * files after it. Call first, once. */
void sag_language_bind (int category);
