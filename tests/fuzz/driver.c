/* SPDX-License-Identifier: Apache-2.0
 *
 * driver.c: runs a fuzz target over a folder: every file, and changed copies of it.
 *
 *     fuzz-x FOLDER [COPIES] [SEED]
 *
 * The changes are the same for the same seed: flipped bits, cut ends, doubled and removed
 * stretches, numbers of awkward size. A target built with -fsanitize=fuzzer needs no driver.
 */
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
change (GByteArray *data, GRand *random)
{
  static const guint8 awkward[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe };
  guint n = data->len, at, length;

  if (n == 0)
    return;
  at = (guint) g_rand_int_range (random, 0, (gint32) n);
  length = 1 + (guint) g_rand_int_range (random, 0, (gint32) MIN (n - at, 64));
  length = MIN (length, n - at);
  switch (g_rand_int_range (random, 0, 6))
    {
    case 0:
    case 1:
      data->data[at] ^= (guint8) (1 << g_rand_int_range (random, 0, 8));
      break;
    case 2:
      data->data[at] = awkward[g_rand_int_range (random, 0, G_N_ELEMENTS (awkward))];
      break;
    case 3:
      g_byte_array_set_size (data, at);
      break;
    case 4:
      g_byte_array_remove_range (data, at, length);
      break;
    default:
      {
        g_autofree guint8 *copy = g_memdup2 (data->data + at, length);

        g_byte_array_append (data, copy, length);
        memmove (data->data + at + length, data->data + at, data->len - at - length);
        memcpy (data->data + at, copy, length);
      }
      break;
    }
}

/* What was under test when the target crashed or hung is left in this file. */
static void
note (const GByteArray *data)
{
  const char *path = g_getenv ("FUZZ_LAST");

  if (path != NULL)
    g_file_set_contents (path, (const char *) data->data, data->len, NULL);
}

static void
try_file (const char *path, int copies, guint32 seed)
{
  g_autofree char *text = NULL;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL))
    return;
  for (int i = 0; i <= copies; i++)
    {
      g_autoptr (GByteArray) data = g_byte_array_new ();
      GRand *random = g_rand_new_with_seed (seed + (guint32) i);

      g_byte_array_append (data, (const guint8 *) text, (guint) size);
      for (int k = 0; i > 0 && k < 1 + i % 4; k++)
        change (data, random);
      g_rand_free (random);
      note (data);
      alarm (20); /* a hang is a crash */
      LLVMFuzzerTestOneInput (data->data, data->len);
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) folder = argc > 1 ? g_dir_open (argv[1], 0, NULL) : NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int copies = argc > 2 ? (int) g_ascii_strtoll (argv[2], NULL, 10) : 100;
  guint32 seed = argc > 3 ? (guint32) g_ascii_strtoull (argv[3], NULL, 10) : 1;
  const char *name;

  if (folder == NULL)
    {
      fprintf (stderr, "usage: %s FOLDER [COPIES] [SEED]\n", argv[0]);
      return 2;
    }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (argv[1], name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    try_file (names->pdata[i], copies, seed);
  printf ("%u files, %d changed copies each\n", names->len, copies);
  return names->len > 0 ? 0 : 1;
}
