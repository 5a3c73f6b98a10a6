#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every file of the data folder through `info` and one more command in turn: the command ends by itself, with 0 or with 1 and
a sentence. Prints TAP. Arguments: the sagitta-cli, the data folder."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

cli = sys.argv[1]
folder = pathlib.Path(os.environ.get("SAGITTA_TEST_DATA") or sys.argv[2]) / "dicom-matrix"
files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".md", ".tsv", ".txt", ".py"))
if not files:
    print("1..0 # SKIP no dicom-matrix in the data folder")
    sys.exit(0)

with tempfile.TemporaryDirectory(prefix="sagitta-sweep-") as work:
    others = {
        "info --json": lambda f, out: ["info", "--json", f],
        "decode": lambda f, out: ["decode", f, "--frame", "0", "-o", out + ".npy"],
        "seg-info": lambda f, out: ["seg-info", "--json", f],
        "validate": lambda f, out: ["validate", f],
        "convert": lambda f, out: ["convert", f, out + ".nii.gz"],
        "export-anon": lambda f, out: ["export-anon", f, out],
        "render": lambda f, out: ["render", f, "-o", out + ".png"],
        "index": lambda f, out: ["index", f],
    }
    jobs = []
    for n, file in enumerate(files):
        jobs.append(("info", file, ["info", str(file)]))
        if file.stat().st_size < 4 << 20:
            name = list(others)[n % len(others)]
            jobs.append((name, file, others[name](str(file), f"{work}/{n}")))

    def run(job):
        name, file, arguments = job
        try:
            done = subprocess.run([cli, *arguments], capture_output=True, text=True, errors="replace", timeout=120)
        except subprocess.TimeoutExpired:
            return name, f"{file.relative_to(folder)}: no end in 120 s"
        if done.returncode not in (0, 1):
            return name, f"{file.relative_to(folder)}: status {done.returncode}"
        if done.returncode == 1 and not (done.stderr or done.stdout).strip():
            return name, f"{file.relative_to(folder)}: status 1 and not a word"
        return name, None

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, jobs))

names = ["info", *others]
print(f"1..{len(names)}")
for n, name in enumerate(names, 1):
    told = [why for which, why in done if which == name]
    bad = [why for why in told if why]
    for why in bad:
        print(f"# {why}")
    print(f"{'not ok' if bad or not told else 'ok'} {n} {name}: {len(told)} files")
