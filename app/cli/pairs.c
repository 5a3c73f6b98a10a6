/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs.c: images and their masks, found by name, for `sagitta-cli evaluate`.
 */
#include "app/cli/pairs.h"

#include "engine/base/error.h"

#include <stdio.h>
#include <string.h>

/* One file or folder of a case. */
typedef struct
{
  char    *path, *stem;
  char    *key; /* the stem without its word; in lower case */
  gboolean used;
} Item;

static void
item_free (gpointer data)
{
  Item *self = data;

  g_free (self->path);
  g_free (self->stem);
  g_free (self->key);
  g_free (self);
}

static void
pair_free (gpointer data)
{
  SagPair *self = data;

  g_free (self->name);
  g_free (self->image);
  g_ptr_array_unref (self->masks);
  g_free (self);
}

/* "DICM" behind the preamble (PS3.10 7.1). */
static gboolean
is_dicom (const char *path)
{
  char     magic[4] = "";
  FILE    *file = fopen (path, "rbe");
  gboolean found = file != NULL && fseek (file, 128, SEEK_SET) == 0
                   && fread (magic, 1, 4, file) == 4 && memcmp (magic, "DICM", 4) == 0;

  if (file != NULL)
    fclose (file);
  return found;
}

/* The name without what says of which kind the file is; NULL if it is of no kind we read. */
static char *
get_stem (const char *path, const char *name)
{
  static const char *const endings[] = { ".nii.gz", ".nii", ".png", ".dcm", ".dicom", ".ima" };
  gsize                    n = strlen (name);

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return g_strdup (name);
  for (gsize e = 0; e < G_N_ELEMENTS (endings); e++)
    {
      gsize length = strlen (endings[e]);

      if (n > length && g_ascii_strcasecmp (name + n - length, endings[e]) == 0)
        return g_strndup (name, n - length);
    }
  return is_dicom (path) ? g_strdup (name) : NULL;
}

/* Without one of `words` at its end or start, if a separator parts it from the rest; lower case. */
static char *
get_key (const char *stem, const char *const *words)
{
  g_autofree char *lower = g_ascii_strdown (stem, -1);
  gsize            n = strlen (lower);

  for (; *words != NULL; words++)
    {
      gsize length = strlen (*words);

      if (n < length + 2)
        continue;
      if (strcmp (lower + n - length, *words) == 0
          && strchr ("_-. ", lower[n - length - 1]) != NULL)
        return g_strndup (lower, n - length - 1);
      if (strncmp (lower, *words, length) == 0 && strchr ("_-. ", lower[length]) != NULL)
        return g_strdup (lower + length + 1);
    }
  return g_steal_pointer (&lower);
}

static int
compare_items (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Item *const *)a)->stem, (*(Item *const *)b)->stem);
}

static GPtrArray *
list_items (const char *folder, const char *const *words, GError **error)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (item_free);
  g_autofree char *shown = sag_escape_name (folder, -1);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  if (dir == NULL)
    {
      sag_invalid (error, "'%s' is not a folder that can be read", shown);
      return NULL;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *stem = name[0] != '.' ? get_stem (path, name) : NULL;
      Item            *item;

      if (stem == NULL)
        continue;
      item = g_new0 (Item, 1);
      item->key = get_key (stem, words);
      item->stem = g_steal_pointer (&stem);
      item->path = g_steal_pointer (&path);
      g_ptr_array_add (items, item);
    }
  if (items->len == 0)
    {
      sag_invalid (error, "'%s' holds no PNG, NIfTI or DICOM files", shown);
      return NULL;
    }
  g_ptr_array_sort (items, compare_items);
  for (guint n = 1; n < items->len; n++)
    {
      const Item *a = items->pdata[n - 1], *b = items->pdata[n];

      if (strcmp (a->stem, b->stem) == 0)
        {
          g_autofree char *stem = sag_escape_name (a->stem, -1);

          sag_invalid (error, "'%s' holds two files named '%s' with different endings", shown, stem);
          return NULL;
        }
    }
  return g_steal_pointer (&items);
}

