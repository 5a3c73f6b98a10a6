/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue.h: what was found in the folders that are open: studies, and series in them.
 *
 * A SagCatalogue is a GListModel of SagStudy, a SagStudy one of SagSeries; a series here is one
 * *stack*: slices of one series that make one volume. All belong to the thread that made them
 * (the main one). */
#pragma once

#include <gio/gio.h>

#define SAG_TYPE_SERIES (sag_series_get_type ())
G_DECLARE_FINAL_TYPE (SagSeries, sag_series, SAG, SERIES, GObject)

#define SAG_TYPE_STUDY (sag_study_get_type ())
G_DECLARE_FINAL_TYPE (SagStudy, sag_study, SAG, STUDY, GObject)

#define SAG_TYPE_CATALOGUE (sag_catalogue_get_type ())
G_DECLARE_FINAL_TYPE (SagCatalogue, sag_catalogue, SAG, CATALOGUE, GObject)

/* A series from the a{sv} of one stack in an INDEX result (app/work/job.h); unknown keys are left
 * alone, missing ones count as empty. Properties, all readable, of the same names as the getters:
 * "uid", "title", "subtitle", "modality", "n-images", "thumbnail" (notifies), "has-warnings". */
SagSeries          *sag_series_new             (GVariant     *stack);

const char         *sag_series_get_uid         (SagSeries    *self); /* SeriesInstanceUID */
int                 sag_series_get_stack       (SagSeries    *self); /* 0, 1 … within the series */
/* The frame (from 0) of the first file that is the stack's first slice: with the files, what
 * tells one stack of a multi-frame file from another. */
int                 sag_series_get_first_frame (SagSeries    *self);
/* What tells this stack from every other: "UID/0". */
const char         *sag_series_get_key         (SagSeries    *self);
const char         *sag_series_get_title       (SagSeries    *self); /* description or "Series 3" */
const char         *sag_series_get_subtitle    (SagSeries    *self); /* "CT · 160 images · 2 mm" */
const char         *sag_series_get_modality    (SagSeries    *self); /* "" if unknown */
int                 sag_series_get_number      (SagSeries    *self);
const char         *sag_series_get_date        (SagSeries    *self); /* as the locale has it, "" if unknown */
guint               sag_series_get_n_images    (SagSeries    *self); /* files or frames */
const int          *sag_series_get_size        (SagSeries    *self); /* [3] voxels; 0 if not a volume */
const double       *sag_series_get_spacing     (SagSeries    *self); /* [3] mm; 0 where not known */
const char         *sag_series_get_frame_of_reference (SagSeries *self);
/* FALSE if the file does not say where in the patient its images lie (PS3.3 C.7.6.2): then
 * positions mean nothing, and sides only what Patient Orientation (0020,0020) says: "L\\F", the
 * directions of rows and columns; "" if it says nothing. */
gboolean            sag_series_is_placed       (SagSeries    *self);
const char         *sag_series_get_patient_orientation (SagSeries *self);
/* View Position (0018,5101) of a projection, "PA", "MLO" …, and its Image Laterality (0020,0062), "R", "L", "B" or "U"; ""
 * if it does not say. */
const char         *sag_series_get_view_position (SagSeries   *self);
const char         *sag_series_get_laterality  (SagSeries     *self);
/* Where the size of a pixel comes from (PS3.3 10.7.1.3): "pixel", "calibrated", "imager", "scanned", "region" or
 * "unknown", when lengths are in pixels; "" where files have no such tags (NIfTI). */
const char         *sag_series_get_spacing_source (SagSeries *self);
double              sag_series_get_thickness   (SagSeries    *self); /* Slice Thickness, mm; 0 unknown */
/* Compressed with loss once (PS3.3 C.7.6.1.1.5), and how much; ratio 0 if it is not said. */
gboolean            sag_series_is_lossy        (SagSeries    *self);
double              sag_series_get_lossy_ratio (SagSeries    *self);
/* Findings about the geometry, each one sentence that names the slices; NULL-terminated, never
 * NULL. */
