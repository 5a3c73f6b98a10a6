/* SPDX-License-Identifier: Apache-2.0
 *
 * nifti-header.c: what a NIfTI file begins with.
 */
#include "app/files/nifti-header.h"

#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define MAX_SIZE 32767

int
sag_nifti_type_get_bytes (int datatype)
{
  switch (datatype)
    {
    case SAG_NIFTI_U8:
    case SAG_NIFTI_I8:
      return 1;
    case SAG_NIFTI_I16:
    case SAG_NIFTI_U16:
      return 2;
    case SAG_NIFTI_RGB24:
      return 3;
    case SAG_NIFTI_I32:
    case SAG_NIFTI_U32:
    case SAG_NIFTI_F32:
      return 4;
    case SAG_NIFTI_F64:
    case SAG_NIFTI_I64:
    case SAG_NIFTI_U64:
      return 8;
    default:
      return 0;
    }
}

static void
swap16 (gpointer p, int n)
{
  guint16 *v = p;

  for (int i = 0; i < n; i++)
    v[i] = GUINT16_SWAP_LE_BE (v[i]);
}

static void
swap32 (gpointer p, int n)
{
  guint32 *v = p;

  for (int i = 0; i < n; i++)
    v[i] = GUINT32_SWAP_LE_BE (v[i]);
}

gboolean
sag_nifti_header_order (SagNiftiHeader *header, gboolean *swapped)
{
  SagNiftiHeader h = *header;

  *swapped = h.sizeof_hdr != SAG_NIFTI_HEADER_BYTES;
  if (*swapped)
    {
      swap32 (&h.sizeof_hdr, 1);
      swap16 (h.dim, 8);
      swap32 (h.intent_p, 3);
      swap16 (&h.intent_code, 4);
      swap32 (h.pixdim, 11);
      swap16 (&h.slice_end, 1);
      swap32 (&h.cal_max, 4);
      swap16 (&h.qform_code, 2);
      swap32 (h.quatern, 18);
    }
  if (h.sizeof_hdr != SAG_NIFTI_HEADER_BYTES
      || (memcmp (h.magic, "n+1", 4) != 0 && memcmp (h.magic, "ni1", 4) != 0))
    return FALSE;
  *header = h;
  return TRUE;
}

gboolean
sag_nifti_header_is_pair (const SagNiftiHeader *header)
{
  return header->magic[1] == 'i';
}

gboolean
sag_nifti_header_is_placed (const SagNiftiHeader *header)
{
  return header->qform_code > 0 || header->sform_code > 0;
}

/* Where NIfTI-2 keeps a number, of what kind, and where NIfTI-1 does. */
typedef enum
{
  WIDE_I16, /* as wide as before */
  WIDE_I32, /* were 16 bits, or 8 */
  WIDE_I64, /* were 16 bits */
  WIDE_F64, /* were float */
} WideKind;

static const struct
{
  int      at;
  WideKind kind;
  int      n;
  gsize    to;
} wide[] = {
#define FIELD(name) G_STRUCT_OFFSET (SagNiftiHeader, name)
  { 12, WIDE_I16, 1, FIELD (datatype) },     { 14, WIDE_I16, 1, FIELD (bitpix) },
  { 16, WIDE_I64, 8, FIELD (dim) },          { 80, WIDE_F64, 3, FIELD (intent_p) },
  { 104, WIDE_F64, 8, FIELD (pixdim) },      { 176, WIDE_F64, 1, FIELD (scl_slope) },
  { 184, WIDE_F64, 1, FIELD (scl_inter) },   { 192, WIDE_F64, 1, FIELD (cal_max) },
  { 200, WIDE_F64, 1, FIELD (cal_min) },     { 208, WIDE_F64, 1, FIELD (slice_duration) },
  { 216, WIDE_F64, 1, FIELD (toffset) },     { 344, WIDE_I32, 1, FIELD (qform_code) },
  { 348, WIDE_I32, 1, FIELD (sform_code) },  { 352, WIDE_F64, 3, FIELD (quatern) },
  { 376, WIDE_F64, 3, FIELD (qoffset) },     { 400, WIDE_F64, 12, FIELD (srow) },
  { 504, WIDE_I32, 1, FIELD (intent_code) },
#undef FIELD
};

static gint64
get_wide (const guint8 *p, int n, gboolean swapped)
{
  guint64 v = 0;

  for (int i = 0; i < n; i++)
    v |= (guint64) p[i] << 8 * (swapped == (G_BYTE_ORDER == G_LITTLE_ENDIAN) ? n - 1 - i : i);
  return n == 2 ? (gint16) v : n == 4 ? (gint32) v : (gint64) v;
}

