/* SPDX-License-Identifier: Apache-2.0
 *
 * test-plugin.c: good plugins, and one for each rule that a plugin can break (plugins/fixture.c).
 */
#include "app/plugin/check.h"
#include "app/plugin/host.h"
#include "engine/base/error.h"
#include "engine/base/parallel.h"
#include "tests/tree.h"

#include <glib/gstdio.h>
#include <math.h>
#include <fenv.h>
#include <string.h>

/* --- bundles in a folder of their own ---------------------------------------------------- */

static char *scratch; /* of one test */

static void
set_up (void)
{
  scratch = g_dir_make_tmp ("sagitta-XXXXXX", NULL);
}

static void
tear_down (void)
{
  remove_tree (scratch);
  g_clear_pointer (&scratch, g_free);
}

static void
copy_file (const char *from, const char *to)
{
  g_autofree char *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  g_file_get_contents (from, &data, &length, &error);
  g_assert_no_error (error);
  g_file_set_contents (to, data, (gssize) length, &error);
  g_assert_no_error (error);
}

/* scratch/<fault>/, with <fault>.so or sign3d.onnx in it. */
static char *
make_bundle (const char *fault)
{
  char *folder = g_build_filename (scratch, fault, NULL);
  g_autofree char *name = g_strconcat (fault, ".so", NULL);
  g_autofree char *from = g_test_build_filename (G_TEST_BUILT, "app", "plugins", name, NULL);
  g_autofree char *to = g_build_filename (folder, name, NULL);
  g_autofree char *net = g_test_build_filename (G_TEST_DIST, "engine", "nets", "sign3d.onnx", NULL);
  g_autofree char *net_to = g_build_filename (folder, "sign3d.onnx", NULL);

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  if (g_file_test (from, G_FILE_TEST_EXISTS))
    copy_file (from, to);
  copy_file (net, net_to);
  return folder;
}

static SagPluginHost *
open_bundle (const char *fault)
{
  g_autofree char *folder = make_bundle (fault);
  const char *const folders[] = { folder, NULL };

  return sag_plugin_host_new (folders);
}

static void
write_text (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* Values -1000 … 1000, rising along i. */
static SagVolume *
make_ramp (void)
{
  const int size[3] = { 21, 16, 12 };
  const double spacing[3] = { 1, 1, 2 };
  SagGrid grid;
  SagVolume *volume;

  sag_grid_init (&grid, size, spacing);
  volume = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1, 0, "HU", NULL);
  for (int k = 0; k < 12; k++)
    for (int v = 0; v < 21 * 16; v++)
      ((gint16 *) sag_volume_get_slice (volume, k))[v] = (gint16) (v % 21 * 100 - 1000);
  sag_volume_mark_ready (volume, 0, 12);
  return volume;
}

static SagSegmentation *
run (SagPluginHost *host, const SagPluginEntry *entry, const SagTick *tick,
     SagSegmentReport *report, GError **error)
{
  g_autoptr (SagVolume) volume = make_ramp ();

  return sag_plugin_host_segment (host, entry, SAG_PRECISION_F32, volume, NULL, tick, report,
                                  error);
}

static int
label_at (SagSegmentation *result, int i)
{
  return sag_labelmap_get_voxels (sag_segmentation_get_layer (result, 0))[i];
}

static void
assert_contains (const char *text, const char *part)
{
  if (text == NULL || strstr (text, part) == NULL)
    g_error ("'%s' does not say '%s'", text != NULL ? text : "(nothing)", part);
}

/* --- good ones --------------------------------------------------------------------------- */

