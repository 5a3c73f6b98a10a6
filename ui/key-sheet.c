/* SPDX-License-Identifier: Apache-2.0
 *
 * key-sheet.c: groups of rows in columns that are about equally long. */
#include "ui/key-sheet.h"

#include "ui/key-words.h"
#include "ui/spoken.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#define COLUMN 340    /* px, with the room beside it */
#define MAX_COLUMNS 3
#define HEADING 2     /* as high as so many rows */
#define PRESET "view.preset-number("

/* A group of the sheet while it is made. */
typedef struct
{
  const char *title;
  GtkWidget  *box;
  int         n_rows;
} Group;

static const char *
get_drag (GSettings  *settings,
          const char *button)
{
  g_autofree char *does = g_settings_get_string (settings, button);

  return g_str_equal (does, "window")   ? _ ("Window and contrast")
         : g_str_equal (does, "pan")    ? _ ("Move")
         : g_str_equal (does, "zoom")   ? _ ("Zoom")
         : g_str_equal (does, "scroll") ? _ ("Scroll slices")
                                        : NULL;
}

/* Rows hold what is searched for: `key`, or NULL and only their title. */
static void
add_row (Group              *group,
         const SagKey       *key,
         const char         *title,
         const char *const  *caps)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6), *label = gtk_label_new (title);
  g_autofree char *all = g_strjoinv (" ", (char **) caps);

  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_box_append (GTK_BOX (row), label);
  for (int i = 0; caps[i] != NULL; i++)
    {
      GtkWidget *cap = gtk_label_new (caps[i]);

      gtk_widget_add_css_class (cap, "keycap");
      gtk_widget_set_valign (cap, GTK_ALIGN_CENTER);
      gtk_box_append (GTK_BOX (row), cap);
    }
  g_object_set_data (G_OBJECT (row), "key", (gpointer) key);
  g_object_set_data_full (G_OBJECT (row), "words", g_strdup_printf ("%s %s", title, all), g_free);
  gtk_box_append (GTK_BOX (group->box), row);
  group->n_rows++;
}

static Group *
add_group (GArray     *groups,
           const char *title)
{
  Group group = { title, gtk_box_new (GTK_ORIENTATION_VERTICAL, 0), 0 };
  GtkWidget *heading = gtk_label_new (title);

  gtk_label_set_xalign (GTK_LABEL (heading), 0);
  gtk_widget_add_css_class (heading, "heading");
  gtk_widget_add_css_class (group.box, "keygroup");
  gtk_box_append (GTK_BOX (group.box), heading);
  g_array_append_val (groups, group);
  return &g_array_index (groups, Group, groups->len - 1);
}

static void
add_mouse (GArray    *groups,
           GSettings *settings)
{
  Group *group = add_group (groups, _ ("Mouse"));
  const struct
  {
    const char *what, *does;
  } rows[] = {
    { _ ("Wheel"), _ ("Scroll slices") },
    { _ ("Shift+wheel"), _ ("Ten slices at a time") },
    { _ ("Ctrl+wheel"), _ ("Zoom") },
    { _ ("Left drag"), get_drag (settings, "mouse-left") },
    { _ ("Middle drag"), get_drag (settings, "mouse-middle") },
    { _ ("Space+drag"), _ ("Move") },
    { _ ("Right drag"), get_drag (settings, "mouse-right") },
    { _ ("Click"), _ ("Crosshair to this place") },
    { _ ("Double click"), _ ("This view alone, or back") },
    { _ ("Right click"), _ ("Menu") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].does != NULL)
      add_row (group, NULL, rows[i].does, (const char *const[]) { rows[i].what, NULL });
}

/* Nine rows of digits say no more than one. */
static gboolean
is_plain_preset (const SagKey *key,
                 GSettings    *settings)
{
  return g_str_has_prefix (key->action, PRESET) && !sag_keys_is_changed (key, settings);
}

static GArray *
make_groups (GSettings *settings)
{
  GArray *groups = g_array_new (FALSE, FALSE, sizeof (Group));
  gboolean has_presets = FALSE;
  Group *group = NULL;
  int n;
  const SagKey *keys = sag_keys_get (&n);

  add_mouse (groups, settings);
  for (int i = 0; i < n; i++)
    {
      g_auto (GStrv) caps = sag_keys_dup_shown (&keys[i], settings);

      if (caps[0] == NULL || (is_plain_preset (&keys[i], settings) && has_presets))
        continue;
      if (group == NULL || !g_str_equal (group->title, _ (keys[i].group)))
        group = add_group (groups, _ (keys[i].group));
      if (is_plain_preset (&keys[i], settings))
        {
          has_presets = TRUE;
          add_row (group, &keys[i], _ ("Window presets"), (const char *const[]) { "1 … 9", NULL });
        }
      else
        add_row (group, &keys[i], _ (keys[i].title), (const char *const *) caps);
    }
  return groups;
}