static void
put_wide (guint8 *p, int n, gint64 value)
{
  for (int i = 0; i < n; i++)
    p[i] = (guint8) ((guint64) value >> 8 * (G_BYTE_ORDER == G_LITTLE_ENDIAN ? i : n - 1 - i));
}

static double
get_wide_double (const guint8 *p, gboolean swapped)
{
  gint64 bits = get_wide (p, 8, swapped);
  double value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

gboolean
sag_nifti2_header_read (const guint8 *b, SagNiftiHeader *h, gboolean *swapped)
{
  gint64 offset, units;

  *swapped = get_wide (b, 4, FALSE) != SAG_NIFTI2_HEADER_BYTES;
  if (get_wide (b, 4, *swapped) != SAG_NIFTI2_HEADER_BYTES
      || (memcmp (b + 4, "n+2", 4) != 0 && memcmp (b + 4, "ni2", 4) != 0))
    return FALSE;
  memset (h, 0, sizeof *h);
  h->sizeof_hdr = SAG_NIFTI_HEADER_BYTES;
  memcpy (h->magic, b[5] == 'i' ? "ni1" : "n+1", 4);
  memcpy (h->descrip, b + 240, sizeof h->descrip);
  for (gsize f = 0; f < G_N_ELEMENTS (wide); f++)
    for (int i = 0; i < wide[f].n; i++)
      {
        static const int widths[] = { 2, 4, 8, 8 };
        int width = widths[wide[f].kind];
        const guint8 *from = b + wide[f].at + width * i;

        if (wide[f].kind == WIDE_F64)
          ((float *) ((guint8 *) h + wide[f].to))[i] = (float) get_wide_double (from, *swapped);
        else
          {
            gint64 value = get_wide (from, width, *swapped);

            if (value < G_MININT16 || value > G_MAXINT16)
              return FALSE;
            ((gint16 *) ((guint8 *) h + wide[f].to))[i] = (gint16) value;
          }
      }
  offset = get_wide (b + 168, 8, *swapped);
  units = get_wide (b + 500, 4, *swapped);
  h->vox_offset = offset >= 0 && offset < 1 << 24 ? (float) offset : 0;
  h->xyzt_units = (guint8) (units & 0xff);
  return TRUE;
}

void
sag_nifti2_header_write (const SagNiftiHeader *h, guint8 *b)
{
  memset (b, 0, SAG_NIFTI2_HEADER_BYTES);
  put_wide (b, 4, SAG_NIFTI2_HEADER_BYTES);
  memcpy (b + 4, "n+2\0\r\n\032\n", 8);
  memcpy (b + 240, h->descrip, sizeof h->descrip);
  for (gsize f = 0; f < G_N_ELEMENTS (wide); f++)
    for (int i = 0; i < wide[f].n; i++)
      {
        static const int widths[] = { 2, 4, 8, 8 };
        int width = widths[wide[f].kind];
        guint8 *to = b + wide[f].at + width * i;
        gint64 value;

        if (wide[f].kind == WIDE_F64)
          {
            double v = ((const float *) ((const guint8 *) h + wide[f].to))[i];

            memcpy (&value, &v, sizeof value);
          }
        else
          value = ((const gint16 *) ((const guint8 *) h + wide[f].to))[i];
        put_wide (to, width, value);
      }
  put_wide (b + 168, 8, (gint64) h->vox_offset);
  put_wide (b + 500, 4, h->xyzt_units);
}

static void
matrix_of_quaternion (const SagNiftiHeader *h, double m[3][3])
{
  double b = h->quatern[0], c = h->quatern[1], d = h->quatern[2];
  double a = 1 - (b * b + c * c + d * d);
  double sign = h->pixdim[0] < 0 ? -1 : 1;

  if (a < 1e-7)
    {
      double norm = 1 / sqrt (b * b + c * c + d * d);

      b *= norm;
      c *= norm;
      d *= norm;
      a = 0;
    }
  else
    a = sqrt (a);
  const double r[3][3] = {
    { a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c) },
    { 2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b) },
    { 2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b },
  };
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      m[i][j] = r[i][j] * h->pixdim[j + 1] * (j == 2 ? sign : 1);
}

/* Columns of `m` (RAS, mm) to unit vectors and lengths in LPS; FALSE if they are not square to each
 * other. */
