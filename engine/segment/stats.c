/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.c: what the intensities of a volume are, for normalising.
 */
#include "engine/segment/stats.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <math.h>
#include <string.h>

/* Of the values of one slice, or of a whole volume. */
typedef struct
{
  float   min, max; /* of all numbers, not clipped; min > max if there are none */
  double  sum, squares;
  guint64 n;        /* values that entered the sums */
} Moments;

static const Moments no_moments = { INFINITY, -INFINITY, 0, 0, 0 };

static gboolean
skips_zero (const SagRecipe *recipe)
{
  return recipe->normalise == SAG_NORMALISE_ZSCORE_NONZERO;
}

static Moments
moments_of (const SagRecipe *recipe, const float *values, gsize n)
{
  Moments m = no_moments;
  float lo = recipe->has_clip ? recipe->clip[0] : -INFINITY;
  float hi = recipe->has_clip ? recipe->clip[1] : INFINITY;

  for (gsize i = 0; i < n; i++)
    {
      float v = values[i];

      if (!isfinite (v))
        continue;
      m.min = MIN (m.min, v);
      m.max = MAX (m.max, v);
      if (v == 0 && skips_zero (recipe))
        continue;
      v = CLAMP (v, lo, hi);
      m.sum += v;
      m.squares += (double) v * v;
      m.n++;
    }
  return m;
}

static void
moments_add (Moments *total, const Moments *m)
{
  total->min = MIN (total->min, m->min);
  total->max = MAX (total->max, m->max);
  total->sum += m->sum;
  total->squares += m->squares;
  total->n += m->n;
}

static void
bin_values (const Moments *m, const float *values, gsize n, guint32 *bins)
{
  double per_unit = (SAG_STATS_BINS - 1) / ((double) m->max - m->min);

  for (gsize i = 0; i < n; i++)
    if (isfinite (values[i]))
      bins[(int) (((double) values[i] - m->min) * per_unit + 0.5)]++;
}

/* The smallest value that at least `percent` of the binned values do not exceed. */
static float
percentile_of (const Moments *m, const guint64 *bins, double percent)
{
  guint64 total = 0, seen = 0;
  double wanted;

  for (int b = 0; b < SAG_STATS_BINS; b++)
    total += bins[b];
  wanted = percent / 100 * total;
  for (int b = 0; b < SAG_STATS_BINS; b++)
    {
      seen += bins[b];
      if (seen > 0 && seen >= wanted)
        return (float) (m->min + b * (((double) m->max - m->min) / (SAG_STATS_BINS - 1)));
    }
  return m->max;
}

/* Sets all of `scale` from what is known; low and high are the percentiles where they matter. */
static void
finish_scale (const SagRecipe *recipe, const Moments *m, float low, float high, SagScale *scale)
{
  double shift = 0, divisor = 1;

  scale->lo = recipe->has_clip ? recipe->clip[0] : -INFINITY;
  scale->hi = recipe->has_clip ? recipe->clip[1] : INFINITY;
  scale->outside = recipe->has_clip ? recipe->clip[0] : m->min <= m->max ? m->min : 0;
  switch (recipe->normalise)
    {
    case SAG_NORMALISE_ZSCORE:
    case SAG_NORMALISE_ZSCORE_NONZERO:
      if (m->n > 0)
        {
          shift = m->sum / (double) m->n;
          divisor = sqrt (MAX (m->squares / (double) m->n - shift * shift, 0));
        }
      break;
    case SAG_NORMALISE_MINMAX:
      if (m->min <= m->max)
        {
          shift = CLAMP (m->min, scale->lo, scale->hi);
          divisor = CLAMP (m->max, scale->lo, scale->hi) - shift;
        }
      break;
    case SAG_NORMALISE_PERCENTILE:
      shift = low;
      divisor = (double) high - low;
      scale->lo = MAX (scale->lo, low);
      scale->hi = MIN (scale->hi, high);
      break;
    default:
      break;
    }
  if (!(divisor > 1e-12 * (1 + fabs (shift)))) /* a constant image: nothing to scale by */
    divisor = 1;
  scale->shift = (float) (shift + divisor * recipe->mean);
  scale->scale = (float) (1 / (divisor * recipe->std));
  if (recipe->padding == SAG_PADDING_ZERO)
    scale->outside = scale->shift;
}

/* --- a whole volume ---------------------------------------------------------------------- */

#define SLICES_AT_ONCE 16

typedef struct
{
  const SagRecipe *recipe;
  SagVolume       *volume;
  gsize            n;      /* voxels a slice */
  float           *buffer; /* a slice for each thread */
  Moments         *slices; /* [k] */
  Moments          total;
  guint32         *bins;   /* SAG_STATS_BINS for each thread, or NULL in the first pass */
  int              k0;
} Survey;

static void
survey_slice (gsize item, int thread, gpointer data)
{
  Survey *survey = data;
  float *values = survey->buffer + survey->n * (gsize) thread;
  int k = survey->k0 + (int) item;

  sag_volume_get_values (survey->volume, k, values);
  if (survey->bins == NULL)
    survey->slices[k] = moments_of (survey->recipe, values, survey->n);
  else
    bin_values (&survey->total, values, survey->n,
                survey->bins + (gsize) thread * SAG_STATS_BINS);
}

