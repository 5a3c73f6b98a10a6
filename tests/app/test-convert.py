#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""convert against dcm2niix, an independent reader: on every series of the data folder the affines agree to
1e-3 mm and the voxels are equal. Those that are not compared are named here, with the reason. Prints TAP. Arguments: the sagitta-cli to test, the data folder."""
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
    "dicom-matrix/dicom2nifti/hyperfine/*", "dicom-matrix/dicom2nifti/failing/*", "dicom-matrix/dicom2nifti/generic/rgb",
    "dicom-matrix/dicom2nifti/philips_enhanced/fmri", "dicom-matrix/rt-utils/one_slice_data", "dicom-matrix/rt-utils/mock_data",
    "dicom-matrix/dcmqi/segmentations/ct-3slice", "dicom-matrix/dcmqi/segmentations/*/image",
]
EXCLUDED = {
    "dicom-matrix/rt-utils/oriented_data": "two series of one slice each, which dcm2niix joins",
    "dicom-matrix/rt-utils/empty": "holds no images",
    "series/petct-chest/SEG_": "labels, which dcm2niix does not read", "series/brain-t1-seg/SEG/": "the same",
    "series/petct-chest/RWV_": "a mapping of values, without pixels",
}


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
    """What dcm2niix makes of a folder of one series: its plain volume, and the one that it straightened, if it did.
    Values as the standard's rescale gives them (-p n), not as Philips' private one does."""
    to.mkdir()
    run("dcm2niix", "-p", "n", "-b", "n", "-z", "n", "-f", "out", "-o", str(to), str(folder))
    names = sorted(to.glob("*.nii"))
    plain = [p for p in names if "_Eq" not in p.name and "_Tilt" not in p.name]
    return nibabel.load(plain[0]), [nibabel.load(p) for p in names if "_Tilt" in p.name]


def array(image):
    """Voxels as numbers; colour as three of them."""
    a = np.asanyarray(image.dataobj)
    return np.stack([a[c] for c in a.dtype.names], -1).astype("f8") if a.dtype.names else image.get_fdata(dtype=np.float64)


def check_stack(got, want, straightened, series, stack):
    off = np.abs(got.affine - want.affine).max()
    if straightened:
        # Shears are not said by a grid. Ours is true in the middle of the stack, theirs at its first slice.
        off = np.abs(got.affine[:3, :3] - straightened[0].affine[:3, :3]).max()
        aside = got.affine[:3, 3] - straightened[0].affine[:3, 3]
        column = got.affine[:3, 1] / np.linalg.norm(got.affine[:3, 1])
        assert "tilt" in [f["kind"] for f in stack["findings"]], "a tilt that is not named"
        assert np.abs(aside - column * (aside @ column)).max() <= 1e-2, f"{aside} mm beside the column"
    assert off <= 1e-3, f"affines differ by {off:.5f} mm"
    a, b = array(got), array(want)
    if any(f["kind"] == "gap" for f in stack["findings"]):
        # Ours keeps the places of missing slices, dcm2niix closes up.
        empty = [k for k in range(a.shape[2]) if np.ptp(a[:, :, k]) == 0]
        assert len(empty) == a.shape[2] - stack["images"], "a missing slice was not left empty"
        a = np.delete(a, empty, axis=2)
    assert a.shape == b.shape, f"{a.shape} voxels against {b.shape}"
    if series["modality"] == "PT":
        # Ours is in SUV, whose factor test-values.py checks.
        a = a * (b.max() / a.max())
    # A rescaled PET value is rounded to float by both, each at another step.
    worst = (np.abs(a - b) / np.maximum(1, np.abs(b))).max()
    assert worst <= 3e-7, f"voxels differ by {worst:g}"
    return f"affine {off:.5f} mm, {a.shape}"


def check(folder, work):
    index = json.loads(run(cli, "index", str(folder), "--json").stdout)
    series = next(s for study in index["studies"] for s in study["series"] if s["kind"] == "image")
    want, straightened = reference(uncompressed(folder, work / "plain"), work / "reference")
    parts = [want.slicer[..., n] for n in range(want.shape[3])] if want.ndim == 4 else [want]
    assert len(parts) in (1, len(series["stacks"])), f"{len(series['stacks'])} stacks against {len(parts)}"
    for n, (part, stack) in enumerate(zip(parts, series["stacks"]), 1):
        ours = work / f"ours{n}.nii.gz"
        done = run(cli, "convert", str(folder), str(ours), "--series", f"{series['uid']}#{n}")
        assert done.returncode == 0, done.stderr
        told = check_stack(nibabel.load(ours), part, straightened, series, stack)
    return f"{told}, {len(parts)} stacks"


folders = [f for pattern in FOLDERS for f in sorted(data.glob(pattern))]
print(f"1..{len(folders) + 1}")
for n, folder in enumerate(folders, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            print(f"# {check(folder, pathlib.Path(work))}")
            print(f"ok {n} - {folder.name}")
        except Exception as error:  # any surprise is this folder's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {folder.name}")
# Every folder of images is compared, or excused.
known = [str(f.relative_to(data)) + "/" for f in folders] + list(EXCLUDED)
leaves = {str(p.parent.relative_to(data)) for top in ("series", "dicom-matrix/dicom2nifti", "dicom-matrix/rt-utils")
          for p in (data / top).rglob("*") if p.is_file() and p.parent != data / top}
left = sorted(leaf for leaf in leaves if not any((leaf + "/").startswith(k) for k in known))
print("".join(f"# not compared: {leaf}\n" for leaf in left) + ("not " if left else "") + f"ok {len(folders) + 1} - all")
