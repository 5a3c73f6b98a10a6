/* SPDX-License-Identifier: Apache-2.0
 *
 * brain-mr.c: tissues and parts of the brain in MR of any contrast, by a small U-Net trained by us
 * (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label grey = {
  .size = sizeof grey,
  .value = 1,
  .name = "Cerebral cortex",
  .type = "SCT:362880003:Cerebral grey matter",
  .rgba = { 204, 121, 167, 255 },
};

static const sag_label white = {
  .size = sizeof white,
  .value = 2,
  .name = "Cerebral white matter",
  .type = "SCT:68523003:Cerebral white matter",
  .rgba = { 240, 228, 66, 255 },
};

static const sag_label fluid = {
  .size = sizeof fluid,
  .value = 3,
  .name = "Cerebrospinal fluid",
  .type = "SCT:65216001:Cerebrospinal fluid",
  .rgba = { 86, 180, 233, 255 },
};

static const sag_label deep = {
  .size = sizeof deep,
  .value = 4,
  .name = "Deep grey nuclei",
  .type = "SCT:32610002:Basal ganglion",
  .rgba = { 230, 159, 0, 255 },
};

static const sag_label cerebellum = {
  .size = sizeof cerebellum,
  .value = 5,
  .name = "Cerebellum",
  .type = "SCT:113305005:Cerebellum",
  .rgba = { 0, 158, 115, 255 },
};

static const sag_label stem = {
  .size = sizeof stem,
  .value = 6,
  .name = "Brainstem",
  .type = "SCT:15926001:Brainstem",
  .rgba = { 213, 94, 0, 255 },
};

static const sag_label *const labels[]
    = { &grey, &white, &fluid, &deep, &cerebellum, &stem, NULL };

static const sag_net net = {
  .size = sizeof net,
  .onnx = "brain-mr.onnx",
  .spacing = { 1.5, 1.5, 1.5 },
  .orientation = "SAR", /* arrays [x, y, z] of RAS images: i runs along z */
  .patch = { 96, 96, 96 },
  .overlap = 0.25f,
  .normalise = SAG_NORM_PERCENTILE,
  .output = SAG_OUTPUT_SOFTMAX,
  .padding = SAG_PAD_LOWEST,
  .finish = SAG_KEEP_LARGEST,
  .temperature = { 1.33f, 1.33f, 1.33f, 1.33f },
};

static const sag_model_info brain = {
  .size = sizeof brain,
  .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4,
  .id = "org.sagitta.brain-mr",
  .version = "0.2.0",
  .name = "Brain tissues (MR)",
  .modality = "MR",
  .description =
      "Cortex, white matter, fluid, deep nuclei, cerebellum and brainstem in MR of a whole head, "
      "T1-like above all. Trained on images made from label maps; research use.",
  .card = "README.md",
  .labels = labels,
  .net = &net,
  .spacing_min = { 0.5, 0.5, 0.5 },
  .spacing_max = { 2.0, 2.0, 5.5 },
  .intensity = { 0.f, 65535.f }, /* any scale, from 0 up */
  .licence = "Apache-2.0",
  .data = "images made from 9 label maps of SynthSeg (Apache-2.0); no real image",
  .accuracy = "cortex Dice 0.823, white matter 0.885 on one T1 series",
};

static const sag_model_info *const models[] = { &brain, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
