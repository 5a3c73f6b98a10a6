/* SPDX-License-Identifier: Apache-2.0
 *
 * abi.h: the plugin ABI as three languages see it.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const size_t sag_abi_c99[];
extern const size_t sag_abi_c11[];
extern const size_t sag_abi_cpp[];

/* Which of two fields SAG_HAS() finds in a struct that ends between them: 1, the first. */
size_t sag_abi_has_c99 (void);
size_t sag_abi_has_c11 (void);
size_t sag_abi_has_cpp (void);

#ifdef __cplusplus
}
#endif
