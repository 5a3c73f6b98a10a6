/* SPDX-License-Identifier: Apache-2.0
 *
 * opener.h: from a folder to a volume in the workspace: what a window does with INDEX, THUMBNAIL,
 * READ and READ_SEGMENTATION jobs. No widget.
 *
 * Properties, readable, with notify: "state" (int, SagOpenerState), "problem" (string, why nothing
 * can be shown; "" if it can).
 *
 * Signals: "job" (SagOpener *, SagJob *, gpointer) when one begins that a person waits for; "failed"
 * (SagOpener *, const char *message, gpointer); "opened" (SagOpener *, SagSeries *, gpointer) when the
 * last slice is there. */
#pragma once

#include "app/state/workspace.h"
#include "app/work/job.h"

typedef enum
{
  SAG_OPENER_EMPTY,   /* nothing was opened yet */
  SAG_OPENER_LOOKING, /* a folder is being indexed, nothing else is there to see */
  SAG_OPENER_NOTHING, /* nothing that was found can be shown; "problem" says why */
  SAG_OPENER_READING, /* slices are coming */
  SAG_OPENER_READY,
} SagOpenerState;

#define SAG_TYPE_OPENER (sag_opener_get_type ())
G_DECLARE_FINAL_TYPE (SagOpener, sag_opener, SAG, OPENER, GObject)

SagOpener      *sag_opener_new            (SagWorkspace       *workspace,
                                           SagCatalogue       *catalogue);

SagOpenerState  sag_opener_get_state      (SagOpener          *self);
const char     *sag_opener_get_problem    (SagOpener          *self);

/* Indexes files and folders, adds them to the catalogue, opens the largest series among them. */
void            sag_opener_open_paths     (SagOpener          *self,
                                           const char *const  *paths);
/* Reads a series; a segmentation comes over the series it refers to. */
void            sag_opener_open_series    (SagOpener          *self,
                                           SagSeries          *series);
/* Reads the open series again: its slices on an upright, even grid, or, if they are, as acquired. */
void            sag_opener_straighten     (SagOpener          *self);
/* Labels of a file (DICOM SEG, RT Structure Set or NIfTI) as one more result over the open images, called `name`
 * (may be NULL) if they do not say what made them. */
void            sag_opener_open_labels    (SagOpener          *self,
                                           const char         *path,
                                           const char         *name);
/* What was dropped on the open images: one file of labels (DICOM SEG, RT Structure Set, NIfTI) becomes one more
 * result over them, all else is opened. */
void            sag_opener_open_dropped   (SagOpener          *self,
                                           const char *const  *paths);
/* Once more what failed last: the open series is read, or else the paths last asked for are indexed. */
void            sag_opener_try_again      (SagOpener          *self);
/* The next series that can be read, or the one before (-1). */
void            sag_opener_step_series    (SagOpener          *self,
                                           int                 step);
/* Stops what is being read or indexed; TRUE if there was something. */
gboolean        sag_opener_cancel         (SagOpener          *self);
/* The window closes: stops all, thumbnails too. */
void            sag_opener_close          (SagOpener          *self);
