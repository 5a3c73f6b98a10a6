/* SPDX-License-Identifier: Apache-2.0
 *
 * key-words.c: the words by which people look for a command. */
#include "ui/key-words.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* What commands are called elsewhere: in other viewers, in other fields. An action counts from its beginning. A
 * translation gives what people say in its language, not these words one by one. */
static const struct
{
  const char *action, *words;
} names[] = {
  { "win.open-f", N_ ("load import browse directory") },
  { "win.open-sample", N_ ("demo example phantom tutorial") },
  { "win.open-labels", N_ ("load import mask annotation") },
  { "win.show-tags", N_ ("header metadata attributes") },
  { "win.straighten", N_ ("gantry tilt resample") },
  { "win.export-png", N_ ("screenshot picture capture") },
  { "win.export-deidentified", N_ ("anonymise anonymize anonymous") },
  { "win.export-stl", N_ ("mesh 3D print model") },
  { "win.export-s", N_ ("mask volume table") },
  { "win.print", N_ ("paper PDF") },
  { "view.step", N_ ("scroll") },
  { "view.cine", N_ ("movie loop animate speed") },
  { "view.zoom", N_ ("magnify enlarge") },
  { "view.reset", N_ ("fit original size") },
  { "view.flip", N_ ("mirror") },
  { "view.turn", N_ ("rotate") },
  { "view.magnifier", N_ ("loupe lens zoom") },
  { "view.smooth", N_ ("interpolation linear nearest") },
  { "view.annotations", N_ ("overlay labels hide") },
  { "view.invert", N_ ("negative black white") },
  { "view.window-default", N_ ("brightness level W/L original") },
  { "view.preset", N_ ("brightness level W/L windowing") },
  { "view.next-colour", N_ ("palette LUT color") },
  { "view.colour", N_ ("palette LUT color") },
  { "win.fuse", N_ ("fusion overlay") },
  { "view.slab", N_ ("MIP MinIP projection thickness") },
  { "view.planes-reset", N_ ("oblique MPR straight") },
  { "view.layout", N_ ("layout MPR hanging compare prior") },
  { "view.neurological", N_ ("radiological convention sides") },
  { "view.sync", N_ ("link lock synchronise") },
  { "view.full", N_ ("maximise enlarge") },
  { "win.segment", N_ ("AI inference predict segment") },
  { "win.cancel", N_ ("stop abort") },
  { "win.next-precision", N_ ("quantise FP32 BF16 INT8 INT4") },
  { "view.overlay", N_ ("mask contour hide show") },
  { "view.opacity", N_ ("transparency mask") },
  { "view.uncertain", N_ ("confidence doubt") },
  { "win.uncertain", N_ ("confidence doubt") },
  { "view.compare", N_ ("Dice agreement") },
  { "view.tool::length", N_ ("ruler distance measure caliper") },
  { "view.tool::bidirectional", N_ ("RECIST diameter") },
  { "view.tool::ellipse", N_ ("ROI region area mean circle") },
  { "view.tool::rectangle", N_ ("ROI region area mean box") },
  { "view.tool::freehand", N_ ("ROI region area polygon") },
  { "view.tool::brush", N_ ("paint draw edit") },
  { "view.tool::eraser", N_ ("rubber remove") },
  { "view.tool::threshold", N_ ("paint smart edit") },
  { "view.tool::fill", N_ ("bucket hole") },
  { "view.tool::grow", N_ ("region wand seed") },
  { "win.correct::keep-largest", N_ ("component island clean") },
  { "view.review", N_ ("approve confirm sign") },
  { "win.edit-shortcuts", N_ ("keyboard hotkeys keys") },
  { "win.show-shortcuts", N_ ("keyboard hotkeys help") },
  { "app.preferences", N_ ("settings options dark light language") },
};

gboolean
sag_key_words_match (const SagKey *key,
                     const char   *more,
                     const char   *typed)
{
  g_autoptr (GString) text = g_string_new (_ (key->title));
  g_autofree char *folded = g_utf8_casefold (typed, -1), *hay = NULL;
  g_auto (GStrv) words = g_strsplit (folded, " ", -1);

  g_string_append_printf (text, " %s %s", _ (key->group), more != NULL ? more : "");
  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    if (g_str_has_prefix (key->action, names[n].action))
      g_string_append_printf (text, " %s", _ (names[n].words));
  hay = g_utf8_casefold (text->str, -1);
  for (int i = 0; words[i] != NULL; i++)
    if (strstr (hay, words[i]) == NULL)
      return FALSE;
  return TRUE;
}
