/* SPDX-License-Identifier: Apache-2.0
 *
 * abi.cpp: abi.c as C++.
 */
#include "tests/app/abi.c"
