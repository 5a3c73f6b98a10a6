/* SPDX-License-Identifier: Apache-2.0
 *
 * abi.c: where the fields of sagitta-plugin.h lie, as one compiler and language sees it.
 *
 * Compiled pedantically as C99, C11 and C++ with -Wpadded an error; test-abi compares what they say.
 */
#include "plugins/sagitta-plugin.h"

#include "tests/app/abi.h"

#define FIELD(type, field, where) offsetof (type, field),
#define STRUCT(type, bytes) sizeof (type),

const size_t SAG_ABI_NAME[] = {
#include "tests/app/abi-fields.h"
};

size_t
SAG_ABI_HAS (void)
{
  sag_net net;

  net.size = (uint32_t) offsetof (sag_net, temperature);
  return (SAG_HAS (&net, percentile) ? 1 : 0) + (SAG_HAS (&net, temperature) ? 2 : 0);
}
