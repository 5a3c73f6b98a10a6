/* SPDX-License-Identifier: Apache-2.0
 *
 * body-private.h: what the files of the body share: dispatch and helpers (body.c), images (body-
 * files.c), results (body-results.c), models (body-models.c). */
#pragma once

#include "app/dicom/index.h"
#include "app/plugin/host.h"
#include "app/work/runner.h"
#include "engine/base/tick.h"

/* What a lane keeps between jobs. */
typedef struct
{
  GPtrArray     *indexes;         /* of SagIndex: the latest, so READ need not parse again */
  GPtrArray     *unzipped;        /* of SagUnzip: what the window may still ask for */
  SagPluginHost *host;            /* NULL until a model is asked for */
  double         macs_per_second; /* of the latest run; 0: none yet */
} SagBody;

/* One job under way. */
typedef struct
{
  SagBody          *self;
  GVariant         *request;
  GUnixFDList      *fds;
  const SagJobSink *sink;
  gint64            started;
  SagTick           tick;   /* reports the fraction and asks for cancel */
  const char       *of;     /* partial whose slices become ready */
  GMutex            lock;   /* of the following */
  GArray           *ready;  /* of gboolean, by slice: ready and not yet told */
  int               n_told;
  int               n_ready;
  gint64            told;   /* when */
} SagBodyRun;

typedef GVariant *(*SagBodyFunc) (SagBodyRun *run, GError **error);

GVariant *sag_body_index             (SagBodyRun *run, GError **error);
GVariant *sag_body_thumbnail         (SagBodyRun *run, GError **error);
GVariant *sag_body_read              (SagBodyRun *run, GError **error);
GVariant *sag_body_tags              (SagBodyRun *run, GError **error);
GVariant *sag_body_read_segmentation (SagBodyRun *run, GError **error);
GVariant *sag_body_export            (SagBodyRun *run, GError **error);
GVariant *sag_body_deidentify        (SagBodyRun *run, GError **error);
GVariant *sag_body_keep              (SagBodyRun *run, GError **error);
GVariant *sag_body_recall            (SagBodyRun *run, GError **error);
GVariant *sag_body_models            (SagBodyRun *run, GError **error);
GVariant *sag_body_estimate          (SagBodyRun *run, GError **error);
GVariant *sag_body_segment           (SagBodyRun *run, GError **error);
GVariant *sag_body_compare           (SagBodyRun *run, GError **error);
GVariant *sag_body_edit              (SagBodyRun *run, GError **error);
GVariant *sag_body_parts             (SagBodyRun *run, GError **error);

/* Sets SAG_JOB_ERROR_PROTOCOL: the request lacks `key`. Returns NULL. */
gpointer         sag_body_lacks           (const char        *key,
                                           GError           **error);
/* "path" or "paths" of the request; NULL and an error without. */
char            *sag_body_get_path        (SagBodyRun        *run,
                                           GError           **error);
char           **sag_body_get_paths       (SagBodyRun        *run,
                                           GError           **error);
/* "focus" of the request; FALSE if there is none. */
gboolean         sag_body_get_focus       (SagBodyRun        *run,
                                           double             focus[3]);
SagSegmentation *sag_body_get_segmentation (SagBodyRun       *run,
                                           const char        *key,
                                           GError           **error);
/* The stack that the request names, borrowed from *index, which the caller unrefs: from an INDEX
 * job of this lane, else the headers are read again. */
const SagStack  *sag_body_get_stack       (SagBodyRun        *run,
                                           SagIndex         **index,
                                           GError           **error);
/* Whether every voxel of `part` is one of `whole`: then nothing is lost by laying it there. */
gboolean         sag_body_is_part_of     (const SagGrid     *part,
                                           const SagGrid     *whole);
/* Of NIfTI files (paths) that are named together, beside DICOM images perhaps: the UID of the images that each one
 * labels, or NULL where it is images itself. Labels are at most 64 whole numbers on the voxels of images. */
GPtrArray       *sag_body_match_labels   (SagBodyRun        *run,
                                           GPtrArray         *files);
/* Texts, made valid UTF-8, as an `as`. */
void             sag_body_add_texts       (GVariantDict      *dict,
                                           const char        *key,
                                           GPtrArray         *texts);
double           sag_body_get_seconds     (SagBodyRun        *run);

/* Adds a text that may be of a foreign file. */
void             sag_body_add_text        (GVariantDict      *dict,
                                           const char        *key,
                                           const char        *text);

/* Partial `role` ("segmentation", "preview", "reference"), and partial "labels" about it. */
gboolean         sag_body_tell_segmentation (SagBodyRun      *run,
                                           const char        *role,
                                           SagSegmentation   *segmentation,
                                           GError           **error);
void             sag_body_tell_labels     (SagBodyRun        *run,
                                           const char        *role,
                                           SagSegmentation   *segmentation);

/* Partial "values" about it: what `volume` says inside each label. */
void             sag_body_tell_values     (SagBodyRun        *run,
                                           const char        *role,
                                           SagSegmentation   *segmentation,
                                           SagVolume         *volume);

/* Partials "ready" of `of`, which has `n` slices: begin, slices as they come (any thread), the
 * rest. They are told at most every 15 ms, so that a fast reader does not flood the window. */
void             sag_body_ready_begin     (SagBodyRun        *run,
                                           const char        *of,
                                           int                n);
void             sag_body_ready_add       (SagBodyRun        *run,
                                           int                k0,
                                           int                k1);
void             sag_body_ready_end       (SagBodyRun        *run);
