/* SPDX-License-Identifier: Apache-2.0
 *
 * stl.c: surfaces as binary STL files.
 */
#include "app/files/stl.h"

#include "app/files/save.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEADER 80 /* bytes, before the count */
#define TRIANGLE 50

gboolean
sag_stl_is_name (const char *path)
{
  gsize n = strlen (path);

  return n > 4 && g_ascii_strcasecmp (path + n - 4, ".stl") == 0;
}

static void
put (guint8 *to, const double point[3])
{
  for (int c = 0; c < 3; c++)
    {
      union
      {
        float   value;
        guint32 bits;
      } number = { .value = (float) point[c] };

      number.bits = GUINT32_TO_LE (number.bits);
      memcpy (to + 4 * c, &number.bits, 4);
    }
}

static void
describe (const SagSurface *surface, gsize t, guint8 bytes[TRIANGLE])
{
  const double *p[3];
  double normal[3], length;

  for (int v = 0; v < 3; v++)
    p[v] = surface->points[surface->triangles[t][v]];
  for (int x = 0; x < 3; x++)
    {
      int y = (x + 1) % 3, z = (x + 2) % 3;

      normal[x] = (p[1][y] - p[0][y]) * (p[2][z] - p[0][z]) - (p[1][z] - p[0][z]) * (p[2][y] - p[0][y]);
    }
  length = sqrt (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
  for (int c = 0; c < 3 && length > 0; c++)
    normal[c] /= length;
  put (bytes, normal);
  for (int v = 0; v < 3; v++)
    put (bytes + 12 * (v + 1), p[v]);
  bytes[48] = bytes[49] = 0;
}

static gboolean
write_all (FILE *file, const SagSurface *surface, const char *name)
{
  char header[HEADER + 1];
  guint32 n = GUINT32_TO_LE ((guint32) surface->n_triangles);
  guint8 bytes[TRIANGLE];
  gboolean good;

  /* "solid" at the beginning would make it a text file for some. */
  memset (header, ' ', sizeof header);
  header[g_snprintf (header, sizeof header, "SPACE=LPS UNIT=mm Sagitta, research use, not a medical device: %.16s",
                     name)] = ' ';
  good = fwrite (header, 1, HEADER, file) == HEADER && fwrite (&n, 4, 1, file) == 1;
  for (gsize t = 0; t < surface->n_triangles && good; t++)
    {
      describe (surface, t, bytes);
      good = fwrite (bytes, TRIANGLE, 1, file) == 1;
    }
  return good;
}

gboolean
sag_stl_write (const char *path, const SagSurface *surface, const char *name, GError **error)
{
  SagSave *save;
  gboolean good;
  int failure;
  FILE *file;

  if (surface->n_triangles > G_MAXUINT32)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED,
                   _ ("The surface has more triangles than an STL file can hold; resample the labels first"));
      return FALSE;
    }
  save = sag_save_begin (path, error);
  if (save == NULL)
    return FALSE;
  file = g_fopen (sag_save_get_name (save), "wb");
  good = file != NULL && write_all (file, surface, name);
  failure = errno;
  if (file != NULL && fclose (file) != 0 && good)
    {
      good = FALSE;
      failure = errno;
    }
  if (good)
    return sag_save_finish (save, error);
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("'%s' could not be written: %s"), path,
               g_strerror (failure));
  sag_save_abort (save);
  return FALSE;
}
