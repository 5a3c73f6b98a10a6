/* SPDX-License-Identifier: Apache-2.0
 *
 * manners.c: what of the process a plugin could change, and should not.
 */
#include "app/plugin/manners.h"

#include "app/plugin/host.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int signals[] = { SIGINT, SIGTERM, SIGCHLD, SIGPIPE };

static int
count_files (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  int n = 0;

  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

void
sag_manners_take (SagManners *self)
{
  struct stat output;
  mode_t mask = umask (077);

  umask (mask);
  fflush (stdout);
  self->folder = g_get_current_dir ();
  self->locale = g_strdup (setlocale (LC_ALL, NULL));
  self->mask = mask;
  self->n_files = count_files ();
  self->printed = fstat (STDOUT_FILENO, &output) == 0 && S_ISREG (output.st_mode) ? (gsize) output.st_size : 0;
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      struct sigaction action;

      self->handlers[i] = sigaction (signals[i], NULL, &action) == 0 ? (void *) action.sa_sigaction : NULL;
    }
}

void
sag_manners_clear (SagManners *self)
{
  g_clear_pointer (&self->folder, g_free);
  g_clear_pointer (&self->locale, g_free);
}

void
sag_manners_forgive_files (SagManners *self)
{
  self->n_files = count_files ();
}

static gboolean fail (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
fail (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  *error = g_error_new_valist (SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_CONTRACT, format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
sag_manners_check (const SagManners *before, GError **error)
{
  g_auto (SagManners) now = { NULL };

  sag_manners_take (&now);
  if (strcmp (now.folder, before->folder) != 0)
    return fail (error, "it changed the working folder to '%s'", now.folder);
  if (strcmp (now.locale, before->locale) != 0)
    return fail (error, "it changed the locale to '%s'", now.locale);
  if (now.mask != before->mask)
    return fail (error, "it changed the mask of files made to %03o", now.mask);
  if (now.n_files > before->n_files)
    return fail (error, "it left %d files open", now.n_files - before->n_files);
  if (now.printed > before->printed)
    return fail (error, "it wrote %" G_GSIZE_FORMAT " bytes to standard output", now.printed - before->printed);
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (now.handlers[i] != before->handlers[i])
      return fail (error, "it took the signal \"%s\" for itself", strsignal (signals[i]));
  return TRUE;
}
