/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: from a stack to a volume, slice by slice.
 */
#include "app/dicom/read.h"

#include "app/dicom/dcmtk.h"
#include "app/dicom/lut.h"
#include "app/dicom/pixels.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <glib/gi18n-lib.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUV_UNIT "SUVbw"

static const SagDicomFrame *
frame_of (const SagStackSlice *slice)
{
  return sag_dicom_instance_get_frame (slice->instance, slice->frame);
}

static SagVoxelType
voxel_for (SagSample sample)
{
  switch (sample)
    {
    case SAG_SAMPLE_U8:
    case SAG_SAMPLE_BIT:
      return SAG_VOXEL_U8;
    case SAG_SAMPLE_I8:
    case SAG_SAMPLE_I16:
      return SAG_VOXEL_I16;
    case SAG_SAMPLE_U16:
      return SAG_VOXEL_U16;
    case SAG_SAMPLE_RGB8:
      return SAG_VOXEL_RGB8;
    default:
      return SAG_VOXEL_F32;
    }
}

gboolean
sag_read_is_suv (const SagStack *stack)
{
  for (int i = 0; i < stack->n_slices; i++)
    if (!(stack->slices[i].instance->suv_factor > 0))
      return FALSE;
  return stack->n_slices > 0;
}

/* What stored values, rescaled, are multiplied by beside: to SUV, or to the dose that they count. */
static double
factor_of (const SagDicomInstance *instance, gboolean is_suv)
{
  return is_suv ? instance->suv_factor : instance->dose_scaling > 0 ? instance->dose_scaling : 1;
}

SagWindowLevel
sag_read_get_window (const SagStack *stack, const SagDicomInstance *instance, int i)
{
  double factor = factor_of (instance, sag_read_is_suv (stack));

  return (SagWindowLevel){ instance->windows[i].center * factor,
                           instance->windows[i].width * factor };
}

static const char *
unit_of (const SagStack *stack)
{
  const SagDicomInstance *instance = stack->slices[0].instance;

  if (sag_read_is_suv (stack))
    return SUV_UNIT;
  if (instance->dose_scaling > 0)
    return strcmp (instance->units, "GY") == 0 ? "Gy" : "";
  if (strcmp (instance->modality, "CT") == 0
      && (instance->rescale_type[0] == '\0' || strcmp (instance->rescale_type, "US") == 0
          || strcmp (instance->rescale_type, "HU") == 0))
    return "HU";
  if (strcmp (instance->units, "BQML") == 0)
    return "Bq/ml";
  if (strcmp (instance->units, "CNTS") == 0)
    return "counts";
  if (strcmp (instance->units, "GML") == 0)
    return "g/ml"; /* SUV by something else than weight */
  return strcmp (instance->rescale_type, "US") == 0 ? "" : instance->rescale_type;
}

/* One voxel type and one rescale for all slices; F32 and none where they differ. */
static gboolean
choose_type (const SagStack *stack, SagVoxelType *type, double *slope, double *intercept,
             GError **error)
{
  gboolean is_suv = sag_read_is_suv (stack), is_first = TRUE;
  g_autoptr (GError) first_error = NULL;

  for (int i = 0; i < stack->n_slices; i++)
    {
      const SagDicomFrame *frame = frame_of (&stack->slices[i]);
      double factor = factor_of (stack->slices[i].instance, FALSE);
      SagVoxelType own;
      SagSample sample;

      /* One that cannot be read is left out, and has no say. */
      if (!sag_pixels_get_sample (stack->slices[i].instance, &sample,
                                  first_error == NULL ? &first_error : NULL))
        continue;
      own = voxel_for (sample);
      if ((is_suv || stack->slices[i].instance->has_modality_lut) && own != SAG_VOXEL_RGB8)
        own = SAG_VOXEL_F32;
      if (is_first)
        {
          *type = own;
          *slope = own == SAG_VOXEL_RGB8 ? 1 : frame->rescale_slope * factor;
          *intercept = own == SAG_VOXEL_RGB8 ? 0 : frame->rescale_intercept * factor;
          is_first = FALSE;
        }
      else if (own != SAG_VOXEL_RGB8
               && (own != *type || *slope != frame->rescale_slope * factor
                   || *intercept != frame->rescale_intercept * factor))
        *type = SAG_VOXEL_F32;
    }
  if (is_first)
    {
      g_propagate_error (error, g_steal_pointer (&first_error));
      return FALSE;
    }
  if (*type == SAG_VOXEL_F32)
    {
      *slope = 1;
      *intercept = 0;
    }
  return TRUE;
}