static void
test_good (void)
{
  set_up ();
  {
    g_autoptr (SagPluginHost) host = open_bundle ("GOOD");
    g_autoptr (GError) error = NULL;
    const SagPluginEntry *entry = sag_plugin_host_find (host, "org.example.fixture", &error);
    g_autoptr (SagSegmentation) result = NULL;
    g_autoptr (SagSegmentation) at_int8 = NULL;
    g_autoptr (SagVolume) volume = make_ramp ();
    const SagLabel *label;

    g_assert_no_error (error);
    g_assert_cmpint (sag_plugin_host_get_n_entries (host), ==, 1);
    g_assert_null (entry->failure);
    g_assert_null (entry->onnx);
    g_assert_cmpstr (entry->recipe->modality, ==, "CT");
    g_assert_cmpuint (entry->precisions, ==, 1u << SAG_PRECISION_F32);
    result = run (host, entry, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (label_at (result, 10), ==, 0);
    g_assert_cmpint (label_at (result, 11), ==, 1);
    g_assert_cmpint (label_at (result, 16), ==, 7);
    g_assert_cmpint (sag_segmentation_get_n_ready (result), ==, 12);
    label = sag_labelmap_find_label (sag_segmentation_get_layer (result, 0), 1);
    g_assert_cmpstr (label->name, ==, "Bright");
    g_assert_cmpstr (label->type.value, ==, "39607008");
    g_assert_cmpstr (label->type.meaning, ==, "Lung");
    g_assert_cmpstr (label->modifier.meaning, ==, "Left");
    g_assert_cmpstr (label->category.value, ==, "123037004");
    g_assert_cmpint (label->rgb[2], ==, 30);
    g_assert_cmpint (strlen (sag_segmentation_get_provenance (result)->weights_sha256), ==, 64);

    at_int8 = sag_plugin_host_segment (host, entry, SAG_PRECISION_INT8, volume, NULL, NULL, NULL,
                                       &error);
    g_assert_null (at_int8);
    g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_UNSUPPORTED);
    assert_contains (error->message, "fp32");
  }
  tear_down ();
}

static void
test_network (void)
{
  set_up ();
  {
    g_autoptr (SagPluginHost) host = open_bundle ("NETWORK");
    g_autoptr (GError) error = NULL;
    const SagPluginEntry *entry = sag_plugin_host_find (host, "org.example.fixture", &error);
    g_autoptr (SagSegmentation) a = NULL, b = NULL;
    g_autoptr (SagVolume) volume = make_ramp ();
    SagSegmentNeeds needs;
    SagSegmentReport report;

    g_assert_no_error (error);
    g_assert_cmpfloat (entry->recipe->temperature[SAG_PRECISION_F32], ==, 1.5f);
    g_assert_true (entry->recipe->calibrated[SAG_PRECISION_F32]);
    g_assert_false (entry->recipe->calibrated[SAG_PRECISION_INT8]);
    a = run (host, entry, NULL, &report, &error);
    g_assert_no_error (error);
    g_assert_cmpfloat (report.load_ms, >, 0);
    g_assert_cmpint (label_at (a, 10), ==, 0);
    g_assert_cmpint (label_at (a, 11), ==, 1);
    sag_plugin_host_bytes (host, entry, SAG_PRECISION_F32, sag_volume_get_grid (volume), &needs,
                           &error);
    g_assert_no_error (error);
    g_assert_cmpuint (report.peak_bytes, <=, needs.total_bytes);
    /* The network is still there. */
    b = run (host, entry, NULL, &report, &error);
    g_assert_no_error (error);
    g_assert_cmpfloat (report.load_ms, ==, 0);
  }
  tear_down ();
}

/* What a run will need is the program's to say, so no plugin can break check-plugin's rule of the huge volume: it is
 * tried here on both kinds, up to sizes whose product no longer fits 32 bits. */
static void
test_estimate (void)
{
  static const int sizes[] = { 64, 512, 1024, 2048, 4096 };
  static const char *const bundles[] = { "GOOD", "NETWORK" };
  const double spacing[3] = { 1, 1, 1 };

  set_up ();
  for (gsize b = 0; b < G_N_ELEMENTS (bundles); b++)
    {
      g_autoptr (SagPluginHost) host = open_bundle (bundles[b]);
      const SagPluginEntry *entry = sag_plugin_host_find (host, "org.example.fixture", NULL);
      guint64 before = 0;

      for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          const int size[3] = { sizes[i], sizes[i], sizes[i] };
          g_autoptr (GError) error = NULL;
          SagSegmentNeeds needs;
          SagGrid grid;

          sag_grid_init (&grid, size, spacing);
          if (sag_plugin_host_bytes (host, entry, SAG_PRECISION_F32, &grid, &needs, &error))
            {
              g_assert_no_error (error);
              g_assert_cmpuint (needs.total_bytes, >=, sag_grid_get_n_voxels (&grid));
              g_assert_cmpuint (needs.total_bytes, >, before);
              before = needs.total_bytes;
            }
          else
            g_assert_true (error != NULL && *error->message != '\0' && sizes[i] > 1024);
        }
    }
  tear_down ();
}

