/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-jump.h: a small entry over a view that takes the number of a slice. */
#pragma once

#include "ui/slice-view.h"

/* Enter goes there, Escape does not. */
void sag_slice_jump_ask (SagSliceView *view);
