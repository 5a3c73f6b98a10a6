#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# xvfb.sh: runs a program on a screen of its own, and says nothing of it.
#
#   sh xvfb.sh PROGRAM [ARGUMENTS …]
#
# SAG_SCREEN (1600x1000) is the screen's size. Settings are kept in memory, drawing is done by cairo, and a
# warning of GLib or GTK ends the program.
set -eu

: "${SAG_SCREEN:=1600x1000}"
GDK_BACKEND=x11
GSK_RENDERER=cairo
GDK_DEBUG=gl-disable
GSETTINGS_BACKEND=memory
: "${G_DEBUG:=fatal-warnings}"
: "${GTK_A11Y:=none}"
export GDK_BACKEND GSK_RENDERER GDK_DEBUG GSETTINGS_BACKEND G_DEBUG GTK_A11Y
unset WAYLAND_DISPLAY

# Homes of its own: what a person has set up must not change a test.
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT INT TERM
HOME=$home XDG_CONFIG_HOME=$home/config XDG_CACHE_HOME=$home/cache XDG_DATA_HOME=$home/data XDG_RUNTIME_DIR=$home
export HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_RUNTIME_DIR

status=0
xvfb-run -a -s "-screen 0 ${SAG_SCREEN}x24 -nolisten tcp" \
  dbus-run-session -- "$@" || status=$?
exit "$status"
