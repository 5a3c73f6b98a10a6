/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h: volumes and segmentations as messages: what they are as a{sv}, their memory as
 * descriptors.
 *
 *  both          size (iii), spacing (ddd), origin (ddd), direction (ddddddddd): as in SagGrid;
 *                ready a(ii): slices k0 .. k1 - 1
 *  volume        type s: "u8" "i16" "u16" "f32" "rgb8"; slope d, intercept d, unit s, modality s,
 *                frame-of-reference s, voxels h
 *  segmentation  layers a(htt(iiiiii) LABELS) (block, its bytes, offset, box), confidence h?, provenance a{ss}
 *  LABELS        a(yis(sss)(sss)(sss)(yyy)): value, number, name; category, type and modifier, each value,
 *                scheme, meaning; sRGB
 *
 * A handle h is an index into the descriptors sent with the message. The sender may be a process
 * that was taken over by a hostile file: everything is checked, and memory is sealed against
 * shrinking before it is mapped, so that reading it cannot raise SIGBUS later. */
#pragma once

#include "engine/image/segmentation.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#define SAG_WIRE_LABELS "a(yis(sss)(sss)(sss)(yyy))"

/* A floating a{sv}, its descriptors appended to `fds`; NULL if there are no more descriptors to
 * be had. */
GVariant        *sag_volume_to_variant         (SagVolume             *volume,
                                                GUnixFDList           *fds,
                                                GError               **error);
GVariant        *sag_segmentation_to_variant   (SagSegmentation       *segmentation,
                                                GUnixFDList           *fds,
                                                GError               **error);

/* The same memory as the sender's, mapped again. G_IO_ERROR_INVALID_DATA, or the engine's error,
 * if the description is not sound or a descriptor missing or too short. `fds` may be NULL if
 * there were none. */
SagVolume       *sag_volume_from_variant       (GVariant              *description,
                                                GUnixFDList           *fds,
                                                GError               **error);
SagSegmentation *sag_segmentation_from_variant (GVariant              *description,
                                                GUnixFDList           *fds,
                                                GError               **error);

/* SAG_WIRE_LABELS, floating; and back: a new array (g_free), texts cut to what a label holds. */
GVariant        *sag_labels_to_variant         (const SagLabel        *labels,
                                                int                    n_labels);
SagLabel        *sag_labels_from_variant       (GVariant              *labels,
                                                int                   *n_labels);

/* Bytes as a sealed memfd's handle in `fds`; -1 with an error. And the way back: maps `bytes` of
 * handle `handle`. */
int              sag_wire_append_bytes         (GUnixFDList           *fds,
                                                gconstpointer          data,
                                                gsize                  bytes,
                                                GError               **error);
SagBlock        *sag_wire_map                  (GUnixFDList           *fds,
                                                int                    handle,
                                                gsize                  bytes,
                                                GError               **error);
