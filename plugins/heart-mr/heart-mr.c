/* SPDX-License-Identifier: Apache-2.0
 *
 * heart-mr.c: the left ventricle's cavity in cine MR, by an UltraLight VM-UNet trained by us
 * (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label cavity = {
  .size = sizeof cavity,
  .value = 1,
  .name = "Left ventricle (blood)",
  .type = "SCT:87878005:Left cardiac ventricle",
  .rgba = { 204, 121, 167, 255 },
};

static const sag_label *const labels[] = { &cavity, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = "heart-mr.onnx",
  .orientation = "IJK", /* short-axis planes lie across the patient's axes */
  .patch = { 256, 256, 1 },
  .fit = SAG_FIT_INSIDE,
  .normalise = SAG_NORM_ZSCORE | SAG_PER_SLICE,
  .output = SAG_OUTPUT_SOFTMAX,
  .padding = SAG_PAD_LOWEST,
  .finish = SAG_FILL_HOLES,
  .temperature = { 2.81f, 2.81f, 2.88f, 3.40f },
};

static const sag_model_info heart = {
  .size = sizeof heart,
  .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4,
  .id = "org.sagitta.heart-mr",
  .version = "1.1.0",
  .name = "Left ventricle (cine MR)",
  .modality = "MR",
  .description =
      "The cavity of the left ventricle in short-axis cine MR of adults, slice by slice. Trained "
      "on the Sunnybrook Cardiac Data; research use.",
  .card = "README.md",
  .labels = labels,
  .net = &net,
  .spacing_min = { 0.9, 0.9, 0.0 },
  .spacing_max = { 1.9, 1.9, 0.0 },
  .intensity = { 0.f, 65535.f }, /* any scale, from 0 up */
  .licence = "Apache-2.0",
  .data = "385 short-axis slices of 22 patients of the Sunnybrook Cardiac Data (CC0)",
  .accuracy = "Dice 0.879 on 89 slices of 5 other patients",
};

static const sag_model_info *const models[] = { &heart, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
