/* SPDX-License-Identifier: Apache-2.0
 *
 * test-npy.c: arrays to files and back, and files that lie.
 */
#include "app/files/npy.h"
#include "engine/base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static char *
path_for (const char *name)
{
  g_autofree char *folder = g_build_filename (g_getenv ("G_TEST_BUILDDIR"), "npy", NULL);

  g_mkdir_with_parents (folder, 0777);
  return g_build_filename (folder, name, NULL);
}

static void
test_round_trip (void)
{
  static const SagDType types[] = {
    SAG_DTYPE_F32, SAG_DTYPE_F64, SAG_DTYPE_F16, SAG_DTYPE_I64,  SAG_DTYPE_I32,
    SAG_DTYPE_I16, SAG_DTYPE_I8,  SAG_DTYPE_U8,  SAG_DTYPE_BOOL,
  };
  static const SagShape shapes[] = { { 0 }, { 1, { 7 } }, { 3, { 2, 3, 5 } }, { 2, { 0, 4 } } };

  for (guint t = 0; t < G_N_ELEMENTS (types); t++)
    for (guint s = 0; s < G_N_ELEMENTS (shapes); s++)
      {
        g_autofree char *path = path_for ("trip.npy");
        g_autoptr (SagTensor) tensor = sag_tensor_new (types[t], &shapes[s], NULL), back = NULL;
        g_autoptr (GError) error = NULL;
        gsize bytes = 0;

        sag_dtype_get_bytes (types[t], (gsize) sag_shape_count (&shapes[s]), &bytes);
        for (gsize i = 0; i < bytes; i++)
          ((guint8 *) tensor->owned)[i] = (guint8) (i % 2);
        g_assert_true (sag_npy_write (path, tensor, &error));
        back = sag_npy_read (path, &error);
        g_assert_no_error (error);
        g_assert_cmpint (back->dtype, ==, types[t]);
        g_assert_true (sag_shape_equal (&back->shape, &shapes[s]));
        g_assert_cmpmem (back->data, bytes, tensor->data, bytes);
      }
}

/* A version 1 file with that header and `n` bytes of data, 0, 1, 2... */
static char *
make_file (const char *header, gsize n)
{
  GString *text = g_string_new (NULL);
  g_autofree char *path = path_for ("made.npy");

  g_string_append_len (text, "\x93NUMPY\x01\x00", 8);
  g_string_append_c (text, (char) (strlen (header) & 255));
  g_string_append_c (text, (char) (strlen (header) >> 8));
  g_string_append (text, header);
  for (gsize i = 0; i < n; i++)
    g_string_append_c (text, (char) i);
  g_file_set_contents (path, text->str, (gssize) text->len, NULL);
  g_string_free (text, TRUE);
  return g_steal_pointer (&path);
}

static void
test_fortran (void)
{
  g_autofree char *path =
      make_file ("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", 6);
  g_autoptr (SagTensor) tensor = sag_npy_read (path, NULL);
  static const guint8 want[] = { 0, 2, 4, 1, 3, 5 };

  g_assert_nonnull (tensor);
  g_assert_cmpmem (tensor->data, 6, want, 6);
}

static void
test_lies (void)
{
  static const struct
  {
    const char *header;
    gsize       n;
    int         code;
  } cases[] = {
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }\n", 15, SAG_ENGINE_ERROR_INVALID },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 1099511627776), }\n", 15,
      SAG_ENGINE_ERROR_INVALID },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }\n", 15,
      SAG_ENGINE_ERROR_INVALID },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }\n", 16,
      SAG_ENGINE_ERROR_INVALID },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }\n", 16,
      SAG_ENGINE_ERROR_INVALID },
    { "{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }\n", 16,
      SAG_ENGINE_ERROR_UNSUPPORTED },
    { "{'descr': '|O', 'fortran_order': False, 'shape': (4,), }\n", 16,
      SAG_ENGINE_ERROR_UNSUPPORTED },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }\n", 16,
      SAG_ENGINE_ERROR_INVALID },
    { "{'fortran_order': False, 'shape': (4", 16, SAG_ENGINE_ERROR_INVALID },
    { "", 0, SAG_ENGINE_ERROR_INVALID },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = make_file (cases[i].header, cases[i].n);
      g_autoptr (GError) error = NULL;
      SagTensor *tensor = sag_npy_read (path, &error);

      g_assert_null (tensor);
      g_assert_error (error, SAG_ENGINE_ERROR, cases[i].code);
    }
}

static void
test_unwritable (void)
{
  g_autoptr (SagTensor) tensor = sag_tensor_new (SAG_DTYPE_F32, &(SagShape) { 1, { 4 } }, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (sag_npy_write ("/nowhere/at/all.npy", tensor, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_IO);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/npy/round-trip", test_round_trip);
  g_test_add_func ("/npy/fortran", test_fortran);
  g_test_add_func ("/npy/lies", test_lies);
  g_test_add_func ("/npy/unwritable", test_unwritable);
  return g_test_run ();
}
