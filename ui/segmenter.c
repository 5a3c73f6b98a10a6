/* SPDX-License-Identifier: Apache-2.0
 *
 * segmenter.c: from a model and a precision to a segmentation. */
#include "ui/segmenter.h"

#include <glib/gi18n-lib.h>

struct _SagSegmenter
{
  GObject           parent_instance;

  SagWorkspace     *workspace;
  GListStore       *models;
  gboolean          loaded;
  char             *load_problem; /* why there are none; NULL if they came */
  SagModel         *model;
  char             *wanted;  /* identifier to choose when it turns up; NULL if none */
  gboolean          guessing; /* nobody has chosen a model for these images: one is found by trying */
  char             *preferred; /* what a person chose last, fitting or not; NULL if nothing */
  gboolean          pending; /* run as soon as it can */
  SagPrecision      precision;
  SagSegmenterState state;
  char             *problem;
  double            seconds;
  gint64            started_us;
  SagJob           *load;     /* running, or NULL; so are the others */
  SagJob           *estimate;
  SagJob           *run;
  SagResult        *result; /* what the run fills, or NULL */
  SagVolume        *estimated; /* what the last estimate was for; borrowed, only compared */
};

enum
{
  PROP_MODELS = 1,
  PROP_MODEL,
  PROP_PRECISION,
  PROP_STATE,
  PROP_PROBLEM,
  PROP_SECONDS,
  N_PROPS
};

enum
{
  JOB,
  FAILED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagSegmenter, sag_segmenter, G_TYPE_OBJECT)

static void update (SagSegmenter *self);
static SagModel *best_fitting (SagSegmenter *self);
static void set_model (SagSegmenter *self,
                       SagModel     *model);

static void
set_state (SagSegmenter      *self,
           SagSegmenterState  state,
           const char        *problem)
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

static gboolean
is_complete (SagVolume *volume)
{
  return volume != NULL && sag_volume_get_n_ready (volume) == sag_volume_get_grid (volume)->size[2];
}

static void
drop (SagSegmenter *self,
      SagJob      **slot)
{
  if (*slot == NULL)
    return;
  g_signal_handlers_disconnect_by_data (*slot, self);
  sag_job_cancel (*slot);
  g_clear_object (slot);
}

static void
start (SagSegmenter        *self,
       SagJob             **slot,
       SagJob              *job, /* taken */
       GAsyncReadyCallback  callback)
{
  drop (self, slot);
  *slot = job;
  sag_job_start_async (job, NULL, callback, g_object_ref (self));
}

/* ---- estimate */

static void
estimate_done (GObject      *source,
               GAsyncResult *result,
               gpointer      data)
{
  g_autoptr (SagSegmenter) self = data;
  g_autoptr (GVariant) estimate = sag_job_finish (SAG_JOB (source), result, NULL);

  if (SAG_JOB (source) != self->estimate)
    return;
  g_clear_object (&self->estimate);
  /* Without an estimate the model may still run; the run itself will say what is wrong. */
  if (estimate != NULL && self->model != NULL)
    sag_model_set_estimate (self->model, estimate);
  if (self->guessing)
    {
      SagModel *next = estimate != NULL && !sag_model_get_fits (self->model) ? best_fitting (self) : NULL;

      if (next != NULL)
        {
          set_model (self, next);
          return;
        }
      self->guessing = FALSE;
    }
  update (self);
}

static void
start_estimate (SagSegmenter *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  SagJob *job;

  drop (self, &self->estimate);
  self->estimated = volume;
  if (self->model == NULL || !sag_model_is_usable (self->model) || !is_complete (volume))
    return;
  job = sag_job_new_estimate (sag_model_get_id (self->model), self->precision, volume, NULL);
  if (job != NULL)
    start (self, &self->estimate, job, estimate_done);
}

/* ---- what can be done now */

/* Images of unknown origin: one picture is hardly what a model of slices of the body is for, nor a volume what a
 * model of radiographs is for. */
static gboolean
is_unlikely (SagSegmenter *self,
             SagModel     *model)
{
  static const char *const flat[] = { "CR", "DX", "MG", "US", "XA", NULL };
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  gboolean one, has_flat = FALSE;
  g_auto (GStrv) modalities = NULL;

  if (volume == NULL || sag_volume_get_modality (volume)[0] != '\0' || sag_model_get_modality (model)[0] == '\0')
    return FALSE;
  one = sag_volume_get_grid (volume)->size[2] == 1;
  modalities = g_strsplit_set (sag_model_get_modality (model), "\\", -1);
  for (int m = 0; modalities[m] != NULL; m++)
    has_flat = has_flat || g_strv_contains (flat, modalities[m]);
  return one != has_flat;
}

