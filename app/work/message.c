/* SPDX-License-Identifier: Apache-2.0
 *
 * message.c: GVariants and descriptors over a SOCK_SEQPACKET socket.
 */
#include "app/work/message.h"

#include "app/state/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAGIC 0x53414731u /* "SAG1" */
#define IN_MEMFD 1u

typedef struct
{
  guint32 magic;
  guint32 flags;
  guint64 bytes; /* of the GVariant */
} Header;

typedef union
{
  struct cmsghdr align;
  char           space[CMSG_SPACE (sizeof (int) * (SAG_MESSAGE_MAX_FDS + 1))];
} Control;

static gboolean
io_error (const char *what, GError **error)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", what, g_strerror (code));
  return FALSE;
}

static gboolean
send_packet (int socket, const Header *header, gconstpointer payload, gsize bytes, GUnixFDList *fds,
             gboolean wait, GError **error)
{
  int n_fds = fds != NULL ? g_unix_fd_list_get_length (fds) : 0;
  struct iovec parts[2] = { { (gpointer) header, sizeof *header }, { (gpointer) payload, bytes } };
  struct msghdr packet = { .msg_iov = parts, .msg_iovlen = 2 };
  Control control = { 0 };
  gssize sent;

  if (n_fds > SAG_MESSAGE_MAX_FDS + 1)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "A message has %d descriptors, at most %d can be sent at once", n_fds,
                   SAG_MESSAGE_MAX_FDS);
      return FALSE;
    }
  if (n_fds > 0)
    {
      struct cmsghdr *c;

      packet.msg_control = &control;
      packet.msg_controllen = CMSG_SPACE (sizeof (int) * (gsize) n_fds);
      c = CMSG_FIRSTHDR (&packet);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN (sizeof (int) * (gsize) n_fds);
      memcpy (CMSG_DATA (c), g_unix_fd_list_peek_fds (fds, NULL), sizeof (int) * (gsize) n_fds);
    }
  do
    sent = sendmsg (socket, &packet, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
  while (sent < 0 && errno == EINTR);
  return sent >= 0 || io_error ("A message could not be sent", error);
}

gboolean
sag_message_send (int socket, guint32 serial, const char *name, GVariant *body, GUnixFDList *fds,
                  gboolean wait, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_take_ref (body);
  g_autoptr (GVariant) all
      = g_variant_ref_sink (g_variant_new ("(us@a{sv})", serial, name, owned));
  gsize bytes = g_variant_get_size (all);
  Header header = { MAGIC, 0, bytes };
  g_autoptr (GUnixFDList) more = NULL;
  int n_fds;

  if (bytes > SAG_MESSAGE_MAX_BYTES)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "A message of %" G_GSIZE_FORMAT " bytes is too large", bytes);
      return FALSE;
    }
  if (bytes <= SAG_MESSAGE_INLINE_BYTES)
    return send_packet (socket, &header, g_variant_get_data (all), bytes, fds, wait, error);

  more = g_unix_fd_list_new ();
  n_fds = fds != NULL ? g_unix_fd_list_get_length (fds) : 0;
  for (int n = 0; n < n_fds; n++)
    if (g_unix_fd_list_append (more, g_unix_fd_list_peek_fds (fds, NULL)[n], error) < 0)
      return FALSE;
  if (sag_wire_append_bytes (more, g_variant_get_data (all), bytes, error) < 0)
    return FALSE;
  header.flags = IN_MEMFD;
  return send_packet (socket, &header, NULL, 0, more, wait, error);
}

/* Descriptors of a packet, owned by the list: also of one that is refused. */
static GUnixFDList *
take_fds (struct msghdr *packet)
{
  GUnixFDList *list;
  int fds[SAG_MESSAGE_MAX_FDS + 1], n = 0;

  for (struct cmsghdr *c = CMSG_FIRSTHDR (packet); c != NULL; c = CMSG_NXTHDR (packet, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
      {
        n = (int) ((c->cmsg_len - CMSG_LEN (0)) / sizeof (int));
        memcpy (fds, CMSG_DATA (c), sizeof (int) * (gsize) n);
        break;
      }
  list = g_unix_fd_list_new_from_array (fds, n);
  return list;
}

static gboolean
invalid (const char *what, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s", what);
  return FALSE;
}

/* The payload as memory of our own; takes the last descriptor off the list where it lies in one. */
static GBytes *
take_payload (const Header *header, gconstpointer data, gsize bytes, GUnixFDList **fds, GError **error)
{
  g_autoptr (SagBlock) block = NULL;
  g_autofree int *all = NULL;
  int n;

  if (header->flags == 0)
    {
      if (header->bytes == bytes)
        return g_bytes_new (data, bytes);
      invalid ("a message is shorter than it says", error);
      return NULL;
    }
  n = g_unix_fd_list_get_length (*fds);
  if (header->flags != IN_MEMFD || header->bytes == 0 || header->bytes > SAG_MESSAGE_MAX_BYTES || n == 0)
    {
      invalid ("a message has a broken header", error);
      return NULL;
    }
  block = sag_wire_map (*fds, n - 1, (gsize) header->bytes, error);
  if (block == NULL)
    return NULL;
  all = g_unix_fd_list_steal_fds (*fds, NULL);
  close (all[n - 1]);
  g_object_unref (*fds);
  *fds = g_unix_fd_list_new_from_array (all, n - 1);
  return g_bytes_new (sag_block_get_data (block), (gsize) header->bytes);
}

SagMessage *
sag_message_receive (int socket, gboolean wait, GError **error)
{
  static const gsize room = sizeof (Header) + SAG_MESSAGE_INLINE_BYTES;
  g_autofree guint8 *buffer = g_malloc (room);
  struct iovec part = { buffer, room };
  Control control;
  struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof control };
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GVariant) all = NULL;
  g_autoptr (SagMessage) message = NULL;
  Header header;
  gssize got;

  do
    got = recvmsg (socket, &packet, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  while (got < 0 && errno == EINTR);
  if (got < 0)
    {
      if (errno == ECONNRESET)
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the other side is gone");
      else
        io_error ("A message could not be received", error);
      return NULL;
    }
  fds = take_fds (&packet);
  if (got == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the other side is gone");
      return NULL;
    }
  if ((gsize) got < sizeof header || (packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    {
      invalid ("a message is cut short", error);
      return NULL;
    }
  memcpy (&header, buffer, sizeof header);
  if (header.magic != MAGIC)
    {
      invalid ("a message does not begin like one", error);
      return NULL;
    }
  payload = take_payload (&header, buffer + sizeof header, (gsize) got - sizeof header, &fds, error);
  if (payload == NULL)
    return NULL;
  all = g_variant_ref_sink (
      g_variant_new_from_bytes (G_VARIANT_TYPE ("(usa{sv})"), payload, FALSE));
  if (!g_variant_is_normal_form (all))
    {
      invalid ("a message is not in normal form", error);
      return NULL;
    }
  message = g_new0 (SagMessage, 1);
  message->fds = g_steal_pointer (&fds);
  g_variant_get (all, "(us@a{sv})", &message->serial, &message->name, &message->body);
  return g_steal_pointer (&message);
}

void
sag_message_free (SagMessage *self)
{
  g_clear_object (&self->fds);
  g_clear_pointer (&self->body, g_variant_unref);
  g_free (self->name);
  g_free (self);
}
