/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h: GVariants and descriptors over a SOCK_SEQPACKET socket.
 *
 * A packet is a header (magic, flags, length; host byte order) and a GVariant (usa{sv}): serial
 * number of the job, name, body. Above 64 kB the GVariant lies in a memfd that is the last
 * descriptor of the packet. What arrives is copied before it is looked at and checked to be in
 * normal form, so that a sender gone bad can neither crash the receiver nor change a message
 * while it is read. */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#define SAG_MESSAGE_INLINE_BYTES (64 * 1024)
#define SAG_MESSAGE_MAX_BYTES (256 * 1024 * 1024)
#define SAG_MESSAGE_MAX_FDS 250 /* the kernel takes 253 */

typedef struct
{
  guint32      serial;
  char        *name;
  GVariant    *body; /* a{sv} */
  GUnixFDList *fds;  /* never NULL */
} SagMessage;

/* Sends one message; `body` is taken, floating or not; `fds` may be NULL. Fails with G_IO_ERROR,
 * never with a signal; with `wait` it waits for room in the socket. [any thread] */
gboolean    sag_message_send    (int           socket,
                                 guint32       serial,
                                 const char   *name,
                                 GVariant     *body,
                                 GUnixFDList  *fds,
                                 gboolean      wait,
                                 GError      **error);

/* The next message. NULL with G_IO_ERROR_WOULD_BLOCK (only without `wait`), _CLOSED at the end, or
 * _INVALID_DATA for what is no message. */
SagMessage *sag_message_receive (int           socket,
                                 gboolean      wait,
                                 GError      **error);
void        sag_message_free    (SagMessage   *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SagMessage, sag_message_free)
