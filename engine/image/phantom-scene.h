/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom-scene.h: what a phantom is made of, before it is scanned.
 *
 * Three kinds of anatomy: contours of the trunk that vary with height (skin, muscle, rib cage,
 * diaphragm), shapes painted over one another in order (capsules, ellipsoids, cylinders), and the
 * lungs, which are what the cage, the diaphragm and the shapes that push into them leave free.
 * Distances are in mm of the model, negative inside, exact only near the surface.
 */
#pragma once

#include "engine/image/phantom-math.h"
#include "engine/image/phantom.h"

/* A closed curve around the origin in one height: half widths, and how square it is. */
typedef struct
{
  double width, front, back, square;
} SagPhantomContour;

typedef enum
{
  SAG_SHAPE_CAPSULE,   /* from a (radius r0) to b (radius r1) */
  SAG_SHAPE_ELLIPSOID, /* |m (p - a)| = 1 */
  SAG_SHAPE_CYLINDER,  /* upright, elliptic: radii r0 (x) and r1 (y), half height b[2] */
} SagShapeKind;

typedef enum
{
  SAG_CLIP_NONE,
  SAG_CLIP_CAGE,    /* within the rib cage */
  SAG_CLIP_ABDOMEN, /* within the cage, below the diaphragm */
  SAG_CLIP_LUNG,    /* within the lungs */
} SagClip;

#define SAG_HU_NONE G_MAXDOUBLE /* a shape that only pushes */

typedef struct
{
  SagShapeKind kind;
  SagClip      clip;
  double       a[3], b[3], r0, r1, m[9];
  double       low[3], high[3]; /* box, surface included */
  double       hu;
  double       texture; /* +-HU of 4 mm noise */
  double       level;   /* only where y is below (gas above) this; G_MAXDOUBLE: everywhere */
  gint8        label;   /* -1 leaves the label below as it is */
  gint8        nodule;  /* label in the nodules' layer, or 0 */
  double       margin; /* >= 0: pushes into the lungs with this much fat around it; < 0: does not */
} SagShape;

/* A patch of changed parenchyma. */
typedef struct
{
  double             centre[3], radius;
  SagPhantomFindings kind;
} SagPatch;

/* What the skin also wraps: a capsule of muscle, or of glandular fat. */
typedef struct
{
  double   a[3], b[3], r0, r1;
  gboolean breast;
} SagLimb;

#define SAG_PHANTOM_MAX_PATCHES 12

typedef struct
{
  SagPhantomSpec   spec;
  SagPhantomRandom random;
  double           cos_roll, sin_roll, scale_mm; /* mean scale */
  double           up;                           /* -1 supine: gas goes to -y; +1 prone */
  double           blood, artery, muscle;        /* HU */
  double           dome[2];                      /* height of the diaphragm: left, right */
  double           fluid[2]; /* y beyond which pleural fluid lies; left, right */
  double           lung_hu;
  double           barrel;    /* depth of the chest */
  double           septum;    /* half the fat between the lungs in front of the heart, mm */
  double           middle[2]; /* x of the line between the lungs: before, behind the heart */
  double           wobble;    /* unevenness of the pleura, mm */
  guint64          texture_seed;
  GArray          *solids; /* SagShape, painted before the lungs */
  GArray          *tubes;  /* SagShape, painted after the lungs */
  SagLimb          limbs[6];
  int              n_limbs;
  SagPatch         patches[SAG_PHANTOM_MAX_PATCHES];
  int              n_patches;
  double           back_mm, front_mm; /* deepest and foremost y of the trunk */
} SagPhantomScene;

/* ---- trunk (phantom-trunk.c) ---- */

/* The inner face of the rib cage, and the outer face of the muscles, at height z. */
void sag_phantom_cage (const SagPhantomScene *scene, double z, SagPhantomContour *contour);
void sag_phantom_wall (const SagPhantomScene *scene, double z, SagPhantomContour *contour);

