/* SPDX-License-Identifier: Apache-2.0
 *
 * exporter.c: files that leave the program. */
#include "ui/exporter.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <glib/gi18n-lib.h>

#define SMOOTH 20 /* steps that take the stairs of the voxels away */

/* A series of pictures on its way. */
typedef struct
{
  char          *folder; /* made for it */
  char          *name;
  int            n, done;
  SagDrawPicture draw;
  gpointer       data;
  GDestroyNotify destroy;
  guint          source; /* that draws the next one, or 0 */
} Pictures;

struct _SagExporter
{
  GObject   parent_instance;

  SagJob   *job;      /* the one begun last while it runs, or NULL */
  Pictures *pictures; /* or NULL */
};

enum
{
  JOB,
  PROGRESS,
  SAVED,
  FAILED,
  NOTED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagExporter, sag_exporter, G_TYPE_OBJECT)

static void
hold (void)
{
  GApplication *application = g_application_get_default ();

  if (application != NULL)
    g_application_hold (application);
}

static void
release (void)
{
  GApplication *application = g_application_get_default ();

  if (application != NULL)
    g_application_release (application);
}

static void
fail (SagExporter  *self,
      const GError *error)
{
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_signal_emit (self, signals[FAILED], 0, error->message);
}

/* What the person should know about what was written, with how much it was. */
static void
note (SagExporter *self,
      GVariant    *done)
{
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  g_auto (GStrv) all = NULL;
  static const char *const keys[] = { "warnings", "skipped" };

  for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
    {
      g_auto (GStrv) some = NULL;

      if (g_variant_lookup (done, keys[k], "^as", &some))
        g_strv_builder_addv (texts, (const char **) some);
    }
  all = g_strv_builder_end (texts);
  if (all[0] != NULL)
    g_signal_emit (self, signals[NOTED], 0, all);
}

static void
export_done (GObject      *source,
             GAsyncResult *result,
             gpointer      data)
{
  g_autoptr (SagExporter) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  const char *path = "";

  release ();
  if (SAG_JOB (source) == self->job)
    g_clear_object (&self->job);
  if (done == NULL)
    {
      fail (self, error);
      return;
    }
  g_variant_lookup (done, "path", "^&ay", &path);
  g_signal_emit (self, signals[SAVED], 0, path);
  note (self, done);
}

static void
start (SagExporter         *self,
       SagJob              *job, /* taken */
       GAsyncReadyCallback  callback)
{
  g_set_object (&self->job, job);
  hold ();
  sag_job_start_async (job, NULL, callback, g_object_ref (self));
  g_object_unref (job);
}

static void
start_export (SagExporter *self,
              SagJob      *job, /* taken; NULL with `error` */
              GError      *error)
{
  if (job == NULL)
    {
      g_signal_emit (self, signals[FAILED], 0, error->message);
      return;
    }
  g_signal_emit (self, signals[JOB], 0, job);
  start (self, job, export_done);
}

void
sag_exporter_save_labels (SagExporter  *self,
                          SagWorkspace *workspace,
                          const char   *format,
                          const char   *path)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  g_autoptr (GError) error = NULL;

  if (g_str_equal (format, "seg") && sag_workspace_is_straightened (workspace))
    {
      g_signal_emit (self, signals[FAILED], 0,
                     _ ("These labels lie on resampled slices; a DICOM SEG refers to the slices as they were "
                        "acquired. Save them as NIfTI, or segment the images as acquired."));
      return;
    }
  if (segmentation != NULL)
    start_export (self,
                  sag_job_new_export (format, path, segmentation,
                                      sag_workspace_get_series (workspace), &error),
                  error);
}

void
sag_exporter_save_surface (SagExporter  *self,
                           SagWorkspace *workspace,
                           int           label,
                           gboolean      smooth,
                           const char   *path)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  SagSeries *series = sag_workspace_get_series (workspace);
  g_autoptr (GError) error = NULL;

  if (series != NULL && !sag_series_is_placed (series))
    {
      g_signal_emit (self, signals[FAILED], 0,
                     _ ("This image says no place in the patient (as a radiograph), so its labels have no surface "
                        "there. Save them as DICOM SEG or NIfTI."));
      return;
    }
  if (segmentation != NULL)
    start_export (self,
                  sag_job_new_export_surface (path, segmentation, label, smooth ? SMOOTH : 0, &error),
                  error);
}

void
sag_exporter_save_statistics (SagExporter  *self,
                              SagWorkspace *workspace,
                              const char   *path)
{
  SagSegmentation *segmentation = sag_workspace_get_segmentation (workspace);
  g_autoptr (GError) error = NULL;

  if (segmentation != NULL)
    start_export (self,
                  sag_job_new_export_statistics (path, segmentation,
                                                 sag_workspace_get_volume (workspace), &error),
                  error);
}

void
sag_exporter_save_measurements (SagExporter  *self,
                                SagWorkspace *workspace,
                                const char   *format,
                                const char   *path)
{
  SagVolume *volume = sag_workspace_get_volume (workspace);
  g_autoptr (GError) error = NULL;

  if (volume != NULL)
    start_export (self,
                  sag_job_new_export_measurements (format, path,
                                                   sag_workspace_get_measurements (workspace), volume,
                                                   sag_workspace_get_series (workspace), &error),
                  error);
}

