/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c: one entry of the model picker.
 */
#include "app/state/model.h"

#include "app/state/anatomy.h"
#include "app/state/text.h"
#include "app/state/wire.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

struct _SagModel
{
  GObject   parent_instance;

  char     *id;
  char     *name;
  char     *version;
  char     *modality;
  char     *description;
  char     *facts;
  char     *folder;
  char     *failure;
  SagLabel *labels;
  int       n_labels;
  guint     precisions; /* bit p: SagPrecision p is offered */
  gboolean  fits;
  char     *reason;
  char     *estimate;
  guint64   bytes;
  char     *matched; /* the modality it was judged by */
  guint     crashes;
};

G_DEFINE_FINAL_TYPE (SagModel, sag_model, G_TYPE_OBJECT)

enum
{
  PROP_0,
  PROP_ID,
  PROP_NAME,
  PROP_VERSION,
  PROP_MODALITY,
  PROP_DESCRIPTION,
  PROP_USABLE,
  PROP_FITS,
  PROP_REASON,
  PROP_ESTIMATE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

static void
sag_model_finalize (GObject *object)
{
  SagModel *self = SAG_MODEL (object);

  g_free (self->id);
  g_free (self->name);
  g_free (self->version);
  g_free (self->modality);
  g_free (self->description);
  g_free (self->facts);
  g_free (self->folder);
  g_free (self->failure);
  g_free (self->labels);
  g_free (self->reason);
  g_free (self->estimate);
  g_free (self->matched);
  G_OBJECT_CLASS (sag_model_parent_class)->finalize (object);
}

static void
sag_model_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagModel *self = SAG_MODEL (object);

