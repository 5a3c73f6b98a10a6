#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a stranger does to the command line: names, locales, closed descriptors, full devices, pipes, outputs that are
inputs. A command ends by itself, with 0, 1 or 2, never by a signal, and a failure is one sentence. Prints TAP.
Argument: the sagitta-cli."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

cli = os.path.abspath(sys.argv[1])
results = []


def check(name, good, why=""):
    results.append((name, good))
    if not good:
        print(f"# {name}: {why}")


def run(*arguments, shell=None, **more):
    command = ["sh", "-c", shell, "sh", cli, *map(os.fsencode, arguments)] if shell else [cli, *map(os.fsencode, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, stdin=subprocess.DEVNULL, **more)


def is_sentence(done):
    """Status 1 or 2, one line, no warning of a library."""
    lines = done.stderr.decode("utf-8").rstrip("\n").split("\n")
    return done.returncode in (1, 2) and len(lines) == 1 and lines[0].startswith("sagitta-cli") and "CRITICAL" not in lines[0]


work = tempfile.TemporaryDirectory(prefix="sagitta-misuse-")
folder = pathlib.Path(work.name)
study = folder / "study"
run("phantom", study, "--size", "64x64x12")
image = study / "ct" / "ct-0001.dcm"
nifti = folder / "ct.nii.gz"
run("convert", study, nifti)

# --- names ---------------------------------------------------------------------------------------
for title, name in (("a leading dash", b"-dash"), ("spaces", b"a  b "), ("a newline", b"a\nb"), ("UTF-8", "größe 山".encode()),
                    ("no UTF-8", b"\xff\xfe\xe9"), ("quotes", b"a'\"b")):
    here = folder / "names"
    here.mkdir(exist_ok=True)
    path = os.path.join(os.fsencode(here), name)
    with open(path, "wb") as f:
        f.write(image.read_bytes())
    told = run("info", "--json", "--", name, cwd=here)
    where = run("index", "--json", here)
    out = run("convert", "--json", "--", name, name + b".nii", cwd=here)
    alone = run("convert", "--isolate", "--json", "--", name, name + b".alone.nii", cwd=here)
    again = run("info", "--json", "--", name + b".nii", cwd=here)
    gone = run("info", "--", name + b".none", cwd=here)
    try:
        values = [json.loads(x.stdout.decode("utf-8")) for x in (told, where, out, alone, again)]
        good = values[0]["size"] == [64, 64, 1] and values[4]["size"] == [64, 64, 1] and values[1]["files"] == 1
    except ValueError as problem:
        good, values = False, problem
    check(f"a name with {title}", good and is_sentence(gone), (values, told.stderr, out.stderr, alone.stderr, gone.stderr))
    for name in os.listdir(os.fsencode(here)):
        os.unlink(os.path.join(os.fsencode(here), name))

# --- JSON is UTF-8 in every locale; a name sends nothing to a terminal ----------------------------
try:
    import pydicom
except ImportError:
    pydicom = None
if pydicom:
    dataset = pydicom.dcmread(image)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Größe^山田"
    dataset.save_as(folder / "name.dcm")
    for isolate in ([], ["--isolate"]):
        told = run("index", folder / "name.dcm", "--json", *isolate, env={**os.environ, "LC_ALL": "C"})
        check(f"JSON in the C locale {isolate}", json.loads(told.stdout.decode("utf-8"))["studies"][0]["patient_name"] == "Größe^山田", told)
    raw = (folder / "name.dcm").read_bytes().replace("Größe".encode(), b"\x1b[31m\x07xx"[:7])
    (folder / "escape.dcm").write_bytes(raw)
    told = run("index", folder / "escape.dcm")
    check("no escape sequence", told.returncode == 0 and b"\x1b" not in told.stdout and b"\x07" not in told.stdout, told)

# --- descriptors -----------------------------------------------------------------------------------
full = run("index", study, "--json", shell='exec "$@" > /dev/full')
check("a full device", is_sentence(full) and full.returncode == 1, full)
full = run("--help", shell='exec "$@" > /dev/full')
check("help to a full device", is_sentence(full) and full.returncode == 1, full)
closed = run("index", study, "--json", shell='exec "$@" >&-')
check("standard output closed", is_sentence(closed) and closed.returncode == 1, closed)
# Number 1 would be the first file opened: no answer gets into it.
closed = run("convert", study, folder / "closed.nii.gz", shell='exec "$@" >&- 2>&- <&-')
check("all closed", closed.returncode == 0 and (folder / "closed.nii.gz").read_bytes() == nifti.read_bytes(), closed)
pipe = run("index", study, "--json", shell='{ "$@"; echo $? >&2; } | true')
check("a reader that has gone", pipe.stderr.strip() in (b"0", b"1"), pipe)

# --- what is no file --------------------------------------------------------------------------------
os.mkfifo(folder / "pipe.nii")
(folder / "loop").symlink_to("loop")
(folder / "empty").mkdir()
(folder / "nothing").write_bytes(b"")
np_header = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
(folder / "examples").mkdir()
(folder / "examples" / "a.npy").write_bytes(np_header + b"\0\0\0\0")
kinds = {"a pipe": folder / "pipe.nii", "a device": "/dev/zero", "a loop": folder / "loop", "an empty folder": folder / "empty",
         "an empty file": folder / "nothing", "the empty name": "", "what is not there": folder / "not there"}
out = folder / "out"
commands = {
    "index": lambda p: ["index", p], "info": lambda p: ["info", p], "convert": lambda p: ["convert", p, f"{out}.nii"],
    "convert to CSV": lambda p: ["convert", p, f"{out}.csv"], "decode": lambda p: ["decode", p, "-o", f"{out}.npy"],
    "export-anon": lambda p: ["export-anon", p, out], "seg-info": lambda p: ["seg-info", p],
    "validate": lambda p: ["validate", p], "render": lambda p: ["render", p, "-o", f"{out}.png"],
    "compare": lambda p: ["compare", p, p], "measure": lambda p: ["measure", image, "-f", p],
    "plan": lambda p: ["plan", p], "run": lambda p: ["run", p, "-o", out], "bench": lambda p: ["bench", p],
    "calibrate": lambda p: ["calibrate", p, "-i", folder / "examples", "-o", f"{out}.ranges"],
    "compress": lambda p: ["compress", p, "--prune", "0.5", "-o", f"{out}.onnx"],
}
for name, command in commands.items():
    bad = {}
    for kind, path in kinds.items():
        done = run(*command(path))
        if not is_sentence(done):
            bad[kind] = (done.returncode, done.stdout[:200], done.stderr[:400])
    left = [p.name for p in folder.iterdir() if p.name.startswith("out") or "partial" in p.name]
    check(f"{name} of what is no file", not bad and not left, (bad, left))

# --- outputs ---------------------------------------------------------------------------------------
other = run("convert", nifti, folder / "other.nii.gz")
same = run("convert", nifti, nifti)
check("output over its input", same.returncode == 0 and nifti.read_bytes() == (folder / "other.nii.gz").read_bytes(), (other, same))
for title, target in (("a folder that is not there", folder / "no" / "a.nii"), ("a folder", folder / "empty" / "b.nii"),
                      ("a pipe", folder / "pipe.nii")):
    if title == "a folder":
        target.mkdir()
    done = run("convert", study, target)
    check(f"output to {title}", is_sentence(done) and done.returncode == 1, done)
into = run("export-anon", study, study / "ct")
check("an export into its input", is_sentence(into) and not list((study / "ct").glob("[!c]*")), into)

# --- usage ----------------------------------------------------------------------------------------
for arguments in (["decode"], ["decode", image], ["decode", image, "-o", f"{out}.npy", "--frame", "99999999999999"], ["nonsense"],
                  ["info", image, image], ["info", "--nonsense", image], ["bench", image, "-n", "0"], ["export-anon", study, out, "--keep-dates", "--shift-dates"],
                  ["calibrate", "x", "-i", "y", "-o", "z", "--method", "none"], ["convert", study, f"{out}.xyz"]):
    done = run(*arguments)
    check("usage: " + " ".join(map(str, arguments)).replace(str(folder), ""), is_sentence(done) and done.returncode == 2, done)
for arguments in (["decode", image, "-o", f"{out}.npy", "--frame", "7"], ["decode", image, "-o", f"{out}.npy", "--frame", "-1"],
                  ["segment", study, "-m", "none", "-o", f"{out}.dcm"], ["segment", study, "-m", "threshold", "-o", f"{out}.dcm", "--precision", "fp7"],
                  ["info", study, "--series", "1.2.3"], ["render", study, "-o", f"{out}.png", "--slice", "999"]):
    done = run(*arguments)
    check("refused: " + " ".join(map(str, arguments)).replace(str(folder), ""), is_sentence(done) and done.returncode == 1, done)
check("nothing is left", not [p.name for p in folder.iterdir() if p.name.startswith("out") or "partial" in p.name])

print(f"1..{len(results)}")
for k, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}")
