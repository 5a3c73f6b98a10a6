/* SPDX-License-Identifier: Apache-2.0
 *
 * geometry.h: where voxels and planes lie in the patient.
 *
 * Positions are DICOM patient coordinates (PS3.3 C.7.6.2.1.1), LPS: +x to the patient's left,
 * +y posterior, +z superior, in millimetres. The centre of voxel (i, j, k) is
 *
 *     origin + direction * (i * spacing[0], j * spacing[1], k * spacing[2])
 */
#pragma once

#include <glib.h>

typedef struct
{
  int    size[3];      /* voxels along i (columns), j (rows), k (slices); >= 1 */
  double spacing[3];   /* mm between voxel centres; > 0 */
  double origin[3];    /* mm, LPS, centre of voxel (0, 0, 0) */
  double direction[9]; /* row-major 3x3; column a (elements a, 3 + a, 6 + a) is the unit vector of
                          axis a */
} SagGrid;

/* A plane of pixels in the patient: orthogonal and oblique alike. */
typedef struct
{
  double centre[3];    /* mm, LPS */
  double right[3];     /* unit vector along a row of pixels */
  double down[3];      /* unit vector along a column of pixels */
  double mm_per_pixel; /* > 0 */
} SagPlane;

/* How an orthogonal view is turned, radiological convention: the patient's right is on the left
 * of the screen in axial and coronal views; anterior is on the left in sagittal ones. */
typedef enum
{
  SAG_VIEW_AXIAL,
  SAG_VIEW_CORONAL,
  SAG_VIEW_SAGITTAL,
  SAG_N_VIEWS
} SagView;

/* An axis order and signs: axis a of the turned grid is axis perm[a] of the original, reversed
 * where flip[a]. */
typedef struct
{
  int      perm[3];
  gboolean flip[3];
} SagTurn;

/* The identity grid at the origin with the given size and spacing. */
void     sag_grid_init            (SagGrid       *grid,
                                   const int      size[3],
                                   const double   spacing[3]);

/* FALSE with SAG_ENGINE_ERROR_INVALID if a size is < 1, the voxel count overflows, a spacing is not
 * finite and positive, or the direction is not orthonormal to 1e-3 (either handedness). [any
 * thread] */
gboolean sag_grid_check           (const SagGrid *grid,
                                   GError       **error);

gsize    sag_grid_get_n_voxels    (const SagGrid *grid);

/* Volume of one voxel in millilitres. */
double   sag_grid_get_voxel_ml    (const SagGrid *grid);

/* TRUE if sizes are equal and origins, spacings and directions agree to 1e-3 of a voxel at every
 * corner. */
gboolean sag_grid_equal           (const SagGrid *a,
                                   const SagGrid *b);

/* Voxel index (may be fractional or outside) <-> position in mm LPS. In and out may be the same. */
void     sag_grid_to_lps          (const SagGrid *grid,
                                   const double   ijk[3],
                                   double         lps[3]);
void     sag_grid_to_ijk          (const SagGrid *grid,
                                   const double   lps[3],
                                   double         ijk[3]);

/* The three letters towards which i, j and k grow ("LPS" for an axial CT), nearest axes of the
 * patient, each axis used once. */
void     sag_grid_get_orientation (const SagGrid *grid,
                                   char           code[4]);

/* Not one of the 48: the axes stay as the images were acquired. For networks of single slices in no
 * fixed plane (short-axis cine, ultrasound), whose slices must not be cut anew. */
#define SAG_GRID_AS_IT_IS "IJK"

/* The turn that brings `grid` nearest to orientation `code` (any of the 48, or SAG_GRID_AS_IT_IS),
 * and the grid after it: the same voxels at the same places, indexed otherwise. `out` may be NULL.
 * INVALID if `code` is not an orientation. */
gboolean sag_grid_turn            (const SagGrid *grid,
                                   const char    *code,
                                   SagTurn       *turn,
                                   SagGrid       *out,
                                   GError       **error);

/* A grid over the same box with another spacing: sizes rounded up, box centres equal. */
void     sag_grid_respace         (const SagGrid *grid,
                                   const double   spacing[3],
                                   SagGrid       *out);

/* The orthogonal plane of `view` through `lps` in the patient's own axes (not the grid's). */
void     sag_plane_init_view      (SagPlane      *plane,
                                   SagView        view,
                                   const double   lps[3],
                                   double         mm_per_pixel);

/* The view's plane along the *grid's* axes, so that an oblique acquisition is shown as acquired:
 * the pair of grid axes nearest to the view's, turned the radiological way. Also gives the grid
 * axis (0..2) that scrolls (`normal_axis`, may be NULL). */
void     sag_plane_init_grid_view (SagPlane      *plane,
                                   const SagGrid *grid,
                                   SagView        view,
                                   const double   lps[3],
                                   double         mm_per_pixel,
                                   int           *normal_axis);

/* Unit normal: right x down. */
void     sag_plane_get_normal     (const SagPlane *plane,
                                   double          normal[3]);

/* Pixel (x, y) of a width x height picture (pixel centres at integers; the picture's centre is
 * ((width - 1) / 2, (height - 1) / 2)) <-> mm LPS. */
void     sag_plane_to_lps         (const SagPlane *plane,
                                   int             width,
                                   int             height,
                                   double          x,
                                   double          y,
                                   double          lps[3]);
void     sag_plane_to_pixel       (const SagPlane *plane,
                                   int             width,
                                   int             height,
                                   const double    lps[3],
                                   double         *x,
                                   double         *y);

/* Letters for a direction in the patient, most significant first, as at a picture's edge: "L",
 * "PR", "AFL"… with 'H' and 'F' (head, foot) as radiographers write them; components below 0.2 are
 * left out. (PS3.3 C.7.6.1.1.1 uses the same letters.) */
void     sag_direction_get_letters (const double   direction[3],
                                    char           letters[4]);