/* A ramp through 300 HU, and a tick that stops. */
static gboolean
stop (double fraction, gpointer data)
{
  return FALSE;
}

static void
test_threshold (void)
{
  g_autofree char *folder
    = g_test_build_filename (G_TEST_BUILT, "..", "plugins", "threshold", NULL);
  const char *const folders[] = { folder, NULL };
  g_autoptr (SagPluginHost) host = sag_plugin_host_new (folders);
  g_autoptr (GError) error = NULL;
  const SagPluginEntry *entry = sag_plugin_host_find (host, "org.sagitta.threshold", &error);
  g_autoptr (SagSegmentation) result = NULL, stopped = NULL;
  const SagTick tick = { stop, NULL };
  const guint8 *confidence;

  g_assert_no_error (error);
  result = run (host, entry, NULL, NULL, &error);
  g_assert_no_error (error);
  confidence = sag_block_get_data (sag_segmentation_get_confidence (result));
  g_assert_cmpint (label_at (result, 12), ==, 0); /* 200 HU */
  g_assert_cmpint (label_at (result, 13), ==, 1); /* 300 HU */
  g_assert_cmpint (confidence[12], ==, 255);
  g_assert_cmpint (confidence[13], ==, 127);
  stopped = run (host, entry, &tick, NULL, &error);
  g_assert_null (stopped);
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_CANCELLED);
}

/* --- bad ones ---------------------------------------------------------------------------- */

static const struct
{
  const char *fault;
  const char *reason;
} descriptions[] = {
  { "OLD_SIZE", "its size is 8" },
  { "ABSURD_SIZE", "its size is 2147483647" },
  { "WRONG_ABI", "written for plugin ABI 2, this program has ABI 1" },
  { "NO_MODELS", "models: there are none" },
  { "OLD_MODEL", "model: its size is 24" },
  { "NULL_NAME", "name: it is NULL" },
  { "BAD_UTF8", "name: it is not UTF-8" },
  { "BAD_ID", "id: 'Not An Id' is not" },
  { "LONG_NAME", "name: it has 80 bytes" },
  { "NO_PRECISION", "precisions" },
  { "NULL_LABELS", "labels: it is NULL" },
  { "LABEL_ZERO", "value 0" },
  { "LABEL_TWICE", "value 1 occurs twice" },
  { "BAD_CODE", "label type: 'Lung' is not a code" },
  { "NO_CODE_NO_NET", "net: it is NULL" },
  { "MISSING_ONNX", "no file 'absent.onnx'" },
  { "ONNX_OUTSIDE", "leads out of the plugin's folder" },
  { "BAD_ORIENTATION", "orientation: 'LLS'" },
  { "BAD_OVERLAP", "overlap: 0.9" },
  { "NO_SYMBOL", "exports no 'sag_plugin'" },
};

/* Listed with the reason, not found by id, and nothing else happens. */
static void
test_descriptions (void)
{
  set_up ();
  for (gsize i = 0; i < G_N_ELEMENTS (descriptions); i++)
    {
      g_autoptr (SagPluginHost) host = open_bundle (descriptions[i].fault);
      const SagPluginEntry *entry;
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (sag_plugin_host_get_n_entries (host), ==, 1);
      entry = sag_plugin_host_get_entry (host, 0);
      assert_contains (entry->failure, descriptions[i].reason);
      g_assert_null (sag_plugin_host_find (host, entry->recipe->id, &error));
      assert_contains (error->message, descriptions[i].reason);
    }
  tear_down ();
}

