#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The architecture as a test: who may include whom, how long a file may be, where C++ may stand.

Prints TAP: one test a layer, and a few for the tree as a whole.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
root = root if root.is_dir() else root.parent.parent

# layer (a folder, or single files) -> what it may include from this tree, by prefix; the longest
# prefix that matches a file is its layer. A layer may always include itself.
ENGINE = ["engine/base", "engine/kernels", "engine/image", "engine/nn", "engine/segment"]
LAYERS = {
    "engine/kernels": [],
    "engine/base": [],
    "engine/image": ["engine/base", "engine/kernels"],
    "engine/nn": ["engine/base", "engine/kernels"],
    "engine/segment": ["engine/base", "engine/kernels", "engine/image", "engine/nn"],
    "plugins": ["plugins/sagitta-plugin.h"],
    "app/state": ["engine/base", "engine/image"],
    "app/files": ENGINE,
    "app/files/open": ENGINE + ["app/files", "app/dicom"],
    "app/dicom": ENGINE + ["app/files/database.h", "app/files/leftovers.h", "app/files/save.h", "app/files/unzip.h"],
    "app/plugin": ENGINE + ["plugins/sagitta-plugin.h", "app/files", "app/state/wire"],
    "app/work": ENGINE + ["app", "plugins/sagitta-plugin.h"],
    "app/work/job": ["engine/base", "engine/image", "app/state", "app/work/runner"],
    "app/work/requests": ["engine/base", "engine/image", "app/state", "app/work/job"],
    "app/work/runner": ["engine/base", "engine/image", "app/state", "app/work/job"],
    "app/work/message": ["engine/base", "app/state"],
    "app/work/link": ["engine/base", "engine/image", "app/state", "app/work/job", "app/work/runner",
                      "app/work/message"],
    "app/cli": ENGINE + ["app", "plugins/sagitta-plugin.h"],
    "ui": ["app/state", "app/work/job.h", "engine/image", "engine/base"],
    "ui/main": ["ui", "app/state", "app/work/job.h", "app/work/link.h", "engine/image", "engine/base"],
}

# Headers of others that a layer must not see, as regular expressions on the included name.
LIBC = r"^(std\w+|string|math|limits|float|errno|inttypes|assert|complex|fenv|immintrin|arm_neon|cpuid|sys/auxv|asm/hwcap|unistd|sys/mman|signal|setjmp|time|pthread)\.h$"
FOREIGN = {
    "engine/kernels": (LIBC, None),
    "engine": (None, r"^(gio/|gtk/|adwaita|gdk|dcmtk|openjpeg|json-glib|glib-object)"),
    "plugins": (LIBC, None),
    "app": (None, r"^(gtk/|adwaita|gdk/)"),
    "ui": (None, r"^(dcmtk|openjpeg|json-glib)"),
}
CPP_ALLOWED = re.compile(r"app/dicom/dcmtk-[a-z-]+\.cpp$")
LIMIT = 800

include = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
sources = [p for top in ("engine", "plugins", "app", "ui", "tests")
           for p in sorted((root / top).rglob("*")) if p.suffix in (".c", ".h", ".cpp", ".cc")]


def name_of(path):
    return path.relative_to(root).as_posix()


def layer_of(name):
    best = max((l for l in LAYERS if name == l or name.startswith(l + "/") or name.startswith(l + ".")), key=len,
               default=None)
    return best


def allowed(name, layer, target):
    prefixes = [layer] + LAYERS[layer]
    return any(target == p or target.startswith(p + "/") or target.startswith(p + ".") for p in prefixes)


problems = {layer: [] for layer in LAYERS}
tree = []
for path in sources:
    name = name_of(path)
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.count("\n")
    if lines > LIMIT:
        tree.append(f"{name} has {lines} lines; the ceiling is {LIMIT}: split it by noun")
    if "SPDX-License-Identifier" not in text.split("\n", 1)[0]:
        tree.append(f"{name} does not begin with an SPDX line")
    if path.suffix in (".cpp", ".cc") and not CPP_ALLOWED.match(name) and not name.startswith("tests/"):
        tree.append(f"{name} is C++; only the shim over DCMTK may be")
    if path.suffix == ".h" and not name.startswith("plugins/") and "#pragma once" not in text and "-simd.h" not in name:
        tree.append(f"{name} lacks #pragma once")
    layer = layer_of(name)
    if layer is None:
        continue
    for kind, target in include.findall(text):
        if kind == '"':
            if "/" not in target and (path.parent / target).exists():
                problems[layer].append(f"{name} includes \"{target}\"; write the path from the root")
            elif (root / target).exists() and not allowed(name, layer, target):
                problems[layer].append(f"{name} must not include {target}")
        else:
            for prefix, (only, never) in FOREIGN.items():
                if not (name.startswith(prefix + "/")):
                    continue
                if (only and not re.match(only, target)) or (never and re.match(never, target)):
                    problems[layer].append(f"{name} must not include <{target}>")

print(f"1..{len(LAYERS) + 1}")
bad = 0
for n, (layer, found) in enumerate(list(problems.items()) + [("tree", tree)], 1):
    for line in found:
        print(f"# {line}")
    bad += bool(found)
    print(f"{'not ok' if found else 'ok'} {n} - {layer}")
sys.exit(0)
