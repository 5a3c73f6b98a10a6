/* SPDX-License-Identifier: Apache-2.0
 *
 * application.h: the program: its windows, its options, its own actions. */
#pragma once

#include <adwaita.h>

#define SAG_TYPE_APPLICATION (sag_application_get_type ())
G_DECLARE_FINAL_TYPE (SagApplication, sag_application, SAG, APPLICATION, AdwApplication)

SagApplication *sag_application_new (void);
