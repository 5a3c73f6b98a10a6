/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti-header.h: the 348 bytes a NIfTI-1 file begins with (NIfTI-2: 540, nifti2.h of the NIfTI
 * Data Format Working Group), and how they place voxels.
 *
 * In memory axis j runs the way that makes the grid right-handed, as DICOM images are; files
 * written by us and by the usual converters run the other way. Reading reverses the rows of a
 * left-handed file, writing reverses them always, so that a volume comes back as it was.
 */
#pragma once

#include "engine/image/geometry.h"

enum
{
  SAG_NIFTI_U8 = 2,
  SAG_NIFTI_I16 = 4,
  SAG_NIFTI_I32 = 8,
  SAG_NIFTI_F32 = 16,
  SAG_NIFTI_F64 = 64,
  SAG_NIFTI_RGB24 = 128,
  SAG_NIFTI_I8 = 256,
  SAG_NIFTI_U16 = 512,
  SAG_NIFTI_U32 = 768,
  SAG_NIFTI_I64 = 1024,
  SAG_NIFTI_U64 = 1280,
};

#define SAG_NIFTI_HEADER_BYTES 348
#define SAG_NIFTI2_HEADER_BYTES 540

typedef struct
{
  gint32 sizeof_hdr;
  char   unused1[35];
  guint8 dim_info;
  gint16 dim[8];
  float  intent_p[3];
  gint16 intent_code;
  gint16 datatype;
  gint16 bitpix;
  gint16 slice_start;
  float  pixdim[8];
  float  vox_offset;
  float  scl_slope;
  float  scl_inter;
  gint16 slice_end;
  guint8 slice_code;
  guint8 xyzt_units;
  float  cal_max;
  float  cal_min;
  float  slice_duration;
  float  toffset;
  gint32 unused2[2];
  char   descrip[80];
  char   aux_file[24];
  gint16 qform_code;
  gint16 sform_code;
  float  quatern[3];
  float  qoffset[3];
  float  srow[3][4];
  char   intent_name[16];
  char   magic[4];
} SagNiftiHeader;

G_STATIC_ASSERT (sizeof (SagNiftiHeader) == SAG_NIFTI_HEADER_BYTES);

/* Brings a header just read to this machine's byte order. FALSE if it is not NIfTI-1: "n+1" in one file with
 * its voxels, "ni1" with the voxels in a file of their own. `swapped` tells whether they need it too. */
gboolean sag_nifti_header_order    (SagNiftiHeader       *header,
                                    gboolean             *swapped);

/* The same of the 540 bytes of a NIfTI-2 file ("n+2", "ni2"), which say the same in wider numbers; FALSE
 * also if an axis is too long for the other form. */
gboolean sag_nifti2_header_read    (const guint8          *bytes,
                                    SagNiftiHeader        *header,
                                    gboolean              *swapped);
void     sag_nifti2_header_write   (const SagNiftiHeader  *header,
                                    guint8                *bytes);

/* TRUE if the voxels lie in a file of their own. */
gboolean sag_nifti_header_is_pair  (const SagNiftiHeader *header);

/* TRUE if the header says how the voxels lie in the patient (qform_code or sform_code); without, left and right
 * are not known. */
gboolean sag_nifti_header_is_placed (const SagNiftiHeader *header);

/* How far apart the two forms (qform, sform) put the image's first voxel or the end of one of its edges, in mm; 0 where
 * only one of them is given. The sform holds, unless it is sheared. */
double   sag_nifti_header_get_disagreement (const SagNiftiHeader *header,
                                            gboolean             *sform_holds);

/* Bytes of one voxel of `datatype`; 0 if it is not one of the above. */
int      sag_nifti_type_get_bytes  (int                   datatype);

/* The grid of a header, right-handed; `flip` tells whether the file's rows run the other way.
 * INVALID if sizes or forms make none. */
gboolean sag_nifti_header_get_grid (const SagNiftiHeader *header,
                                    SagGrid              *grid,
                                    gboolean             *flip,
                                    GError              **error);

/* A header for voxels of `grid` with reversed rows: qform and sform, millimetres. Who writes what has no place in the
 * patient sets both codes to 0. */
void     sag_nifti_header_init     (SagNiftiHeader       *header,
                                    const SagGrid        *grid,
                                    int                   datatype);