static gboolean
survey_all (Survey *survey, const SagTick *tick, double from, double to, GError **error)
{
  int n_slices = sag_volume_get_grid (survey->volume)->size[2];

  for (survey->k0 = 0; survey->k0 < n_slices; survey->k0 += SLICES_AT_ONCE)
    {
      if (!sag_tick (tick, from + (to - from) * survey->k0 / n_slices))
        return sag_engine_error_cancelled (error);
      sag_parallel_for ((gsize) MIN (SLICES_AT_ONCE, n_slices - survey->k0), survey_slice, survey);
    }
  return TRUE;
}

gboolean
sag_stats_scale_volume (const SagRecipe *recipe, SagVolume *volume, const SagTick *tick,
                        SagScale *scale, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  int team = sag_parallel_get_size ();
  gboolean wants_percentiles = recipe->normalise == SAG_NORMALISE_PERCENTILE;
  gboolean wants_lowest = recipe->padding == SAG_PADDING_LOWEST && !recipe->has_clip;
  Survey survey = { recipe, volume, (gsize) grid->size[0] * (gsize) grid->size[1] };
  float low = 0, high = 0;
  gboolean done;

  survey.total = no_moments;
  if (recipe->normalise == SAG_NORMALISE_FIXED && !wants_lowest)
    {
      finish_scale (recipe, &survey.total, low, high, scale);
      return TRUE;
    }
  survey.buffer = sag_alloc_try (survey.n * sizeof (float) * (gsize) team, "a slice", error);
  if (survey.buffer == NULL)
    return FALSE;
  survey.slices = g_new (Moments, grid->size[2]);
  done = survey_all (&survey, tick, 0, wants_percentiles ? 0.5 : 1, error);
  for (int k = 0; done && k < grid->size[2]; k++)
    moments_add (&survey.total, &survey.slices[k]);
  g_free (survey.slices);

  if (done && wants_percentiles && survey.total.min < survey.total.max)
    {
      g_autofree guint64 *sums = g_new0 (guint64, SAG_STATS_BINS);

      survey.bins = g_new0 (guint32, (gsize) SAG_STATS_BINS * (gsize) team);
      done = survey_all (&survey, tick, 0.5, 1, error);
      for (gsize i = 0; i < (gsize) SAG_STATS_BINS * (gsize) team; i++)
        sums[i % SAG_STATS_BINS] += survey.bins[i];
      low = percentile_of (&survey.total, sums, recipe->percentile[0]);
      high = percentile_of (&survey.total, sums, recipe->percentile[1]);
      g_free (survey.bins);
    }
  else
    low = high = survey.total.min <= survey.total.max ? survey.total.min : 0;
  sag_free (survey.buffer);
  if (done)
    finish_scale (recipe, &survey.total, low, high, scale);
  return done;
}

/* --- parts of one ------------------------------------------------------------------------ */

void
sag_stats_scale_slice (const SagRecipe *recipe, const float *values, gsize n, guint32 *bins,
                       SagScale *scale)
{
  Moments m = moments_of (recipe, values, n);
  float low = 0, high = 0;

  if (recipe->normalise == SAG_NORMALISE_PERCENTILE && m.min < m.max)
    {
      g_autofree guint64 *sums = g_new (guint64, SAG_STATS_BINS);

      memset (bins, 0, sizeof *bins * SAG_STATS_BINS);
      bin_values (&m, values, n, bins);
      for (int b = 0; b < SAG_STATS_BINS; b++)
        sums[b] = bins[b];
      low = percentile_of (&m, sums, recipe->percentile[0]);
      high = percentile_of (&m, sums, recipe->percentile[1]);
    }
  else
    low = high = m.min <= m.max ? m.min : 0;
  finish_scale (recipe, &m, low, high, scale);
}

static int
compare_floats (const void *a, const void *b)
{
  float x = *(const float *) a, y = *(const float *) b;

  return (x > y) - (x < y);
}

gboolean
sag_stats_sample (SagVolume *volume, double low_percent, double high_percent, float *low,
                  float *high)
{
  const SagGrid *grid = sag_volume_get_grid (volume);
  int step[3] = { MAX (grid->size[0] / 64, 1), MAX (grid->size[1] / 64, 1),
                  MAX (grid->size[2] / 32, 1) };
  g_autoptr (GArray) sample = g_array_new (FALSE, FALSE, sizeof (float));
  guint n_padding = 0, last;

  for (int k = 0; k < grid->size[2]; k += step[2])
    for (int j = 0; sag_volume_is_ready (volume, k) && j < grid->size[1]; j += step[1])
      for (int i = 0; i < grid->size[0]; i += step[0])
        {
          float v = (float) sag_volume_get_value (volume, i, j, k);

          if (isfinite (v))
            g_array_append_val (sample, v);
        }
  if (sample->len == 0)
    return FALSE;
  g_array_sort (sample, compare_floats);
  while (n_padding < sample->len
         && g_array_index (sample, float, n_padding) == g_array_index (sample, float, 0))
    n_padding++;
  if (n_padding == sample->len)
    n_padding = 0;
  last = sample->len - 1 - n_padding;
  *low = g_array_index (sample, float, n_padding + (guint) (low_percent / 100 * last));
  *high = g_array_index (sample, float, n_padding + (guint) (high_percent / 100 * last));
  return TRUE;
}

void
sag_scale_apply (const SagScale *scale, float *values, gsize n)
{
  float lo = scale->lo, hi = scale->hi, shift = scale->shift, factor = scale->scale;

  for (gsize i = 0; i < n; i++)
    {
      float v = isfinite (values[i]) ? values[i] : 0;

      v = v < lo ? lo : v;
      v = v > hi ? hi : v;
      values[i] = (v - shift) * factor;
    }
}
