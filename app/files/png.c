/* SPDX-License-Identifier: Apache-2.0
 *
 * png.c: pictures as PNG files.
 */
#include "app/files/png.h"

#include "engine/base/error.h"

#include <png.h>
#include <setjmp.h>

static void
append (png_structp png, png_bytep bytes, png_size_t n)
{
  g_byte_array_append (png_get_io_ptr (png), bytes, (guint) n);
}

static void
flush (png_structp png)
{
}

/* Nothing with a destructor lives here: libpng leaves by longjmp. */
static gboolean
encode (png_structp png, png_infop info, GByteArray *out, const guint8 *pixels, int width,
        int height, int channels)
{
  if (setjmp (png_jmpbuf (png)))
    return FALSE;
  png_set_write_fn (png, out, append, flush);
  png_set_compression_level (png, 6);
  png_set_IHDR (png, info, (png_uint_32) width, (png_uint_32) height, 8,
                channels == 4 ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_sRGB (png, info, PNG_sRGB_INTENT_PERCEPTUAL);
  png_write_info (png, info);
  for (int y = 0; y < height; y++)
    png_write_row (png, (png_const_bytep) pixels + (gsize) y * (gsize) width * (gsize) channels);
  png_write_end (png, info);
  return TRUE;
}

gboolean
sag_png_write (const char *path, const guint8 *pixels, int width, int height, int channels,
               GError **error)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GError) local = NULL;
  png_structp png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png != NULL ? png_create_info_struct (png) : NULL;
  gboolean encoded = info != NULL && encode (png, info, out, pixels, width, height, channels);

  png_destroy_write_struct (&png, &info);
  if (!encoded)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "A picture of %d x %d pixels cannot be encoded", width, height);
      return FALSE;
    }
  if (!g_file_set_contents_full (path, (const char *) out->data, out->len,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0666,
                                 &local))
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, "%s", local->message);
      return FALSE;
    }
  return TRUE;
}
