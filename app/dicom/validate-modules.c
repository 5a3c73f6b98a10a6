/* SPDX-License-Identifier: Apache-2.0
 *
 * validate-modules.c: what each kind of object must say.
 */
#include "app/dicom/tags.h"
#include "app/dicom/validate.h"

#include <string.h>

#define CLASS "1.2.840.10008.5.1.4.1.1."

/* PS3.3 A.1.3: what modules an object is made of, in one letter each. */
static const struct
{
  const char *uid;
  const char *name;
  const char *modules;
} kinds[] = {
  { CLASS "2", "CT image", "IPRVTc" },
  { CLASS "4", "MR image", "IPRVTm" },
  { CLASS "128", "PET image", "IPRVTp" },
  { CLASS "1", "computed radiograph", "IPr" },
  { CLASS "1.1", "digital X-ray image", "IPTAd" },
  { CLASS "1.1.1", "digital X-ray image for processing", "IPTAd" },
  { CLASS "1.2", "mammogram", "IPTAdg" },
  { CLASS "1.2.1", "mammogram for processing", "IPTAdg" },
  { CLASS "6.1", "ultrasound image", "IPu" },
  { CLASS "3.1", "ultrasound multi-frame image", "IPMu" },
  { CLASS "12.1", "X-ray angiogram", "IPTx" },
  { CLASS "12.2", "X-ray fluoroscopy image", "IPTx" },
  { CLASS "20", "nuclear medicine image", "IPTMn" },
  { CLASS "7", "secondary capture", "IPs" },
  { CLASS "7.1", "multi-frame 1-bit secondary capture", "IPMs" },
  { CLASS "7.2", "multi-frame 8-bit secondary capture", "IPMs" },
  { CLASS "7.3", "multi-frame 16-bit secondary capture", "IPMs" },
  { CLASS "7.4", "multi-frame colour secondary capture", "IPMs" },
  { CLASS "2.1", "enhanced CT image", "PTMFEDARe" },
  { CLASS "4.1", "enhanced MR image", "PTMFEDARe" },
  { CLASS "130", "enhanced PET image", "PTMFEDARe" },
  { CLASS "66.4", "segmentation", "PTMFEDG" },
  { CLASS "66.7", "label map segmentation", "PTMFED" },
  { CLASS "2.2", "legacy converted enhanced CT image", "PTMFE" },
  { CLASS "4.4", "legacy converted enhanced MR image", "PTMFE" },
  { CLASS "128.1", "legacy converted enhanced PET image", "PTMFE" },
  { CLASS "481.2", "dose", "IPRQ" },
  { CLASS "481.3", "structure set", "RQS" },
  { CLASS "481.5", "plan", "Qk" },
  { CLASS "481.8", "ion plan", "Qk" },
  { CLASS "104.1", "encapsulated PDF", "z" },
};

