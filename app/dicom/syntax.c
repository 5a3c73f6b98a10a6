/* SPDX-License-Identifier: Apache-2.0
 *
 * syntax.c: transfer syntaxes.
 */
#include "app/dicom/syntax.h"

#include <string.h>

#define UID "1.2.840.10008.1.2"

static const SagSyntax syntaxes[] = {
  { "", "not stated", SAG_CODEC_NATIVE },
  { UID, "Implicit VR Little Endian", SAG_CODEC_NATIVE },
  { UID ".1", "Explicit VR Little Endian", SAG_CODEC_NATIVE },
  { "1.2.840.113619.5.2", "GE private, Implicit VR Little Endian with big endian pixels", SAG_CODEC_NATIVE },
  { UID ".1.98", "Encapsulated Uncompressed Explicit VR Little Endian", SAG_CODEC_ENCAPSULATED },
  { UID ".1.99", "Deflated Explicit VR Little Endian", SAG_CODEC_NATIVE },
  { UID ".2", "Explicit VR Big Endian", SAG_CODEC_NATIVE },
  { UID ".5", "RLE Lossless", SAG_CODEC_DCMTK },
  { UID ".4.50", "JPEG Baseline", SAG_CODEC_DCMTK, TRUE },
  { UID ".4.51", "JPEG Extended", SAG_CODEC_DCMTK, TRUE },
  { UID ".4.53", "JPEG Spectral Selection", SAG_CODEC_DCMTK, TRUE },
  { UID ".4.55", "JPEG Full Progression", SAG_CODEC_DCMTK, TRUE },
  { UID ".4.57", "JPEG Lossless", SAG_CODEC_DCMTK },
  { UID ".4.70", "JPEG Lossless, first-order prediction", SAG_CODEC_DCMTK },
  { UID ".4.80", "JPEG-LS Lossless", SAG_CODEC_DCMTK },
  { UID ".4.81", "JPEG-LS Near-Lossless", SAG_CODEC_DCMTK, TRUE },
  { UID ".4.90", "JPEG 2000 Lossless", SAG_CODEC_JPEG2000 },
  { UID ".4.91", "JPEG 2000", SAG_CODEC_JPEG2000 },
  { UID ".4.201", "High-Throughput JPEG 2000 Lossless", SAG_CODEC_JPEG2000 },
  { UID ".4.202", "High-Throughput JPEG 2000 RPCL Lossless", SAG_CODEC_JPEG2000 },
  { UID ".4.203", "High-Throughput JPEG 2000", SAG_CODEC_JPEG2000 },
  { UID ".8.1", "Deflated Image Frame Compression", SAG_CODEC_DEFLATED_FRAME },
  { UID ".4.92", "JPEG 2000 Part 2 Lossless", SAG_CODEC_NONE },
  { UID ".4.93", "JPEG 2000 Part 2", SAG_CODEC_NONE },
  { UID ".4.94", "JPIP Referenced", SAG_CODEC_NONE },
  { UID ".4.95", "JPIP Referenced Deflate", SAG_CODEC_NONE },
  { UID ".4.204", "JPIP HTJ2K Referenced", SAG_CODEC_NONE },
  { UID ".4.205", "JPIP HTJ2K Referenced Deflate", SAG_CODEC_NONE },
  { UID ".4.100", "MPEG-2 Main Profile video", SAG_CODEC_NONE },
  { UID ".4.100.1", "fragmentable MPEG-2 Main Profile video", SAG_CODEC_NONE },
  { UID ".4.101", "MPEG-2 High Profile video", SAG_CODEC_NONE },
  { UID ".4.101.1", "fragmentable MPEG-2 High Profile video", SAG_CODEC_NONE },
  { UID ".4.102", "MPEG-4 AVC/H.264 video", SAG_CODEC_NONE },
  { UID ".4.102.1", "fragmentable MPEG-4 AVC/H.264 video", SAG_CODEC_NONE },
  { UID ".4.103", "MPEG-4 AVC/H.264 BD video", SAG_CODEC_NONE },
  { UID ".4.104", "MPEG-4 AVC/H.264 2D video", SAG_CODEC_NONE },
  { UID ".4.105", "MPEG-4 AVC/H.264 3D video", SAG_CODEC_NONE },
  { UID ".4.106", "MPEG-4 AVC/H.264 stereo video", SAG_CODEC_NONE },
  { UID ".4.107", "HEVC/H.265 video", SAG_CODEC_NONE },
  { UID ".4.108", "HEVC/H.265 10-bit video", SAG_CODEC_NONE },
  { UID ".4.110", "JPEG XL Lossless", SAG_CODEC_NONE },
  { UID ".4.111", "JPEG XL recompression", SAG_CODEC_NONE },
  { UID ".4.112", "JPEG XL", SAG_CODEC_NONE },
};

const SagSyntax *
sag_syntax_find (const char *uid)
{
  for (gsize i = 0; i < G_N_ELEMENTS (syntaxes); i++)
    if (strcmp (uid, syntaxes[i].uid) == 0)
      return &syntaxes[i];
  return NULL;
}