  switch (id)
    {
    case PROP_ID: g_value_set_string (value, self->id); break;
    case PROP_NAME: g_value_set_string (value, self->name); break;
    case PROP_VERSION: g_value_set_string (value, self->version); break;
    case PROP_MODALITY: g_value_set_string (value, self->modality); break;
    case PROP_DESCRIPTION: g_value_set_string (value, self->description); break;
    case PROP_USABLE: g_value_set_boolean (value, sag_model_is_usable (self)); break;
    case PROP_FITS: g_value_set_boolean (value, self->fits); break;
    case PROP_REASON: g_value_set_string (value, self->reason); break;
    case PROP_ESTIMATE: g_value_set_string (value, self->estimate); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_model_class_init (SagModelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->finalize = sag_model_finalize;
  object_class->get_property = sag_model_get_property;
  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL, flags);
  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_VERSION] = g_param_spec_string ("version", NULL, NULL, NULL, flags);
  properties[PROP_MODALITY] = g_param_spec_string ("modality", NULL, NULL, NULL, flags);
  properties[PROP_DESCRIPTION] = g_param_spec_string ("description", NULL, NULL, NULL, flags);
  properties[PROP_USABLE] = g_param_spec_boolean ("usable", NULL, NULL, FALSE, flags);
  properties[PROP_FITS] = g_param_spec_boolean ("fits", NULL, NULL, FALSE, flags);
  properties[PROP_REASON] = g_param_spec_string ("reason", NULL, NULL, NULL, flags);
  properties[PROP_ESTIMATE] = g_param_spec_string ("estimate", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
sag_model_init (SagModel *self)
{
  self->reason = g_strdup ("");
  self->estimate = g_strdup ("");
}

/* Takes `text`. */
static void
set_text (SagModel *self, char **field, char *text, int prop)
{
  if (strcmp (*field, text) == 0)
    {
      g_free (text);
      return;
    }
  g_free (*field);
  *field = text;
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

static void
set_fits (SagModel *self, gboolean fits)
{
  if (self->fits == fits)
    return;
  self->fits = fits;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FITS]);
}

static void
add_fact (GString *text, GVariant *description, const char *key, const char *title)
{
  g_autofree char *value = sag_text_dup (description, key);

  if (value[0] != '\0')
    g_string_append_printf (text, "%s%s%s", text->len > 0 ? "\n" : "", title, value);
}

/* The essentials of the model card. */
static char *
make_facts (GVariant *description)
{
  GString *text = g_string_new (NULL);
  gint64 parameters;

  add_fact (text, description, "description", "");
  add_fact (text, description, "data", _ ("Trained on: "));
  add_fact (text, description, "accuracy", _ ("Accuracy: "));
  add_fact (text, description, "licence", _ ("Licence: "));
  if (g_variant_lookup (description, "parameters", "x", &parameters))
    g_string_append_printf (text, _ ("%s%.3g million parameters"), text->len > 0 ? "\n" : "",
                            (double) parameters / 1e6);
  add_fact (text, description, "sha256", "SHA-256: ");
  return g_string_free (text, FALSE);
}

SagModel *
sag_model_new (GVariant *description)
{
  SagModel *self = g_object_new (SAG_TYPE_MODEL, NULL);
  g_autoptr (GVariant) labels
      = g_variant_lookup_value (description, "labels", G_VARIANT_TYPE (SAG_WIRE_LABELS));
  g_auto (GStrv) precisions = NULL;

  self->id = sag_text_dup (description, "id");
  {
    g_autofree char *name = sag_text_dup (description, "name");

    self->name = g_strdup (sag_anatomy_translate (name));
  }
  self->version = sag_text_dup (description, "version");
  self->modality = sag_text_dup (description, "modality");
  self->description = sag_text_dup (description, "description");
  self->facts = make_facts (description);
  self->folder = sag_text_dup (description, "folder");
  self->failure = sag_text_dup (description, "failure");
  if (labels != NULL)
    self->labels = sag_labels_from_variant (labels, &self->n_labels);
  if (g_variant_lookup (description, "precisions", "^as", &precisions))
    for (int n = 0; precisions[n] != NULL; n++)
      {
        SagPrecision precision;

        if (sag_precision_from_name (precisions[n], &precision, NULL))
          self->precisions |= 1u << precision;
      }
  sag_model_match (self, "");
  return self;
}

#define MODEL_GETTER(Type, field, name, none) \
  Type sag_model_##name (SagModel *self) \
  { \
    g_return_val_if_fail (SAG_IS_MODEL (self), none); \
    return self->field; \
  }

MODEL_GETTER (const char *, id, get_id, NULL)
MODEL_GETTER (const char *, name, get_name, NULL)
MODEL_GETTER (const char *, version, get_version, NULL)
MODEL_GETTER (const char *, modality, get_modality, NULL)
MODEL_GETTER (const char *, description, get_description, NULL)
MODEL_GETTER (const char *, facts, get_facts, NULL)
MODEL_GETTER (const char *, folder, get_folder, NULL)
MODEL_GETTER (gboolean, fits, get_fits, FALSE)
MODEL_GETTER (const char *, reason, get_reason, NULL)
MODEL_GETTER (const char *, estimate, get_estimate, NULL)
MODEL_GETTER (guint64, bytes, get_bytes, 0)
MODEL_GETTER (guint, crashes, get_crashes, 0)

gboolean
sag_model_has_precision (SagModel *self, SagPrecision precision)
{
  g_return_val_if_fail (SAG_IS_MODEL (self), FALSE);
  return (self->precisions >> precision & 1u) != 0;
}

const SagLabel *
sag_model_get_labels (SagModel *self, int *n_labels)
{
  g_return_val_if_fail (SAG_IS_MODEL (self), NULL);
  *n_labels = self->n_labels;
  return self->labels;
}

gboolean
sag_model_is_usable (SagModel *self)
{
  g_return_val_if_fail (SAG_IS_MODEL (self), FALSE);
  return *self->failure == '\0' && self->crashes < SAG_MODEL_MAX_CRASHES;
}

gboolean
sag_model_is_switched_off (SagModel *self)
{
  g_return_val_if_fail (SAG_IS_MODEL (self), FALSE);
  return *self->failure == '\0' && self->crashes >= SAG_MODEL_MAX_CRASHES;
}

void
sag_model_set_crashes (SagModel *self, guint n)
{
  g_autofree char *matched = NULL;
  gboolean usable;

  g_return_if_fail (SAG_IS_MODEL (self));

  usable = sag_model_is_usable (self);
  self->crashes = n;
  if (sag_model_is_usable (self) == usable)
    return;
  matched = g_strdup (self->matched);
  sag_model_match (self, matched);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_USABLE]);
}

/* Whether `modality` is one of several, "CR\\DX". */
static gboolean
is_among (const char *several, const char *modality)
{
  g_auto (GStrv) each = g_strsplit (several, "\\", -1);

  for (int n = 0; each[n] != NULL; n++)
    if (g_ascii_strcasecmp (g_strstrip (each[n]), modality) == 0)
      return TRUE;
  return FALSE;
}

