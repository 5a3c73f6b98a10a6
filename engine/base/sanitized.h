/* SPDX-License-Identifier: Apache-2.0
 *
 * sanitized.h: is this a build whose shadow of memory takes terabytes of the address space (ASan, TSan)?
 * Such a process can have no limit of it, and reports some signals itself.
 */
#pragma once

#ifdef __has_feature /* clang's way to say what gcc defines */
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
#define SAG_SANITIZED 1
#else
#define SAG_SANITIZED 0
#endif
