/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.c: jobs that answer at once, and what ui tests share. */
#include "tests/ui/fake.h"

#include "app/state/wire.h"
#include "app/work/runner.h"
#include "engine/image/edit.h"
#include "engine/image/parts.h"
#include <errno.h>
#include <math.h>

#define NX 32
#define NY 24
#define NZ 20

static int fake_is_slow; /* atomic; see fake_set_slow() */

/* ---- images */

double
fake_value (int i,
            int j,
            int k)
{
  return 10 * i + j - 20 * k;
}

static SagVolume *
make_volume (void)
{
  const int size[3] = { NX, NY, NZ };
  const double spacing[3] = { 2, 2, 3 };
  SagGrid grid;
  g_autoptr (GError) error = NULL;
  SagVolume *volume;

  sag_grid_init (&grid, size, spacing);
  grid.origin[0] = -31;
  grid.origin[1] = -23;
  grid.origin[2] = 100;
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", &error);
  g_assert_no_error (error);
  sag_volume_set_origin_tags (volume, "CT", "1.2.3");
  for (int k = 0; k < NZ; k++)
    {
      gint16 *slice = sag_volume_get_slice (volume, k);

      for (int j = 0; j < NY; j++)
        for (int i = 0; i < NX; i++)
          slice[j * NX + i] = (gint16) fake_value (i, j, k);
    }
  return volume;
}

SagVolume *
fake_volume (void)
{
  SagVolume *volume = make_volume ();

  sag_volume_mark_ready (volume, 0, NZ);
  return volume;
}

static SagSegmentation *
make_segmentation (const char *precision)
{
  const SagLabel labels[] = {
    { .value = 1, .name = "Right half", .rgb = { 230, 159, 0 } },
    { .value = 2, .name = "Left half", .rgb = { 86, 180, 233 } },
  };
  g_autoptr (SagVolume) volume = make_volume ();
  const SagGrid *grid = sag_volume_get_grid (volume);
  g_autoptr (GError) error = NULL;
  g_autoptr (SagProvenance) provenance = sag_provenance_new ();
  SagBlock *confidence = sag_block_new ((gsize) NX * NY * NZ, "confidence", &error);
  SagLabelmap *map = sag_labelmap_new (grid, NULL, labels, G_N_ELEMENTS (labels), &error);
  SagSegmentation *segmentation;
  guint8 *voxels = sag_labelmap_get_voxels (map);
  guint8 *sure = sag_block_get_data (confidence);

  for (int k = 0; k < NZ; k++)
    for (int j = 0; j < NY; j++)
      for (int i = 0; i < NX; i++)
        {
          gsize at = ((gsize) k * NY + j) * NX + i;

          /* i grows to the patient's left. */
          voxels[at] = j < 4 || j >= NY - 4 || k == 0 ? 0 : i < NX / 2 ? 1 : 2;
          /* INT8 puts the border elsewhere, on one slice. */
          if (k == 7 && i == NX / 2 && voxels[at] == 2 && g_str_equal (precision, "int8"))
            voxels[at] = 1;
          sure[at] = (guint8) (255 - 8 * j - (k == 7 ? 60 : 0));
        }
  sag_provenance_set (&provenance->model_name, "Halves");
  sag_provenance_set (&provenance->precision, precision);
  segmentation = sag_segmentation_new (&map, 1, confidence, provenance, &error);
  g_assert_no_error (error);
  sag_labelmap_unref (map);
  sag_block_unref (confidence);
  return segmentation;
}

SagSegmentation *
fake_segmentation (void)
{
  SagSegmentation *segmentation = make_segmentation ("fp32");

  sag_segmentation_mark_ready (segmentation, 0, NZ);
  return segmentation;
}

/* ---- the body */

