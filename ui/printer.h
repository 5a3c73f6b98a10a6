/* SPDX-License-Identifier: Apache-2.0
 *
 * printer.h: a view on paper. */
#pragma once

#include "ui/slice-view.h"

/* A page with what `view` shows, as large as fits, under `title` (NULL or "": none), and the words "Research use,
 * not a medical device". Asks for a printer; with `pdf` (may be NULL) it is written into that file instead.
 * FALSE with the reason; a person who changes their mind is none. */
gboolean sag_printer_print (SagSliceView *view,
                            GtkWindow    *parent,
                            const char   *title,
                            const char   *pdf,
                            GError      **error);
