#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# screenshots.sh: eight typical scenes, from the real program on a screen of its own.
#
#   sh resources/screenshots.sh [BUILD] [SCENE …]
#
# Those of our own sample studies go to resources/screenshots; those of real series, found through
# SAGITTA_TEST_DATA, stay in BUILD/screenshots (they may not be published).
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
[ $# -eq 0 ] || shift

SAG_SCREEN=1440x900
GTK_A11Y=atspi
G_DEBUG=gc-friendly # of the driver; the program has warnings fatal
export SAG_SCREEN GTK_A11Y G_DEBUG
exec sh tests/ui/xvfb.sh /usr/bin/python3 tests/ui/screenshots.py "$build" "$@"
