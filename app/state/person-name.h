/* SPDX-License-Identifier: Apache-2.0
 *
 * person-name.h: a person's name as people read it.
 *
 * DICOM PS3.5 6.2.1: up to three groups, separated by "=", of up to five components, separated by "^"; the groups are the
 * name in Latin (or another alphabetic) letters, in ideographs, and as it is spoken. */
#pragma once

#include <glib.h>

typedef enum
{
  SAG_NAME_ALPHABETIC,
  SAG_NAME_IDEOGRAPHIC,
  SAG_NAME_PHONETIC,
} SagNameGroup;

/* "Doe, Jane" of "Doe^Jane^^Dr", "山田 太郎" of "Yamada^Tarou=山田^太郎": family and given name of one group, a comma
 * between them only where letters are narrow; "" if the group says neither. The caller frees it. */
char *sag_person_name_dup (const char   *name,
                           SagNameGroup  group);
