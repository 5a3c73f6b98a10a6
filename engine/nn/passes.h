/* SPDX-License-Identifier: Apache-2.0
 *
 * passes.h: graph -> smaller graph, in the order they are called.
 */
#pragma once

#include "engine/nn/op.h"

/* Shapes and types of everything, and constants computed: what exporters write around Shape,
 * Gather, Concat, Range... is gone afterwards. If with a known condition becomes its branch. */
gboolean sag_pass_fold      (SagGraph *graph, GError **error);

/* Operators on quantised values into float operators between DequantizeLinear and QuantizeLinear; before
 * sag_pass_fold(). */
gboolean sag_pass_qoperator (SagGraph *graph, GError **error);

/* QuantizeLinear and DequantizeLinear into the quanta of the values they stand on. */
gboolean sag_pass_quant     (SagGraph *graph, GError **error);

/* What exporters write as several nodes back into one: GELU, SiLU, layer norm... sag_pass_fuse()
 * begins with it, after sag_pass_scan(). */
gboolean sag_pass_pattern   (SagGraph *graph, GError **error);

/* The selective scan, which exporters write as a Scan, a Loop, a prefix scan or step by step, into
 * one node. */
gboolean sag_pass_scan      (SagGraph *graph, GError **error);

/* softmax (q k scale + bias) v into one node; sag_pass_fuse() calls it. */
gboolean sag_pass_attention (SagGraph *graph, GError **error);

/* Convolutions of one pixel before the Resize or Concat that they follow, where that is less work; sag_pass_fuse()
 * calls it when batch norms are gone. */
gboolean sag_pass_commute   (SagGraph *graph, GError **error);

/* Concats of Slices become one node; after sag_pass_tokens(). */
gboolean sag_pass_pieces    (SagGraph *graph, GError **error);

/* What is cut out or made for a selective scan alone becomes its own; the end of sag_pass_fuse(). */
gboolean sag_pass_scan_near (SagGraph *graph, GError **error);

/* Products beside convolutions become convolutions of one pixel; the end of sag_pass_fuse(). */
gboolean sag_pass_tokens    (SagGraph *graph, GError **error);

/* phi (q) (phi (k)^T v) / (phi (q) sum phi (k)) into one node; sag_pass_fuse() calls it. */
gboolean sag_pass_linear_attention (SagGraph *graph, GError **error);

/* Batch norm into convolutions, padding into convolutions, x * sigmoid (x) and friends into one
 * node, layer norm patterns, then activations and residuals into the operators that take them. */
gboolean sag_pass_fuse      (SagGraph *graph, GError **error);

/* Chooses the layout of every value and inserts conversions (node 'Layout'), once a stretch. */
gboolean sag_pass_layout    (SagGraph *graph, GError **error);

/* Values between layers on bytes become bytes (bytes.h): their dtype changes, after a first prepare and
 * before another of the nodes that make or read them. Nodes may be added and change their order. */
gboolean sag_pass_bytes     (SagGraph *graph, GError **error);

/* Which node runs at which precision, then prepares every node, and sees to it that every output is
 * written by a node of its own. UNSUPPORTED if the precision cannot be had. */
gboolean sag_pass_prepare   (SagGraph *graph, SagPrecision precision, GError **error);

/* MEMORY if what no input reaches, and was too much to fold, is half a gigabyte and more than the weights could need,
 * UNSUPPORTED if it is seconds of work: a few bytes of file that ask for any memory and time. After sag_pass_prepare(). */
gboolean sag_pass_bound     (const SagGraph *graph, GError **error);

/* Convolutions that follow each other become one step that works in bands of lines. After
 * sag_pass_prepare(). */
gboolean sag_pass_chain     (SagGraph *graph, GError **error);

/* One of them and a MaxPool after it become one step. After sag_pass_chain(). */
void     sag_pass_pool      (SagGraph *graph);

/* What a Loop, Scan or If does with a body whose inputs have types and shapes: fold, fuse, prepare.
 */
gboolean sag_pass_body      (SagGraph *body, SagPrecision precision, GError **error);

/* Graph inputs that shapes depend on become constants with the values that `bindings` bring. */
gboolean sag_pass_bind (SagGraph *graph, const SagBinding *bindings, int n_bindings,
                        GError **error);
