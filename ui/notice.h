/* SPDX-License-Identifier: Apache-2.0
 *
 * notice.h: a banner over the views: what went wrong, or what is odd about the images.
 *
 * An error stands until it is closed or work goes on; a warning stands while its series is open. */
#pragma once

#include <gtk/gtk.h>

#define SAG_TYPE_NOTICE (sag_notice_get_type ())
G_DECLARE_FINAL_TYPE (SagNotice, sag_notice, SAG, NOTICE, GtkWidget)

/* NULL or "" takes it away. A note is no error, and stands likewise. */
void        sag_notice_set_error    (SagNotice          *self,
                                     const char         *message);
void        sag_notice_set_note     (SagNotice          *self,
                                     const char         *message);
/* A button beside the warnings, which activates an action; NULL for none. */
void        sag_notice_set_remedy   (SagNotice          *self,
                                     const char         *label,
                                     const char         *action,
                                     const char         *tooltip);
/* Findings, one sentence each; NULL or none takes them away. */
void        sag_notice_set_warnings (SagNotice          *self,
                                     const char *const  *warnings);
/* What is on show; "" if nothing. */
const char *sag_notice_get_text     (SagNotice          *self);
