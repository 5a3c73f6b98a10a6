/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace.h: what is open and how it is shown; the one thing views watch.
 *
 * Zoom and pan belong to each view, everything views share is here. A change notifies its
 * property; slices that become ready emit "slices-ready" instead. A view redraws on either. Main
 * thread only.
 *
 * Properties (read-write unless said; setters with an equal value do not notify):
 *   "series"               SagSeries or NULL; informs only, READ brings the volume
 *   "volume"               SagVolume pointer; NULL when nothing is open
 *   "segmentation"         SagSegmentation pointer; NULL when there is none
 *   "preview"              SagSegmentation pointer: coarse, shown where "segmentation" is not ready
 *   "reference"            SagSegmentation pointer: the other one of a comparison
 *   "results"              GListModel of SagResult, for ever; read-only
 *   "result"               SagResult or NULL: the one shown, to which "segmentation" and "preview" belong
 *   "other"                SagResult or NULL: the one compared with; "reference" is its
 *   "compare"              int, SagCompare: how the two are shown
 *   "swipe"                double, 0..1 of a view's width: where the other begins
 *   "cursor"               GVariant (ddd), mm LPS
 *   "window-level"         GVariant (dd), centre and width in the volume's unit
 *   "view"                 int, SagView: of a single-view layout
 *   "slab-mm"              double, 0..200
 *   "slab-mode"            int, SagSlabMode
 *   "interpolation"        int, SagInterpolation
 *   "invert"               boolean
 *   "colour-table"         int, SagColourTable
 *   "fusion"               SagWorkspace or NULL, read-only: what is laid over in colour; notified too when
 *                          its look changes
 *   "oblique"              boolean, read-only: the planes were turned
 *   "overlay"              uint, SagOverlayFlags; the user's choice, kept while "overlay-visible" is off
 *   "overlay-visible"      boolean
 *   "opacity"              double, 0..1
 *   "confidence-threshold" double, 0..1
 *   "labels"               GListModel of SagLabelItem, of "segmentation" for ever; read-only
 *   "hidden"               pointer to the array of SagSliceSpec, read-only: which labels are not shown
 *   "warnings"             GStrv, read-only: geometry findings of the open volume
 *   "presets"              pointer, read-only: see sag_workspace_get_presets()
 *
 * Signal "slices-ready" (SagWorkspace *, int what, int k0, int k1, gpointer): slices k0 .. k1 -
 * 1 of `what` (SagWorkspaceLayer) may now be drawn. */
#pragma once

#include "app/state/catalogue.h"
#include "app/state/colour-tables.h"
#include "app/state/editing.h"
#include "app/state/label-item.h"
#include "app/state/measurements.h"
#include "app/state/result.h"
#include "app/state/slice-sources.h"

#include <gio/gunixfdlist.h>

typedef enum
{
  SAG_LAYER_VOLUME,
  SAG_LAYER_SEGMENTATION,
  SAG_LAYER_PREVIEW,
  SAG_LAYER_REFERENCE,
} SagWorkspaceLayer;

/* A named window. `name` is for people ("Lung"), `id` for actions ("lung", "file-1"). */
typedef struct
{
  char          *id;
  char          *name;
  SagWindowLevel window;
} SagWindowPreset;

/* What lies at a point. Strings and label are borrowed until the workspace changes. */
typedef struct
{
  gboolean        inside;     /* of the volume, on a slice that is ready; else the rest is void */
  int             ijk[3];     /* nearest voxel */
  double          value;      /* in `unit`; of RGB the red channel */
  const char     *unit;
  const SagLabel *label;      /* NULL for background, or where there is no segmentation */
  double          confidence; /* 0..1; NaN where there is none */
} SagProbe;

#define SAG_TYPE_WORKSPACE (sag_workspace_get_type ())
G_DECLARE_FINAL_TYPE (SagWorkspace, sag_workspace, SAG, WORKSPACE, GObject)

SagWorkspace    *sag_workspace_new                (void);

/* Takes one partial message of a READ, READ_SEGMENTATION or SEGMENT job (app/work/job.h): sets
 * volume, segmentation, preview or reference, marks slices ready, measures labels. Names it does
 * not know are ignored. FALSE with G_IO_ERROR_INVALID_DATA if a message contradicts itself; the
 * workspace is then as it was. Connect it so: g_signal_connect (job, "partial", ...) and pass on
 * name, body and fds. */
