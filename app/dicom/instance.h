/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.h: what one DICOM file says about itself, without its pixels.
 *
 * Field names are the DICOM keywords in snake case. Texts are UTF-8 and owned by the instance,
 * never NULL ("" if absent). Numbers that may be absent say how. A frame carries what may differ
 * from frame to frame in an enhanced object (functional groups, PS3.3 C.7.6.16); a classic
 * single-frame file is one frame, so that all that follows sees one shape.
 */
#pragma once

#include "engine/image/volume.h"

#define SAG_DICOM_ERROR (sag_dicom_error_quark ())

typedef enum
{
  SAG_DICOM_ERROR_NOT_DICOM,   /* the file is something else */
  SAG_DICOM_ERROR_INVALID,     /* DICOM, but damaged, truncated or contradicting itself */
  SAG_DICOM_ERROR_UNSUPPORTED, /* sound, but not something we read; names the UID */
  SAG_DICOM_ERROR_IO,          /* could not be opened, read or written */
  SAG_DICOM_ERROR_MEMORY,      /* asks for more memory than is there */
  SAG_DICOM_ERROR_NOT_FOUND,   /* no such series, or nothing to open */
  SAG_DICOM_ERROR_AMBIGUOUS,   /* several series to choose from; the message lists them */
} SagDicomError;

GQuark sag_dicom_error_quark (void);

#define SAG_UID_SEG "1.2.840.10008.5.1.4.1.1.66.4"
#define SAG_UID_LABELMAP_SEG "1.2.840.10008.5.1.4.1.1.66.7"

#define SAG_UID_WHOLE_SLIDE "1.2.840.10008.5.1.4.1.1.77.1.6"

#define SAG_UID_RT_STRUCTURE_SET "1.2.840.10008.5.1.4.1.1.481.3"

typedef char SagUid[65];

/* Where a pixel's size in mm comes from: measurements name it. */
typedef enum
{
  SAG_SPACING_UNKNOWN,  /* no millimetres in the file */
  SAG_SPACING_PIXEL,    /* Pixel Spacing (0028,0030), in the patient */
  SAG_SPACING_IMAGER,   /* Imager Pixel Spacing (0018,1164), at the detector: magnified */
  SAG_SPACING_SCANNED,  /* Nominal Scanned Pixel Spacing (0018,2010) */
  SAG_SPACING_CALIBRATED, /* Pixel Spacing of a projection, corrected for its magnification */
  SAG_SPACING_REGION,   /* Sequence of Ultrasound Regions (0018,6011) */
} SagSpacingSource;

typedef struct
{
  gboolean         has_position;
  gboolean         has_orientation;
  double           image_position_patient[3];    /* mm, LPS, centre of the first pixel */
  double image_orientation_patient[6]; /* row direction, then column direction; unit vectors */
  double           pixel_spacing[2];             /* mm between rows, mm between columns; 0 unknown */
  SagSpacingSource pixel_spacing_source;
  double           slice_thickness;              /* mm; 0 unknown */
  double           spacing_between_slices;       /* mm; 0 unknown */
  double           rescale_slope;                /* 1 if absent */
  double           rescale_intercept;            /* 0 if absent */
  double           echo_time;                    /* ms; NaN unknown, as all below */
  double           trigger_time;                 /* ms */
  double           diffusion_b_value;            /* s/mm2 */
  double           diffusion_direction[3];       /* unit vector, LPS */
  double           cardiac_phase;                /* % of the beat */
  double           temporal_position;            /* index or identifier */
  double           acquisition_number;
  double           acquisition_time; /* s since midnight (acquisition, else content time) */
  double           depth; /* mm along the normal, of frames that say how they lie to each other only; NaN unknown */
  int              in_stack_position;            /* 0 if absent */
  int              segment_number;               /* referenced, in a SEG; 0 if none */
  char             stack_id[17];
  char             view[41]; /* of nuclear medicine: "energy window 2, detector 1"; "" where the file has one */
  char             image_type[33];               /* values 3 and on, or the frame type: "M\\FFE" */
} SagDicomFrame;

#define SAG_MAX_WINDOWS 8

/* What a PET file leaves out that SUV (body weight) is reckoned from. */
typedef enum
{
  SAG_SUV_LACKS_NOTHING,
  SAG_SUV_LACKS_UNITS,       /* neither Bq/ml nor a factor of the maker's to it */
  SAG_SUV_LACKS_CORRECTIONS, /* for attenuation and decay, and to when */
  SAG_SUV_LACKS_WEIGHT,
  SAG_SUV_LACKS_DOSE,        /* or one too small to be in Bq */
  SAG_SUV_LACKS_TIMES,       /* of injection and scan, that go together; or the half-life */
} SagSuvLack;

