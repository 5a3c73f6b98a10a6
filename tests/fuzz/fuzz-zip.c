/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-zip.c: any bytes as a ZIP file: its members are there with what its table says, or nothing is.
 */
#include "app/files/unzip.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory-file.h"

#include <glib/gstdio.h>
#include <string.h>

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  char path[64];
  int fd = memory_file (data, size, path);
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL;
  SagUnzip *unzip = sag_unzip_open (path, NULL, &error);

  g_assert_true ((unzip == NULL) == (error != NULL));
  if (unzip != NULL)
    {
      GDir *dir;
      const char *name;

      folder = g_strdup (sag_unzip_get_folder (unzip));
      dir = g_dir_open (folder, 0, NULL);
      g_assert_nonnull (dir);
      while ((name = g_dir_read_name (dir)) != NULL)
        for (const char *p = name; *p != '\0'; p++)
          g_assert_true (g_ascii_isalnum (*p) || strchr ("._-", *p) != NULL);
      g_dir_close (dir);
      sag_unzip_unref (unzip);
      g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
    }
  close (fd);
  return 0;
}
