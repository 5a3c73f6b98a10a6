/* SPDX-License-Identifier: Apache-2.0
 *
 * streams.c: what a command prints arrives as it is, or the command fails.
 */
#include "app/cli/streams.h"

#include "app/cli/interrupt.h"
#include "engine/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int lost; /* errno of the first answer that could not be written */

/* C0 but tab and newline, DEL, and C1 as UTF-8 writes it. */
static gboolean
is_control (const guchar *p)
{
  return (p[0] < 0x20 && p[0] != '\t' && p[0] != '\n') || p[0] == 0x7f
         || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0);
}

static gboolean
put (FILE *stream, const char *text)
{
  for (const guchar *p = (const guchar *) text; *p != '\0'; p++)
    if (is_control (p))
      {
        putc ('?', stream);
        p += p[0] == 0xc2;
      }
    else
      putc (*p, stream);
  return fflush (stream) == 0 && !ferror (stream);
}

static void
put_answer (const char *text)
{
  if (!put (stdout, text) && lost == 0)
    lost = errno != 0 ? errno : EIO;
}

static void
put_complaint (const char *text)
{
  if (!sag_interrupt_is_ending ())
    put (stderr, text);
}

int
sag_streams_close (int status)
{
  if (fflush (stdout) != 0 && lost == 0)
    lost = errno != 0 ? errno : EIO;
  if (lost == 0)
    return status;
  if (lost != EPIPE)
    g_printerr ("%s: the answer could not be written to standard output: %s\n",
                g_get_prgname () != NULL ? g_get_prgname () : "sagitta-cli", g_strerror (lost));
  return 1;
}

static void
finish (void)
{
  if (sag_streams_close (0) != 0)
    _exit (1);
}

void
sag_streams_open (void)
{
  /* The wrong way round: using them fails, as it did when they were closed. */
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl (fd, F_GETFD) < 0 && errno == EBADF && open ("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
      _exit (1);
  signal (SIGPIPE, SIG_IGN);
  g_set_print_handler (put_answer);
  g_set_printerr_handler (put_complaint);
  atexit (finish);
}

gboolean
sag_streams_check (int argc, char **argv, GError **error)
{
  for (int n = 1; n < argc; n++)
    for (const char *path = argv[n]; path != NULL; path = strchr (path, '='), path += path != NULL)
      {
        struct stat info;

        if (stat (path, &info) == 0 && !S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode))
          {
            g_autofree char *shown = sag_escape_name (path, -1);

            return sag_invalid (error, "'%s' is a pipe or a device; name a file or a folder", shown);
          }
      }
  return TRUE;
}
