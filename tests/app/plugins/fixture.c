/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.c: one plugin; with FAULT defined as one of the below, the same plugin breaking a rule.
 */
#ifdef OTHER_SYMBOL
#define sag_plugin sag_something_else
#endif
#include "plugins/sagitta-plugin.h"

#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
  /* what can be seen without running */
  GOOD,
  NETWORK, /* good too: no code, sign3d.onnx */
  OLD_SIZE,
  ABSURD_SIZE,
  WRONG_ABI,
  NO_MODELS,
  OLD_MODEL,
  NULL_NAME,
  BAD_UTF8,
  BAD_ID,
  LONG_NAME,
  NO_PRECISION,
  NULL_LABELS,
  LABEL_ZERO,
  LABEL_TWICE,
  BAD_CODE,
  NO_CODE_NO_NET,
  MISSING_ONNX,
  ONNX_OUTSIDE,
  BAD_ORIENTATION,
  BAD_OVERLAP,
  NO_SYMBOL, /* OTHER_SYMBOL is defined too */
  /* what comes out in a run */
  NO_MODEL,
  NULL_SEGMENT,
  FAILS,
  LONG_MESSAGE, /* longer than the host keeps, and cut inside a character */
  SILENT_FAILURE,
  LYING_SUCCESS,
  UNASKED_CANCEL,
  UNKNOWN_STATUS,
  ALIEN_LABEL,
  /* what only check-plugin finds */
  UNWRITTEN_CONFIDENCE,
  IGNORES_CANCEL,
  NEVER_ASKS,
  FALLING_PROGRESS,
  FORGETFUL,
  OTHER_THREAD,   /* its progress comes from there */
  COUNTS_THREADS, /* the answer hangs on how many there are */
  LIES_STOPPED,   /* told to stop, it says something else */
  ASKS_ON,        /* told to stop, it asks again */
  SPOILED,        /* a cancelled run changes the next */
  ONLY_ONE,       /* no second model beside the first */
  ONLY_LARGE,     /* not a single voxel */
  NO_CARD,
  MOVES, /* the working folder */
  PRINTS,
  LEAVES_OPEN,
  TAKES_SIGNAL,
  BEFORE_LABELS, /* writes there */
  PAST_LABELS,
  PAST_MESSAGE,
  PAST_VOXELS, /* reads there */
  WRITES_VOXELS,
  ROUNDS_UP, /* in the processor's mode, which the host sets right */
  /* what only a process of its own survives */
  CRASHES,
  CRASHES_OPENED,
  ENDS,
  HANGS,
  EATS,
  ESCAPES
};

static const sag_label first = {
  sizeof first,
  FAULT == LABEL_ZERO ? 0 : 1,
  "Bright",
  FAULT == BAD_CODE ? "Lung" : "SCT:39607008:Lung",
  { 10, 20, 30, 255 },
  0,
  NULL,
  "SCT:7771000:Left",
};
static const sag_label second = {
  sizeof second, FAULT == LABEL_TWICE ? 1 : 7, "Very bright", NULL, { 0, 0, 0, 0 }, 0,
  "SCT:49755003:Morphologically Abnormal Structure", NULL,
};
static const sag_label *const both[] = { &first, &second, NULL };
static const sag_label *const one[] = { &first, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = FAULT == MISSING_ONNX   ? "absent.onnx"
          : FAULT == ONNX_OUTSIDE ? "../sign3d.onnx"
                                  : "sign3d.onnx",
  .orientation = { 'L', FAULT == BAD_ORIENTATION ? 'L' : 'P', 'S', 0 },
  .patch = { 16, 16, 16 },
  .overlap = FAULT == BAD_OVERLAP ? 0.9f : 0.5f,
  .clip = { -1000, 1000 },
  .std = 100,
  .temperature = { 1.5f },
};

#define HAS_NET(fault) \
  ((fault) == NETWORK || (fault) == MISSING_ONNX || (fault) == ONNX_OUTSIDE \
   || (fault) == BAD_ORIENTATION || (fault) == BAD_OVERLAP)