gboolean         sag_workspace_receive            (SagWorkspace          *self,
                                                   const char            *name,
                                                   GVariant              *body,
                                                   GUnixFDList           *fds,
                                                   GError               **error);

/* The same for a job that fills `result`, shown or not. */
gboolean         sag_workspace_receive_result     (SagWorkspace          *self,
                                                   SagResult             *result,
                                                   const char            *name,
                                                   GVariant              *body,
                                                   GUnixFDList           *fds,
                                                   GError               **error);

/* Setting a series forgets the volume, its results, presets and warnings. */
SagSeries       *sag_workspace_get_series         (SagWorkspace          *self); /* borrowed or NULL */
void             sag_workspace_set_series         (SagWorkspace          *self,
                                                   SagSeries             *series);

/* A new volume centres the cursor and guesses a window unless the message or the modality has
 * one. A reference is taken. NULL closes it, with the results over it. */
SagVolume       *sag_workspace_get_volume         (SagWorkspace          *self); /* borrowed or NULL */
void             sag_workspace_set_volume         (SagWorkspace          *self,
                                                   SagVolume             *volume);
SagSegmentation *sag_workspace_get_segmentation   (SagWorkspace          *self); /* borrowed or NULL */
void             sag_workspace_set_segmentation   (SagWorkspace          *self,
                                                   SagSegmentation       *segmentation);
SagSegmentation *sag_workspace_get_preview        (SagWorkspace          *self); /* borrowed or NULL */
SagSegmentation *sag_workspace_get_reference      (SagWorkspace          *self); /* borrowed or NULL */
void             sag_workspace_set_reference      (SagWorkspace          *self,
                                                   SagSegmentation       *reference);

/* Results. Setting a segmentation above adds one; a new one is shown; one that goes leaves its place to
 * the one before it. What is shown is never what it is compared with: the two change places. */
GListModel      *sag_workspace_get_results        (SagWorkspace          *self); /* borrowed */
SagResult       *sag_workspace_get_result         (SagWorkspace          *self); /* borrowed or NULL */
SagResult       *sag_workspace_begin_result       (SagWorkspace          *self, /* borrowed */
                                                   const char            *name);
void             sag_workspace_show_result        (SagWorkspace          *self,
                                                   SagResult             *result);
void             sag_workspace_remove_result      (SagWorkspace          *self,
                                                   SagResult             *result);
void             sag_workspace_clear_results      (SagWorkspace          *self);

/* The shown result, corrected by hand. */
SagEditing      *sag_workspace_get_editing        (SagWorkspace          *self); /* borrowed */
/* What was measured on the open volume: forgotten with it. */
SagMeasurements *sag_workspace_get_measurements   (SagWorkspace          *self); /* borrowed */

/* Comparing. sag_workspace_compare_with() chooses the other one if none is chosen: the same model at
 * FP32, else the latest; FALSE if there is none. Swapping exchanges the two; FALSE likewise. */
SagResult       *sag_workspace_get_other          (SagWorkspace          *self); /* borrowed or NULL */
void             sag_workspace_set_other          (SagWorkspace          *self,
                                                   SagResult             *other);
SagCompare       sag_workspace_get_compare        (SagWorkspace          *self);
void             sag_workspace_set_compare        (SagWorkspace          *self,
                                                   SagCompare             compare);
gboolean         sag_workspace_compare_with       (SagWorkspace          *self,
                                                   SagCompare             compare);
gboolean         sag_workspace_swap               (SagWorkspace          *self);
double           sag_workspace_get_swipe          (SagWorkspace          *self);
void             sag_workspace_set_swipe          (SagWorkspace          *self,
                                                   double                 swipe);
/* Mean Dice of the two, as found by a COMPARE job; NaN until then. Notifies "other". */
double           sag_workspace_get_agreement      (SagWorkspace          *self);
void             sag_workspace_set_agreement      (SagWorkspace          *self,
                                                   double                 dice);

/* Publishes slices of a layer and emits "slices-ready"; out-of-range slices are clipped. */
void             sag_workspace_mark_ready         (SagWorkspace          *self,
                                                   SagWorkspaceLayer      layer,
                                                   int                    k0,
                                                   int                    k1);

