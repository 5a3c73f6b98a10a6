/* SPDX-License-Identifier: Apache-2.0
 *
 * validate.c: what is wrong with files and series.
 */
#include "app/dicom/validate.h"

#include "app/dicom/dcmtk.h"
#include "engine/base/error.h"

#include <string.h>

#define MAX_OF_FILE 200 /* a file of noise has a fault in every byte */

void
sag_fault_free (SagFault *self)
{
  g_free (self->path);
  g_free (self->text);
  g_free (self);
}

void
sag_validation_free (SagValidation *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->faults);
  g_free (self);
}

/* What a file holds is shown, and written as JSON: it is made text, without commands to a terminal.
 */
static char *
make_plain (const char *said)
{
  g_autofree char *valid = g_utf8_make_valid (said, -1);
  GString *text = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      g_string_append_unichar (text, g_unichar_iscntrl (c) ? '?' : c);
    }
  return g_string_free (text, FALSE);
}

void
sag_faults_add (SagFaults *self, gboolean is_error, guint32 tag, const char *format, ...)
{
  g_autofree char *said = NULL, *text = NULL, *key = NULL;
  SagFault        *fault;
  va_list          args;

  if (self->n++ >= MAX_OF_FILE)
    return;
  va_start (args, format);
  said = g_strdup_vprintf (format, args);
  va_end (args);
  text = make_plain (said);
  key = g_strdup_printf ("%s/%08x/%s", self->series, tag, text);
  fault = g_hash_table_lookup (self->known, key);
  if (fault == NULL)
    {
      fault = g_new0 (SagFault, 1);
      fault->is_error = is_error;
      fault->path = g_strdup (self->path);
      fault->tag = tag;
      fault->text = g_steal_pointer (&text);
      g_hash_table_insert (self->known, g_steal_pointer (&key), fault);
    }
  fault->n_files++;
}

/* One in all of its files what should be one in all of them. */
static void
check_same (SagFaults            *faults,
            const SagIndexSeries *series,
            gsize                 offset,
            gboolean              is_error,
            const char           *name)
{
  const char *first = NULL;

  for (guint i = 0; i < series->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (series->instances, i);
      const char             *value = *(char *const *)((const char *)instance + offset);

      if (first == NULL)
        first = value;
      else if (strcmp (first, value) != 0)
        {
          faults->path = instance->path;
          sag_faults_add (faults, is_error, 0, "Files of one series differ in %s", name);
          return;
        }
    }
}

static void
check_stacks (SagFaults *faults, const SagIndexSeries *series)
{
  for (guint s = 0; s < series->stacks->len; s++)
    {
      const SagStack *stack = g_ptr_array_index (series->stacks, s);

      for (guint f = 0; f < stack->findings->len; f++)
        {
          const SagFinding *finding = g_ptr_array_index (stack->findings, f);

          faults->path = stack->slices[0].instance->path;
          sag_faults_add (faults, FALSE, 0, "%s%s%s", stack->name, *stack->name != '\0' ? ": " : "",
                          finding->text);
        }
    }
}

static void
check_seg (SagFaults *faults, const SagIndex *index, const SagDicomInstance *instance)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (SagDicomSegHeader) header = sag_dicom_read_seg_header (instance->path, &failure);
  const SagIndexSeries *source;
  int                   n_lost = 0;

  faults->path = instance->path;
  if (header == NULL)
    {
      sag_faults_add (faults, TRUE, 0, "The segmentation cannot be read: %s", failure->message);
      return;
    }
  for (int f = 0; f < header->instance->n_frames; f++)
    {
      int      number = header->instance->frames[f].segment_number;
      gboolean found = number == 0; /* a label map has none */

      for (int s = 0; s < header->n_segments && !found; s++)
        found = header->segments[s].number == number;
      n_lost += !found;
    }
  if (n_lost > 0)
    sag_faults_add (faults, TRUE, 0x0062000b, "%d frames refer to segments that are not described",
                    n_lost);
  if (header->referenced_series_uid[0] == '\0')
    {
      sag_faults_add (faults, FALSE, 0x00081115,
                      "The segmentation does not say of what series it is");
      return;
    }
  source = sag_index_find_series (index, header->referenced_series_uid);
  if (source == NULL)
    sag_faults_add (faults, FALSE, 0x00081115,
                    "The series that the segmentation is of is not here");
  else if (header->instance->frame_of_reference_uid[0] != '\0'
           && source->first->frame_of_reference_uid[0] != '\0'
           && strcmp (header->instance->frame_of_reference_uid,
                      source->first->frame_of_reference_uid)
                  != 0)
    sag_faults_add (faults, TRUE, 0x00200052,
                    "The segmentation lies in another frame of reference than the series it is of");
}

