/* SPDX-License-Identifier: Apache-2.0
 *
 * line-simd.h: lines of x, cut into vectors; shared by the convolutions along x.
 */
#pragma once

#include "engine/kernels/simd.h"

/* LANES values of a line of `width`, from `first` on in steps of `stride` (1 or 2, a constant); zero
 * beside the line. `whole` promises that none is beside it. */
SAG_INLINE SagVec
sag_load_line (const float *line, ptrdiff_t first, ptrdiff_t width, int stride, int whole)
{
  if (whole)
    return stride == 1 ? sag_load (line + first)
                       : sag_even (sag_load (line + first), sag_load (line + first + LANES));
  else
    {
      SagVec a = sag_load_part (line + first, -first, width - first);

      if (stride == 1)
        return a;
      return sag_even (a, sag_load_part (line + first + LANES, -first - LANES,
                                         width - first - LANES));
    }
}

/* How many vectors the next block takes of `vectors` that are left, at most `most`: rather two of
 * equal length than a long and a short one. */
SAG_INLINE size_t
sag_share (size_t vectors, size_t most)
{
  size_t parts = (vectors + most - 1) / most;

  return parts <= 1 ? vectors : parts == 2 ? (vectors + 1) / 2 : (vectors + parts - 1) / parts;
}
