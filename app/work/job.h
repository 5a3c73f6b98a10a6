/* SPDX-License-Identifier: Apache-2.0
 *
 * job.h: a piece of work that takes time, done elsewhere: on a thread or in another process.
 *
 * A job is a kind, a request and its file descriptors. While it runs it tells its fraction, what
 * it is doing, and partial results; all arrive in the main context of the thread that started
 * it, partials before the end, nothing after sag_job_cancel() but the end. Voxels and labels
 * travel as memfds, never in messages.
 *
 * Requests, partials and results are a{sv}; '?' marks keys that may be absent. "stack" stands
 * for the keys that name one stack: paths (aay), uid (s), first-frame (i). "volume" and
 * "segmentation" are the a{sv} of app/state/wire.h, whose handles index the descriptors passed
 * alongside.
 *
 * INDEX (io)       request  paths aay: folders and files
 *                  result   studies aa{sv}; skipped a(ss): path and why; n-files u
 * THUMBNAIL (io)   request  stack; size u: of the longest side
 *                  result   width u, height u, rgba ay
 * READ (io)        request  stack; focus (ddd)?: mm LPS; straighten b?: tilted or unevenly spaced
 *                           slices onto an upright, even grid
 *                  partials "volume", "ready"; "segmentation": overlay planes, where there are any
 *                  result   warnings as, seconds d
 * TAGS (io)        request  path ay
 *                  result   tags a(ussss): depth, "(0010,0010)", VR, name, value
 * READ_SEGMENTATION (io)
 *                  request  path ay; role s?: "segmentation" (default) or "reference";
 *                           frame-of-reference s?: refuse a SEG of another one; volume?: what lies under;
 *                           doubtful b?: refuse what may as well be images: other voxels than the volume's, or
 *                           more than 64 labels
 *                  partials the role's name, "ready", "labels"; "values" with a volume
 *                  result   seconds d
 * EXPORT (io)      request  path ay; format s: "seg" "nifti" "confidence" "stl" "statistics" "png" "sr" "csv";
 *                           segmentation and stack ("stl": label y, smooth i: steps; "statistics": volume?);
 *                           or width u, height u, pixels h: RGBA; or measurements aa{sv}, calibrated b,
 *                           volume and stack
 *                  result   path ay, bytes t
 * DEIDENTIFY (io)
 *                  request  paths aay: folders and files; path ay: folder to write to; dates s:
 *                           "remove", "shift" (within a patient) or "keep"
 *                  result   path ay; n-files u; folders aay: one a series; warnings as: what to look
 *                           at first (burned-in text); skipped as: objects left out, and why
 * KEEP (io)        request  path ay: database; series s, kind s, text s: "" forgets what was kept
 * RECALL (io)      request  path ay, series s, kind s
 *                  result   text s: "" if nothing was kept
 * MODELS (compute) result   models aa{sv}
 * ESTIMATE (compute)
 *                  request  model s, precision s, volume
 *                  result   fits b, warnings as, bytes t, seconds d
 * SEGMENT (compute)
 *                  request  model s, precision s, volume; focus (ddd)?, preview b?, threads i?
 *                  partials "preview", "segmentation", "ready", "labels", "values"
 *                  result   bytes t, model-bytes t, seconds d, timings a(sd), doubt s (sag_segment_doubt(); or none)
 * COMPARE (compute)
 *                  request  a, b: segmentation; surface b?: distances too (default), or overlap only
 *                  result   mean-dice d; labels a(isddddd): number, name, Dice, HD95 mm, mean surface
 *                           distance mm (both NaN without `surface`), ml a, ml b;
 *                           slices a(iu): of a, that are not alike, and by how many voxels
 * EDIT (compute)   request  segmentation; layer i; label y: its value there; operation s: of sag_edit_apply()
 *                  partial  "changes": n t, changes h: SagChange; absent if nothing changes
 *                  result   n t
 * PARTS (compute)  request  segmentation
 *                  result   parts a(itd(ddd)): label's number, voxels, mean confidence, mm LPS of the least
 *                           certain voxel; least certain part first
 *
 * Parts of these:
 *  study      uid, patient-name, patient-id, patient-sex, patient-age, description, date: s, as read;
 *             series aa{sv}
 *  series     uid s, stack i, first-frame i, number i, description s, modality s, date s,
 *             n-images u, size (iii), spacing (ddd), frame-of-reference s, warnings as, readable b,
 *             reason s, segmentation b, references s, paths aay; of DICOM: placed b, patient-orientation,
 *             view-position, laterality, spacing-source s, thickness d, lossy b, lossy-ratio d
 *  model      id, name, version, modality, description, licence, data, accuracy, folder: s; of
 *             networks: parameters x, sha256 s; precisions as; labels as in
 *             app/state/wire.h; failure s: "" if usable
 *  "volume"   volume a{sv}; windows a(sdd): name, centre, width; invert b; warnings as;
 *             straightens b: READ with "straighten" would mend some of them; straightened b: it has
 *  "segmentation", "preview", "reference"
 *             segmentation a{sv}
 *  "ready"    of s: the partial that began it; k0 i, k1 i: slices k0 .. k1 - 1
 *  "values"   of s; values a(idd): label's number, mean and standard deviation of the volume inside it
 *  "labels"   of s; labels a(itddddd): number, voxels, ml, mean confidence (NaN if unknown), centroid */
