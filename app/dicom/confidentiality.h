/* SPDX-License-Identifier: Apache-2.0
 *
 * confidentiality.h: what becomes of each attribute when an object is de-identified.
 *
 * The Basic Application Level Confidentiality Profile, PS3.15 E.2 with the actions of Table E.1-1
 * (2024b), and for attributes it does not list the rules below it. Where the table leaves a choice
 * by the type the attribute has in the object, the table here has made it: removed where every image
 * can do without, emptied or replaced where some must have it.
 */
#pragma once

#include <glib.h>

typedef enum
{
  SAG_ACTION_KEEP = 'K',      /* sequences: their items are looked at */
  SAG_ACTION_REMOVE = 'X',
  SAG_ACTION_EMPTY = 'Z',
  SAG_ACTION_REPLACE = 'D',   /* by a dummy of its VR; sequences become empty */
  SAG_ACTION_UID = 'U',       /* by the new UID of the old one */
  SAG_ACTION_PSEUDONYM = 'P', /* the patient's name and ID */
  SAG_ACTION_SERIES_DATE = 'S', /* REPLACE in PET, where it must be there, else REMOVE */
  SAG_ACTION_OPERATOR = 'O',  /* EMPTY in radiotherapy, where it must be there, else REMOVE */
  SAG_ACTION_TIME = 'T',      /* not of the table: a date or time to be emptied */
  SAG_ACTION_CLEAN = 'C',     /* a text that stays if it names nothing of the patient */
} SagAction;

/* What the profile says of `tag` of that VR ("UN": unknown). Dates and times are told as by the
 * profile without options; whether an option keeps them is sag_confidentiality_is_temporal()'s. */
SagAction sag_confidentiality_get_action  (guint32     tag,
                                           const char *vr);

/* TRUE of dates and times that the options "retain longitudinal temporal information" keep: all but
 * those of the patient's birth. */
gboolean  sag_confidentiality_is_temporal (guint32     tag,
                                           const char *vr);
