/* SPDX-License-Identifier: Apache-2.0
 *
 * leftovers.c: what has a name on disk while it is made.
 */
#include "app/files/leftovers.h"

#include "app/files/save.h"

#include <errno.h>
#include <unistd.h>

#define MAX_TRIES 1000

typedef struct
{
  char    *path;
  gboolean is_whole; /* with all that is in it */
} Leftover;

static GMutex lock;
static GQueue all = G_QUEUE_INIT; /* of Leftover *, the last added first */
static gboolean is_ending;

/* A file that another thread makes while its folder is emptied goes the next time. */
static void
remove_one (const Leftover *leftover)
{
  for (int tries = 0; tries < MAX_TRIES; tries++)
    {
      if (unlink (leftover->path) == 0 || errno != EISDIR)
        return;
      if (leftover->is_whole)
        sag_save_remove (leftover->path);
      else if (rmdir (leftover->path) != 0)
        return;
    }
}

/* The lock is held. */
static void
add (const char *path, gboolean is_whole)
{
  Leftover *leftover = g_new (Leftover, 1);

  *leftover = (Leftover) { g_strdup (path), is_whole };
  if (is_ending)
    remove_one (leftover);
  g_queue_push_head (&all, leftover);
}

void
sag_leftovers_add (const char *path)
{
  g_mutex_lock (&lock);
  add (path, TRUE);
  g_mutex_unlock (&lock);
}

void
sag_leftovers_add_empty (const char *path)
{
  g_mutex_lock (&lock);
  add (path, FALSE);
  g_mutex_unlock (&lock);
}

char *
sag_leftovers_make_folder (char *template, int mode)
{
  char *made;
  int code;

  g_mutex_lock (&lock);
  made = g_mkdtemp_full (template, mode);
  code = errno;
  if (made != NULL)
    add (made, TRUE);
  g_mutex_unlock (&lock);
  errno = code;
  return made;
}

void
sag_leftovers_forget (const char *path)
{
  int code = errno;

  g_mutex_lock (&lock);
  for (GList *l = all.head; l != NULL; l = l->next)
    {
      Leftover *leftover = l->data;

      if (g_str_equal (leftover->path, path))
        {
          g_free (leftover->path);
          g_free (leftover);
          g_queue_delete_link (&all, l);
          break;
        }
    }
  g_mutex_unlock (&lock);
  errno = code;
}

void
sag_leftovers_remove (void)
{
  g_mutex_lock (&lock);
  is_ending = TRUE;
  for (GList *l = all.head; l != NULL; l = l->next)
    remove_one (l->data);
  g_mutex_unlock (&lock);
}
