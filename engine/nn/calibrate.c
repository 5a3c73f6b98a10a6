/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate.c: histograms of a network's values, and ranges from them.
 *
 * A histogram spans [-reach, reach], reach a power of two that doubles, joining its bins by twos,
 * when a number lies outside: one pass over each example is enough. Zeros are counted apart: eight
 * bits hold them exactly. The squared error of a range [a, b] in 256 steps of s is s^2 / 12 for each
 * number inside and the squared distance for each outside; sums of count, x and x^2 from either end give
 * that for any a and b.
 */
#include "engine/nn/calibrate.h"

#include <math.h>
#include <string.h>

enum { BINS = 4096, HALF = BINS / 2, TRIES = 48 };

typedef struct
{
  char    *name;
  int      exponent; /* reach = 2^exponent */
  float    least, most;
  guint64  counts[BINS];
  guint64  n, zeros;
} Histogram;

struct _SagCalibration
{
  GPtrArray  *order; /* borrowed Histogram * */
  GHashTable *table; /* name -> owned Histogram * */
  char       *sha256;
  int         samples;
};

static void
histogram_free (gpointer data)
{
  Histogram *self = data;

  g_free (self->name);
  g_free (self);
}

SagCalibration *
sag_calibration_new (void)
{
  SagCalibration *self = g_new0 (SagCalibration, 1);

  self->order = g_ptr_array_new ();
  self->table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, histogram_free);
  return self;
}

void
sag_calibration_free (SagCalibration *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->order);
  g_hash_table_unref (self->table);
  g_free (self->sha256);
  g_free (self);
}

/* Bins of twice the width. */
static void
widen (Histogram *self)
{
  guint64 joined[BINS] = { 0 };

  for (int i = 0; i < BINS; i++)
    joined[HALF / 2 + i / 2] += self->counts[i];
  memcpy (self->counts, joined, sizeof joined);
  self->exponent++;
}

static void
count (Histogram *self, gint64 n, const float *x)
{
  float scale = (float) ldexp (HALF, -self->exponent);

  for (gint64 i = 0; i < n; i++)
    {
      if (x[i] == 0)
        {
          self->zeros++;
          continue;
        }
      if (!isfinite (x[i]))
        continue;
      while (fabsf (x[i]) * scale >= HALF)
        {
          widen (self);
          scale /= 2;
        }
      self->least = MIN (self->least, x[i]);
      self->most = MAX (self->most, x[i]);
      self->counts[HALF + (int) floorf (x[i] * scale)]++;
      self->n++;
    }
}

static void
see (const char *name, gint64 n, const float *x, gpointer data)
{
  SagCalibration *self = data;
  Histogram *histogram = g_hash_table_lookup (self->table, name);

  if (histogram == NULL)
    {
      histogram = g_new0 (Histogram, 1);
      histogram->name = g_strdup (name);
      histogram->exponent = -60;
      g_ptr_array_add (self->order, histogram);
      g_hash_table_insert (self->table, histogram->name, histogram);
    }
  count (histogram, n, x);
}

gboolean
sag_calibration_run (SagCalibration *self, SagSession *session, const void *const *inputs,
                     void *const *outputs, const SagTick *tick)
{
  gboolean whole;

  if (self->sha256 == NULL)
    {
      SagSessionInfo info;

      sag_session_get_info (session, &info);
      self->sha256 = g_strdup (info.sha256);
    }
  sag_session_watch (session, see, self);
  whole = sag_session_run (session, inputs, outputs, tick);
  sag_session_watch (session, NULL, NULL);
  self->samples += whole;
  return whole;
}

/* --- from counts to ranges --------------------------------------------------------------- */

/* Sums over the bins below an edge: edge i lies between bins i - 1 and i. */
typedef struct
{
  double n[BINS + 1], x[BINS + 1], xx[BINS + 1];
} Sums;

static double
edge (const Histogram *self, double i)
{
  return ldexp (i - HALF, self->exponent) / HALF;
}

static void
add_up (const Histogram *self, Sums *sums)
{
  memset (sums, 0, sizeof *sums);
  for (int i = 0; i < BINS; i++)
    {
      double x = edge (self, i + 0.5), n = (double) self->counts[i];

      sums->n[i + 1] = sums->n[i] + n;
      sums->x[i + 1] = sums->x[i] + n * x;
      sums->xx[i + 1] = sums->xx[i] + n * x * x;
    }
}

/* Of the numbers between edges i and j: sum of (x - at)^2. */
static double
distance (const Sums *sums, int i, int j, double at)
{
  return (sums->xx[j] - sums->xx[i]) - 2 * at * (sums->x[j] - sums->x[i])
         + at * at * (sums->n[j] - sums->n[i]);
}

static int
bin_of (const Histogram *self, double x)
{
  return CLAMP ((int) lround (ldexp (x * HALF, -self->exponent)) + HALF, 0, BINS);
}

static void
find_mse (const Histogram *self, const Sums *sums, float *least, float *most)
{
  double best = INFINITY;

  for (int i = 0; i <= (self->least < 0 ? TRIES : 0); i++)
    for (int j = 0; j <= (self->most > 0 ? TRIES : 0); j++)
      {
        double a = (double) self->least * (1 - (double) i / (TRIES + 1));
        double b = (double) self->most * (1 - (double) j / (TRIES + 1)), step = (b - a) / 255;
        int from = bin_of (self, a), to = MAX (from, bin_of (self, b));
        double error = distance (sums, 0, from, a) + distance (sums, to, BINS, b)
                       + (sums->n[to] - sums->n[from]) * step * step / 12;

        if (error < best)
          {
            best = error;
            *least = (float) a;
            *most = (float) b;
          }
      }
}

static void
find_percentile (const Histogram *self, const Sums *sums, double percentile, float *least,
                 float *most)
{
  double total = (double) (self->n + self->zeros), cut = total * (1 - percentile / 100);
  int from = 0, to = BINS;

  while (from < BINS && sums->n[from + 1] <= cut)
    from++;
  while (to > from && sums->n[BINS] - sums->n[to - 1] <= cut)
    to--;
  *least = MAX (*least, (float) edge (self, from));
  *most = MIN (*most, (float) edge (self, to));
}

SagRanges *
sag_calibration_finish (const SagCalibration *self, SagCalibrateMethod method, double percentile)
{
  static const char *const names[] = { "mse", "percentile", "minmax" };
  g_autofree char *word = method == SAG_CALIBRATE_PERCENTILE
                              ? g_strdup_printf ("percentile %g", percentile)
                              : g_strdup (names[method]);
  SagRanges *ranges = sag_ranges_new (self->sha256 != NULL ? self->sha256 : "", word, self->samples);
  g_autofree Sums *sums = g_new (Sums, 1);

  for (guint i = 0; i < self->order->len; i++)
    {
      const Histogram *histogram = self->order->pdata[i];
      float least = histogram->least, most = histogram->most;

      add_up (histogram, sums);
      if (method == SAG_CALIBRATE_MSE)
        find_mse (histogram, sums, &least, &most);
      else if (method == SAG_CALIBRATE_PERCENTILE)
        find_percentile (histogram, sums, percentile, &least, &most);
      sag_ranges_set (ranges, histogram->name, MIN (least, 0), MAX (most, 0));
    }
  return ranges;
}