static GVariant *
describe_series (const char *uid,
                 const char *description,
                 const char *modality,
                 gboolean    readable,
                 gboolean    segmentation)
{
  const char *const path[] = { "/fake/chest/1", NULL };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "uid", "s", uid);
  g_variant_dict_insert (&dict, "stack", "i", 0);
  g_variant_dict_insert (&dict, "first-frame", "i", 0);
  g_variant_dict_insert (&dict, "number", "i", 1);
  g_variant_dict_insert (&dict, "description", "s", description);
  g_variant_dict_insert (&dict, "modality", "s", modality);
  g_variant_dict_insert (&dict, "date", "s", "20260302");
  g_variant_dict_insert (&dict, "n-images", "u", (guint32) (readable ? NZ : 1));
  g_variant_dict_insert (&dict, "size", "(iii)", NX, NY, NZ);
  g_variant_dict_insert (&dict, "spacing", "(ddd)", 2.0, 2.0, 3.0);
  g_variant_dict_insert (&dict, "frame-of-reference", "s",
                         g_str_equal (uid, "1.stray") ? "1.2.4" : "1.2.3");
  g_variant_dict_insert (&dict, "readable", "b", readable);
  g_variant_dict_insert (&dict, "reason", "s", readable ? "" : "No pixels that could be shown.");
  g_variant_dict_insert (&dict, "segmentation", "b", segmentation);
  g_variant_dict_insert (&dict, "references", "s", g_str_equal (uid, "1.seg") ? "1.chest" : "");
  g_variant_dict_insert (&dict, "paths", "^aay", path);
  return g_variant_dict_end (&dict);
}

