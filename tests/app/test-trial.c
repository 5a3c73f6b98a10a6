/* SPDX-License-Identifier: Apache-2.0
 *
 * test-trial.c: check-plugin and models survive what a plugin does to the process, and say what it was.
 */
#include <gio/gio.h>
#include <string.h>

static const char *cli, *plugins;
static char *folder; /* of this test, removed at its end */

/* folder/FAULT/FAULT.so */
static char *
make_bundle (const char *fault)
{
  g_autofree char *name = g_strconcat (fault, ".so", NULL);
  g_autofree char *from = g_build_filename (plugins, name, NULL);
  g_autofree char *to = g_build_filename (folder, fault, name, NULL);
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  char *bundle = g_build_filename (folder, fault, NULL);
  gsize length;

  g_assert_cmpint (g_mkdir_with_parents (bundle, 0700), ==, 0);
  g_file_get_contents (from, &data, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, data, (gssize) length, &error);
  g_assert_no_error (error);
  return bundle;
}

/* The exit status; it ends by itself, not by a signal. */
static int
command (char **output, const char *first, ...)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GSubprocess) child = NULL;
  g_autoptr (GError) error = NULL;
  va_list more;

  g_ptr_array_add (argv, (char *) cli);
  va_start (more, first);
  for (const char *next = first; next != NULL; next = va_arg (more, const char *))
    g_ptr_array_add (argv, (char *) next);
  va_end (more);
  g_ptr_array_add (argv, NULL);
  g_subprocess_launcher_setenv (launcher, "SAG_PLUGIN_PATH", folder, TRUE);
  child = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv->pdata, &error);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (child, NULL, NULL, output, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_exited (child));
  return g_subprocess_get_exit_status (child);
}

static const struct
{
  const char *fault, *rule, *what;
} faults[] = {
  { "CRASHES", "starts at fp32", "it crashed (" },
  { "CRASHES_OPENED", "can be opened", "it crashed (" },
  { "ENDS", "starts at fp32", "it ended the program, with status 0" },
  { "HANGS", "starts at fp32", "it gave no sign of life for 6 seconds" },
  { "BEFORE_LABELS", "starts at fp32", "it wrote 2 bytes before the first of labels" },
  { "PAST_LABELS", "starts at fp32", "it went past the end of labels" },
  { "PAST_MESSAGE", "starts at fp32", "it wrote past the end of the message" },
  { "PAST_VOXELS", "starts at fp32", "it went past the end of the image's voxels" },
  { "WRITES_VOXELS", "starts at fp32", "it wrote to what it may only read: the image's voxels" },
  { "MOVES", "runs leave the process as it was", "it changed the working folder to '/'" },
  { "PRINTS", "runs leave the process as it was", "bytes to standard output" },
  { "LEAVES_OPEN", "runs leave the process as it was", "files open" },
  { "TAKES_SIGNAL", "runs leave the process as it was", "for itself" },
};

static void
test_check (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *bundle = make_bundle (faults[i].fault);
      g_autofree char *line = g_strdup_printf (": %s: ", faults[i].rule);
      g_autofree char *output = NULL;
      const char *patience = strcmp (faults[i].fault, "HANGS") == 0 ? "--patience=6" : NULL;
      const char *found;

      g_assert_cmpint (command (&output, "check-plugin", bundle, patience, NULL), ==, 1);
      g_test_message ("%s", output);
      found = strstr (output, "FAIL ");
      g_assert_nonnull (found);
      g_assert_nonnull (strstr (found, line));
      g_assert_nonnull (strstr (found, faults[i].what));
      /* One rule is broken, not all that come after. */
      g_assert_null (strstr (found + 1, "FAIL "));
    }
}

/* The good one beside it is held to be good, in words and in JSON. */
static void
test_good (void)
{
  g_autofree char *bundle = make_bundle ("GOOD");
  g_autofree char *output = NULL, *json = NULL;

  g_assert_cmpint (command (&output, "check-plugin", "--isolate", bundle, NULL), ==, 0);
  g_assert_null (strstr (output, "FAIL"));
  g_assert_nonnull (strstr (output, "16 of 16 rules hold"));
  g_assert_cmpint (command (&json, "check-plugin", bundle, "--json", NULL), ==, 0);
  g_assert_nonnull (strstr (json, "\"failures\":0"));
}

/* One plugin that cannot be opened does not take the others away. */
static void
test_models (void)
{
  const char *const ways[] = { "--json", "--isolate" };
  g_autofree char *good = make_bundle ("GOOD");
  g_autofree char *bad = make_bundle ("CRASHES_OPENED");

  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *output = NULL;

      g_assert_cmpint (command (&output, "models", ways[i], NULL), ==, 0);
      g_assert_nonnull (strstr (output, "org.example.fixture"));
      g_assert_nonnull (strstr (output, "It brought down the program that opened it"));
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *remove = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  cli = argv[1];
  plugins = argv[2];
  folder = g_dir_make_tmp ("sagitta-trial-XXXXXX", NULL);
  g_test_add_func ("/trial/good", test_good);
  g_test_add_func ("/trial/models", test_models);
  g_test_add_func ("/trial/check", test_check);
  status = g_test_run ();
  remove = g_strdup_printf ("rm -rf '%s'", folder);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (folder);
  return status;
}
