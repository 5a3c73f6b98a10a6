/* SPDX-License-Identifier: Apache-2.0
 *
 * sagitta-plugin.h: the plugin ABI, version 1; the only header a plugin needs.
 *
 * Three ideas. The entry is data: the host learns everything about a model without a call into the
 * plugin. Sizes are tags: every struct starts with its size as the plugin was compiled; structs
 * grow at their end only, and a field is read only if SAG_HAS() it. Threads are named: [worker] is
 * the one thread that computes, in a process that may be another than the window's; [any] may be
 * any thread, at any time.
 *
 * Nothing here allocates, and nothing crosses owners: what a struct points to belongs to whoever
 * filled it. What is reachable from `sag_plugin` is constant for as long as the plugin is loaded;
 * what an argument points to is borrowed for the length of the call. Strings are UTF-8, terminated,
 * and at most 1023 bytes unless said.
 *
 * The process is the host's: a plugin leaves its working folder, locale, signals, floating-point
 * mode and standard output alone, opens nothing that it does not close, and never ends it.
 *
 * Voxels lie with i fastest, then j, then k. Positions are DICOM patient coordinates: LPS,
 * millimetres. "The volume's unit" is what the modality measures: HU for CT, stored values with
 * rescale applied for others.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAG_PLUGIN_ABI 1u

#if defined (_WIN32)
#define SAG_EXPORT __declspec (dllexport)
#else
#define SAG_EXPORT __attribute__ ((visibility ("default")))
#endif

/* Does the struct at `p`, compiled by somebody else, reach to the end of `field`? */
#define SAG_HAS(p, field) \
  ((p)->size >= (size_t) ((const char *) (&(p)->field + 1) - (const char *) (p)))

/* Precisions: a set in sag_model_info.precisions, one of them in sag_plugin_entry.create. */
enum
{
  SAG_F32 = 1,
  SAG_BF16 = 2,
  SAG_INT8 = 4,
  SAG_INT4 = 8
};

/* What a call answers. */
typedef int32_t sag_status;

enum
{
  SAG_OK = 0,
  SAG_FAILED = 1,   /* and sag_result.message says why */
  SAG_CANCELLED = 2 /* sag_run.progress answered 0; never otherwise */
};

/* sag_net.normalise: voxel value v -> network input. Statistics are of the volume as acquired,
 * before it is resampled, or of each slice at the network's spacing with SAG_PER_SLICE. The last
 * step is always (x - mean) / std, with std 0 meaning 1; so {0, 0} leaves x. */
enum
{
  SAG_NORM_FIXED = 0,          /* x = v clipped to `clip` */
  SAG_NORM_ZSCORE = 1,         /* x = (clipped v - m) / s, with mean m and standard deviation s
                                  of all clipped v */
  SAG_NORM_ZSCORE_NONZERO = 2, /* the same with m and s of the voxels with v != 0 */
  SAG_NORM_MINMAX = 3,         /* x = 0..1 from the smallest to the largest clipped v */
  SAG_NORM_PERCENTILE = 4,     /* x = 0..1 from percentile[0] to percentile[1] of v, cut off
                                  beyond */
  SAG_PER_SLICE = 16           /* added to one of the above but FIXED: slice by slice, along the
                                  network's k */
};

/* sag_net.output: what the network's output channels are. Label n of the list belongs to channel
 * n + 1, as channel 0 is background; with SAG_OUTPUT_SIGMOID it belongs to channel n. */
enum
{
  SAG_OUTPUT_SOFTMAX = 0,       /* logits; the host applies softmax at the temperature */
  SAG_OUTPUT_SIGMOID = 1,       /* independent logits, no background channel: shown is the
                                   largest with p >= 0.5 */
  SAG_OUTPUT_PROBABILITIES = 2, /* of a softmax inside the network; with one channel only: of a
                                   sigmoid, of the first label */
  SAG_OUTPUT_ARGMAX = 3         /* one channel of channel numbers, any type; confidence is the
                                   vote of the patches */
};

/* sag_net.padding: what lies around the volume where a patch reaches over its edge. */
enum
{
  SAG_PAD_LOWEST = 0, /* clip[0], or the smallest value of the volume if nothing is clipped */
  SAG_PAD_ZERO = 1,   /* 0 after normalising */
  SAG_PAD_EDGE = 2    /* the nearest voxel */
};