static GVariant *
run_index (GVariant *request)
{
  g_autofree const char **paths = NULL;
  GVariantBuilder studies, series;
  GVariantDict result, study;
  gboolean broken;

  g_variant_lookup (request, "paths", "^a&ay", &paths);
  broken = g_str_equal (paths[0], "/fake/broken");
  g_variant_builder_init (&studies, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_builder_init (&series, G_VARIANT_TYPE ("aa{sv}"));
  g_variant_dict_init (&result, NULL);
  if (broken)
    {
      g_variant_builder_add_value (&series,
                                   describe_series ("1.broken", "Broken", "CT", TRUE, FALSE));
    }
  else if (g_str_equal (paths[0], "/fake/two"))
    {
      g_variant_builder_add_value (&series,
                                   describe_series ("1.chest", "Chest 3 mm", "CT", TRUE, FALSE));
      g_variant_builder_add_value (&series,
                                   describe_series ("1.again", "Chest again", "CT", TRUE, FALSE));
    }
  else
    {
      g_variant_builder_add_value (&series,
                                   describe_series ("1.chest", "Chest 3 mm", "CT", TRUE, FALSE));
      g_variant_builder_add_value (&series,
                                   describe_series ("1.report", "Report", "SR", FALSE, FALSE));
      g_variant_builder_add_value (&series,
                                   describe_series ("1.seg", "Halves", "SEG", FALSE, TRUE));
      g_variant_builder_add_value (&series,
                                   describe_series ("1.stray", "Elsewhere", "SEG", FALSE, TRUE));
    }
  if (!g_str_equal (paths[0], "/fake/empty"))
    {
      g_variant_dict_init (&study, NULL);
      g_variant_dict_insert (&study, "uid", "s", broken ? "2" : "1");
      g_variant_dict_insert (&study, "patient-name", "s", "Doe^Jane");
      g_variant_dict_insert (&study, "patient-id", "s", "4711");
      g_variant_dict_insert (&study, "patient-sex", "s", "F");
      g_variant_dict_insert (&study, "patient-age", "s", "061Y");
      g_variant_dict_insert (&study, "description", "s", "CT Chest");
      g_variant_dict_insert (&study, "date", "s", "20260302");
      g_variant_dict_insert_value (&study, "series", g_variant_builder_end (&series));
      g_variant_builder_add_value (&studies, g_variant_dict_end (&study));
      g_variant_dict_insert (&result, "n-files", "u", 42);
    }
  else
    {
      g_variant_builder_clear (&series);
      g_variant_dict_insert (&result, "n-files", "u", 0);
    }
  g_variant_dict_insert_value (&result, "studies", g_variant_builder_end (&studies));
  g_variant_dict_insert_value (&result, "skipped",
                               g_variant_new_array (G_VARIANT_TYPE ("(ss)"), NULL, 0));
  return g_variant_dict_end (&result);
}

static void
send_ready (const SagJobSink *sink,
            const char       *of,
            int               k0,
            int               k1)
{
  GVariantDict body;

  g_variant_dict_init (&body, NULL);
  g_variant_dict_insert (&body, "of", "s", of);
  g_variant_dict_insert (&body, "k0", "i", k0);
  g_variant_dict_insert (&body, "k1", "i", k1);
  sink->partial ("ready", g_variant_dict_end (&body), NULL, sink->data);
}

static void
send_volume (const SagJobSink *sink,
             gboolean          straighten)
{
  const char *const warnings[] = { "Slices 8 and 9 lie 6.0 mm apart, the others 3.0 mm.", NULL };
  g_autoptr (SagVolume) volume = make_volume ();
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantBuilder windows;
  GVariantDict body;

  g_variant_builder_init (&windows, G_VARIANT_TYPE ("a(sdd)"));
  g_variant_builder_add (&windows, "(sdd)", "Mediastinum", 40.0, 400.0);
  g_variant_dict_init (&body, NULL);
  g_variant_dict_insert_value (&body, "volume", sag_volume_to_variant (volume, fds, NULL));
  g_variant_dict_insert_value (&body, "windows", g_variant_builder_end (&windows));
  g_variant_dict_insert (&body, "invert", "b", FALSE);
  g_variant_dict_insert (&body, "warnings", "^as", warnings);
  g_variant_dict_insert (&body, "straightens", "b", !straighten);
  g_variant_dict_insert (&body, "straightened", "b", straighten);
  sink->partial ("volume", g_variant_dict_end (&body), fds, sink->data);
  for (int k = 0; k < NZ; k += 5)
    {
      send_ready (sink, "volume", k, k + 5);
      sink->report ((k + 5) / (double) NZ, "Reading", sink->data);
    }
}

static void
send_segmentation (const SagJobSink *sink,
                   const char       *precision)
{
  g_autoptr (SagSegmentation) segmentation = make_segmentation (precision);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  GVariantBuilder labels;
  GVariantDict body;

  g_variant_dict_init (&body, NULL);
  g_variant_dict_insert_value (&body, "segmentation",
                               sag_segmentation_to_variant (segmentation, fds, NULL));
  sink->partial ("segmentation", g_variant_dict_end (&body), fds, sink->data);
  send_ready (sink, "segmentation", 0, NZ);
  g_variant_builder_init (&labels, G_VARIANT_TYPE ("a(itddddd)"));
  g_variant_builder_add (&labels, "(itddddd)", 1, (guint64) 4864, 58.4, 0.61, -15.0, 0.0, 130.0);
  g_variant_builder_add (&labels, "(itddddd)", 2, (guint64) 4864, 58.4, 0.61, 17.0, 0.0, 130.0);
  g_variant_dict_init (&body, NULL);
  g_variant_dict_insert (&body, "of", "s", "segmentation");
  g_variant_dict_insert_value (&body, "labels", g_variant_builder_end (&labels));
  sink->partial ("labels", g_variant_dict_end (&body), NULL, sink->data);
}

static gint crashing; /* what "fake.fails" does */

void
fake_set_crashing (gboolean yes)
{
  g_atomic_int_set (&crashing, yes);
}

static void
add_model (GVariantBuilder   *models,
           const char        *id,
           const char        *name,
           const char        *modality,
           const char *const *precisions,
           const char        *failure)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "s", id);
  g_variant_dict_insert (&dict, "name", "s", name);
  g_variant_dict_insert (&dict, "version", "s", "1");
  g_variant_dict_insert (&dict, "modality", "s", modality);
  g_variant_dict_insert (&dict, "description", "s", "");
  g_variant_dict_insert (&dict, "folder", "s", "");
  g_variant_dict_insert (&dict, "precisions", "^as", precisions);
  g_variant_dict_insert_value (&dict, "labels", sag_labels_to_variant (NULL, 0));
  g_variant_dict_insert (&dict, "failure", "s", failure);
  g_variant_builder_add_value (models, g_variant_dict_end (&dict));
}

