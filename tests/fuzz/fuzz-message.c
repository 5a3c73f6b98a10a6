/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-message.c: what a worker gone bad may put on the wire, up to what the window makes of it.
 *
 * The bytes are the text form of messages, "[(serial, 'name', {…}), …]" (a(usa{sv}), g_variant_parse()), so
 * that changes stay messages; bytes that are not become a packet as they are. Every message comes with a
 * descriptor of 64 kB of zeros, so that handle 0 is there.
 */
#include "app/state/catalogue.h"
#include "app/state/model.h"
#include "app/state/wire.h"
#include "app/state/workspace.h"
#include "app/work/message.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ZEROS 65536
#define TEXT_MAX 16384 /* the text parser is GLib's, and not what is tried */

/* Whoever in the window takes a message of that name. */
static void
take (SagWorkspace *workspace, SagMessage *message)
{
  g_autoptr (GError) error = NULL;
  gboolean good;

  if (strcmp (message->name, "index") == 0)
    {
      g_autoptr (SagCatalogue) catalogue = sag_catalogue_new ();

      good = sag_catalogue_set (catalogue, message->body, &error);
      if (good)
        sag_catalogue_pick_series (catalogue);
    }
  else if (strcmp (message->name, "models") == 0)
    {
      g_autoptr (GListStore) list = sag_model_list_new ();

      good = sag_model_list_set (list, message->body, &error);
      sag_model_list_match (list, "CT");
    }
  else
    good = sag_workspace_receive (workspace, message->name, message->body, message->fds, &error);
  g_assert_true (good == (error == NULL));
}

/* What is there can be drawn and probed. */
static void
look (SagWorkspace *workspace)
{
  const double middle[3] = { 1, 1, 1 };
  SagProbe probe;

  sag_workspace_set_cursor (workspace, middle);
  if (sag_workspace_get_volume (workspace) != NULL)
    sag_workspace_probe (workspace, middle, &probe);
}

static void
receive (SagWorkspace *workspace, int sockets[2])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (SagMessage) message = sag_message_receive (sockets[1], FALSE, &error);

  g_assert_true ((message == NULL) == (error != NULL));
  if (message != NULL)
    take (workspace, message);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  static guint8 *zeros;
  g_autoptr (SagWorkspace) workspace = sag_workspace_new ();
  g_autoptr (GVariant) messages = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  int sockets[2];

  if (zeros == NULL)
    {
      zeros = g_malloc0 (ZEROS);
      g_log_set_always_fatal ((GLogLevelFlags) (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
    }
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return 0;
  if (size <= TEXT_MAX && g_utf8_validate ((const char *) data, (gssize) size, NULL))
    messages = g_variant_parse (G_VARIANT_TYPE ("a(usa{sv})"), (const char *) data, (const char *) data + size,
                                NULL, NULL);
  if (messages == NULL)
    {
      if (size > 0 && size < ZEROS && send (sockets[0], data, size, MSG_DONTWAIT) > 0)
        receive (workspace, sockets);
    }
  else
    {
      sag_wire_append_bytes (fds, zeros, ZEROS, NULL);
      for (gsize n = 0; n < g_variant_n_children (messages); n++)
        {
          g_autoptr (GVariant) body = NULL;
          const char *name;
          guint32 serial;

          g_variant_get_child (messages, n, "(u&s@a{sv})", &serial, &name, &body);
          if (!sag_message_send (sockets[0], serial, name, g_variant_ref (body), fds, FALSE, NULL))
            break;
          receive (workspace, sockets);
          look (workspace);
        }
    }
  close (sockets[0]);
  close (sockets[1]);
  return 0;
}
