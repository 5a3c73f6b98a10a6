/* SPDX-License-Identifier: Apache-2.0
 *
 * study-title.c: asks the fonts, once for each study. */
#include "ui/study-title.h"

#include <pango/pangocairo.h>

static gboolean
can_show (const char *text)
{
  PangoContext *context = pango_font_map_create_context (pango_cairo_font_map_get_default ());
  PangoLayout *layout = pango_layout_new (context);
  gboolean can;

  pango_layout_set_text (layout, text, -1);
  can = pango_layout_get_unknown_glyphs_count (layout) == 0;
  g_object_unref (layout);
  g_object_unref (context);
  return can;
}

const char *
sag_study_title_get (SagStudy *study)
{
  const char *title = g_object_get_data (G_OBJECT (study), "shown-title");

  if (title == NULL)
    {
      title = can_show (sag_study_get_full_title (study)) ? sag_study_get_full_title (study)
                                                          : sag_study_get_title (study);
      g_object_set_data (G_OBJECT (study), "shown-title", (gpointer) title);
    }
  return title;
}