static GVariant *
run_models (void)
{
  const char *const two[] = { "fp32", "int8", NULL };
  const char *const one[] = { "fp32", NULL };
  GVariantBuilder models;
  GVariantDict result;

  g_variant_builder_init (&models, G_VARIANT_TYPE ("aa{sv}"));
  add_model (&models, "fake.head", "Head", "MR", one, "");
  add_model (&models, "fake.halves", "Halves", "CT", two, "");
  add_model (&models, "fake.slow", "Slow", "CT", one, "");
  add_model (&models, "fake.fails", "Will fail", "", one, "");
  add_model (&models, "fake.invalid", "Invalid", "CT", one,
             "Its network is missing; install it again.");
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert_value (&result, "models", g_variant_builder_end (&models));
  return g_variant_dict_end (&result);
}

const char *fake_unlike;

static GVariant *
run_estimate (GVariant *request)
{
  const char *const none[] = { NULL };
  const char *precision = "", *model = "";
  GVariantDict result;

  g_variant_lookup (request, "model", "&s", &model);
  g_variant_lookup (request, "precision", "&s", &precision);
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "fits", "b", g_strcmp0 (model, fake_unlike) != 0);
  g_variant_dict_insert (&result, "warnings", "^as", none);
  g_variant_dict_insert (&result, "bytes", "t",
                         (guint64) (g_str_equal (precision, "int8") ? 90 : 210) * 1000000);
  g_variant_dict_insert (&result, "seconds", "d", 1.2);
  return g_variant_dict_end (&result);
}

static GVariant *
run_segment (GVariant         *request,
             const SagJobSink *sink,
             GError          **error)
{
  const char *model = "", *precision = "";
  GVariantDict result;

  g_variant_lookup (request, "model", "&s", &model);
  g_variant_lookup (request, "precision", "&s", &precision);
  sink->report (0.1, "Segmenting: slab 1 of 10", sink->data);
  if (g_str_equal (model, "fake.fails"))
    {
      if (g_atomic_int_get (&crashing))
        g_set_error (error, SAG_JOB_ERROR, SAG_JOB_ERROR_CRASHED, "The program that does this work stopped");
      else
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                     "The network wants more memory than there is; choose INT8.");
      return NULL;
    }
  while (g_str_equal (model, "fake.slow"))
    {
      if (sink->is_cancelled (sink->data))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
          return NULL;
        }
      g_usleep (1000);
    }
  send_segmentation (sink, precision);
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "bytes", "t", (guint64) 210000000);
  g_variant_dict_insert (&result, "model-bytes", "t",
                         (guint64) (g_str_equal (precision, "int8") ? 5000 : 20000));
  g_variant_dict_insert (&result, "seconds", "d", 0.1);
  g_variant_dict_insert_value (&result, "timings",
                               g_variant_new_array (G_VARIANT_TYPE ("(sd)"), NULL, 0));
  if (g_str_equal (precision, "int8"))
    g_variant_dict_insert (&result, "doubt", "s", "2.5 % of the numbers exceed their ranges.");
  return g_variant_dict_end (&result);
}

/* Dice 0.98 of both labels, slice 7 differs by 16 voxels. */
static GVariant *
run_compare (GVariant *request)
{
  GVariantBuilder labels, slices;
  gboolean surface = TRUE;
  GVariantDict result;

  g_variant_lookup (request, "surface", "b", &surface);
  g_variant_builder_init (&labels, G_VARIANT_TYPE ("a(isddddd)"));
  g_variant_builder_add (&labels, "(isddddd)", 1, "Right half", 0.98, surface ? 2.0 : NAN,
                         surface ? 0.1 : NAN, 10.0, 10.1);
  g_variant_builder_add (&labels, "(isddddd)", 2, "Left half", 0.98, surface ? 2.0 : NAN,
                         surface ? 0.1 : NAN, 10.0, 9.9);
  g_variant_builder_init (&slices, G_VARIANT_TYPE ("a(iu)"));
  g_variant_builder_add (&slices, "(iu)", 7, 16);
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "mean-dice", "d", 0.98);
  g_variant_dict_insert_value (&result, "labels", g_variant_builder_end (&labels));
  g_variant_dict_insert_value (&result, "slices", g_variant_builder_end (&slices));
  return g_variant_dict_end (&result);
}

