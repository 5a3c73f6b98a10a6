/* SPDX-License-Identifier: Apache-2.0
 *
 * elements.h: the data elements of a file as they lie in it (PS3.5 7, PS3.10 7).
 *
 * For what must know every byte of a file: nothing is decoded, nothing copied, nothing guessed. All
 * is bounded by the bytes given; sequences nest at most SAG_GUARD_DEPTH deep. [any thread]
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define SAG_UNDEFINED_LENGTH 0xffffffffu
#define SAG_TAG_ITEM 0xfffee000u

/* A run of data elements, or of items, and how its numbers are written. */
typedef struct
{
  const guint8 *at;
  const guint8 *end;
  gboolean      is_implicit;
  gboolean      is_big;    /* big endian */
  int           depth;
} SagElements;

typedef struct
{
  guint32       tag;       /* group << 16 | element */
  char          vr[3];     /* as written, or of the dictionary; "UN" where neither tells */
  guint32       length;    /* as written; may be SAG_UNDEFINED_LENGTH */
  gboolean      is_un;     /* written as UN: little endian, items in implicit form (PS3.5 6.2.2) */
  const guint8 *value;     /* what lies between header and delimiter */
  gsize         n;
  const guint8 *start;     /* the whole element, delimiter included */
  gsize         size;
} SagElement;

typedef enum
{
  SAG_ELEMENTS_MORE,
  SAG_ELEMENTS_END,
  SAG_ELEMENTS_BROKEN,     /* what follows is no data element */
} SagElementsState;

/* A file: its meta information and its data set. */
typedef struct
{
  SagElements meta;        /* explicit little endian; empty in a file without */
  SagElements data;
  char        transfer_syntax[65]; /* "" where the file does not say */
  GBytes     *inflated;    /* what `data` points into, of a deflated file; else NULL */
} SagElementsFile;

/* FALSE if the `n` bytes have no structure at all, or inflate to more than 512 MiB. */
gboolean         sag_elements_open     (const guint8      *bytes,
                                        gsize              n,
                                        SagElementsFile   *file);
void             sag_elements_close    (SagElementsFile   *file);

SagElementsState sag_elements_next     (SagElements       *self,
                                        SagElement        *element);

/* Of an element that was written as UN, though the dictionary knows it, as programs do that cannot look it up: the VR
 * of the dictionary. Its bytes stay as they are. */
void             sag_element_look_up   (SagElement        *element);

/* The items of a sequence, or the fragments of encapsulated pixel data, one by one: `item` gets the
 * elements of each (its bytes from at to end). Begin with the elements of
 * sag_elements_get_items(). */
void             sag_elements_get_items (const SagElements *self,
                                        const SagElement  *sequence,
                                        SagElements       *items);
SagElementsState sag_elements_next_item (SagElements      *items,
                                        SagElements       *item);

/* The value as text, its padding cut off; caller frees. */
char            *sag_element_get_text  (const SagElement  *element);

G_END_DECLS