static const sag_model_info info = {
  .size = FAULT == OLD_MODEL ? 24 : sizeof info,
  .precisions = FAULT == NO_PRECISION ? 0 : SAG_F32,
  .id = FAULT == BAD_ID ? "Not An Id" : "org.example.fixture",
  .version = "1.0",
  .name = FAULT == NULL_NAME  ? NULL
          : FAULT == BAD_UTF8 ? "caf\xe9"
          : FAULT == LONG_NAME
              ? "A name that goes on and on until it no longer fits any list in any window at all"
              : "Fixture",
  .modality = "CT",
  .description = "For tests.",
  .labels = FAULT == NULL_LABELS ? NULL
            : HAS_NET (FAULT)    ? one
                                 : both,
  .net = HAS_NET (FAULT) ? &net : NULL,
  .card = FAULT == NO_CARD ? "absent.md" : NULL,
};

static const sag_model_info *const models[] = { FAULT == NO_MODELS ? NULL : &info, NULL };

__attribute__ ((constructor)) static void
opened (void)
{
  if (FAULT == CRASHES_OPENED)
    raise (SIGSEGV);
}

/* What a plugin must not be able to do, and what of it succeeded. */
static void
escape (char *message)
{
  int fd = open (getenv ("SAG_FIXTURE_SECRET"), O_RDONLY);
  pid_t child;

  strcpy (message, "escaped:");
  if (fd >= 0)
    strcat (message, " read");
  if (open (getenv ("SAG_FIXTURE_SECRET"), O_WRONLY) >= 0)
    strcat (message, " write");
  if (socket (AF_INET, SOCK_STREAM, 0) >= 0)
    strcat (message, " network");
  child = fork ();
  if (child == 0)
    _exit (0);
  if (child > 0)
    strcat (message, " fork");
  if (kill (getppid (), 0) == 0)
    strcat (message, " signal");
}

static void *
ask (void *data)
{
  const sag_run *run = data;

  run->progress (run->data, 0);
  return NULL;
}

static void
ask_elsewhere (const sag_run *run)
{
  pthread_t thread;

  if (pthread_create (&thread, NULL, ask, (void *) run) == 0)
    pthread_join (thread, NULL);
}

/* What it does when it is told to stop in part `k` of eight. */
static sag_status
stop (sag_result *result, const sag_run *run, int k, int *calls)
{
  if (FAULT == SPOILED)
    *calls |= 0x100;
  if (FAULT == ASKS_ON)
    run->progress (run->data, k / 8.0);
  if (FAULT != LIES_STOPPED)
    return SAG_CANCELLED;
  strcpy (result->message, "the disk is full");
  return SAG_FAILED;
}

/* To the process, and to memory that is not its own. */
static int
misbehave (const sag_image *image, sag_result *result, size_t n)
{
  static volatile float read;

  if ((FAULT == MOVES && chdir ("/") != 0) || (FAULT == LEAVES_OPEN && dup (0) < 0))
    return 1;
  if (FAULT == PRINTS)
    printf ("Hello.\n");
  if (FAULT == TAKES_SIGNAL)
    signal (SIGTERM, SIG_IGN);
  if (FAULT == BEFORE_LABELS)
    ((volatile uint8_t *) result->labels)[-2] = 1;
  if (FAULT == PAST_LABELS)
    ((volatile uint8_t *) result->labels)[n] = 1;
  if (FAULT == PAST_MESSAGE)
    ((volatile char *) result->message)[result->message_size] = 'x';
  if (FAULT == PAST_VOXELS)
    read = ((const volatile float *) image->voxels)[n];
  if (FAULT == WRITES_VOXELS)
    ((volatile float *) (uintptr_t) image->voxels)[0] = read;
  if (FAULT == ROUNDS_UP)
    fesetround (FE_UPWARD);
  return 0;
}

