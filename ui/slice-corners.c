/* SPDX-License-Identifier: Apache-2.0
 *
 * slice-corners.c: the words in the corners of a view. */
#include "ui/slice-corners.h"

#include "app/state/anatomy.h"
#include "ui/format.h"
#include "ui/study-title.h"

#include <glib/gi18n-lib.h>
#include <math.h>
#include <string.h>

const char *
sag_slice_corners_get_view_name (SagView view)
{
  static const char *const names[] = { N_ ("Axial"), N_ ("Coronal"), N_ ("Sagittal") };

  return _ (names[view]);
}

SagDetail
sag_slice_corners_get_detail (const SagSliceScene *scene)
{
  /* Larger letters need more room. */
  double width = scene->width / scene->text_scale, height = scene->height / scene->text_scale;

  return width >= 460 && height >= 320   ? SAG_DETAIL_ALL
         : width >= 340 && height >= 220 ? SAG_DETAIL_SERIES
         : width >= 220 && height >= 150 ? SAG_DETAIL_SLICE
         : width >= 130 && height >= 100 ? SAG_DETAIL_NUMBER
                                         : SAG_DETAIL_LETTERS;
}

static void
add_line (GString    *text,
          const char *format,
          ...) G_GNUC_PRINTF (2, 3);

static void
add_line (GString    *text,
          const char *format,
          ...)
{
  va_list arguments;

  if (text->len > 0)
    g_string_append_c (text, '\n');
  va_start (arguments, format);
  g_string_append_vprintf (text, format, arguments);
  va_end (arguments);
}

/* ---- what the file says of its geometry */

static gboolean
is_placed (SagWorkspace *workspace)
{
  SagSeries *series = sag_workspace_get_series (workspace);

  return series == NULL || sag_series_is_placed (series);
}

const char *
sag_slice_corners_get_unit (SagWorkspace *workspace)
{
  SagSeries *series = sag_workspace_get_series (workspace);

  return series != NULL && g_str_equal (sag_series_get_spacing_source (series), "unknown") ? "px"
                                                                                           : "mm";
}

/* Sum of the unit vectors a value such as "A" or "FL" names. */
static gboolean
parse_orientation (const char *value,
                   gsize       length,
                   double      direction[3])
{
  static const char plus[] = "LPH", minus[] = "RAF";
  double norm = 0;

  memset (direction, 0, 3 * sizeof *direction);
  for (gsize i = 0; i < length; i++)
    for (int c = 0; c < 3; c++)
      direction[c] += (value[i] == plus[c]) - (value[i] == minus[c]);
  for (int c = 0; c < 3; c++)
    norm += direction[c] * direction[c];
  for (int c = 0; c < 3 && norm > 0; c++)
    direction[c] /= sqrt (norm);
  return norm > 0;
}

/* Where rows and columns of an image without a place run to; FALSE if it does not say. */
static gboolean
get_said_orientation (SagSeries *series,
                      double     rows[3],
                      double     columns[3])
{
  const char *said = sag_series_get_patient_orientation (series);
  const char *second = strchr (said, '\\');

  return second != NULL && parse_orientation (said, (gsize) (second - said), rows)
         && parse_orientation (second + 1, strlen (second + 1), columns);
}

gboolean
sag_slice_corners_get_letters (const SagSliceScene *scene,
                               const double         direction[3],
                               char                 letters[4])
{
  SagSeries *series = sag_workspace_get_series (scene->workspace);
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (scene->workspace));
  double rows[3], columns[3], towards[3], along[2] = { 0, 0 };

  letters[0] = '\0';
  if (is_placed (scene->workspace))
    {
      sag_direction_get_letters (direction, letters);
      return TRUE;
    }
  if (!get_said_orientation (series, rows, columns))
    return FALSE;
  for (int a = 0; a < 2; a++)
    for (int c = 0; c < 3; c++)
      along[a] += direction[c] * grid->direction[3 * c + a];
  if (fabs (along[0]) + fabs (along[1]) < 0.5)
    return FALSE; /* across the image */
  for (int c = 0; c < 3; c++)
    towards[c] = along[0] * rows[c] + along[1] * columns[c];
  sag_direction_get_letters (towards, letters);
  return TRUE;
}

