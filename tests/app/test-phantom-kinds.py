#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sagitta-cli phantom --kind dx-chest and mr-head: valid DICOM, left is left, the same bytes again.

    test-phantom-kinds.py SAGITTA-CLI
"""
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import pydicom

cli = sys.argv[1]
work = tempfile.TemporaryDirectory()
top = pathlib.Path(work.name)
n_tests = 0


def check(what, good, why=""):
    global n_tests
    n_tests += 1
    print(f"{'ok' if good else 'not ok'} {n_tests} - {what}{'' if good else ' # ' + str(why)}")


def run(*arguments):
    return subprocess.run([cli, *map(str, arguments)], capture_output=True, text=True)


def read_png(path):
    """The first channel of an RGB picture of 8 bits (PNG, 9 Filtering)."""
    data, at, idat = path.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height = struct.unpack(">II", data[at + 8:at + 16])
        if kind == b"IDAT":
            idat += data[at + 8:at + 8 + length]
        at += length + 12
    lines = np.frombuffer(zlib.decompress(idat), np.uint8).reshape(height, 1 + 3 * width)
    rows, above = [], np.zeros(3 * width, int)
    for line in lines:
        row, kind = line[1:].astype(int), line[0]
        if kind == 2:
            row = (row + above) % 256
        elif kind != 0:
            for i in range(3 * width):
                a, b, c = (row[i - 3], above[i], above[i - 3]) if i >= 3 else (0, above[i], 0)
                p = a + b - c
                near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                row[i] = (row[i] + {1: a, 3: (a + b) // 2, 4: near}[kind]) % 256
        rows.append(row)
        above = row
    return np.array(rows)[:, ::3]


def faults(path):
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]


got = run("phantom", top / "dx", "--kind", "dx-chest")
check("dx-chest is written", got.returncode == 0, got.stderr)
image = pydicom.dcmread(top / "dx/dx/dx-0001.dcm")
check("dciodvfy finds no error in the radiograph", not faults(top / "dx/dx/dx-0001.dcm"),
      faults(top / "dx/dx/dx-0001.dcm"))
check("it says where left is and what a pixel is at the detector",
      list(image.PatientOrientation) == ["L", "F"] and "PixelSpacing" not in image
      and abs(float(image.ImagerPixelSpacing[0]) - 0.56) < 1e-6)
pixels = image.pixel_array.astype(float)
truth = read_png(top / "dx/truth/dx-0001.png")
inside, outside = pixels[truth > 0].mean(), pixels[(truth == 0) & (pixels > 600)].mean()
check("lungs are darker than the rest of the body", inside < 0.8 * outside,
      (inside, outside))
halves = [(truth[:, :384] > 0).sum(), (truth[:, 384:] > 0).sum()]
check("the heart takes more of the left field, which is on the right of the picture",
      0.5 * halves[0] < halves[1] < halves[0], halves)

got = run("phantom", top / "mr", "--kind", "mr-head", "--size", "small", "--json")
check("mr-head is written", got.returncode == 0, got.stderr)
files = {name: sorted((top / "mr" / name).glob("*.dcm")) for name in ("t1", "t2", "flair")}
heads = {name: pydicom.dcmread(list_[0], stop_before_pixels=True) for name, list_ in files.items() if list_}
check("three series of one study in one frame of reference",
      len(heads) == 3 and len({h.StudyInstanceUID for h in heads.values()}) == 1
      and len({h.FrameOfReferenceUID for h in heads.values()}) == 1
      and len({h.SeriesInstanceUID for h in heads.values()}) == 3)
wrong = [f for name in files for f in faults(files[name][0])] + faults(top / "mr/truth/truth.dcm")
check("dciodvfy finds no error in MR and truth", not wrong, wrong)
run("phantom", top / "again", "--kind", "mr-head", "--size", "small", "--threads", "1")
same = all((top / "again" / f.relative_to(top / "mr")).read_bytes() == f.read_bytes()
           for f in (top / "mr").rglob("*.dcm"))
check("the same bytes again, on one thread", same and len(files["t1"]) == 96, len(files["t1"]))
got = run("phantom", top / "no", "--kind", "us-liver")
check("another kind is refused in words", got.returncode == 2 and "mr-head" in got.stderr and not (top / "no").exists())
print(f"1..{n_tests}")