/* mm LPS; set clamps to the volume's box. */
void             sag_workspace_get_cursor         (SagWorkspace          *self,
                                                   double                 lps[3]);
void             sag_workspace_set_cursor         (SagWorkspace          *self,
                                                   const double           lps[3]);
SagWindowLevel   sag_workspace_get_window_level   (SagWorkspace          *self);
void             sag_workspace_set_window_level   (SagWorkspace          *self,
                                                   SagWindowLevel         window);
/* Those of the file first ("file-1" …), then the modality's; `n` may be NULL. Preset n - 1 is
 * key n. */
const SagWindowPreset *sag_workspace_get_presets  (SagWorkspace          *self,
                                                   int                   *n);
/* FALSE if there is no such preset. */
gboolean         sag_workspace_apply_preset       (SagWorkspace          *self,
                                                   const char            *id);

SagView          sag_workspace_get_view           (SagWorkspace          *self);
void             sag_workspace_set_view           (SagWorkspace          *self,
                                                   SagView                view);
double           sag_workspace_get_slab_mm        (SagWorkspace          *self);
void             sag_workspace_set_slab_mm        (SagWorkspace          *self,
                                                   double                 slab_mm);
SagSlabMode      sag_workspace_get_slab_mode      (SagWorkspace          *self);
void             sag_workspace_set_slab_mode      (SagWorkspace          *self,
                                                   SagSlabMode            mode);
SagInterpolation sag_workspace_get_interpolation  (SagWorkspace          *self);
void             sag_workspace_set_interpolation  (SagWorkspace          *self,
                                                   SagInterpolation       interpolation);
SagColourTable   sag_workspace_get_colour_table   (SagWorkspace          *self);
void             sag_workspace_set_colour_table   (SagWorkspace          *self,
                                                   SagColourTable         colour_table);
gboolean         sag_workspace_get_invert         (SagWorkspace          *self);
/* TRUE if grey runs the other way than the file asks (MONOCHROME1: low values bright, PS3.3 C.7.6.3.1.2). */
gboolean         sag_workspace_is_inverted_by_hand (SagWorkspace         *self);
void             sag_workspace_set_invert         (SagWorkspace          *self,
                                                   gboolean               invert);
SagOverlayFlags  sag_workspace_get_overlay        (SagWorkspace          *self);
void             sag_workspace_set_overlay        (SagWorkspace          *self,
                                                   SagOverlayFlags        overlay);
gboolean         sag_workspace_get_overlay_visible (SagWorkspace         *self);
void             sag_workspace_set_overlay_visible (SagWorkspace         *self,
                                                   gboolean               visible);
double           sag_workspace_get_opacity        (SagWorkspace          *self);
void             sag_workspace_set_opacity        (SagWorkspace          *self,
                                                   double                 opacity);
double           sag_workspace_get_confidence_threshold (SagWorkspace    *self);
void             sag_workspace_set_confidence_threshold (SagWorkspace    *self,
                                                   double                 threshold);

GListModel      *sag_workspace_get_labels         (SagWorkspace          *self); /* borrowed */
/* Labels by their number. */
gboolean         sag_workspace_is_label_visible   (SagWorkspace          *self,
                                                   int                    number);
void             sag_workspace_set_label_visible  (SagWorkspace          *self,
                                                   int                    number,
                                                   gboolean               visible);
/* NULL-terminated, never NULL. */
const char * const *sag_workspace_get_warnings    (SagWorkspace          *self);

/* Tilted or unevenly spaced slices that can be resampled onto an upright, even grid; and such that were: results,
 * measurements and corrections of the one have no place in the other. Known with the volume. */
gboolean         sag_workspace_get_straightens    (SagWorkspace          *self);
gboolean         sag_workspace_is_straightened    (SagWorkspace          *self);

/* Whether slices k0 .. k1 - 1 of the open volume, which there must be, can show in a view now: any can in one
 * that cuts across them. */
gboolean         sag_workspace_cuts_slices        (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                    k0,
                                                   int                    k1);
/* TRUE while the segmentation shown is still being made. */
gboolean         sag_workspace_is_growing         (SagWorkspace          *self);

