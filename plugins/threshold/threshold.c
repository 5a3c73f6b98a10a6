/* SPDX-License-Identifier: Apache-2.0
 *
 * threshold.c: bone by Hounsfield units; the smallest plugin with code of its own.
 */
#include "plugins/sagitta-plugin.h"

#include <stdlib.h>
#include <string.h>

#define BONE_HU 300.0f
#define SOFT_HU 100.0f /* how far from the threshold certainty is complete */

static const sag_label bone = {
  sizeof (sag_label), 1, "Bone", "SCT:272673000:Bone", { 241, 214, 145, 255 }, 0, NULL, NULL,
};

static const sag_label *const labels[] = { &bone, NULL };

static const sag_model_info threshold = {
  .size = sizeof threshold,
  .precisions = SAG_F32,
  .id = "org.sagitta.threshold",
  .version = "1.0.0",
  .name = "Threshold: bone",
  .modality = "CT",
  .description = "Everything of 300 HU or more: bone, but also contrast medium, calcium and metal. "
                 "Confidence is how far a voxel lies from the threshold.",
  .labels = labels,
  .intensity = { -1100, 4000 },
};

static const sag_model_info *const models[] = { &threshold, NULL };

/* 255 * the probability of the shown label: 0.5 at the threshold, 1 from SOFT_HU away. */
static uint8_t
confidence_of (float hu)
{
  float distance = hu < BONE_HU ? BONE_HU - hu : hu - BONE_HU;
  float certain = distance < SOFT_HU ? distance / SOFT_HU : 1.0f;

  return (uint8_t) (127.5f + 127.5f * certain);
}

static sag_status
segment (sag_model *model, const sag_image *image, sag_result *result, const sag_run *run)
{
  const size_t slice = (size_t) image->dims[0] * (size_t) image->dims[1];

  if (strcmp (image->unit, "HU") != 0 && image->unit[0] != '\0')
    {
      strcpy (result->message, "The volume is not in Hounsfield units; use a CT series.");
      return SAG_FAILED;
    }
  for (int32_t k = 0; k < image->dims[2]; k++)
    {
      const size_t first = (size_t) k * slice;

      if (!run->progress (run->data, (double) k / image->dims[2]))
        return SAG_CANCELLED;
      for (size_t i = first; i < first + slice; i++)
        {
          result->labels[i] = image->voxels[i] >= BONE_HU;
          result->confidence[i] = confidence_of (image->voxels[i]);
        }
    }
  return SAG_OK;
}

static void
destroy (sag_model *model)
{
  free (model);
}

static sag_model *
create (const sag_host *host, const char *folder, const char *id, uint32_t precision)
{
  sag_model *model = calloc (1, sizeof *model);

  if (model != NULL)
    {
      model->size = sizeof *model;
      model->segment = segment;
      model->destroy = destroy;
    }
  return model;
}

SAG_EXPORT const sag_plugin_entry sag_plugin = {
  .size = sizeof sag_plugin, .abi = SAG_PLUGIN_ABI, .models = models, .create = create,
};
