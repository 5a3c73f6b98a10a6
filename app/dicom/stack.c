/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.c: frames in order, and what is wrong with their places.
 */
#include "app/dicom/stack.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAME_PLACE_MM 0.01   /* closer than this is the same place */
#define EVEN_FRACTION 0.03   /* of a step that a slice may be off its place without being named */
#define EVEN_MM 0.02
#define TILT_DEGREES 0.1
#define MAX_FILL 3 /* places per slice that gaps may open, before the set counts as uneven */

static void
finding_free (gpointer data)
{
  SagFinding *finding = data;

  g_free (finding->text);
  g_free (finding);
}

void
sag_stack_add_finding (SagStack *self, SagFindingKind kind, int slice, double amount,
                       const char *format, ...)
{
  SagFinding *finding = g_new0 (SagFinding, 1);
  va_list args;

  finding->kind = kind;
  finding->slice = slice;
  finding->amount = amount;
  va_start (args, format);
  finding->text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (self->findings, finding);
}

const char *
sag_finding_kind_get_name (SagFindingKind kind)
{
  static const char *const names[] = { "gap",         "uneven",
                                       "tilt",        "duplicate",
                                       "mixed-size",  "mixed-orientation",
                                       "no-spacing",  "no-position",
                                       "time-series", "no-suv",
                                       "detector-spacing", "no-sides",
                                       "tiles" };

  return names[kind];
}

static const SagDicomFrame *
frame_of (const SagStackSlice *slice)
{
  return sag_dicom_instance_get_frame (slice->instance, slice->frame);
}

static int
compare_acquired (const SagStackSlice *a, const SagStackSlice *b)
{
  int order = (a->instance->instance_number > b->instance->instance_number)
              - (a->instance->instance_number < b->instance->instance_number);

  if (order == 0)
    order = strcmp (a->instance->sop_instance_uid, b->instance->sop_instance_uid);
  if (order == 0)
    order = strcmp (a->instance->path, b->instance->path);
  return order != 0 ? order : (a->frame > b->frame) - (a->frame < b->frame);
}

static int
compare_order (gconstpointer a, gconstpointer b)
{
  return compare_acquired (a, b);
}

static int
compare_position (gconstpointer a, gconstpointer b)
{
  const SagStackSlice *x = a, *y = b;
  int order = (x->position > y->position) - (x->position < y->position);

  return order != 0 ? order : compare_acquired (x, y);
}