/* How the windows of the middle slice want to be shown. */
static void
take_voi (SagVolume *volume, const SagStack *stack)
{
  const SagDicomInstance *middle = stack->slices[stack->n_slices / 2].instance;
  const char *name = middle->voi_lut_function;
  g_autoptr (SagDcmFile) file = NULL;
  g_autofree guint8 *levels = NULL;
  int n = 0;

  if (strcmp (name, "SIGMOID") == 0)
    sag_volume_set_voi (volume, SAG_VOI_SIGMOID, NULL, 0);
  else if (strcmp (name, "LINEAR_EXACT") == 0)
    sag_volume_set_voi (volume, SAG_VOI_LINEAR_EXACT, NULL, 0);
  else if (strcmp (name, "TABLE") == 0 && (file = sag_dcm_file_open (middle->path, NULL)) != NULL
           && (levels = sag_lut_read_voi (file, &n)) != NULL)
    sag_volume_set_voi (volume, SAG_VOI_TABLE, levels, n);
}

SagVolume *
sag_read_begin (const SagStack *stack, GError **error)
{
  const SagDicomInstance *first = stack->slices[0].instance;
  double memory = (double) sysconf (_SC_PHYS_PAGES) * (double) sysconf (_SC_PAGESIZE);
  SagVoxelType type = SAG_VOXEL_F32;
  double slope = 1, intercept = 0, bytes;
  SagVolume *volume;

  if (!choose_type (stack, &type, &slope, &intercept, error))
    return NULL;
  bytes = (double) stack->grid.size[0] * stack->grid.size[1] * stack->grid.size[2]
          * sag_voxel_type_get_bytes (type);
  if (bytes > 0.9 * memory)
    {
      g_autofree char *needs = g_format_size ((guint64) bytes);

      g_set_error (error, SAG_DICOM_ERROR, SAG_DICOM_ERROR_MEMORY,
                   _ ("The series needs %s, more than this machine has"), needs);
      return NULL;
    }
  volume = sag_volume_new_alloc (&stack->grid, type, slope, intercept, unit_of (stack), error);
  if (volume != NULL)
    {
      sag_volume_set_origin_tags (volume, first->modality, first->frame_of_reference_uid);
      take_voi (volume, stack);
      sag_volume_set_scaled_boxes (volume, first->scaled_boxes, first->n_scaled_boxes);
      sag_volume_set_has_spacing (volume, !sag_stack_has_finding (stack, SAG_FINDING_NO_SPACING));
      sag_volume_set_has_depth (volume, !sag_stack_has_finding (stack, SAG_FINDING_NO_POSITION)
                                            && !sag_stack_has_finding (stack, SAG_FINDING_TIME_SERIES));
    }
  return volume;
}

/* One thread's open file: frames of one file come one after the other. */
typedef struct
{
  SagPixels              *pixels;
  const SagDicomInstance *instance;
  gpointer                scratch;
} Reader;

typedef struct
{
  SagVolume        *volume;
  const SagStack   *stack;
  int              *order; /* slice indices, nearest to the focus first */
  Reader           *readers;
  SagReadReadyFunc  ready;
  gpointer          data;
  const SagTick    *tick;
  gboolean          is_suv;
  GMutex            lock;  /* guards what follows, and the calls out */
  int               n_done;
  int               n_failed;
  gboolean         *failed; /* by slice of the stack */
  GError           *first_error;
  int               cancelled; /* atomic */
} Fill;

static inline double
sample_value (gconstpointer p, SagSample sample, gsize i)
{
  switch (sample)
    {
    case SAG_SAMPLE_U8:
    case SAG_SAMPLE_BIT:
      return ((const guint8 *) p)[i];
    case SAG_SAMPLE_I8:
      return ((const gint8 *) p)[i];
    case SAG_SAMPLE_U16:
      return ((const guint16 *) p)[i];
    case SAG_SAMPLE_I16:
      return ((const gint16 *) p)[i];
    case SAG_SAMPLE_U32:
      return ((const guint32 *) p)[i];
    case SAG_SAMPLE_I32:
      return ((const gint32 *) p)[i];
    case SAG_SAMPLE_F32:
      return ((const float *) p)[i];
    case SAG_SAMPLE_F64:
      return ((const double *) p)[i];
    default:
      return 0;
    }
}

