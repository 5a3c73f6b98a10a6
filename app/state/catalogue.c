/* SPDX-License-Identifier: Apache-2.0
 *
 * catalogue.c: studies, and the list of them.
 */
#include "app/state/catalogue.h"

#include "app/state/person-name.h"
#include "app/state/series-private.h"
#include "app/state/text.h"

#include <glib/gi18n-lib.h>
#include <string.h>

struct _SagStudy
{
  GObject    parent_instance;

  GPtrArray *series; /* of SagSeries, by number, UID, stack */
  char      *uid;
  char      *patient_name;
  char      *patient_id;
  char      *patient_sex;
  char      *patient_age;
  char      *description;
  char      *date;
  char      *title;
  char      *full_title;
  char      *phonetic_name;
  char      *subtitle;
};

struct _SagCatalogue
{
  GObject    parent_instance;

  GPtrArray *studies; /* of SagStudy, as they came */
};

enum { PROP_0, PROP_UID, PROP_TITLE, PROP_SUBTITLE, N_PROPS };

static GParamSpec *properties[N_PROPS];

static GType
study_get_item_type (GListModel *list)
{
  return SAG_TYPE_SERIES;
}

static guint
study_get_n_items (GListModel *list)
{
  return SAG_STUDY (list)->series->len;
}

static gpointer
study_get_item (GListModel *list, guint position)
{
  GPtrArray *series = SAG_STUDY (list)->series;

  return position < series->len ? g_object_ref (g_ptr_array_index (series, position)) : NULL;
}

static void
study_list_init (GListModelInterface *iface)
{
  iface->get_item_type = study_get_item_type;
  iface->get_n_items = study_get_n_items;
  iface->get_item = study_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (SagStudy, sag_study, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, study_list_init))

static GType
catalogue_get_item_type (GListModel *list)
{
  return SAG_TYPE_STUDY;
}

static guint
catalogue_get_n_items (GListModel *list)
{
  return SAG_CATALOGUE (list)->studies->len;
}

static gpointer
catalogue_get_item (GListModel *list, guint position)
{
  GPtrArray *studies = SAG_CATALOGUE (list)->studies;

  return position < studies->len ? g_object_ref (g_ptr_array_index (studies, position)) : NULL;
}

static void
catalogue_list_init (GListModelInterface *iface)
{
  iface->get_item_type = catalogue_get_item_type;
  iface->get_n_items = catalogue_get_n_items;
  iface->get_item = catalogue_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (SagCatalogue, sag_catalogue, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, catalogue_list_init))

static void
sag_study_finalize (GObject *object)
{
  SagStudy *self = SAG_STUDY (object);

  g_ptr_array_unref (self->series);
  g_free (self->uid);
  g_free (self->patient_name);
  g_free (self->patient_id);
  g_free (self->patient_sex);
  g_free (self->patient_age);
  g_free (self->description);
  g_free (self->date);
  g_free (self->title);
  g_free (self->full_title);
  g_free (self->phonetic_name);
  g_free (self->subtitle);
  G_OBJECT_CLASS (sag_study_parent_class)->finalize (object);
}

