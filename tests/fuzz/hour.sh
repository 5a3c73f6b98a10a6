#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# hour.sh: fuzzes for long: every target, or those named, with libFuzzer under ASan and UBSan.
#
#   sh tests/fuzz/hour.sh [SECONDS [TARGET...]]      3600 seconds each by default
#
# What is found lies in build-fuzz/found; a file there that crashed belongs, mended, into tests/fuzz/corpus.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-3600}
[ $# = 0 ] || shift

CC=clang CXX=clang++
export CC CXX
[ -f build-fuzz/build.ninja ] || meson setup build-fuzz --buildtype=debugoptimized -Db_lundef=false \
  -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link -Dcpp_args=-fsanitize=fuzzer-no-link >/dev/null
[ $# -gt 0 ] || set -- $(sed -n "s/^  '\([a-z]*\)': \[.*/\1/p" tests/fuzz/meson.build)

mkdir -p build-fuzz/found
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
export LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0
status=0
for target in "$@"; do
  ninja -C build-fuzz --quiet "tests/fuzz/fuzz-$target"
  mkdir -p "build-fuzz/seeds/$target"
  log=build-fuzz/found/$target.log
  build-fuzz/tests/fuzz/fuzz-$target -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="build-fuzz/found/$target-" -print_final_stats=1 \
    "build-fuzz/seeds/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 || status=1
  printf '%-8s %s\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: */runs: /p;s/^SUMMARY: */found: /p' "$log" | tr '\n' ' ')"
done
exit $status