/* Type 1: there, with a value. Type 2: there. */
static const struct
{
  char    module; /* '*': every object */
  char    type;
  guint32 tag;
} attributes[] = {
  { '*', '1', 0x00080016 }, { '*', '1', 0x00080018 }, { '*', '1', 0x0020000d },
  { '*', '1', 0x0020000e }, { '*', '1', 0x00080060 }, { '*', '2', 0x00100010 },
  { '*', '2', 0x00100020 }, { '*', '2', 0x00100030 }, { '*', '2', 0x00100040 },
  { '*', '2', 0x00080020 }, { '*', '2', 0x00080030 }, { '*', '2', 0x00080050 },
  { '*', '2', 0x00080090 }, { '*', '2', 0x00200010 }, { '*', '2', 0x00200011 },
  { '*', '2', 0x00080070 },
  /* General Image */
  { 'I', '2', 0x00200013 },
  /* Image Pixel */
  { 'P', '1', 0x00280002 }, { 'P', '1', 0x00280004 }, { 'P', '1', 0x00280010 },
  { 'P', '1', 0x00280011 }, { 'P', '1', 0x00280100 }, { 'P', '1', 0x00280101 },
  { 'P', '1', 0x00280102 }, { 'P', '1', 0x00280103 },
  /* Frame of Reference, Image Plane */
  { 'R', '1', 0x00200052 }, { 'R', '2', 0x00201040 }, { 'V', '1', 0x00280030 },
  { 'V', '1', 0x00200032 }, { 'V', '1', 0x00200037 }, { 'V', '2', 0x00180050 },
  /* Image Type, in the modules that must have it */
  { 'T', '1', 0x00080008 },
  /* Multi-frame */
  { 'M', '1', 0x00280008 },
  /* Multi-frame Functional Groups, Enhanced General Equipment */
  { 'F', '1', 0x52009229 }, { 'f', '1', 0x52009230 }, { 'F', '1', 0x00200013 },
  { 'F', '1', 0x00080023 }, { 'F', '1', 0x00080033 }, { 'E', '1', 0x00080070 },
  { 'E', '1', 0x00081090 }, { 'E', '1', 0x00181000 }, { 'E', '1', 0x00181020 },
  /* Multi-frame Dimension, Acquisition Context, enhanced images */
  { 'D', '1', 0x00209221 }, { 'A', '2', 0x00400555 }, { 'e', '1', 0x20500020 },
  { 'e', '1', 0x00089205 }, { 'e', '1', 0x00089206 }, { 'e', '1', 0x00089207 },
  /* Supplemental Palette Color Lookup Table */
  { 'l', '1', 0x00281101 }, { 'l', '1', 0x00281102 }, { 'l', '1', 0x00281103 },
  { 'l', '1', 0x00281201 }, { 'l', '1', 0x00281202 }, { 'l', '1', 0x00281203 },
  /* CT, MR, PET */
  { 'c', '1', 0x00281052 }, { 'c', '1', 0x00281053 }, { 'c', '2', 0x00180060 },
  { 'c', '2', 0x00200012 }, { 'm', '1', 0x00180020 }, { 'm', '1', 0x00180021 },
  { 'm', '2', 0x00180022 }, { 'm', '2', 0x00180023 }, { 'm', '2', 0x00180081 },
  { 'm', '2', 0x00180091 }, { 'p', '1', 0x00541001 }, { 'p', '1', 0x00541000 },
  { 'p', '1', 0x00541101 }, { 'p', '1', 0x00541102 }, { 'p', '1', 0x00281052 },
  { 'p', '1', 0x00281053 }, { 'p', '1', 0x00541300 }, { 'p', '1', 0x00541330 },
  { 'p', '1', 0x00540081 }, { 'p', '2', 0x00540016 }, { 'p', '2', 0x00181181 },
  { 'p', '1', 0x00080021 }, { 'p', '1', 0x00080031 },
  /* CR, DX, MG, XA, NM, SC */
  { 'r', '2', 0x00180015 }, { 'r', '2', 0x00185101 }, { 'd', '1', 0x00080068 },
  { 'd', '1', 0x00281040 }, { 'd', '1', 0x00281041 }, { 'd', '1', 0x00181164 },
  { 'd', '1', 0x00200062 }, { 'd', '1', 0x00280301 }, { 'd', '1', 0x00281052 },
  { 'd', '1', 0x00281053 }, { 'd', '1', 0x00281054 }, { 'd', '1', 0x00282110 },
  { 'd', '1', 0x20500020 }, { 'g', '1', 0x00181508 }, { 'g', '1', 0x00540220 },
  { 'x', '1', 0x00281040 }, { 'x', '1', 0x00181155 }, { 'x', '2', 0x00180060 },
  { 'n', '1', 0x00280009 }, { 'n', '1', 0x00540021 }, { 'n', '1', 0x00540011 },
  { 's', '1', 0x00080064 }, { 'u', '2', 0x00080008 },
  /* RT Series, RT General Plan, Encapsulated Document */
  { 'Q', '2', 0x00081070 }, { 'k', '1', 0x300a0002 }, { 'k', '2', 0x300a0006 },
  { 'k', '2', 0x300a0007 }, { 'z', '2', 0x00080023 }, { 'z', '2', 0x00080033 },
  { 'z', '2', 0x0008002a }, { 'z', '2', 0x0040a043 }, { 'z', '1', 0x00280301 },
  { 'z', '1', 0x00420012 }, { 'z', '2', 0x00420010 },
  /* Segmentation Image, Structure Set */
  { 'G', '1', 0x00620001 }, { 'G', '1', 0x00620002 }, { 'G', '1', 0x00700080 },
  { 'G', '2', 0x00700081 }, { 'G', '2', 0x00700084 }, { 'S', '1', 0x30060002 },
  { 'S', '2', 0x30060008 }, { 'S', '2', 0x30060009 },
};