static void
sag_study_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  SagStudy *self = SAG_STUDY (object);

  switch (id)
    {
    case PROP_UID: g_value_set_string (value, self->uid); break;
    case PROP_TITLE: g_value_set_string (value, self->title); break;
    case PROP_SUBTITLE: g_value_set_string (value, self->subtitle); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_study_class_init (SagStudyClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  object_class->finalize = sag_study_finalize;
  object_class->get_property = sag_study_get_property;
  properties[PROP_UID] = g_param_spec_string ("uid", NULL, NULL, NULL, flags);
  properties[PROP_TITLE] = g_param_spec_string ("title", NULL, NULL, NULL, flags);
  properties[PROP_SUBTITLE] = g_param_spec_string ("subtitle", NULL, NULL, NULL, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
forget_series (gpointer data)
{
  sag_series_set_study (data, NULL);
  g_object_unref (data);
}

static void
sag_study_init (SagStudy *self)
{
  self->series = g_ptr_array_new_with_free_func (forget_series);
}

/* "061Y" to "61 y", "003M" to "3 m"; others as they are. */
static char *
format_age (const char *age)
{
  static const char units[] = "DWMY";
  static const char *const ages[] = { N_ ("%d d"), N_ ("%d w"), N_ ("%d m"), N_ ("%d y") };
  char *end;
  guint64 n = g_ascii_strtoull (age, &end, 10);

  if (end == age || n > 999 || *end == '\0' || end[1] != '\0' || strchr (units, *end) == NULL)
    return g_strdup (age);
  return g_strdup_printf (_ (ages[strchr (units, *end) - units]), (int) n);
}

static char *
join (const char *separator, const char *a, const char *b)
{
  if (*a == '\0' || *b == '\0')
    return g_strdup (*a != '\0' ? a : b);
  return g_strconcat (a, separator, b, NULL);
}

/* The name that everyone can type, else the one there is; `*ideographic` is the other one, "" if there is none. */
static char *
dup_name (const char *name, char **ideographic)
{
  char *alphabetic = sag_person_name_dup (name, SAG_NAME_ALPHABETIC);

  *ideographic = sag_person_name_dup (name, SAG_NAME_IDEOGRAPHIC);
  if (*alphabetic == '\0')
    {
      g_free (alphabetic);
      alphabetic = g_steal_pointer (ideographic);
      *ideographic = g_strdup ("");
    }
  if (*alphabetic == '\0')
    {
      g_free (alphabetic);
      alphabetic = g_strdup (_ ("No name"));
    }
  if (g_str_equal (*ideographic, alphabetic))
    (*ideographic)[0] = '\0';
  return alphabetic;
}

static SagStudy *
sag_study_new (GVariant *dict)
{
  SagStudy *self = g_object_new (SAG_TYPE_STUDY, NULL);
  g_autofree char *name = sag_text_dup (dict, "patient-name");
  g_autofree char *age = sag_text_dup (dict, "patient-age");
  g_autofree char *date = sag_text_dup (dict, "date");
  g_autofree char *person = NULL, *ideographic = NULL, *names = NULL;

  self->uid = sag_text_dup (dict, "uid");
  self->patient_name = dup_name (name, &ideographic);
  self->phonetic_name = sag_person_name_dup (name, SAG_NAME_PHONETIC);
  self->patient_id = sag_text_dup (dict, "patient-id");
  self->patient_sex = sag_text_dup (dict, "patient-sex");
  self->patient_age = format_age (age);
  self->description = sag_text_dup (dict, "description");
  self->date = sag_text_format_date (date);
  person = join (" ", self->patient_sex, self->patient_age);
  self->title = join (" · ", self->patient_name, person);
  names = ideographic[0] != '\0' ? g_strdup_printf ("%s (%s)", self->patient_name, ideographic)
                                 : g_strdup (self->patient_name);
  self->full_title = join (" · ", names, person);
  self->subtitle = join (" · ", self->description, self->date);
  return self;
}

/* Mammograms as they are read: cranio-caudal before oblique ones, the right breast before the left, so that in rows of
 * two their chest walls meet. */
static int
get_place (SagSeries *series)
{
  const char *view = sag_series_get_view_position (series);

  return (g_str_equal (view, "CC") ? 0 : g_str_equal (view, "MLO") ? 2 : 4)
         + (g_str_equal (sag_series_get_laterality (series), "R") ? 0 : 1);
}

static gboolean
is_mammogram (SagSeries *series)
{
  return g_str_equal (sag_series_get_modality (series), "MG");
}

static int
compare_series (SagSeries *a, SagSeries *b)
{
  int by_place = is_mammogram (a) && is_mammogram (b) ? get_place (a) - get_place (b) : 0;
  int by_number = sag_series_get_number (a) - sag_series_get_number (b);
  int by_uid = strcmp (sag_series_get_uid (a), sag_series_get_uid (b));

  return by_place != 0    ? by_place
         : by_number != 0 ? by_number
         : by_uid != 0  ? by_uid
                        : sag_series_get_stack (a) - sag_series_get_stack (b);
}

/* Takes the reference. */
static guint
sag_study_insert (SagStudy *self, SagSeries *series)
{
  guint at = 0;

  while (at < self->series->len
         && compare_series (g_ptr_array_index (self->series, at), series) <= 0)
    at++;
  sag_series_set_study (series, self);
  g_ptr_array_insert (self->series, (int) at, series);
  return at;
}

#define STUDY_TEXT(field) \
  const char *sag_study_get_##field (SagStudy *self) \
  { \
    g_return_val_if_fail (SAG_IS_STUDY (self), NULL); \
    return self->field; \
  }

STUDY_TEXT (uid)
STUDY_TEXT (patient_name)
STUDY_TEXT (patient_id)
STUDY_TEXT (patient_sex)
STUDY_TEXT (patient_age)
STUDY_TEXT (description)
STUDY_TEXT (date)
STUDY_TEXT (title)
STUDY_TEXT (full_title)
STUDY_TEXT (phonetic_name)
STUDY_TEXT (subtitle)

static void
sag_catalogue_finalize (GObject *object)
{
  g_ptr_array_unref (SAG_CATALOGUE (object)->studies);
  G_OBJECT_CLASS (sag_catalogue_parent_class)->finalize (object);
}

static void
sag_catalogue_class_init (SagCatalogueClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sag_catalogue_finalize;
}

static void
sag_catalogue_init (SagCatalogue *self)
{
  self->studies = g_ptr_array_new_with_free_func (g_object_unref);
}

SagCatalogue *
sag_catalogue_new (void)
{
  return g_object_new (SAG_TYPE_CATALOGUE, NULL);
}

static void
add_study (SagCatalogue *self, GVariant *dict)
{
  g_autofree char *uid = sag_text_dup (dict, "uid");
  SagStudy *study = sag_catalogue_find_study (self, uid);
  gboolean is_new = study == NULL;
  g_autoptr (GVariantIter) iter = NULL;
  GVariant *item;

  if (is_new)
    study = sag_study_new (dict);
  if (g_variant_lookup (dict, "series", "aa{sv}", &iter))
    while ((item = g_variant_iter_next_value (iter)) != NULL)
      {
        g_autoptr (GVariant) owned = item;
        SagSeries *series = sag_series_new (owned);
        guint at;

        if (sag_catalogue_find_series (self, sag_series_get_key (series)) != NULL)
          {
            g_object_unref (series);
            continue;
          }
        at = sag_study_insert (study, series);
        if (!is_new)
          g_list_model_items_changed (G_LIST_MODEL (study), at, 0, 1);
      }
  if (is_new)
    {
      g_ptr_array_add (self->studies, study);
      g_list_model_items_changed (G_LIST_MODEL (self), self->studies->len - 1, 0, 1);
    }
}

gboolean
sag_catalogue_add (SagCatalogue *self, GVariant *result, GError **error)
{
  g_autoptr (GVariantIter) iter = NULL;
  GVariant *study;

  g_return_val_if_fail (SAG_IS_CATALOGUE (self), FALSE);

  if (!g_variant_is_of_type (result, G_VARIANT_TYPE_VARDICT)
      || !g_variant_lookup (result, "studies", "aa{sv}", &iter))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   _ ("The list of studies makes no sense; open the folder again"));
      return FALSE;
    }
  while ((study = g_variant_iter_next_value (iter)) != NULL)
    {
      add_study (self, study);
      g_variant_unref (study);
    }
  return TRUE;
}

gboolean
sag_catalogue_set (SagCatalogue *self, GVariant *result, GError **error)
{
  sag_catalogue_clear (self);
  return sag_catalogue_add (self, result, error);
}

void
sag_catalogue_clear (SagCatalogue *self)
{
  guint n;

  g_return_if_fail (SAG_IS_CATALOGUE (self));

  n = self->studies->len;
  g_ptr_array_set_size (self->studies, 0);
  if (n > 0)
    g_list_model_items_changed (G_LIST_MODEL (self), 0, n, 0);
}

SagSeries *
sag_catalogue_find_series (SagCatalogue *self, const char *uid_or_key)
{
  SagSeries *first = NULL;

  g_return_val_if_fail (SAG_IS_CATALOGUE (self) && uid_or_key != NULL, NULL);

  for (guint s = 0; s < self->studies->len; s++)
    {
      SagStudy *study = g_ptr_array_index (self->studies, s);

      for (guint n = 0; n < study->series->len; n++)
        {
          SagSeries *series = g_ptr_array_index (study->series, n);

          if (strcmp (sag_series_get_key (series), uid_or_key) == 0)
            return series;
          if (first == NULL && strcmp (sag_series_get_uid (series), uid_or_key) == 0)
            first = series;
        }
    }
  return first;
}

SagStudy *
sag_catalogue_find_study (SagCatalogue *self, const char *uid)
{
  g_return_val_if_fail (SAG_IS_CATALOGUE (self) && uid != NULL, NULL);

  for (guint s = 0; s < self->studies->len; s++)
    if (strcmp (SAG_STUDY (g_ptr_array_index (self->studies, s))->uid, uid) == 0)
      return g_ptr_array_index (self->studies, s);
  return NULL;
}

/* All series that READ can show, in the order of the list; borrowed. */
static GPtrArray *
list_readable (SagCatalogue *self)
{
  GPtrArray *all = g_ptr_array_new ();

  for (guint s = 0; s < self->studies->len; s++)
    {
      SagStudy *study = g_ptr_array_index (self->studies, s);

      for (guint n = 0; n < study->series->len; n++)
        if (sag_series_is_readable (g_ptr_array_index (study->series, n)))
          g_ptr_array_add (all, g_ptr_array_index (study->series, n));
    }
  return all;
}

/* Voxels, or pictures where the size is not known. */
static double
get_weight (SagSeries *series)
{
  const int *size = sag_series_get_size (series);
  double n_voxels = (double) size[0] * size[1] * size[2];

  return MAX (n_voxels, sag_series_get_n_images (series));
}

SagSeries *
sag_catalogue_pick_series (SagCatalogue *self)
{
  g_autoptr (GPtrArray) all = NULL;
  SagSeries *best = NULL;

  g_return_val_if_fail (SAG_IS_CATALOGUE (self), NULL);

  all = list_readable (self);
  for (guint n = 0; n < all->len; n++)
    {
      SagSeries *series = g_ptr_array_index (all, n);

      if (best == NULL || get_weight (series) > get_weight (best))
        best = series;
    }
  /* One of several views of the breasts: the first, however large. */
  for (guint n = 0; best != NULL && is_mammogram (best) && n < all->len; n++)
    if (is_mammogram (g_ptr_array_index (all, n))
        && sag_series_get_study (g_ptr_array_index (all, n)) == sag_series_get_study (best))
      return g_ptr_array_index (all, n);
  return best;
}

SagSeries *
sag_catalogue_step_series (SagCatalogue *self, SagSeries *series, int step)
{
  g_autoptr (GPtrArray) all = NULL;
  guint at;

  g_return_val_if_fail (SAG_IS_CATALOGUE (self), NULL);

  all = list_readable (self);
  if (!g_ptr_array_find (all, series, &at) || (int) at + step < 0 || (int) at + step >= (int) all->len)
    return NULL;
  return g_ptr_array_index (all, (guint) ((int) at + step));
}
