#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""NIfTI-1 and NIfTI-2 of nibabel, in every type of voxel, through our reader and writer and back: the same values at the
same places. Prints TAP. Argument: the sagitta-cli."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

try:
    import nibabel as nib
    import numpy as np
except ImportError:
    print("1..0 # SKIP nibabel is not installed")
    sys.exit(0)
cli = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-nifti-"))
results = []


def points(image):
    """Values by their place in the patient."""
    values = image.get_fdata()
    places = nib.affines.apply_affine(image.affine, np.argwhere(np.ones(values.shape)))
    return np.array(sorted(map(tuple, np.c_[places, values.ravel()].round(2).tolist())))


TURNED = np.array([[-1.5, .1, 0, 10], [-.1, -1.5, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1.]])
for version, kind in ((1, nib.Nifti1Image), (2, nib.Nifti2Image)):
    for n, name in enumerate(("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")):
        voxels = (np.arange(5 * 6 * 7).reshape(5, 6, 7) % 100).astype(name)
        image = kind(voxels, TURNED if n % 2 else np.diag([1, -2, 3, 1.]), dtype=np.dtype(name))
        if n % 3 == 0:
            image.header.set_slope_inter(2, 5)
        if n % 4 == 1:
            image.set_qform(image.affine, 1)
            image.set_sform(None, 0)  # the qform alone
        source, to = work / ("in.nii.gz" if n % 2 else "in.nii"), work / "out.nii.gz"
        nib.save(image, source)
        done = subprocess.run([cli, "convert", source, to, *(["--nifti2"] if version == 2 else [])], capture_output=True, text=True)
        good = done.returncode == 0
        if good:
            back = nib.load(to)
            good = type(back) is kind and np.abs(points(nib.load(source)) - points(back)).max() < 0.011
        results.append((f"NIfTI-{version} {name}", good, done.stderr))
# Pairs of files, by either name; what does not say which side is left is refused (ANALYZE 7.5), or told of (codes of 0).
voxels = np.arange(5 * 6 * 7).reshape(5, 6, 7).astype("int16")
for name, kind in (("one.hdr", nib.Nifti1Pair), ("two.img", nib.Nifti2Pair), ("packed.img.gz", nib.Nifti1Pair)):
    nib.save(kind(voxels, TURNED), work / name.replace(".hdr", ".img"))
    for options in ([], ["--isolate"]):
        done = subprocess.run([cli, "convert", *options, work / name, work / "pair.nii"], capture_output=True, text=True)
        good = done.returncode == 0 and np.abs(points(nib.Nifti1Image(voxels, TURNED)) - points(nib.load(work / "pair.nii"))).max() < 0.011
        results.append((f"{name} {' '.join(options)}", good, done.stderr))
nib.save(nib.AnalyzeImage(voxels, None), work / "old.img")
done = subprocess.run([cli, "info", work / "old.hdr"], capture_output=True, text=True)
results.append(("ANALYZE 7.5 is refused", done.returncode == 1 and "which side of the patient is left" in done.stderr, done.stderr))
astray = nib.Nifti1Image(voxels, None)
astray.set_qform(None, 0), astray.set_sform(None, 0)
nib.save(astray, work / "astray.nii")
for name in ("astray-2.nii", "astray-2.nii.gz"):
    made = subprocess.run([cli, "convert", work / "astray.nii", work / name], capture_output=True, text=True)
    copy = nib.load(work / name) if made.returncode == 0 else astray
    same = made.returncode == 0 and (np.asarray(copy.dataobj) == voxels).all() and np.allclose(copy.affine, nib.load(work / "astray.nii").affine)
    results.append((f"{name}: no side is made up", same and copy.header["qform_code"] == copy.header["sform_code"] == 0, made.stderr))
def twice(sform):
    """qform and sform, which say different things."""
    image = nib.Nifti1Image(voxels, None)
    image.set_qform(TURNED, 1), image.set_sform(sform, 2)
    nib.save(image, work / "twice.nii")
    told = subprocess.run([cli, "info", work / "twice.nii", "--json"], capture_output=True, text=True)
    subprocess.run([cli, "convert", work / "twice.nii", work / "once.nii"], check=True)
    return told.stdout, points(nib.load(work / "once.nii"))