/* What a person chose if that fits, else the first that does; borrowed from the list, or NULL. */
static SagModel *
best_fitting (SagSegmenter *self)
{
  SagModel *preferred =
      self->preferred != NULL ? sag_model_list_find (self->models, self->preferred) : NULL;

  if (preferred != NULL && sag_model_is_usable (preferred) && sag_model_get_fits (preferred)
      && !is_unlikely (self, preferred))
    return preferred;
  for (int unlikely = 0; unlikely < 2; unlikely++)
    for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->models)); i++)
      {
        g_autoptr (SagModel) model = g_list_model_get_item (G_LIST_MODEL (self->models), i);

        if (sag_model_is_usable (model) && sag_model_get_fits (model)
            && is_unlikely (self, model) == unlikely)
          return model; /* the list keeps it */
      }
  return NULL;
}

static void
set_model (SagSegmenter *self,
           SagModel     *model)
{
  if (!g_set_object (&self->model, model))
    return;
  if (model != NULL && !sag_model_has_precision (model, self->precision))
    for (int p = 0; p < SAG_N_PRECISIONS; p++)
      if (sag_model_has_precision (model, p))
        {
          self->precision = p;
          g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PRECISION]);
          break;
        }
  drop (self, &self->estimate); /* it is of the other model */
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_MODEL]);
  self->estimated = NULL;
  update (self);
}

/* Chooses what was asked for by identifier, once the models are known. */
static void
resolve_wanted (SagSegmenter *self)
{
  g_autofree char *id = NULL;
  SagModel *model;

  if (self->wanted == NULL || !self->loaded)
    return;
  id = g_steal_pointer (&self->wanted);
  model = sag_model_list_find (self->models, id);
  if (model != NULL)
    {
      g_free (self->preferred);
      self->preferred = g_strdup (id);
      self->guessing = FALSE;
      set_model (self, model);
    }
  else if (self->pending)
    {
      g_autofree char *message = g_strdup_printf (_ ("The model %s is not installed."), id);

      self->pending = FALSE;
      g_signal_emit (self, signals[FAILED], 0, message);
    }
}

static void
update (SagSegmenter *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);

  if (self->run != NULL)
    return; /* its end calls again */
  resolve_wanted (self);
  if (self->model == NULL && self->wanted == NULL && volume != NULL && best_fitting (self) != NULL)
    set_model (self, best_fitting (self));

  if (!is_complete (volume))
    {
      set_state (self, SAG_SEGMENTER_NO_IMAGE, "");
      return;
    }
  if (self->model == NULL)
    {
      gboolean any = g_list_model_get_n_items (G_LIST_MODEL (self->models)) > 0;
      g_autofree char *folder = g_build_filename (g_get_user_data_dir (), "sagitta", "plugins", NULL);
      g_autofree char *none = g_strdup_printf (
          _ ("No model is installed. Put a model’s folder into “%s”, then open a new window."), folder);

      set_state (self, SAG_SEGMENTER_NO_MODEL,
                 !self->loaded                ? ""
                 : self->load_problem != NULL ? self->load_problem
                 : any                        ? _ ("None of the models fits these images. Choose one to see why.")
                                              : none);
      return;
    }
  if (self->estimated != volume)
    start_estimate (self);
  if (!sag_model_is_usable (self->model))
    set_state (self, SAG_SEGMENTER_UNFIT, "");
  else if (self->state < SAG_SEGMENTER_RUNNING)
    set_state (self, sag_model_get_fits (self->model) ? SAG_SEGMENTER_READY : SAG_SEGMENTER_UNFIT,
               "");
  if (self->pending && self->wanted == NULL && sag_model_is_usable (self->model))
    {
      self->pending = FALSE;
      sag_segmenter_run (self);
    }
}

/* ---- models */

