/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: texts out of messages.
 */
#pragma once

#include <glib.h>

/* The text under `key` of an a{sv}, or "". Caller frees. */
char *sag_text_dup         (GVariant   *dict,
                            const char *key);

/* As g_strlcpy, but never cuts a character in two. `text` is UTF-8. */
void  sag_text_copy        (char       *to,
                            const char *text,
                            gsize       size);

/* "20260302" (DICOM DA) as the locale writes dates, always with four digits of the year: "02.03.2026"; where there is no
 * locale (C, POSIX) "2026-03-02". Anything else as it is. Caller frees. */
char *sag_text_format_date (const char *date);