/* The only unused item with that key, or NULL. */
static Item *
find_by_key (GPtrArray *items, const char *key)
{
  Item *found = NULL;

  for (guint n = 0; n < items->len; n++)
    {
      Item *item = items->pdata[n];

      if (item->used || strcmp (item->key, key) != 0)
        continue;
      if (found != NULL)
        return NULL;
      found = item;
    }
  return found;
}

static SagPair *
pair_new (const char *name, const char *image, const char *mask)
{
  SagPair *pair = g_new0 (SagPair, 1);

  pair->name = g_strdup (name);
  pair->image = g_strdup (image);
  pair->masks = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (pair->masks, g_strdup (mask));
  return pair;
}

static void
add_pair (GPtrArray *pairs, Item *image, Item *mask)
{
  image->used = mask->used = TRUE;
  g_ptr_array_add (pairs, pair_new (image->stem, image->path, mask->path));
}

static gboolean
has_word (const Item *item)
{
  g_autofree char *lower = g_ascii_strdown (item->stem, -1);

  return strcmp (item->key, lower) != 0;
}

/* The mask "x_mask" of which "x_mask_1" is more, or NULL. */
static const Item *
find_first (const GPtrArray *masks, const Item *more)
{
  gsize n = strlen (more->stem), length = n;

  while (length > 0 && g_ascii_isdigit (more->stem[length - 1]))
    length--;
  if (length == n || length < 2 || more->stem[length - 1] != '_')
    return NULL;
  for (guint i = 0; i < masks->len; i++)
    {
      const Item *item = masks->pdata[i];

      if (strncmp (item->stem, more->stem, length - 1) == 0 && item->stem[length - 1] == '\0'
          && has_word (item))
        return item;
    }
  return NULL;
}

static int
compare_pairs (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(SagPair *const *)a)->name, (*(SagPair *const *)b)->name);
}

/* Names of what was left, at most eight; NULL if nothing was. */
static char *
list_unused (GPtrArray *items)
{
  GString *text = g_string_new (NULL);
  int      n = 0;

  for (guint i = 0; i < items->len; i++)
    {
      const Item *item = items->pdata[i];

      if (!item->used && n++ < 8)
        {
          g_autofree char *name = g_path_get_basename (item->path);
          g_autofree char *shown = sag_escape_name (name, -1);

          g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", shown);
        }
    }
  if (n > 8)
    g_string_append_printf (text, " and %d more", n - 8);
  return g_string_free (text, n == 0);
}

/* Of one folder that holds both: what has a word of masks in its name is a mask, all else is an image. */
static void
part_folder (GPtrArray *images, GPtrArray *masks)
{
  g_autoptr (GHashTable) marked = g_hash_table_new (g_str_hash, g_str_equal); /* stems of masks */

  for (guint n = masks->len; n-- > 0;)
    {
      const Item *item = masks->pdata[n];

      if (!has_word (item) && find_first (masks, item) == NULL)
        g_ptr_array_remove_index (masks, n);
      else
        g_hash_table_add (marked, item->stem);
    }
  for (guint n = images->len; n-- > 0;)
    if (g_hash_table_contains (marked, ((const Item *) images->pdata[n])->stem))
      g_ptr_array_remove_index (images, n);
}

/* What is left of the masks and is more of a case's, in order of name. */
static void
add_more (GPtrArray *masks, GPtrArray *pairs)
{
  for (guint m = 0; m < masks->len; m++)
    {
      Item       *more = masks->pdata[m];
      const Item *first = more->used ? NULL : find_first (masks, more);

      for (guint n = 0; first != NULL && n < pairs->len; n++)
        {
          SagPair *pair = pairs->pdata[n];

          if (strcmp (pair->masks->pdata[0], first->path) != 0)
            continue;
          more->used = TRUE;
          g_ptr_array_add (pair->masks, g_strdup (more->path));
        }
    }
}