/* Does the object have the module? Some follow from what else it says: frames that lie in a row without gaps need not say
 * where each is (C.7.6.16, (5200,9230), and C.7.6.17.3), enhanced images in colour have a palette (C.7.6.19). */
static gboolean
has_module (char module, const char *modules, const char *presentation, const char *dimensions)
{
  if (module == 'f')
    return strchr (modules, 'F') != NULL && strcmp (dimensions, "TILED_FULL") != 0;
  if (module == 'l')
    return strchr (modules, 'e') != NULL && (strcmp (presentation, "COLOR") == 0 || strcmp (presentation, "MIXED") == 0);
  return module == '*' || strchr (modules, module) != NULL;
}

/* Modules that are there or not: if one attribute is, these must be. */
static void
check_optional (int (*find) (guint32 tag, gpointer data), gpointer data, SagFaults *faults)
{
  static const guint32 overlay[] = { 0x0010, 0x0011, 0x0040, 0x0050, 0x0100, 0x0102, 0x3000 };
  g_autofree char *keyword = NULL;

  /* Clinical Trial Subject (C.7.1.3) */
  if (find (0x00120010, data) <= 0 && (find (0x00120010, data) == 0 || find (0x00120020, data) >= 0))
    sag_faults_add (faults, TRUE, 0x00120010, "ClinicalTrialSponsorName is %s; this clinical trial must say it (type 1)",
                    find (0x00120010, data) == 0 ? "empty" : "not there");
  /* Overlay Plane (C.9.2) */
  for (guint32 group = 0x60000000; group <= 0x601e0000; group += 0x20000)
    for (gsize i = 0; i < G_N_ELEMENTS (overlay); i++)
      if (find (group | 0x0010, data) >= 0 || find (group | 0x3000, data) >= 0)
        {
          int n = find (group | overlay[i], data);

          g_free (keyword);
          keyword = sag_dicom_get_keyword (group | overlay[i]);
          if (n <= 0)
            sag_faults_add (faults, TRUE, group | overlay[i], "%s is %s; this overlay must say it (type 1)", keyword,
                            n == 0 ? "empty" : "not there");
        }
}

void
sag_validate_modules (const char *class_uid, const char *presentation, const char *dimensions,
                      int (*find) (guint32 tag, gpointer data), gpointer data, SagFaults *faults)
{
  const char *name = "object", *modules = "";

  for (gsize k = 0; k < G_N_ELEMENTS (kinds); k++)
    if (strcmp (kinds[k].uid, class_uid) == 0)
      {
        name = kinds[k].name;
        modules = kinds[k].modules;
      }
  for (gsize a = 0; a < G_N_ELEMENTS (attributes); a++)
    {
      guint32 tag = attributes[a].tag;
      g_autofree char *keyword = NULL;
      int n;

      if (!has_module (attributes[a].module, modules, presentation, dimensions))
        continue;
      /* Enhanced equipment says it more sharply; secondary captures and what is no image need not. */
      if (tag == 0x00080070 && attributes[a].type == '2' && (*modules == '\0' || strpbrk (modules, "Es") != NULL))
        continue;
      n = find (tag, data);
      if (n > 0 || (n == 0 && attributes[a].type == '2'))
        continue;
      keyword = sag_dicom_get_keyword (tag);
      if (n == 0)
        sag_faults_add (faults, TRUE, tag, "%s is empty; this %s must say it (type 1)", keyword, name);
      else
        sag_faults_add (faults, TRUE, tag, "%s is not there; this %s must have it (type %c)", keyword,
                        name, attributes[a].type);
    }
  check_optional (find, data, faults);
}
