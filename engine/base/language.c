/* SPDX-License-Identifier: Apache-2.0
 *
 * language.c: finding the catalogues.
 */
#include "engine/base/language.h"

#include <glib/gi18n-lib.h>
#include <locale.h>

void
sag_language_bind (int category)
{
  /* In a build folder, and in a prefix that the system does not search. */
  static const char *const beside[] = { "../resources/po", "../../resources/po", "../share/locale" };
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *home = program != NULL ? g_path_get_dirname (program) : NULL;

  setlocale (category, "");
  for (gsize i = 0; i < G_N_ELEMENTS (beside) && home != NULL; i++)
    {
      g_autofree char *folder = g_build_filename (home, beside[i], NULL);

      if (g_file_test (folder, G_FILE_TEST_IS_DIR))
        {
          bindtextdomain (GETTEXT_PACKAGE, folder);
          break;
        }
    }
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_dgettext (GETTEXT_PACKAGE, "");
}
