/* SPDX-License-Identifier: Apache-2.0
 *
 * isolate.c: a whole command in a process of its own, contained like the window's workers.
 */
#include "app/cli/isolate.h"

#include "app/cli/interrupt.h"
#include "app/cli/plugins.h"
#include "app/cli/streams.h"
#include "app/files/nifti.h"
#include "app/work/body.h"
#include "app/work/contain.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

gboolean
sag_isolate_take_option (int *argc, char **argv)
{
  for (int n = 1; n < *argc && strcmp (argv[n], "--") != 0; n++)
    if (strcmp (argv[n], "--isolate") == 0)
      {
        memmove (&argv[n], &argv[n + 1], (gsize) (*argc - n) * sizeof *argv);
        (*argc)--;
        return TRUE;
      }
  return FALSE;
}

static void
add_folder (GPtrArray *paths, const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);

  g_ptr_array_add (paths, g_path_get_dirname (absolute));
}

/* An argument that may be a path is read; the files beside it too where they belong together. */
static void
add_input (GPtrArray *readable, const char *path)
{
  g_autofree char *name = g_path_get_basename (path);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return;
  if (g_str_has_suffix (name, ".onnx") || g_ascii_strcasecmp (name, "DICOMDIR") == 0)
    add_folder (readable, path);
  else
    {
      char *header = sag_nifti_sibling (path, "hdr");

      g_ptr_array_add (readable, g_strdup (path));
      if (header != NULL)
        {
          g_ptr_array_add (readable, header);
          g_ptr_array_add (readable, sag_nifti_sibling (path, "img"));
        }
    }
}

/* A folder to fill is made in its parent; a file is written beside and renamed there. */
static void
add_output (GPtrArray *writable, const char *path)
{
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    g_ptr_array_add (writable, g_strdup (path));
  else
    add_folder (writable, path);
}

static gboolean
is_output_option (const char *option)
{
  return strncmp (option, "-o", 2) == 0 || g_str_has_prefix (option, "--output")
         || g_str_has_prefix (option, "--confidence") || g_str_has_prefix (option, "--draw");
}

static void
add_paths (int argc, char **argv, int output, GPtrArray *readable, GPtrArray *writable)
{
  gboolean options = TRUE; /* up to "--" */
  int position = 0;

  for (int n = 1; n < argc; n++)
    {
      const char *value = strchr (argv[n], '=');

      if (options && strcmp (argv[n], "--") == 0)
        options = FALSE;
      else if (options && argv[n][0] == '-' && is_output_option (argv[n]))
        {
          if (argv[n][1] == 'o' && argv[n][2] != '\0')
            value = argv[n] + 2;
          else if (value != NULL)
            value++;
          else if (n + 1 < argc)
            value = argv[++n];
          if (value != NULL)
            add_output (writable, value);
        }
      else if ((!options || argv[n][0] != '-') && ++position == output)
        add_output (writable, argv[n]);
      else
        {
          add_input (readable, argv[n]);
          if (value != NULL)
            add_input (readable, value + 1);
        }
    }
}

/* What a plugin left to be run at the end (atexit(), destructors) is not: the command is over. */
static G_GNUC_NORETURN void
child_main (SagCommandFunc run, int argc, char **argv, int output, gboolean plugins, int parent, gboolean *returned)
{
  g_autoptr (GPtrArray) readable = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) writable = g_ptr_array_new_with_free_func (g_free);
  int status;

  sag_contain_process ((guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE));
  sag_contain_to_parent (parent);
  add_paths (argc, argv, output, readable, writable);
  sag_job_body ()->add_folders (SAG_JOB_LANE_IO, readable, writable);
  sag_job_body ()->add_folders (SAG_JOB_LANE_COMPUTE, readable, writable);
  g_ptr_array_add (readable, NULL);
  g_ptr_array_add (writable, NULL);
  sag_contain_files ((const char *const *) readable->pdata, (const char *const *) writable->pdata);
  if (plugins)
    sag_cli_try_plugins ();
  sag_contain_calls ();
  sag_interrupt_open ();
  status = sag_streams_close (run (argc, argv));
  sag_interrupt_settle ();
  *returned = TRUE;
  _exit (status);
}

int
sag_isolate_run (SagCommandFunc run, int argc, char **argv, int output, gboolean plugins)
{
  gboolean *returned = mmap (NULL, sizeof *returned, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int parent = (int) getpid (), status = 0;
  pid_t child = returned != MAP_FAILED ? sag_interrupt_fork () : -1, got;

  if (child == 0)
    child_main (run, argc, argv, output, plugins, parent, returned);
  if (child < 0)
    {
      g_printerr ("sagitta-cli %s: a process of its own cannot be started: %s\n", argv[0], g_strerror (errno));
      return 1;
    }
  do
    got = waitpid (child, &status, 0);
  while (got < 0 && errno == EINTR);
  if (got == child && WIFEXITED (status) && *returned)
    return WEXITSTATUS (status);
  if (got == child && WIFSIGNALED (status))
    sag_interrupt_follow (WTERMSIG (status));
  g_printerr ("sagitta-cli %s: the model or file at work brought it down (\"%s\"); what it was writing has been left "
              "out\n",
              argv[0], got != child           ? g_strerror (errno)
                       : WIFEXITED (status) ? "it ended the program"
                                            : strsignal (WTERMSIG (status)));
  return 1;
}
