/* SPDX-License-Identifier: Apache-2.0
 *
 * opener.c: from a folder to a volume in the workspace. */
#include "ui/opener.h"

#include <glib/gi18n-lib.h>

#define THUMBNAIL_PIXELS 112

struct _SagOpener
{
  GObject        parent_instance;

  SagWorkspace  *workspace;
  SagCatalogue  *catalogue;
  SagOpenerState state;
  char          *problem;
  SagJob        *index;   /* running, or NULL */
  SagJob        *read;    /* running, or NULL: of the workspace's series */
  SagJob        *labels;  /* running, or NULL: a segmentation file */
  char          *labels_name; /* what they are called if they do not say */
  char          *dropped; /* the file of "labels", if it may be images as well; NULL if not */
  char         **asked;   /* the paths last opened, or NULL */
  SagSeries     *overlay; /* a segmentation to read when its series is there, or NULL */
  GQueue         thumbnails; /* SagSeries still without, owned */
  SagJob        *thumbnail;  /* running, or NULL */
};

enum
{
  PROP_STATE = 1,
  PROP_PROBLEM,
  N_PROPS
};

enum
{
  JOB,
  FAILED,
  OPENED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagOpener, sag_opener, G_TYPE_OBJECT)

static void
set_state (SagOpener      *self,
           SagOpenerState  state,
           const char     *problem)
{
  if (g_strcmp0 (self->problem, problem) != 0)
    {
      g_free (self->problem);
      self->problem = g_strdup (problem);
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PROBLEM]);
    }
  if (self->state != state)
    {
      self->state = state;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
    }
}

/* The state when a job ended without a volume of its own. */
static void
settle (SagOpener *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);

  if (volume != NULL)
    set_state (self, self->read != NULL ? SAG_OPENER_READING : SAG_OPENER_READY, "");
  else if (self->read != NULL)
    set_state (self, SAG_OPENER_READING, "");
  else if (g_list_model_get_n_items (G_LIST_MODEL (self->catalogue)) == 0)
    set_state (self, SAG_OPENER_EMPTY, "");
  else
    set_state (self, SAG_OPENER_NOTHING, _ ("Choose a series from the list."));
}

static void
fail (SagOpener    *self,
      const GError *error)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_signal_emit (self, signals[FAILED], 0, error->message);
}

/* Passes a partial on, unless its job is no longer the one that counts. */
static void
receive (SagOpener   *self,
         const char  *name,
         GVariant    *body,
         GUnixFDList *fds)
{
  g_autoptr (GError) error = NULL;

  if (!sag_workspace_receive (self->workspace, name, body, fds, &error))
    fail (self, error);
}

static void
start (SagOpener           *self,
       SagJob             **slot,
       SagJob              *job, /* taken */
       gboolean             awaited,
       GAsyncReadyCallback  callback)
{
  if (*slot != NULL)
    {
      g_signal_handlers_disconnect_by_data (*slot, self);
      sag_job_cancel (*slot);
    }
  g_set_object (slot, job);
  if (awaited)
    g_signal_emit (self, signals[JOB], 0, job);
  sag_job_start_async (job, NULL, callback, g_object_ref (self));
  g_object_unref (job);
}

/* ---- thumbnails: one at a time, so that what a person asks for never waits for more than one */

static void next_thumbnail (SagOpener *self);

static void
thumbnail_done (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  g_autoptr (SagOpener) self = data;
  g_autoptr (GVariant) picture = sag_job_finish (SAG_JOB (source), result, NULL);
  SagSeries *series = g_object_get_data (source, "series");

  /* A series without a picture keeps its placeholder; opening it will say what is wrong. */
  if (picture != NULL)
    sag_series_set_thumbnail (series, picture);
  g_clear_object (&self->thumbnail);
  next_thumbnail (self);
}

static void
next_thumbnail (SagOpener *self)
{
  g_autoptr (SagSeries) series = NULL;
  SagJob *job;

  if (self->thumbnail != NULL || (series = g_queue_pop_head (&self->thumbnails)) == NULL)
    return;
  job = sag_job_new_thumbnail (series, THUMBNAIL_PIXELS);
  g_object_set_data_full (G_OBJECT (job), "series", g_object_ref (series), g_object_unref);
  start (self, &self->thumbnail, job, FALSE, thumbnail_done);
}

