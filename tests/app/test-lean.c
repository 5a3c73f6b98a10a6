/* SPDX-License-Identifier: Apache-2.0
 *
 * test-lean.c: a header read lean (app/dicom/dcmtk-lean.cpp) says what the toolkit's own reading says.
 *
 * An element out of order leaves a file to the toolkit; nothing asks for the one that is put in here.
 */
#include "app/dicom/dcmtk.h"
#include "app/dicom/elements.h"
#include "tests/app/synthetic.h"
#include "tests/data.h"

#include <string.h>

#define MAX_HEADER (1 << 16)
#define BEHIND 64 /* bytes of the pixels that stay */

/* The file up to its pixels, and a little of them; `at` gets where they begin. NULL if it has none near. */
static GByteArray *
cut (const char *path, gsize *at, gboolean *is_implicit)
{
  g_autofree char *bytes = NULL;
  SagElementsFile file;
  SagElement element;
  GByteArray *out = NULL;
  gsize n;

  if (!g_file_get_contents (path, &bytes, &n, NULL))
    return NULL;
  if (sag_elements_open ((guint8 *) bytes, n, &file) && file.inflated == NULL && !file.data.is_big
      && file.transfer_syntax[0] != '\0')
    {
      *is_implicit = file.data.is_implicit;
      while (sag_elements_next (&file.data, &element) == SAG_ELEMENTS_MORE)
        if (element.tag == 0x7fe00010)
          {
            *at = (gsize) (element.start - (guint8 *) bytes);
            if (*at < MAX_HEADER)
              out = g_byte_array_append (g_byte_array_new (), (guint8 *) bytes, (guint) MIN (n, *at + BEHIND));
            break;
          }
    }
  sag_elements_close (&file);
  return out;
}

static void
list_files (const char *folder, GPtrArray *paths)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        list_files (path, paths);
      else
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
}

static SagDicomInstance *
read_bytes (const char *path, const GByteArray *bytes)
{
  g_autoptr (GError) error = NULL;
  SagDicomInstance *instance;

  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, NULL));
  instance = sag_dicom_read_header (path, &error);
  g_assert_true ((instance != NULL) == (error == NULL));
  return instance;
}

/* All that is said, but the path and the file's size, as text that can be shown. */
static void
compare (const SagDicomInstance *a, const SagDicomInstance *b, const char *path)
{
  gsize first = G_STRUCT_OFFSET (SagDicomInstance, patient_name), last = G_STRUCT_OFFSET (SagDicomInstance, modality);

  for (gsize at = first; at < last; at += sizeof (char *))
    if (strcmp (*(char **) ((char *) a + at), *(char **) ((char *) b + at)) != 0)
      g_error ("%s says '%s' read lean, and '%s' else: is the attribute in the list of dcmtk-lean.cpp?", path,
               *(char **) ((char *) a + at), *(char **) ((char *) b + at));
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    g_assert_cmpstr (a->window_explanations[i], ==, b->window_explanations[i]);
  first = G_STRUCT_OFFSET (SagDicomInstance, sop_class_uid);
  g_assert_cmpmem ((char *) a + first, 7 * sizeof (SagUid), (char *) b + first, 7 * sizeof (SagUid));
  first = last;
  last = G_STRUCT_OFFSET (SagDicomInstance, window_explanations);
  if (memcmp ((char *) a + first, (char *) b + first, last - first) != 0)
    g_error ("%s is read otherwise lean", path);
  g_assert_cmpint (a->n_windows, ==, b->n_windows);
  g_assert_cmpint (a->n_frames, ==, b->n_frames);
  for (int i = 0; i < a->n_frames; i++)
    if (memcmp (&a->frames[i], &b->frames[i], sizeof *a->frames) != 0)
      g_error ("frame %d of %s is read otherwise lean", i + 1, path);
}

static void
test_same (void)
{
  static const guint8 said[] = { 9, 0, 16, 0, 'L', 'O', 4, 0, 'T', 'E', 'S', 'T' },
                      implied[] = { 9, 0, 16, 0, 4, 0, 0, 0, 'T', 'E', 'S', 'T' };
  static const char *const folders[] = { "pydicom", "pydicom-data", "nema", "dicom2nifti", "highdicom", "dcmqi", "dcmjs" };
  g_autofree char *matrix = sag_test_data ("dicom-matrix"), *folder = NULL, *lean = NULL, *full = NULL;
  int n = 0;

  if (matrix == NULL)
    return;
  folder = test_folder ();
  lean = g_build_filename (folder, "lean", NULL);
  full = g_build_filename (folder, "full", NULL);
  for (gsize f = 0; f < G_N_ELEMENTS (folders); f++)
    {
      g_autofree char *one = g_build_filename (matrix, folders[f], NULL);
      g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

      list_files (one, paths);
      for (guint p = 0; p < paths->len; p++)
        {
          const char *path = g_ptr_array_index (paths, p);
          gboolean is_implicit = FALSE;
          gsize at = 0;
          g_autoptr (GByteArray) bytes = cut (path, &at, &is_implicit), stray = NULL;

          if (bytes == NULL)
            continue;
          stray = g_byte_array_append (g_byte_array_new (), bytes->data, (guint) at);
          g_byte_array_append (stray, is_implicit ? implied : said, sizeof said);
          g_byte_array_append (stray, bytes->data + at, bytes->len - (guint) at);
          g_autoptr (SagDicomInstance) a = read_bytes (lean, bytes);
          g_autoptr (SagDicomInstance) b = read_bytes (full, stray);

          if (a == NULL || b == NULL)
            continue;
          compare (a, b, path);
          n++;
        }
    }
  test_remove (folder);
  g_test_message ("%d headers", n);
  g_assert_cmpint (n, >, 150);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lean/same", test_same);
  return g_test_run ();
}
