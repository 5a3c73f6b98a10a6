/* SPDX-License-Identifier: Apache-2.0
 *
 * breast-us.c: lesions in breast ultrasound, by a Mobile U-ViT trained by us (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label lesion = {
  .size = sizeof lesion,
  .value = 1,
  .name = "Lesion",
  .type = "SCT:52988006:Lesion",
  .category = "SCT:49755003:Morphologically Abnormal Structure",
  .rgba = { 213, 94, 0, 255 },
};

static const sag_label *const labels[] = { &lesion, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = "breast-us.onnx",
  .orientation = "IJK",
  .patch = { 160, 160, 1 },
  .fit = SAG_FIT_STRETCH, /* as the pictures it learned from were brought to a square */
  .normalise = SAG_NORM_ZSCORE | SAG_PER_SLICE,
  .output = SAG_OUTPUT_SOFTMAX,
  .padding = SAG_PAD_LOWEST,
  .finish = SAG_FILL_HOLES,
  .temperature = { 3.83f, 3.79f, 3.88f, 3.62f },
};

static const sag_model_info breast = {
  .size = sizeof breast,
  .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4,
  .id = "org.sagitta.breast-us",
  .version = "1.1.0",
  .name = "Lesion (breast ultrasound)",
  .modality = "US",
  .description =
      "The outline of a lesion in a breast ultrasound picture that shows one; it does not tell "
      "whether there is one, or what it is. Trained on BUSI; research use.",
  .card = "README.md",
  .labels = labels,
  .net = &net,
  .intensity = { 0.f, 255.f },
  .licence = "CC-BY-4.0",
  .data = "249 pictures of BUSI (CC BY 4.0), each with a lesion",
  .accuracy = "Dice 0.719, IoU 0.627 on 51 other pictures",
};

static const sag_model_info *const models[] = { &breast, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
