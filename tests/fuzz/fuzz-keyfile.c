/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-keyfile.c: any bytes as the key file of a network.
 */
#include "app/plugin/keyfile.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  SagPluginEntry *entry = sag_keyfile_parse ((const char *) data, size, "/nowhere/net.onnx", &error);

  g_assert_true ((entry == NULL) == (error != NULL));
  if (entry != NULL)
    g_assert_true (sag_recipe_validate (entry->recipe, NULL));
  sag_plugin_entry_free (entry);
  return 0;
}