void
sag_exporter_save_png (SagExporter  *self,
                       const char   *path,
                       const guint8 *rgba,
                       int           width,
                       int           height)
{
  g_autoptr (GError) error = NULL;
  SagJob *job = sag_job_new_export_png (path, rgba, width, height, &error);

  start_export (self, job, error);
}

void
sag_exporter_deidentify (SagExporter       *self,
                         const char *const *paths,
                         const char        *folder,
                         const char        *dates)
{
  start_export (self, sag_job_new_deidentify (paths, folder, dates), NULL);
}

/* ---- a series of pictures */

static void
pictures_free (Pictures *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  if (self->destroy != NULL)
    self->destroy (self->data);
  g_free (self->folder);
  g_free (self->name);
  g_free (self);
}

static void
end_pictures (SagExporter *self)
{
  g_clear_pointer (&self->pictures, pictures_free);
  g_signal_emit (self, signals[PROGRESS], 0, NULL, 0.0);
}

static gboolean draw_next (gpointer data);

static void
picture_done (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  g_autoptr (SagExporter) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);
  Pictures *pictures = self->pictures;

  release ();
  if (SAG_JOB (source) != self->job)
    return;
  g_clear_object (&self->job);
  if (done == NULL)
    {
      end_pictures (self);
      fail (self, error);
      return;
    }
  if (++pictures->done < pictures->n)
    {
      pictures->source = g_idle_add_full (G_PRIORITY_LOW, draw_next, self, NULL);
      return;
    }
  g_signal_emit (self, signals[SAVED], 0, pictures->folder);
  end_pictures (self);
}

static gboolean
draw_next (gpointer data)
{
  SagExporter *self = data;
  Pictures *pictures = self->pictures;
  g_autofree char *number = g_strdup_printf ("%0*d.png", pictures->n > 999 ? 4 : 3, pictures->done + 1);
  g_autofree char *file = g_strjoin (" ", pictures->name, number, NULL);
  g_autofree char *path = g_build_filename (pictures->folder, file, NULL);
  g_autofree char *text =
      g_strdup_printf (_ ("Saving picture %d of %d"), pictures->done + 1, pictures->n);
  int width = 0, height = 0;
  g_autofree guint8 *rgba = pictures->draw (pictures->done, &width, &height, pictures->data);
  g_autoptr (GError) error = NULL;
  SagJob *job = rgba != NULL ? sag_job_new_export_png (path, rgba, width, height, &error) : NULL;

  pictures->source = 0;
  if (job != NULL)
    {
      g_signal_emit (self, signals[PROGRESS], 0, text, (double) pictures->done / pictures->n);
      start (self, job, picture_done);
      return G_SOURCE_REMOVE;
    }
  end_pictures (self); /* what was shown is gone */
  if (error != NULL)
    fail (self, error);
  return G_SOURCE_REMOVE;
}

/* A folder that was not there: nothing of another series is written over. */
static char *
make_folder (const char *parent,
             const char *name,
             GError    **error)
{
  for (int n = 1; n < 1000; n++)
    {
      g_autofree char *own = n > 1 ? g_strdup_printf ("%s %d", name, n) : g_strdup (name);
      g_autofree char *path = g_build_filename (parent, own, NULL);

      if (g_mkdir (path, 0777) == 0)
        return g_steal_pointer (&path);
      if (errno != EEXIST)
        break;
    }
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
               _ ("No folder could be made in '%s': %s. Choose another place."), parent,
               g_strerror (errno));
  return NULL;
}

void
sag_exporter_save_pictures (SagExporter    *self,
                            const char     *folder,
                            const char     *name,
                            int             n,
                            SagDrawPicture  draw,
                            gpointer        data,
                            GDestroyNotify  destroy)
{
  g_autoptr (GError) error = NULL;
  char *own = self->pictures == NULL && n > 0 ? make_folder (folder, name, &error) : NULL;

  if (own == NULL)
    {
      if (destroy != NULL)
        destroy (data);
      g_signal_emit (self, signals[FAILED], 0,
                     error != NULL ? error->message
                                   : _ ("Pictures are being saved already; wait for them or cancel."));
      return;
    }
  self->pictures = g_new0 (Pictures, 1);
  *self->pictures = (Pictures) { own, g_strdup (name), n, 0, draw, data, destroy, 0 };
  draw_next (self);
}

gboolean
sag_exporter_cancel (SagExporter *self)
{
  gboolean any = self->job != NULL || self->pictures != NULL;

  if (self->job != NULL)
    sag_job_cancel (self->job);
  else if (self->pictures != NULL)
    end_pictures (self);
  return any;
}

/* ---- GObject */

static void
sag_exporter_finalize (GObject *object)
{
  SagExporter *self = SAG_EXPORTER (object);

  g_clear_pointer (&self->pictures, pictures_free);
  g_clear_object (&self->job);
  G_OBJECT_CLASS (sag_exporter_parent_class)->finalize (object);
}

static void
sag_exporter_class_init (SagExporterClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = sag_exporter_finalize;
  signals[JOB] = g_signal_new ("job", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               SAG_TYPE_JOB);
  signals[PROGRESS] = g_signal_new ("progress", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_DOUBLE);
  signals[SAVED] = g_signal_new ("saved", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_STRING);
  signals[FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[NOTED] = g_signal_new ("noted", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_STRV);
}

static void
sag_exporter_init (SagExporter *self)
{
}

SagExporter *
sag_exporter_new (void)
{
  return g_object_new (SAG_TYPE_EXPORTER, NULL);
}