/* ---- parts of lines */

char *
sag_slice_corners_dup_window (const SagSliceScene *scene)
{
  SagWindowLevel window = scene->spec.window;
  int digits = window.width >= 50 ? 0 : window.width >= 5 ? 1 : 3;
  g_autofree char *width = sag_format_number (window.width, digits);
  g_autofree char *centre = sag_format_number (window.center, digits);

  return g_strdup_printf ("W %s  L %s", width, centre);
}

char *
sag_slice_corners_dup_position (const SagSliceScene *scene)
{
  double normal[3], back[3], cursor[3], mm = 0;
  SagPlane plane;
  char plus[4], minus[4];

  /* From the plane before flips: they must not change the number. */
  sag_workspace_get_plane (scene->workspace, scene->view, &plane);
  sag_plane_get_normal (&plane, normal);
  sag_workspace_get_cursor (scene->workspace, cursor);
  for (int c = 0; c < 3; c++)
    {
      mm += normal[c] * cursor[c];
      back[c] = -normal[c];
    }
  sag_direction_get_letters (normal, plus);
  sag_direction_get_letters (back, minus);
  plus[1] = minus[1] = '\0';
  return sag_format_position (mm, plus, minus);
}

static gboolean
is_colour (const SagSliceScene *scene)
{
  return sag_volume_get_voxel_type (sag_workspace_get_volume (scene->workspace)) == SAG_VOXEL_RGB8;
}

/* Of a projection: how it was taken, which side of the body it is of, and whether it says which way round it lies. */
static void
add_sides (SagSeries *series,
           GString   *text)
{
  static const struct
  {
    const char *code, *says;
  } sides[] = { { "R", N_ ("Right side") }, { "L", N_ ("Left side") }, { "B", N_ ("Both sides") } };
  double rows[3], columns[3];

  if (sag_series_get_view_position (series)[0] != '\0')
    add_line (text, _ ("View %s"), sag_series_get_view_position (series));
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    if (g_str_equal (sag_series_get_laterality (series), sides[i].code))
      add_line (text, "%s", _ (sides[i].says));
  if (!get_said_orientation (series, rows, columns))
    add_line (text, _ ("Sides not known"));
}

/* ---- the corners */

char *
sag_slice_corners_dup_top_left (const SagSliceScene *scene)
{
  GString *text = g_string_new (NULL);
  SagSeries *series = sag_workspace_get_series (scene->workspace);
  SagStudy *study = series != NULL ? sag_series_get_study (series) : NULL;
  SagDetail detail = sag_slice_corners_get_detail (scene);

  if (detail < SAG_DETAIL_SLICE)
    return g_string_free (text, FALSE);
  if (study != NULL && detail >= SAG_DETAIL_ALL)
    {
      const char *id = sag_study_get_patient_id (study);

      if (scene->nameless)
        add_line (text, _ ("Patient not named"));
      else
        add_line (text, "%s", sag_study_title_get (study));
      if (!scene->nameless && id[0] != '\0')
        add_line (text, _ ("ID %s"), id);
      /* Lines of their own: a long description must not hide the day. */
      if (sag_study_get_description (study)[0] != '\0')
        add_line (text, "%s", sag_study_get_description (study));
      if (sag_study_get_date (study)[0] != '\0')
        add_line (text, "%s", sag_study_get_date (study));
    }
  /* A file that is no study of its own gives both the same name. */
  if (series != NULL
      && (text->len == 0 || !g_str_equal (sag_study_title_get (study), sag_series_get_title (series))))
    add_line (text, "%s", sag_series_get_title (series));
  if (is_placed (scene->workspace))
    {
      add_line (text, "%s%s", sag_slice_corners_get_view_name (scene->view),
                sag_workspace_get_oblique (scene->workspace) ? _ (", oblique") : "");
      if (scene->neurological && scene->view != SAG_VIEW_SAGITTAL)
        add_line (text, _ ("Neurological")); /* a line of its own: never cut */
    }
  else
    add_sides (series, text);
  return g_string_free (text, FALSE);
}