static const struct
{
  const char *fault;
  int         code;
  const char *reason;
} runs[] = {
  { "NO_MODEL", SAG_PLUGIN_ERROR_FAILED, "could not be started at fp32" },
  { "NULL_SEGMENT", SAG_PLUGIN_ERROR_CONTRACT, "no segment" },
  { "FAILS", SAG_PLUGIN_ERROR_FAILED, "there is no such organ in this volume" },
  { "LONG_MESSAGE", SAG_PLUGIN_ERROR_FAILED, "caf\xc3\xa9" },
  { "SILENT_FAILURE", SAG_PLUGIN_ERROR_CONTRACT, "failed without a message" },
  { "LYING_SUCCESS", SAG_PLUGIN_ERROR_CONTRACT, "it went wrong" },
  { "UNASKED_CANCEL", SAG_PLUGIN_ERROR_CONTRACT, "nobody asked" },
  { "UNKNOWN_STATUS", SAG_PLUGIN_ERROR_CONTRACT, "status 77" },
  { "ALIEN_LABEL", SAG_PLUGIN_ERROR_CONTRACT, "voxel (16, 0, 0) has value 9" },
  { "PAST_MESSAGE", SAG_PLUGIN_ERROR_CONTRACT, "past the end of the message" },
};

static void
test_runs (void)
{
  set_up ();
  for (gsize i = 0; i < G_N_ELEMENTS (runs); i++)
    {
      g_autoptr (SagPluginHost) host = open_bundle (runs[i].fault);
      g_autoptr (GError) error = NULL;
      const SagPluginEntry *entry = sag_plugin_host_find (host, "org.example.fixture", &error);
      g_autoptr (SagSegmentation) result = NULL;

      g_assert_no_error (error);
      result = run (host, entry, NULL, NULL, &error);
      g_assert_null (result);
      g_assert_error (error, SAG_PLUGIN_ERROR, runs[i].code);
      assert_contains (error->message, "org.example.fixture");
      assert_contains (error->message, runs[i].reason);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  tear_down ();
}

/* The processor's mode after a run is the program's, whatever the plugin's code did to it. */
static void
test_rounding (void)
{
  set_up ();
  {
    g_autoptr (SagPluginHost) host = open_bundle ("ROUNDS_UP");
    g_autoptr (GError) error = NULL;
    g_autoptr (SagSegmentation) result
      = run (host, sag_plugin_host_find (host, "org.example.fixture", NULL), NULL, NULL, &error);

    g_assert_no_error (error);
    g_assert_nonnull (result);
    g_assert_cmpint (fegetround (), ==, FE_TONEAREST);
  }
  tear_down ();
}

static void
count_rules (const SagCheck *check, gpointer data)
{
  GString *broken = data;

  if (check->failure != NULL)
    g_string_append_printf (broken, "%s: %s\n", check->rule, check->failure);
}

static void
check_fault (const char *fault, const char *expected)
{
  g_autofree char *folder = make_bundle (fault);
  g_autoptr (GString) broken = g_string_new (NULL);
  const SagCheckWatch watch = { .tell = count_rules, .data = broken };
  int failures = sag_plugin_check (folder, &watch);

  if (expected == NULL)
    {
      g_assert_cmpstr (broken->str, ==, "");
      g_assert_cmpint (failures, ==, 0);
      return;
    }
  g_assert_cmpint (failures, >, 0);
  assert_contains (broken->str, expected);
}

/* The contract check passes the good, and finds what a single run does not. */
static void
test_check (void)
{
  set_up ();
  check_fault ("GOOD", NULL);
  check_fault ("NETWORK", NULL);
  check_fault ("UNWRITTEN_CONFIDENCE", "was not written");
  check_fault ("IGNORES_CANCEL", "went on");
  check_fault ("NEVER_ASKS", "it asked 0 times");
  check_fault ("FALLING_PROGRESS", "progress fell");
  check_fault ("FORGETFUL", "in two runs");
  check_fault ("OTHER_THREAD", "on another thread");
  check_fault ("COUNTS_THREADS", "with one thread and several");
  check_fault ("LIES_STOPPED", "it said: ");
  check_fault ("ASKS_ON", "it went on");
  check_fault ("SPOILED", "before and after a cancelled run");
  check_fault ("ONLY_ONE", "a second model can be made and destroyed: ");
  check_fault ("ONLY_LARGE", "starts at fp32: ");
  check_fault ("NO_CARD", "there is no file");
  check_fault ("ALIEN_LABEL", "which is no label");
  check_fault ("SILENT_FAILURE", "failed without a message");
  check_fault ("WRONG_ABI", "written for plugin ABI 2");
  check_fault ("NOTHING_HERE", "there is none in this folder");
  tear_down ();
}

/* --- key files --------------------------------------------------------------------------- */

static const char good_keys[] =
  "[model]\nid = org.example.keys\nname = Keys\nversion = 2\nmodality = MR\n"
  "description = By key file.\nprecisions = fp32; int8\n"
  "[input]\nspacing = 1; 1; 2\norientation = LPS\npatch = 8; 8; 8\noverlap = 0.25\n"
  "clip = -500; 500\nmean = 0\nstd = 100\npadding = edge\n"
  "[output]\nkind = softmax\ntemperature = 1.25\nfinish = keep-largest; fill-holes\n"
  "[label 3]\nname = Bright\ntype = SCT:39607008:Lung\ncolour = #102030\n"
  "[trained-on]\nspacing-min = 0.5; 0.5; 1\nspacing-max = 2; 2; 5\nintensity = -1000; 1000\n";

static void
test_key_file (void)
{
  set_up ();
  {
    g_autofree char *folder = make_bundle ("keys");
    g_autofree char *onnx = g_build_filename (folder, "sign3d.onnx", NULL);
    const char *const folders[] = { scratch, NULL };
    g_autoptr (SagPluginHost) host = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (SagSegmentation) result = NULL;
    const SagPluginEntry *entry;

    write_text (folder, "sign3d.model", good_keys);
    host = sag_plugin_host_new (folders);
    entry = sag_plugin_host_find (host, "org.example.keys", &error);
    g_assert_no_error (error);
    g_assert_true (entry == sag_plugin_host_find (host, onnx, &error));
    g_assert_true (entry == sag_plugin_host_find (host, "keys", &error));
    g_assert_null (sag_plugin_host_find (host, "eys", NULL));
    g_assert_null (sag_plugin_host_find (host, "", NULL));
    g_assert_cmpuint (entry->precisions, ==,
                      (1u << SAG_PRECISION_F32) | (1u << SAG_PRECISION_INT8));
    g_assert_cmpfloat (entry->recipe->spacing[2], ==, 2);
    g_assert_cmpint (entry->recipe->padding, ==, SAG_PADDING_EDGE);
    g_assert_cmpint (entry->recipe->clean, ==, SAG_CLEAN_KEEP_LARGEST | SAG_CLEAN_FILL_HOLES);
    g_assert_cmpfloat (entry->recipe->temperature[SAG_PRECISION_INT4], ==, 1.25f);
    g_assert_cmpfloat (entry->recipe->intensity[1], ==, 1000);
    g_assert_cmpint (entry->recipe->labels[0].value, ==, 3);
    g_assert_cmpint (entry->recipe->labels[0].rgb[1], ==, 0x20);
    result = run (host, entry, NULL, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpint (label_at (result, 15), ==, 3);
  }
  tear_down ();
}

static const struct
{
  const char *keys;
  const char *reason;
} bad_keys[] = {
  { "[label 1]\nname = A\n[input]\nspaceing = 1;1;1\n", "[input] spaceing: there is no such key" },
  { "[label 1]\nname = A\n[inputs]\nspacing = 1;1;1\n", "[inputs] spacing: there is no such key" },
  { "[label 1]\nname = A\n[input]\nspacing = 1;1\n", "[input] spacing: '1;1' is not 3 numbers" },
  { "[label 1]\nname = A\n[input]\npatch = 1.5;1;1\n", "whole numbers" },
  { "[label 1]\nname = A\n[input]\npatch = 1e30;1;1\n", "whole numbers" },
  { "[label 1]\nname = A\n[input]\noverlap = nan\n", "overlap: nan" },
  { "[label 1]\nname = A\n[input]\npatch = nan;1;1\n", "whole numbers" },
  { "[label 1]\nname = A\n[input]\nfit = round\n", "spacing/stretch/inside" },
  { "[label 1]\nname = A\n[input]\nfit = stretch;inside\n", "spacing/stretch/inside" },
  { "[label 1]\nname = A\n[output]\nkind =\n", "softmax/sigmoid/probabilities/argmax" },
  { "[label 1]\nname = A\n[input]\norientation = LP\n", "three letters" },
  { "[label 1]\nname = A\n[input]\nper-slice = maybe\n", "true or false" },
  { "[label 1]\nname = A\n[output]\nfinish = polish\n", "keep-largest/fill-holes" },
  { "[label 1]\nname = A\ncolour = red\n", "a colour such as" },
  { "[label 1]\ntype = SCT:1:A\n", "[label 1] name" },
  { "[label 0]\nname = A\n", "1 to 255" },
  { "[label x]\nname = A\n", "1 to 255" },
  { "[label 1]\nname = A\ntype = Lung\n", "is not a code" },
  { "[label 1]\nname = A\n[label 01]\nname = B\n", "value 1 occurs twice" },
  { "[model]\nname = No labels\n", "labels: there are 0" },
  { "[label 1]\nname = A\n[model]\nid = My Model\n", "id: 'My Model'" },
  { "[label 1]\nname = A\n[model]\nprecisions = fp64\n", "fp64" },
  { "not a key file", "not a key file" },
  { "[label 1]\nname = \xff\n", "UTF-8" },
};

static void
test_bad_key_files (void)
{
  set_up ();
  for (gsize i = 0; i < G_N_ELEMENTS (bad_keys); i++)
    {
      g_autofree char *name = g_strdup_printf ("keys%d", (int) i);
      g_autofree char *folder = make_bundle (name);
      const char *const folders[] = { folder, NULL };
      g_autoptr (SagPluginHost) host = NULL;

      write_text (folder, "sign3d.model", bad_keys[i].keys);
      host = sag_plugin_host_new (folders);
      g_assert_cmpint (sag_plugin_host_get_n_entries (host), ==, 1);
      assert_contains (sag_plugin_host_get_entry (host, 0)->failure, bad_keys[i].reason);
      assert_contains (sag_plugin_host_get_entry (host, 0)->failure, "sign3d.model");
    }
  tear_down ();
}

static void
test_alone (void)
{
  set_up ();
  {
    g_autofree char *folder = make_bundle ("alone");
    g_autofree char *onnx = g_build_filename (folder, "sign3d.onnx", NULL);
    const char *const folders[] = { folder, NULL };
    g_autoptr (SagPluginHost) host = sag_plugin_host_new (folders);
    g_autoptr (GError) error = NULL;

    /* A network without a word about it. */
    g_assert_cmpint (sag_plugin_host_get_n_entries (host), ==, 0);
    g_assert_null (sag_plugin_host_find (host, onnx, &error));
    g_assert_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_INVALID);
    assert_contains (error->message, "no key file");
    g_clear_error (&error);
    g_assert_null (sag_plugin_host_find (host, "/nowhere/x.onnx", &error));
    g_assert_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_NOT_FOUND);
    g_clear_error (&error);
    g_assert_null (sag_plugin_host_find (host, "org.example.other", &error));
    assert_contains (error->message, "none at all");

    /* Words about no network. */
    write_text (folder, "sign3d.model", good_keys);
    g_remove (onnx);
    g_clear_pointer (&host, sag_plugin_host_free);
    host = sag_plugin_host_new (folders);
    assert_contains (sag_plugin_host_get_entry (host, 0)->failure, "no '");
  }
  tear_down ();
}