static gboolean
grid_from_matrix (double m[3][3], const double offset[3], SagGrid *grid)
{
  double u[3][3]; /* [axis][component] */

  for (int j = 0; j < 3; j++)
    {
      double length = sqrt (m[0][j] * m[0][j] + m[1][j] * m[1][j] + m[2][j] * m[2][j]);

      if (!(length > 1e-6 && length < 1e6))
        return FALSE;
      grid->spacing[j] = length;
      for (int i = 0; i < 3; i++)
        u[j][i] = m[i][j] / length * (i < 2 ? -1 : 1);
    }
  for (int j = 0; j < 3; j++)
    {
      const double *p = u[j], *q = u[(j + 1) % 3];

      if (fabs (p[0] * q[0] + p[1] * q[1] + p[2] * q[2]) > 2e-3)
        return FALSE;
    }
  /* What float has rounded is made exactly square again. */
  double dot = u[0][0] * u[1][0] + u[0][1] * u[1][1] + u[0][2] * u[1][2];
  double length = 0, cross[3];
  for (int i = 0; i < 3; i++)
    {
      u[1][i] -= dot * u[0][i];
      length += u[1][i] * u[1][i];
    }
  for (int i = 0; i < 3; i++)
    u[1][i] /= sqrt (length);
  for (int i = 0; i < 3; i++)
    cross[i] = u[0][(i + 1) % 3] * u[1][(i + 2) % 3] - u[0][(i + 2) % 3] * u[1][(i + 1) % 3];
  double sign = cross[0] * u[2][0] + cross[1] * u[2][1] + cross[2] * u[2][2] < 0 ? -1 : 1;
  for (int i = 0; i < 3; i++)
    {
      grid->direction[3 * i] = u[0][i];
      grid->direction[3 * i + 1] = u[1][i];
      grid->direction[3 * i + 2] = sign * cross[i];
      grid->origin[i] = offset[i] * (i < 2 ? -1 : 1);
    }
  return TRUE;
}

static double
unit_mm (const SagNiftiHeader *h)
{
  int units = h->xyzt_units & 7;

  return units == 1 ? 1000 : units == 3 ? 0.001 : 1;
}

static gboolean
invalid (GError **error, const char *what)
{
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, _ ("its NIfTI header %s"), what);
  return FALSE;
}

double
sag_nifti_header_get_disagreement (const SagNiftiHeader *h, gboolean *sform_holds)
{
  double m[3][3] = { { 0 } }, offset[3] = { 0 }, worst = 0;
  SagGrid grid;

  *sform_holds = h->sform_code > 0;
  if (h->qform_code <= 0 || h->sform_code <= 0)
    return 0;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      m[i][j] = h->srow[i][j];
  *sform_holds = grid_from_matrix (m, offset, &grid);
  matrix_of_quaternion (h, m);
  for (int corner = 0; corner < 4; corner++) /* the first voxel, then the last along each axis */
    {
      double off = 0;

      for (int i = 0; i < 3; i++)
        {
          int axis = corner - 1;
          double d = h->srow[i][3] - h->qoffset[i];

          if (corner > 0)
            d += (h->srow[i][axis] - m[i][axis]) * (MAX (h->dim[corner], 1) - 1);
          off += d * d;
        }
      worst = MAX (worst, sqrt (off));
    }
  return isfinite (worst) ? worst * unit_mm (h) : 0;
}

gboolean
sag_nifti_header_get_grid (const SagNiftiHeader *h, SagGrid *grid, gboolean *flip, GError **error)
{
  double m[3][3] = { { 0 } }, offset[3] = { 0 };
  gboolean placed = FALSE;

  if (h->dim[0] < 1 || h->dim[0] > 7)
    return invalid (error, _ ("says the image has no dimensions between 1 and 7"));
  for (int a = 0; a < 3; a++)
    {
      grid->size[a] = a < h->dim[0] ? h->dim[a + 1] : 1;
      if (grid->size[a] < 1 || grid->size[a] > MAX_SIZE)
        return invalid (error, _ ("gives a size below 1"));
    }
  if (h->sform_code > 0)
    {
      for (int i = 0; i < 3; i++)
        {
          for (int j = 0; j < 3; j++)
            m[i][j] = h->srow[i][j];
          offset[i] = h->srow[i][3];
        }
      placed = grid_from_matrix (m, offset, grid);
      if (!placed && h->qform_code <= 0)
        return invalid (
            error, _ ("places voxels by a sheared or empty matrix (sform), which is not supported; "
                   "resample the image to a square grid"));
    }
  if (!placed && h->qform_code > 0)
    {
      matrix_of_quaternion (h, m);
      for (int i = 0; i < 3; i++)
        offset[i] = h->qoffset[i];
      placed = grid_from_matrix (m, offset, grid);
      if (!placed)
        return invalid (error, _ ("gives voxel sizes or a rotation (qform) that cannot be"));
    }
  if (!placed)
    {
      for (int i = 0; i < 3; i++)
        {
          m[i][i] = fabs (h->pixdim[i + 1]);
          if (!(m[i][i] > 0))
            m[i][i] = 1;
        }
      if (!grid_from_matrix (m, offset, grid))
        return invalid (error, _ ("gives voxel sizes that cannot be"));
    }
  for (int a = 0; a < 3; a++)
    {
      grid->spacing[a] *= unit_mm (h);
      grid->origin[a] *= unit_mm (h);
      if (!isfinite (grid->origin[a]))
        return invalid (error, _ ("gives an origin that is not a number"));
    }

  const double *d = grid->direction;
  double det = d[0] * (d[4] * d[8] - d[5] * d[7]) - d[1] * (d[3] * d[8] - d[5] * d[6])
               + d[2] * (d[3] * d[7] - d[4] * d[6]);
  *flip = det < 0;
  if (*flip)
    for (int i = 0; i < 3; i++)
      {
        grid->origin[i] += grid->direction[3 * i + 1] * grid->spacing[1] * (grid->size[1] - 1);
        grid->direction[3 * i + 1] = -grid->direction[3 * i + 1];
      }
  return sag_grid_check (grid, error);
}

