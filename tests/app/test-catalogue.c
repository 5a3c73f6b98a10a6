/* SPDX-License-Identifier: Apache-2.0
 *
 * test-catalogue.c: studies, series and models from messages, true and false.
 */
#include "app/state/catalogue.h"
#include "app/state/model.h"
#include "app/state/text.h"

#include <locale.h>
#include <string.h>

/* From the text form of an a{sv}. */
static GVariant *
parse (const char *text)
{
  GError *error = NULL;
  GVariant *value = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error (error);
  return value;
}

#define CHEST \
  "{'uid': <'1.2'>, 'stack': <0>, 'number': <2>, 'description': <'Chest 2 mm'>, 'modality': <'CT'>," \
  " 'date': <'20260302'>, 'n-images': <uint32 160>, 'size': <(512, 512, 160)>," \
  " 'spacing': <(0.7, 0.7, 2.0)>, 'readable': <true>," \
  " 'warnings': <['Slices 3 and 4 are 6 mm apart']>," \
  " 'paths': <[b'/a/1', b'/a/2']>, 'first-frame': <0>}"
#define SCOUT \
  "{'uid': <'1.1'>, 'stack': <0>, 'number': <1>, 'description': <' '>, 'modality': <'CT'>," \
  " 'n-images': <uint32 1>, 'readable': <true>, 'paths': <[b'/a/\\377']>}"
#define RESULT \
  "{'uid': <'1.9'>, 'stack': <0>, 'number': <9>, 'description': <'Lungs'>, 'modality': <'SEG'>," \
  " 'n-images': <uint32 90>, 'segmentation': <true>, 'reason': <'Shown over its images'>}"
#define STUDY(series) \
  "{'studies': <[{'uid': <'1'>, 'patient-name': <'Doe^Jane^^Dr=x'>, 'patient-sex': <'F'>," \
  " 'patient-age': <'061Y'>, 'description': <'CT Chest'>, 'date': <'20260302'>," \
  " 'series': <[" series "]>}]>}"

static void
count_changes (GListModel *list, guint position, guint removed, guint added, gpointer data)
{
  *(int *) data += 1;
}

static void
test_texts (void)
{
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (GVariant) result = parse (STUDY (CHEST ", " SCOUT ", " RESULT));
  g_autoptr (SagStudy) study = NULL;
  SagSeries *series;
  GError *error = NULL;

  g_assert_true (sag_catalogue_set (catalogue, result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (catalogue)), ==, 1);
  study = g_list_model_get_item (G_LIST_MODEL (catalogue), 0);
  g_assert_cmpstr (sag_study_get_title (study), ==, "Doe, Jane · F 61 y");
  g_assert_cmpstr (sag_study_get_subtitle (study), ==, "CT Chest · 2026-03-02");
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (study)), ==, 3);

  series = sag_catalogue_find_series (catalogue, "1.2");
  g_assert_cmpstr (sag_series_get_title (series), ==, "Chest 2 mm");
  g_assert_cmpstr (sag_series_get_subtitle (series), ==, "CT · 160 images · 2\u00a0mm");
  g_assert_cmpstr (sag_series_get_warnings (series)[0], ==, "Slices 3 and 4 are 6 mm apart");
  g_assert_cmpstr (sag_series_get_paths (series)[1], ==, "/a/2");
  g_assert_cmpint (sag_series_get_size (series)[2], ==, 160);
  g_assert_true (sag_series_get_study (series) == study);
  g_assert_true (sag_catalogue_find_series (catalogue, "1.2/0") == series);
  g_assert_null (sag_catalogue_find_series (catalogue, "1.2/1"));

  series = sag_catalogue_find_series (catalogue, "1.1");
  g_assert_cmpstr (sag_series_get_title (series), ==, "Series 1");
  g_assert_cmpstr (sag_series_get_paths (series)[0], ==, "/a/\377"); /* names are bytes */
  g_assert_true (sag_series_is_segmentation (sag_catalogue_find_series (catalogue, "1.9")));
}

