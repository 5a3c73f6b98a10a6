/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom.h: patients that never were: a CT thorax, its radiograph, an MR head; procedural anatomy,
 * scanner noise and blur, known truth.
 *
 * Everything follows from the specification: the same one gives the same bytes on every machine
 * and with any number of threads. Patients are drawn in millimetres around the carina (x = 0 in
 * the midline, z = 0 at the carina), +x to the patient's left.
 */
#pragma once

#include "engine/base/tick.h"
#include "engine/image/segmentation.h"

typedef enum
{
  SAG_PHANTOM_SOFT,  /* smooth reconstruction: broad blur, coarse quiet noise */
  SAG_PHANTOM_SHARP, /* lung reconstruction: little blur, edges overshoot, fine loud noise */
} SagPhantomKernel;

/* What is wrong with the lungs; a set. */
typedef enum
{
  SAG_PHANTOM_NODULES = 1 << 0,
  SAG_PHANTOM_CONSOLIDATION = 1 << 1,
  SAG_PHANTOM_GROUND_GLASS = 1 << 2,
  SAG_PHANTOM_EMPHYSEMA = 1 << 3,
  SAG_PHANTOM_EFFUSION = 1 << 4, /* fluid in the pleural space: not lung in the truth */
  SAG_PHANTOM_ATELECTASIS = 1 << 5,
} SagPhantomFindings;

typedef enum
{
  SAG_PHANTOM_ARMS_UP,
  SAG_PHANTOM_ARMS_DOWN,
} SagPhantomArms;

typedef struct
{
  guint64            seed;        /* draws the details of anatomy, vessels and noise */
  int                size[3];     /* voxels; 16..1024 each, slices from 1 */
  double             spacing[3];  /* mm; 0.3..12, slices up to 30 */
  double             top_mm;      /* centre of the last (highest) slice above the carina */
  double             shift_mm[2]; /* of the patient from the centre of the picture, x and y */
  double             roll;        /* of the patient about the long axis; radians, -0.3..0.3 */
  double             scale[3]; /* of the patient along x, y, z; 1: an adult of 172 cm; 0.5..1.5 */
  double             fat_mm;   /* under the skin of the side; 2..60 */
  double             inspiration; /* 0: breathed out .. 1: breathed in */
  double             dose;        /* noise goes with 1 / sqrt (dose); 0.01..100, 1: a usual chest */
  SagPhantomKernel   kernel;
  SagPhantomArms     arms;
  SagPhantomFindings findings;
  gboolean           female;
  gboolean           prone;    /* gas rises to the back, the couch is in front */
  gboolean           contrast; /* iodine in the blood, portal venous phase */
  gboolean           couch;    /* table, mattress and sheet */
  double             field_mm; /* diameter of the reconstructed circle; 0: the whole square */
  gint16             padding;  /* HU outside that circle */
} SagPhantomSpec;

/* Labels of the truth. Layer 0 holds 1..6, layer 1 the nodules. Lungs are parenchyma with the
 * vessels, small airways and findings within, nodules included; trachea, main and lobar bronchi,
 * hilum and pleural fluid are outside. */
enum
{
  SAG_PHANTOM_LEFT_LUNG = 1,
  SAG_PHANTOM_RIGHT_LUNG,
  SAG_PHANTOM_AIRWAYS,
  SAG_PHANTOM_HEART,
  SAG_PHANTOM_AORTA,
  SAG_PHANTOM_BONE,
  SAG_PHANTOM_NODULE_1,
  SAG_PHANTOM_NODULE_2,
};

/* The sample study: 512 x 512 x 168 voxels of 0.7 x 0.7 x 2 mm, supine, arms up, two nodules. */
void sag_phantom_spec_init (SagPhantomSpec *spec, guint64 seed);

/* A patient and a scan drawn at random, field of view and slices included, on a grid of `size`
 * (x and y from the field of view, slices `size[2]` over a random stretch that may hold no lung).
 */
void sag_phantom_spec_init_random (SagPhantomSpec *spec, guint64 seed, const int size[3]);

/* FALSE with SAG_ENGINE_ERROR_INVALID naming the field that is out of range. */
gboolean sag_phantom_spec_check (const SagPhantomSpec *spec, GError **error);

/* Makes the volume (I16, HU = stored - 1024, modality CT) and the truth, both ready. Errors:
 * INVALID, MEMORY, CANCELLED. [compute thread] */
gboolean sag_phantom_thorax (const SagPhantomSpec *spec,
                             const SagTick        *tick,
                             SagVolume           **volume,
                             SagSegmentation     **truth,
                             GError              **error);

/* The thorax of `seed`, breathed in and upright, as a radiograph from back to front: U16, 768 x 768 pixels of 0.56 mm in a
 * coronal plane (rows to the feet, columns to the patient's left), modality DX, white where much
 * is in the way; and the fields of the lungs, labels 1 and 2 as above. The beam is parallel. [compute thread] */
gboolean sag_phantom_chest_dx (guint64               seed,
                               const SagTick        *tick,
                               SagVolume           **volume,
                               SagSegmentation     **truth,
                               GError              **error);

typedef enum
{
  SAG_PHANTOM_T1,
  SAG_PHANTOM_T2,
  SAG_PHANTOM_FLAIR,
} SagPhantomContrast;

/* Labels of the head's truth. */
enum
{
  SAG_PHANTOM_GREY_MATTER = 1,
  SAG_PHANTOM_WHITE_MATTER,
  SAG_PHANTOM_CSF,
  SAG_PHANTOM_DEEP_NUCLEI,
  SAG_PHANTOM_CEREBELLUM,
  SAG_PHANTOM_BRAINSTEM,
};

/* A head, axial, its crown near the last slice: U16 in arbitrary units, modality MR. The same seed is the same head in
 * every contrast and on every grid (1..1024 voxels of 0.2..30 mm). `truth` may be NULL. Errors as
 * above. [compute thread] */
gboolean sag_phantom_head     (guint64               seed,
                               SagPhantomContrast    contrast,
                               const int             size[3],
                               const double          spacing[3],
                               const SagTick        *tick,
                               SagVolume           **volume,
                               SagSegmentation     **truth,
                               GError              **error);