static void
match (GPtrArray *images, GPtrArray *masks, GPtrArray *pairs)
{
  for (guint i = 0, m = 0; i < images->len; i++) /* both are sorted */
    {
      Item *image = images->pdata[i];
      int   order = 1;

      while (m < masks->len && (order = strcmp (((Item *)masks->pdata[m])->stem, image->stem)) < 0)
        m++;
      if (m < masks->len && order == 0)
        add_pair (pairs, image, masks->pdata[m]);
    }
  for (guint i = 0; i < images->len; i++)
    {
      Item *image = images->pdata[i], *mask;

      if (image->used || find_by_key (images, image->key) != image)
        continue;
      mask = find_by_key (masks, image->key);
      if (mask != NULL)
        add_pair (pairs, image, mask);
    }
  add_more (masks, pairs);
  g_ptr_array_sort (pairs, compare_pairs);
}

/* Marks as used the items that `names` does not ask for, and checks that all it asks for are there.
 */
static gboolean
choose (GPtrArray *images, const char *names, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer       line;

  if (!g_file_get_contents (names, &text, NULL, NULL))
    {
      g_autofree char *shown = sag_escape_name (names, -1);

      return sag_invalid (error, "The list of cases '%s' cannot be read", shown);
    }
  lines = g_strsplit (text, "\n", -1);
  for (int n = 0; lines[n] != NULL; n++)
    {
      g_autofree char *stem = get_stem ("", g_strstrip (lines[n]));

      if (stem != NULL)
        g_strlcpy (lines[n], stem, strlen (lines[n]) + 1);
      if (*lines[n] != '\0')
        g_hash_table_add (wanted, lines[n]);
    }
  for (guint n = 0; n < images->len; n++)
    {
      Item *item = images->pdata[n];

      item->used = !g_hash_table_remove (wanted, item->stem);
    }
  g_hash_table_iter_init (&iter, wanted);
  if (!g_hash_table_iter_next (&iter, &line, NULL))
    return TRUE;
  return sag_invalid (error, "The list of cases names '%s', which is not among the images",
                      (const char *)line);
}

GPtrArray *
sag_pairs_find (const char *images,
                const char *masks,
                const char *names,
                int         limit,
                char      **spare,
                GError    **error)
{
  static const char *const image_words[] = { "image", "img", "0000", "t1w", "t2w", "flair", NULL };
  static const char *const mask_words[] = { "mask",         "seg",   "dseg",
                                            "segmentation", "label", "labels",
                                            "gt",           "truth", NULL };
  g_autoptr (GPtrArray) pairs = g_ptr_array_new_with_free_func (pair_free);
  g_autoptr (GPtrArray) left = NULL, right = NULL;
  g_autofree char *lacking = NULL, *over = NULL, *own = NULL, *other = NULL;

  if (g_file_test (masks, G_FILE_TEST_IS_REGULAR))
    {
      g_autofree char *base = g_path_get_basename (images), *stem = get_stem (images, base);

      g_ptr_array_add (pairs, pair_new (stem != NULL ? stem : base, images, masks));
      return g_steal_pointer (&pairs);
    }
  left = list_items (images, image_words, error);
  if (left == NULL || (names != NULL && !choose (left, names, error))
      || (right = list_items (masks, mask_words, error)) == NULL)
    return NULL;
  for (guint n = left->len; names != NULL && n-- > 0;) /* those that are not wanted */
    if (((Item *)left->pdata[n])->used)
      g_ptr_array_remove_index (left, n);
  own = g_canonicalize_filename (images, NULL);
  other = g_canonicalize_filename (masks, NULL);
  if (strcmp (own, other) == 0)
    part_folder (left, right);
  match (left, right, pairs);
  lacking = list_unused (left);
  over = list_unused (right);
  if (lacking != NULL)
    {
      sag_invalid (error, "No mask was found by name for: %s%s%s", lacking,
                   over != NULL ? "; masks left over: " : "", over != NULL ? over : "");
      return NULL;
    }
  if (names == NULL && spare != NULL)
    *spare = g_steal_pointer (&over);
  if (limit > 0 && pairs->len > (guint) limit)
    g_ptr_array_set_size (pairs, limit);
  return g_steal_pointer (&pairs);
}
