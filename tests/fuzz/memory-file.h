/* SPDX-License-Identifier: Apache-2.0
 *
 * memory-file.h: bytes under a file name, for readers that take one.
 */
#pragma once

#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

/* An open file of `data`; its name goes to `path`. Close it when done. */
static inline int
memory_file (const guint8 *data, gsize size, char path[64])
{
  int fd = memfd_create ("fuzz", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  if (write (fd, data, size) != (gssize) size)
    g_error ("no memory for a file of %" G_GSIZE_FORMAT " bytes", size);
  g_snprintf (path, 64, "/proc/self/fd/%d", fd);
  return fd;
}
