/* SPDX-License-Identifier: Apache-2.0
 *
 * test-network.c: model files that show a segmenter one thing and the session another.
 */
#include "engine/base/error.h"
#include "engine/segment/network.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* The net with its input renamed. */
static void
append_net (GByteArray *file, const char *net, const char *input)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "engine", "nets", net, NULL);
  g_autofree char *text = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  for (gsize i = 0; i + 5 <= size; i++)
    if (memcmp (text + i, "image", 5) == 0)
      memcpy (text + i, input, 5);
  g_byte_array_append (file, (guint8 *) text, (guint) size);
}

/* A file with two graphs: patches would be cut for the input of one, and the other would run. */
static void
test_two_graphs (void)
{
  const int size[3] = { 10, 10, 10 };
  const double spacing[3] = { 1, 1, 1 };
  g_autoptr (SagRecipe) recipe = sag_recipe_new ();
  g_autoptr (GByteArray) file = g_byte_array_new ();
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "sagitta-two-graphs.XXXXXX", NULL);
  int fd = g_mkstemp (path);
  g_autoptr (GError) error = NULL;
  SagNetworkPeek peek;
  SagFrame frame;
  SagGrid grid;

  append_net (file, "sign3d.onnx", "other");
  append_net (file, "mixed3d.onnx", "image");
  g_assert_cmpint (write (fd, file->data, file->len), ==, file->len);
  close (fd);
  recipe->n_labels = 2;
  recipe->labels = g_new0 (SagLabel, 2);
  recipe->patch[0] = 16;
  recipe->patch[1] = 12;
  recipe->patch[2] = 8;
  sag_grid_init (&grid, size, spacing);
  g_assert_true (sag_network_peek (path, &peek, &error));
  g_assert_cmpstr (peek.input, ==, "other");
  g_assert_true (sag_frame_init (&frame, recipe, &grid, peek.patch, peek.slicewise, &error));
  g_assert_null (sag_network_new (path, NULL, &peek, recipe, &frame, SAG_PRECISION_F32, 0, &error));
  g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "not the image 'other'"));
  sag_network_peek_clear (&peek);
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/network/two-graphs", test_two_graphs);
  return g_test_run ();
}
