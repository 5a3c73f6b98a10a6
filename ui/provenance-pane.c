/* SPDX-License-Identifier: Apache-2.0
 *
 * provenance-pane.c: where the result shown came from. */
#include "ui/provenance-pane.h"

#include "app/state/anatomy.h"
#include "engine/image/review.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MOST_LABELS 40 /* whose codes are listed */

struct _SagProvenancePane
{
  GtkWidget     parent_instance;

  SagWorkspace *workspace;
  GtkWidget    *grid;
  int           n_rows;
};

G_DEFINE_FINAL_TYPE (SagProvenancePane, sag_provenance_pane, GTK_TYPE_WIDGET)

static GtkWidget *
make_label (const char *text,
            gboolean    dim)
{
  GtkWidget *label = gtk_label_new (text);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE); /* names of segments may be long */
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_width_chars (GTK_LABEL (label), 12);
  gtk_label_set_max_width_chars (GTK_LABEL (label), dim ? 16 : 24);
  gtk_widget_add_css_class (label, "caption");
  if (dim)
    gtk_widget_add_css_class (label, "dim-label");
  return label;
}

/* Nothing is said of what nobody said. */
static void
add_row (SagProvenancePane *self,
         const char        *name,
         const char        *value)
{
  GtkWidget *label;

  if (value == NULL || value[0] == '\0')
    return;
  label = make_label (value, FALSE);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_add_css_class (label, "numeric");
  gtk_grid_attach (GTK_GRID (self->grid), make_label (name, TRUE), 0, self->n_rows, 1, 1);
  gtk_grid_attach (GTK_GRID (self->grid), label, 1, self->n_rows++, 1, 1);
}

/* Segment Algorithm Type (0062,0008), in words, and the family behind it. */
static char *
describe_making (const SagProvenance *from)
{
  static const struct
  {
    const char *type, *words;
  } types[] = {
    { "SEMIAUTOMATIC", N_ ("An algorithm, with a person's help") },
    { "AUTOMATIC", N_ ("An algorithm, by itself") },
    { "MANUAL", N_ ("A person, by hand") },
  };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    if (g_str_has_prefix (from->algorithm, types[t].type))
      {
        const char *family = from->algorithm + strlen (types[t].type);

        return g_strconcat (_ (types[t].words), family, NULL);
      }
  if (from->algorithm[0] != '\0')
    return g_strdup (from->algorithm);
  if (from->weights_sha256[0] != '\0')
    return g_strdup (_ ("An algorithm, by itself"));
  return g_strdup (_ ("The file does not say"));
}

static char *
describe_label (const SagLabel *label)
{
  const SagCode *codes[] = { &label->category, &label->type, &label->modifier };
  GString *text = g_string_new (NULL);

  for (guint c = 0; c < G_N_ELEMENTS (codes); c++)
    if (codes[c]->value[0] != '\0')
      g_string_append_printf (text, "%s%s (%s %s)", text->len > 0 ? ", " : "", codes[c]->meaning,
                              codes[c]->scheme, codes[c]->value);
  return g_string_free (text, FALSE);
}

static void
add_labels (SagProvenancePane *self,
            SagSegmentation   *segmentation)
{
  int left = MOST_LABELS;

  for (int layer = 0; layer < sag_segmentation_get_n_layers (segmentation); layer++)
    {
      int n;
      const SagLabel *labels =
          sag_labelmap_get_labels (sag_segmentation_get_layer (segmentation, layer), &n);

      for (int l = 0; l < n && left > 0; l++, left--)
        {
          g_autofree char *codes = describe_label (&labels[l]), *name = sag_anatomy_dup_name (&labels[l]);

          add_row (self, name, codes);
        }
    }
}

static char *
describe_source (SagProvenancePane   *self,
                 const SagProvenance *from)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);

  if (from->source[0] != '\0' && series != NULL
      && g_str_equal (sag_series_get_uid (series), from->source))
    return g_strdup_printf (_ ("These images (%s)"), from->source);
  return g_strdup (from->source);
}