/* sag_net.fit: how the volume is brought to the network's resolution. */
enum
{
  SAG_FIT_SPACING = 0, /* resampled to `spacing`, then cut into patches */
  SAG_FIT_STRETCH = 1, /* the whole field of view becomes one patch, each axis by its own factor;
                          a slice-wise network: each slice, i and j only */
  SAG_FIT_INSIDE = 2   /* the same with one factor for all these axes, padded around */
};

/* sag_net.finish: a set, applied label by label to the finished segmentation. */
enum
{
  SAG_KEEP_LARGEST = 1, /* of each label only the largest connected component, 26 neighbours */
  SAG_FILL_HOLES = 2    /* background that a label encloses becomes that label */
};

/* One label. */
typedef struct
{
  uint32_t    size;
  uint32_t    value;    /* 1..255, as in the result's voxels; unique in the model */
  const char *name;     /* as shown, 1..64 bytes: "Left lung" */
  const char *type;     /* segmented property type, DICOM coded concept "SCHEME:VALUE:MEANING":
                           "SCT:39607008:Lung"; without a meaning the name is used; NULL if
                           unknown */
  uint8_t     rgba[4];  /* colour as shown, sRGB; alpha 0: the host chooses */
  uint32_t    reserved; /* 0 */
  const char *category; /* segmented property category, same form; NULL: SCT:123037004:Anatomical
                           Structure */
  const char *modifier; /* laterality or other modifier, same form: "SCT:7771000:Left"; NULL if
                           none */
} sag_label;

/* A network that the host runs: one ONNX file with one input of rank 4 [1, C, H, W] (slice-wise:
 * every slice along k by itself) or 5 [1, C, D, H, W], where W runs along i, H along j, D along
 * k of `orientation`; its output has the same spatial size and the channels that `output` says. */
typedef struct
{
  uint32_t    size;
  uint32_t    normalise;      /* SAG_NORM_* */
  const char *onnx;           /* file name inside the plugin's folder, no '/' */
  const char *output_name;    /* which graph output; NULL: the first */
  double      spacing[3];     /* mm along the network's i, j, k it was trained at; 0 keeps the
                                 input's */
  char        orientation[4]; /* where the network's i, j, k grow: "LPS", any of the 48; a
                                 network trained on arrays [X, Y, Z] of RAS images as nibabel
                                 gives them has i = Z: "SAR". "IJK": the input's own axes, for
                                 networks of single slices in any plane */
  int32_t     patch[3];       /* voxels along i, j, k; 0: what the file fixes, else the whole
                                 axis; k is 1 if slice-wise */
  float       overlap;        /* fraction of a patch shared with the next, 0..0.5 */
  uint32_t    neighbours;     /* slice-wise: n slices on each side are channels too, C = 2 n + 1,
                                 lowest k first; beyond the ends the end slice repeats. With 0,
                                 all C channels are the slice */
  uint32_t    output;         /* SAG_OUTPUT_* */
  uint32_t    padding;        /* SAG_PAD_* */
  uint32_t    fit;            /* SAG_FIT_* */
  uint32_t    finish;         /* set of SAG_KEEP_LARGEST, SAG_FILL_HOLES */
  float       clip[2];        /* in the volume's unit, clip[0] < clip[1]; {0, 0}: no clipping */
  float       mean;           /* see SAG_NORM_FIXED */
  float       std;            /* > 0; 0 means 1 */
  float       percentile[2];  /* 0..100, for SAG_NORM_PERCENTILE; {0, 0} means {0.5, 99.5} */
  float       temperature[4]; /* logits are divided by it; at F32, BF16, INT8, INT4; > 0; 0 means
                                 1 */
} sag_net;

