/* SPDX-License-Identifier: Apache-2.0
 *
 * validate-object.c: what is wrong with one object.
 */
#include "app/dicom/elements.h"
#include "app/dicom/instance.h"
#include "app/dicom/syntax.h"
#include "app/dicom/tags.h"
#include "app/dicom/validate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PS3.5 Table 6.2-1. */
static const struct
{
  char        vr[3];
  int         longest; /* characters of one value; 0: no limit looked at */
  const char *letters; /* all that may be in it; NULL: any */
} rules[] = {
  { "AE", 16, NULL },
  { "AS", 4, "0123456789DWMY" },
  { "CS", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _" },
  { "DA", 10, "0123456789." },
  { "DS", 16, "0123456789+-Ee. " },
  { "DT", 26, "0123456789+-. " },
  { "IS", 12, "0123456789+- " },
  { "LO", 64, NULL },
  { "SH", 16, NULL },
  { "TM", 16, "0123456789.: " },
  { "UI", 64, "0123456789." },
};

typedef struct
{
  SagFaults  *faults;
  SagElements top;      /* of the data set */
} Object;

static void
add_value_fault (Object *self, const SagElement *element, const char *value, const char *what)
{
  g_autofree char *keyword = sag_dicom_get_keyword (element->tag);
  g_autofree char *text = g_utf8_make_valid (value, -1);

  if (strlen (text) > 40)
    *g_utf8_find_prev_char (text, text + 40) = '\0';
  sag_faults_add (self->faults, TRUE, element->tag, "%s holds '%s', %s", keyword, text, what);
}

static gboolean
is_date (const char *text)
{
  int year, month, day, n = 0;

  return strlen (text) == 8 && sscanf (text, "%4d%2d%2d%n", &year, &month, &day, &n) == 3 && n == 8
         && year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static gboolean
is_uid (const char *text)
{
  if (*text == '\0' || text[strlen (text) - 1] == '.')
    return FALSE;
  for (const char *p = text; *p != '\0'; p++)
    if ((p == text || p[-1] == '.') && (*p == '.' || (*p == '0' && g_ascii_isdigit (p[1]))))
      return FALSE;
  return TRUE;
}

static void
check_one (Object *self, const SagElement *element, const char *value, int rule)
{
  int n = (int) strlen (value);
  const char *vr = element->vr;
  g_autofree char *what = NULL;

  if (*value == '\0')
    return;
  if (rules[rule].letters != NULL && (int) strspn (value, rules[rule].letters) < n)
    what = g_strdup_printf ("which has letters that a value of VR %s may not have", vr);
  else if (n > rules[rule].longest && g_str_is_ascii (value) && strchr (value, 0x1b) == NULL)
    what = g_strdup_printf ("which is longer than the %d characters of VR %s", rules[rule].longest, vr);
  else if (strcmp (vr, "UI") == 0 && !is_uid (value))
    what = g_strdup ("which is no UID: a part of it is empty or begins with 0");
  else if (strcmp (vr, "DA") == 0 && !is_date (value))
    what = g_strdup ("which is no date (YYYYMMDD)");
  else if (strcmp (vr, "DS") == 0 || strcmp (vr, "IS") == 0)
    {
      char *end;

      g_ascii_strtod (value, &end);
      if (end == value || *end != '\0')
        what = g_strdup ("which is no number");
    }
  if (what != NULL)
    add_value_fault (self, element, value, what);
}

static void
check_text (Object *self, const SagElement *element)
{
  for (gsize r = 0; r < G_N_ELEMENTS (rules); r++)
    if (strcmp (rules[r].vr, element->vr) == 0 && element->n < 65536)
      {
        g_autofree char *text = sag_element_get_text (element);
        g_auto (GStrv) values = g_strsplit (text, "\\", -1);

        for (char **v = values; *v != NULL; v++)
          check_one (self, element, g_strstrip (*v), (int) r);
      }
}

/* Binary numbers come in whole ones. */
static void
check_size (Object *self, const SagElement *element)
{
  static const char *const sizes[] = { "USSS", "ULSLFLATOFOL", "FDSVUVODOV" };
  static const int bytes[] = { 2, 4, 8 };

  for (int s = 0; s < 3; s++)
    for (const char *p = sizes[s]; *p != '\0'; p += 2)
      if (memcmp (p, element->vr, 2) == 0 && element->length != SAG_UNDEFINED_LENGTH
          && element->n % (gsize) bytes[s] != 0)
        {
          g_autofree char *keyword = sag_dicom_get_keyword (element->tag);

          sag_faults_add (self->faults, TRUE, element->tag,
                          "%s is %" G_GSIZE_FORMAT " bytes long, no whole number of values of VR %s",
                          keyword, element->n, element->vr);
        }
}

/* The dictionary leaves some a choice: words or signed, bytes or words. */
static gboolean
is_same_kind (const char *a, const char *b)
{
  static const char *const kinds[] = { "USSSOW", "OBOWUN", "LTUTST", "OFOW" };

  if (strcmp (a, b) == 0)
    return TRUE;
  for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++)
    if (strstr (kinds[k], a) != NULL && strstr (kinds[k], b) != NULL)
      return TRUE;
  return FALSE;
}

static void
check_vr (Object *self, const SagElement *element)
{
  char known[3];

  sag_dicom_get_vr (element->tag, known);
  if (strcmp (known, "UN") != 0 && strcmp (element->vr, "UN") != 0 && !is_same_kind (known, element->vr))
    {
      g_autofree char *keyword = sag_dicom_get_keyword (element->tag);

      sag_faults_add (self->faults, TRUE, element->tag, "%s is written with VR %s, but is %s", keyword,
                      element->vr, known);
    }
}

static void
check_elements (Object *self, SagElements elements)
{
  SagElement element;
  SagElementsState state;
  guint32 last = 0;

  while ((state = sag_elements_next (&elements, &element)) == SAG_ELEMENTS_MORE)
    {
      g_autofree char *keyword = NULL;

      if (element.tag <= last)
        {
          keyword = sag_dicom_get_keyword (element.tag);
          sag_faults_add (self->faults, TRUE, element.tag,
                          element.tag == last ? "%s is there twice" : "%s stands out of order", keyword);
        }
      last = element.tag;
      if (element.length != SAG_UNDEFINED_LENGTH && element.length % 2 == 1)
        {
          g_free (keyword);
          keyword = sag_dicom_get_keyword (element.tag);
          sag_faults_add (self->faults, TRUE, element.tag, "%s has an odd length, %u bytes", keyword,
                          element.length);
        }
      if ((element.tag >> 16) % 2 == 1 || (element.tag & 0xffff) == 0 || element.tag >> 16 == 0x7fe0)
        continue;
      if (!elements.is_implicit)
        check_vr (self, &element);
      check_text (self, &element);
      check_size (self, &element);
      if (strcmp (element.vr, "SQ") == 0)
        {
          SagElements items, item;

          sag_elements_get_items (&elements, &element, &items);
          while (sag_elements_next_item (&items, &item) == SAG_ELEMENTS_MORE)
            {
              sag_validate_item (element.tag, &item, self->faults);
              check_elements (self, item);
            }
        }
    }
  if (state == SAG_ELEMENTS_BROKEN)
    sag_faults_add (self->faults, TRUE, last,
                    "The file is damaged or cut off after this element: what follows cannot be read");
}

static gboolean
find (const Object *self, guint32 tag, SagElement *element)
{
  SagElements elements = self->top;

  while (sag_elements_next (&elements, element) == SAG_ELEMENTS_MORE)
    if (element->tag == tag)
      return TRUE;
  return FALSE;
}

static int
find_length (guint32 tag, gpointer data)
{
  SagElement element;

  return find (data, tag, &element) ? (int) MIN (element.n, G_MAXINT) : -1;
}

static char *
get_text (const Object *self, guint32 tag)
{
  SagElement element;

  return find (self, tag, &element) ? g_strstrip (sag_element_get_text (&element)) : g_strdup ("");
}

/* A number of VR US, or of text. */
static gint64
get_int (const Object *self, guint32 tag, gint64 otherwise)
{
  SagElement element;

  if (!find (self, tag, &element) || element.n == 0)
    return otherwise;
  if (strcmp (element.vr, "US") == 0 && element.n >= 2)
    return self->top.is_big ? element.value[0] << 8 | element.value[1]
                            : element.value[0] | element.value[1] << 8;
  g_autofree char *text = sag_element_get_text (&element);
  return g_ascii_strtoll (text, NULL, 10);
}

static void
check_bits (Object *self)
{
  gint64 allocated = get_int (self, 0x00280100, 0), stored = get_int (self, 0x00280101, 0);
  gint64 high = get_int (self, 0x00280102, stored - 1), samples = get_int (self, 0x00280002, 1);
  gint64 sign = get_int (self, 0x00280103, 0);
  g_autofree char *colours = get_text (self, 0x00280004);
  gboolean is_grey = g_str_has_prefix (colours, "MONOCHROME") || strcmp (colours, "PALETTE COLOR") == 0;

  if (allocated > 0 && (stored < 1 || stored > allocated))
    sag_faults_add (self->faults, TRUE, 0x00280101,
                    "BitsStored is %d, but BitsAllocated %d", (int) stored, (int) allocated);
  else if (allocated > 0 && high != stored - 1)
    sag_faults_add (self->faults, TRUE, 0x00280102, "HighBit is %d, but BitsStored %d", (int) high,
                    (int) stored);
  if (sign != 0 && sign != 1)
    sag_faults_add (self->faults, TRUE, 0x00280103, "PixelRepresentation is %d, neither 0 nor 1",
                    (int) sign);
  if (*colours != '\0' && (samples == 1) != is_grey)
    sag_faults_add (self->faults, TRUE, 0x00280002, "SamplesPerPixel is %d, which %s cannot have",
                    (int) samples, colours);
  if (samples > 1 && find_length (0x00280006, self) <= 0)
    sag_faults_add (self->faults, TRUE, 0x00280006,
                    "PlanarConfiguration is not there, which an image with several samples must have");
  if (strcmp (colours, "PALETTE COLOR") == 0 && find_length (0x00281101, self) <= 0)
    sag_faults_add (self->faults, TRUE, 0x00281101, "The palette of a palette image is not there");
}

static void
check_pixels (Object *self, const SagSyntax *syntax)
{
  guint64 rows = (guint64) get_int (self, 0x00280010, 0), columns = (guint64) get_int (self, 0x00280011, 0);
  gint64 n_frames = get_int (self, 0x00280008, 1);
  guint64 bits = (guint64) get_int (self, 0x00280100, 0) * (guint64) get_int (self, 0x00280002, 1);
  g_autofree char *colours = get_text (self, 0x00280004);
  SagElement element;
  guint64 needed;

  if (!find (self, 0x7fe00010, &element))
    return;
  check_bits (self);
  if (n_frames < 1 || n_frames > 1 << 24 || rows == 0 || columns == 0 || bits == 0)
    {
      if (find_length (0x00280008, self) > 0 && n_frames < 1)
        sag_faults_add (self->faults, TRUE, 0x00280008, "NumberOfFrames is %d", (int) n_frames);
      return;
    }
  needed = (rows * columns * (guint64) n_frames * bits + 7) / 8;
  if (strcmp (colours, "YBR_FULL_422") == 0)
    needed = needed / 3 * 2;
  if (element.length != SAG_UNDEFINED_LENGTH)
    {
      if (element.n < needed)
        sag_faults_add (self->faults, TRUE, 0x7fe00010,
                        "PixelData is %" G_GSIZE_FORMAT " bytes long, but the header needs %" G_GUINT64_FORMAT
                        ": pixels are missing", element.n, needed);
      else if (element.n > needed + 1)
        sag_faults_add (self->faults, FALSE, 0x7fe00010,
                        "PixelData is %" G_GSIZE_FORMAT " bytes long, more than the %" G_GUINT64_FORMAT
                        " of the header", element.n, needed);
      if (syntax != NULL && syntax->codec != SAG_CODEC_NATIVE)
        sag_faults_add (self->faults, TRUE, 0x7fe00010,
                        "PixelData is not in fragments, as transfer syntax %s wants it", syntax->name);
    }
  else
    {
      SagElements items, item;
      gint64 n = -1; /* the first is the offset table */

      if (syntax != NULL && syntax->codec == SAG_CODEC_NATIVE)
        sag_faults_add (self->faults, TRUE, 0x7fe00010, "PixelData is in fragments, but transfer syntax %s "
                        "has none", syntax->name);
      sag_elements_get_items (&self->top, &element, &items);
      while (sag_elements_next_item (&items, &item) == SAG_ELEMENTS_MORE)
        n++;
      if (n < n_frames)
        sag_faults_add (self->faults, TRUE, 0x7fe00010,
                        "PixelData has %d fragments, but NumberOfFrames is %d: frames are missing", (int) n,
                        (int) n_frames);
    }
  if (syntax != NULL && syntax->is_lossy)
    {
      g_autofree char *lossy = get_text (self, 0x00282110);

      if (strcmp (lossy, "01") != 0)
        sag_faults_add (self->faults, FALSE, 0x00282110,
                        "LossyImageCompression does not say that the pixels are compressed with loss (%s)",
                        syntax->name);
    }
}

/* Directions of rows and columns: unit vectors, square to each other. */
static void
check_geometry (Object *self)
{
  g_autofree char *text = get_text (self, 0x00200037);
  g_auto (GStrv) values = g_strsplit (text, "\\", -1);
  double v[6], a = 0, b = 0, dot = 0;

  if (*text == '\0')
    return;
  if (g_strv_length (values) != 6)
    {
      sag_faults_add (self->faults, TRUE, 0x00200037, "ImageOrientationPatient has %u values, not 6",
                      g_strv_length (values));
      return;
    }
  for (int i = 0; i < 6; i++)
    v[i] = g_ascii_strtod (values[i], NULL);
  for (int i = 0; i < 3; i++)
    {
      a += v[i] * v[i];
      b += v[i + 3] * v[i + 3];
      dot += v[i] * v[i + 3];
    }
  if (!(fabs (a - 1) < 1e-2 && fabs (b - 1) < 1e-2 && fabs (dot) < 1e-2))
    sag_faults_add (self->faults, TRUE, 0x00200037,
                    "ImageOrientationPatient holds no two unit vectors that are square to each other");
}

static void
check_meta (Object *self, const SagElementsFile *file, const SagSyntax *syntax)
{
  static const struct
  {
    guint32     meta, own;
    const char *name;
  } pairs[] = { { 0x00020002, 0x00080016, "SOPClassUID" }, { 0x00020003, 0x00080018, "SOPInstanceUID" } };
  const Object meta = { .top = file->meta };

  if (file->meta.at == file->meta.end)
    {
      sag_faults_add (self->faults, TRUE, 0,
                      "The file has no meta information (PS3.10 7.1): its transfer syntax is guessed");
      return;
    }
  if (file->transfer_syntax[0] == '\0')
    sag_faults_add (self->faults, TRUE, 0x00020010, "TransferSyntaxUID is not there: it is guessed");
  else if (syntax == NULL)
    sag_faults_add (self->faults, FALSE, 0x00020010, "TransferSyntaxUID %s is not known here",
                    file->transfer_syntax);
  else if (syntax->codec == SAG_CODEC_NONE)
    sag_faults_add (self->faults, FALSE, 0x00020010, "The pixels are %s, which cannot be shown here",
                    syntax->name);
  if (!file->data.is_implicit && strcmp (file->transfer_syntax, "1.2.840.10008.1.2") == 0)
    sag_faults_add (self->faults, TRUE, 0x00020010, "The file says implicit VR, but is written in explicit");
  if (file->data.is_implicit && file->transfer_syntax[0] != '\0'
      && strcmp (file->transfer_syntax, "1.2.840.10008.1.2") != 0)
    sag_faults_add (self->faults, TRUE, 0x00020010, "The file says explicit VR, but is written in implicit");
  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *a = get_text (&meta, pairs[i].meta), *b = get_text (self, pairs[i].own);

      if (strcmp (a, b) != 0)
        sag_faults_add (self->faults, TRUE, pairs[i].meta,
                        "The file's meta information names another %s than the object", pairs[i].name);
    }
}

void
sag_validate_object (const guint8 *bytes, gsize n, SagFaults *faults)
{
  SagElementsFile file;
  Object self = { .faults = faults };
  const SagSyntax *syntax;

  if (!sag_elements_open (bytes, n, &file))
    {
      sag_faults_add (faults, TRUE, 0, "The file is damaged: its data set cannot be read");
      sag_elements_close (&file);
      return;
    }
  self.top = file.data;
  g_autofree char *class_uid = get_text (&self, 0x00080016), *kind_of_image = get_text (&self, 0x00080008);
  g_autofree char *presentation = get_text (&self, 0x00089205), *dimensions = get_text (&self, 0x00209311);
  syntax = sag_syntax_find (file.transfer_syntax);
  check_meta (&self, &file, syntax);
  check_elements (&self, self.top);
  sag_validate_modules (class_uid, presentation, dimensions, find_length, &self, faults);
  sag_validate_groups (class_uid, g_str_has_prefix (kind_of_image, "ORIGINAL"), &self.top, faults);
  check_pixels (&self, syntax);
  check_geometry (&self);
  sag_elements_close (&file);
}
