/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-tools.h: the hands on a slice: wheel, drags, clicks, pointer.
 *
 * wheel            slices, faster when turned faster; Shift ten at a time; Ctrl zooms to the pointer
 * left drag        window: right narrower, up brighter; on a handle of the crosshair: turns the planes
 * left click       the cursor comes here
 * middle, or Space held and left, drag: moves the picture
 * right drag       zoom, up larger; right click: "view.menu" of the view's surroundings
 *                  (what each button drags is a setting: "mouse-left", "mouse-middle", "mouse-right")
 * double click     activates "view.full"
 * Space, tapped    activates "view.cine"
 * two fingers      zoom where they are, and move the picture
 */
#pragma once

#include "ui/slice-view.h"

/* Gives the view its controllers; they live as long as it does. */
void sag_slice_tools_attach (SagSliceView *view);