/* Everything the host shows and checks before it runs a model. */
typedef struct
{
  uint32_t                size;
  uint32_t                precisions;     /* set of SAG_F32 … it runs well at; at least one */
  const char             *id;             /* "org.example.ct-organs": a-z 0-9 . -, 3..64 bytes;
                                             for ever this model */
  const char             *version;        /* "1.0.0", 1..32 bytes */
  const char             *name;           /* as shown, 1..64 bytes */
  const char             *modality;       /* DICOM (0008,0060) it was trained on: "CT", "MR",
                                             "CR\\DX"; "" any */
  const char             *description;    /* a sentence or three for whoever chooses a model; may
                                             be NULL */
  const char             *card;           /* file name of the model card in the folder, Markdown;
                                             may be NULL */
  const sag_label *const *labels;         /* NULL-terminated, 1..255 */
  const sag_net          *net;            /* NULL if the plugin's own code segments */
  double                  spacing_min[3]; /* mm of input it was trained for, sorted: finest axis
                                             first; 0: any */
  double                  spacing_max[3];
  float                   intensity[2];   /* volume's unit: where the 1st and 99th percentile of
                                             a volume it was trained for lie in between; {0, 0}:
                                             any */
  const char             *planes;         /* in which its slices were acquired: "axial",
                                             "coronal", "sagittal", several joined by '\\'; NULL or
                                             "": any, and volumes as fine one way as another */
  const char             *licence;        /* of the weights: "CC-BY-SA-4.0"; may be NULL, as those
                                             below */
  const char             *data;           /* what it was trained on, in a line */
  const char             *accuracy;       /* what it reached on cases that training did not see, in
                                             a line */
} sag_model_info;

/* The volume to segment. */
typedef struct
{
  uint32_t     size;
  int32_t      dims[3];      /* voxels along i, j, k; >= 1 */
  double       spacing[3];   /* mm; > 0 */
  double       origin[3];    /* mm, LPS, centre of voxel (0, 0, 0) */
  double       direction[9]; /* row-major 3 x 3; column a is the unit vector of axis a */
  const float *voxels;       /* dims[0] * dims[1] * dims[2] values in the volume's unit, finite */
  const char  *modality;     /* (0008,0060), "" unknown */
  const char  *unit;         /* "HU", "" unknown */
} sag_image;

/* Where `segment` puts its answer; the buffers are the host's. On SAG_OK every voxel of both has
 * been written. */
typedef struct
{
  uint32_t size;
  uint32_t message_size; /* bytes of `message`, >= 256 */
  uint8_t *labels;       /* as the image; 0 or the value of one of the model's labels */
  uint8_t *confidence;   /* as the image; 255 * probability of the label in `labels`, background
                            included */
  char    *message;      /* "" at first; with SAG_FAILED one sentence: what, where, what to do */
} sag_result;

/* How a run talks back. */
typedef struct
{
  uint32_t size;
  int32_t  n_threads; /* how many threads `segment` may use in all; >= 1; the result must not
                         depend on it */
  void    *data;      /* for `progress` */
  /* Fraction done, 0..1, never falling; at least ten times a second. 0: stop now and return
   * SAG_CANCELLED. [the thread that called segment] */
  int32_t (*progress) (void *data, double fraction);
} sag_run;

/* What the host offers. [any], for as long as the plugin is loaded. */
typedef struct sag_host sag_host;

struct sag_host
{
  uint32_t    size;
  uint32_t    abi;     /* SAG_PLUGIN_ABI of the host */
  const char *name;    /* "Sagitta" */
  const char *version; /* "0.1.0" */
  /* An extension of the host, "sagitta.<name>/<revision>", or NULL. This version has none. [any] */
  const void *(*extension) (const sag_host *host, const char *id);
};

/* A model that brings its own code, made by `create`. */
typedef struct sag_model sag_model;

struct sag_model
{
  uint32_t size;
  uint32_t reserved; /* 0 */
  void    *data;     /* the plugin's */
  /* Segments one volume; the same volume gives the same bytes. May be called many times, not at
   * once. [worker] */
  sag_status (*segment) (sag_model *model, const sag_image *image, sag_result *result,
                         const sag_run *run);
  /* An extension of the model, or NULL; the function itself may be NULL. [any] */
  const void *(*extension) (sag_model *model, const char *id);
  /* Frees the model. [worker] */
  void (*destroy) (sag_model *model);
};

/* The entry. */
typedef struct
{
  uint32_t                     size;
  uint32_t                     abi;    /* SAG_PLUGIN_ABI */
  const sag_model_info *const *models; /* NULL-terminated, at least one */
  /* Makes the model `id` of a plugin that lies in `folder` at one precision, or returns NULL if
   * it cannot. The arguments but `host` are borrowed for the call. NULL if every model has a
   * net. [worker] */
  sag_model *(*create) (const sag_host *host, const char *folder, const char *id,
                        uint32_t precision);
} sag_plugin_entry;

/* The one symbol a plugin exports. */
extern SAG_EXPORT const sag_plugin_entry sag_plugin;

#ifdef __cplusplus
}
#endif
