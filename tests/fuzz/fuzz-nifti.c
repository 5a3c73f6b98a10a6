/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-nifti.c: any bytes as a NIfTI file, for the image and for the labels in it.
 */
#include "app/files/nifti.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory-file.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  char path[64];
  int fd = memory_file (data, size, path);
  g_autoptr (GError) image = NULL, labels = NULL;
  g_autoptr (SagVolume) volume = sag_nifti_read (path, NULL, &image);
  g_autoptr (SagSegmentation) segmentation = sag_nifti_read_segmentation (path, &labels);

  g_assert_true ((volume == NULL) == (image != NULL));
  g_assert_true ((segmentation == NULL) == (labels != NULL));
  close (fd);
  return 0;
}
