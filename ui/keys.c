/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.c: the table of commands. */
#include "ui/keys.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define IMAGE N_ ("Image")
#define WINDOW N_ ("Window and contrast")
#define LAYOUT N_ ("Views")
#define SEGMENT N_ ("Segmentation")
#define STUDY N_ ("Studies")
#define MEASURE N_ ("Measuring")
#define CORRECT N_ ("Correcting labels")
#define GENERAL N_ ("General")

static const SagKey keys[] = {
  { "win.open-folder", N_ ("Open a folder"), STUDY, "<Control>o" },
  { "win.open-files", N_ ("Open files"), STUDY, "<Control><Shift>o" },
  { "win.open-sample", N_ ("Open the sample study"), STUDY, "" },
  { "win.try-again", N_ ("Try again what could not be read"), STUDY, "F5" },
  { "win.next-series", N_ ("Next series"), STUDY, "Page_Down" },
  { "win.previous-series", N_ ("Previous series"), STUDY, "Page_Up" },
  { "win.show-tags", N_ ("Show the DICOM tags"), STUDY, "<Control>t" },
  { "win.straighten", N_ ("Straighten tilted or uneven slices, or not"), STUDY, "" },
  { "win.export-png", N_ ("Save the view as PNG"), STUDY, "<Control><Shift>s" },
  { "win.export-png-series", N_ ("Save every slice of the view as PNG"), STUDY, "" },
  { "win.export-deidentified", N_ ("Export a de-identified copy"), STUDY, "" },
  { "win.print", N_ ("Print the view"), STUDY, "<Control>p" },

  /* Down is towards the feet, the back, the right; as with the wheel. */
  { "view.step(1)", N_ ("Next slice"), IMAGE, "Up Right" },
  { "view.step(-1)", N_ ("Previous slice"), IMAGE, "Down Left" },
  { "view.step(10)", N_ ("Ten slices on"), IMAGE, "<Shift>Up <Shift>Right" },
  { "view.step(-10)", N_ ("Ten slices back"), IMAGE, "<Shift>Down <Shift>Left" },
  { "view.first-slice", N_ ("First slice"), IMAGE, "Home" },
  { "view.last-slice", N_ ("Last slice"), IMAGE, "End" },
  { "view.cine", N_ ("Play the slices"), IMAGE, "", "space" },
  { "view.cine-faster", N_ ("Play faster"), IMAGE, "plus KP_Add" },
  { "view.cine-slower", N_ ("Play slower"), IMAGE, "minus KP_Subtract" },
  { "view.zoom-in", N_ ("Zoom in"), IMAGE, "<Control>plus <Control>equal <Control>KP_Add" },
  { "view.zoom-out", N_ ("Zoom out"), IMAGE, "<Control>minus <Control>KP_Subtract" },
  { "view.reset", N_ ("Reset zoom, position and turns"), IMAGE, "r" },
  { "view.flip-horizontal", N_ ("Flip left to right"), IMAGE, "f" },
  { "view.flip-vertical", N_ ("Flip top to bottom"), IMAGE, "v" },
  { "view.turn(1)", N_ ("Turn right"), IMAGE, "greater" },
  { "view.turn(-1)", N_ ("Turn left"), IMAGE, "less" },
  { "view.magnifier", N_ ("Magnifier on or off"), IMAGE, "z" },
  { "view.go-to-slice", N_ ("Go to slice…"), IMAGE, "<Control>g" },
  { "view.smooth", N_ ("Smooth pixels on or off"), IMAGE, "" },
  { "view.interpolation::cubic", N_ ("Interpolate pixels by cubics"), IMAGE, "" },
  { "view.annotations", N_ ("Corner text on or off"), IMAGE, "<Control>i" },

  { "view.invert", N_ ("Invert grey"), WINDOW, "i" },
  { "view.window-default", N_ ("Window of the file"), WINDOW, "0 KP_0" },
  { "view.preset-number(1)", N_ ("First window preset"), WINDOW, "1 KP_1" },
  { "view.preset-number(2)", N_ ("Second window preset"), WINDOW, "2 KP_2" },
  { "view.preset-number(3)", N_ ("Third window preset"), WINDOW, "3 KP_3" },
  { "view.preset-number(4)", N_ ("Fourth window preset"), WINDOW, "4 KP_4" },
  { "view.preset-number(5)", N_ ("Fifth window preset"), WINDOW, "5 KP_5" },
  { "view.preset-number(6)", N_ ("Sixth window preset"), WINDOW, "6 KP_6" },
  { "view.preset-number(7)", N_ ("Seventh window preset"), WINDOW, "7 KP_7" },
  { "view.preset-number(8)", N_ ("Eighth window preset"), WINDOW, "8 KP_8" },
  { "view.preset-number(9)", N_ ("Ninth window preset"), WINDOW, "9 KP_9" },
  { "view.next-colour-table", N_ ("Next colour table"), WINDOW, "j" },
  { "view.colour-table::grey", N_ ("Grey"), WINDOW, "" },
  { "view.colour-table::hot-iron", N_ ("Hot iron colours"), WINDOW, "" },
  { "view.colour-table::pet", N_ ("PET colours"), WINDOW, "" },
  { "view.colour-table::hot-metal-blue", N_ ("Hot metal blue colours"), WINDOW, "" },
  { "view.colour-table::rainbow", N_ ("Rainbow colours"), WINDOW, "" },
  { "view.colour-table::viridis", N_ ("Viridis colours"), WINDOW, "" },
  { "win.fuse", N_ ("PET over these images, or not"), WINDOW, "u" },
  { "view.fusion-opacity(-10)", N_ ("Less of the PET"), WINDOW, "<Shift>u" },
  { "view.fusion-opacity(10)", N_ ("More of the PET"), WINDOW, "<Control>u" },
  { "view.slab-thinner", N_ ("Thinner slab"), WINDOW, "t" },
  { "view.slab-thicker", N_ ("Thicker slab"), WINDOW, "y" },
  { "view.slab-next-mode", N_ ("Slab: maximum, minimum, mean, off"), WINDOW, "m" },

  { "view.plane::axial", N_ ("Axial plane"), LAYOUT, "a" },
  { "view.plane::sagittal", N_ ("Sagittal plane"), LAYOUT, "s" },
  { "view.plane::coronal", N_ ("Coronal plane"), LAYOUT, "d" },
  { "view.layout::single", N_ ("One view"), LAYOUT, "<Alt>1" },
  { "view.layout::mpr", N_ ("Three planes"), LAYOUT, "<Alt>2" },
  { "view.layout::pair", N_ ("Two series side by side"), LAYOUT, "<Alt>3" },
  { "view.layout::grid", N_ ("Four series"), LAYOUT, "<Alt>4" },
  { "view.planes-reset", N_ ("Planes as acquired"), LAYOUT, "q" },
  { "view.neurological", N_ ("Patient's left on the left, or on the right"), LAYOUT, "" },
  { "view.sync::position", N_ ("Series scroll together by position"), LAYOUT, "" },
  { "view.sync::offset", N_ ("Series scroll together from where they stand"), LAYOUT, "" },
  { "view.sync::off", N_ ("Series scroll apart"), LAYOUT, "" },
  { "view.full", N_ ("This view alone, or back"), LAYOUT, "w" },
  { "view.next-view", N_ ("Next view"), LAYOUT, "Tab" },
  { "view.previous-view", N_ ("Previous view"), LAYOUT, "<Shift>Tab <Shift>ISO_Left_Tab" },

  { "win.segment", N_ ("Run the chosen model"), SEGMENT, "Return KP_Enter" },
  { "win.cancel", N_ ("Cancel what is running"), SEGMENT, "Escape" },
  { "win.next-precision", N_ ("Next precision"), SEGMENT, "p" },
  { "view.overlay", N_ ("Overlay on or off"), SEGMENT, "o" },
  { "view.opacity(-10)", N_ ("Fainter overlay"), SEGMENT, "bracketleft" },
  { "view.opacity(10)", N_ ("Stronger overlay"), SEGMENT, "bracketright" },
  { "view.overlay-fill", N_ ("Fill labels or not"), SEGMENT, "" },
  { "view.overlay-outline", N_ ("Outline labels or not"), SEGMENT, "" },
  { "view.overlay-hatch", N_ ("Hatch labels or not"), SEGMENT, "" },
  { "view.overlay-confidence", N_ ("Confidence instead of label colours"), SEGMENT, "k" },
  { "view.uncertain(1)", N_ ("Next least certain slice"), SEGMENT, "n" },
  { "view.uncertain(-1)", N_ ("Back to the one before"), SEGMENT, "<Shift>n" },
  { "win.uncertain-part(1)", N_ ("Next least certain part"), SEGMENT, "<Alt>n" },
  { "win.uncertain-part(-1)", N_ ("Back to the part before"), SEGMENT, "<Alt><Shift>n" },
  { "view.compare", N_ ("Compare two results or not"), SEGMENT, "c" },
  { "view.compare-swap", N_ ("Exchange the two compared"), SEGMENT, "x" },
  { "view.compare-mode::difference", N_ ("Compare: difference"), SEGMENT, "" },
  { "view.compare-mode::swipe", N_ ("Compare: swipe"), SEGMENT, "" },
  { "view.compare-mode::checker", N_ ("Compare: checkerboard"), SEGMENT, "" },
  { "view.compare-mode::side", N_ ("Compare: side by side"), SEGMENT, "" },
  { "win.open-labels", N_ ("Open labels: SEG or NIfTI"), SEGMENT, "<Control>l" },
  { "win.export-seg", N_ ("Save the segmentation as DICOM SEG"), SEGMENT, "<Control>s" },
  { "win.export-nifti", N_ ("Save the segmentation as NIfTI"), SEGMENT, "" },
  { "win.export-confidence", N_ ("Save the confidence as NIfTI"), SEGMENT, "" },
  { "win.export-stl", N_ ("Save the surface of a label as STL"), SEGMENT, "" },
  { "win.export-statistics", N_ ("Save volumes and values of the labels as CSV"), SEGMENT, "" },

  { "view.tool::length", N_ ("Length"), MEASURE, "l" },
  { "view.tool::angle", N_ ("Angle"), MEASURE, "g" },
  { "view.tool::cobb", N_ ("Cobb angle"), MEASURE, "<Shift>g" },
  { "view.tool::bidirectional", N_ ("Long and short axis"), MEASURE, "<Shift>l" },
  { "view.tool::ellipse", N_ ("Ellipse"), MEASURE, "e" },
  { "view.tool::rectangle", N_ ("Rectangle"), MEASURE, "<Shift>e" },
  { "view.tool::freehand", N_ ("Freehand figure"), MEASURE, "h" },
  { "view.delete", N_ ("Delete the selected measurement"), MEASURE, "Delete BackSpace" },
  { "view.undo", N_ ("Undo"), MEASURE, "<Control>z" },
  { "view.redo", N_ ("Redo"), MEASURE, "<Control><Shift>z <Control>y" },
  { "win.export-measurements-sr", N_ ("Save measurements as DICOM SR"), MEASURE, "" },
  { "win.export-measurements-csv", N_ ("Save measurements as CSV"), MEASURE, "" },

  { "view.tool::brush", N_ ("Brush"), CORRECT, "b" },
  { "view.tool::eraser", N_ ("Eraser"), CORRECT, "<Shift>b" },
  { "view.tool::threshold", N_ ("Brush on like values"), CORRECT, "" },
  { "view.tool::fill", N_ ("Fill an enclosed place"), CORRECT, "" },
  { "view.tool::grow", N_ ("Grow from a place"), CORRECT, "" },
  { "view.brush(1)", N_ ("Wider brush"), CORRECT, "period" },
  { "view.brush(-1)", N_ ("Narrower brush"), CORRECT, "comma" },
  { "win.correct::interpolate", N_ ("Interpolate between slices"), CORRECT, "" },
  { "win.correct::keep-largest", N_ ("Keep the largest part"), CORRECT, "" },
  { "win.correct::smooth", N_ ("Smooth the label"), CORRECT, "" },
  { "view.review::accepted", N_ ("Accept the result"), CORRECT, "" },
  { "view.review::rejected", N_ ("Reject the result"), CORRECT, "" },

  { "win.find-action", N_ ("Find an action by name"), GENERAL, "<Control>f slash" },
  { "win.show-studies", N_ ("Studies on or off"), GENERAL, "F9" },
  { "win.show-segment", N_ ("Segmentation panel on or off"), GENERAL, "F10" },
  { "win.fullscreen", N_ ("Full screen"), GENERAL, "F11" },
  { "win.show-shortcuts", N_ ("All shortcuts"), GENERAL, "question <Control>question F1" },
  { "win.edit-shortcuts", N_ ("Change shortcuts"), GENERAL, "" },
  { "app.new-window", N_ ("New window"), GENERAL, "<Control>n <Control><Shift>n" },
  { "app.preferences", N_ ("Preferences"), GENERAL, "<Control>comma" },
  { "app.about", N_ ("About Sagitta"), GENERAL, "" },
  { "window.close", N_ ("Close the window"), GENERAL, "<Control>w" },
  { "app.quit", N_ ("Quit"), GENERAL, "<Control>q" },
};

