/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz.h: the one function of a fuzz target, as libFuzzer calls it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Eats any bytes; what is wrong with them must not crash, hang or leak. Returns 0. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