const char * const *sag_series_get_warnings    (SagSeries    *self);
/* TRUE if it is made of voxels that READ can show; else `get_reason` says why not. */
gboolean            sag_series_is_readable     (SagSeries    *self);
const char         *sag_series_get_reason      (SagSeries    *self);
/* TRUE for a DICOM SEG (or a label NIfTI): READ_SEGMENTATION opens it; over the series
 * `get_references`. */
gboolean            sag_series_is_segmentation (SagSeries    *self);
const char         *sag_series_get_references  (SagSeries    *self); /* SeriesInstanceUID or "" */
/* Files of the stack in slice order; NULL-terminated, never NULL. */
const char * const *sag_series_get_paths       (SagSeries    *self);
/* The study it is in, borrowed; NULL once that is gone. */
SagStudy           *sag_series_get_study       (SagSeries    *self);

/* RGBA, rows top to bottom, width * height * 4 bytes; NULL until a THUMBNAIL job has brought it.
 * `width` and `height` may be NULL. Setting takes the a{sv} result of that job and notifies
 * "thumbnail"; a result that is not a picture is ignored. */
GBytes             *sag_series_get_thumbnail   (SagSeries    *self,
                                                int          *width,
                                                int          *height);
void                sag_series_set_thumbnail   (SagSeries    *self,
                                                GVariant     *result);

/* Properties: "uid", "title", "subtitle". */
const char         *sag_study_get_uid          (SagStudy     *self);
const char         *sag_study_get_patient_name (SagStudy     *self); /* "Doe, Jane" or "No name" */
const char         *sag_study_get_patient_id   (SagStudy     *self);
const char         *sag_study_get_patient_sex  (SagStudy     *self); /* "F", "M", "O" or "" */
const char         *sag_study_get_patient_age  (SagStudy     *self); /* "61 y" or "" */
const char         *sag_study_get_description  (SagStudy     *self);
const char         *sag_study_get_date         (SagStudy     *self); /* as the locale has it, or "" */
const char         *sag_study_get_title        (SagStudy     *self); /* "Doe, Jane · F 61 y" */
/* The same with the name in ideographs too, where the file has it: "Yamada, Tarou (山田 太郎) · M 61 y". */
const char         *sag_study_get_full_title   (SagStudy     *self);
const char         *sag_study_get_phonetic_name (SagStudy    *self); /* "やまだ たろう" or "" */
const char         *sag_study_get_subtitle     (SagStudy     *self); /* "CT Chest · 2026-03-02" */

SagCatalogue       *sag_catalogue_new          (void);

/* Adds what an INDEX result describes: studies with a UID already here take the new series;
 * series already here stay the objects they are. FALSE with G_IO_ERROR_INVALID_DATA if it is not
 * an INDEX result. */
gboolean            sag_catalogue_add          (SagCatalogue *self,
                                                GVariant     *result,
                                                GError      **error);
/* The same after forgetting all there was. */
gboolean            sag_catalogue_set          (SagCatalogue *self,
                                                GVariant     *result,
                                                GError      **error);
void                sag_catalogue_clear        (SagCatalogue *self);

/* The first stack of that SeriesInstanceUID, or the stack of that key; borrowed, or NULL. */
SagSeries          *sag_catalogue_find_series  (SagCatalogue *self,
                                                const char   *uid_or_key);
SagStudy           *sag_catalogue_find_study   (SagCatalogue *self,
                                                const char   *uid);
/* The series to open first: the readable one with most voxels, so the CT of a PET/CT; borrowed,
 * or NULL. */
SagSeries          *sag_catalogue_pick_series  (SagCatalogue *self);
/* The series before (-1) or after (1) `series` over all studies that can be read; borrowed, or
 * NULL. */
SagSeries          *sag_catalogue_step_series  (SagCatalogue *self,
                                                SagSeries    *series,
                                                int           step);