const SagKey *
sag_keys_get (int *n_keys)
{
  *n_keys = G_N_ELEMENTS (keys);
  return keys;
}

char **
sag_keys_dup_accels (const SagKey *key,
                     GSettings    *settings)
{
  g_autoptr (GVariant) own = g_settings_get_value (settings, "shortcuts");
  char **accels = NULL;

  if (g_variant_lookup (own, key->action, "^as", &accels))
    return accels;
  if (key->keys[0] == '\0')
    return g_new0 (char *, 1);
  return g_strsplit (key->keys, " ", -1);
}

char *
sag_keys_dup_label (const char *accel)
{
  guint key;
  GdkModifierType modifiers;

  if (!gtk_accelerator_parse (accel, &key, &modifiers))
    return g_strdup (accel);
  return gtk_accelerator_get_label (key, modifiers);
}

char **
sag_keys_dup_shown (const SagKey *key,
                    GSettings    *settings)
{
  g_auto (GStrv) accels = sag_keys_dup_accels (key, settings);
  g_autoptr (GStrvBuilder) shown = g_strv_builder_new ();

  for (int i = -1; i < 0 || accels[i] != NULL; i++)
    {
      const char *accel = i < 0 ? key->handled : accels[i];
      g_autofree char *label = NULL;

      if (accel == NULL || strstr (accel, "KP_") != NULL || strstr (accel, "ISO_") != NULL)
        continue;
      label = sag_keys_dup_label (accel);
      g_strv_builder_add (shown, label);
    }
  return g_strv_builder_end (shown);
}

