/* SPDX-License-Identifier: Apache-2.0
 *
 * validate-items.c: what the items of a sequence must say, wherever it stands, and what the functional groups
 * of an enhanced image must hold between them.
 */
#include "app/dicom/tags.h"
#include "app/dicom/validate.h"

#include <string.h>

#define CONTENT 0x0040a730
#define SHARED_GROUPS 0x52009229
#define FRAME_GROUPS 0x52009230

/* Type 1 and 2 of the macros and modules that sequences are made of (PS3.3 8.8, 10, C.7.6.16, C.8, C.11, C.18). */
static const struct
{
  guint32 sequence;
  char    type;
  guint32 tag;
} wanted[] = {
  /* SOP Instance Reference */
  { 0x00081110, '1', 0x00081150 }, { 0x00081110, '1', 0x00081155 }, { 0x00081111, '1', 0x00081150 },
  { 0x00081111, '1', 0x00081155 }, { 0x00081140, '1', 0x00081150 }, { 0x00081140, '1', 0x00081155 },
  { 0x0008114a, '1', 0x00081150 }, { 0x0008114a, '1', 0x00081155 }, { 0x00081199, '1', 0x00081150 },
  { 0x00081199, '1', 0x00081155 }, { 0x00082112, '1', 0x00081150 }, { 0x00082112, '1', 0x00081155 },
  { 0x00081115, '1', 0x0020000e },
  /* Modality and VOI LUT */
  { 0x00283000, '1', 0x00283002 }, { 0x00283000, '1', 0x00283004 }, { 0x00283000, '1', 0x00283006 },
  { 0x00283010, '1', 0x00283002 }, { 0x00283010, '1', 0x00283006 },
  /* Dimensions, functional groups */
  { 0x00209221, '1', 0x00209164 }, { 0x00209222, '1', 0x00209165 }, { 0x00209071, '1', 0x00209072 },
  { 0x00209071, '1', 0x00082218 }, { 0x00289145, '1', 0x00281052 }, { 0x00289145, '1', 0x00281053 },
  { 0x00289145, '1', 0x00281054 },
  /* Regions of ultrasound */
  { 0x00186011, '1', 0x00186012 }, { 0x00186011, '1', 0x00186014 }, { 0x00186011, '1', 0x00186016 },
  { 0x00186011, '1', 0x00186018 }, { 0x00186011, '1', 0x0018601a }, { 0x00186011, '1', 0x0018601c },
  { 0x00186011, '1', 0x0018601e }, { 0x00186011, '1', 0x00186024 }, { 0x00186011, '1', 0x00186026 },
  { 0x00186011, '1', 0x0018602c }, { 0x00186011, '1', 0x0018602e },
  /* Segments */
  { 0x00620002, '1', 0x00620004 }, { 0x00620002, '1', 0x00620005 }, { 0x00620002, '1', 0x00620008 },
  { 0x00620002, '1', 0x00620003 }, { 0x00620002, '1', 0x0062000f }, { 0x0062000a, '1', 0x0062000b },
  /* Structures */
  { 0x30060020, '1', 0x30060022 }, { 0x30060020, '1', 0x30060024 }, { 0x30060020, '2', 0x30060026 },
  { 0x30060020, '2', 0x30060036 }, { 0x30060039, '1', 0x30060084 }, { 0x30060040, '1', 0x30060042 },
  { 0x30060040, '1', 0x30060046 }, { 0x30060040, '1', 0x30060050 }, { 0x30060014, '1', 0x0020000e },
  { 0x30060014, '1', 0x30060016 }, { 0x30060080, '1', 0x30060082 }, { 0x30060080, '1', 0x30060084 },
  { 0x30060080, '2', 0x300600a4 }, { 0x30060080, '2', 0x300600a6 },
  /* Content items */
  { 0x0040a730, '1', 0x0040a010 }, { 0x0040a300, '1', 0x004008ea }, { 0x0040a300, '1', 0x0040a30a },
  { 0x00400612, '1', 0x0040a040 }, { 0x00400612, '1', 0x0040a043 }, { 0x00400440, '1', 0x0040a040 },
  { 0x00400440, '1', 0x0040a043 }, { 0x00400555, '1', 0x0040a043 },
};

static int
find_length (SagElements item, guint32 tag)
{
  SagElement element;

  while (sag_elements_next (&item, &element) == SAG_ELEMENTS_MORE)
    if (element.tag == tag)
      return (int) MIN (element.n, G_MAXINT);
  return -1;
}

static void
want (SagFaults *faults, guint32 sequence, char type, guint32 tag, SagElements item)
{
  g_autofree char *keyword = NULL, *within = NULL;
  int n = find_length (item, tag);

  if (n > 0 || (n == 0 && type == '2'))
    return;
  keyword = sag_dicom_get_keyword (tag);
  within = sag_dicom_get_keyword (sequence);
  if (n == 0)
    sag_faults_add (faults, TRUE, tag, "%s is empty in an item of %s, which must say it (type 1)", keyword, within);
  else
    sag_faults_add (faults, TRUE, tag, "%s is not there in an item of %s, which must have it (type %c)", keyword,
                    within, type);
}

