/* SPDX-License-Identifier: Apache-2.0
 *
 * lut.h: modality values by table (PS3.3 C.11.1.1, Modality LUT Sequence (0028,3000)).
 */
#pragma once

#include "app/dicom/dcmtk.h"

typedef struct
{
  int      first;     /* the stored value of entry 0; smaller values take it */
  int      n_entries; /* larger ones take the last */
  guint16 *values;
} SagLut;

/* `is_signed`: stored values are, and so is the first one mapped. INVALID where the table is not as
 * long as it says. */
SagLut  *sag_lut_read (SagDcmFile   *file,
                       gboolean      is_signed,
                       GError      **error);
void     sag_lut_free (SagLut       *self);

/* The value `stored` stands for. */
double   sag_lut_get  (const SagLut *self,
                       double        stored);