/* The least a key file can say. */
static void
test_least (void)
{
  set_up ();
  {
    g_autofree char *folder = make_bundle ("least");
    const char *const folders[] = { folder, NULL };
    g_autoptr (SagPluginHost) host = NULL;
    const SagPluginEntry *entry;

    write_text (folder, "sign3d.model", "[label 1]\nname = Something\n");
    host = sag_plugin_host_new (folders);
    entry = sag_plugin_host_get_entry (host, 0);
    g_assert_cmpstr (entry->failure, ==, NULL);
    g_assert_cmpstr (entry->recipe->id, ==, "local.sign3d");
    g_assert_cmpstr (entry->recipe->name, ==, "sign3d");
    g_assert_cmpuint (entry->precisions, ==, 1u << SAG_PRECISION_F32);
  }
  tear_down ();
}

/* --- lists ------------------------------------------------------------------------------- */

static void
test_lists (void)
{
  set_up ();
  {
    static const char *const faults[] = { "GOOD", "NETWORK", "WRONG_ABI" };
    g_autofree char *keys = make_bundle ("keys");
    g_auto (GStrv) folders = NULL;
    g_autoptr (SagPluginHost) host = NULL;
    g_autoptr (GVariant) list = NULL;
    g_autoptr (GError) error = NULL;
    int n_failed = 0;

    for (gsize f = 0; f < G_N_ELEMENTS (faults); f++)
      g_free (make_bundle (faults[f]));
    write_text (keys, "sign3d.model", good_keys);
    g_setenv ("SAG_PLUGIN_PATH", scratch, TRUE);
    folders = sag_plugin_host_get_default_folders ();
    g_unsetenv ("SAG_PLUGIN_PATH");
    g_assert_cmpstr (folders[0], ==, scratch);
    g_clear_pointer (&folders[1], g_free); /* what else this machine has */
    host = sag_plugin_host_new ((const char *const *) folders);
    g_assert_cmpint (sag_plugin_host_get_n_entries (host), ==, 4);
    for (int i = 0; i < 4; i++)
      n_failed += sag_plugin_host_get_entry (host, i)->failure != NULL;
    g_assert_cmpint (n_failed, ==, 2); /* the ABI, and a second plugin of the same id */
    assert_contains (sag_plugin_host_get_entry (host, 1)->failure, "the same id");
    g_assert_null (sag_plugin_host_find (host, "org.example.other", &error));
    assert_contains (error->message, "org.example.fixture, org.example.keys");

    list = g_variant_ref_sink (sag_plugin_host_describe (host));
    g_assert_cmpstr (g_variant_get_type_string (list), ==, "aa{sv}");
    g_assert_cmpint (g_variant_n_children (list), ==, 4);
    for (int i = 0; i < 4; i++)
      {
        g_autoptr (GVariant) entry = g_variant_get_child_value (list, (gsize) i);
        g_autoptr (GVariant) labels = NULL;
        g_autofree const char **precisions = NULL;
        const char *id, *failure;

        g_assert_true (g_variant_lookup (entry, "id", "&s", &id));
        g_assert_true (g_variant_lookup (entry, "failure", "&s", &failure));
        g_assert_true (g_variant_lookup (entry, "precisions", "^a&s", &precisions));
        labels = g_variant_lookup_value (entry, "labels", NULL);
        if (strcmp (id, "org.example.keys") == 0)
          {
            g_assert_cmpstr (failure, ==, "");
            g_assert_cmpstr (precisions[1], ==, "int8");
            g_assert_cmpint (g_variant_n_children (labels), ==, 1);
          }
      }
  }
  tear_down ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  sag_parallel_own (SAG_TEAM_COMPUTE, 2);
  g_test_add_func ("/plugin/good", test_good);
  g_test_add_func ("/plugin/network", test_network);
  g_test_add_func ("/plugin/estimate", test_estimate);
  g_test_add_func ("/plugin/threshold", test_threshold);
  g_test_add_func ("/plugin/descriptions", test_descriptions);
  g_test_add_func ("/plugin/runs", test_runs);
  g_test_add_func ("/plugin/rounding", test_rounding);
  g_test_add_func ("/plugin/check", test_check);
  g_test_add_func ("/plugin/key-file", test_key_file);
  g_test_add_func ("/plugin/bad-key-files", test_bad_key_files);
  g_test_add_func ("/plugin/alone", test_alone);
  g_test_add_func ("/plugin/least", test_least);
  g_test_add_func ("/plugin/lists", test_lists);
  return g_test_run ();
}
