#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: installs what the tests need, builds, runs every test, and counts.
#
#   sh tests/run.sh [--sanitize] [MESON TEST ARGUMENTS...]
#
# Third-party data are looked for in $SAGITTA_TEST_DATA, by default ../shared/data beside the checkout;
# tests that need them are skipped where they are absent. --sanitize builds with ASan and UBSan.
set -eu
cd "$(dirname "$0")/.."

build=build-tests
options="-Dwerror=true --buildtype=debugoptimized"
setup=
if [ "${1:-}" = --sanitize ]; then
  shift
  build=build-sanitize
  options="$options -Db_sanitize=address,undefined -Db_lundef=false"
  setup='--setup=sanitizer'
fi

sh resources/install.sh tests
# Debian's own Python carries the modules the tests use; another one may stand first in the path.
PATH=/usr/bin:$PATH
export PATH

: "${SAGITTA_TEST_DATA:=$(cd .. && pwd)/shared/data}"
export SAGITTA_TEST_DATA

reconfigure=
[ ! -f "$build/build.ninja" ] || reconfigure=--reconfigure
log=$(mktemp)
meson setup $reconfigure "$build" $options >"$log" 2>&1 || { cat "$log"; rm -f "$log"; exit 1; }
rm -f "$log"
ninja -C "$build" --quiet

status=0
# A time limit is there for what hangs; a busy machine may be five times slower than the one it was set on.
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 5 $setup "$@" || status=$?

python3 tests/count.py "$build/meson-logs/testlog${setup:+-sanitizer}.junit.xml" "$build/meson-logs/testlog${setup:+-sanitizer}.json"
exit $status
