/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-dicom.c: any bytes as a DICOM file: header, pixels, segmentation.
 */
#include "app/dicom/pixels.h"
#include "app/files/open.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory-file.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  char path[64];
  int fd = memory_file (data, size, path);
  g_autoptr (GError) image = NULL, labels = NULL;
  g_autoptr (SagOpenInfo) info = NULL;
  g_autoptr (SagVolume) volume = sag_open_volume (path, NULL, NULL, &info, &image);
  g_autoptr (SagSegmentation) segmentation = sag_seg_read (path, NULL, &labels);

  g_assert_true ((volume == NULL) == (image != NULL));
  g_assert_true ((segmentation == NULL) == (labels != NULL));
  close (fd);
  return 0;
}
