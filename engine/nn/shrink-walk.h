/* SPDX-License-Identifier: Apache-2.0
 *
 * shrink-walk.h: which channels of a network belong together; for shrink-prune.c alone.
 *
 * Every channel of every value has a number. A convolution gives its outputs new numbers; what
 * works channel by channel passes them on; an addition joins the numbers of its operands, and
 * Concat strings them together. Where an operator mixes channels in a way that is not understood,
 * they are fixed. Each weight that lies along channels leaves a job: "slice me like these".
 */
#pragma once

#include "engine/nn/onnx-model.h"

/* The channels of a value. */
typedef struct
{
  int  axis;
  int  n;
  int *ids; /* owned by the walk's pool */
} SagTrack;

typedef enum
{
  SAG_SLICE_WEIGHT, /* the weight along `axis` */
  SAG_SLICE_ENTRY,  /* element `axis` of a constant shape becomes the number of channels */
  SAG_SLICE_GROUP,  /* so does the attribute `group` */
  SAG_SLICE_SPLIT,  /* the sizes of Split's outputs; ids of all of them in order */
} SagSliceKind;

typedef struct
{
  SagSliceKind kind;
  SagOnnxNode *node;
  int          input, axis;
  SagTrack     track;
} SagSliceJob;

/* Weights that make channels. */
typedef struct
{
  SagOnnxNode   *node;
  SagOnnxWeight *weight;
  int            axis;
  SagTrack       track;
  int            parent; /* union of makers whose channels are tied */
} SagMaker;

/* A walk's findings. */
typedef struct
{
  SagOnnxModel *model;
  GHashTable   *shapes; /* borrowed */
  GHashTable   *tracks; /* name -> SagTrack * */
  GPtrArray    *pool;
  GArray       *parent; /* int: of channel numbers */
  GPtrArray    *fixed;  /* by number: NULL, or why, a static or pooled string */
  GArray       *jobs, *makers;
} SagWalk;

/* Follows the channels through `model`; `shapes` is borrowed. */
void sag_walk_init (SagWalk *self, SagOnnxModel *model, GHashTable *shapes);
void sag_walk_clear (SagWalk *self);

/* The number that stands for all that were joined with `id`. */
int sag_walk_root (const SagWalk *self, int id);