/* Values above 0 are label 1, above 500 label 7. */
static sag_status
segment (sag_model *model, const sag_image *image, sag_result *result, const sag_run *run)
{
  size_t slice = (size_t) image->dims[0] * (size_t) image->dims[1];
  int *calls = model->data;

  ++*calls;
  if (FAULT == FAILS)
    {
      strcpy (result->message, "there is no such organ in this volume");
      return SAG_FAILED;
    }
  if (FAULT == LONG_MESSAGE)
    {
      for (int i = 0; i < 60; i++)
        strcpy (result->message + 5 * i, "caf\xc3\xa9");
      return SAG_FAILED;
    }
  if (misbehave (image, result, slice * (size_t) image->dims[2]))
    return SAG_FAILED;
  if (FAULT == CRASHES)
    raise (SIGSEGV);
  if (FAULT == ENDS)
    exit (0);
  if (FAULT == HANGS)
    for (;;)
      pause ();
  if (FAULT == EATS)
    for (size_t n = 0;; n++)
      if (malloc ((size_t) 128 << 20) == NULL)
        {
          strcpy (result->message, n < 512 ? "memory was refused" : "memory was there without end");
          return SAG_FAILED;
        }
  if (FAULT == ESCAPES)
    {
      escape (result->message);
      return SAG_FAILED;
    }
  if (FAULT == SILENT_FAILURE)
    return SAG_FAILED;
  if (FAULT == UNASKED_CANCEL)
    return SAG_CANCELLED;
  if (FAULT == UNKNOWN_STATUS)
    return 77;
  if (FAULT == ONLY_LARGE && slice * (size_t) image->dims[2] < 2)
    {
      strcpy (result->message, "one voxel is too few");
      return SAG_FAILED;
    }
  if (FAULT == OTHER_THREAD)
    ask_elsewhere (run);
  if (FAULT == LYING_SUCCESS)
    strcpy (result->message, "it went wrong");
  for (int k = 0; k < 8; k++)
    {
      size_t from = (size_t) image->dims[2] * (size_t) k / 8 * slice;
      size_t to = (size_t) image->dims[2] * (size_t) (k + 1) / 8 * slice;
      double fraction = FAULT == FALLING_PROGRESS ? 1 - k / 8.0 : k / 8.0;

      if (FAULT != NEVER_ASKS && !run->progress (run->data, fraction) && FAULT != IGNORES_CANCEL)
        return stop (result, run, k, calls);
      for (size_t i = from; i < to; i++)
        {
          float v = image->voxels[i];

          result->labels[i] = v > 500 ? 7 : v > 0;
          if (FAULT == ALIEN_LABEL && v > 500)
            result->labels[i] = 9;
          if (FAULT == FORGETFUL && i == 3)
            result->labels[i] = (uint8_t) (*calls % 2);
          if (FAULT == COUNTS_THREADS && i == 3)
            result->labels[i] = run->n_threads == 1;
          if (FAULT == SPOILED && i == 3)
            result->labels[i] = *calls >= 0x100;
          if (FAULT != UNWRITTEN_CONFIDENCE || i % 100 != 0)
            result->confidence[i] = 200;
        }
    }
  return SAG_OK;
}

static int n_models;

static void
destroy (sag_model *model)
{
  n_models--;
  free (model->data);
  free (model);
}

static sag_model *
create (const sag_host *host, const char *folder, const char *id, uint32_t precision)
{
  sag_model *model = calloc (1, sizeof *model);

  if (FAULT == NO_MODEL || (FAULT == ONLY_ONE && n_models > 0) || host->abi != SAG_PLUGIN_ABI || precision != SAG_F32 || folder[0] != '/'
      || strcmp (id, info.id) != 0 || host->extension (host, "sagitta.nothing/1") != NULL)
    {
      free (model);
      return NULL;
    }
  n_models++;
  model->size = sizeof *model;
  model->data = calloc (1, sizeof (int));
  model->segment = FAULT == NULL_SEGMENT ? NULL : segment;
  model->destroy = destroy;
  return model;
}

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = FAULT == OLD_SIZE ? 8 : FAULT == ABSURD_SIZE ? 0x7fffffff : sizeof sag_plugin,
  .abi = FAULT == WRONG_ABI ? SAG_PLUGIN_ABI + 1 : SAG_PLUGIN_ABI,
  .models = models,
  .create = HAS_NET (FAULT) || FAULT == NO_CODE_NO_NET ? NULL : create,
};
