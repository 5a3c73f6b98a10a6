/* SPDX-License-Identifier: Apache-2.0
 *
 * split.c: one series' frames parted into stacks.
 */
#include "app/dicom/split.h"

#include "app/dicom/syntax.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FRAMES (1 << 20)
#define MAX_GROUPS 1024 /* kinds of images in one series; more is no series */

/* Frames that can lie in one volume: same matrix, kind of pixel, orientation, pixel size. */
typedef struct
{
  const SagDicomInstance *instance; /* the first */
  const SagDicomFrame    *frame;
  gboolean                is_film;  /* frames of one file without places of their own */
  gboolean                is_localizer;
  GArray                 *slices;   /* of SagStackSlice */
} Group;

static void
group_free (gpointer data)
{
  Group *group = data;

  if (group->slices != NULL)
    g_array_unref (group->slices);
  g_free (group);
}

static gboolean
has_place (const SagDicomFrame *frame)
{
  return frame->has_position && frame->has_orientation;
}

/* Images without places have the sides that each says of itself (PS3.3 C.7.6.1.1.1): those of one stack say the same. */
static gboolean
same_sides (const SagDicomInstance *a, const SagDicomInstance *b)
{
  return strcmp (a->patient_orientation, b->patient_orientation) == 0
         && strcmp (a->laterality, b->laterality) == 0 && strcmp (a->view_position, b->view_position) == 0;
}

static gboolean
group_takes (const Group *group, const SagDicomInstance *instance, const SagDicomFrame *frame,
             gboolean is_localizer)
{
  const SagDicomInstance *a = group->instance;
  const SagDicomFrame *f = group->frame;

  if (group->is_film || group->is_localizer != is_localizer || a->rows != instance->rows
      || a->columns != instance->columns || a->samples_per_pixel != instance->samples_per_pixel
      || a->bits_allocated != instance->bits_allocated || has_place (f) != has_place (frame)
      || isnan (f->depth) != isnan (frame->depth)
      || strcmp (a->frame_of_reference_uid, instance->frame_of_reference_uid) != 0
      || strcmp (a->photometric_interpretation, instance->photometric_interpretation) != 0
      || strcmp (f->stack_id, frame->stack_id) != 0 || strcmp (f->view, frame->view) != 0)
    return FALSE;
  for (int i = 0; i < 2; i++)
    if (fabs (f->pixel_spacing[i] - frame->pixel_spacing[i]) > 1e-4 * (1e-6 + f->pixel_spacing[i]))
      return FALSE;
  if (!has_place (frame) && !same_sides (a, instance))
    return FALSE;
  if (has_place (frame))
    for (int i = 0; i < 6; i += 3)
      {
        const double *u = f->image_orientation_patient + i,
                     *v = frame->image_orientation_patient + i;

        /* About a quarter of a degree. */
        if (u[0] * v[0] + u[1] * v[1] + u[2] * v[2] < 0.99999)
          return FALSE;
      }
  return TRUE;
}

/* Frames of a file that says of each where it lies are none. */
static gboolean
is_film (const SagDicomInstance *instance, int number)
{
  const SagDicomFrame *frame = sag_dicom_instance_get_frame (instance, number);

  return instance->n_frames == 1 || !(has_place (frame) || !isnan (frame->depth));
}

static void
add_frame (GPtrArray *groups, SagDicomInstance *instance, int number, gboolean is_film)
{
  const SagDicomFrame *frame = sag_dicom_instance_get_frame (instance, number);
  gboolean is_localizer = strstr (instance->image_type, "LOCALIZER") != NULL;
  SagStackSlice slice = { instance, number, 0, 0 };
  Group *group = NULL;

  /* Neighbours are alike: the last group first. */
  for (guint i = groups->len; i > 0 && group == NULL; i--)
    {
      Group *candidate = g_ptr_array_index (groups, i - 1);

      if (is_film ? candidate->instance == instance && strcmp (candidate->frame->view, frame->view) == 0
                  : group_takes (candidate, instance, frame, is_localizer))
        group = candidate;
    }
  if (group == NULL)
    {
      if (groups->len == MAX_GROUPS)
        return;
      group = g_new0 (Group, 1);
      group->instance = instance;
      group->frame = frame;
      group->is_film = is_film;
      group->is_localizer = is_localizer;
      group->slices = g_array_new (FALSE, FALSE, sizeof (SagStackSlice));
      g_ptr_array_add (groups, group);
    }
  g_array_append_val (group->slices, slice);
}

