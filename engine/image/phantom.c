/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom.c: from a specification to a volume and its truth.
 */
#include "engine/image/phantom-scene.h"

#include "engine/base/error.h"
#include "engine/base/parallel.h"

#include <string.h>

#define SLICES_PER_TICK 8

void
sag_phantom_spec_init (SagPhantomSpec *spec, guint64 seed)
{
  *spec = (SagPhantomSpec){
    .seed = seed,
    .size = { 512, 512, 168 },
    .spacing = { 0.7, 0.7, 2.0 },
    .top_mm = 126.0,
    .scale = { 0.97, 0.97, 1.0 },
    .fat_mm = 8.0,
    .inspiration = 0.6,
    .dose = 1.0,
    .kernel = SAG_PHANTOM_SOFT,
    .arms = SAG_PHANTOM_ARMS_UP,
    .findings = SAG_PHANTOM_NODULES,
    .couch = TRUE,
    .padding = -1024,
  };
}

void
sag_phantom_spec_init_random (SagPhantomSpec *spec, guint64 seed, const int size[3])
{
  static const struct
  {
    SagPhantomFindings finding;
    double             chance;
  } often[] = {
    { SAG_PHANTOM_NODULES, 0.5 },       { SAG_PHANTOM_CONSOLIDATION, 0.22 },
    { SAG_PHANTOM_GROUND_GLASS, 0.22 }, { SAG_PHANTOM_EMPHYSEMA, 0.25 },
    { SAG_PHANTOM_EFFUSION, 0.2 },      { SAG_PHANTOM_ATELECTASIS, 0.25 },
  };
  SagPhantomRandom random = { sag_phantom_mix (seed ^ 0x7068616e746f6dULL) };
  double           body, field, bottom, top;

  sag_phantom_spec_init (spec, seed);
  body = sag_phantom_range (&random, 0.82, 1.15);
  spec->scale[0] = body * sag_phantom_range (&random, 0.94, 1.06);
  spec->scale[1] = body * sag_phantom_range (&random, 0.90, 1.12);
  spec->scale[2] = sag_phantom_range (&random, 0.84, 1.14);
  spec->fat_mm = 3.0 + 37.0 * sag_phantom_unit (&random) * sag_phantom_unit (&random);
  spec->inspiration = sag_phantom_unit (&random);
  spec->dose = 0.08 + 3.0 * sag_phantom_unit (&random) * sag_phantom_unit (&random);
  spec->kernel = sag_phantom_chance (&random, 0.4) ? SAG_PHANTOM_SHARP : SAG_PHANTOM_SOFT;
  spec->arms = sag_phantom_chance (&random, 0.3) ? SAG_PHANTOM_ARMS_DOWN : SAG_PHANTOM_ARMS_UP;
  spec->female = sag_phantom_chance (&random, 0.5);
  spec->prone = sag_phantom_chance (&random, 0.06);
  spec->contrast = sag_phantom_chance (&random, 0.45);
  spec->couch = sag_phantom_chance (&random, 0.9);
  spec->roll = sag_phantom_jitter (&random, 0.13);
  spec->findings = 0;
  for (guint i = 0; i < G_N_ELEMENTS (often); i++)
    if (sag_phantom_chance (&random, often[i].chance))
      spec->findings |= often[i].finding;

  field = 2.0 * 166.0 * spec->scale[0] + 2.0 * spec->fat_mm + sag_phantom_range (&random, 0, 90);
  if (spec->arms == SAG_PHANTOM_ARMS_DOWN)
    field += sag_phantom_range (&random, 0, 90);
  memcpy (spec->size, size, sizeof spec->size);
  spec->spacing[0] = spec->spacing[1] = CLAMP (field / size[0], 0.35, 8.0);
  spec->shift_mm[0] = sag_phantom_jitter (&random, 25);
  spec->shift_mm[1] = sag_phantom_jitter (&random, 30);
  if (sag_phantom_chance (&random, 0.6))
    {
      static const gint16 padding[] = { -1024, -1024, -2000, -3024 };

      spec->field_mm = field * sag_phantom_range (&random, 1.0, 1.06);
      spec->padding = padding[(int)(4 * sag_phantom_unit (&random))];
    }
  top = sag_phantom_range (&random, 90, 170);
  bottom = sag_phantom_range (&random, -330, -150);
  spec->top_mm = top * spec->scale[2];
  spec->spacing[2] = CLAMP ((top - bottom) * spec->scale[2] / MAX (size[2] - 1, 1), 0.5, 30.0);
}

