/* SPDX-License-Identifier: Apache-2.0
 *
 * preferences.h: the few things that are a matter of taste, bound to GSettings. */
#pragma once

#include <adwaita.h>

#define SAG_TYPE_PREFERENCES (sag_preferences_get_type ())
G_DECLARE_FINAL_TYPE (SagPreferences, sag_preferences, SAG, PREFERENCES, AdwPreferencesWindow)

GtkWindow *sag_preferences_new (GSettings *settings);
