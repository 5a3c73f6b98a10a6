/* SPDX-License-Identifier: Apache-2.0
 *
 * tags.h: everything a file says of itself, as text for people.
 */
#pragma once

#include "app/dicom/instance.h"

G_BEGIN_DECLS

/* One element, in file order; borrowed for the length of the call. `depth` is 0 in the data set
 * and its file header, 1 in an item of a sequence, and so on; an item itself is an element with
 * VR "" and the name "Item 2". `value` is cut to 256 characters and valid UTF-8; of pixels and
 * other bulk it says how many bytes they are. */
typedef void (*SagDicomTagFunc) (int         depth,
                                 const char *tag,   /* "(0010,0010)" */
                                 const char *vr,    /* "PN" */
                                 const char *name,  /* "PatientName" */
                                 const char *value,
                                 gpointer    data);

/* NOT_DICOM, INVALID or IO as sag_dicom_read_header(). At most 20 000 elements are told. [any
 * thread] */
gboolean sag_dicom_list_tags (const char      *path,
                              SagDicomTagFunc  func,
                              gpointer         data,
                              GError         **error);

/* The VR of an attribute by the dictionary (PS3.6), where a choice is left the first; "UN" if it is
 * private or not in it. [any thread] */
void     sag_dicom_get_vr   (guint32           tag, /* group << 16 | element */
                              char             vr[3]);

/* "PatientName", or "(0009,0010)" of what the dictionary does not know; caller frees. */
char    *sag_dicom_get_keyword (guint32        tag);

G_END_DECLS
