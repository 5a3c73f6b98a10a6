#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# long.sh: the long session of test-long.c, as long as wanted.
#
#   sh tests/ui/long.sh [ROUNDS [BUILD FOLDER]]      500 rounds in build/ by default
#
# Prints memory (PSS), descriptors and threads of the window and its workers as it goes, and fails if they grew.
set -eu
cd "$(dirname "$0")/../.."
SAG_ROUNDS=${1:-500}
build=$(realpath "${2:-build}")
export SAG_ROUNDS SAGITTA_CLI="$build/app/cli/sagitta-cli" GSETTINGS_SCHEMA_DIR="$build/resources" SAG_PLUGIN_PATH="$build/plugins"
exec sh tests/ui/xvfb.sh "$build/tests/ui/test-long" --tap