static void
queue_thumbnails (SagOpener *self)
{
  GListModel *studies = G_LIST_MODEL (self->catalogue);

  for (guint s = 0; s < g_list_model_get_n_items (studies); s++)
    {
      g_autoptr (GListModel) study = g_list_model_get_item (studies, s);

      for (guint i = 0; i < g_list_model_get_n_items (study); i++)
        {
          g_autoptr (SagSeries) series = g_list_model_get_item (study, i);

          if (sag_series_is_readable (series)
              && sag_series_get_thumbnail (series, NULL, NULL) == NULL
              && g_queue_find (&self->thumbnails, series) == NULL)
            g_queue_push_tail (&self->thumbnails, g_steal_pointer (&series));
        }
    }
  next_thumbnail (self);
}

/* ---- folders */

static char *
describe_nothing (GVariant *result)
{
  g_autoptr (GVariantIter) skipped = NULL;
  const char *path, *why;
  guint n_files = 0;

  g_variant_lookup (result, "n-files", "u", &n_files);
  if (n_files == 0)
    return g_strdup (_ ("The folder has no files. Choose one that holds DICOM or NIfTI images."));
  if (g_variant_lookup (result, "skipped", "a(ss)", &skipped)
      && g_variant_iter_next (skipped, "(&s&s)", &path, &why))
    {
      g_autofree char *name = g_path_get_basename (path);

      return g_strdup_printf (
          g_dngettext (
              GETTEXT_PACKAGE, "The %u file is not an image that can be shown. It is %s: %s",
              "None of the %u files is an image that can be shown. The first, %s: %s", n_files),
          n_files, name, why);
    }
  return g_strdup_printf (
      g_dngettext (GETTEXT_PACKAGE, "The %u file is not an image that can be shown.",
                   "None of the %u files is an image that can be shown.", n_files),
      n_files);
}

static gboolean
is_nifti (const char *path)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  return g_str_has_suffix (lower, ".nii") || g_str_has_suffix (lower, ".nii.gz") || g_str_has_suffix (lower, ".hdr")
         || g_str_has_suffix (lower, ".hdr.gz");
}

/* Labels alone are shown over their images, which may be open. */
static SagSeries *
pick_labels (SagCatalogue *found)
{
  for (guint s = 0; s < g_list_model_get_n_items (G_LIST_MODEL (found)); s++)
    {
      g_autoptr (GListModel) study = g_list_model_get_item (G_LIST_MODEL (found), s);

      for (guint i = 0; i < g_list_model_get_n_items (study); i++)
        {
          g_autoptr (SagSeries) series = g_list_model_get_item (study, i);

          if (sag_series_is_segmentation (series))
            return series; /* the study keeps it */
        }
    }
  return NULL;
}

/* What of the catalogue this answer brought that is worth opening. */
static SagSeries *
pick (SagOpener *self,
      GVariant  *result)
{
  g_autoptr (SagCatalogue) found = sag_catalogue_new ();
  SagSeries *best;

  if (!sag_catalogue_set (found, result, NULL))
    return NULL;
  /* Labels that were named beside their images are asked for with them. */
  best = pick_labels (found);
  if (best == NULL || !is_nifti (sag_series_get_paths (best)[0]))
    {
      SagSeries *images = sag_catalogue_pick_series (found);

      best = images != NULL ? images : best;
    }
  if (best == NULL)
    return NULL;
  return sag_catalogue_find_series (self->catalogue, sag_series_get_key (best));
}