/* Takes the trigger. */
static void
add_shortcut (GtkShortcutController *controller,
              const char            *detailed,
              GtkShortcutTrigger    *trigger)
{
  g_autofree char *name = NULL;
  g_autoptr (GVariant) target = NULL;
  GtkShortcut *shortcut;

  if (!g_action_parse_detailed_name (detailed, &name, &target, NULL))
    g_assert_not_reached ();
  shortcut = gtk_shortcut_new (trigger, gtk_named_action_new (name));
  if (target != NULL)
    gtk_shortcut_set_arguments (shortcut, target);
  gtk_shortcut_controller_add_shortcut (controller, shortcut);
}

/* Menus show the plain key of an action that was added last: so only the first is one. */
static void
add_shortcuts (GtkShortcutController *controller,
               const char            *detailed,
               const char *const     *accels)
{
  GtkShortcutTrigger *others = NULL;

  for (int i = 0; accels[i] != NULL; i++)
    {
      GtkShortcutTrigger *trigger = gtk_shortcut_trigger_parse_string (accels[i]);

      if (trigger == NULL)
        g_message ("The shortcut \"%s\" of %s is not a key; it is left out", accels[i], detailed);
      else if (i == 0)
        add_shortcut (controller, detailed, trigger);
      else
        others = gtk_alternative_trigger_new (
            trigger, others != NULL ? others : g_object_ref (gtk_never_trigger_get ()));
    }
  if (others != NULL)
    add_shortcut (controller, detailed, others);
}

