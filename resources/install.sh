#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install.sh: the Debian packages Sagitta needs, and only those that are missing.
#
#   sh resources/install.sh          to build and run
#   sh resources/install.sh tests    also what the tests compare against
set -eu

build='build-essential pkg-config meson ninja-build python3
  libglib2.0-dev libgtk-4-dev libadwaita-1-dev libjson-glib-dev libpng-dev libsqlite3-dev libzip-dev zlib1g-dev
  libdcmtk-dev libopenjp2-7-dev libseccomp-dev adwaita-icon-theme fonts-cantarell
  desktop-file-utils libxml2-utils gettext'
tests='git xz-utils clang libclang-rt-14-dev libomp-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
  dcmtk dicom3tools dcm2niix libopenjp2-tools orthanc poppler-utils
  python3-numpy python3-pil python3-pydicom python3-nibabel python3-onnx
  xvfb xauth dbus at-spi2-core gir1.2-atspi-2.0 python3-gi xdotool locales libglib2.0-bin appstream'

packages=$build
[ "${1:-}" = tests ] && packages="$build $tests"

missing=
for package in $packages; do
  case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true) in
    'install ok installed') ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

root=
[ "$(id -u)" = 0 ] || root=sudo
if [ -n "$root" ] && ! command -v sudo >/dev/null 2>&1; then
  echo "install.sh: please install as root:$missing" >&2
  exit 1
fi
echo "Installing:$missing"
# Never asks; the lock may be held for a moment by the system's own updates.
$root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq update
$root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends install $missing >/dev/null