void
sag_model_match (SagModel *self, const char *modality)
{
  gboolean suits;

  g_return_if_fail (SAG_IS_MODEL (self) && modality != NULL);

  suits = *self->modality == '\0' || *modality == '\0' || is_among (self->modality, modality);
  g_free (self->matched);
  self->matched = g_strdup (modality);
  self->bytes = 0;
  set_text (self, &self->estimate, g_strdup (""), PROP_ESTIMATE);
  set_text (self, &self->reason,
            sag_model_is_switched_off (self)
                ? g_strdup_printf (g_dngettext (GETTEXT_PACKAGE,
                                                "Switched off: it brought down the program that ran it %u time",
                                                "Switched off: it brought down the program that ran it %u times",
                                                self->crashes),
                                   self->crashes)
            : !sag_model_is_usable (self) ? g_strdup (self->failure)
            : suits ? g_strdup ("")
                    : g_strdup_printf (_ ("Made for %s, this series is %s"), self->modality, modality),
            PROP_REASON);
  set_fits (self, suits && sag_model_is_usable (self));
}

static char *
format_estimate (double seconds, guint64 bytes)
{
  double mb = (double) bytes * 1e-6;
  g_autofree char *time = NULL;

  if (seconds > 0 && isfinite (seconds))
    time = seconds < 0.1 ? g_strdup ("< 0.1 s · ")
           : seconds < 9.95  ? g_strdup_printf ("~%.1f s · ", seconds)
           : seconds < 99 ? g_strdup_printf ("~%.0f s · ", seconds)
                          : g_strdup_printf ("~%.0f min · ", seconds / 60.0);
  return mb < 999.5 ? g_strdup_printf ("%s%.0f MB", time != NULL ? time : "", mb)
                    : g_strdup_printf ("%s%.1f GB", time != NULL ? time : "", mb * 1e-3);
}

void
sag_model_set_estimate (SagModel *self, GVariant *result)
{
  g_auto (GStrv) warnings = NULL;
  gboolean fits = FALSE;
  double seconds = 0;

  g_return_if_fail (SAG_IS_MODEL (self));

  if (!sag_model_is_usable (self) || !g_variant_lookup (result, "fits", "b", &fits)
      || !g_variant_lookup (result, "bytes", "t", &self->bytes))
    return;
  g_variant_lookup (result, "seconds", "d", &seconds);
  g_variant_lookup (result, "warnings", "^as", &warnings);
  /* How long it would take with images it was not made for is not known. */
  set_text (self, &self->estimate, format_estimate (fits ? seconds : 0, self->bytes), PROP_ESTIMATE);
  set_text (self, &self->reason, warnings != NULL ? g_strjoinv ("\n", warnings) : g_strdup (""),
            PROP_REASON);
  set_fits (self, fits);
}

GListStore *
sag_model_list_new (void)
{
  return g_list_store_new (SAG_TYPE_MODEL);
}

static int
compare_models (gconstpointer a, gconstpointer b, gpointer data)
{
  SagModel *x = SAG_MODEL ((gpointer) a);
  SagModel *y = SAG_MODEL ((gpointer) b);
  int failed = sag_model_is_usable (y) - sag_model_is_usable (x);

  return failed != 0 ? failed : g_utf8_collate (x->name, y->name);
}

gboolean
sag_model_list_set (GListStore *self, GVariant *result, GError **error)
{
  g_autoptr (GPtrArray) models = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariantIter) iter = NULL;
  GVariant *item;

  if (!g_variant_is_of_type (result, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (result, "models", "aa{sv}", &iter))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _ ("The list of models makes no sense"));
      return FALSE;
    }
  while ((item = g_variant_iter_next_value (iter)) != NULL)
    {
      g_ptr_array_add (models, sag_model_new (item));
      g_variant_unref (item);
    }
  g_list_store_splice (self, 0, g_list_model_get_n_items (G_LIST_MODEL (self)), models->pdata,
                       models->len);
  g_list_store_sort (self, compare_models, NULL);
  return TRUE;
}

void
sag_model_list_match (GListStore *self, const char *modality)
{
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self)); n++)
    {
      g_autoptr (SagModel) model = g_list_model_get_item (G_LIST_MODEL (self), n);

      sag_model_match (model, modality);
    }
}

SagModel *
sag_model_list_find (GListStore *self, const char *id)
{
  for (guint n = 0; n < g_list_model_get_n_items (G_LIST_MODEL (self)); n++)
    {
      g_autoptr (SagModel) model = g_list_model_get_item (G_LIST_MODEL (self), n);

      if (strcmp (model->id, id) == 0)
        return model; /* the list keeps it */
    }
  return NULL;
}
