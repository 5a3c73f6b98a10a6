#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh: installs what the tests need, builds, runs every test, and counts.
#
#   sh tests/run.sh [--sanitize | --threads] [MESON TEST ARGUMENTS...]
#
# Third-party data are looked for in $SAGITTA_TEST_DATA, by default ../shared/data beside the checkout;
# tests that need them are skipped where they are absent. --sanitize builds with ASan and UBSan; --threads with TSan,
# and runs what has threads and processes, the window and the worker, unless tests are named.
set -eu
cd "$(dirname "$0")/.."

build=build-tests
options="-Dwerror=true --buildtype=debugoptimized"
setup=
patience=5
if [ "${1:-}" = --sanitize ]; then
  shift
  build=build-sanitize
  options="$options -Db_sanitize=address,undefined -Db_lundef=false"
  setup='--setup=sanitizer'
  patience=30
fi

if [ "${1:-}" = --threads ]; then
  shift
  build=build-threads
  options="$options -Doptimization=1 -Db_sanitize=thread -Db_lundef=false"
  setup='--setup=threads'
  patience=60
  [ $# -gt 0 ] || set -- job link body-inline body-link faults contain read cells compare edit export measure reading \
    segment-panel slice-layout slice-view window program
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
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier $patience $setup "$@" || status=$?

log=$build/meson-logs/testlog${setup:+-${setup#*=}}
if [ "$setup" = --setup=threads ] && grep -aq 'SUMMARY: ThreadSanitizer: [a-z]' "$log.txt"; then
  grep -a 'SUMMARY: ThreadSanitizer: [a-z]' "$log.txt" | sort | uniq -c
  status=1
fi
python3 tests/count.py "$log.junit.xml" "$log.json"
exit $status