static int
compare_double (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
median_step (const SagStackSlice *slices, int n)
{
  g_autofree double *steps = g_new (double, n - 1);

  for (int i = 0; i + 1 < n; i++)
    steps[i] = slices[i + 1].position - slices[i].position;
  qsort (steps, n - 1, sizeof *steps, compare_double);
  return steps[(n - 2) / 2];
}

/* Frames at a place already taken are left out. */
static void
drop_duplicates (SagStack *self)
{
  int kept = 1, first = -1;
  int n = self->n_slices;

  for (int i = 1; i < n; i++)
    if (self->slices[i].position - self->slices[kept - 1].position > SAME_PLACE_MM)
      self->slices[kept++] = self->slices[i];
    else if (first < 0)
      first = kept - 1;
  self->n_slices = kept;
  if (first >= 0)
    sag_stack_add_finding (
        self, SAG_FINDING_DUPLICATE, first, n - kept,
        _ ("%d of %d images lie where another one lies (first at %.2f mm, slice %d); the "
        "one with the lowest instance number is shown"),
        n - kept, n, self->slices[first].position, first + 1);
}

/* Gives every slice its place k, and returns the step between places. */
static double
place_slices (SagStack *self)
{
  SagStackSlice *s = self->slices;
  int n = self->n_slices;
  double median = median_step (s, n), step, tolerance, worst = 0;
  int last, worst_at = 0;
  gint64 k = 0;

  s[0].k = 0;
  for (int i = 1; i < n; i++)
    {
      k += (gint64) CLAMP (round ((s[i].position - s[i - 1].position) / median), 1, 1e6);
      s[i].k = (int) MIN (k, G_MAXINT);
    }
  last = s[n - 1].k;
  step = (s[n - 1].position - s[0].position) / last;
  tolerance = MAX (EVEN_MM, EVEN_FRACTION * step);
  for (int i = 0; i < n; i++)
    {
      double off = fabs (s[i].position - s[0].position - s[i].k * step);

      if (off > worst)
        {
          worst = off;
          worst_at = i;
        }
    }
  if (worst <= tolerance && last < MAX_FILL * n)
    {
      for (int i = 1; i < n; i++)
        if (s[i].k > s[i - 1].k + 1)
          sag_stack_add_finding (self, SAG_FINDING_GAP, s[i - 1].k + 1,
                                 s[i].position - s[i - 1].position,
                                 g_dngettext (GETTEXT_PACKAGE,
                                              "%d slice is missing between slice %d (%.2f mm) and slice %d (%.2f "
                                              "mm); the place is kept empty",
                                              "%d slices are missing between slice %d (%.2f mm) and slice %d (%.2f "
                                              "mm); the place is kept empty",
                                              (gulong) (s[i].k - s[i - 1].k - 1)),
                                 s[i].k - s[i - 1].k - 1, s[i - 1].k + 1, s[i - 1].position, s[i].k + 1, s[i].position);
      return step;
    }

  /* No common step: one after the other at the mean, and every wrong distance said. */
  step = (s[n - 1].position - s[0].position) / (n - 1);
  worst = 0;
  for (int i = 0; i < n; i++)
    s[i].k = i;
  for (int i = 1; i < n; i++)
    {
      double off = fabs (s[i].position - s[i - 1].position - median);

      if (off > worst)
        {
          worst = off;
          worst_at = i;
        }
    }
  double smallest = G_MAXDOUBLE, largest = 0;
  for (int i = 1; i < n; i++)
    {
      smallest = MIN (smallest, s[i].position - s[i - 1].position);
      largest = MAX (largest, s[i].position - s[i - 1].position);
    }
  sag_stack_add_finding (
      self, SAG_FINDING_UNEVEN, worst_at, worst,
      _ ("Slice spacing varies from %.3f to %.3f mm (mostly %.3f; worst between slices %d "
      "and %d); the image is laid out at the mean of %.3f mm, so lengths across "
      "slices are not exact"),
      smallest, largest, median, worst_at, worst_at + 1, step);
  return step;
}

/* How far positions leave the normal through the first slice. */
static void
check_tilt (SagStack *self, const double normal[3])
{
  const SagStackSlice *s = self->slices;
  int n = self->n_slices;
  const double *p0 = frame_of (&s[0])->image_position_patient;
  const double *p1 = frame_of (&s[n - 1])->image_position_patient;
  double along = s[n - 1].position - s[0].position;
  double shift[3], across, angle, worst = 0;
  int worst_at = 0;

  for (int a = 0; a < 3; a++)
    shift[a] = (p1[a] - p0[a] - along * normal[a]) / along; /* mm aside for each mm along */
  across = sqrt (shift[0] * shift[0] + shift[1] * shift[1] + shift[2] * shift[2]);
  angle = atan (across) * 180 / G_PI;
  if (angle > TILT_DEGREES)
    {
      int middle = n / 2;

      sag_stack_add_finding (
          self, SAG_FINDING_TILT, -1, angle,
          _ ("The slices are tilted by %.2f degrees against their row of positions "
          "(gantry tilt): away from the middle the image is shifted, by up to %.1f mm at the "
          "ends, so oblique views and lengths across slices are not exact"),
          angle, across * along / 2);
      /* True in the middle, so that the ends are off by half. */
      for (int a = 0; a < 3; a++)
        self->grid.origin[a] += shift[a] * (s[middle].position - s[0].position);
    }
  for (int i = 1; i < n; i++)
    {
      const double *p = frame_of (&s[i])->image_position_patient;
      double d = s[i].position - s[0].position, off = 0;

      for (int a = 0; a < 3; a++)
        off += pow (p[a] - p0[a] - d * (normal[a] + shift[a]), 2);
      if (sqrt (off) > worst)
        {
          worst = sqrt (off);
          worst_at = i;
        }
    }
  if (worst > 0.5 * MIN (self->grid.spacing[0], self->grid.spacing[1]))
    sag_stack_add_finding (self, SAG_FINDING_UNEVEN, s[worst_at].k, worst,
                           _ ("Slice %d lies %.2f mm beside the line of the others"), s[worst_at].k + 1,
                           worst);
}

gboolean
sag_stack_has_finding (const SagStack *self, SagFindingKind kind)
{
  for (guint n = 0; n < self->findings->len; n++)
    if (((const SagFinding *) g_ptr_array_index (self->findings, n))->kind == kind)
      return TRUE;
  return FALSE;
}

static void
check_spacing (SagStack *self, const SagDicomFrame *frame)
{
  const char *source =
      frame->pixel_spacing_source == SAG_SPACING_IMAGER ? _ ("detector") : _ ("scanned film");

  if (frame->pixel_spacing_source == SAG_SPACING_UNKNOWN)
    sag_stack_add_finding (
        self, SAG_FINDING_NO_SPACING, -1, 0,
        _ ("The size of a pixel is not known: lengths are in pixels, not millimetres"));
  else if (frame->pixel_spacing_source == SAG_SPACING_IMAGER
           || frame->pixel_spacing_source == SAG_SPACING_SCANNED)
    sag_stack_add_finding (
        self, SAG_FINDING_DETECTOR_SPACING, -1, frame->pixel_spacing[0],
        _ ("Only the pixel size at the %s is known (%.3f mm): lengths in the patient "
        "differ from those shown"),
        source, frame->pixel_spacing[0]);
  if (frame->pixel_spacing_source != SAG_SPACING_UNKNOWN)
    {
      self->grid.spacing[0] = frame->pixel_spacing[1];
      self->grid.spacing[1] = frame->pixel_spacing[0];
    }
}

static double
nominal_step (const SagDicomFrame *frame)
{
  double step = frame->spacing_between_slices > 0 ? frame->spacing_between_slices
                                                  : frame->slice_thickness;

  return step > 1e-3 && step < 1e4 ? step : 0;
}

/* Frames of a film, or without a place: one behind the other in the order acquired. */
static void
lay_out_by_order (SagStack *self, gboolean one_place)
{
  const SagDicomFrame *frame = frame_of (&self->slices[0]);
  double step = nominal_step (frame);

  for (int i = 0; i < self->n_slices; i++)
    {
      self->slices[i].k = i;
      if (!one_place)
        self->slices[i].position = i * (step > 0 ? step : 1);
    }
  self->grid.size[2] = self->n_slices;
  self->grid.spacing[2] = step > 0 ? step : 1;
  if (self->n_slices == 1)
    return;
  if (one_place)
    sag_stack_add_finding (
        self, SAG_FINDING_TIME_SERIES, -1, self->n_slices,
        _ ("All %d images lie at one place: they are shown in the order acquired, not "
        "in depth"),
        self->n_slices);
  else
    sag_stack_add_finding (
        self, SAG_FINDING_NO_POSITION, -1, self->n_slices,
        _ ("The %d images have no position in the patient: they are shown in the order "
        "of their numbers"),
        self->n_slices);
}

/* PET that is not in SUV says so, and why. */
static void
note_suv (SagStack *self)
{
  static const char *const lacks[] = {
    [SAG_SUV_LACKS_UNITS] = N_ ("The values are not SUV: they are not in Bq/ml"),
    [SAG_SUV_LACKS_CORRECTIONS] = N_ ("The values are not SUV: the files do not say that they are corrected for attenuation and decay"),
    [SAG_SUV_LACKS_WEIGHT] = N_ ("The values are not SUV: the files do not say the patient's weight"),
    [SAG_SUV_LACKS_DOSE] = N_ ("The values are not SUV: the files do not say the injected dose in Bq"),
    [SAG_SUV_LACKS_TIMES] = N_ ("The values are not SUV: the files do not say half-life and times of injection and scan that go together"),
  };

  for (int i = 0; i < self->n_slices; i++)
    if (self->slices[i].instance->suv_lack != SAG_SUV_LACKS_NOTHING)
      {
        sag_stack_add_finding (self, SAG_FINDING_NO_SUV, -1, 0, "%s", _ (lacks[self->slices[i].instance->suv_lack]));
        return;
      }
}

/* Images that are no slices. */
static void
note_tiles (SagStack *self)
{
  const SagDicomInstance *instance = self->slices[0].instance;

  if (sag_dicom_instance_is_mosaic (instance))
    sag_stack_add_finding (self, SAG_FINDING_TILES, -1, self->n_slices,
                           _ ("Each image is a mosaic: the slices of a volume lie side by side in it, and its place is not theirs"));
  else if (strcmp (instance->sop_class_uid, SAG_UID_WHOLE_SLIDE) == 0 && self->n_slices > 1)
    sag_stack_add_finding (self, SAG_FINDING_TILES, -1, self->n_slices,
                           _ ("The %d images are tiles of a microscope slide: they are shown one by one, not put together"),
                           self->n_slices);
}

/* Frames that say how they lie to each other, but not in the patient; FALSE if they don't. */
static gboolean
take_depths (SagStack *self)
{
  gboolean differ = FALSE;

  for (int i = 0; i < self->n_slices; i++)
    if (isnan (frame_of (&self->slices[i])->depth))
      return FALSE;
  for (int i = 0; i < self->n_slices; i++)
    {
      self->slices[i].position = frame_of (&self->slices[i])->depth;
      differ |= fabs (self->slices[i].position - self->slices[0].position) > SAME_PLACE_MM;
    }
  if (differ)
    sag_stack_add_finding (self, SAG_FINDING_NO_SIDES, -1, self->n_slices,
                           _ ("The %d images say how they lie to each other, but not how they lie in the patient: sides are not known"),
                           self->n_slices);
  return differ;
}

SagStack *
sag_stack_new (SagStackSlice *slices, int n)
{
  SagStack *self = g_new0 (SagStack, 1);
  const SagDicomInstance *instance = slices[0].instance;
  const SagDicomFrame *frame = frame_of (&slices[0]);
  gboolean has_place = TRUE, has_depth = FALSE;
  double normal[3] = { 0, 0, 1 };
  double one[3] = { 1, 1, 1 };
  int size[3] = { MAX (1, instance->columns), MAX (1, instance->rows), 1 };

  self->name = g_strdup ("");
  self->slices = slices;
  self->n_slices = n;
  self->findings = g_ptr_array_new_with_free_func (finding_free);
  sag_grid_init (&self->grid, size, one);
  for (int i = 0; i < n; i++)
    {
      const SagDicomFrame *f = frame_of (&slices[i]);

      has_place &= f->has_position && f->has_orientation;
    }
  if (has_place)
    {
      const double *o = frame->image_orientation_patient;
      double length;

      normal[0] = o[1] * o[5] - o[2] * o[4];
      normal[1] = o[2] * o[3] - o[0] * o[5];
      normal[2] = o[0] * o[4] - o[1] * o[3];
      length = sqrt (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
      for (int a = 0; a < 3; a++)
        {
          normal[a] /= length;
          self->grid.direction[3 * a] = o[a];
          self->grid.direction[3 * a + 2] = normal[a];
        }
      /* Columns are made exactly square to rows: headers are rounded to a few digits. */
      for (int a = 0; a < 3; a++)
        {
          int b = (a + 1) % 3, c = (a + 2) % 3;

          self->grid.direction[3 * a + 1] = normal[b] * o[c] - normal[c] * o[b];
        }
      for (int i = 0; i < n; i++)
        {
          const double *p = frame_of (&slices[i])->image_position_patient;

          slices[i].position = p[0] * normal[0] + p[1] * normal[1] + p[2] * normal[2];
          has_depth |= fabs (slices[i].position - slices[0].position) > SAME_PLACE_MM;
        }
      has_depth |= n == 1;
    }
  else
    has_depth = take_depths (self);
  check_spacing (self, frame);
  qsort (slices, n, sizeof *slices, has_depth ? compare_position : compare_order);
  if (has_depth)
    {
      drop_duplicates (self);
      if (has_place)
        memcpy (self->grid.origin, frame_of (&slices[0])->image_position_patient,
                sizeof self->grid.origin);
      if (self->n_slices > 1)
        {
          self->grid.spacing[2] = place_slices (self);
          if (has_place)
            check_tilt (self, normal);
        }
      else
        self->grid.spacing[2] = nominal_step (frame) > 0 ? nominal_step (frame) : 1;
      self->grid.size[2] = self->slices[self->n_slices - 1].k + 1;
    }
  else
    {
      if (has_place)
        memcpy (self->grid.origin, frame->image_position_patient, sizeof self->grid.origin);
      lay_out_by_order (self, has_place);
    }
  note_suv (self);
  note_tiles (self);
  return self;
}

void
sag_stack_free (SagStack *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->slices);
  g_ptr_array_unref (self->findings);
  g_free (self);
}

const SagStackSlice *
sag_stack_find (const SagStack *self, int k)
{
  int low = 0, high = self->n_slices;

  while (low < high)
    {
      int middle = low + (high - low) / 2;

      if (self->slices[middle].k < k)
        low = middle + 1;
      else
        high = middle;
    }
  return low < self->n_slices && self->slices[low].k == k ? &self->slices[low] : NULL;
}