/* The unit quaternion (b, c, d; a >= 0) of a proper rotation. */
static void
quaternion_of_matrix (double r[3][3], float quatern[3])
{
  double trace = r[0][0] + r[1][1] + r[2][2];
  double a, b, c, d;

  if (trace > 0)
    {
      a = sqrt (trace + 1) / 2;
      b = (r[2][1] - r[1][2]) / (4 * a);
      c = (r[0][2] - r[2][0]) / (4 * a);
      d = (r[1][0] - r[0][1]) / (4 * a);
    }
  else
    {
      int i = r[0][0] >= r[1][1] && r[0][0] >= r[2][2] ? 0 : r[1][1] >= r[2][2] ? 1 : 2;
      int j = (i + 1) % 3, k = (i + 2) % 3;
      double v[3];

      v[i] = sqrt (MAX (0, 1 + r[i][i] - r[j][j] - r[k][k])) / 2;
      v[j] = (r[i][j] + r[j][i]) / (4 * v[i]);
      v[k] = (r[i][k] + r[k][i]) / (4 * v[i]);
      a = (r[k][j] - r[j][k]) / (4 * v[i]);
      b = a < 0 ? -v[0] : v[0];
      c = a < 0 ? -v[1] : v[1];
      d = a < 0 ? -v[2] : v[2];
    }
  quatern[0] = (float) b;
  quatern[1] = (float) c;
  quatern[2] = (float) d;
}

void
sag_nifti_header_init (SagNiftiHeader *h, const SagGrid *grid, int datatype)
{
  double r[3][3], origin[3];

  memset (h, 0, sizeof *h);
  h->sizeof_hdr = SAG_NIFTI_HEADER_BYTES;
  h->dim[0] = 3;
  for (int a = 0; a < 7; a++)
    h->dim[a + 1] = a < 3 ? (gint16) grid->size[a] : 1;
  h->datatype = (gint16) datatype;
  h->bitpix = (gint16) (8 * sag_nifti_type_get_bytes (datatype));
  h->vox_offset = SAG_NIFTI_HEADER_BYTES + 4;
  h->scl_slope = 1;
  h->xyzt_units = 2; /* mm */
  memcpy (h->magic, "n+1", 4);

  for (int i = 0; i < 3; i++)
    {
      double sign = i < 2 ? -1 : 1;
      double last_row = grid->direction[3 * i + 1] * grid->spacing[1] * (grid->size[1] - 1);

      r[i][0] = sign * grid->direction[3 * i];
      r[i][1] = -sign * grid->direction[3 * i + 1];
      r[i][2] = sign * grid->direction[3 * i + 2];
      origin[i] = sign * (grid->origin[i] + last_row);
      h->qoffset[i] = (float) origin[i];
      for (int j = 0; j < 3; j++)
        h->srow[i][j] = (float) (r[i][j] * grid->spacing[j]);
      h->srow[i][3] = (float) origin[i];
      h->pixdim[i + 1] = (float) grid->spacing[i];
    }
  double det = r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1])
               - r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0])
               + r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
  h->pixdim[0] = det < 0 ? -1 : 1;
  if (det < 0)
    for (int i = 0; i < 3; i++)
      r[i][2] = -r[i][2];
  quaternion_of_matrix (r, h->quatern);
  h->qform_code = 1;
  h->sform_code = 1;
}