/* Stored samples to the volume's voxels, where they are not the same. */
static void
convert (gpointer out, SagVoxelType type, gconstpointer in, gsize n, const SagPixels *pixels,
         const SagDicomFrame *frame, double factor)
{
  SagSample sample = sag_pixels_sample (pixels);

  for (gsize i = 0; i < n; i++)
    {
      double v = sample_value (in, sample, i);

      if (type == SAG_VOXEL_F32)
        ((float *) out)[i] = (float) (sag_pixels_get_value (pixels, frame, v) * factor);
      else
        ((gint16 *) out)[i] = (gint16) v;
    }
}

static gboolean
read_slice (Fill *fill, Reader *reader, const SagStackSlice *slice, GError **error)
{
  const SagGrid *grid = &fill->stack->grid;
  gsize n = (gsize) grid->size[0] * grid->size[1];
  SagVoxelType type = sag_volume_get_voxel_type (fill->volume);
  gpointer out = sag_volume_get_slice (fill->volume, slice->k);
  SagSample sample;

  if (reader->instance != slice->instance)
    {
      g_clear_pointer (&reader->pixels, sag_pixels_close);
      reader->instance = NULL;
      reader->pixels = sag_pixels_open (slice->instance, error);
      if (reader->pixels == NULL)
        return FALSE;
      reader->instance = slice->instance;
    }
  sample = sag_pixels_sample (reader->pixels);
  if (voxel_for (sample) == type && type != SAG_VOXEL_F32 && sample != SAG_SAMPLE_I8)
    return sag_pixels_decode (reader->pixels, slice->frame, out, error);
  if (reader->scratch == NULL)
    reader->scratch = sag_alloc_try (n * sizeof (double), "one image", error);
  if (reader->scratch == NULL
      || !sag_pixels_decode (reader->pixels, slice->frame, reader->scratch, error))
    return FALSE;
  convert (out, type, reader->scratch, n, reader->pixels, frame_of (slice),
           factor_of (slice->instance, fill->is_suv));
  return TRUE;
}

static void
fill_one (gsize item, int thread, gpointer data)
{
  Fill *fill = data;
  const SagStackSlice *slice = &fill->stack->slices[fill->order[item]];
  GError *error = NULL;
  gboolean ok;

  if (g_atomic_int_get (&fill->cancelled))
    return;
  ok = read_slice (fill, &fill->readers[thread], slice, &error);
  g_mutex_lock (&fill->lock);
  fill->n_done++;
  if (ok)
    {
      sag_volume_mark_ready (fill->volume, slice->k, slice->k + 1);
      if (fill->ready != NULL)
        fill->ready (fill->volume, slice->k, slice->k + 1, fill->data);
    }
  else
    {
      fill->n_failed++;
      fill->failed[fill->order[item]] = TRUE;
      if (fill->first_error == NULL)
        fill->first_error = g_steal_pointer (&error);
    }
  if (!sag_tick (fill->tick, (double) fill->n_done / fill->stack->n_slices))
    g_atomic_int_set (&fill->cancelled, TRUE);
  g_mutex_unlock (&fill->lock);
  g_clear_error (&error);
}

static int
compare_distance (gconstpointer a, gconstpointer b, gpointer data)
{
  const Fill *fill = ((gpointer *) data)[0];
  int focus = *(int *) ((gpointer *) data)[1];
  int x = abs (fill->stack->slices[*(const int *) a].k - focus);
  int y = abs (fill->stack->slices[*(const int *) b].k - focus);

  return x != y ? x - y : *(const int *) a - *(const int *) b;
}

static gboolean
is_read (const Fill *fill, int k)
{
  const SagStackSlice *slice = sag_stack_find (fill->stack, k);

  return slice != NULL && !fill->failed[slice - fill->stack->slices];
}

/* Places the series left out, and slices that cannot be read, show the lowest value of the slice
 * before them. */