/* Notes are kept in memory, from one window to the next. */
static char *note;

static GVariant *
run_keep (GVariant *request)
{
  GVariantDict result;

  g_free (note);
  g_variant_lookup (request, "text", "s", &note);
  g_variant_dict_init (&result, NULL);
  return g_variant_dict_end (&result);
}

static GVariant *
run_recall (GVariant *request)
{
  GVariantDict result;

  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "text", "s", note != NULL ? note : "");
  return g_variant_dict_end (&result);
}

static GVariant *
run_thumbnail (void)
{
  guint8 rgba[8 * 6 * 4];
  GVariantDict result;

  memset (rgba, 200, sizeof rgba);
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "width", "u", 8);
  g_variant_dict_insert (&result, "height", "u", 6);
  g_variant_dict_insert_value (
      &result, "rgba", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, rgba, sizeof rgba, 1));
  return g_variant_dict_end (&result);
}

static GVariant *
run_tags (void)
{
  GVariantBuilder tags;
  GVariantDict result;

  g_variant_builder_init (&tags, G_VARIANT_TYPE ("a(ussss)"));
  g_variant_builder_add (&tags, "(ussss)", 0, "(0008,0060)", "CS", "Modality", "CT");
  g_variant_builder_add (&tags, "(ussss)", 0, "(0010,0010)", "PN", "PatientName", "Doe^Jane");
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert_value (&result, "tags", g_variant_builder_end (&tags));
  return g_variant_dict_end (&result);
}

static GVariant *
run_export (GVariant     *request,
            GUnixFDList  *fds,
            GError      **error)
{
  const char *path = NULL, *format = NULL;
  g_autofree char *text = NULL;
  guint32 width = 0, height = 0;
  GVariantDict result;
  int handle;

  g_variant_lookup (request, "path", "^&ay", &path);
  g_variant_lookup (request, "format", "&s", &format);
  text = g_strdup (format);
  if (g_variant_lookup (request, "pixels", "h", &handle)
      && g_variant_lookup (request, "width", "u", &width)
      && g_variant_lookup (request, "height", "u", &height))
    {
      gsize n = (gsize) width * height * 4;
      g_autoptr (SagBlock) pixels = sag_wire_map (fds, handle, n, error);
      g_autofree char *sum = NULL;

      if (pixels == NULL)
        return NULL;
      sum = g_compute_checksum_for_data (G_CHECKSUM_MD5, sag_block_get_data (pixels), n);
      g_free (text);
      text = g_strdup_printf ("png %ux%u %s", width, height, sum);
    }
  if (!g_file_set_contents (path, text, -1, error))
    return NULL;
  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "path", "^ay", path);
  g_variant_dict_insert (&result, "bytes", "t", (guint64) strlen (format));
  return g_variant_dict_end (&result);
}

static GVariant *
empty_result (void)
{
  GVariantDict result;

  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "seconds", "d", 0.1);
  return g_variant_dict_end (&result);
}

void
fake_set_slow (gboolean yes)
{
  g_atomic_int_set (&fake_is_slow, yes);
}

