/* SPDX-License-Identifier: Apache-2.0
 *
 * hanging.c: how a study is put up when it opens. */
#include "ui/hanging.h"

#define DEEP 8 /* so many slices make a volume worth cutting across */

static gboolean
is_one_of (const char        *modality,
           const char *const *list)
{
  return g_strv_contains (list, modality);
}

static gboolean
is_same_patient (SagStudy *a,
                 SagStudy *b)
{
  const char *id = sag_study_get_patient_id (a);

  return id[0] != '\0' && g_str_equal (id, sag_study_get_patient_id (b))
         && g_str_equal (sag_study_get_patient_name (a), sag_study_get_patient_name (b));
}

/* As many slices in the same place: another contrast of the same, not a localizer or a part. */
static gboolean
looks_alike (SagSeries *series,
             SagSeries *other)
{
  return sag_series_get_size (series)[2] == sag_series_get_size (other)[2]
         && g_str_equal (sag_series_get_frame_of_reference (series),
                         sag_series_get_frame_of_reference (other));
}

/* 0 is best; -1: not at all. */
static int
rank (SagSeries *series,
      SagSeries *other)
{
  SagStudy *study = sag_series_get_study (series), *others = sag_series_get_study (other);
  gboolean same_modality =
      g_str_equal (sag_series_get_modality (series), sag_series_get_modality (other));

  if (other == series || !sag_series_is_readable (other) || sag_series_is_segmentation (other)
      || study == NULL || others == NULL)
    return -1;
  /* A localizer stands beside a volume only where nothing else does. */
  if (study == others && sag_series_get_size (series)[2] > 1 && sag_series_get_size (other)[2] == 1)
    return 4;
  if (study == others)
    return !same_modality ? 3 : looks_alike (series, other) ? 0 : 1;
  return same_modality && is_same_patient (study, others) ? 2 : -1;
}

int
sag_hanging_list_companions (SagCatalogue *catalogue,
                             SagSeries    *series,
                             SagSeries   **companions,
                             int           n)
{
  GListModel *studies = G_LIST_MODEL (catalogue);
  int found = 0;

  for (int wanted = 0; wanted <= 4; wanted++)
    for (guint s = 0; s < g_list_model_get_n_items (studies); s++)
      {
        g_autoptr (GListModel) study = g_list_model_get_item (studies, s);

        for (guint i = 0; i < g_list_model_get_n_items (study) && found < n; i++)
          {
            g_autoptr (SagSeries) other = g_list_model_get_item (study, i);

            if (rank (series, other) == wanted)
              companions[found++] = other; /* the study keeps it */
          }
      }
  return found;
}

static gboolean
is_deep (SagSeries *series)
{
  return sag_series_get_size (series)[2] >= DEEP && sag_series_is_placed (series);
}

SagHanging
sag_hanging_choose (SagCatalogue *catalogue,
                    SagSeries    *series)
{
  static const char *const projections[] = { "CR", "DX", "MG", "RG", "IO", "PX", NULL };
  static const char *const moving[] = { "US", "XA", "RF", "IVUS", "ES", NULL };
  const char *modality = sag_series_get_modality (series);
  SagSeries *others[3];
  int n = sag_hanging_list_companions (catalogue, series, others, 3), alike = 0;

  for (int i = 0; i < n; i++)
    alike += g_str_equal (sag_series_get_modality (others[i]), modality);
  if (is_one_of (modality, moving))
    return (SagHanging) { "single", sag_series_get_n_images (series) > 1 };
  if (is_one_of (modality, projections))
    return (SagHanging) { g_str_equal (modality, "MG") && alike >= 3 ? "grid"
                          : alike >= 1                               ? "pair"
                                                                     : "single" };
  if (g_str_equal (modality, "MR") && alike >= 1)
    return (SagHanging) { alike >= 2 ? "grid" : "pair" };
  /* What a NIfTI file holds is known only when it is read. */
  if (is_deep (series) || sag_series_get_size (series)[2] == 0)
    return (SagHanging) { "mpr" };
  return (SagHanging) { "single" };
}