static void
check_series (SagFaults *faults, const SagIndex *index, const SagIndexSeries *series)
{
  faults->n = 0;
  faults->series = series->first->series_instance_uid;
  check_same (faults, series, G_STRUCT_OFFSET (SagDicomInstance, patient_id), TRUE, "PatientID");
  check_same (faults, series, G_STRUCT_OFFSET (SagDicomInstance, patient_name), TRUE,
              "PatientName");
  check_stacks (faults, series);
  if (series->kind == SAG_SERIES_SEGMENTATION)
    for (guint i = 0; i < series->instances->len; i++)
      check_seg (faults, index, g_ptr_array_index (series->instances, i));
}

/* One SOP Instance UID, one object: also across series. */
static void
check_uids (SagFaults *faults, const SagIndex *index)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < index->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (index->instances, i);
      const SagDicomInstance *other;

      if (instance->sop_instance_uid[0] == '\0')
        continue;
      other = g_hash_table_lookup (seen, instance->sop_instance_uid);
      faults->n = 0;
      faults->series = instance->series_instance_uid;
      faults->path = instance->path;
      if (other != NULL)
        sag_faults_add (faults, TRUE, 0x00080018,
                        "Two files have the same SOPInstanceUID; the other is '%s'", other->path);
      else
        g_hash_table_insert (seen, (gpointer)instance->sop_instance_uid, (gpointer)instance);
    }
}

static int
compare_faults (gconstpointer a, gconstpointer b)
{
  const SagFault *x = *(const SagFault *const *)a, *y = *(const SagFault *const *)b;
  int             order;

  if (x->is_error != y->is_error)
    return x->is_error ? -1 : 1;
  order = strcmp (x->path, y->path);
  if (order == 0 && x->tag != y->tag)
    order = x->tag < y->tag ? -1 : 1;
  return order != 0 ? order : strcmp (x->text, y->text);
}

static SagValidation *
collect (SagFaults *faults, int n_files)
{
  SagValidation *self = g_new0 (SagValidation, 1);
  GHashTableIter iter;
  gpointer       fault;

  self->faults = g_ptr_array_new_with_free_func ((GDestroyNotify) sag_fault_free);
  self->n_files = n_files;
  g_hash_table_iter_init (&iter, faults->known);
  while (g_hash_table_iter_next (&iter, NULL, &fault))
    {
      g_ptr_array_add (self->faults, fault);
      if (((SagFault *)fault)->is_error)
        self->n_errors++;
      else
        self->n_warnings++;
    }
  g_ptr_array_sort (self->faults, compare_faults);
  return self;
}

/* "PATH is …": what the index could not read. */
static void
add_problems (SagFaults *faults, const SagIndex *index)
{
  for (guint i = 0; i < index->problems->len; i++)
    {
      const char *text = g_ptr_array_index (index->problems, i);

      faults->n = 0;
      faults->series = "";
      faults->path = "";
      /* Told by the UIDs. */
      if (strstr (text, "is a second copy of") == NULL)
        sag_faults_add (faults, TRUE, 0, "%s", text);
    }
}

SagValidation *
sag_validate (const char *path, const SagTick *tick, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_autoptr (SagIndex) index = sag_index_folder (path, NULL, &failure);
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  SagFaults faults = { .known = known, .series = "", .path = path };

  if (index == NULL)
    {
      if (!g_error_matches (failure, SAG_DICOM_ERROR, SAG_DICOM_ERROR_INVALID)
          && !g_error_matches (failure, SAG_DICOM_ERROR, SAG_DICOM_ERROR_UNSUPPORTED))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
      sag_faults_add (&faults, TRUE, 0, "%s", failure->message);
      return collect (&faults, 1);
    }
  for (guint i = 0; i < index->instances->len; i++)
    {
      const SagDicomInstance *instance = g_ptr_array_index (index->instances, i);
      g_autoptr (GMappedFile) file = g_mapped_file_new (instance->path, FALSE, NULL);

      faults.n = 0;
      faults.series = instance->series_instance_uid;
      faults.path = instance->path;
      if (file != NULL)
        sag_validate_object ((const guint8 *)g_mapped_file_get_contents (file),
                             g_mapped_file_get_length (file), &faults);
      if (!sag_tick (tick, (double)i / index->instances->len))
        {
          sag_validation_free (collect (&faults, 0));
          sag_engine_error_cancelled (error);
          return NULL;
        }
    }
  add_problems (&faults, index);
  check_uids (&faults, index);
  for (guint i = 0; i < index->studies->len; i++)
    {
      const SagIndexStudy *study = g_ptr_array_index (index->studies, i);

      for (guint j = 0; j < study->series->len; j++)
        check_series (&faults, index, g_ptr_array_index (study->series, j));
    }
  return collect (&faults, (int)index->instances->len + (int)index->problems->len);
}
