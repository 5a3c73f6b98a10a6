/* SPDX-License-Identifier: Apache-2.0
 *
 * png.c: pictures as PNG files.
 */
#include "app/files/png.h"

#include "app/files/save.h"
#include "engine/base/error.h"

#include <glib/gi18n-lib.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

/* Pixels a side: what a detector or a scanner of films makes, and then some. */
#define MAX_SIDE 32768

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
  png_structp png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png != NULL ? png_create_info_struct (png) : NULL;
  gboolean encoded = info != NULL && encode (png, info, out, pixels, width, height, channels);

  png_destroy_write_struct (&png, &info);
  if (!encoded)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   _ ("A picture of %d x %d pixels cannot be encoded"), width, height);
      return FALSE;
    }
  return sag_save_bytes (path, out->data, out->len, error);
}

/* --- reading ----------------------------------------------------------------------------- */

gboolean
sag_png_is_name (const char *path)
{
  gsize n = strlen (path);

  return n > 4 && g_ascii_strcasecmp (path + n - 4, ".png") == 0;
}

/* A decoded file: `channels` samples of `bytes` bytes (native order) for each pixel. */
typedef struct
{
  int      width, height, channels, bytes;
  guint8  *samples;
  char     message[128]; /* why it cannot be read */
} Decoded;

static void
keep_message (png_structp png, png_const_charp message)
{
  Decoded *self = png_get_error_ptr (png);

  g_strlcpy (self->message, message, sizeof self->message);
  png_longjmp (png, 1);
}

static void
ignore_warning (png_structp png, png_const_charp message)
{
}

/* Nothing with a destructor lives here: libpng leaves by longjmp. Labels keep the numbers of grey
 * levels and palette entries as they are stored. */
static gboolean
decode (png_structp png, png_infop info, FILE *file, gboolean labels, Decoded *self)
{
  int depth, type, passes;
  gsize row;

  if (setjmp (png_jmpbuf (png)))
    return FALSE;
  png_set_user_limits (png, MAX_SIDE, MAX_SIDE);
  png_init_io (png, file);
  png_read_info (png, info);
  depth = png_get_bit_depth (png, info);
  type = png_get_color_type (png, info);
  if (labels)
    png_set_packing (png);
  else if (type == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb (png);
  else if (depth < 8)
    png_set_expand_gray_1_2_4_to_8 (png);
  if ((type & PNG_COLOR_MASK_ALPHA) != 0 || (!labels && type == PNG_COLOR_TYPE_PALETTE))
    png_set_strip_alpha (png);
  if (depth == 16 && (type & PNG_COLOR_MASK_COLOR) != 0 && !labels)
    png_set_scale_16 (png);
  else if (depth == 16 && G_BYTE_ORDER == G_LITTLE_ENDIAN)
    png_set_swap (png);
  passes = png_set_interlace_handling (png);
  png_read_update_info (png, info);
  self->width = (int) png_get_image_width (png, info);
  self->height = (int) png_get_image_height (png, info);
  self->channels = png_get_channels (png, info);
  self->bytes = png_get_bit_depth (png, info) / 8;
  row = png_get_rowbytes (png, info);
  self->samples = g_try_malloc (row * (gsize) self->height);
  if (self->samples == NULL)
    {
      g_strlcpy (self->message, "there is not enough memory for it", sizeof self->message);
      return FALSE;
    }
  for (int pass = 0; pass < passes; pass++)
    for (int y = 0; y < self->height; y++)
      png_read_row (png, self->samples + row * (gsize) y, NULL);
  png_read_end (png, NULL);
  return TRUE;
}

static gboolean
decode_file (const char *path, gboolean labels, Decoded *self, GError **error)
{
  FILE *file = fopen (path, "rbe");
  g_autofree char *shown = sag_escape_name (path, -1);
  png_structp png;
  png_infop info;
  gboolean good;

  memset (self, 0, sizeof *self);
  if (file == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO, _ ("'%s' cannot be opened"), shown);
      return FALSE;
    }
  png = png_create_read_struct (PNG_LIBPNG_VER_STRING, self, keep_message, ignore_warning);
  info = png != NULL ? png_create_info_struct (png) : NULL;
  good = info != NULL && decode (png, info, file, labels, self);
  png_destroy_read_struct (&png, &info, NULL);
  fclose (file);
  if (good)
    return TRUE;
  g_clear_pointer (&self->samples, g_free);
  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID, _ ("'%s' is not a sound PNG file: %s"),
               shown, self->message);
  return FALSE;
}

