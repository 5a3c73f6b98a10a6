/* SPDX-License-Identifier: Apache-2.0
 *
 * recipe.c: what a network wants of a volume, and what its channels mean.
 */
#include "engine/segment/recipe.h"

#include "engine/base/error.h"
#include "engine/segment/stats.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

#define FEW_SLICES 5 /* of CT or MR: a localizer, a map of one place */

#define MAX_PATCH 2048
#define MAX_NEIGHBOURS 16

SagRecipe *
sag_recipe_new (void)
{
  SagRecipe *self = g_new0 (SagRecipe, 1);

  self->id = g_strdup ("");
  self->version = g_strdup ("");
  self->name = g_strdup ("");
  self->modality = g_strdup ("");
  self->output_name = g_strdup ("");
  self->planes = g_strdup ("");
  strcpy (self->orientation, "LPS");
  self->overlap = 0.5f;
  self->std = 1;
  self->percentile[0] = 0.5f;
  self->percentile[1] = 99.5f;
  for (int i = 0; i < SAG_N_PRECISIONS; i++)
    self->temperature[i] = 1;
  return self;
}

SagRecipe *
sag_recipe_copy (const SagRecipe *self)
{
  SagRecipe *copy = g_memdup2 (self, sizeof *self);

  copy->id = g_strdup (self->id);
  copy->version = g_strdup (self->version);
  copy->name = g_strdup (self->name);
  copy->modality = g_strdup (self->modality);
  copy->output_name = g_strdup (self->output_name);
  copy->planes = g_strdup (self->planes);
  copy->labels = g_memdup2 (self->labels, sizeof *self->labels * (gsize) self->n_labels);
  return copy;
}

void
sag_recipe_free (SagRecipe *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_free (self->version);
  g_free (self->name);
  g_free (self->modality);
  g_free (self->output_name);
  g_free (self->planes);
  g_free (self->labels);
  g_free (self);
}

static gboolean
validate_labels (const SagRecipe *self, GError **error)
{
  gboolean seen[256] = { FALSE };

  if (self->n_labels < 1 || self->n_labels > 255)
    return sag_invalid (error, "labels: there are %d, not 1 to 255", self->n_labels);
  for (int i = 0; i < self->n_labels; i++)
    {
      const SagLabel *label = &self->labels[i];

      if (label->value == 0)
        return sag_invalid (error, "labels: '%s' has value 0, which is background", label->name);
      if (seen[label->value])
        return sag_invalid (error, "labels: value %d occurs twice", label->value);
      if (label->name[0] == '\0')
        return sag_invalid (error, "labels: label %d has no name", label->value);
      seen[label->value] = TRUE;
    }
  return TRUE;
}

static gboolean
validate_geometry (const SagRecipe *self, GError **error)
{
  const double unit[3] = { 1, 1, 1 };
  const int one[3] = { 1, 1, 1 };
  SagGrid grid;
  SagTurn turn;

  sag_grid_init (&grid, one, unit);
  if (memchr (self->orientation, '\0', sizeof self->orientation) == NULL
      || !sag_grid_turn (&grid, self->orientation, &turn, NULL, NULL))
    return sag_invalid (error, "orientation: '%.4s' is not one such as LPS, RAS or SAR",
                        self->orientation);
  for (int a = 0; a < 3; a++)
    {
      if (!isfinite (self->spacing[a]) || self->spacing[a] < 0
          || (self->spacing[a] > 0 && (self->spacing[a] < 1e-3 || self->spacing[a] > 1e3)))
        return sag_invalid (error, "spacing: %g mm is not 0 or between 0.001 and 1000",
                            self->spacing[a]);
      if (self->patch[a] < 0 || self->patch[a] > MAX_PATCH)
        return sag_invalid (error, "patch: %d voxels is not 0 to %d", self->patch[a], MAX_PATCH);
      if (!(self->spacing_min[a] >= 0) || !(self->spacing_max[a] >= 0)
          || (self->spacing_max[a] > 0 && self->spacing_max[a] < self->spacing_min[a]))
        return sag_invalid (error, "spacing range: %g to %g mm is not a range", self->spacing_min[a],
                            self->spacing_max[a]);
    }
  if (!(self->overlap >= 0 && self->overlap <= 0.5f))
    return sag_invalid (error, "overlap: %g is not 0 to 0.5", self->overlap);
  if (self->neighbours < 0 || self->neighbours > MAX_NEIGHBOURS)
    return sag_invalid (error, "neighbours: %d is not 0 to %d", self->neighbours, MAX_NEIGHBOURS);
  if (self->neighbours > 0 && self->patch[2] > 1)
    return sag_invalid (error, "neighbours: a patch of %d slices takes none", self->patch[2]);
  if ((guint) self->fit >= SAG_N_FITS)
    return sag_invalid (error, "fit: %d is not known", (int) self->fit);
  if ((guint) self->padding >= SAG_N_PADDINGS)
    return sag_invalid (error, "padding: %d is not known", (int) self->padding);
  return TRUE;
}