static void
load_done (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  g_autoptr (SagSegmenter) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) models = sag_job_finish (SAG_JOB (source), result, &error);
  SagVolume *volume = sag_workspace_get_volume (self->workspace);

  if (SAG_JOB (source) != self->load)
    return;
  g_clear_object (&self->load);
  if (models == NULL || !sag_model_list_set (self->models, models, &error))
    {
      self->loaded = TRUE;
      self->load_problem = g_strdup (error->message);
      update (self);
      return;
    }
  self->loaded = TRUE;
  sag_model_list_match (self->models, volume != NULL ? sag_volume_get_modality (volume) : "");
  update (self);
}

void
sag_segmenter_load (SagSegmenter *self)
{
  start (self, &self->load, sag_job_new_models (), load_done);
}

/* ---- running */

/* Half a result looks like a whole one. */
static void
abandon (SagSegmenter *self)
{
  g_autoptr (SagResult) result = g_steal_pointer (&self->result);

  if (result != NULL)
    sag_workspace_remove_result (self->workspace, result);
}

static void
run_partial (SagJob       *job,
             const char   *name,
             GVariant     *body,
             GUnixFDList  *fds,
             SagSegmenter *self)
{
  g_autoptr (GError) error = NULL;

  if (job != self->run
      || sag_workspace_receive_result (self->workspace, self->result, name, body, fds, &error))
    return;
  drop (self, &self->run);
  abandon (self);
  set_state (self, SAG_SEGMENTER_FAILED, error->message);
  update (self);
}

/* The result of the chosen model at a precision, if there is one: borrowed. */
static SagResult *
find_result (SagSegmenter *self,
             int           precision, /* -1: any */
             SagResult    *but)
{
  GListModel *results = sag_workspace_get_results (self->workspace);

  for (guint i = 0; self->model != NULL && i < g_list_model_get_n_items (results); i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      if (result != but && (precision < 0 || sag_result_get_precision (result) == precision)
          && g_str_equal (sag_result_get_model_id (result), sag_model_get_id (self->model)))
        return result; /* the list keeps it */
    }
  return NULL;
}

static void
keep (SagSegmenter *self,
      GVariant     *done)
{
  g_autoptr (SagResult) result = g_steal_pointer (&self->result);
  const char *doubt = NULL;
  guint64 bytes = 0, model_bytes = 0;
  SagResult *old = find_result (self, sag_result_get_precision (result), result);

  g_variant_lookup (done, "bytes", "t", &bytes);
  g_variant_lookup (done, "model-bytes", "t", &model_bytes);
  /* The same model at the same precision finds the same, bit for bit: once is enough. */
  if (old != NULL)
    {
      sag_result_set_name (result, sag_result_get_name (old));
      if (old == sag_workspace_get_other (self->workspace))
        sag_workspace_set_other (self->workspace, NULL);
      sag_workspace_remove_result (self->workspace, old);
    }
  if (g_variant_lookup (done, "doubt", "&s", &doubt))
    sag_result_set_doubt (result, doubt);
  sag_result_complete (result, self->seconds, bytes, model_bytes);
}

static void
run_done (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  g_autoptr (SagSegmenter) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) done = sag_job_finish (SAG_JOB (source), result, &error);

  if (SAG_JOB (source) != self->run)
    return;
  g_signal_handlers_disconnect_by_data (source, self);
  g_clear_object (&self->run);
  if (done != NULL)
    {
      self->seconds = (g_get_monotonic_time () - self->started_us) / (double) G_USEC_PER_SEC;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SECONDS]);
      keep (self, done);
      set_state (self, SAG_SEGMENTER_DONE, "");
    }
  else
    {
      abandon (self);
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        set_state (self, SAG_SEGMENTER_CANCELLED, "");
      else
        set_state (self, SAG_SEGMENTER_FAILED, error->message);
    }
  update (self);
}

void
sag_segmenter_run (SagSegmenter *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL, *precision = NULL;
  double focus[3];
  SagJob *job;

  if (self->run != NULL || self->model == NULL || !sag_model_is_usable (self->model)
      || !is_complete (volume))
    return;
  sag_workspace_get_cursor (self->workspace, focus);
  job =
      sag_job_new_segment (sag_model_get_id (self->model), self->precision, volume, focus, &error);
  if (job == NULL)
    {
      set_state (self, SAG_SEGMENTER_FAILED, error->message);
      return;
    }
  sag_job_set_subject (job, sag_model_get_name (self->model));
  if (self->estimate != NULL && sag_job_get_state (self->estimate) == SAG_JOB_STATE_WAITING)
    {
      drop (self, &self->estimate); /* it would only stand in the way */
      self->estimated = NULL;
    }
  precision = g_ascii_strup (sag_precision_get_name (self->precision), -1);
  name = g_strdup_printf ("%s %s", sag_model_get_name (self->model), precision);
  g_set_object (&self->result, sag_workspace_begin_result (self->workspace, name));
  sag_result_set_model (self->result, sag_model_get_id (self->model), self->precision);
  sag_workspace_set_overlay_visible (self->workspace, TRUE);
  self->started_us = g_get_monotonic_time ();
  g_signal_connect (job, "partial", G_CALLBACK (run_partial), self);
  g_signal_emit (self, signals[JOB], 0, job);
  start (self, &self->run, job, run_done);
  set_state (self, SAG_SEGMENTER_RUNNING, "");
}

