/* SPDX-License-Identifier: Apache-2.0
 *
 * network.h: the model file as a segmenter sees it: one image in, channels out.
 */
#pragma once

#include "engine/nn/session.h"
#include "engine/segment/frame.h"

/* What the file says before anything is loaded. */
typedef struct
{
  char    *input;      /* name of the one input */
  gboolean slicewise;  /* rank 4: [N, C, H, W] */
  int      channels;   /* 0: open */
  int      patch[3];   /* i, j, k as the file fixes them; 0: open; k is 1 if slice-wise */
} SagNetworkPeek;

void        sag_network_peek_clear (SagNetworkPeek       *peek);

/* INVALID or UNSUPPORTED if it is not a network with one image as its input, IO. */
gboolean    sag_network_peek       (const char           *path,
                                    SagNetworkPeek       *peek,
                                    GError              **error);

/* A session for one patch size, and the memory it reads and writes. */
typedef struct
{
  SagSession *session;
  int         patch[3];     /* i, j, k */
  int         in_channels;
  int         out_channels; /* of the sums: see SagLogits */
  int         output;       /* index of the one used */
  gsize       input_bytes;
  gsize      *output_bytes; /* of each output */
  gsize       buffer_bytes; /* of input and outputs */
  char        sha256[65];
  gint64      macs;
  gsize       session_bytes;
  gsize       weight_bytes; /* of these, the packed weights */
} SagNetwork;

/* Opens `path` for patches of `frame`; `ranges` as in SagSessionOptions. INVALID if the network's channels or output do not fit the
 * recipe. */
SagNetwork *sag_network_new        (const char           *path,
                                    const char           *ranges,
                                    const SagNetworkPeek *peek,
                                    const SagRecipe      *recipe,
                                    const SagFrame       *frame,
                                    SagPrecision          precision,
                                    gsize                 max_bytes,
                                    GError              **error);
void        sag_network_free       (SagNetwork           *self);
