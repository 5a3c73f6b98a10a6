#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""opens.py WINDOW CLI DESKTOP-FILE: what a file manager does with images: looks up the type, launches by the
desktop file, or hands files to the program that runs already. Prints TAP; needs a screen and a bus (xvfb.sh)."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile



from gi.repository import Gio  # noqa: E402

from reader import Atspi, Program, Role, children, wait_for

n_tests = 0
failed = False


def check(name, true, seen=""):
    global n_tests, failed
    n_tests += 1
    failed |= not true
    print(f"{'ok' if true else 'not ok'} {n_tests} - {name}" + ("" if true else f"\n# seen: {seen}"), flush=True)


def find():
    for app in children(Atspi.get_desktop(0)):
        if (app.get_name() or "").startswith("sagitta"):
            return app
    return None


def shown(program):
    """The sentence of a view that shows a slice, whichever plane it is in."""
    return next((n.get_description() for n in program.all() if n.get_role() == Role.IMAGE and " of " in n.get_description()), None)


def main():
    window, cli, desktop = (os.path.abspath(path) for path in sys.argv[1:4])
    os.environ["PATH"] = f"{os.path.dirname(window)}:{os.environ['PATH']}"  # as it stands in Exec: by name
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cli, "phantom", "--size=small", f"{folder}/study"], check=True, stdout=subprocess.DEVNULL)
        images = f"{folder}/study/ct"
        one = os.path.join(images, sorted(os.listdir(images))[0])
        archive = shutil.make_archive(f"{folder}/images", "zip", images)
        declared = Gio.DesktopAppInfo.new_from_filename(desktop).get_supported_types()
        for what, path in (("an image", one), ("a folder", images), ("a ZIP", archive)):
            kind = Gio.File.new_for_path(path).query_info("standard::content-type", 0, None).get_content_type()
            check(f"{what} is of a type the desktop file names", kind in declared, f"{kind}, {declared}")
            program = Program(["gio", "launch", desktop, path], find=find)
            try:
                check(f"{what} is opened by the desktop file", wait_for(lambda: shown(program)))
            finally:
                subprocess.run(["gapplication", "action", "org.sagitta.Sagitta", "quit"], check=True)
                wait_for(lambda: find() is None, 20)

        program = Program([window])
        try:
            uris = "['" + Gio.File.new_for_path(images).get_uri() + "']"
            subprocess.run(["gdbus", "call", "--session", "--dest", "org.sagitta.Sagitta", "--object-path", "/org/sagitta/Sagitta",
                            "--method", "org.freedesktop.Application.Open", uris, "{}"], check=True, stdout=subprocess.DEVNULL)
            check("a running program is handed a folder", wait_for(lambda: shown(program)))
        finally:
            program.end()

        def members():
            return glob.glob(f"{folder}/cache/sagitta/sagitta-zip-*/*")

        program = Program([window, archive], XDG_CACHE_HOME=f"{folder}/cache")
        check("a ZIP is unpacked for as long as it is shown", wait_for(lambda: shown(program)) and members())
        check("told to end, the program does", program.end() == 0)
        check("and leaves nothing of the ZIP", wait_for(lambda: not members()), members())
    print(f"1..{n_tests}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
