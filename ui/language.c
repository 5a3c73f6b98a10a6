/* SPDX-License-Identifier: Apache-2.0
 *
 * language.c: finding the catalogues. */
#include "ui/language.h"

#include "ui/settings.h"

#include <glib/gi18n-lib.h>
#include <locale.h>

void
sag_language_bind (void)
{
  /* In a build folder, and in a prefix that the system does not search. */
  static const char *const beside[] = { "../resources/po", "../share/locale" };
  g_autofree char *program = sag_settings_dup_folder ();

  setlocale (LC_ALL, "");
  for (gsize i = 0; i < G_N_ELEMENTS (beside); i++)
    {
      g_autofree char *folder = g_build_filename (program, beside[i], NULL);

      if (g_file_test (folder, G_FILE_TEST_IS_DIR))
        {
          bindtextdomain (GETTEXT_PACKAGE, folder);
          break;
        }
    }
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}