static void
show (SagProvenancePane *self)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (self->workspace);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (self->grid)) != NULL)
    gtk_grid_remove (GTK_GRID (self->grid), child);
  self->n_rows = 0;
  if (segmentation == NULL)
    return;
  {
    const SagProvenance *from = sag_segmentation_get_provenance (segmentation);
    const SagReview *review = sag_provenance_peek_review (from);
    gboolean ours = from->weights_sha256[0] != '\0';
    g_autofree char *making = describe_making (from);
    g_autofree char *source = describe_source (self, from);

    add_row (self, _ ("Made by"), making);
    add_row (self, ours ? _ ("Model") : _ ("Algorithm"), from->model_name);
    add_row (self, _ ("Version"), from->model_version);
    add_row (self, _ ("Identifier"), from->model_id);
    add_row (self, _ ("Weights"), from->weights_sha256);
    add_row (self, _ ("Precision"), from->precision);
    add_row (self, _ ("Calibration"), from->calibration);
    add_row (self, _ ("Threshold"), from->threshold);
    add_row (self, _ ("Processor"), from->cpu);
    add_row (self, ours ? _ ("Program") : _ ("Maker"), from->program);
    add_row (self, _ ("Time"), from->time);
    add_row (self, _ ("Creator"), from->creator);
    add_row (self, _ ("Description"), from->description);
    add_row (self, _ ("Made of"), source);
    add_row (self, _ ("With"), from->equipment);
    add_row (self, _ ("Edited by"), review->editor);
    add_row (self, _ ("Edited"), review->edit_time);
    add_row (self, _ ("Edited from"), review->edit_from);
    add_row (self, _ ("Review"), review->verdict);
    add_row (self, _ ("Reviewed by"), review->reviewer);
    add_row (self, _ ("Reviewed"), review->time);
  }
  add_labels (self, segmentation);
}

char *
sag_provenance_pane_dup_text (SagProvenancePane *self)
{
  GString *text = g_string_new (NULL);

  for (int row = 0; row < self->n_rows; row++)
    g_string_append_printf (
        text, "%s: %s\n",
        gtk_label_get_text (GTK_LABEL (gtk_grid_get_child_at (GTK_GRID (self->grid), 0, row))),
        gtk_label_get_text (GTK_LABEL (gtk_grid_get_child_at (GTK_GRID (self->grid), 1, row))));
  return g_string_free (text, FALSE);
}

static void
sag_provenance_pane_dispose (GObject *object)
{
  SagProvenancePane *self = SAG_PROVENANCE_PANE (object);

  g_clear_pointer (&self->grid, gtk_widget_unparent);
  g_clear_object (&self->workspace);
  G_OBJECT_CLASS (sag_provenance_pane_parent_class)->dispose (object);
}

static void
sag_provenance_pane_class_init (SagProvenancePaneClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = sag_provenance_pane_dispose;
  gtk_widget_class_set_layout_manager_type (GTK_WIDGET_CLASS (klass), GTK_TYPE_BIN_LAYOUT);
  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "provenancepane");
}

static void
sag_provenance_pane_init (SagProvenancePane *self)
{
  self->grid = gtk_grid_new ();
  gtk_grid_set_column_spacing (GTK_GRID (self->grid), 8);
  gtk_grid_set_row_spacing (GTK_GRID (self->grid), 2);
  gtk_widget_set_parent (self->grid, GTK_WIDGET (self));
}

GtkWidget *
sag_provenance_pane_new (SagWorkspace *workspace)
{
  SagProvenancePane *self = g_object_new (SAG_TYPE_PROVENANCE_PANE, NULL);

  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (workspace, "notify::segmentation", G_CALLBACK (show), self,
                           G_CONNECT_SWAPPED);
  show (self);
  return GTK_WIDGET (self);
}