double sag_phantom_contour_distance (const SagPhantomContour *contour, double x, double y);

/* Distance from the origin to the contour in direction (x, y), a unit vector. */
double sag_phantom_contour_radius (const SagPhantomContour *contour, double x, double y);

/* Thickness of subcutaneous fat in direction (x, y), a unit vector. */
double sag_phantom_fat (const SagPhantomScene *scene, double x, double y, double z);

/* Centre of the vertebral bodies. */
double sag_phantom_spine_y (double z);

/* Height of the diaphragm on side 0 (left), 1 (right), and of both blended across the midline. */
double sag_phantom_diaphragm (const SagPhantomScene *scene, int side, double x, double y);
double sag_phantom_diaphragm_both (const SagPhantomScene *scene, double x, double y);

/* The liver. `cage` is the cage's distance, `dome` the diaphragm's height there. */
double sag_phantom_liver (double x, double y, double z, double cage, double dome);

/* Distance to the lung of `side` for a point whose cage distance is `cage`; `pushers` are the `n`
 * shapes that matter at this height. `fluid` (may be NULL) gets the distance to pleural fluid. */
double sag_phantom_lung (const SagPhantomScene *scene,
                         int                    side,
                         double                 x,
                         double                 y,
                         double                 z,
                         double                 cage,
                         const SagShape *const *pushers,
                         int                    n,
                         double                *fluid);

/* ---- shapes (phantom-shape.c) ---- */

double    sag_shape_distance (const SagShape *shape, double x, double y, double z);
SagShape *sag_scene_capsule (
    GArray *list, const double a[3], const double b[3], double r0, double r1, double hu, int label);
SagShape *sag_scene_ellipsoid (GArray *list,
                               double  x,
                               double  y,
                               double  z,
                               double  rx,
                               double  ry,
                               double  rz,
                               double  hu,
                               int     label);
/* `axes`: three orthonormal rows, radii along each. */
SagShape *sag_scene_turned (GArray      *list,
                            const double centre[3],
                            const double axes[9],
                            const double radii[3],
                            double       hu,
                            int          label);
SagShape *sag_scene_cylinder (GArray *list,
                              double  x,
                              double  y,
                              double  z,
                              double  rx,
                              double  ry,
                              double  half,
                              double  hu,
                              int     label);

/* ---- anatomy ---- */

void sag_phantom_build_bones (SagPhantomScene *scene);    /* phantom-bones.c */
void sag_phantom_build_chest (SagPhantomScene *scene);    /* phantom-organs.c: heart, vessels */
void sag_phantom_build_abdomen (SagPhantomScene *scene);  /* phantom-organs.c */
void sag_phantom_build_trees (SagPhantomScene *scene);    /* phantom-tree.c: within the lungs */
void sag_phantom_build_findings (SagPhantomScene *scene); /* phantom-tree.c */

/* ---- slices (phantom-paint.c, phantom-scan.c) ---- */

/* Scratch of one thread: size[0] * size[1] of each. */
typedef struct
{
  float *hu;   /* the patient, not yet scanned */
  float *cage; /* how much of a voxel lies in the cage, below the diaphragm, in a lung: 0..1 */
  float *abdomen;
  float *lung;
  float *work[2];
} SagPhantomScratch;

/* Model coordinates of pixel (i, j), and the height of slice k. */
void sag_phantom_to_model (const SagPhantomScene *scene, double i, double j, double *x, double *y);
double sag_phantom_height (const SagPhantomScene *scene, int k);

/* Slice k of the patient into scratch->hu, and the two layers of truth. */
void sag_phantom_paint (const SagPhantomScene *scene,
                        int                    k,
                        SagPhantomScratch     *scratch,
                        guint8                *organs,
                        guint8                *nodules);

/* The painted slice as a scanner would show it: HU + 1024. */
void sag_phantom_expose (const SagPhantomScene *scene,
                         int                    k,
                         SagPhantomScratch     *scratch,
                         gint16                *stored);