static const SagDicomFrame *
frame_of (const SagStackSlice *slice)
{
  return sag_dicom_instance_get_frame (slice->instance, slice->frame);
}

/* What parts frames at one place, in the order tried. */
typedef enum
{
  KEY_TEMPORAL,
  KEY_ECHO,
  KEY_B_VALUE,
  KEY_TRIGGER,
  KEY_PHASE,
  KEY_ACQUISITION,
  N_NUMBER_KEYS,
  KEY_TYPE = N_NUMBER_KEYS,
  KEY_DIRECTION, /* of diffusion: three numbers, which tell a reader nothing */
  N_KEYS
} Key;

static double
known_or (double value, double unknown)
{
  return isnan (value) ? unknown : value;
}

static double
key_number (const SagStackSlice *slice, Key key)
{
  const SagDicomFrame *f = frame_of (slice);
  double values[] = { f->temporal_position, f->echo_time, f->diffusion_b_value, f->trigger_time,
                      f->cardiac_phase, f->acquisition_number };

  return known_or (values[key], -1);
}

static int
compare_key (const SagStackSlice *a, const SagStackSlice *b, Key key)
{
  if (key == KEY_TYPE)
    return strcmp (frame_of (a)->image_type, frame_of (b)->image_type);
  for (int i = 0; key == KEY_DIRECTION && i < 3; i++)
    {
      /* To a thousandth: rounded, as a difference would not order them (a like b, b like c, a before c). */
      double u = round (1000 * known_or (frame_of (a)->diffusion_direction[i], -2)),
             v = round (1000 * known_or (frame_of (b)->diffusion_direction[i], -2));

      if (u != v)
        return u < v ? -1 : 1;
    }
  if (key == KEY_DIRECTION)
    return 0;
  double x = key_number (a, key), y = key_number (b, key);

  return (x > y) - (x < y);
}

static char *
key_name (const SagStackSlice *slice, Key key)
{
  static const char *const formats[] = { "time %g", "echo %g ms", "b %g", "trigger %g ms",
                                         "phase %g %%", "acquisition %g" };

  if (key == KEY_TYPE)
    return g_strdup (frame_of (slice)->image_type);
  return g_strdup_printf (formats[key], key_number (slice, key));
}

static int
compare_acquired (gconstpointer a, gconstpointer b)
{
  const SagStackSlice *x = *(const SagStackSlice *const *) a, *y = *(const SagStackSlice *const *) b;
  int m = x->instance->instance_number, n = y->instance->instance_number;

  return m != n ? (m > n) - (m < n) : (x->frame > y->frame) - (x->frame < y->frame);
}

/* The first slice of each part of `slices`, as they were acquired. */
static GPtrArray *
list_parts (SagStackSlice *slices, gsize n, Key key)
{
  GPtrArray *firsts = g_ptr_array_new ();

  for (gsize i = 0; i < n; i++)
    if (i == 0 || compare_key (&slices[i - 1], &slices[i], key) != 0)
      g_ptr_array_add (firsts, &slices[i]);
  qsort (firsts->pdata, firsts->len, sizeof *firsts->pdata, compare_acquired);
  return firsts;
}

