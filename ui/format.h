/* SPDX-License-Identifier: Apache-2.0
 *
 * format.h: quantities as people read them: sensible digits, the unit, a true minus sign.
 *
 * All return new strings. */
#pragma once

#include <glib.h>

/* "−612 HU", "3.42 SUVbw", "0.0123"; `unit` may be "" or NULL. */
char *sag_format_value    (double       value,
                           const char  *unit);
/* "12.4" with `digits` after the point. */
char *sag_format_number   (double       value,
                           int          digits);
/* "H 164.0 mm": a signed position along a patient direction named `plus`, the other way `minus`. */
char *sag_format_position (double       mm,
                           const char  *plus,
                           const char  *minus);
/* `text` with every hyphen before a digit made a minus. */
char *sag_format_minus    (const char  *text);
/* "2310 ml", "8.4 ml", "0.042 ml". */
char *sag_format_ml       (double       ml);
/* "0.4 s", "12 s", "1 min 45 s", "12 min". */
char *sag_format_seconds  (double       seconds);
