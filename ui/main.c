/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: the window's process: no file is decoded and no network runs in it. */
#include "app/work/link.h"
#include "engine/base/alloc.h"
#include "engine/base/language.h"
#include "engine/base/parallel.h"
#include "ui/application.h"

#include <locale.h>
#include <unistd.h>

/* Between two pictures the threads that draw sleep: as they do by default, spinning, they take the processors from the
 * worker, and a segmentation lasts a third longer. libgomp reads this when it is loaded, so the program starts anew. */
static void
sleep_when_idle (char **argv)
{
  g_autofree char *path = g_file_read_link ("/proc/self/exe", NULL);

  if (path != NULL && g_getenv ("OMP_WAIT_POLICY") == NULL && g_setenv ("OMP_WAIT_POLICY", "passive", FALSE))
    execv (path, argv);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  sleep_when_idle (argv);
  g_autofree char *worker = sag_link_find_worker (&error);
  const char *const command[] = { worker, "worker", NULL };
  /* No more than there is: beyond it the whole machine would suffer. */
  const guint64 memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);
  const SagLinkOptions options = { .argv = command, .address_space_bytes = { memory, memory } };
  g_autoptr (SagApplication) application = NULL;
  SagLink *link;
  int status;

  sag_alloc_keep_pages ();
  sag_language_bind (LC_ALL);
  if (worker == NULL)
    {
      g_printerr ("sagitta: %s\n", error->message);
      return 1;
    }
  sag_parallel_own (SAG_TEAM_RENDER, 0);
  link = sag_link_install (&options);
  application = sag_application_new ();
  status = g_application_run (G_APPLICATION (application), argc, argv);
  sag_link_remove (link);
  return status;
}