void
sag_segmenter_run_when_ready (SagSegmenter *self,
                              const char   *model_id)
{
  self->pending = TRUE;
  sag_segmenter_choose (self, model_id);
}

gboolean
sag_segmenter_cancel (SagSegmenter *self)
{
  self->pending = FALSE;
  if (self->run == NULL)
    return FALSE;
  sag_job_cancel (self->run);
  return TRUE;
}

double
sag_segmenter_get_elapsed (SagSegmenter *self)
{
  return self->run == NULL ? 0
                           : (g_get_monotonic_time () - self->started_us) / (double) G_USEC_PER_SEC;
}

/* ---- choosing */

void
sag_segmenter_choose (SagSegmenter *self,
                      const char   *model_id)
{
  g_free (self->wanted);
  self->wanted = model_id[0] != '\0' ? g_strdup (model_id) : NULL;
  update (self);
}

static void
set_precision (SagSegmenter *self,
               SagPrecision  precision)
{
  if (precision == self->precision)
    return;
  self->precision = precision;
  drop (self, &self->estimate); /* it is of the other precision */
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_PRECISION]);
  self->estimated = NULL;
  update (self);
}

/* A result at another precision is one key away: shown if there is one, else made, if the model has
 * made any yet; a run under way begins again. */
void
sag_segmenter_switch_precision (SagSegmenter *self,
                                SagPrecision  precision)
{
  gboolean running = self->run != NULL;
  SagResult *result;

  if (precision == self->precision || self->model == NULL
      || !sag_model_has_precision (self->model, precision))
    return;
  if (running)
    {
      drop (self, &self->run);
      abandon (self);
      set_state (self, SAG_SEGMENTER_CANCELLED, "");
    }
  set_precision (self, precision);
  result = find_result (self, precision, NULL);
  if (result != NULL)
    sag_workspace_show_result (self->workspace, result);
  else if (running || find_result (self, -1, NULL) != NULL)
    sag_segmenter_run (self);
}

/* What is shown says which precision is next. */
static void
result_changed (SagSegmenter *self)
{
  SagResult *result = sag_workspace_get_result (self->workspace);
  int precision = result != NULL ? sag_result_get_precision (result) : -1;

  if (self->run == NULL && precision >= 0 && self->model != NULL
      && g_str_equal (sag_result_get_model_id (result), sag_model_get_id (self->model)))
    set_precision (self, precision);
}

void
sag_segmenter_next_precision (SagSegmenter *self)
{
  for (int step = 1; self->model != NULL && step < SAG_N_PRECISIONS; step++)
    {
      SagPrecision next = (self->precision + step) % SAG_N_PRECISIONS;

      if (sag_model_has_precision (self->model, next))
        {
          sag_segmenter_switch_precision (self, next);
          return;
        }
    }
}

static void
volume_changed (SagSegmenter *self)
{
  SagVolume *volume = sag_workspace_get_volume (self->workspace);

  if (self->run != NULL)
    drop (self, &self->run);
  g_clear_object (&self->result); /* the workspace forgot it already */
  drop (self, &self->estimate);
  self->estimated = NULL;
  sag_model_list_match (self->models, volume != NULL ? sag_volume_get_modality (volume) : "");
  set_state (self, SAG_SEGMENTER_NO_IMAGE, "");
  self->guessing = volume != NULL && !self->pending;
  /* One that fits, or none: not one chosen for other images. */
  if (volume != NULL && self->loaded)
    set_model (self, best_fitting (self));
  update (self);
}

static void
slices_ready (SagSegmenter *self,
              int           what)
{
  if (what == SAG_LAYER_VOLUME)
    update (self);
}

