/* SPDX-License-Identifier: Apache-2.0
 *
 * data.h: where tests find the third-party data, which are not in the tree.
 */
#pragma once

#include <glib.h>

/* The path of `relative` below $SAGITTA_TEST_DATA (default: ../shared/data beside the checkout), or NULL
 * after g_test_skip() naming it: then return from the test. Caller frees. */
static inline char *
sag_test_data (const char *relative)
{
  const char *set = g_getenv ("SAGITTA_TEST_DATA");
  g_autofree char *folder
      = set != NULL ? g_strdup (set)
                    : g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "..", "shared", "data", NULL);
  char *path = g_build_filename (folder, relative, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  g_autofree char *message = g_strdup_printf ("%s is absent; set SAGITTA_TEST_DATA", path);
  g_test_skip (message);
  g_free (path);
  return NULL;
}