static void
index_done (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  g_autoptr (SagOpener) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) found = sag_job_finish (SAG_JOB (source), result, &error);
  SagSeries *series = NULL;

  if (SAG_JOB (source) != self->index)
    return; /* another was asked for meanwhile */
  g_clear_object (&self->index);
  if (found == NULL || !sag_catalogue_add (self->catalogue, found, &error))
    {
      if (sag_workspace_get_volume (self->workspace) == NULL && self->read == NULL
          && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        set_state (self, SAG_OPENER_NOTHING, error->message);
      else
        settle (self);
      fail (self, error);
      return;
    }
  series = pick (self, found);
  if (series != NULL)
    {
      sag_opener_open_series (self, series);
    }
  else
    {
      g_autofree char *why = describe_nothing (found);

      if (sag_workspace_get_volume (self->workspace) == NULL)
        set_state (self, SAG_OPENER_NOTHING, why);
      else
        settle (self);
      g_signal_emit (self, signals[FAILED], 0, why);
    }
  queue_thumbnails (self);
}

void
sag_opener_open_paths (SagOpener         *self,
                       const char *const *paths)
{
  char **asked = g_strdupv ((char **) paths); /* they may be the ones that are kept */

  g_strfreev (self->asked);
  self->asked = asked;
  start (self, &self->index, sag_job_new_index ((const char *const *) asked), TRUE, index_done);
  if (sag_workspace_get_volume (self->workspace) == NULL)
    set_state (self, SAG_OPENER_LOOKING, "");
}

/* ---- series */

static void
labels_partial (SagJob      *job,
                const char  *name,
                GVariant    *body,
                GUnixFDList *fds,
                SagOpener   *self)
{
  if (job == self->labels)
    receive (self, name, body, fds);
}

/* Two files of unnamed labels are told apart by their files. */
static void
name_labels (SagOpener *self)
{
  SagResult *result = sag_workspace_get_result (self->workspace);
  SagSegmentation *labels = result != NULL ? sag_result_get_segmentation (result) : NULL;

  if (labels != NULL && self->labels_name != NULL
      && sag_segmentation_get_provenance (labels)->weights_sha256[0] == '\0'
      && sag_result_get_model_id (result)[0] == '\0')
    sag_result_set_name (result, self->labels_name);
}

static void
labels_done (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (SagOpener) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  g_autofree char *dropped = NULL;

  if (SAG_JOB (source) != self->labels)
    return;
  dropped = g_steal_pointer (&self->dropped);
  g_signal_handlers_disconnect_by_data (source, self);
  g_clear_object (&self->labels);
  if (done != NULL)
    name_labels (self);
  else if (dropped != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    sag_opener_open_paths (self, (const char *const[]) { dropped, NULL });
  else
    fail (self, error);
}

/* Takes the job; `name` is what the labels are called if they do not say. */
static void
start_labels (SagOpener  *self,
              SagJob     *job,
              const char *name,
              const char *dropped)
{
  g_free (self->labels_name);
  self->labels_name = g_strdup (name);
  g_free (self->dropped);
  self->dropped = g_strdup (dropped);
  g_signal_connect (job, "partial", G_CALLBACK (labels_partial), self);
  start (self, &self->labels, job, TRUE, labels_done);
}

/* Positions in two frames of reference (PS3.3 C.7.4.1) have nothing to do with each other: labels of one
 * laid over images of the other would look right and be wrong. */
static gboolean
is_elsewhere (SagSeries *images,
              SagSeries *labels)
{
  const char *a = images != NULL ? sag_series_get_frame_of_reference (images) : "";
  const char *b = sag_series_get_frame_of_reference (labels);

  return a[0] != '\0' && b[0] != '\0' && !g_str_equal (a, b);
}

/* Labels without a place lie on the pixels of the images they name, and on no others. */
static gboolean
is_of_others (SagSeries *images,
              SagSeries *labels)
{
  const char *references = sag_series_get_references (labels);

  return images != NULL && sag_series_get_frame_of_reference (labels)[0] == '\0' && references[0] != '\0'
         && !g_str_equal (references, sag_series_get_uid (images));
}

static void
read_overlay (SagOpener *self)
{
  g_autoptr (SagSeries) series = g_steal_pointer (&self->overlay);
  const char *const *paths;
  SagJob *job;

  if (series == NULL)
    return;
  if (is_elsewhere (sag_workspace_get_series (self->workspace), series))
    {
      g_signal_emit (
          self, signals[FAILED], 0,
          _ ("This segmentation lies in another frame of reference than the open images; "
             "it is not shown over them. Open the images it was made from."));
      return;
    }
  if (is_of_others (sag_workspace_get_series (self->workspace), series))
    {
      g_signal_emit (self, signals[FAILED], 0,
                     _ ("This segmentation says no place in the patient and was made from other images; it is not "
                        "shown over these. Open the images it was made from."));
      return;
    }
  paths = sag_series_get_paths (series);
  if (paths[0] == NULL)
    return;
  job = sag_job_new_read_segmentation (paths[0], FALSE,
                                       sag_workspace_get_volume (self->workspace));
  start_labels (self, job, sag_series_get_title (series), NULL);
}

void
sag_opener_open_labels (SagOpener  *self,
                        const char *path,
                        const char *name)
{
  SagJob *job =
      sag_job_new_read_segmentation (path, FALSE, sag_workspace_get_volume (self->workspace));

  start_labels (self, job, name, NULL);
}

/* Of a DICOM file the index tells what it is; of a NIfTI file only its voxels do. */
void
sag_opener_open_dropped (SagOpener         *self,
                         const char *const *paths)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  g_autofree char *name = NULL;

  if (volume == NULL || paths[1] != NULL || !is_nifti (paths[0]))
    {
      sag_opener_open_paths (self, paths);
      return;
    }
  name = g_filename_display_basename (paths[0]);
  start_labels (self, sag_job_new_read_doubtful (paths[0], volume), name, paths[0]);
}

