/* SPDX-License-Identifier: Apache-2.0
 *
 * comparer.c: how alike the results are. */
#include "ui/comparer.h"

#include "app/work/job.h"

#include <math.h>

struct _SagComparer
{
  GObject       parent_instance;

  SagWorkspace *workspace;
  SagJob       *job;    /* running, or NULL */
  SagResult    *a, *b;  /* whom it is about; weak */
  gboolean      surface;
  SagResult    *known_a, *known_b; /* whom the outcome is about; weak */
  GVariant     *outcome;
  char         *problem;
};

enum
{
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (SagComparer, sag_comparer, G_TYPE_OBJECT)

static void schedule (SagComparer *self);

static gboolean
is_pair (SagResult *a,
         SagResult *b,
         SagResult *x,
         SagResult *y)
{
  return a != NULL && b != NULL && ((a == x && b == y) || (a == y && b == x));
}

static void
drop (SagComparer *self)
{
  if (self->job == NULL)
    return;
  sag_job_cancel (self->job);
  g_clear_object (&self->job);
}

static void
set_outcome (SagComparer *self,
             SagResult   *a,
             SagResult   *b,
             GVariant    *outcome,
             const char  *problem)
{
  g_set_weak_pointer (&self->known_a, a);
  g_set_weak_pointer (&self->known_b, b);
  g_clear_pointer (&self->outcome, g_variant_unref);
  self->outcome = outcome != NULL ? g_variant_ref (outcome) : NULL;
  g_free (self->problem);
  self->problem = g_strdup (problem);
  g_signal_emit (self, signals[CHANGED], 0);
}

/* Notes the Dice of a run against FP32, whichever of the two that is. */
static void
note_dice (SagResult *a,
           SagResult *b,
           double     dice)
{
  SagResult *run = sag_result_get_precision (a) == SAG_PRECISION_F32 ? b : a;
  SagResult *reference = run == a ? b : a;

  if (sag_result_get_precision (reference) == SAG_PRECISION_F32
      && sag_result_get_precision (run) > SAG_PRECISION_F32
      && g_str_equal (sag_result_get_model_id (run), sag_result_get_model_id (reference)))
    sag_result_set_dice (run, dice);
}

static void
compared (GObject      *source,
          GAsyncResult *result,
          gpointer      data)
{
  g_autoptr (SagComparer) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) outcome = sag_job_finish (SAG_JOB (source), result, &error);
  double dice = NAN;

  if (SAG_JOB (source) != self->job)
    return;
  g_clear_object (&self->job);
  if (self->a != NULL && self->b != NULL)
    {
      if (outcome != NULL && g_variant_lookup (outcome, "mean-dice", "d", &dice))
        note_dice (self->a, self->b, dice);
      else
        g_object_set_data (G_OBJECT (self->b), "comparer-failed", GINT_TO_POINTER (TRUE));
      if (self->surface)
        {
          set_outcome (self, self->a, self->b, outcome, error != NULL ? error->message : "");
          if (is_pair (self->a, self->b, sag_workspace_get_result (self->workspace),
                       sag_workspace_get_other (self->workspace)))
            sag_workspace_set_agreement (self->workspace, dice);
        }
    }
  schedule (self);
}

static void
start (SagComparer *self,
       SagResult   *a,
       SagResult   *b,
       gboolean     surface)
{
  g_autoptr (GError) error = NULL;

  self->job = sag_job_new_compare (sag_result_get_segmentation (a),
                                   sag_result_get_segmentation (b), surface, &error);
  g_set_weak_pointer (&self->a, a);
  g_set_weak_pointer (&self->b, b);
  self->surface = surface;
  if (self->job != NULL)
    sag_job_start_async (self->job, NULL, compared, g_object_ref (self));
  else if (surface)
    set_outcome (self, a, b, NULL, error->message);
}

/* The run at FP32 that `run` is to be held against, or NULL. */
static SagResult *
find_reference (GListModel *results,
                SagResult  *run)
{
  for (guint i = 0; i < g_list_model_get_n_items (results); i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      if (sag_result_get_precision (result) == SAG_PRECISION_F32
          && g_str_equal (sag_result_get_model_id (result), sag_result_get_model_id (run)))
        return result; /* the list keeps it */
    }
  return NULL;
}

static gboolean
any_incomplete (GListModel *results)
{
  for (guint i = 0; i < g_list_model_get_n_items (results); i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      if (!sag_result_is_complete (result))
        return TRUE;
    }
  return FALSE;
}

