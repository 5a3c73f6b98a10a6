/* SPDX-License-Identifier: Apache-2.0
 *
 * runner.h: how those who carry jobs out report, and the runner that uses threads.
 *
 * sag_job_begin(), any reports, sag_job_end(): in this order, from any thread, one at a time.
 * What they say reaches the job's listeners in the main context it was started in. */
#pragma once

#include "app/work/job.h"

/* It left its lane's queue. */
void          sag_job_begin   (SagJob        *self);

/* Fraction done (below 0: as before) and what is being done (NULL: as before). */
void          sag_job_report  (SagJob        *self,
                               double         fraction,
                               const char    *message);

/* `body` is an a{sv}, taken, floating or not; `fds` may be NULL. */
void          sag_job_partial (SagJob        *self,
                               const char    *name,
                               GVariant      *body,
                               GUnixFDList   *fds);

/* Exactly once: `result` (a{sv}, taken) or `error` (taken). Whatever it is, a cancelled job ends
 * with G_IO_ERROR_CANCELLED; errors of other domains become SAG_JOB_ERROR_FAILED with their
 * message. */
void          sag_job_end     (SagJob        *self,
                               GVariant      *result,
                               GError        *error);

/* Cancelled as soon as sag_job_cancel() was called; borrowed. */
GCancellable *sag_job_get_cancellable (SagJob *self);

/* Order in a lane's queue: thumbnails wait until there is nothing else; below 0 if `a` goes
 * first, above if `b` does, 0 if the one that came first does. A GCompareDataFunc. */
int           sag_job_compare (gconstpointer  a,
                               gconstpointer  b,
                               gpointer       unused);

/* Where the work itself reports to, on any thread, one at a time. */
typedef struct
{
  void     (*report)       (double       fraction, /* below 0: as before */
                            const char  *message,  /* NULL: as before */
                            gpointer     data);
  void     (*partial)      (const char  *name,
                            GVariant    *body,     /* a{sv}, taken */
                            GUnixFDList *fds,      /* or NULL */
                            gpointer     data);
  gboolean (*is_cancelled) (gpointer     data);
  /* The job was promised to take at most `bytes` more than now; 0: no promise any more. A process of
   * its own is held to it: memory beyond is refused to whoever asks, also to a plugin. */
  void     (*expect)       (guint64      bytes,
                            gpointer     data);
  gpointer   data;
} SagJobSink;

/* What jobs do: `run` answers a{sv}, the caller's or floating, or NULL with an error of any
 * domain. The object that `create` makes belongs to one lane and keeps what is worth keeping
 * between its jobs. [the lane's thread] */
typedef struct
{
  gpointer   (*create)  (void);
  GVariant  *(*run)     (gpointer          self,
                         SagJobKind        kind,
                         GVariant         *request,
                         GUnixFDList      *fds,
                         const SagJobSink *sink,
                         GError          **error);
  void       (*destroy) (gpointer          self);
  /* Adds files and folders (owned strings) that jobs of the lane read and write though no request names
   * them, for a process that is limited to what it was told. May be NULL. */
  void       (*add_folders) (SagJobLane     lane,
                             GPtrArray     *readable,
                             GPtrArray     *writable);
  /* From now on `opening` is told the file of foreign code before it is opened, and NULL when that went well;
   * `avoided` are not opened. May be NULL. */
  void       (*watch)       (void         (*opening) (const char *file, gpointer data),
                             gpointer       data,
                             const char *const *avoided);
  /* No job will come any more: what was kept on disk for the window, whichever process of its made it, goes. May be
   * NULL. [any thread] */
  void       (*leave)       (void);
} SagJobBody;

/* Jobs run on threads of this process from now on, one a lane, started when first needed. The
 * compute lane's owns a team of `n_threads` (0: one a core); the other decodes alone, so that no
 * two teams fight over the cores. */
void          sag_runner_inline_install (const SagJobBody *body,
                                         int               n_threads);

/* Waits for what is running, ends the threads; the process has no runner then. No job may be
 * active. */
void          sag_runner_inline_remove  (void);

/* The lane of a kind; and a kind by its name, FALSE if there is none. */
SagJobLane    sag_job_kind_get_lane   (SagJobKind  kind);
gboolean      sag_job_kind_from_name  (const char *name,
                                       SagJobKind *kind);
