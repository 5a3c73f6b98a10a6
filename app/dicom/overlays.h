/* SPDX-License-Identifier: Apache-2.0
 *
 * overlays.h: overlay planes of images (PS3.3 C.9.2) as labels over them.
 */
#pragma once

#include "app/dicom/stack.h"
#include "engine/image/segmentation.h"

/* One label a group (6000 to 601E) that any slice of the stack has, on the stack's grid: bits of
 * Overlay Data, or of the pixels' unused high bits where they are uncompressed. NULL without an error
 * where there are none. Files that cannot be read are left out. [compute thread] */
SagSegmentation *sag_overlays_read (const SagStack  *stack,
                                    GError         **error);