static void
schedule (SagComparer *self)
{
  GListModel *results = sag_workspace_get_results (self->workspace);
  SagResult *shown = sag_workspace_get_result (self->workspace);
  SagResult *other = sag_workspace_get_other (self->workspace);
  gboolean wanted = sag_workspace_get_compare (self->workspace) != SAG_COMPARE_OFF && shown != NULL
                    && other != NULL;
  double dice;

  /* A run comes first: it would wait behind this. */
  if (any_incomplete (results))
    {
      drop (self);
      return;
    }
  if (self->job != NULL)
    {
      gboolean known = is_pair (self->known_a, self->known_b, shown, other);

      if (self->surface ? wanted && is_pair (self->a, self->b, shown, other) : !wanted || known)
        return;
      drop (self);
    }
  if (wanted && !is_pair (self->known_a, self->known_b, shown, other))
    {
      if (self->outcome != NULL)
        set_outcome (self, NULL, NULL, NULL, "");
      start (self, shown, other, TRUE);
      return;
    }
  if (wanted && self->outcome != NULL && isnan (sag_workspace_get_agreement (self->workspace))
      && g_variant_lookup (self->outcome, "mean-dice", "d", &dice) && isfinite (dice))
    sag_workspace_set_agreement (self->workspace, dice); /* chosen again: known already */
  for (guint i = 0; self->job == NULL && i < g_list_model_get_n_items (results); i++)
    {
      g_autoptr (SagResult) run = g_list_model_get_item (results, i);
      SagResult *reference = sag_result_get_precision (run) > SAG_PRECISION_F32
                                 ? find_reference (results, run)
                                 : NULL;

      if (reference == NULL || isfinite (sag_result_get_dice (run))
          || g_object_get_data (G_OBJECT (run), "comparer-failed") != NULL)
        continue;
      start (self, reference, run, FALSE);
      return;
    }
}

static void
results_changed (GListModel  *results,
                 guint        position,
                 guint        removed,
                 guint        added,
                 SagComparer *self)
{
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (SagResult) result = g_list_model_get_item (results, i);

      g_signal_connect_object (result, "notify::complete", G_CALLBACK (schedule), self,
                               G_CONNECT_SWAPPED);
    }
  schedule (self);
}

static void
sag_comparer_finalize (GObject *object)
{
  SagComparer *self = SAG_COMPARER (object);

  g_clear_weak_pointer (&self->a);
  g_clear_weak_pointer (&self->b);
  g_clear_weak_pointer (&self->known_a);
  g_clear_weak_pointer (&self->known_b);
  g_clear_pointer (&self->outcome, g_variant_unref);
  g_clear_object (&self->workspace);
  g_free (self->problem);
  G_OBJECT_CLASS (sag_comparer_parent_class)->finalize (object);
}

static void
sag_comparer_class_init (SagComparerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = sag_comparer_finalize;
  signals[CHANGED] = g_signal_new ("changed", SAG_TYPE_COMPARER, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
}

static void
sag_comparer_init (SagComparer *self)
{
  self->problem = g_strdup ("");
}

SagComparer *
sag_comparer_new (SagWorkspace *workspace)
{
  SagComparer *self = g_object_new (SAG_TYPE_COMPARER, NULL);

  self->workspace = g_object_ref (workspace);
  g_signal_connect_object (workspace, "notify::result", G_CALLBACK (schedule), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::other", G_CALLBACK (schedule), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (workspace, "notify::compare", G_CALLBACK (schedule), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (sag_workspace_get_results (workspace), "items-changed",
                           G_CALLBACK (results_changed), self, 0);
  return self;
}

GVariant *
sag_comparer_get_outcome (SagComparer *self)
{
  return is_pair (self->known_a, self->known_b, sag_workspace_get_result (self->workspace),
                  sag_workspace_get_other (self->workspace))
             ? self->outcome
             : NULL;
}

const char *
sag_comparer_get_problem (SagComparer *self)
{
  return self->problem;
}

gboolean
sag_comparer_is_busy (SagComparer *self)
{
  return self->job != NULL;
}

void
sag_comparer_close (SagComparer *self)
{
  g_signal_handlers_disconnect_by_data (self->workspace, self);
  g_signal_handlers_disconnect_by_data (sag_workspace_get_results (self->workspace), self);
  drop (self);
}