static int
compare_by_key (gconstpointer a, gconstpointer b, gpointer data)
{
  const SagStackSlice *x = a, *y = b;
  int order = compare_key (x, y, (Key) GPOINTER_TO_INT (data));

  return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static int
compare_in_time (gconstpointer a, gconstpointer b, gpointer data)
{
  const SagStackSlice *x = a, *y = b;
  const SagDicomFrame *f = frame_of (x), *g = frame_of (y);

  if (fabs (x->position - y->position) > 0.01)
    return x->position < y->position ? -1 : 1;
  if (f->trigger_time != g->trigger_time && !isnan (f->trigger_time) && !isnan (g->trigger_time))
    return f->trigger_time < g->trigger_time ? -1 : 1;
  if (x->instance->instance_number != y->instance->instance_number)
    return x->instance->instance_number < y->instance->instance_number ? -1 : 1;
  return (x->frame > y->frame) - (x->frame < y->frame);
}

static int
compare_place (gconstpointer a, gconstpointer b)
{
  const SagStackSlice *x = a, *y = b;

  return (x->position > y->position) - (x->position < y->position);
}

/* The most frames at one place, the number of places, and whether every place has as many. */
static int
count_places (const SagStackSlice *slices, gsize n, int *n_places, gboolean *is_even)
{
  g_autofree SagStackSlice *sorted = g_memdup2 (slices, n * sizeof *slices);
  int most = 1, least = G_MAXINT, run = 1;

  qsort (sorted, n, sizeof *sorted, compare_place);
  *n_places = 1;
  for (gsize i = 1; i <= n; i++)
    if (i < n && sorted[i].position - sorted[i - 1].position <= 0.01)
      run++;
    else
      {
        most = MAX (most, run);
        least = MIN (least, run);
        run = 1;
        *n_places += i < n;
      }
  *is_even = most == least;
  return most;
}

static void
emit (GPtrArray *stacks, const Group *group, const SagStackSlice *slices, gsize n, const char *name)
{
  SagStack *stack = sag_stack_new (g_memdup2 (slices, n * sizeof *slices), (int) n);

  g_free (stack->name);
  stack->name = g_strdup (name);
  stack->is_localizer = group->is_localizer;
  g_ptr_array_add (stacks, stack);
}

static char *
join_names (const char *a, const char *b)
{
  return *a != '\0' ? g_strconcat (a, ", ", b, NULL) : g_strdup (b);
}

static void
part (GPtrArray *stacks, const Group *group, SagStackSlice *slices, gsize n, Key key,
      const char *name)
{
  int n_places;
  gboolean is_even;
  int most = count_places (slices, n, &n_places, &is_even);

  if (most == 1 || n_places == 1)
    {
      emit (stacks, group, slices, n, name);
      return;
    }
  for (; key < N_KEYS; key++)
    {
      gsize start = 0;

      g_qsort_with_data (slices, (gint) n, sizeof *slices, compare_by_key, GINT_TO_POINTER (key));
      if (compare_key (&slices[0], &slices[n - 1], key) == 0)
        continue;
      /* A key helps if some part has fewer frames at a place than the whole. A trigger time that is
       * another at each place, say, only makes crumbs. */
      int parts = 0, worst = 1, fewest_places = G_MAXINT;
      for (gsize i = 1; i <= n; i++)
        if (i == n || compare_key (&slices[start], &slices[i], key) != 0)
          {
            int places;

            worst = MAX (worst, count_places (slices + start, i - start, &places, &is_even));
            fewest_places = MIN (fewest_places, places);
            start = i;
            parts++;
          }
      if (worst >= most || (parts > 2 * most && fewest_places < n_places))
        continue;
      /* The parts' order among themselves is settled before what is within them is sorted anew. */
      g_autoptr (GPtrArray) firsts = key == KEY_DIRECTION ? list_parts (slices, n, key) : NULL;
      g_autofree int *ranks = firsts != NULL ? g_new0 (int, n) : NULL;
      for (guint p = 0; firsts != NULL && p < firsts->len; p++)
        ranks[(SagStackSlice *) firsts->pdata[p] - slices] = (int) p + 1;
      start = 0;
      for (gsize i = 1; i <= n; i++)
        if (i == n || compare_key (&slices[start], &slices[i], key) != 0)
          {
            g_autofree char *own = ranks != NULL ? g_strdup_printf ("direction %d", ranks[start])
                                                 : key_name (&slices[start], key);
            g_autofree char *full = join_names (name, own);

            part (stacks, group, slices + start, i - start, key + 1, full);
            start = i;
          }
      return;
    }
  count_places (slices, n, &n_places, &is_even);
  if (!is_even)
    {
      emit (stacks, group, slices, n, name);
      return;
    }
  /* No key tells them apart: the first at each place, the second… */
  g_qsort_with_data (slices, (gint) n, sizeof *slices, compare_in_time, NULL);
  g_autofree SagStackSlice *one = g_new (SagStackSlice, n_places);
  for (int t = 0; t < most; t++)
    {
      g_autofree char *own = g_strdup_printf ("volume %d", t + 1);
      g_autofree char *full = join_names (name, own);

      for (int p = 0; p < n_places; p++)
        one[p] = slices[(gsize) p * most + t];
      emit (stacks, group, one, n_places, full);
    }
}

/* Positions along the group's own normal, for parting only; the stack computes its own. */
static void
set_positions (Group *group)
{
  const double *o = group->frame->image_orientation_patient;
  double normal[3] = { o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
                       o[0] * o[4] - o[1] * o[3] };

  for (guint i = 0; i < group->slices->len; i++)
    {
      SagStackSlice *slice = &g_array_index (group->slices, SagStackSlice, i);
      const double *p = frame_of (slice)->image_position_patient;

      slice->position = has_place (group->frame) ? p[0] * normal[0] + p[1] * normal[1] + p[2] * normal[2]
                                                 : frame_of (slice)->depth;
    }
}

static int
compare_stacks (gconstpointer a, gconstpointer b)
{
  const SagStack *x = *(SagStack *const *) a, *y = *(SagStack *const *) b;

  if (x->is_localizer != y->is_localizer)
    return x->is_localizer ? 1 : -1;
  if (x->n_slices != y->n_slices)
    return y->n_slices - x->n_slices;
  if (x->slices[0].instance->instance_number != y->slices[0].instance->instance_number)
    return x->slices[0].instance->instance_number < y->slices[0].instance->instance_number ? -1 : 1;
  return strverscmp (x->name, y->name); /* b 500 before b 1000 */
}

/* "axial" …: the plane of a stack's slices, nearest. */
static const char *
plane_name (const SagStack *stack)
{
  const double *d = stack->grid.direction;
  double x = fabs (d[2]), y = fabs (d[5]), z = fabs (d[8]);

  return z >= x && z >= y ? "axial" : y >= x ? "coronal" : "sagittal";
}

static void
prefix_name (SagStack *stack, const char *prefix)
{
  char *old = stack->name;

  stack->name = *old != '\0' ? g_strconcat (prefix, ", ", old, NULL) : g_strdup (prefix);
  g_free (old);
}

static gboolean
same_size (const SagStack *a, const SagStack *b)
{
  return b->grid.size[0] == a->grid.size[0] && b->grid.size[1] == a->grid.size[1];
}

static gboolean
same_plane (const SagStack *a, const SagStack *b)
{
  return fabs (a->grid.direction[2] * b->grid.direction[2] + a->grid.direction[5] * b->grid.direction[5]
               + a->grid.direction[8] * b->grid.direction[8])
         >= 0.999;
}

/* The views of a projection, where a series has several: "MLO L". */
static void
name_views (GPtrArray *stacks)
{
  for (guint i = 0; i < stacks->len && stacks->len > 1; i++)
    {
      SagStack *stack = g_ptr_array_index (stacks, i);
      const SagStackSlice *first = &stack->slices[0];
      const char *position = first->instance->view_position, *side = first->instance->laterality;
      g_autofree char *view = g_strconcat (position, *position != '\0' && *side != '\0' ? " " : "", side, NULL);

      if (view[0] != '\0' && !has_place (sag_dicom_instance_get_frame (first->instance, first->frame)))
        prefix_name (stack, view);
    }
}

/* What a gamma camera saw through several windows, or with several heads. */
static void
name_groups (GPtrArray *stacks, guint from, const Group *group)
{
  for (guint i = from; i < stacks->len && group->frame->view[0] != '\0'; i++)
    prefix_name (g_ptr_array_index (stacks, i), group->frame->view);
}

/* Says on each stack what else the series holds: the last stack of each kind speaks for all, as there may be as many
 * stacks as frames. */
static void
note_others (GPtrArray *stacks)
{
  g_autoptr (GPtrArray) kinds = g_ptr_array_new ();

  for (guint i = stacks->len; i > 0; i--)
    {
      SagStack *a = g_ptr_array_index (stacks, i - 1);
      gboolean is_new = !a->is_localizer;

      for (guint k = 0; is_new && k < kinds->len; k++)
        is_new = !same_size (a, kinds->pdata[k]) || !same_plane (a, kinds->pdata[k]);
      if (is_new)
        g_ptr_array_add (kinds, a);
    }
  for (guint i = 0; i < stacks->len; i++)
    {
      SagStack *a = g_ptr_array_index (stacks, i);
      const SagStack *size = NULL, *turn = NULL;

      for (guint k = 0; k < kinds->len && !a->is_localizer && (size == NULL || turn == NULL); k++)
        {
          const SagStack *b = kinds->pdata[k];

          if (!same_size (a, b))
            size = size != NULL ? size : b;
          else if (!same_plane (a, b))
            turn = turn != NULL ? turn : b;
        }
      if (turn != NULL)
        prefix_name (a, plane_name (a));
      if (size != NULL)
        {
          g_autofree char *name = g_strdup_printf ("%d x %d", a->grid.size[0], a->grid.size[1]);

          prefix_name (a, name);
        }
      if (size != NULL)
        sag_stack_add_finding (
            a, SAG_FINDING_MIXED_SIZE, -1, size->n_slices,
            _ ("The series also holds images of %d x %d pixels; they are a stack of their own"),
            size->grid.size[0], size->grid.size[1]);
      if (turn != NULL)
        sag_stack_add_finding (
            a, SAG_FINDING_MIXED_ORIENTATION, -1, turn->n_slices,
            _ ("The series also holds images in other orientations; they are stacks of "
            "their own"));
    }
}

/* As many frames as the file can hold: one has a pixel of a bit at least, and deflate makes 1032 bytes of one at most.
 * A small file that says a million would cost every folder it lies in the memory of a million. */
static int
count_frames (const SagDicomInstance *instance)
{
  gint64 most = MAX_FRAMES;

  if (instance->file_size > 0 && instance->file_size < MAX_FRAMES)
    most = instance->file_size * 8 * (strcmp (instance->transfer_syntax_uid, SAG_UID_DEFLATED) == 0 ? 1032 : 1);
  return (int) MIN (instance->number_of_frames, MIN (most, MAX_FRAMES));
}

GPtrArray *
sag_split_series (GPtrArray *instances)
{
  GPtrArray *stacks = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_stack_free);
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (group_free);

  for (guint i = 0; i < instances->len; i++)
    {
      SagDicomInstance *instance = g_ptr_array_index (instances, i);
      int n = count_frames (instance);

      if (instance->has_pixel_data && !sag_dicom_instance_is_seg (instance))
        for (int f = 0; f < n; f++)
          add_frame (groups, instance, f, instance->number_of_frames > 1 && is_film (instance, f));
    }
  for (guint i = 0; i < groups->len; i++)
    {
      Group *group = g_ptr_array_index (groups, i);
      guint from = stacks->len;

      if (!group->is_film && (has_place (group->frame) || !isnan (group->frame->depth)))
        {
          set_positions (group);
          part (stacks, group, (SagStackSlice *) group->slices->data, group->slices->len, 0, "");
        }
      else
        emit (stacks, group, (SagStackSlice *) group->slices->data, group->slices->len, "");
      name_groups (stacks, from, group);
    }
  g_ptr_array_sort (stacks, compare_stacks);
  name_views (stacks);
  note_others (stacks);
  return stacks;
}