/* Menus below a widget, as they stand. */
static void
find_menus (GtkWidget *widget,
            GPtrArray *menus)
{
  if (GTK_IS_POPOVER_MENU (widget) && gtk_popover_menu_get_menu_model (GTK_POPOVER_MENU (widget)) != NULL)
    {
      g_ptr_array_add (menus, widget);
      return;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    find_menus (child, menus);
}

static void
fill (GtkShortcutController *controller)
{
  GSettings *settings = g_object_get_data (G_OBJECT (controller), "settings");
  guint n = g_list_model_get_n_items (G_LIST_MODEL (controller));

  while (n > 0)
    {
      g_autoptr (GtkShortcut) shortcut = g_list_model_get_item (G_LIST_MODEL (controller), --n);

      gtk_shortcut_controller_remove_shortcut (controller, shortcut);
    }
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (GStrv) accels = sag_keys_dup_accels (&keys[i], settings);

      add_shortcuts (controller, keys[i].action, (const char *const *) accels);
    }
}

/* GTK 4.8 frees a controller of a menu's item once too often when its action loses a key: menus are empty meanwhile. */
static void
refill (GtkShortcutController *controller)
{
  g_autoptr (GPtrArray) menus = g_ptr_array_new (), models = g_ptr_array_new_with_free_func (g_object_unref);

  find_menus (gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (controller)), menus);
  for (guint i = 0; i < menus->len; i++)
    {
      g_ptr_array_add (models, g_object_ref (gtk_popover_menu_get_menu_model (menus->pdata[i])));
      gtk_popover_menu_set_menu_model (menus->pdata[i], NULL);
    }
  fill (controller);
  for (guint i = 0; i < menus->len; i++)
    gtk_popover_menu_set_menu_model (menus->pdata[i], models->pdata[i]);
}