/* Groups from the top left, a new column where the one before has its share. */
static GtkWidget *
lay_out (GArray *groups,
         int     n_columns)
{
  GtkWidget *columns = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 36), *column = NULL;
  int n_rows = 0, n_done = 0, at = 0;

  gtk_box_set_homogeneous (GTK_BOX (columns), TRUE);
  gtk_widget_add_css_class (columns, "keysheet");
  for (guint g = 0; g < groups->len; g++)
    n_rows += g_array_index (groups, Group, g).n_rows + HEADING;
  for (guint g = 0; g < groups->len; g++)
    {
      const Group *group = &g_array_index (groups, Group, g);
      int height = group->n_rows + HEADING;

      /* By its middle: a group goes where most of it belongs. */
      if (column == NULL || (n_done + height / 2) * n_columns >= n_rows * at)
        {
          column = gtk_box_new (GTK_ORIENTATION_VERTICAL, 18);
          gtk_box_append (GTK_BOX (columns), column);
          at++;
        }
      gtk_box_append (GTK_BOX (column), group->box);
      n_done += height;
    }
  return columns;
}

/* Shows what fits the words; a heading whose rows are all gone goes too. */
static void
search_changed (GtkEditable *search,
                GtkWidget   *columns)
{
  const char *typed = gtk_editable_get_text (search);
  g_autofree char *folded = g_utf8_casefold (typed, -1);

  for (GtkWidget *column = gtk_widget_get_first_child (columns); column != NULL; column = gtk_widget_get_next_sibling (column))
    for (GtkWidget *box = gtk_widget_get_first_child (column); box != NULL; box = gtk_widget_get_next_sibling (box))
      {
        GtkWidget *heading = gtk_widget_get_first_child (box);
        gboolean any = FALSE;

        for (GtkWidget *row = gtk_widget_get_next_sibling (heading); row != NULL; row = gtk_widget_get_next_sibling (row))
          {
            const SagKey *key = g_object_get_data (G_OBJECT (row), "key");
            const char *words = g_object_get_data (G_OBJECT (row), "words");
            g_autofree char *hay = g_utf8_casefold (words, -1);
            gboolean found =
                key != NULL ? sag_key_words_match (key, words, typed) : strstr (hay, folded) != NULL;

            gtk_widget_set_visible (row, found);
            any = any || found;
          }
        gtk_widget_set_visible (box, any);
      }
}

GtkWindow *
sag_key_sheet_new (GtkWindow *parent,
                   GSettings *settings)
{
  GtkWidget *window = adw_window_new (), *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *bar = adw_header_bar_new (), *search = gtk_search_entry_new ();
  GtkWidget *scrolled = gtk_scrolled_window_new (), *columns;
  GtkEventController *keys = gtk_shortcut_controller_new ();
  g_autoptr (GArray) groups = make_groups (settings);
  int width = parent != NULL ? gtk_widget_get_width (GTK_WIDGET (parent)) : 0;
  int height = parent != NULL ? gtk_widget_get_height (GTK_WIDGET (parent)) : 0;
  int n_columns = width > 0 ? CLAMP ((width - 80) / COLUMN, 1, MAX_COLUMNS) : MAX_COLUMNS;

  columns = lay_out (groups, n_columns);
  gtk_window_set_title (GTK_WINDOW (window), _ ("Keys and Mouse"));
  gtk_window_set_modal (GTK_WINDOW (window), TRUE);
  gtk_window_set_destroy_with_parent (GTK_WINDOW (window), TRUE);
  gtk_window_set_transient_for (GTK_WINDOW (window), parent);

  g_object_set (search, "placeholder-text", _ ("Name or keys of a command"), NULL);
  sag_spoken_name (search, _ ("Name or keys of a command"));
  gtk_widget_set_size_request (search, 300, -1);
  adw_header_bar_set_title_widget (ADW_HEADER_BAR (bar), search);
  gtk_search_entry_set_key_capture_widget (GTK_SEARCH_ENTRY (search), window);
  g_signal_connect (search, "changed", G_CALLBACK (search_changed), columns);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (keys),
                                        gtk_shortcut_new (gtk_keyval_trigger_new (GDK_KEY_Escape, 0),
                                                          gtk_named_action_new ("window.close")));
  gtk_widget_add_controller (window, keys);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_propagate_natural_height (GTK_SCROLLED_WINDOW (scrolled), TRUE);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled), columns);
  gtk_widget_set_vexpand (scrolled, TRUE);
  if (height > 0)
    gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (scrolled), MAX (200, height - 140));
  gtk_box_append (GTK_BOX (box), bar);
  gtk_box_append (GTK_BOX (box), scrolled);
  adw_window_set_content (ADW_WINDOW (window), box);
  gtk_window_set_default_size (GTK_WINDOW (window), n_columns * COLUMN, -1);
  gtk_widget_grab_focus (scrolled); /* arrows and Page Down move the sheet; letters search */
  return GTK_WINDOW (window);
}
