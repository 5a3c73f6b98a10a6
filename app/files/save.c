/* SPDX-License-Identifier: Apache-2.0
 *
 * save.c: a file that appears whole or not at all.
 */
#include "app/files/save.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _SagSave
{
  char *path;
  char *beside;
  FILE *file;
};

static gboolean
fail (const char *path, int code, GError **error)
{
  g_autofree char *shown = g_filename_display_name (path);

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "Cannot write %s: %s", shown,
               code == ENOSPC ? "the disk is full; free some space and try again" : g_strerror (code));
  return FALSE;
}

SagSave *
sag_save_new (const char *path, GError **error)
{
  SagSave *self;
  mode_t mask;
  int fd;

  g_return_val_if_fail (path != NULL, NULL);

  /* A symbolic link is written through, not replaced by a file. */
  g_autofree char *target = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? realpath (path, NULL) : NULL;

  self = g_new0 (SagSave, 1);
  self->path = g_strdup (target != NULL ? target : path);
  if (g_file_test (self->path, G_FILE_TEST_IS_DIR))
    {
      fail (path, EISDIR, error);
      sag_save_abort (self);
      return NULL;
    }
  self->beside = g_strconcat (self->path, ".XXXXXX", NULL);
  fd = g_mkstemp_full (self->beside, O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0)
    {
      fail (path, errno, error);
      g_clear_pointer (&self->beside, g_free);
      sag_save_abort (self);
      return NULL;
    }
  mask = umask (0);
  umask (mask);
  (void) !fchmod (fd, 0666 & ~mask);
  self->file = fdopen (fd, "w+b");
  if (self->file == NULL)
    {
      fail (path, errno, error);
      close (fd);
      sag_save_abort (self);
      return NULL;
    }
  return self;
}

FILE *
sag_save_get_file (SagSave *self)
{
  return self->file;
}

const char *
sag_save_get_path (SagSave *self)
{
  return self->beside;
}

static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0)
    {
      (void) !fsync (fd);
      close (fd);
    }
}

gboolean
sag_save_commit (SagSave *self, GError **error)
{
  gboolean good;
  int fd;

  /* Another writer may have written through the name: sync whatever stands under it. */
  errno = 0;
  good = !ferror (self->file) && fflush (self->file) == 0;
  if (good)
    {
      fd = open (self->beside, O_RDONLY | O_CLOEXEC);
      good = fd >= 0 && fsync (fd) == 0;
      if (fd >= 0)
        close (fd);
    }
  if (good)
    good = rename (self->beside, self->path) == 0;
  if (!good)
    fail (self->path, errno != 0 ? errno : EIO, error);
  else
    {
      sync_folder (self->path);
      g_clear_pointer (&self->beside, g_free);
    }
  sag_save_abort (self);
  return good;
}

void
sag_save_abort (SagSave *self)
{
  if (self == NULL)
    return;
  if (self->file != NULL)
    fclose (self->file);
  if (self->beside != NULL)
    unlink (self->beside);
  g_free (self->beside);
  g_free (self->path);
  g_free (self);
}

gboolean
sag_save_bytes (const char *path, const void *data, gsize size, GError **error)
{
  g_autoptr (SagSave) save = sag_save_new (path, error);

  if (save == NULL)
    return FALSE;
  fwrite (data, 1, size, save->file);
  return sag_save_commit (g_steal_pointer (&save), error);
}
