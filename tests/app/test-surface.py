#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""convert SEG OUT.stl and OUT.csv, read by a parser of its own: closed, outward, as large as the voxels and in the
same place; the table equal to numpy. Prints TAP. Arguments: the sagitta-cli to test, a folder to work in."""
import csv
import pathlib
import subprocess
import sys
import tempfile

try:
    import nibabel
    import numpy as np
except ImportError:
    print("1..0 # SKIP nibabel is not installed")
    sys.exit(0)

cli = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-surface-"))


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=120)


def make_inputs():
    """Two ellipsoids on an oblique, left-handed grid (RAS of NIfTI), and an image under them."""
    size = np.array([40, 36, 18])
    c, s = np.cos(0.3), np.sin(0.3)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[-c, s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag([1.1, 0.8, 2.5])
    affine[:3, 3] = [31.5, -47, 1200]
    i, j, k = np.meshgrid(*[np.arange(n) for n in size], indexing="ij")
    labels = np.zeros(size, np.uint8)
    labels[((i - 12) / 8) ** 2 + ((j - 17) / 10) ** 2 + ((k - 8) / 5) ** 2 <= 1] = 1
    labels[((i - 29) / 7) ** 2 + ((j - 17) / 9) ** 2 + ((k - 9) / 6) ** 2 <= 1] = 2
    image = (i * 3 + j * 2 - k * 5).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(labels, affine), work / "labels.nii.gz")
    nibabel.save(nibabel.Nifti1Image(image, affine), work / "image.nii.gz")
    return labels, image, affine


labels, image, affine = make_inputs()
voxel = abs(np.linalg.det(affine[:3, :3]))


def lps(ijk):
    return (affine[:3, :3] @ np.asarray(ijk, float).T).T + affine[:3, 3], np.array([-1, -1, 1])


def centroid(value):
    points, flip = lps(np.argwhere(labels == value))
    return points.mean(axis=0) * flip


def read_stl(path):
    data = path.read_bytes()
    n = int.from_bytes(data[80:84], "little")
    assert len(data) == 84 + 50 * n, "the size does not fit the count"
    assert not data.startswith(b"solid") and b"SPACE=LPS" in data[:80]
    rows = np.frombuffer(data[84:], np.dtype([("normal", "<f4", 3), ("p", "<f4", (3, 3)), ("a", "<u2")]))
    return rows["normal"].astype(float), rows["p"].astype(float)


def check_surface(value, smooth):
    out = work / f"label{value}-{smooth}.stl"
    done = run("convert", work / "labels.nii.gz", out, "--label", value, "--smooth", smooth)
    assert done.returncode == 0, done.stderr
    normals, p = read_stl(out)
    points, index = np.unique(p.reshape(-1, 3), axis=0, return_inverse=True)
    index = index.reshape(-1, 3)
    edges = np.concatenate([index[:, [0, 1]], index[:, [1, 2]], index[:, [2, 0]]])
    forward = {tuple(e) for e in edges}
    assert len(forward) == len(edges), "an edge has more than two triangles, or two that look against each other"
    assert all((b, a) in forward for a, b in forward), "the surface has a hole"
    middle = points.mean(axis=0)
    volume = np.einsum("ij,ij->i", p[:, 0] - middle, np.cross(p[:, 1] - middle, p[:, 2] - middle)).sum() / 6
    want = (labels == value).sum() * voxel
    assert abs(volume - want) <= 0.02 * want, f"{volume:.1f} mm3 against {want:.1f} of the voxels"
    made = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    length = np.linalg.norm(made, axis=1)
    good = length > 1e-6
    assert np.einsum("ij,ij->i", made[good] / length[good, None], normals[good]).min() > 0.999
    off = np.linalg.norm((points.min(axis=0) + points.max(axis=0)) / 2 - centroid(value))
    assert off < 1, f"the surface lies {off:.2f} mm beside its label"


def check_table():
    out = work / "table.csv"
    done = run("convert", work / "labels.nii.gz", out, "--images", work / "image.nii.gz")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.open(newline="")))
    assert [int(r["label"]) for r in rows] == [1, 2]
    for row in rows:
        inside = labels == int(row["label"])
        assert int(row["voxels"]) == inside.sum()
        assert abs(float(row["ml"]) - inside.sum() * voxel / 1000) < 1e-3
        assert abs(float(row["mean"]) - image[inside].mean()) < 1e-2
        assert abs(float(row["sd"]) - image[inside].std()) < 1e-2
        got = [float(row[f"centroid_{a}_mm_lps"]) for a in "xyz"]
        assert np.abs(np.array(got) - centroid(int(row["label"]))).max() < 1e-2, got
        assert row["confidence"] == ""


def check_refusals():
    for argv in (["labels.nii.gz", "x.stl"], ["labels.nii.gz", "x.stl", "--label", "9"], ["nothing.nii", "x.stl"]):
        done = run("convert", *[work / a if "." in a else a for a in argv])
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
    assert not (work / "x.stl").exists()
    assert run("convert", work / "labels.nii.gz", work / "x.obj").returncode == 2


tests = [("surface as it is", lambda: check_surface(1, 0)), ("another label", lambda: check_surface(2, 0)),
         ("smoothed", lambda: check_surface(1, 20)), ("table", check_table), ("refusals", check_refusals)]
print(f"1..{len(tests)}")
for n, (name, test) in enumerate(tests, 1):
    try:
        test()
        print(f"ok {n} - {name}")
    except AssertionError as why:
        print(f"# {why}\nnot ok {n} - {name}")