static void
read_partial (SagJob      *job,
              const char  *name,
              GVariant    *body,
              GUnixFDList *fds,
              SagOpener   *self)
{
  if (job == self->read)
    receive (self, name, body, fds);
}

static void
read_done (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (SagOpener) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  SagSeries *series = sag_workspace_get_series (self->workspace);

  if (SAG_JOB (source) != self->read)
    return;
  g_signal_handlers_disconnect_by_data (source, self);
  g_clear_object (&self->read);
  if (done == NULL)
    {
      g_clear_object (&self->overlay);
      if (sag_workspace_get_volume (self->workspace) == NULL &&
          !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        set_state (self, SAG_OPENER_NOTHING, error->message);
      else
        settle (self);
      fail (self, error);
      return;
    }
  settle (self);
  if (series != NULL)
    g_signal_emit (self, signals[OPENED], 0, series);
  read_overlay (self);
}

static void
read_series (SagOpener *self,
             SagSeries *series,
             gboolean   straighten)
{
  SagJob *job;
  double cursor[3];
  SagSeries *old = sag_workspace_get_series (self->workspace);
  /* In the same frame of reference reading begins where the reader is looking. */
  gboolean same = old != NULL && sag_workspace_get_volume (self->workspace) != NULL
                  && sag_series_get_frame_of_reference (series)[0] != '\0'
                  && g_str_equal (sag_series_get_frame_of_reference (old),
                                  sag_series_get_frame_of_reference (series));

  sag_workspace_get_cursor (self->workspace, cursor);
  if (self->labels != NULL)
    sag_job_cancel (self->labels);
  sag_workspace_set_series (self->workspace, series);
  job = straighten ? sag_job_new_read_straightened (series, same ? cursor : NULL)
                   : sag_job_new_read (series, same ? cursor : NULL);
  g_signal_connect (job, "partial", G_CALLBACK (read_partial), self);
  start (self, &self->read, job, TRUE, read_done);
  set_state (self, SAG_OPENER_READING, "");
}

void
sag_opener_open_series (SagOpener *self,
                        SagSeries *series)
{
  SagSeries *open = sag_workspace_get_series (self->workspace);

  g_clear_object (&self->overlay);
  if (sag_series_is_segmentation (series))
    {
      const char *references = sag_series_get_references (series);
      SagSeries  *under =
          references[0] != '\0' ? sag_catalogue_find_series (self->catalogue, references) : NULL;

      if (under == NULL && sag_workspace_get_volume (self->workspace) == NULL)
        {
          g_signal_emit (self, signals[FAILED], 0,
                         _ ("The images this segmentation was made from are not open; open their "
                            "folder first."));
          return;
        }
      self->overlay = g_object_ref (series);
      if (under != NULL && (open == NULL || !g_str_equal (sag_series_get_uid (open), references)))
        read_series (self, under, FALSE);
      else if (self->read == NULL)
        read_overlay (self);
      return;
    }
  if (!sag_series_is_readable (series))
    {
      g_signal_emit (self, signals[FAILED], 0, sag_series_get_reason (series));
      return;
    }
  if (series == open && (self->read != NULL || sag_workspace_get_volume (self->workspace) != NULL))
    return;
  read_series (self, series, FALSE);
}

void
sag_opener_try_again (SagOpener *self)
{
  SagSeries *open = sag_workspace_get_series (self->workspace);

  if (open != NULL)
    sag_opener_open_series (self, open);
  else if (self->asked != NULL)
    sag_opener_open_paths (self, (const char *const *) self->asked);
}

void
sag_opener_straighten (SagOpener *self)
{
  SagSeries *open = sag_workspace_get_series (self->workspace);

  if (open != NULL && sag_workspace_get_volume (self->workspace) != NULL)
    read_series (self, open, !sag_workspace_is_straightened (self->workspace));
}

void
sag_opener_step_series (SagOpener *self,
                        int        step)
{
  SagSeries *open = sag_workspace_get_series (self->workspace);
  SagSeries *next = open != NULL ? sag_catalogue_step_series (self->catalogue, open, step) : NULL;

  if (next != NULL)
    sag_opener_open_series (self, next);
}

gboolean
sag_opener_cancel (SagOpener *self)
{
  SagJob *jobs[] = { self->index, self->read, self->labels };
  gboolean any = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (jobs); i++)
    if (jobs[i] != NULL && sag_job_is_active (jobs[i]))
      {
        sag_job_cancel (jobs[i]);
        any = TRUE;
      }
  return any;
}

