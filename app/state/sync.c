/* SPDX-License-Identifier: Apache-2.0
 *
 * sync.c: workspaces that scroll together.
 */
#include "app/state/sync.h"

#include <string.h>

typedef struct
{
  SagWorkspace *workspace;
  double        base[3]; /* its cursor when offsets were taken */
} Member;

struct _SagSync
{
  GArray     *members; /* of Member */
  SagSyncMode mode;
  gboolean    busy; /* the cursors move because one of them did */
};

SagSync *
sag_sync_new (void)
{
  SagSync *self = g_new0 (SagSync, 1);

  self->members = g_array_new (FALSE, FALSE, sizeof (Member));
  self->mode = SAG_SYNC_POSITION;
  return self;
}

void
sag_sync_free (SagSync *self)
{
  if (self == NULL)
    return;
  for (guint n = 0; n < self->members->len; n++)
    {
      Member *member = &g_array_index (self->members, Member, n);

      g_signal_handlers_disconnect_by_data (member->workspace, self);
      g_object_unref (member->workspace);
    }
  g_array_unref (self->members);
  g_free (self);
}

static gboolean
is_same_frame (SagVolume *a, SagVolume *b)
{
  const char *frame = sag_volume_get_frame_of_reference (a);

  return frame[0] != '\0' && strcmp (frame, sag_volume_get_frame_of_reference (b)) == 0;
}

static void
take_offsets (SagSync *self)
{
  for (guint n = 0; n < self->members->len; n++)
    {
      Member *member = &g_array_index (self->members, Member, n);

      sag_workspace_get_cursor (member->workspace, member->base);
    }
}

static void
follow (SagSync *self, const Member *moved, Member *member)
{
  SagVolume *from = sag_workspace_get_volume (moved->workspace);
  SagVolume *to = sag_workspace_get_volume (member->workspace);
  double lps[3];

  if (from == NULL || to == NULL)
    return;
  sag_workspace_get_cursor (moved->workspace, lps);
  if (self->mode == SAG_SYNC_POSITION && !is_same_frame (from, to))
    return;
  for (int a = 0; a < 3 && self->mode == SAG_SYNC_OFFSET; a++)
    lps[a] += member->base[a] - moved->base[a];
  sag_workspace_set_cursor (member->workspace, lps);
}

static void
cursor_moved (SagSync *self, GParamSpec *pspec, SagWorkspace *workspace)
{
  const Member *moved = NULL;

  if (self->busy || self->mode == SAG_SYNC_OFF)
    return;
  for (guint n = 0; n < self->members->len; n++)
    if (g_array_index (self->members, Member, n).workspace == workspace)
      moved = &g_array_index (self->members, Member, n);
  self->busy = TRUE;
  for (guint n = 0; n < self->members->len; n++)
    if (&g_array_index (self->members, Member, n) != moved)
      follow (self, moved, &g_array_index (self->members, Member, n));
  self->busy = FALSE;
}

/* A new volume comes to where the others are, if it can be known. */
static void
volume_came (SagSync *self, GParamSpec *pspec, SagWorkspace *workspace)
{
  for (guint n = 0; n < self->members->len && self->mode == SAG_SYNC_POSITION; n++)
    {
      Member *other = &g_array_index (self->members, Member, n);
      Member mine = { workspace, { 0, 0, 0 } };

      if (other->workspace == workspace || sag_workspace_get_volume (other->workspace) == NULL
          || sag_workspace_get_volume (workspace) == NULL)
        continue;
      self->busy = TRUE;
      follow (self, other, &mine);
      self->busy = FALSE;
      break;
    }
  take_offsets (self);
}

void
sag_sync_add (SagSync *self, SagWorkspace *workspace)
{
  Member member = { g_object_ref (workspace), { 0, 0, 0 } };

  g_array_append_val (self->members, member);
  g_signal_connect_swapped (workspace, "notify::cursor", G_CALLBACK (cursor_moved), self);
  g_signal_connect_swapped (workspace, "notify::volume", G_CALLBACK (volume_came), self);
}

void
sag_sync_set_mode (SagSync *self, SagSyncMode mode)
{
  self->mode = mode;
  take_offsets (self);
}

SagSyncMode
sag_sync_get_mode (SagSync *self)
{
  return self->mode;
}
