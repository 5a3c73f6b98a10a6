/* SPDX-License-Identifier: Apache-2.0
 *
 * view-actions.h: the commands on views, by name: the group "view".
 *
 * Of the selected view: step(i), first-slice, last-slice, zoom-in, zoom-out, reset, flip-horizontal,
 * flip-vertical, menu(dd). Of the layout: plane(s), layout(s), full, next-view, previous-view,
 * annotations. Of the workspace: window-preset(s), window-default, preset-number(i: of the modality,
 * from 1), invert, smooth, slab-thinner, slab-thicker, slab-next-mode, slab-mode(s), overlay,
 * overlay-fill, overlay-outline, overlay-confidence, opacity(i: per cent more), uncertain(i). And
 * cine, cine-faster, cine-slower. */
#pragma once

#include "ui/slice-layout.h"

/* A new group, the caller's; it acts on `layout` as long as that lives. */
GActionGroup *sag_view_actions_new (SagSliceLayout *layout);
