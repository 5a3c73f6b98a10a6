/* SPDX-License-Identifier: Apache-2.0
 *
 * hippocampus-mr.c: both parts of a hippocampus in crops of T1-weighted MR, by a LightM-UNet and a
 * SegFormer3D trained by us (train.py, README.md).
 */
#include "plugins/sagitta-plugin.h"

static const sag_label anterior = {
  .size = sizeof anterior,
  .value = 1,
  .name = "Anterior hippocampus",
  .type = "SCT:5366008:Hippocampus",
  .rgba = { 230, 159, 0, 255 },
};

static const sag_label posterior = {
  .size = sizeof posterior,
  .value = 2,
  .name = "Posterior hippocampus",
  .type = "SCT:5366008:Hippocampus",
  .rgba = { 86, 180, 233, 255 },
};

static const sag_label *const labels[] = { &anterior, &posterior, NULL };

/* Trained on arrays [x, y, z] of RAS images: i runs along z. */
#define NET(name, ...)                                                                            \
  {                                                                                               \
    .size = sizeof (sag_net), .onnx = name, .spacing = { 1.0, 1.0, 1.0 }, .orientation = "SAR",   \
    .patch = { 48, 64, 48 }, .overlap = 0.25f, .normalise = SAG_NORM_ZSCORE,                      \
    .output = SAG_OUTPUT_SOFTMAX, .padding = SAG_PAD_EDGE, .finish = SAG_KEEP_LARGEST,            \
    .temperature = { __VA_ARGS__ },                                                               \
  }

#define INFO(model, number, title, weights, reached)                                              \
  {                                                                                               \
    .size = sizeof (sag_model_info),                                                              \
    .precisions = SAG_F32 | SAG_BF16 | SAG_INT8 | SAG_INT4, .id = model, .version = number,       \
    .name = title, .modality = "MR",                                                              \
    .description = "Anterior and posterior part of the hippocampus in a crop of T1-weighted MR "  \
                   "of about 35 x 50 x 35 mm around one; not for whole heads. Trained on task 4 " \
                   "of the Medical Segmentation Decathlon; research use.",                        \
    .card = "README.md", .labels = labels, .net = weights, .spacing_min = { 0.8, 0.8, 0.8 },      \
    .spacing_max = { 1.3, 1.3, 1.3 }, .intensity = { 0.f, 1e6f }, /* any scale, from 0 up */      \
    .licence = "CC-BY-SA-4.0",                                                                    \
    .data = "165 crops of task 4 of the Medical Segmentation Decathlon (CC BY-SA 4.0)",           \
    .accuracy = reached " on 33 other crops",                                                     \
  }

static const sag_net linear = NET ("hippocampus-mr.onnx", 1.50f, 1.49f, 1.49f, 1.49f);
static const sag_net transformer
    = NET ("hippocampus-mr-segformer.onnx", 1.71f, 1.71f, 1.71f, 1.71f);

static const sag_model_info by_scan
    = INFO ("org.sagitta.hippocampus-mr", "1.1.0", "Hippocampus (MR)", &linear,
            "Dice 0.872");
static const sag_model_info by_attention
    = INFO ("org.sagitta.hippocampus-mr-segformer", "1.1.0", "Hippocampus (MR, transformer)",
            &transformer, "Dice 0.871");

static const sag_model_info *const models[] = { &by_scan, &by_attention, NULL };

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin,
  .abi = SAG_PLUGIN_ABI,
  .models = models,
};
