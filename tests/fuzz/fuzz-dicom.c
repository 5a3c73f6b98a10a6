/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-dicom.c: any bytes as a DICOM file: header, pixels, segmentation; what is wrong with it; its
 * copy without names.
 */
#include "app/dicom/deidentify.h"
#include "app/dicom/pixels.h"
#include "app/dicom/validate.h"
#include "app/files/open.h"
#include "engine/base/parallel.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory-file.h"

static void
validate (const guint8 *data, gsize size)
{
  g_autoptr (GHashTable) known =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) sag_fault_free);
  SagFaults      faults = { .known = known, .series = "", .path = "" };
  GHashTableIter iter;
  gpointer       fault;

  sag_validate_object (data, size, &faults);
  g_hash_table_iter_init (&iter, known);
  while (g_hash_table_iter_next (&iter, NULL, &fault))
    g_assert_true (g_utf8_validate (((SagFault *) fault)->text, -1, NULL));
}

/* The same copy each time, and, of what `is_image`, one that can itself be copied. */
static void
deidentify (const guint8 *data, gsize size, gboolean is_image)
{
  g_autoptr (GHashTable) texts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GByteArray) head = NULL, tail = NULL, again = NULL, more = NULL;
  g_autoptr (GError) error = NULL;
  const guint8 *pixels, *same;
  gsize         n_pixels, n_same;

  sag_deidentify_collect (data, size, SAG_DATES_SHIFT, texts);
  head = sag_deidentify_bytes (data, size, "key", SAG_DATES_SHIFT, texts, &pixels, &n_pixels, &tail,
                               &error);
  g_assert_true ((head == NULL) == (error != NULL));
  if (head == NULL)
    return;
  again =
      sag_deidentify_bytes (data, size, "key", SAG_DATES_SHIFT, texts, &same, &n_same, &more, NULL);
  g_assert_cmpmem (head->data, head->len, again->data, again->len);
  g_assert_cmpmem (tail->data, tail->len, more->data, more->len);
  g_assert_true (n_pixels == 0 || (pixels >= data && pixels + n_pixels <= data + size));
  g_assert_true (n_same == n_pixels);
  g_byte_array_append (again, pixels, (guint) n_pixels);
  g_byte_array_append (again, tail->data, tail->len);
  validate (again->data, again->len);
  g_clear_pointer (&head, g_byte_array_unref);
  g_clear_pointer (&tail, g_byte_array_unref);
  head = sag_deidentify_bytes (again->data, again->len, "key", SAG_DATES_SHIFT, texts, &pixels,
                               &n_pixels, &tail, &error);
  if (is_image)
    g_assert_no_error (error);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  char path[64];
  int  fd = memory_file (data, size, path);
  g_autoptr (GError) image = NULL, labels = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) volume = NULL;
  g_autoptr (SagSegmentation) segmentation = NULL;

  sag_parallel_own (SAG_TEAM_NONE, 1);
  volume = sag_open_volume (path, NULL, NULL, &info, &image);
  segmentation = sag_seg_read (path, NULL, &labels);
  g_assert_true ((volume == NULL) == (image != NULL));
  g_assert_true ((segmentation == NULL) == (labels != NULL));
  validate (data, size);
  deidentify (data, size, volume != NULL || segmentation != NULL);
  close (fd);
  return 0;
}
