/* SPDX-License-Identifier: Apache-2.0
 *
 * save.c: a file is written whole or not at all.
 */
#include "app/files/save.h"

#include "engine/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (const char *path, int code, GError **error)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "'%s' could not be written: %s", path,
               g_strerror (code));
  return FALSE;
}

char *
sag_save_begin (const char *path, GError **error)
{
  g_autofree char *name = g_strconcat (path, ".XXXXXX", NULL);
  mode_t mask;
  int fd;

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    {
      fail (path, EISDIR, error);
      return NULL;
    }
  fd = g_mkstemp_full (name, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      fail (path, errno, error);
      return NULL;
    }
  /* The usual rights of a new file: g_mkstemp() leaves it to its owner alone. */
  mask = umask (0);
  umask (mask);
  fchmod (fd, 0666 & ~mask);
  close (fd);
  return g_steal_pointer (&name);
}

static gboolean
sync_name (const char *name, int flags)
{
  int fd = open (name, flags | O_CLOEXEC);
  int code;

  if (fd < 0)
    return FALSE;
  code = fsync (fd) == 0 ? 0 : errno;
  close (fd);
  errno = code;
  return code == 0;
}

gboolean
sag_save_finish (const char *temporary, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int code;

  if (!sync_name (temporary, O_RDONLY) || rename (temporary, path) != 0)
    {
      code = errno;
      sag_save_abort (temporary);
      return fail (path, code, error);
    }
  /* Some file systems cannot sync a folder; the rename has happened all the same. */
  sync_name (folder, O_RDONLY | O_DIRECTORY);
  return TRUE;
}

void
sag_save_abort (const char *temporary)
{
  unlink (temporary);
}
