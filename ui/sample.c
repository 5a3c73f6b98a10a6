/* SPDX-License-Identifier: Apache-2.0
 *
 * sample.c: the sample study, by another program: it takes seconds and a core. */
#include "ui/sample.h"

#include "ui/settings.h"

#include <glib/gi18n-lib.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

typedef struct
{
  char        *folder; /* where it will be */
  char        *part;   /* where it is made */
  GSubprocess *program;
  GDataInputStream *lines; /* of what it prints: how far it is, or what is wrong */
  char        *complaint;
  SagSampleProgress progress;
  gpointer     progress_data;
} Making;

static void
making_free (Making *making)
{
  g_free (making->folder);
  g_free (making->part);
  g_free (making->complaint);
  g_clear_object (&making->lines);
  g_clear_object (&making->program);
  g_free (making);
}

/* Beside this program when installed; in the build folder, where it is built. As for the worker. */
static char *
find_program (void)
{
  const char *given = g_getenv ("SAGITTA_CLI");
  g_autofree char *folder = sag_settings_dup_folder ();
  g_autofree char *installed = g_build_filename (folder, "sagitta-cli", NULL);
  g_autofree char *built = g_build_filename (folder, "..", "app", "cli", "sagitta-cli", NULL);

  if (given != NULL)
    return g_strdup (given);
  if (g_file_test (installed, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&installed);
  if (g_file_test (built, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&built);
  return g_find_program_in_path ("sagitta-cli");
}

/* Removes a folder of our own making; links in it are removed, not followed. */
static void
remove_tree (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  if (dir != NULL)
    {
      while ((name = g_dir_read_name (dir)) != NULL)
        {
          g_autofree char *child = g_build_filename (path, name, NULL);

          remove_tree (child);
        }
      g_dir_close (dir);
    }
  g_remove (path);
}

static void
ended (GObject      *source,
       GAsyncResult *result,
       gpointer      data)
{
  g_autoptr (GTask) task = data;
  Making *making = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_subprocess_wait_finish (making->program, result, &error))
    {
      g_subprocess_force_exit (making->program);
      g_subprocess_wait (making->program, NULL, NULL); /* killed: at once */
    }
  else if (!g_subprocess_get_successful (making->program))
    {
      g_set_error (&error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   _ ("The sample study could not be made: %s"),
                   making->complaint != NULL ? making->complaint : _ ("sagitta-cli ended early"));
    }
  else
    {
      remove_tree (making->folder); /* one left half removed */
      if (g_rename (making->part, making->folder) != 0)
        g_set_error (&error, G_IO_ERROR, g_io_error_from_errno (errno),
                     _ ("The sample study could not be kept in %s: %s"), making->folder,
                     g_strerror (errno));
    }

  if (error != NULL)
    {
      remove_tree (making->part);
      g_task_return_error (task, error);
      return;
    }
  g_task_return_pointer (task, g_build_filename (making->folder, "ct", NULL), g_free);
}

static void read_on (GTask *task);

static void
line_read (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  GTask *task = data;
  Making *making = g_task_get_task_data (task);
  g_autofree char *line = g_data_input_stream_read_line_finish (making->lines, result, NULL, NULL);
  int percent;

  if (line == NULL) /* the end, or cancelled */
    {
      g_subprocess_wait_async (making->program, g_task_get_cancellable (task), ended, task);
      return;
    }
  if (sscanf (line, "%d %%", &percent) == 1)
    {
      if (making->progress != NULL)
        making->progress (CLAMP (percent, 0, 100) / 100.0, making->progress_data);
    }
  else if (g_strchomp (line)[0] != '\0')
    {
      g_free (making->complaint);
      making->complaint = g_utf8_make_valid (line, -1);
    }
  read_on (task);
}

static void
read_on (GTask *task)
{
  Making *making = g_task_get_task_data (task);

  g_data_input_stream_read_line_async (making->lines, G_PRIORITY_DEFAULT, g_task_get_cancellable (task),
                                       line_read, task);
}

void
sag_sample_make_async (GCancellable        *cancellable,
                       SagSampleProgress    progress,
                       GAsyncReadyCallback  callback,
                       gpointer             user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  g_autofree char *cache = g_build_filename (g_get_user_cache_dir (), "sagitta", NULL);
  g_autofree char *program = find_program ();
  g_autofree char *ct = NULL;
  Making *making = g_new0 (Making, 1);
  GError *error = NULL;

  making->folder = g_build_filename (cache, "sample-" SAG_VERSION, NULL);
  making->part = g_strconcat (making->folder, ".part", NULL);
  making->progress = progress;
  making->progress_data = user_data;
  g_task_set_task_data (task, making, (GDestroyNotify) making_free);

  ct = g_build_filename (making->folder, "ct", NULL);
  if (g_file_test (ct, G_FILE_TEST_IS_DIR))
    {
      g_task_return_pointer (task, g_steal_pointer (&ct), g_free);
      return;
    }
  if (program == NULL)
    {
      g_task_return_new_error (
          task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
          _ ("The program sagitta-cli, which makes the sample study, is not installed"));
      return;
    }
  if (g_mkdir_with_parents (cache, 0700) != 0)
    {
      g_task_return_new_error (task, G_IO_ERROR, g_io_error_from_errno (errno),
                               _ ("The folder %s cannot be made: %s"), cache, g_strerror (errno));
      return;
    }
  remove_tree (making->part);
  making->program = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error,
                                      program, "phantom", making->part, "--progress", NULL);
  if (making->program == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  making->lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (making->program));
  read_on (g_steal_pointer (&task));
}

char *
sag_sample_make_finish (GAsyncResult  *result,
                        GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
