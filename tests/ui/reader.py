# SPDX-License-Identifier: Apache-2.0
"""reader.py: the window as a client of AT-SPI has it; and keys and a mouse, by xdotool."""

import os
import subprocess
import time
import warnings

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)
Role, State = Atspi.Role, Atspi.StateType
Atspi.init()


def spin(seconds):
    """Lets events arrive."""
    loop = GLib.MainContext.default()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        while loop.iteration(False):
            pass
        time.sleep(0.02)


def wait_for(look, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = look()
        except GLib.Error:  # what was looked at is gone
            found = None
        if found:
            return found
        spin(0.2)
    return None


def children(node):
    for i in range(node.get_child_count()):
        child = node.get_child_at_index(i)
        if child is not None:
            yield child


def walk(node):
    """Everything that has a place on the screen."""
    yield node
    for child in children(node):
        component = child.get_component_iface()  # a page of a stack has none
        extents = component.get_extents(Atspi.CoordType.WINDOW) if component else None
        if extents is None or (extents.width > 0 and extents.height > 0):
            yield from walk(child)


class Program:
    def __init__(self, command, find=None, **environment):
        self.process = subprocess.Popen(command, env={**os.environ, "G_DEBUG": "fatal-warnings", **environment})
        self.app = wait_for(find or self.find)
        if self.app:
            self.app.set_cache_mask(Atspi.Cache.NONE)
        self.frame = wait_for(lambda: self.app and next(children(self.app), None))
        self.view = None

    def find(self):
        desktop = Atspi.get_desktop(0)
        for app in children(desktop):
            if app.get_process_id() == self.process.pid:
                return app
        return None

    def all(self):
        for _ in range(5):
            try:
                return list(walk(self.frame))
            except GLib.Error:  # it changed while it was read
                spin(0.2)
        return list(walk(self.frame))

    def named(self, name, role=None):
        return next((n for n in self.all() if n.get_name() == name and role in (None, n.get_role())), None)

    def take_keyboard(self):
        """There is no window manager to give it."""
        subprocess.run(["xdotool", "search", "--sync", "--onlyvisible", "--pid", str(self.process.pid), "windowfocus"],
                       check=False, capture_output=True, timeout=20)

    def end(self):
        self.process.terminate()
        return self.process.wait(20)


def key(name):
    subprocess.run(["xdotool", "key", name], check=True)
    spin(0.12)
