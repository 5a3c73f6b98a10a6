/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.c: what one DICOM file says about itself.
 */
#include "app/dicom/instance.h"

#include <math.h>
#include <string.h>

G_DEFINE_QUARK (sag-dicom-error-quark, sag_dicom_error)

/* Every text of an instance. */
static const gsize texts[] = {
#define TEXT(field) G_STRUCT_OFFSET (SagDicomInstance, field)
  TEXT (path),
  TEXT (patient_name),
  TEXT (patient_id),
  TEXT (patient_birth_date),
  TEXT (patient_sex),
  TEXT (patient_age),
  TEXT (study_id),
  TEXT (study_date),
  TEXT (study_time),
  TEXT (study_description),
  TEXT (accession_number),
  TEXT (referring_physician_name),
  TEXT (series_description),
  TEXT (series_date),
  TEXT (series_time),
  TEXT (body_part_examined),
  TEXT (protocol_name),
  TEXT (laterality),
  TEXT (view_position),
  TEXT (manufacturer),
  TEXT (manufacturer_model_name),
  TEXT (institution_name),
  TEXT (image_type),
  TEXT (photometric_interpretation),
  TEXT (position_reference_indicator),
  TEXT (patient_orientation),
#undef TEXT
};

#define FIELD(self, offset) ((char **) ((char *) (self) + (offset)))

/* Most texts are the same in every file of a series: interned, a thousand slices hold one copy. */
void
sag_dicom_text_set (char **field, const char *value)
{
  char *old = *field;

  *field = g_ref_string_new_intern (value != NULL ? value : "");
  g_clear_pointer (&old, g_ref_string_release);
}

void
sag_dicom_frame_init (SagDicomFrame *frame)
{
  memset (frame, 0, sizeof *frame);
  frame->rescale_slope = 1;
  frame->echo_time = NAN;
  frame->trigger_time = NAN;
  frame->diffusion_b_value = NAN;
  for (int a = 0; a < 3; a++)
    frame->diffusion_direction[a] = NAN;
  frame->cardiac_phase = NAN;
  frame->temporal_position = NAN;
  frame->acquisition_number = NAN;
  frame->acquisition_time = NAN;
  frame->depth = NAN;
}

SagDicomInstance *
sag_dicom_instance_new (void)
{
  SagDicomInstance *self = g_new0 (SagDicomInstance, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    sag_dicom_text_set (FIELD (self, texts[i]), "");
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    sag_dicom_text_set (&self->window_explanations[i], "");
  g_strlcpy (self->voi_lut_function, "LINEAR", sizeof self->voi_lut_function);
  self->samples_per_pixel = 1;
  self->number_of_frames = 1;
  self->n_frames = 1;
  self->frames = g_new (SagDicomFrame, 1);
  sag_dicom_frame_init (&self->frames[0]);
  return self;
}

void
sag_dicom_instance_free (SagDicomInstance *self)
{
  if (self == NULL)
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_ref_string_release (*FIELD (self, texts[i]));
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    g_ref_string_release (self->window_explanations[i]);
  g_free (self->frames);
  g_free (self);
}

const SagDicomFrame *
sag_dicom_instance_get_frame (const SagDicomInstance *self, int frame)
{
  return &self->frames[CLAMP (frame, 0, self->n_frames - 1)];
}

gboolean
sag_dicom_instance_is_inverted (const SagDicomInstance *self)
{
  /* The two say the same in one file (PS3.3 C.8.11.3.1.2), they do not add up. */
  return strcmp (self->photometric_interpretation, "MONOCHROME1") == 0
         || (strcmp (self->photometric_interpretation, "MONOCHROME2") == 0
             && strcmp (self->presentation_lut_shape, "INVERSE") == 0);
}

gboolean
sag_dicom_instance_is_mosaic (const SagDicomInstance *self)
{
  return strstr (self->image_type, "MOSAIC") != NULL && self->number_of_frames == 1
         && g_ascii_strncasecmp (self->manufacturer, "SIEMENS", 7) == 0;
}

gboolean
sag_dicom_instance_is_seg (const SagDicomInstance *self)
{
  return strcmp (self->sop_class_uid, SAG_UID_SEG) == 0
         || strcmp (self->sop_class_uid, SAG_UID_LABELMAP_SEG) == 0
         || strcmp (self->sop_class_uid, SAG_UID_RT_STRUCTURE_SET) == 0;
}

static void
pack_text (GByteArray *out, const char *text)
{
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text) + 1);
}

GByteArray *
sag_dicom_instance_pack (const SagDicomInstance *self)
{
  GByteArray *out = g_byte_array_new ();

  g_byte_array_append (out, (const guint8 *) self, sizeof *self);
  for (int i = 0; i < self->n_frames; i++)
    g_byte_array_append (out, (const guint8 *) &self->frames[i], sizeof self->frames[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    pack_text (out, *FIELD (self, texts[i]));
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    pack_text (out, self->window_explanations[i]);
  return out;
}

static gboolean
unpack_text (char **field, const guint8 **at, const guint8 *end)
{
  const guint8 *stop = *at < end ? memchr (*at, '\0', (gsize) (end - *at)) : NULL;

  if (stop == NULL)
    return FALSE;
  sag_dicom_text_set (field, (const char *) *at);
  *at = stop + 1;
  return TRUE;
}

SagDicomInstance *
sag_dicom_instance_unpack (const guint8 *bytes, gsize n)
{
  g_autoptr (SagDicomInstance) self = sag_dicom_instance_new ();
  SagDicomInstance packed;
  const guint8 *at = bytes, *end = bytes + n;

  if (n < sizeof packed)
    return NULL;
  memcpy (&packed, at, sizeof packed);
  at += sizeof packed;
  if (packed.n_frames < 1 || (gsize) packed.n_frames > (gsize) (end - at) / sizeof *packed.frames)
    return NULL;
  /* Pointers are our own. */
  packed.frames = g_memdup2 (at, (gsize) packed.n_frames * sizeof *packed.frames);
  at += (gsize) packed.n_frames * sizeof *packed.frames;
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    *FIELD (&packed, texts[i]) = *FIELD (self, texts[i]);
  memcpy (packed.window_explanations, self->window_explanations, sizeof packed.window_explanations);
  g_free (self->frames);
  *self = packed;
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (!unpack_text (FIELD (self, texts[i]), &at, end))
      return NULL;
  for (int i = 0; i < SAG_MAX_WINDOWS; i++)
    if (!unpack_text (&self->window_explanations[i], &at, end))
      return NULL;
  return at == end ? g_steal_pointer (&self) : NULL;
}
