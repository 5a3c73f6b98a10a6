/* SPDX-License-Identifier: Apache-2.0
 *
 * charset.h: text of any Specific Character Set (0008,0005) as UTF-8 (PS3.3 C.12.1.1.2, PS3.5 6.1).
 */
#pragma once

#include <glib.h>

/* `text` in the character sets `sets` (the element's values joined by '\'; "" is ASCII, in which
 * other bytes are taken for Latin 1 or UTF-8, whichever they are). Code extensions (ISO 2022) of
 * Europe, Asia, Japan, Korea and China are followed. What cannot be converted becomes U+FFFD.
 * Caller frees. [any thread] */
char *sag_charset_to_utf8 (const char *text,
                           const char *sets);
