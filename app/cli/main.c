/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: sagitta-cli: everything the window can do, without one.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/interrupt.h"
#include "app/cli/isolate.h"
#include "app/cli/streams.h"
#include "app/files/unzip.h"
#include "engine/base/parallel.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  const char    *name;
  SagCommandFunc run;
  const char    *purpose;
  int            output;  /* number of the positional argument that is written; 0: none */
  gboolean       plugins; /* it opens all that there are */
} Command;

static const Command commands[] = {
  { "bench", sag_command_bench, "time a network, and compare it with a reference" },
  { "calibrate", sag_command_calibrate, "measure a network's ranges for int8 and int4" },
  { "check-plugin", sag_command_check_plugin, "try the whole contract on a plugin" },
  { "compare", sag_command_compare, "Dice, distances and volumes of two segmentations" },
  { "compress", sag_command_compress, "make a network smaller: prune, factor, fewer bits" },
  { "convert", sag_command_convert, "write a series as NIfTI, labels as STL or CSV", 2 },
  { "decode", sag_command_decode, "write one frame of a DICOM file as an array" },
  { "evaluate", sag_command_evaluate, "measure a model on images with masks", 0, TRUE },
  { "export-anon", sag_command_export_anon, "copy a series without what says whose it is", 2 },
  { "index", sag_command_index, "list what a folder holds" },
  { "info", sag_command_info, "read a series and describe it" },
  { "measure", sag_command_measure, "lengths, angles and figures: table and DICOM SR" },
  { "models", sag_command_models, "list the models, and those that cannot be used", 0, TRUE },
  { "phantom", sag_command_phantom, "make the sample study: a CT and its truth", 1 },
  { "plan", sag_command_plan, "print what a network will do, and what it will cost" },
  { "render", sag_command_render, "draw a slice with labels and confidence as PNG" },
  { "run", sag_command_run, "run a network on arrays" },
  { "seg-info", sag_command_seg_info, "describe a segmentation" },
  { "segment", sag_command_segment, "run a model on a volume", 0, TRUE },
  { "validate", sag_command_validate, "tell what is wrong with files and series" },
  { "worker", sag_command_worker, NULL }, /* started by the window, not by hand */
  { NULL, NULL, NULL }
};

static void
print_usage (void)
{
  g_print ("Usage: sagitta-cli COMMAND [OPTIONS]\n\n"
           "Research use, not a medical device.\n\nCommands:\n");
  for (int i = 0; commands[i].name != NULL; i++)
    if (commands[i].purpose != NULL)
      g_print ("  %-14s %s\n", commands[i].name, commands[i].purpose);
  g_print ("\nsagitta-cli COMMAND --help tells more.\n"
           "COMMAND --isolate runs it in a process that is limited to the files named, without network;\n"
           "a model or file that brings it down is one sentence.\n");
}

/* Threads of a team wait for each other by spinning, which on a machine with other work to do takes
 * the time of the thread waited for: spin briefly, then sleep. The OpenMP library reads that from the
 * environment before main(), so the program starts once more; where it cannot, nothing changes. */
static void
spin_briefly (char **argv)
{
  if (g_getenv ("GOMP_SPINCOUNT") != NULL || g_getenv ("OMP_WAIT_POLICY") != NULL)
    return;
  g_setenv ("GOMP_SPINCOUNT", "20000", TRUE);
  execv ("/proc/self/exe", argv);
}

static pid_t program; /* what it runs in children is their affair */
static gboolean returned; /* the command has, as its code and a plugin's shall; GLib ends the program after --help */

static void
at_the_end (void)
{
  if (returned || getpid () != program)
    return;
  g_printerr ("sagitta-cli: the model at work ended the program; what it was writing has been left out\n");
  _exit (1);
}

static gboolean
asks_for_help (int argc, char **argv)
{
  for (int n = 1; n < argc && strcmp (argv[n], "--") != 0; n++)
    if (g_str_has_prefix (argv[n], "--help") || strcmp (argv[n], "-h") == 0 || strcmp (argv[n], "-?") == 0)
      return TRUE;
  return FALSE;
}

static int
run_command (const Command *command, gboolean isolated, int argc, char **argv)
{
  int status;

  program = getpid ();
  returned = asks_for_help (argc, argv);
  atexit (at_the_end);
  status = isolated && !returned ? sag_isolate_run (command->run, argc, argv, command->output, command->plugins)
                                 : command->run (argc, argv);
  returned = TRUE;
  return status;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  gboolean isolated;

  spin_briefly (argv);
  sag_streams_open ();
  setlocale (LC_CTYPE, "");
  if (argc < 2 || strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0)
    {
      print_usage ();
      return argc < 2 ? 2 : 0;
    }
  if (strcmp (argv[1], "--version") == 0)
    {
      g_print ("Sagitta %s\n", SAG_VERSION);
      return 0;
    }
  argc--;
  argv++;
  /* check-plugin always does what it does in a process of its own. */
  isolated = sag_isolate_take_option (&argc, argv) && strcmp (argv[0], "check-plugin") != 0;
  if (strcmp (argv[0], "worker") != 0)
    {
      sag_interrupt_open ();
      sag_unzip_remove_orphans ();
    }
  sag_parallel_own (SAG_TEAM_COMPUTE, 0);
  if (!sag_streams_check (argc, argv, &error))
    return sag_cli_fail (argv[0], error);
  for (int i = 0; commands[i].name != NULL; i++)
    if (strcmp (argv[0], commands[i].name) == 0)
      return run_command (&commands[i], isolated, argc, argv);
  g_printerr ("sagitta-cli: there is no command '%s'; see sagitta-cli --help\n", argv[0]);
  return 2;
}
