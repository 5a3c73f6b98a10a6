#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""screenshots.py BUILD [SCENE ...]: makes the pictures of resources/screenshots.sh.

Each scene is the real program, driven by keys and mouse; what it waits for it reads through AT-SPI.
"""

import os
import re
import subprocess
import sys

from PIL import ImageGrab

from reader import Atspi, Program, Role, key, spin, wait_for

RUN = ("--run", "org.sagitta.lungs-ct")


def says(program, pattern, seconds=180):
    """Waits until something on screen says so."""
    found = wait_for(lambda: any(re.search(pattern, n.get_name() + "\n" + n.get_description()) for n in program.all()), seconds)
    if not found:
        sys.exit(f"screenshots.py: nothing said '{pattern}'")


def view(program, name):
    return program.named(name, Role.IMAGE).get_extents(Atspi.CoordType.WINDOW)


def point(program, name, x, y):
    at = view(program, name)
    return str(round(at.x + x * at.width)), str(round(at.y + y * at.height))


def drag(program, name, start, *ends):
    subprocess.run(["xdotool", "mousemove", *point(program, name, *start), "mousedown", "1"], check=True)
    for end in ends:
        subprocess.run(["xdotool", "mousemove", *point(program, name, *end)], check=True)
        spin(0.2)
    subprocess.run(["xdotool", "mouseup", "1"], check=True)
    spin(0.3)


def ready(program):
    says(program, r"slice \d+ of")
    spin(2)


def segmented(program):
    says(program, r"done in|Done in")
    spin(1)


def compared(program):
    segmented(program)
    for name in ("p", "p", "Return"):  # past BF16 to INT8
        key(name)
    says(program, "INT8.*\n", 60)
    wait_for(lambda: sum("INT8" in n.get_name() and Role.LABEL == n.get_role() for n in program.all()) > 1, 180)
    segmented(program)
    key("c")
    says(program, r"slices? differ|No slice differs")
    spin(1)


def measured(program):
    ready(program)
    key("l")
    drag(program, "Axial", (0.385, 0.44), (0.5, 0.44), (0.69, 0.44))  # the heart's width
    key("e")
    drag(program, "Axial", (0.465, 0.58), (0.5, 0.6), (0.535, 0.625))  # a vertebra
    key("g")
    for at in ((0.74, 0.12), (0.60, 0.50), (0.74, 0.86)):  # the spine's curve
        subprocess.run(["xdotool", "mousemove", *point(program, "Sagittal", *at), "click", "1"], check=True)
        spin(0.5)
    key("Escape")


def at_the_lung(program):
    segmented(program)
    for name in ("BF16", "INT8", "INT4"):  # and the three others, a key apart
        key("p")
        key("Return")
        wait_for(lambda: sum(name in x.get_name() and x.get_role() == Role.LABEL for x in program.all()) > 1, 180)
        segmented(program)
    key("Tab")
    key("Tab")
    key("ctrl+g")
    for digit in "165":
        key(digit)
    key("Return")
    spin(1)


def fused(program):
    ready(program)
    key("u")
    says(program, r"PT|SUV", 60)
    spin(3)


# name: (what is opened, arguments, what is done, settings). The model for radiographs was made for real ones and
# does badly on a computed one, so its picture is kept for looking at only.
PRIVATE = ("cxr-mask", "pet-ct")
SCENES = {
    "window": ("ct", RUN, at_the_lung, {}),
    "mr-series": ("mr", (), ready, {}),
    "cxr-mask": ("dx", ("--run", "org.sagitta.lungs-cxr"), segmented, {}),
    "compare": ("ct", RUN, compared, {}),
    "confidence": ("ct", ("--confidence", *RUN), segmented, {}),
    "measurement": ("ct", (), measured, {}),
    "light": ("ct", RUN, segmented, {"appearance": "'light'"}),
    "pet-ct": ("series/petct-chest", (), fused, {}),
}


def make_studies(cli, folder):
    for kind, name in (("ct-thorax", "ct"), ("dx-chest", "dx"), ("mr-head", "mr")):
        if not os.path.isdir(f"{folder}/{name}"):
            subprocess.run([cli, "phantom", f"--kind={kind}", f"{folder}/{name}.part"], check=True, stdout=subprocess.DEVNULL)
            os.rename(f"{folder}/{name}.part", f"{folder}/{name}")


def take(build, folder, name):
    what, arguments, act, settings = SCENES[name]
    images = f"{folder}/{what}" if "/" not in what else os.path.join(os.environ.get("SAGITTA_TEST_DATA", ""), what)
    if not os.path.isdir(images):
        print(f"{name}: left out, {images} is not here")
        return
    if os.path.isdir(f"{images}/{what}"):
        images = f"{images}/{what}"  # without the truth
    keyfile = os.path.join(os.environ["XDG_CONFIG_HOME"], "glib-2.0/settings/keyfile")
    os.makedirs(os.path.dirname(keyfile), exist_ok=True)
    with open(keyfile, "w") as file:
        file.write("[org/sagitta/Sagitta]\n" + "".join(f"{k}={v}\n" for k, v in settings.items()))
    program = Program([f"{build}/ui/sagitta", *arguments, images], GSETTINGS_BACKEND="keyfile",
                      XDG_DATA_HOME=os.path.join(os.environ["XDG_DATA_HOME"], name))  # what was measured before stays there
    try:
        ready(program)
        program.take_keyboard()
        act(program)
        subprocess.run(["xdotool", "mousemove", "5", "895"], check=True)
        spin(0.5)
        to = f"{folder if name in PRIVATE else 'resources/screenshots'}/{name}.png"
        ImageGrab.grab(xdisplay="").convert("RGB").save(to, optimize=True)
        print(f"{to} ({os.path.getsize(to) // 1024} kB)", flush=True)
    finally:
        program.end()


def main():
    build, names = sys.argv[1], sys.argv[2:] or list(SCENES)
    folder = f"{build}/screenshots"
    os.makedirs(folder, exist_ok=True)
    make_studies(f"{build}/app/cli/sagitta-cli", folder)
    for name in names:
        take(build, folder, name)


if __name__ == "__main__":
    main()