static gboolean
validate_intensity (const SagRecipe *self, GError **error)
{
  if ((guint) self->normalise >= SAG_N_NORMALISES)
    return sag_invalid (error, "normalise: %d is not known", (int) self->normalise);
  if (self->per_slice && self->normalise == SAG_NORMALISE_FIXED)
    return sag_invalid (error, "normalise: a fixed scale cannot be per slice");
  if (self->has_clip
      && !(isfinite (self->clip[0]) && isfinite (self->clip[1]) && self->clip[0] < self->clip[1]))
    return sag_invalid (error, "clip: %g to %g is not a range", self->clip[0], self->clip[1]);
  if (!isfinite (self->mean))
    return sag_invalid (error, "mean: %g is not a number", self->mean);
  if (!isfinite (self->std) || self->std <= 0)
    return sag_invalid (error, "std: %g is not above 0", self->std);
  if (!(self->percentile[0] >= 0 && self->percentile[0] < self->percentile[1]
        && self->percentile[1] <= 100))
    return sag_invalid (error, "percentile: %g to %g is not a range within 0 to 100",
                        self->percentile[0], self->percentile[1]);
  if (!isfinite (self->intensity[0]) || !isfinite (self->intensity[1])
      || self->intensity[0] > self->intensity[1])
    return sag_invalid (error, "intensity range: %g to %g is not a range", self->intensity[0],
                        self->intensity[1]);
  return TRUE;
}

static const char *const plane_names[3] = { N_ ("sagittal"), N_ ("coronal"), N_ ("axial") };

static gboolean
validate_planes (const SagRecipe *self, GError **error)
{
  g_auto (GStrv) planes = g_strsplit (self->planes, "\\", -1);

  for (int i = 0; planes[i] != NULL; i++)
    if (strcmp (planes[i], plane_names[0]) != 0 && strcmp (planes[i], plane_names[1]) != 0
        && strcmp (planes[i], plane_names[2]) != 0)
      return sag_invalid (error, "planes: '%.20s' is not axial, coronal or sagittal", planes[i]);
  return TRUE;
}

gboolean
sag_recipe_validate (const SagRecipe *self, GError **error)
{
  if (!validate_labels (self, error) || !validate_geometry (self, error)
      || !validate_intensity (self, error) || !validate_planes (self, error))
    return FALSE;
  if ((guint) self->output >= SAG_N_NET_OUTPUTS)
    return sag_invalid (error, "output: %d is not known", (int) self->output);
  for (int i = 0; i < SAG_N_PRECISIONS; i++)
    {
      float t = self->temperature[i];

      if (!isfinite (t) || t < 1e-3f || t > 1e3f)
        return sag_invalid (error, "temperature: %g at %s is not between 0.001 and 1000", t,
                            sag_precision_get_name (i));
      if (t != 1 && (self->output == SAG_NET_PROBABILITIES || self->output == SAG_NET_ARGMAX))
        return sag_invalid (error, "temperature: %g needs an output of logits", t);
    }
  if ((self->clean & ~(guint) (SAG_CLEAN_KEEP_LARGEST | SAG_CLEAN_FILL_HOLES)) != 0)
    return sag_invalid (error, "finish: %u is not known", (guint) self->clean);
  return TRUE;
}

/* --- does the input suit? ---------------------------------------------------------------- */

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Is `modality` one of those of the recipe, which are separated by '\'? */
static gboolean
modality_fits (const SagRecipe *self, const char *modality)
{
  g_auto (GStrv) known = g_strsplit (self->modality, "\\", -1);

  return self->modality[0] == '\0' || g_strv_contains ((const char *const *) known, modality);
}

static void
check_modality (const SagRecipe *self, SagVolume *volume, GPtrArray *warnings)
{
  const char *modality = sag_volume_get_modality (volume);
  g_autofree char *name = NULL;

  if (modality[0] == '\0' || modality_fits (self, modality))
    return;
  name = sag_escape_name (modality, -1);
  g_ptr_array_add (warnings, g_strdup_printf (_ ("The series is %s, the model was trained on %s."),
                                              name, self->modality));
}