/* How thick a slice was, and how far the next one is where that differs. */
static void
add_thickness (const SagSliceScene *scene,
               GString             *text)
{
  SagSeries *series = sag_workspace_get_series (scene->workspace);
  double apart = sag_workspace_get_slice_spacing (scene->workspace, scene->view);
  double thick = series != NULL ? sag_series_get_thickness (series) : 0;
  int axis;
  SagPlane plane;

  sag_plane_init_grid_view (&plane,
                            sag_volume_get_grid (sag_workspace_get_volume (scene->workspace)),
                            scene->view, scene->spec.plane.centre, 1, &axis);
  if (axis != 2 || thick <= 0 || sag_workspace_get_oblique (scene->workspace))
    add_line (text, _ ("%.1f mm apart"), apart);
  else if (fabs (thick - apart) < 0.05)
    add_line (text, _ ("%.1f mm thick"), thick);
  else
    add_line (text, _ ("%.1f mm thick, %.1f mm apart"), thick, apart);
}

char *
sag_slice_corners_dup_top_right (const SagSliceScene *scene)
{
  static const char *const modes[] = { "", N_ ("MIP"), N_ ("MinIP"), N_ ("Mean") };
  GString *text = g_string_new (NULL);
  int n, slice = sag_workspace_get_slice (scene->workspace, scene->view, &n);
  const SagSliceSpec *spec = &scene->spec;
  SagDetail detail = sag_slice_corners_get_detail (scene);

  if (detail < SAG_DETAIL_NUMBER)
    return g_string_free (text, FALSE);
  if (n > 1)
    add_line (text, "%d / %d", slice + 1, n);
  if (detail >= SAG_DETAIL_SLICE && is_placed (scene->workspace))
    {
      g_autofree char *position = sag_slice_corners_dup_position (scene);

      add_line (text, "%s", position);
      if (spec->slab_mode != SAG_SLAB_NONE && spec->slab_mm > 0)
        add_line (text, "%s %.1f mm", _ (modes[spec->slab_mode]), spec->slab_mm);
      else if (detail >= SAG_DETAIL_SERIES && n > 1)
        add_thickness (scene, text);
    }
  return g_string_free (text, FALSE);
}

/* What a reader must know before trusting the pixels or measuring on them. */
static void
add_caveats (const SagSliceScene *scene,
             GString             *text)
{
  SagSeries *series = sag_workspace_get_series (scene->workspace);
  static const struct
  {
    const char *source, *says;
  } sources[] = {
    { "pixel", N_ ("Pixel Spacing") },
    { "calibrated", N_ ("Pixel Spacing, calibrated") },
    { "imager", N_ ("Imager Pixel Spacing: at the detector") },
    { "scanned", N_ ("Scanned Pixel Spacing: on the film") },
    { "region", N_ ("Ultrasound region") },
    { "unknown", N_ ("Size unknown: lengths in pixels") },
  };
  double ratio;

  if (series == NULL)
    return;
  /* What is as it should be needs no room in a small view. */
  for (guint i = sag_slice_corners_get_detail (scene) < SAG_DETAIL_SERIES; i < G_N_ELEMENTS (sources); i++)
    if (g_str_equal (sag_series_get_spacing_source (series), sources[i].source))
      add_line (text, "%s", _ (sources[i].says));
  if (!sag_series_is_lossy (series))
    return;
  ratio = sag_series_get_lossy_ratio (series);
  if (ratio > 0)
    add_line (text, _ ("Lossy %.3g : 1"), ratio);
  else
    add_line (text, _ ("Lossy"));
}

