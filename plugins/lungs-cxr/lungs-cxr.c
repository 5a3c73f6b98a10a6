/* SPDX-License-Identifier: Apache-2.0
 *
 * lungs-cxr.c: both lungs in chest radiographs, by a CMUNeXt trained by us (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label lung = {
  .size = sizeof lung,
  .value = 1,
  .name = "Lungs",
  .type = "SCT:39607008:Lung",
  .modifier = "SCT:51440002:Right and left",
  .rgba = { 86, 180, 233, 255 },
};

static const sag_label *const labels[] = { &lung, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = "lungs-cxr.onnx",
  .orientation = "IJK",
  .patch = { 256, 256, 1 },
  .fit = SAG_FIT_INSIDE,
  .normalise = SAG_NORM_ZSCORE | SAG_PER_SLICE,
  .output = SAG_OUTPUT_SOFTMAX,
  .padding = SAG_PAD_LOWEST,
  .finish = SAG_FILL_HOLES,
  .temperature = { 1.17f, 1.17f, 1.16f, 1.12f },
};

static const sag_model_info lungs = {
  .size = sizeof lungs,
  .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4,
  .id = "org.sagitta.lungs-cxr",
  .version = "1.2.0",
  .name = "Lungs (chest X-ray)",
  .modality = "CR\\DX",
  .description =
      "Both lungs as one label in frontal chest radiographs of adults. Trained on the Montgomery "
      "County set; research use.",
  .card = "README.md",
  .labels = labels,
  .net = &net,
  .spacing_min = { 0.05, 0.05, 0.0 }, /* a detector's, to a picture of 256 x 256 */
  .spacing_max = { 1.8, 1.8, 0.0 },
  .intensity = { 0.f, 65535.f }, /* any scale, from 0 up */
  .licence = "Apache-2.0",
  .data = "103 radiographs of the Montgomery County set (public), 16 phantoms",
  .accuracy = "Dice 0.970 on 21 other radiographs",
};

static const sag_model_info *const models[] = { &lungs, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
