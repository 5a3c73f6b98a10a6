#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""convert against dcm2niix, an independent reader: on every series of the data folder the affines agree to
1e-3 mm and the voxels are equal. Prints TAP. Arguments: the sagitta-cli to test, the data folder."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

cli = sys.argv[1]
data = pathlib.Path(os.environ.get("SAGITTA_TEST_DATA") or sys.argv[2])

FOLDERS = [
    "series/petct-chest/CT", "series/petct-chest/PT_AC", "series/petct-chest/SCOUT", "series/brain-t1-seg/T1",
    "series/brain-flair", "series/brain-multiseries/*", "dicom-matrix/dicom2nifti/generic/anatomical",
    "dicom-matrix/dicom2nifti/generic/compressed*", "dicom-matrix/dicom2nifti/hitachi/anatomical",
    "dicom-matrix/dicom2nifti/hyperfine/*", "dicom-matrix/dicom2nifti/failing/slice*", "dicom-matrix/rt-utils/one_slice_data",
    "dicom-matrix/dcmqi/segmentations/ct-3slice", "dicom-matrix/dcmqi/segmentations/*/image",
]


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


if not data.exists():
    skip(f"{data} is absent; set SAGITTA_TEST_DATA")
for program in ("dcm2niix", "dcmdjpls"):
    if shutil.which(program) is None:
        skip(f"{program} is not installed")
try:
    import nibabel
    import numpy as np
except ImportError:
    skip("nibabel is not installed")


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=300)


def uncompressed(folder, to):
    """A copy that dcm2niix can read: Debian's has no JPEG-LS."""
    to.mkdir()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if run("dcmdjpls", str(path), str(to / path.name)).returncode != 0:
            shutil.copyfile(path, to / path.name)
    return to


def reference(folder, to):
    """What dcm2niix makes of a folder of one series: its plain volume, not one it has interpolated."""
    to.mkdir()
    run("dcm2niix", "-b", "n", "-z", "n", "-f", "out", "-o", str(to), str(folder))
    names = sorted(p for p in to.glob("*.nii") if "_Eq" not in p.name and "_Tilt" not in p.name)
    return nibabel.load(names[0])


def check(folder, work):
    index = json.loads(run(cli, "index", str(folder), "--json").stdout)
    ours = work / "ours.nii.gz"
    done = run(cli, "convert", str(folder), str(ours))
    assert done.returncode == 0, done.stderr
    got = nibabel.load(ours)
    want = reference(uncompressed(folder, work / "plain"), work / "reference")
    off = np.abs(got.affine - want.affine).max()
    assert off <= 1e-3, f"affines differ by {off:.5f} mm"
    a, b = got.get_fdata(dtype=np.float64), want.get_fdata(dtype=np.float64)
    stack = index["studies"][0]["series"][0]["stacks"][0]
    gaps = [f for f in stack["findings"] if f["kind"] == "gap"]
    if gaps:
        # Ours keeps the places of missing slices, dcm2niix closes up.
        empty = [k for k in range(a.shape[2]) if np.ptp(a[:, :, k]) == 0]
        assert len(empty) == a.shape[2] - stack["images"], "a missing slice was not left empty"
        a = np.delete(a, empty, axis=2)
    assert a.shape == b.shape, f"{a.shape} voxels against {b.shape}"
    if index["studies"][0]["series"][0]["modality"] == "PT":
        # Ours is in SUV, whose factor test-values.py checks.
        a = a * (b.max() / a.max())
    # A rescaled PET value is rounded to float by both, each at another step.
    worst = (np.abs(a - b) / np.maximum(1, np.abs(b))).max()
    assert worst <= 3e-7, f"voxels differ by {worst:g}"
    return f"affine {off:.5f} mm, {a.shape}, {len(gaps)} gaps"


folders = [f for pattern in FOLDERS for f in sorted(data.glob(pattern))]
print(f"1..{len(folders)}")
for n, folder in enumerate(folders, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            print(f"# {check(folder, pathlib.Path(work))}")
            print(f"ok {n} - {folder.name}")
        except Exception as error:  # any surprise is this folder's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {folder.name}")