/* Pixels that are three times the same become one sample; FALSE if there is colour. */
static gboolean
make_grey (Decoded *self)
{
  gsize n = (gsize) self->width * (gsize) self->height, size = (gsize) self->bytes;

  if (self->channels != 3)
    return self->channels == 1;
  for (gsize p = 0; p < n; p++)
    {
      const guint8 *pixel = self->samples + 3 * size * p;

      if (memcmp (pixel, pixel + size, size) != 0 || memcmp (pixel, pixel + 2 * size, size) != 0)
        return FALSE;
    }
  for (gsize p = 0; p < n; p++)
    memmove (self->samples + size * p, self->samples + 3 * size * p, size);
  self->channels = 1;
  return TRUE;
}

static void
init_grid (SagGrid *grid, const Decoded *self)
{
  sag_grid_init (grid, (const int[]){ self->width, self->height, 1 },
                 (const double[]){ 1, 1, 1 });
}

SagVolume *
sag_png_read (const char *path, GError **error)
{
  Decoded picture;
  SagVolume *volume;
  SagVoxelType type;
  SagGrid grid;

  if (!decode_file (path, FALSE, &picture, error))
    return NULL;
  make_grey (&picture);
  init_grid (&grid, &picture);
  type = picture.channels == 3 ? SAG_VOXEL_RGB8 : picture.bytes == 2 ? SAG_VOXEL_U16 : SAG_VOXEL_U8;
  volume = sag_volume_new_alloc (&grid, type, 1, 0, "", error);
  if (volume != NULL)
    {
      memcpy (sag_volume_get_slice (volume, 0), picture.samples,
              sag_grid_get_n_voxels (&grid) * (gsize) sag_voxel_type_get_bytes (type));
      sag_volume_set_has_spacing (volume, FALSE);
      sag_volume_mark_ready (volume, 0, 1);
    }
  g_free (picture.samples);
  return volume;
}

/* Sample values as labels; which there are goes to `used`. */
static gboolean
get_labels (const Decoded *self, guint8 *out, gboolean used[256], gboolean *is_mask,
            GError **error)
{
  gsize n = (gsize) self->width * (gsize) self->height;
  int n_used = 0;

  for (gsize p = 0; p < n; p++)
    {
      int value = self->bytes == 2 ? ((const guint16 *) self->samples)[p] : self->samples[p];

      if (value > 255 && value != 65535)
        {
          g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                       _ ("its pixels are not labels: there is a %d where 0 to 255 are wanted"), value);
          return FALSE;
        }
      out[p] = (guint8) MIN (value, 255);
      used[out[p]] = TRUE;
    }
  for (int value = 1; value < 256; value++)
    n_used += used[value];
  *is_mask = n_used == 1 && used[255];
  if (*is_mask)
    {
      for (gsize p = 0; p < n; p++)
        out[p] = out[p] != 0;
      used[1] = TRUE;
      used[255] = FALSE;
    }
  return TRUE;
}

static SagSegmentation *
make_segmentation (const Decoded *self, const SagGrid *grid, GError **error)
{
  g_autoptr (SagBlock) block = sag_block_new (sag_grid_get_n_voxels (grid), "the labels", error);
  g_autoptr (SagLabelmap) map = NULL;
  g_autofree SagLabel *labels = g_new0 (SagLabel, 255);
  gboolean used[256] = { FALSE }, is_mask = FALSE;
  SagSegmentation *segmentation;
  int n = 0;

  if (block == NULL || !get_labels (self, sag_block_get_data (block), used, &is_mask, error))
    return NULL;
  for (int value = 1; value < 256; value++)
    if (used[value])
      {
        labels[n].value = (guint8) value;
        g_snprintf (labels[n].name, sizeof labels[n].name, is_mask ? SAG_PNG_MASK : "label %d",
                    value);
        sag_label_default_colour (n, labels[n].rgb);
        n++;
      }
  map = sag_labelmap_new (grid, block, labels, n, error);
  segmentation = map != NULL ? sag_segmentation_new (&map, 1, NULL, NULL, error) : NULL;
  if (segmentation != NULL)
    sag_segmentation_mark_ready (segmentation, 0, 1);
  return segmentation;
}

SagSegmentation *
sag_png_read_segmentation (const char *path, const SagGrid *grid, GError **error)
{
  g_autofree char *shown = sag_escape_name (path, -1);
  SagSegmentation *segmentation = NULL;
  Decoded mask;
  SagGrid own;

  if (!decode_file (path, TRUE, &mask, error))
    return NULL;
  init_grid (&own, &mask);
  if (!make_grey (&mask))
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                 _ ("'%s' is a picture in colour, not a mask"), shown);
  else if (grid != NULL && memcmp (own.size, grid->size, sizeof own.size) != 0)
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                 _ ("The mask '%s' has %d x %d pixels, its image %d x %d x %d"), shown, own.size[0],
                 own.size[1], grid->size[0], grid->size[1], grid->size[2]);
  else
    {
      segmentation = make_segmentation (&mask, grid != NULL ? grid : &own, error);
      if (segmentation == NULL)
        g_prefix_error (error, _ ("'%s' cannot be read as a mask: "), shown);
    }
  g_free (mask.samples);
  return segmentation;
}