static GVariant *
run_edit (GVariant         *request,
          GUnixFDList      *fds,
          const SagJobSink *sink,
          GError          **error)
{
  g_autoptr (GVariant) described =
      g_variant_lookup_value (request, "segmentation", G_VARIANT_TYPE_VARDICT);
  g_autoptr (SagSegmentation) segmentation = sag_segmentation_from_variant (described, fds, error);
  g_autoptr (GArray) changes = g_array_new (FALSE, TRUE, sizeof (SagChange));
  g_autoptr (GUnixFDList) out = g_unix_fd_list_new ();
  g_autofree guint8 *copy = NULL;
  const char *operation = "";
  SagLabelmap *map;
  guint8 label = 0;

  g_variant_lookup (request, "operation", "&s", &operation);
  g_variant_lookup (request, "label", "y", &label);
  map = sag_segmentation_get_layer (segmentation, 0);
  copy = g_memdup2 (sag_labelmap_get_voxels (map), NX * NY * NZ);
  while (g_atomic_int_get (&fake_is_slow) && !sink->is_cancelled (sink->data))
    g_usleep (1000);
  if (!sag_edit_apply (operation, copy, sag_labelmap_get_grid (map), label, NULL, changes, error))
    return NULL;
  if (changes->len > 0)
    {
      int handle = sag_wire_append_bytes (out, changes->data, changes->len * sizeof (SagChange), error);

      sink->partial ("changes", g_variant_new_parsed ("{'n': <%t>, 'changes': <%h>}", (guint64) changes->len, handle),
                     out, sink->data);
    }
  return g_variant_new_parsed ("{'n': <%t>}", (guint64) changes->len);
}

static GVariant *
run_parts (GVariant     *request,
           GUnixFDList  *fds,
           GError      **error)
{
  g_autoptr (GVariant) described =
      g_variant_lookup_value (request, "segmentation", G_VARIANT_TYPE_VARDICT);
  g_autoptr (SagSegmentation) segmentation = sag_segmentation_from_variant (described, fds, error);
  g_autoptr (GArray) parts = sag_parts_find (segmentation, NULL, error);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(itd(ddd))"));
  for (guint p = 0; p < parts->len; p++)
    {
      const SagPart *part = &g_array_index (parts, SagPart, p);

      g_variant_builder_add (&builder, "(itd(ddd))", part->number, part->n_voxels, part->confidence,
                             part->at[0], part->at[1], part->at[2]);
    }
  return g_variant_new_parsed ("{'parts': <%*>}", g_variant_builder_end (&builder));
}

static GVariant *
run (gpointer          self,
     SagJobKind        kind,
     GVariant         *request,
     GUnixFDList      *fds,
     const SagJobSink *sink,
     GError          **error)
{
  const char *uid = "";
  gboolean straighten = FALSE;

  switch (kind)
    {
    case SAG_JOB_INDEX:
      return run_index (request);
    case SAG_JOB_READ:
      g_variant_lookup (request, "uid", "&s", &uid);
      if (g_str_equal (uid, "1.broken"))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                       "The file /fake/broken/1 ends early; copy it again.");
          return NULL;
        }
      g_variant_lookup (request, "straighten", "b", &straighten);
      send_volume (sink, straighten);
      return empty_result ();
    case SAG_JOB_READ_SEGMENTATION:
      send_segmentation (sink, "");
      return empty_result ();
    case SAG_JOB_THUMBNAIL:
      return run_thumbnail ();
    case SAG_JOB_TAGS:
      return run_tags ();
    case SAG_JOB_MODELS:
      return run_models ();
    case SAG_JOB_ESTIMATE:
      return run_estimate (request);
    case SAG_JOB_SEGMENT:
      return run_segment (request, sink, error);
    case SAG_JOB_COMPARE:
      return run_compare (request);
    case SAG_JOB_EDIT:
      return run_edit (request, fds, sink, error);
    case SAG_JOB_PARTS:
      return run_parts (request, fds, error);
    case SAG_JOB_KEEP:
      return run_keep (request);
    case SAG_JOB_RECALL:
      return run_recall (request);
    case SAG_JOB_EXPORT:
      return run_export (request, fds, error);
    default:
      g_assert_not_reached ();
    }
}

static gpointer
create (void)
{
  return g_new0 (int, 1);
}

void
fake_install (void)
{
  static const SagJobBody body = { create, run, g_free };

  sag_runner_inline_install (&body, 1);
}

void
fake_remove (void)
{
  sag_runner_inline_remove ();
}
