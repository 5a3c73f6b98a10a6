/* SPDX-License-Identifier: Apache-2.0
 *
 * trial.h: foreign code tried in a process that may die of it.
 */
#pragma once

#include <glib.h>

typedef struct _SagTrial SagTrial;

/* What is tried, in the child; it comes back, or it does not. */
typedef void (*SagTrialBody) (SagTrial *trial, gpointer data);
/* What the child said, in the parent, in order. */
typedef void (*SagTrialHear) (const char *const words[3], gpointer data);

/* Runs `body` in a child with limited memory (app/work/contain.h), whose standard output goes nowhere, and hands what
 * it says to `hear` as it says it. NULL if it came back; else how it ended, in words: 'it went past the end of
 * labels', 'it crashed ("Segmentation fault")', "it ended the program". A child that gives no sign of life for
 * `patience` seconds is ended. `data` goes to both. Free the answer. [before there is a second thread] */
char *sag_trial_run   (SagTrialBody body,
                       SagTrialHear hear,
                       gpointer     data,
                       guint        patience);

/* In the child: three words for the parent (NULL is ""), a sign of life too. [any thread] */
void  sag_trial_say   (SagTrial    *trial,
                       const char  *first,
                       const char  *second,
                       const char  *third);
/* In the child: a sign of life. */
void  sag_trial_go_on (SagTrial    *trial);