/* What is laid over, from which value to which. */
static void
add_fusion (const SagSliceScene *scene,
            GString             *text)
{
  SagWorkspace *fusion = sag_workspace_get_fusion (scene->workspace);
  SagWindowLevel window;

  if (fusion == NULL || !sag_workspace_can_fuse (scene->workspace, fusion))
    return;
  window = sag_workspace_get_window_level (fusion);
  add_line (text, _ ("%s %.0f %%: %g to %g %s"),
            sag_volume_get_modality (sag_workspace_get_volume (fusion)),
            100 * sag_workspace_get_fusion_opacity (scene->workspace),
            window.center - window.width / 2, window.center + window.width / 2,
            sag_volume_get_unit (sag_workspace_get_volume (fusion)));
}

char *
sag_slice_corners_dup_bottom_left (const SagSliceScene *scene)
{
  GString *text = g_string_new (NULL);
  const SagGrid *grid = sag_volume_get_grid (sag_workspace_get_volume (scene->workspace));
  double finest = MIN (MIN (grid->spacing[0], grid->spacing[1]), grid->spacing[2]);
  SagDetail detail = sag_slice_corners_get_detail (scene);

  if (detail < SAG_DETAIL_SLICE)
    return g_string_free (text, FALSE);
  if (grid->size[2] == 1)
    finest = MIN (grid->spacing[0], grid->spacing[1]);
  add_caveats (scene, text);
  if (detail >= SAG_DETAIL_SERIES)
    add_line (text, _ ("Zoom %.0f %%"), 100 * finest / scene->spec.plane.mm_per_pixel);
  add_fusion (scene, text);
  if (!is_colour (scene))
    {
      g_autofree char *window = sag_slice_corners_dup_window (scene);
      g_autoptr (GString) line = g_string_new (window);

      /* Where there is no room for both, a number stays with its letter. */
      g_string_replace (line, "W ", "W\u00a0", 1);
      g_string_replace (line, "L ", "L\u00a0", 1);
      add_line (text, "%s%s", line->str,
                sag_workspace_is_inverted_by_hand (scene->workspace) ? _ ("  inverted") : "");
    }
  return g_string_free (text, FALSE);
}

char *
sag_slice_corners_dup_bottom_right (const SagSliceScene *scene)
{
  GString *text = g_string_new (NULL);
  SagProbe probe;

  if (sag_slice_corners_get_detail (scene) >= SAG_DETAIL_SLICE && scene->probing
      && sag_workspace_probe (scene->workspace, scene->probe, &probe) && probe.inside)
    {
      g_autofree char *value = sag_format_value (probe.value, probe.unit);
      g_autofree char *name = probe.label != NULL ? sag_anatomy_dup_name (probe.label) : NULL;
      const double *lps = scene->probe;

      if (probe.label != NULL && isfinite (probe.confidence))
        add_line (text, "%s · %.0f %%", name, 100 * probe.confidence);
      else if (probe.label != NULL)
        add_line (text, "%s", name);
      if (!is_colour (scene))
        add_line (text, "%s", value);
      if (sag_slice_corners_get_detail (scene) < SAG_DETAIL_SERIES)
        ;
      else if (is_placed (scene->workspace))
        add_line (text, "%s %.1f  %s %.1f  %s %.1f mm", lps[0] >= 0 ? "L" : "R", fabs (lps[0]),
                  lps[1] >= 0 ? "P" : "A", fabs (lps[1]), lps[2] >= 0 ? "H" : "F", fabs (lps[2]));
      else
        add_line (text, _ ("column %d  row %d"), probe.ijk[0] + 1, probe.ijk[1] + 1);
    }
  return g_string_free (text, FALSE);
}
