/* SPDX-License-Identifier: Apache-2.0
 *
 * result-list.h: the results over the open images: choose, compare, rename, remove. */
#pragma once

#include "app/state/workspace.h"

#include <gtk/gtk.h>

#define SAG_TYPE_RESULT_LIST (sag_result_list_get_type ())
G_DECLARE_FINAL_TYPE (SagResultList, sag_result_list, SAG, RESULT_LIST, GtkWidget)

/* Hidden while there are none. Its buttons activate "win.open-labels". */
GtkWidget *sag_result_list_new (SagWorkspace *workspace);
