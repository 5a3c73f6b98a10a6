/* SPDX-License-Identifier: Apache-2.0
 *
 * view-memory.c: how each series was looked at, for when it comes back. */
#include "ui/view-memory.h"

#include <string.h>

typedef struct
{
  SagSliceFrame  frames[SAG_N_VIEWS];
  SagWindowLevel window;
  double         cursor[3];
  gboolean       invert;
  SagColourTable colour_table;
} Look;

typedef struct
{
  SagViewMemory *memory;
  SagWorkspace  *workspace;
  SagSliceView  *views[SAG_N_VIEWS];
  int            n;
  char          *key; /* of the series that is shown; NULL if none */
  char          *frame; /* of reference, of the last volume; NULL if none */
  double         cursor[3]; /* there */
} Watched;

struct _SagViewMemory
{
  GPtrArray  *watched;
  GHashTable *looks; /* by sag_series_get_key() */
};

static Look *
look (Watched *self)
{
  Look *now = g_new0 (Look, 1);

  for (int v = 0; v < self->n; v++)
    sag_slice_view_get_frame (self->views[v], &now->frames[v]);
  now->window = sag_workspace_get_window_level (self->workspace);
  sag_workspace_get_cursor (self->workspace, now->cursor);
  now->invert = sag_workspace_get_invert (self->workspace);
  now->colour_table = sag_workspace_get_colour_table (self->workspace);
  return now;
}

static void
bring_back (Watched    *self,
            const Look *then)
{
  for (int v = 0; v < self->n; v++)
    sag_slice_view_set_frame (self->views[v], &then->frames[v]);
  sag_workspace_set_window_level (self->workspace, then->window);
  sag_workspace_set_cursor (self->workspace, then->cursor);
  sag_workspace_set_invert (self->workspace, then->invert);
  sag_workspace_set_colour_table (self->workspace, then->colour_table);
}

/* A volume that goes leaves the cursor, the window and the views as they were. */
static void
volume_changed (Watched *self)
{
  SagSeries *series = sag_workspace_get_series (self->workspace);
  const char *frame;
  const Look *then;

  if (sag_workspace_get_volume (self->workspace) == NULL)
    {
      if (self->key != NULL)
        g_hash_table_insert (self->memory->looks, g_steal_pointer (&self->key), look (self));
      sag_workspace_get_cursor (self->workspace, self->cursor);
      return;
    }
  g_clear_pointer (&self->key, g_free);
  if (series == NULL)
    return;
  self->key = g_strdup (sag_series_get_key (series));
  then = g_hash_table_lookup (self->memory->looks, self->key);
  if (then != NULL)
    bring_back (self, then);
  /* From one contrast to the next the reader stays at the same place of the patient. */
  frame = sag_volume_get_frame_of_reference (sag_workspace_get_volume (self->workspace));
  if (self->frame != NULL && frame[0] != '\0' && g_str_equal (self->frame, frame))
    sag_workspace_set_cursor (self->workspace, self->cursor);
  g_free (self->frame);
  self->frame = g_strdup (frame);
}

static void
watched_free (Watched *self)
{
  g_signal_handlers_disconnect_by_data (self->workspace, self);
  g_object_unref (self->workspace);
  g_free (self->key);
  g_free (self->frame);
  g_free (self);
}

SagViewMemory *
sag_view_memory_new (void)
{
  SagViewMemory *self = g_new0 (SagViewMemory, 1);

  self->watched = g_ptr_array_new_with_free_func ((GDestroyNotify) watched_free);
  self->looks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
sag_view_memory_free (SagViewMemory *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->watched);
  g_hash_table_unref (self->looks);
  g_free (self);
}

void
sag_view_memory_watch (SagViewMemory       *self,
                       SagSliceView *const *views,
                       int                  n)
{
  Watched *watched = g_new0 (Watched, 1);

  watched->memory = self;
  watched->workspace = g_object_ref (sag_slice_view_get_workspace (views[0]));
  watched->n = MIN (n, SAG_N_VIEWS);
  memcpy (watched->views, views, sizeof *views * (gsize) watched->n);
  g_ptr_array_add (self->watched, watched);
  g_signal_connect_swapped (watched->workspace, "notify::volume", G_CALLBACK (volume_changed),
                            watched);
}
