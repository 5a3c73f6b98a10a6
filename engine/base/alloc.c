/* SPDX-License-Identifier: Apache-2.0
 *
 * alloc.c: large memory.
 */
#include "engine/base/alloc.h"

#include "engine/base/error.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

struct _SagBlock
{
  gatomicrefcount refs;
  gpointer        data;
  gsize           size;
  int             fd;
};

static gboolean
no_memory (gsize bytes, const char *what, GError **error)
{
  g_autofree char *size = g_format_size (bytes);

  g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
               "There is not enough memory for %s (%s); close other programs or series", what, size);
  return FALSE;
}

gpointer
sag_alloc_try (gsize bytes, const char *what, GError **error)
{
  gsize rounded, align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : SAG_ALIGN;
  gpointer memory = NULL;

  if (!g_size_checked_add (&rounded, bytes, SAG_ALIGN)
      || posix_memalign (&memory, align, rounded & ~(gsize) (SAG_ALIGN - 1)) != 0)
    {
      no_memory (bytes, what, error);
      return NULL;
    }
  if (align == HUGE_PAGE) /* fewer faults now and fewer misses later; refused, all is as well */
    madvise (memory, rounded & ~(gsize) (HUGE_PAGE - 1), MADV_HUGEPAGE);
  memset (memory, 0, bytes);
  return memory;
}

void
sag_free (gpointer memory)
{
  free (memory);
}

static SagBlock *
block_map (int fd, gsize bytes)
{
  gpointer data = mmap (NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SagBlock *self;

  if (data == MAP_FAILED)
    return NULL;
  self = g_new0 (SagBlock, 1);
  g_atomic_ref_count_init (&self->refs);
  self->data = data;
  self->size = bytes;
  self->fd = fd;
  return self;
}

SagBlock *
sag_block_new (gsize bytes, const char *what, GError **error)
{
  SagBlock *self = NULL;
  int fd;

  g_return_val_if_fail (bytes > 0, NULL);

  fd = memfd_create ("sagitta", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd >= 0 && bytes <= G_MAXOFFSET && ftruncate (fd, (off_t) bytes) == 0)
    self = block_map (fd, bytes);
  if (self == NULL)
    {
      if (fd >= 0)
        close (fd);
      no_memory (bytes, what, error);
    }
  return self;
}

SagBlock *
sag_block_new_for_fd (int fd, gsize bytes, GError **error)
{
  SagBlock *self = NULL;
  struct stat info;

  g_return_val_if_fail (bytes > 0, NULL);

  if (fstat (fd, &info) != 0 || info.st_size < 0 || (guint64) info.st_size < bytes)
    g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                 "A shared memory block is shorter than announced");
  else if ((self = block_map (fd, bytes)) == NULL)
    no_memory (bytes, "a shared block", error);
  if (self == NULL)
    close (fd);
  return self;
}

SagBlock *
sag_block_ref (SagBlock *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
sag_block_unref (SagBlock *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  munmap (self->data, self->size);
  close (self->fd);
  g_free (self);
}

gpointer
sag_block_get_data (SagBlock *self)
{
  return self->data;
}

gsize
sag_block_get_size (SagBlock *self)
{
  return self->size;
}

int
sag_block_get_fd (SagBlock *self)
{
  return self->fd;
}

void
sag_alloc_keep_pages (void)
{
  mallopt (M_MMAP_THRESHOLD, 32 << 20);
  mallopt (M_TRIM_THRESHOLD, 64 << 20);
}
