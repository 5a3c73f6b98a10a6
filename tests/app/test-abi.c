/* SPDX-License-Identifier: Apache-2.0
 *
 * test-abi.c: the plugin ABI does not move, and every language sees the same.
 */
#include "tests/app/abi.h"

#include <glib.h>

static const struct
{
  const char *name;
  gsize       place;
} frozen[] = {
#define FIELD(type, field, where) { #type "." #field, where },
#define STRUCT(type, bytes) { "sizeof " #type, bytes },
#include "tests/app/abi-fields.h"
};

static void
test_places (void)
{
  if (sizeof (void *) != 8)
    {
      g_test_skip ("the ABI is frozen for 64-bit machines");
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (frozen); i++)
    if (sag_abi_c99[i] != frozen[i].place)
      g_error ("%s is %zu, and was promised to be %zu", frozen[i].name, sag_abi_c99[i],
               frozen[i].place);
}

static void
test_languages (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (frozen); i++)
    {
      g_assert_cmpuint (sag_abi_c11[i], ==, sag_abi_c99[i]);
      g_assert_cmpuint (sag_abi_cpp[i], ==, sag_abi_c99[i]);
    }
}

static void
test_has (void)
{
  g_assert_cmpuint (sag_abi_has_c99 (), ==, 1);
  g_assert_cmpuint (sag_abi_has_c11 (), ==, 1);
  g_assert_cmpuint (sag_abi_has_cpp (), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/abi/places", test_places);
  g_test_add_func ("/abi/languages", test_languages);
  g_test_add_func ("/abi/has", test_has);
  return g_test_run ();
}