void
sag_segmenter_close (SagSegmenter *self)
{
  drop (self, &self->load);
  drop (self, &self->estimate);
  drop (self, &self->run);
}

/* ---- GObject */

static void
sag_segmenter_set_property (GObject      *object,
                            guint         id,
                            const GValue *value,
                            GParamSpec   *pspec)
{
  SagSegmenter *self = SAG_SEGMENTER (object);

  switch (id)
    {
    case PROP_MODEL:
      /* A list that is being filled selects something by itself. */
      if (self->loaded)
        {
          SagModel *model = g_value_get_object (value);

          g_free (self->preferred);
          self->preferred = model != NULL ? g_strdup (sag_model_get_id (model)) : NULL;
          self->guessing = self->guessing && model == self->model;
          set_model (self, model);
        }
      break;
    case PROP_PRECISION:
      set_precision (self, g_value_get_int (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_segmenter_get_property (GObject    *object,
                            guint       id,
                            GValue     *value,
                            GParamSpec *pspec)
{
  SagSegmenter *self = SAG_SEGMENTER (object);

  switch (id)
    {
    case PROP_MODELS:
      g_value_set_object (value, self->models);
      break;
    case PROP_MODEL:
      g_value_set_object (value, self->model);
      break;
    case PROP_PRECISION:
      g_value_set_int (value, self->precision);
      break;
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;
    case PROP_PROBLEM:
      g_value_set_string (value, self->problem);
      break;
    case PROP_SECONDS:
      g_value_set_double (value, self->seconds);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
sag_segmenter_finalize (GObject *object)
{
  SagSegmenter *self = SAG_SEGMENTER (object);

  g_clear_object (&self->result);
  g_clear_object (&self->workspace);
  g_clear_object (&self->models);
  g_clear_object (&self->model);
  g_free (self->wanted);
  g_free (self->preferred);
  g_free (self->load_problem);
  g_free (self->problem);
  G_OBJECT_CLASS (sag_segmenter_parent_class)->finalize (object);
}

static void
sag_segmenter_class_init (SagSegmenterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  GParamFlags both = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  GType type = G_TYPE_FROM_CLASS (klass);

  object_class->set_property = sag_segmenter_set_property;
  object_class->get_property = sag_segmenter_get_property;
  object_class->finalize = sag_segmenter_finalize;

  properties[PROP_MODELS] = g_param_spec_object ("models", NULL, NULL, G_TYPE_LIST_MODEL, readable);
  properties[PROP_MODEL] = g_param_spec_object ("model", NULL, NULL, SAG_TYPE_MODEL, both);
  properties[PROP_PRECISION] =
      g_param_spec_int ("precision", NULL, NULL, 0, SAG_N_PRECISIONS - 1, 0, both);
  properties[PROP_STATE] =
      g_param_spec_int ("state", NULL, NULL, 0, SAG_SEGMENTER_FAILED, 0, readable);
  properties[PROP_PROBLEM] = g_param_spec_string ("problem", NULL, NULL, "", readable);
  properties[PROP_SECONDS] =
      g_param_spec_double ("seconds", NULL, NULL, 0, G_MAXDOUBLE, 0, readable);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[JOB] = g_signal_new ("job", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               SAG_TYPE_JOB);
  signals[FAILED] = g_signal_new ("failed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
sag_segmenter_init (SagSegmenter *self)
{
  self->models = sag_model_list_new ();
  self->problem = g_strdup ("");
}

SagSegmenter *
sag_segmenter_new (SagWorkspace *workspace)
{
  SagSegmenter *self = g_object_new (SAG_TYPE_SEGMENTER, NULL);

  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (workspace, "notify::volume", G_CALLBACK (volume_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (result_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "slices-ready", G_CALLBACK (slices_ready), self,
                           G_CONNECT_SWAPPED);
  return self;
}

GListModel *
sag_segmenter_get_models (SagSegmenter *self)
{
  return G_LIST_MODEL (self->models);
}

#define SEGMENTER_GETTER(Type, field) \
  Type sag_segmenter_get_##field (SagSegmenter *self) \
  { \
    return self->field; \
  }

SEGMENTER_GETTER (SagModel *, model)
SEGMENTER_GETTER (SagPrecision, precision)
SEGMENTER_GETTER (SagSegmenterState, state)
SEGMENTER_GETTER (const char *, problem)
SEGMENTER_GETTER (double, seconds)
