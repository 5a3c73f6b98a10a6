/* SPDX-License-Identifier: Apache-2.0
 *
 * editing.h: the shown result, corrected by hand.
 *
 * A result is never changed: the first stroke makes another one, with voxels of its own and the same
 * confidence, whose provenance says who edited it, when and from what. Strokes can be taken back, the last
 * 100 of each result. Main thread only.
 *
 * Properties with notify: "value" (int: the label that is painted; 0 until one is chosen, then the first one
 * shown), "radius-mm" (double, 0.1..100), "tolerance" (double, in the volume's unit: how far from the value
 * under the first touch a voxel may be for threshold paint and growing).
 *
 * Signal "edited" (SagEditing *, gpointer) after every stroke, undo, redo and review. */
#pragma once

#include "app/state/result.h"
#include "engine/image/edit.h"

#define SAG_TYPE_EDITING (sag_editing_get_type ())
G_DECLARE_FINAL_TYPE (SagEditing, sag_editing, SAG, EDITING, GObject)

typedef struct _SagWorkspace SagWorkspace;

/* `workspace` owns it. */
SagEditing *sag_editing_new          (SagWorkspace  *workspace);

/* The number of the label that is painted. */
int         sag_editing_get_value    (SagEditing    *self);
void        sag_editing_set_value    (SagEditing    *self,
                                      int            value);
double      sag_editing_get_radius   (SagEditing    *self);
void        sag_editing_set_radius   (SagEditing    *self,
                                      double         radius_mm);
double      sag_editing_get_tolerance (SagEditing   *self);
void        sag_editing_set_tolerance (SagEditing   *self,
                                      double         tolerance);

/* From here to sag_editing_end() is one step back. Makes the edited copy if the shown result is none. FALSE
 * with the reason if there is nothing to edit, or not all of it yet. */
gboolean    sag_editing_begin        (SagEditing    *self,
                                      GError       **error);
/* Paints a disc at `lps` in the slice of grid axis `axis`; erases if `erase`. With `alike`, only voxels
 * within the tolerance of the value under the first touch of the stroke. */
void        sag_editing_paint        (SagEditing    *self,
                                      const double   lps[3],
                                      int            axis,
                                      gboolean       erase,
                                      gboolean       alike);
/* FALSE with the reason: not enclosed; too much would grow. */
gboolean    sag_editing_fill         (SagEditing    *self,
                                      const double   lps[3],
                                      int            axis,
                                      GError       **error);
gboolean    sag_editing_grow         (SagEditing    *self,
                                      const double   lps[3],
                                      GError       **error);
void        sag_editing_end          (SagEditing    *self);

/* A step that is computed elsewhere (sag_edit_apply()). Reserving begins it, as sag_editing_begin(), and says of
 * what: until it is committed, with the changes, or released no other begins, and nothing is taken back. Nothing
 * happens if the images were closed meanwhile; without a change no copy is left. */
gboolean    sag_editing_reserve      (SagEditing       *self,
                                      SagSegmentation **segmentation, /* borrowed */
                                      int              *layer,
                                      guint8           *label,
                                      GError          **error);
void        sag_editing_commit       (SagEditing       *self,
                                      const SagChange  *changes,
                                      gsize             n);
void        sag_editing_release      (SagEditing       *self);

/* FALSE if the shown result has nothing to go back, or forth, to. */
gboolean    sag_editing_undo         (SagEditing    *self);
gboolean    sag_editing_redo         (SagEditing    *self);

/* "accepted" or "rejected", by the person at this machine, now; kept in the provenance and written into a
 * SEG. FALSE if nothing is shown. */
gboolean    sag_editing_review       (SagEditing    *self,
                                      const char    *verdict);
