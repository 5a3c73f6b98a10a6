/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace-receive.c: what jobs bring, put in its place.
 */
#include "app/state/wire.h"
#include "app/state/workspace-private.h"

#include <string.h>

static const char *const layer_names[] = { "volume", "segmentation", "preview", "reference" };

static gboolean
invalid (const char *what, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "A message makes no sense: %s", what);
  return FALSE;
}

static int
find_layer (const char *name)
{
  for (int n = 0; n < (int) G_N_ELEMENTS (layer_names); n++)
    if (strcmp (layer_names[n], name) == 0)
      return n;
  return -1;
}

/* What was found in the folder and what was found while reading, each sentence once. Takes `more`. */
static char **
merge_warnings (SagSeries *series, char **more)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *const *known
      = series != NULL ? sag_series_get_warnings (series) : (const char *const[]) { NULL };

  g_strv_builder_addv (builder, (const char **) known);
  for (int n = 0; more != NULL && more[n] != NULL; n++)
    if (!g_strv_contains (known, more[n]))
      g_strv_builder_add (builder, more[n]);
  g_strfreev (more);
  return g_strv_builder_end (builder);
}

static gboolean
receive_volume (SagWorkspace *self, GVariant *body, GUnixFDList *fds, GError **error)
{
  g_autoptr (GVariant) description = g_variant_lookup_value (body, "volume", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) windows = g_variant_lookup_value (body, "windows", G_VARIANT_TYPE ("a(sdd)"));
  g_autoptr (SagVolume) volume = NULL;
  char **warnings = NULL;
  gboolean invert = FALSE;

  if (description == NULL)
    return invalid ("the volume is not described", error);
  volume = sag_volume_from_variant (description, fds, error);
  if (volume == NULL)
    return FALSE;
  g_variant_lookup (body, "invert", "b", &invert);
  g_variant_lookup (body, "warnings", "^as", &warnings);
  g_object_freeze_notify (G_OBJECT (self));
  sag_workspace_set_volume (self, volume);
  g_variant_lookup (body, "straightens", "b", &self->straightens);
  g_variant_lookup (body, "straightened", "b", &self->straightened);
  sag_workspace_take_warnings (self, merge_warnings (self->series, warnings));
  self->file_inverts = invert;
  sag_workspace_set_invert (self, invert);
  sag_workspace_choose_window (self, windows);
  g_object_thaw_notify (G_OBJECT (self));
  return TRUE;
}

static gboolean
receive_segmentation (SagWorkspace *self, SagResult *result, SagWorkspaceLayer layer, GVariant *body,
                      GUnixFDList *fds, GError **error)
{
  g_autoptr (GVariant) description
      = g_variant_lookup_value (body, "segmentation", G_VARIANT_TYPE_VARDICT);
  g_autoptr (SagSegmentation) segmentation = NULL;

  if (description == NULL)
    return invalid ("the segmentation is not described", error);
  segmentation = sag_segmentation_from_variant (description, fds, error);
  if (segmentation == NULL)
    return FALSE;
  if (layer == SAG_LAYER_PREVIEW && result != NULL)
    sag_workspace_take_preview (self, result, segmentation);
  else if (layer == SAG_LAYER_PREVIEW)
    {
      g_set_object (&self->received, sag_workspace_begin_result (self, "Preview"));
      sag_workspace_take_preview (self, self->received, segmentation);
    }
  else if (layer == SAG_LAYER_REFERENCE)
    sag_workspace_set_reference (self, segmentation);
  else if (result != NULL)
    sag_workspace_take_segmentation (self, result, segmentation);
  else
    {
      sag_workspace_set_segmentation (self, segmentation);
      g_set_object (&self->received, self->result);
    }
  return TRUE;
}

static gboolean
receive_ready (SagWorkspace *self, SagResult *result, GVariant *body, GError **error)
{
  SagSegmentation *hidden;
  const char *of;
  int k0, k1, layer;

  if (!g_variant_lookup (body, "of", "&s", &of) || !g_variant_lookup (body, "k0", "i", &k0)
      || !g_variant_lookup (body, "k1", "i", &k1) || (layer = find_layer (of)) < 0)
    return invalid ("it does not say which slices are ready", error);
  if (result == NULL || result == self->result || layer == SAG_LAYER_VOLUME)
    {
      sag_workspace_mark_ready (self, (SagWorkspaceLayer) layer, k0, k1);
      return TRUE;
    }
  /* Not the one shown: nothing is to be drawn anew. */
  hidden = layer == SAG_LAYER_SEGMENTATION ? sag_result_get_segmentation (result)
           : layer == SAG_LAYER_PREVIEW    ? sag_result_get_preview (result)
                                           : NULL;
  if (hidden != NULL)
    {
      int n = sag_segmentation_get_grid (hidden)->size[2];

      k0 = CLAMP (k0, 0, n);
      sag_segmentation_mark_ready (hidden, k0, CLAMP (k1, k0, n));
    }
  return TRUE;
}

static gboolean
receive_labels (SagWorkspace *self, SagResult *result, GVariant *body, GError **error)
{
  g_autoptr (GVariant) labels
      = g_variant_lookup_value (body, "labels", G_VARIANT_TYPE ("a(itddddd)"));
  const char *of;

  if (!g_variant_lookup (body, "of", "&s", &of) || labels == NULL)
    return invalid ("labels are not measured", error);
  if (find_layer (of) != SAG_LAYER_SEGMENTATION)
    return TRUE;
  if (result == NULL)
    result = self->received != NULL ? self->received : self->result;
  if (result != NULL)
    sag_workspace_take_labels (self, result, labels);
  return TRUE;
}

static gboolean
receive_values (SagWorkspace *self, SagResult *result, GVariant *body, GError **error)
{
  g_autoptr (GVariant) values = g_variant_lookup_value (body, "values", G_VARIANT_TYPE ("a(idd)"));
  const char *of;

  if (!g_variant_lookup (body, "of", "&s", &of) || values == NULL)
    return invalid ("values are not told", error);
  if (find_layer (of) != SAG_LAYER_SEGMENTATION)
    return TRUE;
  if (result == NULL)
    result = self->received != NULL ? self->received : self->result;
  if (result != NULL)
    sag_workspace_take_values (self, result, values);
  return TRUE;
}

gboolean
sag_workspace_receive_result (SagWorkspace *self, SagResult *result, const char *name,
                              GVariant *body, GUnixFDList *fds, GError **error)
{
  int layer;

  g_return_val_if_fail (SAG_IS_WORKSPACE (self) && name != NULL && body != NULL, FALSE);

  if (!g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    return invalid ("it is not a list of named values", error);
  if (strcmp (name, "ready") == 0)
    return receive_ready (self, result, body, error);
  if (strcmp (name, "labels") == 0)
    return receive_labels (self, result, body, error);
  if (strcmp (name, "values") == 0)
    return receive_values (self, result, body, error);
  layer = find_layer (name);
  if (layer < 0)
    return TRUE;
  return layer == SAG_LAYER_VOLUME
             ? receive_volume (self, body, fds, error)
             : receive_segmentation (self, result, (SagWorkspaceLayer) layer, body, fds, error);
}

gboolean
sag_workspace_receive (SagWorkspace *self, const char *name, GVariant *body, GUnixFDList *fds,
                       GError **error)
{
  return sag_workspace_receive_result (self, NULL, name, body, fds, error);
}