GtkEventController *
sag_keys_new_controller (GSettings *settings)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();

  g_object_set_data_full (G_OBJECT (controller), "settings", g_object_ref (settings),
                          g_object_unref);
  fill (GTK_SHORTCUT_CONTROLLER (controller));
  g_signal_connect_object (settings, "changed::shortcuts", G_CALLBACK (refill), controller,
                           G_CONNECT_SWAPPED);
  return controller;
}

static gboolean
activate_row (GtkWidget *window,
              GVariant  *arguments,
              gpointer   data)
{
  GtkWidget *focus = gtk_root_get_focus (gtk_widget_get_root (window));

  return GTK_IS_LIST_BOX_ROW (focus) && gtk_widget_activate (focus);
}

GtkEventController *
sag_keys_new_row_controller (void)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();
  static const char *const triggers[] = { "Return", "KP_Enter", "ISO_Enter" };

  for (guint i = 0; i < G_N_ELEMENTS (triggers); i++)
    gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (controller),
                                          gtk_shortcut_new (gtk_shortcut_trigger_parse_string (triggers[i]),
                                                            gtk_callback_action_new (activate_row, NULL, NULL)));
  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_CAPTURE);
  return controller;
}

void
sag_keys_set_accels (const SagKey      *key,
                     GSettings         *settings,
                     const char *const *accels)
{
  g_autoptr (GVariant) own = g_settings_get_value (settings, "shortcuts");
  GVariantBuilder builder;
  GVariantIter iter;
  const char *action;
  GVariant *list;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sas}"));
  g_variant_iter_init (&iter, own);
  while (g_variant_iter_next (&iter, "{&s@as}", &action, &list))
    {
      if (!g_str_equal (action, key->action))
        g_variant_builder_add (&builder, "{s@as}", action, list);
      g_variant_unref (list);
    }
  if (accels != NULL)
    g_variant_builder_add (&builder, "{s^as}", key->action, accels);
  g_settings_set_value (settings, "shortcuts", g_variant_builder_end (&builder));
}

gboolean
sag_keys_is_changed (const SagKey *key,
                     GSettings    *settings)
{
  g_autoptr (GVariant) own = g_settings_get_value (settings, "shortcuts");
  g_autoptr (GVariant) list = g_variant_lookup_value (own, key->action, G_VARIANT_TYPE_STRING_ARRAY);

  return list != NULL;
}

gboolean
sag_keys_is_same (const char *a,
                  const char *b)
{
  guint key[2];
  GdkModifierType modifiers[2];

  return gtk_accelerator_parse (a, &key[0], &modifiers[0])
         && gtk_accelerator_parse (b, &key[1], &modifiers[1])
         && gdk_keyval_to_lower (key[0]) == gdk_keyval_to_lower (key[1])
         && modifiers[0] == modifiers[1];
}

const SagKey *
sag_keys_find (const char *accel,
               GSettings  *settings)
{
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (GStrv) accels = sag_keys_dup_accels (&keys[i], settings);

      if (keys[i].handled != NULL && sag_keys_is_same (keys[i].handled, accel))
        return &keys[i];
      for (int j = 0; accels[j] != NULL; j++)
        if (sag_keys_is_same (accels[j], accel))
          return &keys[i];
    }
  return NULL;
}