for name, sform, holds in (("the same", TURNED, ""), ("moved", TURNED + np.array([[0, 0, 0, 2]] + [[0] * 4] * 3), "sform"),
                           ("sheared", TURNED @ np.array([[1, .3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "qform")):
    told, where = twice(sform)
    meant = points(nib.Nifti1Image(voxels, TURNED if holds == "qform" else sform))
    good = ("(qform and sform)" in told) == bool(holds) and (not holds or f"the {holds} holds" in told) and np.abs(where - meant).max() < 0.011
    results.append((f"qform and sform: {name}", good, told))
with zipfile.ZipFile(work / "pair.zip", "w") as archive:
    for name in ("one.hdr", "old.hdr", "one.img"):
        archive.write(work / name, f"study/{name}")
done = subprocess.run([cli, "convert", work / "pair.zip", work / "zipped.nii"], capture_output=True, text=True)
good = done.returncode == 0 and np.abs(points(nib.Nifti1Image(voxels, TURNED)) - points(nib.load(work / "zipped.nii"))).max() < 0.011
results.append(("a pair in a ZIP file", good, done.stderr))
done = subprocess.run([cli, "info", "--json", work / "astray.nii"], capture_output=True, text=True)
results.append(("no side without a code", '"place_known":false' in done.stdout and "which side is left" in done.stdout, done.stdout))
# Four and five dimensions: every volume is there to choose, and it is said that there are more.
times = (np.arange(4 * 3 * 2 * 5 * 2).reshape(4, 3, 2, 5, 2) * 3).astype("int16")
for source, whole in ((work / "times.nii.gz", times[..., 0]), (work / "more.nii", times)):
    nib.save(nib.Nifti1Image(whole, TURNED), source)
    n = int(np.prod(whole.shape[3:]))
    flat = whole.reshape(*whole.shape[:3], n, order="F")
    for which in (1, 3, n):
        done = subprocess.run([cli, "convert", source, to, "--series", f"#{which}"], capture_output=True, text=True)
        good = done.returncode == 0 and np.abs(points(nib.Nifti1Image(flat[..., which - 1], TURNED)) - points(nib.load(to))).max() < 0.011
        results.append((f"volume {which} of {n}", good, done.stderr))
    done = subprocess.run([cli, "info", source], capture_output=True, text=True)
    results.append((f"{n} volumes are told of", f"holds {n} volumes, #1 to #{n}: this is #1" in done.stdout, done.stdout))
    for name in ("#0", f"#{n + 1}", "#x"):
        done = subprocess.run([cli, "info", source, "--series", name], capture_output=True, text=True)
        results.append((f"volume {name} of {n} is refused", done.returncode == 1 and f"holds {n} volumes" in done.stderr, done.stderr))
cut = work / "cut.nii"
cut.write_bytes((work / "more.nii").read_bytes()[:-40])
done = [subprocess.run([cli, "info", cut, "--series", f"#{n}"], capture_output=True, text=True) for n in (9, 10)]
results.append(("a volume that is cut off is refused, the others are not", [d.returncode for d in done] == [0, 1], done[1].stderr))
rgba = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
nib.save(nib.Nifti1Image(rgba, np.eye(4)), work / "rgba.nii")
done = subprocess.run([cli, "convert", work / "rgba.nii", work / "out.nii"], capture_output=True, text=True)
results.append(("RGBA is refused in words", done.returncode == 1 and "not supported" in done.stderr, done.stderr))
shutil.rmtree(work)
# Labels become a DICOM SEG of the images that they lie on: whatever the type and the order of the axes; what lies elsewhere is said.
study = work / "study"
subprocess.run([cli, "phantom", study, "--size", "64x64x12"], check=True)
subprocess.run([cli, "convert", study / "ct", work / "ct.nii.gz"], check=True)
ct = nib.load(work / "ct.nii.gz")
masks = np.zeros(ct.shape, "uint8")
masks[5:20, 30:50, 2:7], masks[40:60, 3:9, 5:11] = 3, 7
back = np.diag([-1, 1, -1, 1.])
back[0, 3], back[2, 3] = ct.shape[0] - 1, ct.shape[2] - 1
astray = nib.Nifti1Image(masks, None)
astray.set_qform(None, 0), astray.set_sform(None, 0)
for name, image, word in (("bytes", nib.Nifti1Image(masks, ct.affine), ""), ("floats, axes turned", nib.Nifti2Image(masks[::-1, :, ::-1].astype("float64"), ct.affine @ back), ""),
                          ("every second row", nib.Nifti1Image(masks[::2, ::2].copy(), ct.affine @ np.diag([2, 2, 1, 1.])), "by nearest voxel"),
                          ("elsewhere", nib.Nifti1Image(masks, ct.affine + np.array([[0, 0, 0, 9000]] * 3 + [[0] * 4])), "do not lie in the images"),
                          ("no place", astray, "does not say how its labels lie"), ("no labels", ct, "not labels")):
    nib.save(image, work / "masks.nii.gz")
    seg = work / f"{name}.dcm"
    done = subprocess.run([cli, "convert", work / "masks.nii.gz", seg, "--images", study / "ct"], capture_output=True, text=True)
    kept = word in ("", "by nearest voxel")
    good = done.returncode == (0 if kept else 1) and seg.exists() == kept and word in done.stdout + done.stderr and bool(word) == bool(done.stdout + done.stderr)
    if kept and good:
        subprocess.run([cli, "convert", seg, work / "again.nii.gz", "--images", study / "ct"], check=True)
        again = np.asarray(nib.load(work / "again.nii.gz").dataobj)
        same = (again == np.select([masks == 3, masks == 7], [1, 2])).mean()
        good = same == 1 if not word else same > 0.99
        if shutil.which("dciodvfy"):
            told = subprocess.run(["dciodvfy", seg], capture_output=True, text=True)
            good = good and "Error" not in told.stdout + told.stderr
    results.append((f"labels to SEG: {name}", good, (done.stdout, done.stderr)))
done = subprocess.run([cli, "convert", work / "masks.nii.gz", work / "x.dcm"], capture_output=True, text=True)
results.append(("a SEG needs images", done.returncode == 1 and "--images" in done.stderr, done.stderr))
done = subprocess.run([cli, "convert", work / "again.nii.gz", work / "one.nii.gz", "--label", "2"], capture_output=True, text=True)
results.append(("one label of a NIfTI file", done.returncode == 0 and set(np.unique(np.asarray(nib.load(work / "one.nii.gz").dataobj))) == {0, 2}, done.stderr))

print(f"1..{len(results)}")
for k, (name, good, why) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}" + ("" if good else f"\n# {why}"))