typedef struct
{
  char    *path;
  gint64   file_size;
  SagUid   sop_class_uid;
  SagUid   sop_instance_uid;
  SagUid   study_instance_uid;
  SagUid   series_instance_uid;
  SagUid   frame_of_reference_uid;
  SagUid   referenced_series_uid; /* of a SEG: the first series it was made from; "" if it does not say */
  SagUid   transfer_syntax_uid;

  char    *patient_name; /* "Family^Given", as in the file */
  char    *patient_id;
  char    *patient_birth_date;
  char    *patient_sex;
  char    *patient_age;
  char    *study_id;
  char    *study_date; /* YYYYMMDD */
  char    *study_time;
  char    *study_description;
  char    *accession_number;
  char    *referring_physician_name;
  char    *series_description;
  char    *series_date;
  char    *series_time;
  char    *body_part_examined;
  char    *protocol_name;
  char    *laterality;    /* of the image, else of the series: "R", "L", "B", "U" or "" */
  char    *view_position; /* of a projection: "PA", "MLO" … */
  char    *manufacturer;
  char    *manufacturer_model_name;
  char    *institution_name;
  char    *image_type; /* all values, joined by '\' */
  char    *photometric_interpretation;
  char    *position_reference_indicator;
  char    *patient_orientation; /* "L\\F": where rows and columns run to, of an image without a place */
  char     modality[17];
  char     patient_position[17];
  char     mr_acquisition_type[17];        /* "2D", "3D" or "" */
  char     units[17];                      /* (0054,1001) for PET: "BQML" …; (3004,0002) for a dose: "GY" */
  double   suv_factor;                     /* PET: SUVbw per unit of `units`; 0 unknown */
  double   dose_scaling;                   /* RT Dose: `units` per stored value; 0: none */
  int      suv_lack;                       /* SagSuvLack: why it is not known */
  char     rescale_type[17];               /* (0028,1054): "HU" … */
  char     voi_lut_function[17];           /* "LINEAR" if absent; "TABLE": windows[0] is a table's */
  char     presentation_lut_shape[17];     /* "IDENTITY", "INVERSE" or "" */
  char     lossy_image_compression[3];     /* "01" if it ever was */
  double   lossy_image_compression_ratio;  /* the largest of them; 0 unknown */

  int      series_number;                  /* 0 if absent */
  int      instance_number;
  gboolean has_pixel_data;
  int      rows;
  int      columns;
  int      samples_per_pixel;
  int      number_of_frames;               /* >= 1 where there are pixels */
  int      bits_allocated;
  int      bits_stored;
  int      high_bit;
  int      pixel_representation;           /* 1: signed */
  gboolean has_overlays;                   /* overlay planes, groups 6000 to 601E */
  gboolean has_modality_lut;               /* values by table instead of slope and intercept */
  int      planar_configuration;
  int      scaled_boxes[SAG_SCALED_BOXES][4]; /* where alone the pixel spacing holds: sag_volume_set_scaled_boxes() */
  int      n_scaled_boxes;
  gboolean has_pixel_padding;
  int      pixel_padding_value;

  SagWindowLevel windows[SAG_MAX_WINDOWS]; /* of the first frame */
  char    *window_explanations[SAG_MAX_WINDOWS]; /* "LUNG" …; "" if none */
  int      n_windows;

  SagDicomFrame *frames;                   /* what was said of each frame */
  int      n_frames;                       /* number_of_frames, or 1 where one holds for all */
} SagDicomInstance;

/* An empty instance with every text "" and one frame of unknowns. */
SagDicomInstance    *sag_dicom_instance_new       (void);
void                 sag_dicom_instance_free      (SagDicomInstance       *self);

/* Replaces one text: sag_dicom_text_set (&instance->patient_id, "7"). NULL means "". */
void                 sag_dicom_text_set           (char                  **field,
                                                   const char             *value);

/* All-unknown values. */
void                 sag_dicom_frame_init         (SagDicomFrame          *frame);

/* What holds for frame `frame` (from 0). */
const SagDicomFrame *sag_dicom_instance_get_frame (const SagDicomInstance *self,
                                                   int                     frame);

/* All of an instance as bytes, for this very program to read again; NULL if they are not such. */
GByteArray          *sag_dicom_instance_pack      (const SagDicomInstance *self);
SagDicomInstance    *sag_dicom_instance_unpack    (const guint8           *bytes,
                                                   gsize                   n);

/* TRUE where low values are bright: MONOCHROME1, or an inverse presentation LUT. */
gboolean             sag_dicom_instance_is_inverted (const SagDicomInstance *self);

/* TRUE for Siemens' mosaics: the slices of a volume side by side in one image, whose place is none of theirs. */
gboolean             sag_dicom_instance_is_mosaic (const SagDicomInstance *self);

/* A segmentation or a structure set: labels over other images. */
gboolean             sag_dicom_instance_is_seg    (const SagDicomInstance *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagDicomInstance, sag_dicom_instance_free)
