/* SPDX-License-Identifier: Apache-2.0
 *
 * fence.c: memory with nothing beside it, so that whoever writes past its end is caught doing it.
 */
#include "app/plugin/fence.h"

#include "app/plugin/host.h"
#include "engine/base/error.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK 0xdb
#define MAX_FENCES 8 /* a run has three */

struct _SagFence
{
  const char *name;
  guint8     *map; /* a page nobody may touch, the bytes, another such page */
  gsize       n, page, inner; /* bytes: of the data, of a page, between the pages */
};

static const SagFence *fences[MAX_FENCES]; /* those that live, for a signal handler */

SagFence *
sag_fence_new (const char *name, gsize n, GError **error)
{
  SagFence *self = g_new0 (SagFence, 1);
  gsize page = (gsize) sysconf (_SC_PAGESIZE);

  self->name = name;
  self->n = n;
  self->page = page;
  self->inner = (n + page - 1) / page * page + page;
  self->map = mmap (NULL, self->inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (self->map == MAP_FAILED
      || mprotect (self->map + page, self->inner, PROT_READ | PROT_WRITE) != 0)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY, "There is no memory for %" G_GSIZE_FORMAT " bytes of %s",
                   n, name);
      if (self->map != MAP_FAILED)
        munmap (self->map, self->inner + 2 * page);
      g_free (self);
      return NULL;
    }
  memset (self->map + page, MARK, self->inner - n);
  for (int i = 0; i < MAX_FENCES; i++)
    if (fences[i] == NULL)
      {
        fences[i] = self;
        break;
      }
  return self;
}

void
sag_fence_free (SagFence *self)
{
  if (self == NULL)
    return;
  for (int i = 0; i < MAX_FENCES; i++)
    if (fences[i] == self)
      fences[i] = NULL;
  munmap (self->map, self->inner + 2 * self->page);
  g_free (self);
}

gpointer
sag_fence_get_data (SagFence *self)
{
  return self->map + self->page + self->inner - self->n;
}

void
sag_fence_close (SagFence *self)
{
  mprotect (self->map + self->page, self->inner, PROT_READ);
}

gboolean
sag_fence_check (const SagFence *self, GError **error)
{
  const guint8 *before = self->map + self->page;

  for (gsize i = 0; i < self->inner - self->n; i++)
    if (before[i] != MARK)
      {
        g_set_error (error, SAG_PLUGIN_ERROR, SAG_PLUGIN_ERROR_CONTRACT,
                     "it wrote %" G_GSIZE_FORMAT " bytes before the first of %s", self->inner - self->n - i,
                     self->name);
        return FALSE;
      }
  return TRUE;
}

const char *
sag_fence_blame (const void *address, char *room, gsize room_size)
{
  const guint8 *at = address;

  for (int i = 0; i < MAX_FENCES; i++)
    {
      const SagFence *fence = fences[i];
      const guint8 *inner = fence != NULL ? fence->map + fence->page : NULL;

      if (fence == NULL || at < fence->map || at >= inner + fence->inner + fence->page)
        continue;
      g_strlcpy (room, at < inner                  ? "it went far before the first of "
                       : at >= inner + fence->inner ? "it went past the end of "
                                                    : "it wrote to what it may only read: ",
                 room_size);
      g_strlcat (room, fence->name, room_size);
      return room;
    }
  return NULL;
}