#pragma once

#include "app/state/catalogue.h"
#include "app/state/measurements.h"
#include "engine/base/dtype.h"
#include "engine/image/segmentation.h"

#include <gio/gunixfdlist.h>

#define SAG_JOB_ERROR (sag_job_error_quark ())

typedef enum
{
  SAG_JOB_ERROR_FAILED,   /* the body said so; its message is kept */
  SAG_JOB_ERROR_CRASHED,  /* the worker died; the message names the model or file */
  SAG_JOB_ERROR_PROTOCOL, /* the worker, or a caller, sent what makes no sense */
  SAG_JOB_ERROR_START,    /* no worker could be started, or no runner is set */
} SagJobError;

GQuark       sag_job_error_quark        (void);

typedef enum
{
  SAG_JOB_INDEX,
  SAG_JOB_THUMBNAIL,
  SAG_JOB_READ,
  SAG_JOB_TAGS,
  SAG_JOB_READ_SEGMENTATION,
  SAG_JOB_EXPORT,
  SAG_JOB_DEIDENTIFY,
  SAG_JOB_KEEP,
  SAG_JOB_RECALL,
  SAG_JOB_MODELS,
  SAG_JOB_ESTIMATE,
  SAG_JOB_SEGMENT,
  SAG_JOB_COMPARE,
  SAG_JOB_EDIT,
  SAG_JOB_PARTS,
  SAG_N_JOB_KINDS
} SagJobKind;

/* Jobs of one lane run one after the other, in the order they were started, but thumbnails let
 * everything else go first; lanes run side by side. */
typedef enum
{
  SAG_JOB_LANE_IO,
  SAG_JOB_LANE_COMPUTE,
  SAG_N_JOB_LANES
} SagJobLane;

typedef enum
{
  SAG_JOB_STATE_NEW,
  SAG_JOB_STATE_WAITING, /* for its lane */
  SAG_JOB_STATE_RUNNING,
  SAG_JOB_STATE_DONE,
  SAG_JOB_STATE_FAILED,
  SAG_JOB_STATE_CANCELLED, /* as soon as it was asked to */
} SagJobState;

#define SAG_TYPE_JOB_STATE (sag_job_state_get_type ())
GType        sag_job_state_get_type     (void);

#define SAG_TYPE_JOB (sag_job_get_type ())
G_DECLARE_FINAL_TYPE (SagJob, sag_job, SAG, JOB, GObject)

/* `request` is an a{sv}, sunk; `fds` (may be NULL) holds what its handles index, a reference is
 * taken.
 *
 * Properties, readable: "state" (SagJobState), "fraction" (0..1, never falls; 0 until known),
 * "message" ("Reading 84 of 160 images"), "title" ("Reading Chest 2 mm"): all but the title with
 * notify.
 *
 * Signal "partial::NAME" (SagJob *, const char *name, GVariant *body, GUnixFDList *fds or NULL,
 * gpointer). */
SagJob      *sag_job_new                (SagJobKind            kind,
                                         GVariant             *request,
                                         GUnixFDList          *fds);

/* The requests of the table, filled. Those with voxels fail only if descriptors run out. */
SagJob      *sag_job_new_index          (const char * const   *paths);
SagJob      *sag_job_new_thumbnail      (SagSeries            *series,
                                         int                   size);
SagJob      *sag_job_new_read           (SagSeries            *series,
                                         const double         *focus); /* [3] mm LPS or NULL */
/* The same, its slices resampled onto an upright, even grid: for a "volume" that `straightens`. */
SagJob      *sag_job_new_read_straightened (SagSeries         *series,
                                         const double         *focus);
SagJob      *sag_job_new_tags           (const char           *path);
/* `over` (may be NULL): the images it is to lie over. */
SagJob      *sag_job_new_read_segmentation (const char        *path,
                                         gboolean              as_reference,
                                         SagVolume            *over);
/* The same of a file that may be images as well. */
SagJob      *sag_job_new_read_doubtful  (const char           *path,
                                         SagVolume            *over);
SagJob      *sag_job_new_models         (void);
SagJob      *sag_job_new_estimate       (const char           *model_id,
                                         SagPrecision          precision,
                                         SagVolume            *volume,
                                         GError              **error);
SagJob      *sag_job_new_segment        (const char           *model_id,
                                         SagPrecision          precision,
                                         SagVolume            *volume,
                                         const double         *focus, /* [3] mm LPS or NULL */
                                         GError              **error);
