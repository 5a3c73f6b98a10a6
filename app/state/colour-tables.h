/* SPDX-License-Identifier: Apache-2.0
 *
 * colour-tables.h: grey levels as colours, for PET, NM and whoever wants them.
 *
 * Hot Iron, PET, Hot Metal Blue and PET 20 Step are the well-known palettes of PS3.6 Annex B, whose
 * curves are given there by their corners. */
#pragma once

#include <glib.h>

typedef enum
{
  SAG_COLOUR_TABLE_GREY,
  SAG_COLOUR_TABLE_HOT_IRON,
  SAG_COLOUR_TABLE_PET,
  SAG_COLOUR_TABLE_HOT_METAL_BLUE,
  SAG_COLOUR_TABLE_RAINBOW,
  SAG_COLOUR_TABLE_VIRIDIS,
  SAG_N_COLOUR_TABLES
} SagColourTable;

/* 256 RGB triplets, static; NULL for grey. [main thread] */
const guint8 *sag_colour_table_get      (SagColourTable  table);
/* "Hot iron"; static. */
const char   *sag_colour_table_get_name (SagColourTable  table);
/* "hot-iron", as in actions and settings; static. And back; -1 if there is none of that name. */
const char   *sag_colour_table_get_id   (SagColourTable  table);
int           sag_colour_table_find     (const char     *id);
