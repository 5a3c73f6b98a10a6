/* SPDX-License-Identifier: Apache-2.0
 *
 * action-finder.h: find a command by its name and run it; teaches its keys on the way. */
#pragma once

#include <gtk/gtk.h>

#define SAG_TYPE_ACTION_FINDER (sag_action_finder_get_type ())
G_DECLARE_FINAL_TYPE (SagActionFinder, sag_action_finder, SAG, ACTION_FINDER, GtkPopover)

/* Set it as the popover of a menu button; commands are activated on that button. */
GtkWidget *sag_action_finder_new (GSettings *settings);
