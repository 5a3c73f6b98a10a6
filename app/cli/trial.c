/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.c: foreign code tried in a process that may die of it.
 */
#include "app/cli/trial.h"

#include "app/cli/interrupt.h"
#include "app/plugin/fence.h"
#include "app/work/contain.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_BYTES (4ull << 30) /* of memory */
#define STACK_BYTES (64u << 10) /* of a signal handler: the plugin's may be what ran over */
#define DONE "done"             /* words of the trial's own, which no other begins with */
#define BLAME "blame"

struct _SagTrial
{
  int   output; /* the pipe to the parent */
  guint patience;
};

static int blame_output = -1;

/* --- in the child ----------------------------------------------------------------------------- */

static void
write_all (int output, const char *bytes, gsize n)
{
  while (n > 0)
    {
      gssize wrote = write (output, bytes, n);

      if (wrote < 0 && errno != EINTR)
        return;
      bytes += MAX (wrote, 0);
      n -= (gsize) MAX (wrote, 0);
    }
}

void
sag_trial_say (SagTrial *trial, const char *first, const char *second, const char *third)
{
  g_autoptr (GString) words = g_string_new (NULL);
  const char *const all[] = { first, second, third };

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    {
      g_string_append (words, all[i] != NULL ? all[i] : "");
      g_string_append_c (words, '\0');
    }
  write_all (trial->output, words->str, words->len);
  sag_trial_go_on (trial);
}

void
sag_trial_go_on (SagTrial *trial)
{
  alarm (trial->patience);
}

/* A fault in or beside a fence says whose. The signal's own action, which is to die, follows. */
static void
on_fault (int number, siginfo_t *info, void *context)
{
  static const char head[] = BLAME;
  char room[128];

  if (sag_fence_blame (info->si_addr, room, sizeof room) != NULL)
    {
      write_all (blame_output, head, sizeof head);
      write_all (blame_output, room, strlen (room) + 1);
      write_all (blame_output, "", 1);
    }
  signal (number, SIG_DFL);
  raise (number);
}

static G_GNUC_NORETURN void
child_main (SagTrialBody body, gpointer data, int output, guint patience, int parent)
{
  static const int faults[] = { SIGSEGV, SIGBUS };
  SagTrial trial = { output, patience };
  struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
  stack_t stack = { .ss_sp = g_malloc (STACK_BYTES), .ss_size = STACK_BYTES };
  guint64 memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE) / 2;
  int nowhere = memfd_create ("output", MFD_CLOEXEC);

  sag_interrupt_close ();
  if (nowhere >= 0)
    dup2 (nowhere, STDOUT_FILENO);
  close (nowhere);
  blame_output = output;
  sigaltstack (&stack, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    sigaction (faults[i], &action, NULL);
  sag_contain_process (MIN (memory, MOST_BYTES));
  sag_contain_to_parent (parent);
  sag_trial_go_on (&trial);
  body (&trial, data);
  sag_trial_say (&trial, DONE, NULL, NULL);
  _exit (0);
}

/* --- in the parent ---------------------------------------------------------------------------- */

/* Three words at a time until the child's end of the pipe is closed. TRUE if it came back. */
static gboolean
listen_to (FILE *input, SagTrialHear hear, gpointer data, char **blame)
{
  char *words[3] = { NULL };
  gsize room[3] = { 0 };
  gboolean done = FALSE;

  for (;;)
    {
      int n = 0;

      while (n < 3 && getdelim (&words[n], &room[n], '\0', input) > 0)
        n++;
      if (n < 3)
        break;
      if (strcmp (words[0], BLAME) == 0)
        {
          g_free (*blame);
          *blame = g_strdup (words[1]);
        }
      else if (strcmp (words[0], DONE) == 0)
        done = TRUE;
      else
        hear ((const char *const *) words, data);
    }
  for (int i = 0; i < 3; i++)
    free (words[i]);
  return done;
}

static char *
describe_end (int status, char *blame, guint patience)
{
  if (blame != NULL)
    return blame;
  if (!WIFSIGNALED (status))
    return g_strdup_printf ("it ended the program, with status %d", WEXITSTATUS (status));
  if (WTERMSIG (status) == SIGALRM)
    return g_strdup_printf ("it gave no sign of life for %u seconds", patience);
  return g_strdup_printf ("it crashed (\"%s\")", strsignal (WTERMSIG (status)));
}

char *
sag_trial_run (SagTrialBody body, SagTrialHear hear, gpointer data, guint patience)
{
  int ends[2], status = 0, parent = (int) getpid ();
  char *blame = NULL;
  gboolean done;
  pid_t child;
  FILE *input;

  fflush (stdout);
  if (pipe (ends) != 0)
    return g_strdup_printf ("it was not tried: %s", g_strerror (errno));
  child = fork ();
  if (child == 0)
    {
      close (ends[0]);
      child_main (body, data, ends[1], patience, parent);
    }
  close (ends[1]);
  if (child < 0)
    {
      close (ends[0]);
      return g_strdup_printf ("it was not tried: %s", g_strerror (errno));
    }
  input = fdopen (ends[0], "r");
  done = listen_to (input, hear, data, &blame);
  fclose (input);
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  if (!done)
    return describe_end (status, blame, patience);
  g_free (blame);
  return NULL;
}