/* What a view of `view` shows, at 1 mm per pixel, through the cursor and centred on the volume:
 * the view then sets plane.mm_per_pixel (zoom) and moves plane.centre along right and down
 * (pan). With no volume: the defaults. */
void             sag_workspace_get_spec           (SagWorkspace          *self,
                                                   SagView                view,
                                                   SagSliceSpec          *spec);
/* The same as it will be `n` slices on, after sag_workspace_step_slice(). */
void             sag_workspace_foresee_spec       (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                    n,
                                                   SagSliceSpec          *spec);
/* The plane of `view` at 1 mm per pixel, before zoom, pan and flips. */
void             sag_workspace_get_plane          (SagWorkspace          *self,
                                                   SagView                view,
                                                   SagPlane              *plane);
/* Turns the plane of `view` about `axis` (unit vector) through the cursor by `angle` radians: planes
 * are oblique from then on, each with slices as far apart as the finest spacing, until they are
 * reset or another volume comes. */
void             sag_workspace_turn_plane         (SagWorkspace          *self,
                                                   SagView                view,
                                                   const double           axis[3],
                                                   double                 angle);
gboolean         sag_workspace_get_oblique        (SagWorkspace          *self);
void             sag_workspace_reset_planes       (SagWorkspace          *self);
/* Lays the volume of another workspace over this one's in its own window and colours (hot iron if it
 * has none), at the same places of the patient; NULL takes it away. It shows only where
 * sag_workspace_can_fuse(): both in one frame of reference. A reference is taken. */
void             sag_workspace_set_fusion         (SagWorkspace          *self,
                                                   SagWorkspace          *fusion);
SagWorkspace    *sag_workspace_get_fusion         (SagWorkspace          *self); /* borrowed or NULL */
gboolean         sag_workspace_can_fuse           (SagWorkspace          *self,
                                                   SagWorkspace          *fusion);
double           sag_workspace_get_fusion_opacity (SagWorkspace          *self); /* 0..1 */
void             sag_workspace_set_fusion_opacity (SagWorkspace          *self,
                                                   double                 opacity);
/* mm per pixel at which the whole volume fits a width x height picture of `view`; 1 with no
 * volume. */
double           sag_workspace_get_fit            (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                    width,
                                                   int                    height);
/* What pictures are made from, as it is now; borrowed: sag_slice_sources_copy() holds it. */
void             sag_workspace_peek_sources       (SagWorkspace          *self,
                                                   SagSliceSources       *sources);
/* Pixels of `spec` (width * height * 4 bytes RGBA): volume, and over it the segmentation where
 * ready, the preview elsewhere. Black with no volume. */
void             sag_workspace_render             (SagWorkspace          *self,
                                                   const SagSliceSpec    *spec,
                                                   int                    width,
                                                   int                    height,
                                                   guint8                *rgba);

/* The slice of `view` under the cursor, 0-based from the first as displayed (feet, front, right
 * first), and how many there are; 0 of 0 with no volume. Setting clamps; stepping moves by `n`
 * slices. */
int              sag_workspace_get_slice          (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                   *n_slices);
void             sag_workspace_set_slice          (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                    slice);
void             sag_workspace_step_slice         (SagWorkspace          *self,
                                                   SagView                view,
                                                   int                    n);
/* Slice k of the volume, as acquired: its number as shown (from 1), in the view that scrolls through
 * them; and moves the cursor to it. */
int              sag_workspace_get_slice_number   (SagWorkspace          *self,
                                                   int                    k);
void             sag_workspace_go_to_slice        (SagWorkspace          *self,
                                                   int                    k);
/* mm between slices of `view`. */
double           sag_workspace_get_slice_spacing  (SagWorkspace          *self,
                                                   SagView                view);

/* What lies at `lps`; also the return value is `inside`. Asks the segmentation, else the
 * preview. */
gboolean         sag_workspace_probe              (SagWorkspace          *self,
                                                   const double           lps[3],
                                                   SagProbe              *probe);

/* Moves the cursor to the slice (of k) with the least mean confidence among labelled ones, or
 * the next least after the one last visited; FALSE if there is none. `rank` (from 1) and `n` may
 * be NULL. */
gboolean         sag_workspace_next_uncertain     (SagWorkspace          *self,
                                                   int                    step,
                                                   int                   *rank,
                                                   int                   *n);
