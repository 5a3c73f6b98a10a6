/* SPDX-License-Identifier: Apache-2.0
 *
 * render.c: `sagitta-cli render`: one slice as a PNG, as the window would draw it.
 */
#include "app/cli/cli.h"
#include "app/cli/commands.h"
#include "app/cli/picture.h"
#include "app/dicom/overlays.h"
#include "app/files/nifti.h"
#include "app/files/open.h"
#include "app/files/png.h"
#include "engine/base/error.h"
#include "engine/image/slice.h"

#include <math.h>
#include <string.h>

/* As typed. */
typedef struct
{
  char    *series, *plane, *window, *overlay, *reference, *confidence, *size, *output, *slab_mode;
  int      slice;
  double   slab_mm, threshold, opacity;
  gboolean outline, no_text, invert, graphics;
  int      threads;
} Options;

/* What is drawn. */
typedef struct
{
  SagVolume       *volume;
  SagOpenInfo     *info;
  SagSegmentation *segmentation, *reference;
  gboolean         labelled; /* the segmentation's labels mean something */
  SagSliceSpec     spec;
  SagView          view;
  int              axis, slice; /* grid axis that scrolls, and where on it */
  int              width, height;
} Scene;

static void
scene_clear (Scene *self)
{
  g_clear_pointer (&self->volume, sag_volume_unref);
  g_clear_pointer (&self->info, sag_open_info_free);
  g_clear_pointer (&self->segmentation, sag_segmentation_unref);
  g_clear_pointer (&self->reference, sag_segmentation_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Scene, scene_clear)

/* "A,B" or "AxB". */
static gboolean
parse_pair (const char *text, char separator, double pair[2])
{
  char *end;

  pair[0] = g_ascii_strtod (text, &end);
  if (end == text || *end != separator)
    return FALSE;
  text = end + 1;
  pair[1] = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (pair[0]) && isfinite (pair[1]);
}

static gboolean
parse_options (Scene *scene, const Options *options, GError **error)
{
  static const char *const planes[] = { "axial", "coronal", "sagittal" };
  static const char *const modes[] = { "none", "mip", "minip", "mean" };
  double pair[2];
  int found;

  sag_slice_spec_init (&scene->spec);
  for (found = 0; found < SAG_N_VIEWS && options->plane != NULL; found++)
    if (g_ascii_strcasecmp (options->plane, planes[found]) == 0)
      break;
  if (found == SAG_N_VIEWS)
    return sag_invalid (error, "'%s' is not a plane; use axial, coronal or sagittal", options->plane);
  scene->view = found;

  if (options->size != NULL)
    {
      if (!parse_pair (options->size, 'x', pair) || pair[0] < 16 || pair[1] < 16 || pair[0] > 16384
          || pair[1] > 16384)
        return sag_invalid (error,
                            "'%s' is not a size; use --size 1024x768, from 16 to 16384 pixels a side",
                            options->size);
      scene->width = (int) pair[0];
      scene->height = (int) pair[1];
    }
  if (options->window != NULL)
    {
      if (!parse_pair (options->window, ',', pair) || pair[1] <= 0)
        return sag_invalid (error,
                            "'%s' is not a window; use --window CENTER,WIDTH, as in --window=-600,1500",
                            options->window);
      scene->spec.window = (SagWindowLevel){ pair[0], pair[1] };
    }
  for (found = 0; found < (int) G_N_ELEMENTS (modes) && options->slab_mode != NULL; found++)
    if (g_ascii_strcasecmp (options->slab_mode, modes[found]) == 0)
      break;
  if (found == (int) G_N_ELEMENTS (modes))
    return sag_invalid (error, "'%s' is not a slab mode; use mip, minip or mean", options->slab_mode);
  scene->spec.slab_mode =
      options->slab_mode == NULL && options->slab_mm > 0 ? SAG_SLAB_MIP : (SagSlabMode) found;
  scene->spec.slab_mm = options->slab_mm;
  scene->spec.opacity = (float) CLAMP (options->opacity, 0, 1);
  scene->spec.confidence_threshold = (float) CLAMP (options->threshold, 0, 1);
  scene->spec.overlay =
      options->outline ? SAG_OVERLAY_OUTLINE : SAG_OVERLAY_FILL | SAG_OVERLAY_OUTLINE;
  return TRUE;
}

static SagSegmentation *
finish_segmentation (SagLabelmap *const *layers, int n_layers, SagBlock *confidence, GError **error)
{
  SagSegmentation *self = sag_segmentation_new (layers, n_layers, confidence, NULL, error);

  if (self != NULL)
    sag_segmentation_mark_ready (self, 0, sag_segmentation_get_grid (self)->size[2]);
  return self;
}

/* A confidence map alone: whatever has any is shown as one label. */
static SagSegmentation *
make_confidence_only (const SagGrid *grid, SagBlock *confidence, GError **error)
{
  static const SagLabel label = { .value = 1, .name = "Confidence", .rgb = { 0xe6, 0x9f, 0x00 } };
  g_autoptr (SagLabelmap) map = sag_labelmap_new (grid, NULL, &label, 1, error);
  const guint8 *sure = sag_block_get_data (confidence);

  if (map == NULL)
    return NULL;
  for (gsize n = 0; n < sag_grid_get_n_voxels (grid); n++)
    sag_labelmap_get_voxels (map)[n] = sure[n] != 0;
  return finish_segmentation (&map, 1, confidence, error);
}

static gboolean
open_overlay (Scene *scene, const Options *options, GError **error)
{
  g_autoptr (SagSegmentation) segmentation = NULL;
  g_autoptr (SagBlock) confidence = NULL;
  SagLabelmap *layers[255];
  int n_layers;

  scene->labelled = TRUE;
  /* A confidence map lies on the image's voxels, while a SEG spans only what it has something in.
   */
  if (options->overlay != NULL)
    {
      gboolean mapped =
          sag_png_is_name (options->overlay)
          || (options->confidence != NULL && sag_nifti_is_name (options->confidence));

      segmentation = sag_open_segmentation (
          options->overlay, mapped ? sag_volume_get_grid (scene->volume) : NULL, error);
      if (segmentation == NULL)
        return FALSE;
    }
  if (segmentation == NULL && options->graphics && scene->info != NULL
      && scene->info->stack != NULL)
    {
      GError *failure = NULL;

      segmentation = sag_overlays_read (scene->info->stack, &failure);
      if (failure != NULL)
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
      scene->spec.opacity = 1;
      scene->spec.overlay = SAG_OVERLAY_FILL;
    }
  if (options->reference != NULL)
    {
      if (segmentation == NULL)
        return sag_invalid (error, "--reference compares with --overlay; give both");
      scene->reference = sag_open_segmentation (options->reference, NULL, error);
      if (scene->reference == NULL)
        return FALSE;
      scene->spec.overlay |= SAG_OVERLAY_DIFFERENCE;
    }
  if (options->confidence != NULL && sag_nifti_is_name (options->confidence))
    {
      const SagGrid *grid = sag_volume_get_grid (scene->volume);

      confidence = sag_open_confidence (options->confidence, grid, error);
      if (confidence == NULL)
        return FALSE;
      if (segmentation == NULL)
        {
          scene->segmentation = make_confidence_only (grid, confidence, error);
          scene->labelled = FALSE;
        }
      else
        {
          n_layers = MIN (sag_segmentation_get_n_layers (segmentation), 255);
          for (int n = 0; n < n_layers; n++)
            layers[n] = sag_segmentation_get_layer (segmentation, n);
          scene->segmentation = finish_segmentation (layers, n_layers, confidence, error);
        }
      if (scene->segmentation == NULL)
        return FALSE;
    }
  else if (options->confidence != NULL)
    {
      /* A FRACTIONAL SEG brings labels and confidence at once; they must lie on one grid to be
       * mixed. */
      scene->segmentation = sag_open_segmentation (options->confidence, NULL, error);
      if (scene->segmentation == NULL)
        return FALSE;
      if (sag_segmentation_get_confidence (scene->segmentation) == NULL)
        return sag_invalid (error, "'%s' holds no confidence; give a FRACTIONAL SEG or a NIfTI map",
                            options->confidence);
    }
  else
    scene->segmentation = g_steal_pointer (&segmentation);
  if (options->confidence != NULL)
    scene->spec.overlay |= SAG_OVERLAY_CONFIDENCE;
  return TRUE;
}

/* Where the overlay is most to be seen along the scrolling axis; else the middle. */
static double
find_slice (const Scene *scene)
{
  const SagGrid *grid = sag_volume_get_grid (scene->volume);
  double middle = (grid->size[scene->axis] - 1) / 2;
  SagLabelStats stats[256];
  double sum[3] = { 0, 0, 0 }, n = 0;

  if (scene->segmentation == NULL)
    return middle;
  for (int layer = 0; layer < sag_segmentation_get_n_layers (scene->segmentation); layer++)
    {
      sag_labelmap_measure (sag_segmentation_get_layer (scene->segmentation, layer), stats);
      for (int value = 1; value < 256; value++)
        {
          for (int p = 0; p < 3 && stats[value].n_voxels > 0; p++)
            sum[p] += stats[value].centroid[p] * (double) stats[value].n_voxels;
          n += (double) stats[value].n_voxels;
        }
    }
  if (n == 0)
    return middle;
  for (int p = 0; p < 3; p++)
    sum[p] /= n;
  sag_grid_to_ijk (grid, sum, sum);
  return floor (sum[scene->axis] + 0.5);
}

/* The whole cross-section, as large as it fits. */
static gboolean
place_plane (Scene *scene, const Options *options, GError **error)
{
  const SagGrid *grid = sag_volume_get_grid (scene->volume);
  double ijk[3], lps[3], width = 0, height = 0;
  int last;

  for (int a = 0; a < 3; a++)
    ijk[a] = (grid->size[a] - 1) / 2.0;
  sag_grid_to_lps (grid, ijk, lps);
  sag_plane_init_grid_view (&scene->spec.plane, grid, scene->view, lps, 1, &scene->axis);
  last = grid->size[scene->axis] - 1;
  if (options->slice > last)
    return sag_invalid (error, "There is no slice %d; this plane has slices 0 to %d", options->slice,
                        last);
  scene->slice = options->slice >= 0 ? options->slice : (int) CLAMP (find_slice (scene), 0, last);
  ijk[scene->axis] = scene->slice;
  sag_grid_to_lps (grid, ijk, scene->spec.plane.centre);

  for (int a = 0; a < 3; a++)
    {
      double along_right = 0, along_down = 0;

      for (int p = 0; p < 3; p++)
        {
          along_right += grid->direction[3 * p + a] * scene->spec.plane.right[p];
          along_down += grid->direction[3 * p + a] * scene->spec.plane.down[p];
        }
      width += fabs (along_right) * grid->size[a] * grid->spacing[a];
      height += fabs (along_down) * grid->size[a] * grid->spacing[a];
    }
  if (scene->width == 0)
    {
      scene->width = 1024;
      scene->height = (int) CLAMP (floor (1024 * height / width + 0.5), 256, 2048);
    }
  scene->spec.plane.mm_per_pixel = MAX (width / scene->width, height / scene->height);
  return TRUE;
}

/* Names, colours and millilitres (pixels, of a radiograph) of the labels that are there; the first eight. */
static char *
describe_labels (const Scene *scene)
{
  enum { MOST = 8, LETTERS = 28 };
  GString *text = g_string_new (NULL);
  gboolean placed = scene->info != NULL && scene->info->has_place && sag_volume_is_spatial (scene->volume)
                    && scene->segmentation != NULL && sag_segmentation_get_has_place (scene->segmentation);
  int lines = 0;

  int n_layers = scene->segmentation != NULL && scene->labelled
                     ? sag_segmentation_get_n_layers (scene->segmentation)
                     : 0;

  for (int layer = 0; layer < n_layers; layer++)
    {
      SagLabelmap *map = sag_segmentation_get_layer (scene->segmentation, layer);
      SagLabelStats stats[256];
      int n_labels;
      const SagLabel *labels = sag_labelmap_get_labels (map, &n_labels);

      sag_labelmap_measure (map, stats);
      for (int n = 0; n < n_labels; n++)
        {
          g_autofree char *name = NULL, *line = NULL, *shown = NULL;

          if (stats[labels[n].value].n_voxels == 0 || lines++ >= MOST)
            continue;
          if (g_utf8_strlen (labels[n].name, -1) > LETTERS)
            {
              g_autofree char *begin = g_utf8_substring (labels[n].name, 0, LETTERS - 1);

              name = g_strdup_printf ("%s\u2026", begin);
            }
          else
            name = g_strdup (labels[n].name);
          /* A projection has no volume. */
          line = placed ? g_strdup_printf ("%s  %.4g ml", name, stats[labels[n].value].ml)
                        : g_strdup_printf ("%s  %" G_GSIZE_FORMAT " px", name,
                                           stats[labels[n].value].n_voxels);
          shown = sag_picture_legend (labels[n].rgb, line);
          g_string_append_printf (text, "\n%s", shown);
        }
    }
  if (lines > MOST)
    g_string_append_printf (text, "\nand %d more", lines - MOST);
  return g_string_free (text, FALSE);
}

static char *
describe_difference (void)
{
  static const guint8 colours[3][3] = { { 0x56, 0xb4, 0xe9 },
                                        { 0xd5, 0x5e, 0x00 },
                                        { 0x00, 0x9e, 0x73 } };
  g_autofree char *here = sag_picture_legend (colours[0], "only in the overlay");
  g_autofree char *there = sag_picture_legend (colours[1], "only in the reference");
  g_autofree char *both = sag_picture_legend (colours[2], "in both");

  return g_strdup_printf ("\n%s\n%s\n%s", here, there, both);
}

static void
annotate (const Scene *scene, guint8 *rgba)
{
  static const char *const views[] = { "Axial", "Coronal", "Sagittal" };
  const SagGrid *grid = sag_volume_get_grid (scene->volume);
  const SagSliceSpec *spec = &scene->spec;
  const char *unit = sag_volume_get_unit (scene->volume);
  gboolean true_mm = sag_volume_get_has_spacing (scene->volume);
  gboolean placed = scene->info->has_place;
  g_autofree char *name = g_markup_escape_text (
      scene->info != NULL && scene->info->name != NULL ? scene->info->name : "", -1);
  g_autofree char *labels = (spec->overlay & SAG_OVERLAY_DIFFERENCE) != 0 ? describe_difference ()
                                                                          : describe_labels (scene);
  g_autofree char *top_left = g_strdup_printf ("%s%s%s%s", sag_volume_get_modality (scene->volume),
                                               name[0] != '\0' ? "  " : "", name, labels);
  g_autofree char *slab =
      spec->slab_mode != SAG_SLAB_NONE && spec->slab_mm > 0
          ? g_strdup_printf ("\n%s %g mm",
                             (const char *[]){ "", "MIP", "MinIP", "Mean" }[spec->slab_mode],
                             spec->slab_mm)
          : g_strdup ("");
  double normal[3], position = 0;
  g_autofree char *place = NULL, *top_right = NULL, *window = NULL, *zoom = NULL;
  SagPicture picture = {
    .rgba = rgba, .width = scene->width, .height = scene->height, .plane = &spec->plane
  };

  sag_plane_get_normal (&spec->plane, normal);
  for (int p = 0; p < 3; p++)
    position += fabs (normal[p]) > 0.999 ? spec->plane.centre[p] : 0;
  place = fabs (normal[0]) > 0.999 || fabs (normal[1]) > 0.999 || fabs (normal[2]) > 0.999
              ? g_strdup_printf ("%+.1f mm", position)
              : g_strdup_printf ("(%.1f, %.1f, %.1f) mm", spec->plane.centre[0],
                                 spec->plane.centre[1], spec->plane.centre[2]);
  top_right = g_strdup_printf ("%s  %d/%d%s\n%s", placed ? views[scene->view] : "Image",
                               scene->slice + 1, grid->size[scene->axis], slab,
                               !true_mm ? "spacing unknown"
                               : placed ? place
                                        : "place unknown");
  window = g_strdup_printf ("C %g  W %g%s%s%s", spec->window.center, spec->window.width,
                            unit[0] != '\0' ? " " : "", unit, spec->invert ? "\ninverted" : "");
  zoom = true_mm ? g_strdup_printf ("%.3g mm voxels\n%.3g mm/pixel", grid->spacing[scene->axis],
                                    spec->plane.mm_per_pixel)
                 : NULL;
  picture.corners[0] = top_left;
  picture.corners[1] = top_right;
  picture.corners[2] = sag_volume_get_voxel_type (scene->volume) == SAG_VOXEL_RGB8 ? NULL : window;
  picture.corners[3] = zoom;
  picture.notice = "Research use, not a medical device";
  picture.has_place = placed;
  picture.has_scale = true_mm;
  picture.confidence_ramp = (spec->overlay & SAG_OVERLAY_CONFIDENCE) != 0;
  picture.threshold = spec->confidence_threshold;
  sag_picture_annotate (&picture);
}

static gboolean
render (Scene *scene, const char *input, const Options *options, GError **error)
{
  g_autofree guint8 *rgba = NULL;

  if (!parse_options (scene, options, error))
    return FALSE;
  scene->volume = sag_open_volume (input, options->series, NULL, &scene->info, error);
  if (scene->volume == NULL || !open_overlay (scene, options, error)
      || !place_plane (scene, options, error))
    return FALSE;
  if (options->window == NULL)
    {
      if (scene->info != NULL && scene->info->n_windows > 0)
        scene->spec.window = scene->info->windows[0];
      else
        sag_volume_guess_window (scene->volume, &scene->spec.window);
    }
  scene->spec.invert = options->invert != (scene->info != NULL && scene->info->monochrome1);
  rgba = g_try_malloc (4 * (gsize) scene->width * (gsize) scene->height);
  if (rgba == NULL)
    {
      g_set_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_MEMORY,
                   "There is not enough memory for the picture");
      return FALSE;
    }
  sag_slice_render (scene->volume, scene->segmentation, scene->reference, &scene->spec,
                    scene->width, scene->height, rgba);
  if (!options->no_text)
    annotate (scene, rgba);
  return sag_png_write (options->output, rgba, scene->width, scene->height, 4, error);
}

