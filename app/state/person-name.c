/* SPDX-License-Identifier: Apache-2.0
 *
 * person-name.c: one group of a name. */
#include "app/state/person-name.h"

char *
sag_person_name_dup (const char *name, SagNameGroup group)
{
  g_auto (GStrv) groups = g_strsplit (name, "=", 3);
  g_auto (GStrv) parts = NULL;
  const char *family, *given;

  if (g_strv_length (groups) <= (guint) group)
    return g_strdup ("");
  parts = g_strsplit (groups[group], "^", 3);
  family = parts[0] != NULL ? g_strstrip (parts[0]) : "";
  given = parts[0] != NULL && parts[1] != NULL ? g_strstrip (parts[1]) : "";
  if (*family == '\0' || *given == '\0')
    return g_strdup (*family != '\0' ? family : given);
  return g_strconcat (family, g_unichar_iswide (g_utf8_get_char (family)) ? " " : ", ", given, NULL);
}