gboolean
sag_phantom_spec_check (const SagPhantomSpec *spec, GError **error)
{
  const struct
  {
    const char *name;
    double      value, low, high;
  } ranges[] = {
    { "size[0]", spec->size[0], 16, 1024 },
    { "size[1]", spec->size[1], 16, 1024 },
    { "size[2]", spec->size[2], 1, 1024 },
    { "spacing[0]", spec->spacing[0], 0.3, 12 },
    { "spacing[1]", spec->spacing[1], 0.3, 12 },
    { "spacing[2]", spec->spacing[2], 0.3, 30 },
    { "top_mm", spec->top_mm, -400, 400 },
    { "shift_mm[0]", spec->shift_mm[0], -400, 400 },
    { "shift_mm[1]", spec->shift_mm[1], -400, 400 },
    { "roll", spec->roll, -0.3, 0.3 },
    { "scale[0]", spec->scale[0], 0.5, 1.5 },
    { "scale[1]", spec->scale[1], 0.5, 1.5 },
    { "scale[2]", spec->scale[2], 0.5, 1.5 },
    { "fat_mm", spec->fat_mm, 2, 60 },
    { "inspiration", spec->inspiration, 0, 1 },
    { "dose", spec->dose, 0.01, 100 },
    { "field_mm", spec->field_mm, 0, 4000 },
    { "padding", spec->padding, -4000, 3000 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    if (!(ranges[i].value >= ranges[i].low && ranges[i].value <= ranges[i].high))
      {
        g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID,
                     "The phantom's %s is %g; choose a value from %g to %g", ranges[i].name,
                     ranges[i].value, ranges[i].low, ranges[i].high);
        return FALSE;
      }
  return TRUE;
}

/* ---- the scene ---- */

static void
add_limb (SagPhantomScene *scene,
          double           ax,
          double           ay,
          double           az,
          double           bx,
          double           by,
          double           bz,
          double           r0,
          double           r1,
          gboolean         breast)
{
  for (int side = -1; side <= 1; side += 2)
    scene->limbs[scene->n_limbs++] =
        (SagLimb){ { side * ax, ay, az }, { side * bx, by, bz }, r0, r1, breast };
}

static void
scene_init (SagPhantomScene *scene, const SagPhantomSpec *spec)
{
  SagPhantomRandom *random = &scene->random;
  SagPhantomContour low, high;

  memset (scene, 0, sizeof *scene);
  scene->spec = *spec;
  random->state = sag_phantom_mix (spec->seed);
  scene->texture_seed = sag_phantom_mix (spec->seed + 17);
  scene->cos_roll = sag_phantom_cos (spec->roll);
  scene->sin_roll = sag_phantom_sin (spec->roll);
  scene->scale_mm = 0.5 * (spec->scale[0] + spec->scale[1]);
  scene->up = spec->prone ? 1.0 : -1.0;
  scene->muscle = 50.0 + sag_phantom_jitter (random, 10.0);
  scene->blood = spec->contrast ? sag_phantom_range (random, 130, 260) : 42.0;
  scene->artery = spec->contrast ? sag_phantom_range (random, 140, 320) : 42.0;
  scene->barrel = 1.0 + sag_phantom_jitter (random, 0.10);
  scene->septum = sag_phantom_range (random, 1.6, 4.6);
  scene->middle[0] = 3.0 + sag_phantom_jitter (random, 10.0);
  scene->middle[1] = 3.0 + sag_phantom_jitter (random, 9.0);
  scene->wobble = sag_phantom_range (random, 1.2, 3.4);
  scene->lung_hu = -815.0 - 90.0 * spec->inspiration + sag_phantom_jitter (random, 25.0);
  scene->dome[1] = -62.0 - 44.0 * spec->inspiration + sag_phantom_jitter (random, 8.0);
  scene->dome[0] = scene->dome[1] - 10.0 + sag_phantom_jitter (random, 12.0);
  if (sag_phantom_chance (random, 0.12)) /* one side stands high */
    scene->dome[sag_phantom_chance (random, 0.5)] += sag_phantom_range (random, 15, 45);
  for (int side = 0; side < 2; side++)
    {
      gboolean other = side == 1 && scene->fluid[0] < 1e3;
      gboolean wet = (spec->findings & SAG_PHANTOM_EFFUSION)
                     && sag_phantom_chance (random, side == 0 ? 0.6
                                                    : other   ? 0.5
                                                              : 1.0);
      double level = sag_phantom_range (random, 15, 68);

      scene->fluid[side] = wet ? level : 1e4;
    }

  if (spec->arms == SAG_PHANTOM_ARMS_UP)
    add_limb (scene, 116, 8, 66, 178, -18, 300, 44, 46, FALSE);
  else
    {
      add_limb (scene, 108, 12, 82, 158, 14, 70, 42, 47, FALSE);
      add_limb (scene, 168, 14, 56, 196, 16, -260, 44, 38, FALSE);
    }
  if (spec->female)
    {
      double size = sag_phantom_range (random, 24, 52);

      add_limb (scene, 52, -84, -28, 84, -70, -36, size, 0.86 * size, TRUE);
    }

  sag_phantom_wall (scene, 0, &low);
  sag_phantom_wall (scene, -110, &high);
  scene->back_mm = MAX (low.back, high.back) + sag_phantom_fat (scene, 0, 1, -60);
  scene->front_mm = MAX (low.front, high.front) + sag_phantom_fat (scene, 0, -1, -60);

  scene->solids = g_array_new (FALSE, FALSE, sizeof (SagShape));
  scene->tubes = g_array_new (FALSE, FALSE, sizeof (SagShape));
  sag_phantom_build_bones (scene);
  sag_phantom_build_abdomen (scene);
  sag_phantom_build_chest (scene);
  sag_phantom_build_trees (scene);
  sag_phantom_build_findings (scene);
}

static void
scene_clear (SagPhantomScene *scene)
{
  g_array_unref (scene->solids);
  g_array_unref (scene->tubes);
}

/* ---- slices, shared out ---- */

typedef struct
{
  const SagPhantomScene *scene;
  SagPhantomScratch     *scratch; /* one a thread */
  SagVolume             *volume;
  guint8                *organs, *nodules;
  int                    first;
} Work;

static void
make_slice (gsize item, int thread, gpointer data)
{
  Work      *work = data;
  const int *size = work->scene->spec.size;
  int        k = work->first + (int)item;
  gsize      start = (gsize)k * size[0] * size[1];

  sag_phantom_paint (work->scene, k, &work->scratch[thread], work->organs + start,
                     work->nodules + start);
  sag_phantom_expose (work->scene, k, &work->scratch[thread],
                      sag_volume_get_slice (work->volume, k));
}

static void
set_code (SagCode *code, const char *value, const char *meaning)
{
  g_strlcpy (code->value, value, sizeof code->value);
  g_strlcpy (code->scheme, "SCT", sizeof code->scheme);
  g_strlcpy (code->meaning, meaning, sizeof code->meaning);
}

/* Labels `first` .. `last` of the table. */
static SagLabelmap *
new_layer (const SagGrid *grid, int first, int last, GError **error)
{
  static const struct
  {
    const char *name, *type, *meaning;
    guint8      rgb[3];
  } table[] = {
    { "Left lung", "39607008", "Lung", { 86, 180, 233 } },
    { "Right lung", "39607008", "Lung", { 230, 159, 0 } },
    { "Trachea and bronchi", "110726009", "Trachea and bronchus", { 0, 158, 115 } },
    { "Heart", "80891009", "Heart", { 213, 94, 0 } },
    { "Aorta", "15825003", "Aorta", { 204, 121, 167 } },
    { "Bone", "272673000", "Bone", { 240, 228, 190 } },
    { "Nodule 1", "27925004", "Nodule", { 240, 228, 66 } },
    { "Nodule 2", "27925004", "Nodule", { 0, 114, 178 } },
  };
  SagLabel labels[G_N_ELEMENTS (table)];

  memset (labels, 0, sizeof labels);
  for (int value = first; value <= last; value++)
    {
      SagLabel *label = &labels[value - first];

      label->value = (guint8)value;
      g_strlcpy (label->name, table[value - 1].name, sizeof label->name);
      if (value >= SAG_PHANTOM_NODULE_1)
        set_code (&label->category, "49755003", "Morphologically Abnormal Structure");
      else
        set_code (&label->category, "123037004", "Anatomical Structure");
      set_code (&label->type, table[value - 1].type, table[value - 1].meaning);
      if (value == SAG_PHANTOM_LEFT_LUNG)
        set_code (&label->modifier, "7771000", "Left");
      else if (value == SAG_PHANTOM_RIGHT_LUNG)
        set_code (&label->modifier, "24028007", "Right");
      memcpy (label->rgb, table[value - 1].rgb, 3);
    }
  return sag_labelmap_new (grid, NULL, labels, last - first + 1, error);
}

static gboolean
make_slices (Work *work, const SagTick *tick, GError **error)
{
  int n = work->scene->spec.size[2];

  for (work->first = 0; work->first < n; work->first += SLICES_PER_TICK)
    {
      if (!sag_tick (tick, (double)work->first / n))
        return sag_engine_error_cancelled (error);
      sag_parallel_for (MIN (SLICES_PER_TICK, n - work->first), make_slice, work);
    }
  sag_tick (tick, 1.0);
  return TRUE;
}

gboolean
sag_phantom_thorax (const SagPhantomSpec *spec,
                    const SagTick        *tick,
                    SagVolume           **volume,
                    SagSegmentation     **truth,
                    GError              **error)
{
  int             n_threads = sag_parallel_get_size ();
  gsize           area, floats;
  SagGrid         grid;
  SagPhantomScene scene;
  g_autoptr (SagVolume) made = NULL;
  g_autoptr (SagLabelmap) organs = NULL;
  g_autoptr (SagLabelmap) nodules = NULL;
  g_autoptr (SagProvenance) provenance = NULL;
  g_autofree SagPhantomScratch *scratch = NULL;
  float                        *memory;
  gboolean                      done;

  if (!sag_phantom_spec_check (spec, error))
    return FALSE;
  sag_grid_init (&grid, spec->size, spec->spacing);
  for (int axis = 0; axis < 2; axis++)
    grid.origin[axis] = -0.5 * (spec->size[axis] - 1) * spec->spacing[axis];
  grid.origin[2] = spec->top_mm - (spec->size[2] - 1) * spec->spacing[2];

  made = sag_volume_new_alloc (&grid, SAG_VOXEL_I16, 1.0, -1024.0, "HU", error);
  organs = made == NULL ? NULL : new_layer (&grid, SAG_PHANTOM_LEFT_LUNG, SAG_PHANTOM_BONE, error);
  nodules =
      organs == NULL ? NULL : new_layer (&grid, SAG_PHANTOM_NODULE_1, SAG_PHANTOM_NODULE_2, error);
  if (nodules == NULL)
    return FALSE;
  sag_volume_set_origin_tags (made, "CT", "");

  area = (gsize)spec->size[0] * spec->size[1];
  floats = 6 * area;
  memory = sag_alloc_try (floats * n_threads * sizeof (float), "the phantom's slices", error);
  if (memory == NULL)
    return FALSE;
  scratch = g_new (SagPhantomScratch, n_threads);
  for (int t = 0; t < n_threads; t++)
    {
      float *own = memory + t * floats;

      scratch[t] = (SagPhantomScratch){
        own, own + area, own + 2 * area, own + 3 * area, { own + 4 * area, own + 5 * area }
      };
    }

  scene_init (&scene, spec);
  {
    Work work = {
      &scene, scratch, made, sag_labelmap_get_voxels (organs), sag_labelmap_get_voxels (nodules), 0
    };

    done = make_slices (&work, tick, error);
  }
  scene_clear (&scene);
  sag_free (memory);
  if (!done)
    return FALSE;

  provenance = sag_provenance_new ();
  sag_provenance_set (&provenance->model_name, "Phantom truth");
  sag_provenance_set (&provenance->program, "Sagitta " SAG_VERSION);
  *truth = sag_segmentation_new ((SagLabelmap *[]){ organs, nodules }, 2, NULL, provenance, error);
  if (*truth == NULL)
    return FALSE;
  sag_segmentation_mark_ready (*truth, 0, spec->size[2]);
  sag_volume_mark_ready (made, 0, spec->size[2]);
  *volume = g_steal_pointer (&made);
  return TRUE;
}
