#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# long.sh: the long session of test-long.c, as long as wanted.
#
#   sh tests/ui/long.sh [ROUNDS [MINUTES [BUILD FOLDER]]]      500 rounds in two hours, in build/, by default
#
# A round takes the whole phantom (512 x 512 x 168). Prints memory (PSS), descriptors and threads of the window and
# its workers as it goes, and fails if they grew.
set -eu
cd "$(dirname "$0")/../.."
SAG_ROUNDS=${1:-500} SAG_MINUTES=${2:-120} SAG_SIZE=${SAG_SIZE:-full}
build=$(realpath "${3:-build}")
export SAG_ROUNDS SAG_MINUTES SAG_SIZE SAGITTA_CLI="$build/app/cli/sagitta-cli" GSETTINGS_SCHEMA_DIR="$build/resources" SAG_PLUGIN_PATH="$build/plugins"
exec sh tests/ui/xvfb.sh "$build/tests/ui/test-long" --tap
