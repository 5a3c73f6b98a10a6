/* SPDX-License-Identifier: Apache-2.0
 *
 * save.c: a file is written whole or not at all.
 */
#include "app/files/save.h"

#include "app/files/leftovers.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct _SagSave
{
  char *path;
  char *folder;
  char *named; /* its name beside the target; NULL while it has none */
  char *name;  /* where it is written */
  int   fd;    /* holds the lock that says it is ours */
};

static void
fail (const char *path, int code, GError **error)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("'%s' could not be written: %s%s"), path,
               g_strerror (code), code == ENOSPC || code == EDQUOT ? _ ("; make room, or choose another folder") : "");
}

/* --- what killed programs left ---------------------------------------------------------------- */

void
sag_save_remove (const char *folder)
{
  DIR *dir = opendir (folder);
  struct dirent *entry;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      {
        g_autofree char *child = g_build_filename (folder, entry->d_name, NULL);

        if (unlink (child) != 0 && errno == EISDIR)
          sag_save_remove (child);
      }
  g_clear_pointer (&dir, closedir);
  rmdir (folder);
}

/* Whoever writes one holds its lock; a lock that can be had is a dead program's. */
static void
clean (const char *folder)
{
  DIR *dir = opendir (folder);
  struct dirent *entry;

  while (dir != NULL && (entry = readdir (dir)) != NULL)
    if (g_str_has_prefix (entry->d_name, SAG_SAVE_PARTIAL))
      {
        int fd = openat (dirfd (dir), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        g_autofree char *child = g_build_filename (folder, entry->d_name, NULL);

        if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0 && unlink (child) != 0 && errno == EISDIR)
          sag_save_remove (child);
        if (fd >= 0)
          close (fd);
      }
  g_clear_pointer (&dir, closedir);
}

/* Another program may have cleaned it away before we held the lock. */
static gboolean
is_there (int fd, const char *name)
{
  struct stat ours, found;

  return fstat (fd, &ours) == 0 && lstat (name, &found) == 0 && ours.st_ino == found.st_ino
         && ours.st_dev == found.st_dev;
}

char *
sag_save_folder (const char *folder, int *lock)
{
  clean (folder);
  for (int tries = 0; tries < 10; tries++)
    {
      g_autofree char *name = g_build_filename (folder, SAG_SAVE_PARTIAL "XXXXXX", NULL);

      if (sag_leftovers_make_folder (name, 0777) == NULL)
        return NULL;
      *lock = open (name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (*lock >= 0)
        flock (*lock, LOCK_EX | LOCK_NB);
      if (*lock >= 0 && is_there (*lock, name))
        return g_steal_pointer (&name);
      sag_leftovers_forget (name); /* another program's start has cleaned it away */
      if (*lock >= 0)
        close (*lock);
    }
  errno = EBUSY;
  return NULL;
}

/* --- one file --------------------------------------------------------------------------------- */

/* A name beside the target for the file without one, or an empty file with one. */
static gboolean
make_name (SagSave *self)
{
  for (int tries = 0; tries < 100; tries++)
    {
      g_autofree char *name
          = g_strdup_printf ("%s/" SAG_SAVE_PARTIAL "%08x", self->folder, g_random_int ());

      sag_leftovers_add (name);
      if (self->fd >= 0)
        {
          if (linkat (AT_FDCWD, self->name, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
            {
              self->named = g_steal_pointer (&name);
              return TRUE;
            }
          sag_leftovers_forget (name);
          if (errno != EEXIST)
            return FALSE;
          continue;
        }
      self->fd = open (name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (self->fd < 0)
        {
          sag_leftovers_forget (name);
          if (errno != EEXIST)
            return FALSE;
          continue;
        }
      flock (self->fd, LOCK_EX | LOCK_NB);
      if (is_there (self->fd, name))
        {
          self->name = g_strdup (name);
          self->named = g_steal_pointer (&name);
          return TRUE;
        }
      sag_leftovers_forget (name);
      close (self->fd);
      self->fd = -1;
    }
  errno = EEXIST;
  return FALSE;
}

SagSave *
sag_save_begin (const char *path, GError **error)
{
  g_autoptr (SagSave) self = g_new0 (SagSave, 1);
  struct stat info;

  self->fd = -1;
  self->path = g_strdup (path);
  self->folder = g_path_get_dirname (path);
  /* A rename would put a file in the place of a device. */
  if (stat (path, &info) == 0 && !S_ISREG (info.st_mode))
    {
      fail (path, S_ISDIR (info.st_mode) ? EISDIR : ENOTSUP, error);
      return NULL;
    }
  clean (self->folder);
  self->fd = open (self->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (self->fd >= 0)
    {
      flock (self->fd, LOCK_EX | LOCK_NB);
      self->name = g_strdup_printf ("/proc/self/fd/%d", self->fd);
      if (access (self->name, W_OK) == 0)
        return g_steal_pointer (&self);
      close (self->fd); /* no /proc here */
      self->fd = -1;
      g_clear_pointer (&self->name, g_free);
    }
  if (make_name (self))
    return g_steal_pointer (&self);
  fail (path, errno, error);
  return NULL;
}

const char *
sag_save_get_name (const SagSave *self)
{
  return self->name;
}

void
sag_save_abort (SagSave *self)
{
  if (self->named != NULL)
    {
      unlink (self->named);
      sag_leftovers_forget (self->named);
    }
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->path);
  g_free (self->folder);
  g_free (self->named);
  g_free (self->name);
  g_free (self);
}

gboolean
sag_save_finish (SagSave *self, GError **error)
{
  gboolean good = fsync (self->fd) == 0 && (self->named != NULL || make_name (self))
                  && rename (self->named, self->path) == 0;
  int code = errno, fd;

  if (good)
    {
      sag_leftovers_forget (self->named);
      g_clear_pointer (&self->named, g_free);
      /* Some file systems cannot sync a folder; the rename has happened all the same. */
      fd = open (self->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd >= 0)
        {
          fsync (fd);
          close (fd);
        }
    }
  else
    fail (self->path, code, error);
  sag_save_abort (self);
  return good;
}

gboolean
sag_save_write (SagSave *self, gconstpointer bytes, gsize n, GError **error)
{
  const guint8 *at = bytes;

  while (n > 0)
    {
      gssize done = write (self->fd, at, n);

      if (done < 0 && errno == EINTR)
        continue;
      if (done <= 0)
        {
          fail (self->path, done == 0 ? ENOSPC : errno, error);
          return FALSE;
        }
      at += done;
      n -= (gsize) done;
    }
  return TRUE;
}

gboolean
sag_save_bytes (const char *path, gconstpointer bytes, gsize n, GError **error)
{
  SagSave *self = sag_save_begin (path, error);

  if (self == NULL)
    return FALSE;
  if (sag_save_write (self, bytes, n, error))
    return sag_save_finish (self, error);
  sag_save_abort (self);
  return FALSE;
}
