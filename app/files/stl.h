/* SPDX-License-Identifier: Apache-2.0
 *
 * stl.h: surfaces as binary STL files (3D Systems, StereoLithography Interface Specification, 1988).
 *
 * Coordinates are those of the patient as DICOM has them: LPS, millimetres. STL says neither; the header of 80
 * bytes does, as 3D Slicer reads it: "SPACE=LPS".
 */
#pragma once

#include "engine/image/surface.h"

/* TRUE for names ending in .stl, in any case. */
gboolean sag_stl_is_name (const char       *path);

/* `name` (of the label, for the header). The file appears whole or not at all. IO; UNSUPPORTED with more
 * triangles than a file can count. [any thread] */
gboolean sag_stl_write   (const char       *path,
                          const SagSurface *surface,
                          const char       *name,
                          GError          **error);
