/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.h: arrays in NumPy's .npy files.
 *
 * Format: "NumPy Format" (NEP 1), versions 1 to 3, little-endian. Nothing in a file is trusted: the
 * header's length, shape and the file's size are checked before memory is taken.
 */
#pragma once

#include "engine/nn/tensor.h"

/* Reads f2, f4, f8, i1..i8, u1..u8 and b1; Fortran order is brought to C order. INVALID,
 * UNSUPPORTED, MEMORY or IO, naming the file. [any thread] */
SagTensor *sag_npy_read  (const char      *path,
                          GError         **error);

/* Writes version 1.0 in C order, whole or not at all. [any thread] */
gboolean   sag_npy_write (const char      *path,
                          const SagTensor *tensor,
                          GError         **error);
