/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h: the error domain of the engine.
 *
 * A message says what, where, and what to do, in one sentence without a final newline.
 * Functions return FALSE or NULL if and only if they set the error.
 */
#pragma once

#include <glib.h>

#define SAG_ENGINE_ERROR (sag_engine_error_quark ())

typedef enum
{
  SAG_ENGINE_ERROR_INVALID,     /* the input contradicts itself or its format */
  SAG_ENGINE_ERROR_UNSUPPORTED, /* well formed, but not something we do */
  SAG_ENGINE_ERROR_MEMORY,      /* more memory than the machine or the caller's limit has */
  SAG_ENGINE_ERROR_IO,          /* a file could not be read or written */
  SAG_ENGINE_ERROR_CANCELLED,   /* a SagTick said stop */
} SagEngineError;

/* The domain's quark. [any thread] */
GQuark   sag_engine_error_quark    (void);

/* Sets SAG_ENGINE_ERROR_CANCELLED with its one fixed message and returns FALSE, so that a caller
 * can write `return sag_engine_error_cancelled (error);`. [any thread] */
gboolean sag_engine_error_cancelled (GError **error);

/* Sets SAG_ENGINE_ERROR_INVALID with that message and returns FALSE, for the same use. `error` may be
 * NULL. [any thread] */
gboolean sag_invalid                (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A name from a foreign file, made fit for a message: cut to 80 characters, control characters
 * and invalid UTF-8 replaced by '?'. `n` may be -1 for a terminated string. Caller frees.
 * [any thread] */
char    *sag_escape_name           (const char *name, gssize n);
