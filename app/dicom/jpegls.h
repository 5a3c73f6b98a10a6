/* SPDX-License-Identifier: Apache-2.0
 *
 * jpegls.h: what the toolkit's JPEG-LS decoder needs to be told.
 */
#pragma once

#include <glib.h>

/* `stream` (taken) with its default coding parameters written out (ISO 14495-1 C.2.4.1.1) where it
 * has less than 8 bits a sample and leaves them out: the toolkit knows those of 8 bits and more. */
GBytes *sag_jpegls_complete (GBytes *stream);
