/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.h: every command of sagitta-cli, each in app/cli/<name>.c.
 */
#pragma once

