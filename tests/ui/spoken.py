#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""spoken.py WINDOW CLI: the window as a screen reader has it, through AT-SPI, and from the keyboard alone.

Starts the real program on a small phantom, runs a model, and reads names, roles and sentences as Orca would.
Prints TAP. Run it on a screen and a session bus of its own (xvfb.sh).
"""

import os
import re
import subprocess
import sys
import tempfile

from reader import Atspi, Program, Role, State, key, spin, wait_for

CONTROLS = {Role.PUSH_BUTTON, Role.TOGGLE_BUTTON, Role.CHECK_BOX, Role.RADIO_BUTTON, Role.COMBO_BOX, Role.SLIDER, Role.ENTRY,
            Role.TEXT, Role.PASSWORD_TEXT, Role.SPIN_BUTTON, Role.LIST, Role.LIST_ITEM, Role.LIST_BOX, Role.TABLE, Role.IMAGE, Role.MENU_ITEM}
results = []


def check(name, problems):
    results.append(not problems)
    print(f"{'not ok' if problems else 'ok'} {len(results)} - {name}")
    for problem in problems:
        print(f"# {problem}")
    sys.stdout.flush()


def expect(name, true, seen=""):
    check(name, [] if true else [f"seen: {seen}"])


def describe(node):
    return f"{node.get_role_name()} '{node.get_name()}' ({node.get_description()})"


def is_nameless(node):
    return node.get_name().strip() == "" or re.match(r"(Gtk|Adw|Sag)[A-Z]", node.get_name())


def names(program):
    nameless = [describe(n) for n in program.all() if n.get_role() in CONTROLS
                and n.get_state_set().contains(State.FOCUSABLE) and is_nameless(n)]
    check("every control has a name", nameless)
    key("ctrl+f")
    rows = wait_for(lambda: [n for n in program.all() if n.get_role() == Role.LIST_ITEM and n.get_name() == "Next slice"], 20)
    expect("and every command that can be found", rows and not [n for n in program.all()
           if n.get_role() == Role.LIST_ITEM and is_nameless(n)])
    key("Escape")
    wait_for(lambda: not [n for n in program.all() if n.get_role() == Role.LIST_ITEM and n.get_name() == "Next slice"], 20)


def sentence(program):
    if program.view is None:
        program.view = program.named("Axial", Role.IMAGE)
    return program.view.get_description() if program.view else ""


def reads_slices(program):
    text = sentence(program)
    shape = r"Axial, slice (\d+) of (\d+), [HF] \d+\.\d mm, W \d+  L -?\d+, at the crosshair: .* HU.*, patient: Phantom, Thorax.*, series: "
    expect("a view says plane, slice, position, window, value, patient and series", re.match(shape, text), text)
    told = []
    listener = Atspi.EventListener.new(lambda event: told.append(event.source.get_name()))
    listener.register("object:property-change:accessible-description")
    program.take_keyboard()
    before = int(re.match(shape, text).group(1)) if re.match(shape, text) else 0
    key("Up")
    spin(0.5)
    after = sentence(program)
    expect("the next slice is said", re.search(rf"slice {before + 1} of", after), after)
    expect("and announced", "Axial" in told, told)
    listener.deregister("object:property-change:accessible-description")


def reads_segments(program):
    expect("the run is said to be done", wait_for(lambda: any(re.search(r"done in|Done in", n.get_name()) for n in program.all()), 90))
    eyes = [n for n in program.all() if n.get_name() == "Show or hide"]
    expect("each label can be shown or hidden", len(eyes) == 2, len(eyes))
    found = ""
    view = program.named("Axial", Role.IMAGE).get_extents(Atspi.CoordType.WINDOW)
    for x in (0.3, 0.35, 0.4, 0.25):
        subprocess.run(["xdotool", "mousemove", str(int(view.x + x * view.width)), str(int(view.y + view.height / 2))], check=True)
        spin(0.4)
        found = sentence(program)
        if re.search(r"under the pointer: .* HU, (Right|Left) lung, confidence \d+ %", found):
            break
    expect("segment and confidence under the pointer are said", "lung, confidence" in found, found)


def tabs(program):
    """All that takes the focus, by Tab. (The window's own three buttons are the window manager's matter;
    a Cancel is there only while something runs.)"""
    wanted = [n for n in program.all() if n.get_role() in CONTROLS - {Role.LIST_ITEM, Role.LIST, Role.LIST_BOX, Role.TABLE}
              and n.get_state_set().contains(State.FOCUSABLE) and n.get_state_set().contains(State.SENSITIVE)
              and n.get_name() not in ("Minimize", "Maximize", "Close", "Cancel")]
    stops = []
    listener = Atspi.EventListener.new(lambda event: event.detail1 and stops.append(event.source))
    listener.register("object:state-changed:focused")
    n_keys = 0
    while n_keys < 150 and not (len(stops) > 10 and stops[-1] in stops[:-1]):
        before = len(stops)
        key("Tab")
        n_keys += 1
        wait_for(lambda: len(stops) > before, 2)
    listener.deregister("object:state-changed:focused")
    reached = {(n.get_role_name(), n.get_name()) for n in stops}
    expect("Tab comes round: nothing holds it", len(stops) > 20 and stops[-1] == stops[0], [describe(n) for n in stops[-3:]])
    check("every control is reached by Tab", [describe(n) for n in wanted if (n.get_role_name(), n.get_name()) not in reached])
    print(f"# {n_keys} times Tab, {len(wanted)} controls")


def german(command, folder):
    environment = {"LANGUAGE": "de", "LC_ALL": "C.UTF-8"}
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", os.path.join(folder, "de_DE.UTF-8")], capture_output=True)
    if made.returncode == 0:
        environment = {"LANGUAGE": "de", "LC_ALL": "de_DE.UTF-8", "LOCPATH": folder}
    else:
        print("# no German locale here: words only")
    program = Program(command, **environment)
    try:
        view = wait_for(lambda: program.named("Koronal", Role.IMAGE))
        text = view.get_description() if view else ""
        expect("a German view says it in German", re.match(r"Koronal, Schicht \d+ von \d+, .* Patient: Phantom", text), text)
        if "LOCPATH" in environment:
            expect("with a decimal comma, and DICOM's letters", re.search(r"[AP] \d+,\d mm", text), text)
        words = {n.get_name() for n in program.all()}
        expected = {"Segmentieren", "Messen", "Länge", "Einen Ordner öffnen", "Modell", "Für die Forschung, kein Medizinprodukt"}
        check("a German window", sorted(expected - words))
        english = {"Segment", "Measure", "Length", "Run", "Save", "Cancel", "Research use, not a medical device"} & words
        check("and nothing of it is English", sorted(english))
    finally:
        program.end()


def main():
    window, cli = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cli, "phantom", "--size=small", os.path.join(folder, "study")], check=True, stdout=subprocess.DEVNULL)
        images = os.path.join(folder, "study", "ct")
        program = Program([window, "--run", "org.sagitta.lungs-ct", images], LC_ALL="C.UTF-8")
        try:
            expect("the program is there", program.frame)
            expect("and the images", wait_for(lambda: re.search(r"slice \d+ of", sentence(program))))
            reads_slices(program)
            reads_segments(program)
            names(program)
            tabs(program)
        finally:
            program.end()
        german([window, images], folder)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
