/* SPDX-License-Identifier: Apache-2.0
 *
 * fusion.c: PET or NM in colour over the images of the same frame of reference. */
#include "ui/fusion.h"

struct _SagFusion
{
  SagWorkspace *workspace;
  SagWorkspace *over; /* the series that is laid over */
  SagOpener    *opener;
};

SagFusion *
sag_fusion_new (SagWorkspace *workspace,
                SagCatalogue *catalogue)
{
  SagFusion *self = g_new0 (SagFusion, 1);

  self->workspace = g_object_ref (workspace);
  self->over = sag_workspace_new ();
  self->opener = sag_opener_new (self->over, catalogue);
  return self;
}

void
sag_fusion_free (SagFusion *self)
{
  if (self == NULL)
    return;
  sag_opener_close (self->opener);
  g_object_unref (self->opener);
  g_object_unref (self->over);
  g_object_unref (self->workspace);
  g_free (self);
}

SagOpener *
sag_fusion_get_opener (SagFusion *self)
{
  return self->opener;
}

/* The study's first PET or NM in this frame; not the open series itself. */
static SagSeries *
find (SagSeries *open)
{
  static const char *const modalities[] = { "PT", "NM", NULL };
  SagStudy *study = open != NULL ? sag_series_get_study (open) : NULL;
  const char *frame = open != NULL ? sag_series_get_frame_of_reference (open) : "";

  for (guint i = 0; study != NULL && i < g_list_model_get_n_items (G_LIST_MODEL (study)); i++)
    {
      g_autoptr (SagSeries) series = g_list_model_get_item (G_LIST_MODEL (study), i);

      if (series != open && sag_series_is_readable (series) && frame[0] != '\0'
          && g_strv_contains (modalities, sag_series_get_modality (series))
          && g_str_equal (sag_series_get_frame_of_reference (series), frame))
        return series; /* the study keeps it */
    }
  return NULL;
}

gboolean
sag_fusion_toggle (SagFusion *self)
{
  SagSeries *series;

  if (sag_workspace_get_fusion (self->workspace) != NULL)
    {
      sag_workspace_set_fusion (self->workspace, NULL);
      return TRUE;
    }
  series = find (sag_workspace_get_series (self->workspace));
  if (series == NULL)
    return FALSE;
  sag_opener_open_series (self->opener, series);
  sag_workspace_set_fusion (self->workspace, self->over);
  return TRUE;
}