static void
fill_gaps (Fill *fill)
{
  SagVolume *volume = fill->volume;
  const SagGrid *grid = &fill->stack->grid;
  SagVoxelType type = sag_volume_get_voxel_type (volume);
  gsize n = (gsize) grid->size[0] * grid->size[1];
  gsize bytes = sag_voxel_type_get_bytes (type);
  int before = 0;

  while (!is_read (fill, before))
    before++;
  for (int k = 0; k < grid->size[2]; k++)
    {
      if (is_read (fill, k))
        {
          before = k;
          continue;
        }
      const guint8 *from = sag_volume_get_slice (volume, before);
      guint8 *to = sag_volume_get_slice (volume, k);
      gsize lowest = 0;

      for (gsize i = 1; i < n; i++)
        if ((type == SAG_VOXEL_I16 && ((const gint16 *) from)[i] < ((const gint16 *) from)[lowest])
            || (type == SAG_VOXEL_U16
                && ((const guint16 *) from)[i] < ((const guint16 *) from)[lowest])
            || (type == SAG_VOXEL_F32 && ((const float *) from)[i] < ((const float *) from)[lowest])
            || (type == SAG_VOXEL_U8 && from[i] < from[lowest]))
          lowest = i;
      if (type == SAG_VOXEL_RGB8) /* black: nothing of what a codec began is left */
        memset (to, 0, n * bytes);
      else
        for (gsize i = 0; i < n; i++)
          memcpy (to + i * bytes, from + lowest * bytes, bytes);
      sag_volume_mark_ready (volume, k, k + 1);
      if (fill->ready != NULL)
        fill->ready (volume, k, k + 1, fill->data);
    }
}

/* "2 of 20 slices cannot be read and are left empty (5, 9): 'x.dcm' is truncated" */
static char *
describe_lost (const Fill *fill)
{
  GString *text = g_string_new (NULL);
  int n = 0;

  g_string_append_printf (text, "%d of %d slices cannot be read and are left empty (",
                          fill->n_failed, fill->stack->n_slices);
  for (int i = 0; i < fill->stack->n_slices; i++)
    if (fill->failed[i] && n++ < 8)
      g_string_append_printf (text, "%s%d", n > 1 ? ", " : "", fill->stack->slices[i].k + 1);
  g_string_append_printf (text, "%s): %s", n > 8 ? ", …" : "", fill->first_error->message);
  return g_string_free (text, FALSE);
}

/* Compressed frames come and go while a series is decoded: above 128 KiB they go back to the system as soon as they
 * are freed, or they would stay beside the volume. sag_alloc_keep_pages() is the other way. */
static void
return_pages (void)
{
  mallopt (M_MMAP_THRESHOLD, 128 << 10);
  mallopt (M_TRIM_THRESHOLD, 128 << 10);
  malloc_trim (0);
}

gboolean
sag_read_fill (SagVolume *volume, const SagStack *stack, int focus, SagReadReadyFunc ready,
               gpointer data, const SagTick *tick, char **lost, GError **error)
{
  int n_threads = sag_parallel_get_size ();
  Fill fill = { .volume = volume, .stack = stack, .ready = ready, .data = data, .tick = tick };
  gpointer sorting[2] = { &fill, &focus };

  fill.is_suv = sag_read_is_suv (stack);
  if (focus < 0 || focus >= stack->grid.size[2])
    focus = stack->grid.size[2] / 2;
  fill.order = g_new (int, stack->n_slices);
  fill.failed = g_new0 (gboolean, stack->n_slices);
  fill.readers = g_new0 (Reader, n_threads);
  g_mutex_init (&fill.lock);
  return_pages ();
  for (int i = 0; i < stack->n_slices; i++)
    fill.order[i] = i;
  g_qsort_with_data (fill.order, stack->n_slices, sizeof *fill.order, compare_distance, sorting);
  sag_parallel_for (stack->n_slices, fill_one, &fill);
  for (int t = 0; t < n_threads; t++)
    {
      g_clear_pointer (&fill.readers[t].pixels, sag_pixels_close);
      sag_free (fill.readers[t].scratch);
    }
  if (!fill.cancelled && fill.n_failed < stack->n_slices)
    fill_gaps (&fill);
  sag_alloc_keep_pages ();
  g_mutex_clear (&fill.lock);
  if (lost != NULL)
    *lost = !fill.cancelled && fill.n_failed > 0 && fill.n_failed < stack->n_slices
                ? describe_lost (&fill) : NULL;
  g_free (fill.readers);
  g_free (fill.failed);
  g_free (fill.order);
  if (fill.cancelled)
    {
      g_clear_error (&fill.first_error);
      return sag_engine_error_cancelled (error);
    }
  if (fill.n_failed < stack->n_slices)
    {
      g_clear_error (&fill.first_error);
      return TRUE;
    }
  if (stack->n_slices > 1)
    g_prefix_error (&fill.first_error, _ ("None of %d slices can be read: "), stack->n_slices);
  g_propagate_error (error, fill.first_error);
  return FALSE;
}