void
sag_opener_close (SagOpener *self)
{
  g_queue_clear_full (&self->thumbnails, g_object_unref);
  if (self->thumbnail != NULL)
    sag_job_cancel (self->thumbnail);
  sag_opener_cancel (self);
}

static void
sag_opener_get_property (GObject    *object,
                         guint       id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  SagOpener *self = SAG_OPENER (object);

  switch (id)
    {
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;
    case PROP_PROBLEM:
      g_value_set_string (value, self->problem);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_opener_finalize (GObject *object)
{
  SagOpener *self = SAG_OPENER (object);

  g_queue_clear_full (&self->thumbnails, g_object_unref);
  g_clear_object (&self->overlay);
  g_free (self->labels_name);
  g_free (self->dropped);
  g_strfreev (self->asked);
  g_clear_object (&self->workspace);
  g_clear_object (&self->catalogue);
  g_free (self->problem);
  G_OBJECT_CLASS (sag_opener_parent_class)->finalize (object);
}

static void
sag_opener_class_init (SagOpenerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->get_property = sag_opener_get_property;
  object_class->finalize = sag_opener_finalize;

  properties[PROP_STATE] = g_param_spec_int ("state", NULL, NULL, 0, SAG_OPENER_READY, 0, flags);
  properties[PROP_PROBLEM] = g_param_spec_string ("problem", NULL, NULL, "", flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[JOB] = g_signal_new ("job", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               SAG_TYPE_JOB);
  signals[FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[OPENED] = g_signal_new ("opened", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, SAG_TYPE_SERIES);
}

static void
sag_opener_init (SagOpener *self)
{
  self->problem = g_strdup ("");
  g_queue_init (&self->thumbnails);
}

SagOpener *
sag_opener_new (SagWorkspace *workspace,
                SagCatalogue *catalogue)
{
  SagOpener *self = g_object_new (SAG_TYPE_OPENER, NULL);

  self->workspace = g_object_ref (workspace);
  self->catalogue = g_object_ref (catalogue);
  return self;
}

SagOpenerState
sag_opener_get_state (SagOpener *self)
{
  return self->state;
}

const char *
sag_opener_get_problem (SagOpener *self)
{
  return self->problem;
}
