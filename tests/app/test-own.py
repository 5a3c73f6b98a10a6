#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bring your own model, as plugins/README.md says: its key file and its lines of C, taken from there as they are
written, with a tiny network; and the cards of ours. Prints TAP. Arguments: the sagitta-cli to test, the folder with
plugins/, a network."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

cli, source, net = sys.argv[1:4]
text = (pathlib.Path(source) / "plugins" / "README.md").read_text()
folder = pathlib.Path(tempfile.mkdtemp())
environment = dict(os.environ, SAG_PLUGIN_PATH=str(folder))
count = failed = 0


def check(name, good, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name, ("# " + str(detail)) if not good else "", flush=True)


def block(language):
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1]


def run(*argv):
    return subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=200, env=environment)


def listed():
    return {m["id"]: m for m in json.loads(run(cli, "models", "--json").stdout)["models"]}


def bundle(name):
    made = folder / name
    made.mkdir()
    shutil.copy(net, made / "liver.onnx")
    return made


# The key file: every key there is, less two that speak of a file and of an output that this network has not.
lines = [re.sub(r"\s+# .*", "", line) for line in block("ini").splitlines()]
own = bundle("liver")
(own / "README.md").write_text("# liver\n")
(own / "liver.model").write_text("\n".join(k for k in lines if k not in ("ranges = liver.ranges", "name = logits")))
got = run(cli, "models")
check("the key file is read", listed().get("org.example.liver", {}).get("licence") == "CC-BY-SA-4.0", got.stdout + got.stderr)
got = run(cli, "check-plugin", own)
check("the contract holds", got.returncode == 0 and "rules hold" in got.stdout, got.stdout + got.stderr)
shutil.rmtree(own)

# The same in C.
code = block("c")
check("no more lines than it says", len(code.splitlines()) <= 25, len(code.splitlines()))
own = bundle("liver")
(folder / "liver.c").write_text(code)
got = run("cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-I", source, folder / "liver.c",
          "-o", own / "liver.so")
check("the lines of C compile", got.returncode == 0, got.stderr)
check("and are found", listed().get("org.example.liver", {}).get("version") == "1.0", run(cli, "models").stdout)
got = run(cli, "check-plugin", own)
check("the contract holds for them", got.returncode == 0 and "rules hold" in got.stdout, got.stdout + got.stderr)

# The cards of what ships have one form, and speak of the weights that lie beside them.
headings = ("Use and misuse", "Data", "Preprocessing", "Accuracy", "Calibration", "Precisions, speed, memory",
            "Known failures", "Training again")
for card in sorted(p / "README.md" for p in (pathlib.Path(source) / "plugins").iterdir() if list(p.glob("*.onnx"))):
    text = card.read_text()
    check(f"{card.parent.name}: its card has every section", re.findall("^## (.*)$", text, re.MULTILINE) == [*headings],
          re.findall("^## (.*)$", text, re.MULTILINE))
    for onnx in sorted(card.parent.glob("*.onnx")):
        check(f"{onnx.name}: its SHA-256 is in the card", hashlib.sha256(onnx.read_bytes()).hexdigest() in text)

print(f"1..{count}")
shutil.rmtree(folder)
sys.exit(failed > 0)