/* The examples of PS3.5 annexes H, I, J and K; and odd ones. */
static void
test_names (void)
{
  const struct
  {
    const char *name, *title, *full, *phonetic;
  } names[] = {
    { "Doe^Jane^^Dr", "Doe, Jane", "Doe, Jane", "" },
    { "Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou", "Yamada, Tarou (山田 太郎)", "やまだ たろう" },
    { "Hong^Gildong=洪^吉洞=홍^길동", "Hong, Gildong", "Hong, Gildong (洪 吉洞)", "홍 길동" },
    { "Wang^XiaoDong=王^小东=", "Wang, XiaoDong", "Wang, XiaoDong (王 小东)", "" },
    { "王^小东", "王 小东", "王 小东", "" },
    { "=山田^太郎", "山田 太郎", "山田 太郎", "" },
    { "김희중=김희중", "김희중", "김희중", "" },
    { "==", "No name", "No name", "" },
    { " ^ ", "No name", "No name", "" },
    { "Люкceмбypг", "Люкceмбypг", "Люкceмбypг", "" },
    { "^Jane", "Jane", "Jane", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
      g_autofree char *text = g_strdup_printf (
          "{'studies': <[{'uid': <'1'>, 'patient-name': <'%s'>, 'series': <[" CHEST "]>}]>}", names[i].name);
      g_autoptr (GVariant) result = parse (text);
      g_autoptr (SagStudy) study = NULL;

      g_assert_true (sag_catalogue_set (catalogue, result, NULL));
      study = g_list_model_get_item (G_LIST_MODEL (catalogue), 0);
      g_assert_cmpstr (sag_study_get_title (study), ==, names[i].title);
      g_assert_cmpstr (sag_study_get_full_title (study), ==, names[i].full);
      g_assert_cmpstr (sag_study_get_phonetic_name (study), ==, names[i].phonetic);
    }
}

/* A file that says no modality is called by what it is, its labels too. */
static void
test_files (void)
{
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (GVariant) result = parse (
      STUDY ("{'uid': <'a'>, 'n-images': <uint32 1>, 'readable': <true>, 'paths': <[b'/a/brain.NII.gz']>}, "
             "{'uid': <'b'>, 'n-images': <uint32 1>, 'segmentation': <true>, 'paths': <[b'/a/labels.nii']>}, "
             "{'uid': <'c'>, 'n-images': <uint32 1>, 'readable': <true>, 'paths': <[b'/a/chest.png']>}, "
             "{'uid': <'d'>, 'n-images': <uint32 3>, 'readable': <true>, 'paths': <[b'/a/1', b'/a/2', b'/a/3']>}"));

  g_assert_true (sag_catalogue_set (catalogue, result, NULL));
  g_assert_cmpstr (sag_series_get_subtitle (sag_catalogue_find_series (catalogue, "a")), ==, "NIfTI");
  g_assert_cmpstr (sag_series_get_subtitle (sag_catalogue_find_series (catalogue, "b")), ==, "NIfTI · labels");
  g_assert_cmpstr (sag_series_get_subtitle (sag_catalogue_find_series (catalogue, "c")), ==, "PNG");
  g_assert_cmpstr (sag_series_get_subtitle (sag_catalogue_find_series (catalogue, "d")), ==, "Image · 3 images");
}

static void
test_order (void)
{
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (GVariant) first = parse (STUDY (CHEST ", " RESULT));
  g_autoptr (GVariant) second = parse (STUDY (CHEST ", " SCOUT));
  g_autoptr (SagSeries) kept = NULL;
  SagSeries *chest, *scout;
  SagStudy *study;
  int changes = 0, study_changes = 0;

  g_signal_connect (catalogue, "items-changed", G_CALLBACK (count_changes), &changes);
  g_assert_true (sag_catalogue_add (catalogue, first, NULL));
  kept = g_object_ref (sag_catalogue_find_series (catalogue, "1.2"));
  study = sag_catalogue_find_study (catalogue, "1");
  g_signal_connect (study, "items-changed", G_CALLBACK (count_changes), &study_changes);
  g_assert_true (sag_catalogue_add (catalogue, second, NULL));
  g_assert_cmpint (changes, ==, 1);
  g_assert_cmpint (study_changes, ==, 1);
  chest = sag_catalogue_find_series (catalogue, "1.2");
  scout = sag_catalogue_find_series (catalogue, "1.1");
  g_assert_true (chest == kept);

  /* By number: scout, chest, segmentation; only the first two can be read. */
  g_assert_true (sag_catalogue_pick_series (catalogue) == chest);
  g_assert_true (sag_catalogue_step_series (catalogue, scout, 1) == chest);
  g_assert_true (sag_catalogue_step_series (catalogue, chest, -1) == scout);
  g_assert_null (sag_catalogue_step_series (catalogue, chest, 1));
  g_assert_null (sag_catalogue_step_series (catalogue, scout, -1));

  sag_catalogue_clear (catalogue);
  g_assert_cmpint (changes, ==, 2);
  g_assert_null (sag_series_get_study (kept));
  g_assert_null (sag_catalogue_pick_series (catalogue));
}

/* As many slices, but smaller ones: the CT of a PET/CT is opened first, wherever it stands. */
static void
test_pick (void)
{
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (GVariant) result = parse (STUDY (
      "{'uid': <'1.0'>, 'number': <1>, 'modality': <'PT'>, 'n-images': <uint32 160>,"
      " 'size': <(128, 128, 160)>, 'readable': <true>}, " CHEST));

  g_assert_true (sag_catalogue_set (catalogue, result, NULL));
  g_assert_cmpstr (sag_series_get_modality (sag_catalogue_pick_series (catalogue)), ==, "CT");
}

static void
test_thumbnail (void)
{
  g_autoptr (GVariant) item = parse (CHEST);
  g_autoptr (GVariant) good
      = parse ("{'width': <uint32 2>, 'height': <uint32 1>,"
               " 'rgba': <[byte 1, 2, 3, 255, 4, 5, 6, 255]>}");
  g_autoptr (GVariant) bad
      = parse ("{'width': <uint32 9>, 'height': <uint32 9>, 'rgba': <[byte 1, 2, 3, 255]>}");
  g_autoptr (SagSeries) series = sag_series_new (item);
  int width, height;

  sag_series_set_thumbnail (series, bad);
  g_assert_null (sag_series_get_thumbnail (series, NULL, NULL));
  sag_series_set_thumbnail (series, good);
  g_assert_cmpuint (g_bytes_get_size (sag_series_get_thumbnail (series, &width, &height)), ==, 8);
  g_assert_cmpint (width, ==, 2);
  g_assert_cmpint (height, ==, 1);
}

static void
test_nonsense (void)
{
  static const char *const texts[] = {
    "{'studies': <3>}",
    "{'nothing': <true>}",
  };
  g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();
  g_autoptr (GVariant) odd = parse ("{'studies': <[{'uid': <7>, 'series': <[{'uid': <true>,"
                                    " 'paths': <'x'>, 'size': <'large'>}]>}]>}");

  for (gsize n = 0; n < G_N_ELEMENTS (texts); n++)
    {
      g_autoptr (GVariant) result = parse (texts[n]);
      g_autoptr (GError) error = NULL;

      g_assert_false (sag_catalogue_set (catalogue, result, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
  /* Fields of a wrong type count as absent. */
  g_assert_true (sag_catalogue_set (catalogue, odd, NULL));
  g_assert_cmpstr (sag_study_get_title (sag_catalogue_find_study (catalogue, "")), ==, "No name");
  g_assert_null (sag_series_get_paths (sag_catalogue_find_series (catalogue, ""))[0]);
}

static void
test_models (void)
{
  g_autoptr (GListStore) list = sag_model_list_new ();
  g_autoptr (GVariant) result = parse (
      "{'models': <[{'id': <'z.broken'>, 'name': <'Broken'>, 'failure': <'Its ABI is 7, not 1'>},"
      " {'id': <'a.lungs'>, 'name': <'Lungs'>, 'modality': <'CT'>,"
      "  'precisions': <['fp32', 'int8', 'odd']>,"
      "  'failure': <''>, 'labels': <[(byte 1, 0, 'Lung L', ('85756007', 'SCT', 'Tissue'),"
      "  ('39607008', 'SCT', 'Lung'), ('', '', ''), (byte 1, byte 2, byte 3))]>}]>}");
  g_autoptr (GVariant) estimate
      = parse ("{'fits': <false>, 'warnings': <['Slices are thick', 'Field is small']>,"
               " 'bytes': <uint64 210000000>, 'seconds': <1.24>}");
  g_autoptr (GVariant) suitable
      = parse ("{'fits': <true>, 'bytes': <uint64 210000000>, 'seconds': <1.24>}");
  g_autoptr (SagModel) first = NULL;
  SagModel *broken;
  int n_labels;

  g_assert_true (sag_model_list_set (list, result, NULL));
  first = g_list_model_get_item (G_LIST_MODEL (list), 0);
  g_assert_cmpstr (sag_model_get_id (first), ==, "a.lungs");
  g_assert_true (sag_model_has_precision (first, SAG_PRECISION_INT8));
  g_assert_false (sag_model_has_precision (first, SAG_PRECISION_BF16));
  g_assert_cmpstr (sag_model_get_labels (first, &n_labels)->name, ==, "Lung L");
  g_assert_cmpint (n_labels, ==, 1);
  g_assert_true (sag_model_get_fits (first));

  sag_model_list_match (list, "MR");
  g_assert_false (sag_model_get_fits (first));
  g_assert_cmpstr (sag_model_get_reason (first), ==, "Made for CT, this series is MR");
  sag_model_list_match (list, "CT");
  g_assert_true (sag_model_get_fits (first));
  sag_model_set_estimate (first, estimate);
  g_assert_false (sag_model_get_fits (first));
  /* How long it takes with what it was not made for is not known. */
  g_assert_cmpstr (sag_model_get_estimate (first), ==, "210 MB");
  g_assert_cmpstr (sag_model_get_reason (first), ==, "Slices are thick\nField is small");

  sag_model_set_estimate (first, suitable);
  g_assert_true (sag_model_get_fits (first));
  g_assert_cmpstr (sag_model_get_estimate (first), ==, "~1.2 s · 210 MB");

  broken = sag_model_list_find (list, "z.broken");
  g_assert_false (sag_model_is_usable (broken));
  g_assert_false (sag_model_get_fits (broken));
  g_assert_cmpstr (sag_model_get_reason (broken), ==, "Its ABI is 7, not 1");
}

/* A model of several modalities fits each of them. */
static void
test_modalities (void)
{
  g_autoptr (GVariant) description = g_variant_ref_sink (g_variant_new_parsed (
      "{'id': <'a.b'>, 'name': <'A'>, 'modality': <'CR\\\\DX'>, 'precisions': <['fp32']>, 'failure': <''>}"));
  g_autoptr (SagModel) model = sag_model_new (description);

  g_assert_cmpstr (sag_model_get_modality (model), ==, "CR\\DX");
  sag_model_match (model, "DX");
  g_assert_true (sag_model_get_fits (model));
  sag_model_match (model, "CR");
  g_assert_true (sag_model_get_fits (model));
  sag_model_match (model, "CT");
  g_assert_false (sag_model_get_fits (model));
  g_assert_nonnull (strstr (sag_model_get_reason (model), "CT"));
}

/* As the locale has it, where there is one; else the one form that nobody misreads. */
static void
test_dates (void)
{
  static const struct
  {
    const char *locale, *date, *shown;
  } cases[] = {
    { "C", "20260302", "2026-03-02" },      { "C.UTF-8", "1994.01.30", "1994-01-30" },
    { "C", "2026", "2026" },                { "C", "20260230", "20260230" },
    { "C", "", "" },                        { "en_US.UTF-8", "20260302", "03/02/2026" },
    { "de_DE.UTF-8", "20260302", "02.03.2026" }, { "en_GB.UTF-8", "20260302", "02/03/2026" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (setlocale (LC_TIME, cases[i].locale) != NULL)
      {
        g_autofree char *shown = sag_text_format_date (cases[i].date);

        g_assert_cmpstr (shown, ==, cases[i].shown);
      }
  setlocale (LC_TIME, "C");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/catalogue/texts", test_texts);
  g_test_add_func ("/catalogue/names", test_names);
  g_test_add_func ("/catalogue/files", test_files);
  g_test_add_func ("/catalogue/order", test_order);
  g_test_add_func ("/catalogue/pick", test_pick);
  g_test_add_func ("/catalogue/thumbnail", test_thumbnail);
  g_test_add_func ("/catalogue/nonsense", test_nonsense);
  g_test_add_func ("/model/list", test_models);
  g_test_add_func ("/model/modalities", test_modalities);
  g_test_add_func ("/catalogue/dates", test_dates);
  return g_test_run ();
}
