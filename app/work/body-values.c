/* SPDX-License-Identifier: Apache-2.0
 *
 * body-values.c: what the image says inside each label, told.
 */
#include "app/work/body-private.h"
#include "app/work/statistics.h"

void
sag_body_tell_values (SagBodyRun *run, const char *role, SagSegmentation *segmentation,
                      SagVolume *volume)
{
  g_autofree SagLabelValues *values = g_new (SagLabelValues, SAG_LABEL_NUMBERS);
  GVariantBuilder builder;
  GVariantDict dict;

  if (!sag_statistics_find_values (segmentation, volume, values))
    return; /* the labels are what was asked for; this only adds to them */
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(idd)"));
  for (int number = 1; number < SAG_LABEL_NUMBERS; number++)
    if (values[number].n > 0)
      g_variant_builder_add (&builder, "(idd)", number, values[number].mean, values[number].sd);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "of", "s", role);
  g_variant_dict_insert_value (&dict, "values", g_variant_builder_end (&builder));
  run->sink->partial ("values", g_variant_dict_end (&dict), NULL, run->sink->data);
}
