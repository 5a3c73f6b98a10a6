#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# demo.sh: installs what is needed, builds, and does the main job on the sample study.
#
#   sh resources/demo.sh [--headless]
#
# With a display: the window opens on the sample chest CT and segments its lungs. Without one, or with
# --headless: the same job from the command line; it leaves a picture, a DICOM SEG and a table in
# build/demo.
set -eu
cd "$(dirname "$0")/.."

headless=no
for argument in "$@"; do
  case $argument in
    --headless) headless=yes ;;
    *) echo "Usage: sh resources/demo.sh [--headless]" >&2; exit 2 ;;
  esac
done
[ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || headless=yes

sh resources/install.sh
PATH=/usr/bin:$PATH
export PATH

if [ ! -f build/build.ninja ]; then
  echo "Building; this takes a few minutes the first time…"
  meson setup build --buildtype=release >build.log 2>&1 || { cat build.log; rm -f build.log; exit 1; }
  rm -f build.log
fi
ninja -C build --quiet
cli=build/app/cli/sagitta-cli
out=build/demo
sample=$out/sample

if [ ! -d "$sample" ]; then
  echo "Making the sample study: a procedural chest CT and its truth…"
  mkdir -p "$out"
  rm -rf "$sample.part"
  $cli phantom "$sample.part"
  mv "$sample.part" "$sample"
fi

if [ "$headless" = no ]; then
  exec build/ui/sagitta --run org.sagitta.lungs-ct --confidence "$sample/ct"
fi

echo "Segmenting the lungs…"
{
  $cli segment "$sample/ct" --model org.sagitta.lungs-ct --precision fp32 \
    --output "$out/lungs.dcm" --confidence "$out/confidence.nii.gz"
  echo
  echo "Against the sample's truth:"
  $cli compare "$out/lungs.dcm" "$sample/truth" --labels 1,2
} | tee "$out/table.txt"
$cli render "$sample/ct" --plane axial --window=-600,1500 --size 900x900 \
  --overlay "$out/lungs.dcm" --confidence "$out/confidence.nii.gz" -o "$out/picture.png"
echo
echo "Left in $out: picture.png (slice, mask, confidence), lungs.dcm (DICOM SEG), table.txt"
