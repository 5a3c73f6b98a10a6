/* SPDX-License-Identifier: Apache-2.0
 *
 * lut.h: modality values by table (PS3.3 C.11.1.1, Modality LUT Sequence (0028,3000)), and grey levels
 * (C.11.2.1.1).
 */
#pragma once

#include "app/dicom/dcmtk.h"

typedef struct
{
  int      first;     /* the stored value of entry 0; smaller values take it */
  int      n_entries; /* larger ones take the last */
  int      bits;      /* of an entry, as the file says */
  guint16 *values;
} SagLut;

/* `is_signed`: stored values are, and so is the first one mapped. INVALID where the table is not as
 * long as it says. */
SagLut  *sag_lut_read (SagDcmFile   *file,
                       gboolean      is_signed,
                       GError      **error);

/* The same of the first VOI LUT (0028,3010): grey levels 0 .. 255, spread from black to white over the
 * bits of its entries; caller frees. NULL where there is none that is sound. */
guint8  *sag_lut_read_voi (SagDcmFile *file,
                       int          *n);
void     sag_lut_free (SagLut       *self);

/* The value `stored` stands for. */
double   sag_lut_get  (const SagLut *self,
                       double        stored);
