/* SPDX-License-Identifier: Apache-2.0
 *
 * split.h: one series' frames parted into stacks that can be looked at as volumes.
 */
#pragma once

#include "app/dicom/stack.h"

/* Stacks of every frame with pixels in `instances` (SagDicomInstance; one series): one a matrix
 * size, orientation and pixel size; frames that meet at the same places are parted further by time,
 * echo, b-value, trigger, acquisition or image type. Largest first, localizers last. Pure. */
GPtrArray *sag_split_series (GPtrArray *instances);
