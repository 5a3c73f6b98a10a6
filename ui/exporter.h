/* SPDX-License-Identifier: Apache-2.0
 *
 * exporter.h: files that leave the program: what a window does with EXPORT and DEIDENTIFY jobs. No widget.
 *
 * What is being written when a window closes is written to its end; the application stays until then.
 *
 * Signals: "job" (SagExporter *, SagJob *, gpointer) when one begins; "progress" (SagExporter *, const char
 * *text or NULL, double fraction, gpointer) of what is several jobs, NULL at its end; "saved" (SagExporter *,
 * const char *path, gpointer); "failed" (SagExporter *, const char *message, gpointer); "noted" (SagExporter *,
 * const char *const *texts, gpointer): what to look at in what was written. */
#pragma once

#include "app/state/workspace.h"
#include "app/work/job.h"

#define SAG_TYPE_EXPORTER (sag_exporter_get_type ())
G_DECLARE_FINAL_TYPE (SagExporter, sag_exporter, SAG, EXPORTER, GObject)

SagExporter *sag_exporter_new               (void);

/* The result shown in `workspace`; `format` as for sag_job_new_export(). */
void         sag_exporter_save_labels       (SagExporter        *self,
                                             SagWorkspace       *workspace,
                                             const char         *format,
                                             const char         *path);
/* The surface of the label of that number; as it is, or smoothed. */
void         sag_exporter_save_surface      (SagExporter        *self,
                                             SagWorkspace       *workspace,
                                             int                 label,
                                             gboolean            smooth,
                                             const char         *path);
/* Volumes, values and places of its labels as CSV. */
void         sag_exporter_save_statistics   (SagExporter        *self,
                                             SagWorkspace       *workspace,
                                             const char         *path);
/* What was measured, as "sr" (needs the series) or "csv". */
void         sag_exporter_save_measurements (SagExporter        *self,
                                             SagWorkspace       *workspace,
                                             const char         *format,
                                             const char         *path);
void         sag_exporter_save_png          (SagExporter        *self,
                                             const char         *path,
                                             const guint8       *rgba,
                                             int                 width,
                                             int                 height);

/* Picture `n` (from 0) of a series: RGBA, the caller's, and its size; NULL ends it. [main thread] */
typedef guint8 *(*SagDrawPicture) (int       n,
                                   int      *width,
                                   int      *height,
                                   gpointer  data);

/* `n` pictures into a new folder inside `folder`: "NAME/NAME 001.png" …, one after the other; each is drawn when
 * the one before is written. `data` is freed with `destroy` when it ends. One series at a time. */
void         sag_exporter_save_pictures     (SagExporter        *self,
                                             const char         *folder,
                                             const char         *name,
                                             int                 n,
                                             SagDrawPicture      draw,
                                             gpointer            data,
                                             GDestroyNotify      destroy);

/* Copies without what says whose they are, as sag_job_new_deidentify(). */
void         sag_exporter_deidentify        (SagExporter        *self,
                                             const char *const  *paths,
                                             const char         *folder,
                                             const char         *dates);

/* TRUE if something was being written. */
gboolean     sag_exporter_cancel            (SagExporter        *self);