/* `format` "seg", "nifti" or "confidence"; `series` (needed for "seg") is what it was made from. */
SagJob      *sag_job_new_export         (const char           *format,
                                         const char           *path,
                                         SagSegmentation      *segmentation,
                                         SagSeries            *series,
                                         GError              **error);
/* The surface of the label of number `label` as STL; `smooth` steps of smoothing, 0 for none. */
SagJob      *sag_job_new_export_surface (const char           *path,
                                         SagSegmentation      *segmentation,
                                         int                   label,
                                         int                   smooth,
                                         GError              **error);
/* What is true of each label as CSV, with the values of `volume` (may be NULL) inside it. */
SagJob      *sag_job_new_export_statistics (const char        *path,
                                         SagSegmentation      *segmentation,
                                         SagVolume            *volume,
                                         GError              **error);
/* `rgba`: width * height * 4 bytes, copied into a memfd. */
SagJob      *sag_job_new_export_png     (const char           *path,
                                         const guint8         *rgba,
                                         int                   width,
                                         int                   height,
                                         GError              **error);
/* Copies of whole files and folders that no longer say whose they are; `dates` "remove", "shift" or
 * "keep". */
SagJob      *sag_job_new_deidentify     (const char * const   *paths,
                                         const char           *folder,
                                         const char           *dates);
/* What a person adds to a series, kept in a database (app/files/notes.h). */
SagJob      *sag_job_new_keep           (const char           *path,
                                         const char           *series,
                                         const char           *kind,
                                         const char           *text);
SagJob      *sag_job_new_recall         (const char           *path,
                                         const char           *series,
                                         const char           *kind);
/* `format` "sr" or "csv"; `series` (may be NULL; needed for "sr") is what was measured on. */
SagJob      *sag_job_new_export_measurements (const char      *format,
                                         const char           *path,
                                         SagMeasurements      *measurements,
                                         SagVolume            *volume,
                                         SagSeries            *series,
                                         GError              **error);
SagJob      *sag_job_new_compare        (SagSegmentation      *a,
                                         SagSegmentation      *b,
                                         gboolean              surface,
                                         GError              **error);

/* One of the operations of sag_edit_apply() on a label of a layer. */
SagJob      *sag_job_new_edit           (SagSegmentation      *segmentation,
                                         int                   layer,
                                         guint8                label,
                                         const char           *operation,
                                         GError              **error);
SagJob      *sag_job_new_parts          (SagSegmentation      *segmentation,
                                         GError              **error);

SagJobKind   sag_job_get_kind           (SagJob               *self);
SagJobLane   sag_job_get_lane           (SagJob               *self);
GVariant    *sag_job_get_request        (SagJob               *self); /* borrowed */
GUnixFDList *sag_job_get_fds            (SagJob               *self); /* borrowed or NULL */
/* Adds the files and folders that the request names, as new absolute paths: what the work must be able to
 * read, and the folders it must be able to write in. A DICOMDIR stands for its folder. */
void         sag_job_get_named_paths    (SagJob               *self,
                                         GPtrArray            *readable,
                                         GPtrArray            *writable);
SagJobState  sag_job_get_state          (SagJob               *self);
gboolean     sag_job_is_active          (SagJob               *self); /* waiting or running */
const GError *sag_job_get_error         (SagJob               *self); /* of one that failed, else NULL */
double       sag_job_get_fraction       (SagJob               *self);
const char  *sag_job_get_message        (SagJob               *self);
const char  *sag_job_get_title          (SagJob               *self);
/* What it works on, as its title says it ("Segmenting with …"), where the request names it for machines. Before
 * anybody watches. */
void         sag_job_set_subject        (SagJob               *self,
                                         const char           *name);
/* "index" … as in messages and logs; static. */
const char  *sag_job_kind_get_name      (SagJobKind            kind);

/* Starts it once. `callback` comes in the calling thread's default main context. `cancellable`
 * may be NULL: sag_job_cancel() works either way. The job keeps itself alive until then. */
void         sag_job_start_async        (SagJob               *self,
                                         GCancellable         *cancellable,
                                         GAsyncReadyCallback   callback,
                                         gpointer              user_data);
/* The result a{sv}, caller's; NULL with SAG_JOB_ERROR or G_IO_ERROR_CANCELLED. */
GVariant    *sag_job_finish             (SagJob               *self,
                                         GAsyncResult         *result,
                                         GError              **error);
/* Asks it to stop; it ends soon, G_IO_ERROR_CANCELLED, and no partial comes any more. Nothing if
 * it is over. [starting thread] */
void         sag_job_cancel             (SagJob               *self);

/* Who carries jobs out. One runner a process, set before the first job; it must outlive all
 * jobs. */
typedef struct
{
  void (*start)  (SagJob *job, gpointer data); /* must call sag_job_end() later (app/work/runner.h) */
  void (*cancel) (SagJob *job, gpointer data); /* of a job started and not ended; at most once */
} SagJobRunner;

void         sag_job_set_runner         (const SagJobRunner   *runner,
                                         gpointer              data);
