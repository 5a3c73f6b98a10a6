/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h: what the commands of sagitta-cli share.
 *
 * A command is one function in a file of its own. It gets argv from its own name on, returns an exit
 * status (0 good, 1 failed, 2 wrong usage), prints results to stdout and one sentence to stderr when
 * it fails. The main thread has already called sag_parallel_own (SAG_TEAM_COMPUTE, 0).
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

typedef int (*SagCommandFunc) (int argc, char **argv);

/* Parses `entries` (GOption; NULL-terminated) out of argv; what remains is in *argc, *argv with argv[0]
 * the command's name. Wrong usage is printed, and FALSE returned: then return 2. `--help` prints and
 * exits 0. `arguments` is the rest of the usage line, "FOLDER". */
gboolean sag_cli_parse   (int                *argc,
                          char             ***argv,
                          const GOptionEntry *entries,
                          const char         *arguments,
                          const char         *summary);

/* Prints "sagitta-cli COMMAND: message" to stderr and returns 1. Takes the error. */
int      sag_cli_fail    (const char         *command,
                          GError             *error);

/* The command line does not say enough: points to --help and returns 2. */
int      sag_cli_usage   (const char         *command);

/* The same of options that do not go together, or out of range: "--runs wants a number from 1 to 100000". */
int      sag_cli_misuse  (const char         *command,
                          const char         *sentence);

/* One member of a JSON object. Numbers that are not finite become null; bytes that are no UTF-8, U+FFFD. */
void     sag_json_string (JsonBuilder        *builder,
                          const char         *name,
                          const char         *value);
void     sag_json_add_string (JsonBuilder     *builder,
                          const char         *value); /* into an array */
void     sag_json_strings (JsonBuilder       *builder,
                          const char         *name,
                          const char *const  *values); /* NULL-terminated */
void     sag_json_int    (JsonBuilder        *builder,
                          const char         *name,
                          gint64              value);
void     sag_json_double (JsonBuilder        *builder,
                          const char         *name,
                          double              value);
/* Milliseconds and megabytes: no more than three decimals mean anything. */
void     sag_json_rounded (JsonBuilder        *builder,
                          const char         *name,
                          double              value);
void     sag_json_boolean (JsonBuilder       *builder,
                          const char         *name,
                          gboolean            value);
void     sag_json_doubles (JsonBuilder       *builder,
                          const char         *name,
                          const double       *values,
                          int                 n);

/* Prints the tree on one line, and frees the builder. A number has the fewest digits that read back as
 * the same double. */
void     sag_cli_print_json (JsonBuilder     *builder);

/* `--threads N` for a command: sag_parallel_own (SAG_TEAM_COMPUTE, n). 0 leaves one a core. */
void     sag_cli_set_threads (int             n_threads);

/* `--max-memory SIZE`: a number with K, M, G or T behind it (1024 each; "iB" or "B" may follow), or of
 * MB. NULL is 0: no limit. */
gboolean sag_cli_parse_size (const char         *text,
                          gsize              *bytes,
                          GError            **error);