static void
check_spacing (const SagRecipe *self, SagVolume *volume, GPtrArray *warnings)
{
  static const char *const which[3] = { N_ ("finest"), N_ ("middle"), N_ ("coarsest") };
  const SagGrid *grid = sag_volume_get_grid (volume);
  double spacing[3];

  if (!sag_volume_get_has_spacing (volume))
    {
      if (self->fit == SAG_FIT_TO_SPACING
          && (self->spacing[0] > 0 || self->spacing[1] > 0 || self->spacing[2] > 0))
        g_ptr_array_add (warnings, g_strdup (_ ("The size of a pixel is not known and taken for 1 mm, "
                                                "but the model works in millimetres.")));
      return;
    }
  memcpy (spacing, grid->spacing, sizeof spacing);
  qsort (spacing, 3, sizeof spacing[0], compare_doubles);
  for (int a = 0; a < 3; a++)
    {
      double lo = self->spacing_min[a], hi = self->spacing_max[a];

      /* A hundredth of slack: 0.6999 mm is 0.7. */
      if ((hi <= 0 || spacing[a] <= hi * 1.01) && spacing[a] >= lo * 0.99)
        continue;
      if (hi > 0)
        g_ptr_array_add (warnings,
                         g_strdup_printf (_ ("The %s voxel spacing is %.3g mm, the model was trained "
                                             "on %.3g to %.3g mm."), _ (which[a]), spacing[a], lo, hi));
      else
        g_ptr_array_add (warnings,
                         g_strdup_printf (_ ("The %s voxel spacing is %.3g mm, the model was trained "
                                             "on %.3g mm or more."), _ (which[a]), spacing[a], lo));
    }
}

/* "axial or coronal" */
static char *
name_planes (char **planes)
{
  GString *text = g_string_new (NULL);

  for (int n = 0; planes[n] != NULL; n++)
    g_string_append_printf (text, "%s%s", n > 0 ? _ (" or ") : "", _ (planes[n]));
  return g_string_free (text, FALSE);
}

/* In which plane were the slices acquired? The coarsest axis leads from one to the next. */
static void
check_planes (const SagRecipe *self, SagVolume *volume, GPtrArray *warnings)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_auto (GStrv) known = g_strsplit (self->planes, "\\", -1);
  g_autofree char *wanted = NULL;
  int across = 0, along = 0;
  double fine = INFINITY, nearest = 0;

  if (self->planes[0] == '\0' || !sag_volume_get_has_spacing (volume))
    return;
  for (int a = 0; a < 3; a++)
    {
      if (grid->spacing[a] > grid->spacing[across])
        across = a;
      fine = MIN (fine, grid->spacing[a]);
    }
  if (grid->size[2] == 1)
    across = 2;
  else if (grid->spacing[across] < 1.2 * fine)
    return; /* as fine one way as another */
  for (int p = 0; p < 3; p++)
    if (fabs (grid->direction[3 * p + across]) > nearest)
      {
        nearest = fabs (grid->direction[3 * p + across]);
        along = p;
      }
  wanted = name_planes (known);
  if (!g_strv_contains ((const char *const *) known, plane_names[along]))
    g_ptr_array_add (warnings, g_strdup_printf (_ ("The slices are %s, the model was trained on %s ones."),
                                                _ (plane_names[along]), wanted));
  else if (nearest < 0.9) /* 26 degrees */
    g_ptr_array_add (warnings, g_strdup_printf (_ ("The slices are oblique, the model was trained on %s "
                                                   "ones."), wanted));
}

/* A model of volumes was trained on scans of a part of the body, not on a cut or two of it. */
static void
check_slices (const SagRecipe *self, SagVolume *volume, GPtrArray *warnings)
{
  const char *modality = sag_volume_get_modality (volume);
  int n = sag_volume_get_grid (volume)->size[2];

  if (n >= FEW_SLICES || self->per_slice || (strcmp (modality, "CT") != 0 && strcmp (modality, "MR") != 0))
    return;
  g_ptr_array_add (warnings, g_strdup_printf (g_dngettext (GETTEXT_PACKAGE,
                                                           "The series has %d slice, the model was trained on whole scans.",
                                                           "The series has %d slices, the model was trained on whole scans.",
                                                           (gulong) n), n));
}

static void
check_intensity (const SagRecipe *self, SagVolume *volume, GPtrArray *warnings)
{
  const char *unit = sag_volume_get_unit (volume);
  float lo, hi;

  if (self->intensity[0] == self->intensity[1] || !sag_stats_sample (volume, 1, 99, &lo, &hi))
    return;
  if (lo < self->intensity[0] || hi > self->intensity[1])
    g_ptr_array_add (warnings,
                     g_strdup_printf (_ ("Most values lie between %.6g and %.6g%s%s, the model was "
                                         "trained on values between %.6g and %.6g."), lo, hi,
                                      unit[0] != '\0' ? " " : "", unit, self->intensity[0],
                                      self->intensity[1]));
  else if (lo == hi)
    g_ptr_array_add (warnings, g_strdup (_ ("Nearly all values are the same: there may be nothing to "
                                            "segment.")));
}

char **
sag_recipe_check (const SagRecipe *self, SagVolume *volume)
{
  GPtrArray *warnings = g_ptr_array_new ();

  check_modality (self, volume, warnings);
  check_spacing (self, volume, warnings);
  check_planes (self, volume, warnings);
  check_slices (self, volume, warnings);
  check_intensity (self, volume, warnings);
  g_ptr_array_add (warnings, NULL);
  return (char **) g_ptr_array_free (warnings, FALSE);
}
