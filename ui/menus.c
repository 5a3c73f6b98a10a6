/* SPDX-License-Identifier: Apache-2.0
 *
 * menus.c: read once, shared by all windows. */
#include "ui/menus.h"

GMenuModel *
sag_menus_get (const char *id)
{
  static GtkBuilder *builder;

  if (builder == NULL)
    builder = gtk_builder_new_from_resource ("/org/sagitta/Sagitta/ui/menus.ui");
  return G_MENU_MODEL (gtk_builder_get_object (builder, id));
}
