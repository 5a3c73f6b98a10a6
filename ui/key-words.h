/* SPDX-License-Identifier: Apache-2.0
 *
 * key-words.h: the words by which people look for a command. */
#pragma once

#include "ui/keys.h"

/* Whether every word typed is in the command's title, its group, what else it is called ("ruler"), or in `more` (its
 * keys; NULL: none). Case does not matter. */
gboolean sag_key_words_match (const SagKey *key,
                              const char   *more,
                              const char   *typed);
