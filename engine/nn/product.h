/* SPDX-License-Identifier: Apache-2.0
 *
 * product.h: a matrix product on the calling thread, for operators that make theirs a tile at a time.
 */
#pragma once

#include "engine/kernels/kernels.h"

#include <glib.h>

/* The kernel for products of n columns; sag_pack_f32() with its nr makes what sag_product() reads. */
const SagGemmF32 *sag_product_kernel (gint64 n);

/* c = a b, or c + a b: m rows of k and of n floats, which lie `lda` and `ldc` apart; b is packed. */
void              sag_product        (gint64       m,
                                      gint64       k,
                                      gint64       n,
                                      const float *a,
                                      gint64       lda,
                                      const float *packed,
                                      gboolean     go_on,
                                      float       *c,
                                      gint64       ldc);
