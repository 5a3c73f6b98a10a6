/* SPDX-License-Identifier: Apache-2.0
 *
 * syntax.h: transfer syntaxes (PS3.5 A, PS3.6 table A-1), and who decodes them.
 */
#pragma once

#include <glib.h>

#define SAG_UID_RLE "1.2.840.10008.1.2.5"
#define SAG_UID_JPEGLS "1.2.840.10008.1.2.4.80"
#define SAG_UID_BIG_ENDIAN "1.2.840.10008.1.2.2"
#define SAG_UID_DEFLATED "1.2.840.10008.1.2.1.99"

typedef enum
{
  SAG_CODEC_NATIVE,         /* pixels as they are (also where the whole data set is deflated) */
  SAG_CODEC_ENCAPSULATED,   /* each frame as it is, in a fragment of its own */
  SAG_CODEC_DCMTK,          /* RLE, JPEG, JPEG-LS */
  SAG_CODEC_JPEG2000,       /* JPEG 2000 and High-Throughput JPEG 2000 */
  SAG_CODEC_DEFLATED_FRAME, /* each frame a raw deflate stream */
  SAG_CODEC_NONE,           /* known by name only */
} SagCodec;

typedef struct
{
  const char *uid;
  const char *name;
  SagCodec    codec;
  gboolean    is_lossy;
} SagSyntax;

/* NULL for a UID we have never heard of. An empty UID (a file without meta header) is native. */
const SagSyntax *sag_syntax_find (const char *uid);