/* A content item of value type NUM. */
static gboolean
is_number (SagElements item)
{
  SagElement element;

  while (sag_elements_next (&item, &element) == SAG_ELEMENTS_MORE)
    if (element.tag == 0x0040a040)
      return element.n >= 3 && memcmp (element.value, "NUM", 3) == 0;
  return FALSE;
}

/* A functional group that is there says something; references to images (group 0008) may be empty, and so may
 * the saturation slabs of an MR image (PS3.3 C.8.13.5.11: type 2), which has none. */
static void
want_groups (SagFaults *faults, SagElements item)
{
  SagElements within, first, at = item;
  SagElement element;

  while (sag_elements_next (&at, &element) == SAG_ELEMENTS_MORE)
    {
      if (strcmp (element.vr, "SQ") != 0 || element.tag < 0x00180000 || (element.tag >> 16) % 2 == 1
          || element.tag == 0x00189107)
        continue;
      sag_elements_get_items (&item, &element, &within);
      if (sag_elements_next_item (&within, &first) != SAG_ELEMENTS_MORE)
        {
          g_autofree char *keyword = sag_dicom_get_keyword (element.tag);

          sag_faults_add (faults, TRUE, element.tag, "%s is empty in a functional group, which must say it (type 1)",
                          keyword);
        }
    }
}

void
sag_validate_item (guint32 sequence, const SagElements *item, SagFaults *faults)
{
  for (gsize i = 0; i < G_N_ELEMENTS (wanted); i++)
    if (wanted[i].sequence == sequence)
      want (faults, sequence, wanted[i].type, wanted[i].tag, *item);
  if (sequence == SHARED_GROUPS || sequence == FRAME_GROUPS)
    want_groups (faults, *item);
  if (sequence == CONTENT && is_number (*item))
    want (faults, sequence, '2', 0x0040a300, *item);
  /* Whatever is called so has the Code Sequence Macro. */
  if (item->at < item->end)
    {
      g_autofree char *keyword = sag_dicom_get_keyword (sequence);

      if (g_str_has_suffix (keyword, "CodeSequence"))
        want (faults, sequence, '1', 0x00080104, *item);
    }
}

/* --- functional groups (PS3.3 A.36, A.38, A.56) ------------------------------------------------- */

static const struct
{
  char    kind; /* 'e': each; 'C', 'M': CT, MR that are original */
  guint32 sequence;
} groups[] = {
  { 'e', 0x00209111 }, { 'e', 0x00209113 }, { 'e', 0x00209116 }, { 'e', 0x00289110 }, { 'e', 0x00209071 },
  { 'C', 0x00189301 }, { 'C', 0x00189304 }, { 'C', 0x00189308 }, { 'C', 0x00189326 }, { 'C', 0x00189312 },
  { 'C', 0x00189314 }, { 'C', 0x00189321 }, { 'C', 0x00189325 }, { 'C', 0x00189329 }, { 'C', 0x00289145 },
  { 'C', 0x00189477 }, { 'M', 0x00189112 }, { 'M', 0x00189114 }, { 'M', 0x00189115 },
  { 'M', 0x00189006 }, { 'M', 0x00189042 }, { 'M', 0x00189049 }, { 'M', 0x00189119 },
};

/* The first item of a sequence of the data set. */
static gboolean
first_item (SagElements top, guint32 sequence, SagElements *item)
{
  SagElements items, at = top;
  SagElement element;

  while (sag_elements_next (&at, &element) == SAG_ELEMENTS_MORE)
    if (element.tag == sequence)
      {
        sag_elements_get_items (&top, &element, &items);
        return sag_elements_next_item (&items, item) == SAG_ELEMENTS_MORE;
      }
  return FALSE;
}

void
sag_validate_groups (const char *class_uid, gboolean is_original, const SagElements *top, SagFaults *faults)
{
  SagElements shared, frame;
  gboolean has_shared = first_item (*top, SHARED_GROUPS, &shared);
  gboolean has_frame = first_item (*top, FRAME_GROUPS, &frame);
  char kind = strcmp (class_uid, "1.2.840.10008.5.1.4.1.1.2.1") == 0   ? 'C'
              : strcmp (class_uid, "1.2.840.10008.5.1.4.1.1.4.1") == 0 ? 'M' : '\0';

  for (gsize i = 0; i < G_N_ELEMENTS (groups) && kind != '\0' && has_frame; i++)
    {
      g_autofree char *keyword = NULL;

      if (groups[i].kind != 'e' && !(is_original && groups[i].kind == kind))
        continue;
      if ((has_shared && find_length (shared, groups[i].sequence) >= 0)
          || find_length (frame, groups[i].sequence) >= 0)
        continue;
      keyword = sag_dicom_get_keyword (groups[i].sequence);
      sag_faults_add (faults, TRUE, groups[i].sequence,
                      "%s is not there in the functional groups, neither shared nor of the first frame", keyword);
    }
}
