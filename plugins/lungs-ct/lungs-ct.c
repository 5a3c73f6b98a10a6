/* SPDX-License-Identifier: Apache-2.0
 *
 * lungs-ct.c: both lungs in CT, by a slice-wise U-Net trained by us (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label left = {
  .size = sizeof left,
  .value = 1,
  .name = "Left lung",
  .type = "SCT:39607008:Lung",
  .modifier = "SCT:7771000:Left",
  .rgba = { 86, 180, 233, 255 },
};

static const sag_label right = {
  .size = sizeof right,
  .value = 2,
  .name = "Right lung",
  .type = "SCT:39607008:Lung",
  .modifier = "SCT:24028007:Right",
  .rgba = { 230, 159, 0, 255 },
};

static const sag_label *const labels[] = { &left, &right, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = "lungs-ct.onnx",
  .spacing = { 2.0, 2.0, 0.0 }, /* every slice as it was acquired */
  .orientation = "LPS",
  .patch = { 256, 256, 1 },
  .overlap = 0.25f,
  .normalise = SAG_NORM_FIXED,
  .clip = { -1000.f, 500.f },
  .mean = -400.f,
  .std = 500.f,
  .output = SAG_OUTPUT_SOFTMAX,
  .padding = SAG_PAD_LOWEST,
  .finish = SAG_KEEP_LARGEST,
  .temperature = { 1.39f, 1.39f, 1.38f, 1.36f },
};

static const sag_model_info lungs = {
  .size = sizeof lungs,
  .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4,
  .id = "org.sagitta.lungs-ct",
  .version = "1.0.1",
  .name = "Lungs (CT)",
  .modality = "CT",
  .description =
      "Left and right lung in chest CT, with vessels and findings in them, without trachea, main "
      "bronchi and pleural fluid. Trained on procedural phantoms; research use.",
  .card = "README.md",
  .labels = labels,
  .net = &net,
  .spacing_min = { 0.3, 0.3, 0.3 },
  .spacing_max = { 2.5, 2.5, 12.0 },
  .intensity = { -3100.f, 1250.f },
  .planes = "axial",
  .licence = "Apache-2.0",
  .data = "480 procedural phantoms; one CT of TotalSegmentator (Apache-2.0)",
  .accuracy = "Dice 0.982 on 12 other phantoms; on real CT there was no truth to measure by",
};

static const sag_model_info *const models[] = { &lungs, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
