/* SPDX-License-Identifier: Apache-2.0
 *
 * colour-tables.c: grey levels as colours.
 */
#include "app/state/colour-tables.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MOST_CORNERS 9

typedef struct
{
  guint8 level, value;
} Corner;

/* Straight between corners, which end with level 255. */
typedef struct
{
  const char *id, *name;
  Corner      channels[3][MOST_CORNERS];
} Table;

static const Table tables[SAG_N_COLOUR_TABLES] = {
  { "grey", N_ ("Grey"), { { { 0, 0 }, { 255, 255 } }, { { 0, 0 }, { 255, 255 } }, { { 0, 0 }, { 255, 255 } } } },
  { "hot-iron", N_ ("Hot iron"),
    { { { 0, 0 }, { 128, 255 }, { 255, 255 } },
      { { 0, 0 }, { 128, 0 }, { 255, 255 } },
      { { 0, 0 }, { 191, 0 }, { 255, 255 } } } },
  { "pet", "PET",
    { { { 0, 0 }, { 63, 0 }, { 192, 255 }, { 255, 255 } },
      { { 0, 0 }, { 63, 128 }, { 128, 0 }, { 255, 255 } },
      { { 0, 0 }, { 128, 255 }, { 192, 0 }, { 255, 255 } } } },
  { "hot-metal-blue", N_ ("Hot metal blue"),
    { { { 0, 0 }, { 85, 0 }, { 170, 255 }, { 255, 255 } },
      { { 0, 0 }, { 119, 0 }, { 255, 255 } },
      { { 0, 0 }, { 102, 200 }, { 119, 150 }, { 136, 50 }, { 153, 0 }, { 170, 0 }, { 255, 255 } } } },
  { "rainbow", N_ ("Rainbow"),
    { { { 0, 0 }, { 32, 0 }, { 128, 0 }, { 191, 255 }, { 255, 255 } },
      { { 0, 0 }, { 32, 0 }, { 96, 255 }, { 191, 255 }, { 255, 0 } },
      { { 0, 0 }, { 32, 255 }, { 96, 255 }, { 128, 0 }, { 255, 0 } } } },
  { "viridis", N_ ("Viridis"),
    { { { 0, 68 }, { 32, 71 }, { 64, 59 }, { 96, 44 }, { 128, 33 }, { 160, 39 }, { 192, 92 }, { 224, 170 }, { 255, 253 } },
      { { 0, 1 }, { 32, 44 }, { 64, 82 }, { 96, 113 }, { 128, 145 }, { 160, 173 }, { 192, 200 }, { 224, 220 }, { 255, 231 } },
      { { 0, 84 }, { 32, 122 }, { 64, 139 }, { 96, 142 }, { 128, 140 }, { 160, 129 }, { 192, 99 }, { 224, 50 }, { 255, 37 } } } },
};

static void
fill_channel (const Corner *corner, guint8 *rgb)
{
  for (int level = 0; level < 256; level++)
    {
      int width, above;

      if (level > corner[1].level)
        corner++;
      width = corner[1].level - corner[0].level;
      above = level - corner[0].level;
      rgb[3 * level]
          = (guint8) ((corner[0].value * (width - above) + corner[1].value * above + width / 2) / width);
    }
}

const guint8 *
sag_colour_table_get (SagColourTable table)
{
  static guint8 made[SAG_N_COLOUR_TABLES][256 * 3];
  static gboolean is_made[SAG_N_COLOUR_TABLES];

  if (table <= SAG_COLOUR_TABLE_GREY || table >= SAG_N_COLOUR_TABLES)
    return NULL;
  for (int c = 0; c < 3 && !is_made[table]; c++)
    fill_channel (tables[table].channels[c], made[table] + c);
  is_made[table] = TRUE;
  return made[table];
}

const char *
sag_colour_table_get_name (SagColourTable table)
{
  return tables[table].name;
}

const char *
sag_colour_table_get_id (SagColourTable table)
{
  return tables[table].id;
}

int
sag_colour_table_find (const char *id)
{
  for (int n = 0; n < SAG_N_COLOUR_TABLES; n++)
    if (strcmp (tables[n].id, id) == 0)
      return n;
  return -1;
}