int
sag_command_render (int argc, char **argv)
{
  Options options = { .slice = -1, .opacity = 0.35 };
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, "PNG file to write", "OUT.png" },
    { "series", 0, 0, G_OPTION_ARG_STRING, &options.series,
      "Series, where the folder holds several", "UID" },
    { "plane", 0, 0, G_OPTION_ARG_STRING, &options.plane, "axial (default), coronal or sagittal",
      "PLANE" },
    { "slice", 0, 0, G_OPTION_ARG_INT, &options.slice,
      "Voxel index along the axis that scrolls, from 0 (default: the overlay's middle, else the "
      "volume's)",
      "K" },
    { "graphics", 0, 0, G_OPTION_ARG_NONE, &options.graphics,
      "Draw the overlay planes of the images, if they have any", NULL },
    { "window", 0, 0, G_OPTION_ARG_STRING, &options.window,
      "Window (default: the file's, else a guess)", "C,W" },
    { "overlay", 0, 0, G_OPTION_ARG_FILENAME, &options.overlay, "Labels: DICOM SEG or NIfTI",
      "SEG" },
    { "confidence", 0, 0, G_OPTION_ARG_FILENAME, &options.confidence,
      "Confidence ramp: NIfTI (0..1 or 0..255) or FRACTIONAL SEG", "FILE" },
    { "threshold", 0, 0, G_OPTION_ARG_DOUBLE, &options.threshold,
      "Labels less certain lose their fill", "0..1" },
    { "reference", 0, 0, G_OPTION_ARG_FILENAME, &options.reference,
      "Show the difference from these labels", "SEG" },
    { "opacity", 0, 0, G_OPTION_ARG_DOUBLE, &options.opacity, "Of fills (default 0.35)", "0..1" },
    { "outline", 0, 0, G_OPTION_ARG_NONE, &options.outline, "Outlines only", NULL },
    { "slab", 0, 0, G_OPTION_ARG_DOUBLE, &options.slab_mm, "Slab thickness", "MM" },
    { "slab-mode", 0, 0, G_OPTION_ARG_STRING, &options.slab_mode, "mip (default), minip or mean",
      "MODE" },
    { "invert", 0, 0, G_OPTION_ARG_NONE, &options.invert, "Swap black and white", NULL },
    { "size", 0, 0, G_OPTION_ARG_STRING, &options.size, "Pixels (default: 1024 wide)", "WxH" },
    { "no-text", 0, 0, G_OPTION_ARG_NONE, &options.no_text, "Pixels only", NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Threads (default: one a core)", "N" },
    { NULL }
  };
  g_auto (Scene) scene = { 0 };
  GError *error = NULL;
  gboolean good;

  if (!sag_cli_parse (&argc, &argv, entries, "INPUT",
                      "Draws one slice of a DICOM folder or file, a NIfTI file or a PNG."))
    return 2;
  if (argc != 2 || options.output == NULL)
    return sag_cli_usage ("render");
  sag_cli_set_threads (options.threads);
  good = render (&scene, argv[1], &options, &error);
  g_free (options.output);
  g_free (options.series);
  g_free (options.plane);
  g_free (options.window);
  g_free (options.overlay);
  g_free (options.confidence);
  g_free (options.reference);
  g_free (options.slab_mode);
  g_free (options.size);
  return good ? 0 : sag_cli_fail ("render", error);
}
