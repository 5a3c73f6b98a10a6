#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sagitta-cli evaluate, and PNG files as images and masks, against the same numbers made with numpy.
Prints TAP. Arguments: the sagitta-cli to test, a folder of tiny networks."""
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import nibabel
    import numpy as np
except ImportError:
    print("1..0 # SKIP numpy and nibabel are not installed")
    sys.exit(0)

cli, nets = sys.argv[1], pathlib.Path(sys.argv[2])
folder = pathlib.Path(tempfile.mkdtemp())
count = failed = 0


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=100)


def check(name, good, detail=""):
    global count, failed
    count += 1
    failed += not good
    print(("ok" if good else "not ok"), count, "-", name, ("# " + str(detail)) if not good else "", flush=True)


def write_png(path, pixels):
    """8 or 16 bit, grey or RGB."""
    bits = 16 if pixels.dtype == np.uint16 else 8
    colour = 2 if pixels.ndim == 3 else 0
    rows = pixels.astype(">u2" if bits == 16 else np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], bits, colour, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw))
                     + chunk(b"IEND", b""))


def surface(mask):
    padded = np.pad(mask, 1)
    inside = mask.copy()
    for axis in range(mask.ndim):
        for step in (0, 2):
            cut = [slice(1, -1)] * mask.ndim
            cut[axis] = slice(step, step + mask.shape[axis])
            inside &= padded[tuple(cut)]
    return np.argwhere(mask & ~inside)


def hd95(a, b):
    d = np.sqrt(((surface(a)[:, None] - surface(b)[None]) ** 2).sum(-1))
    return np.percentile(np.concatenate([d.min(0), d.min(1)]), 95)


def near_boundary(mask, within=5):
    edge = np.zeros(mask.shape, bool)
    for axis in range(mask.ndim):
        a, b = [slice(None)] * mask.ndim, [slice(None)] * mask.ndim
        a[axis], b[axis] = slice(1, None), slice(None, -1)
        differs = mask[tuple(a)] != mask[tuple(b)]
        edge[tuple(a)] |= differs
        edge[tuple(b)] |= differs
    where = np.argwhere(np.ones(mask.shape, bool))
    d = ((where[:, None] - np.argwhere(edge)[None]) ** 2).sum(-1).min(1)
    return (d <= within ** 2).reshape(mask.shape)


def model(name, net, labels, extra=""):
    (folder / f"{name}.onnx").write_bytes((nets / net).read_bytes())
    text = f"[model]\nid = org.test.{name}\n[input]\nmean = 100\nstd = 100\n{extra}"
    for n, label in enumerate(labels):
        text += f"[label {n + 1}]\nname = {label}\n"
    (folder / f"{name}.model").write_text(text)
    return folder / f"{name}.onnx"


def folders(name):
    for kind in ("images", "masks"):
        (folder / name / kind).mkdir(parents=True)
    return folder / name / "images", folder / name / "masks"


rng = np.random.default_rng(3)
y, x = np.mgrid[0:40, 0:48]
net = model("bright", "sign2d.onnx", ["Bright"])
images, masks = folders("png")
truth, picture = {}, {}
for n in range(8):
    truth[f"case_{n}"] = (x - 20 - n) ** 2 + (y - 20) ** 2 < (6 + n) ** 2
    noise = rng.normal(0, 25 + 8 * n, x.shape)
    picture[f"case_{n}"] = np.clip(100 + np.where(truth[f"case_{n}"], 40, -40) + noise, 0, 255).astype(np.uint8)
for n, name in enumerate(truth):
    pixels = picture[name]
    if n == 1:
        pixels = np.repeat(pixels[..., None], 3, 2)  # RGB that is grey all over
    if n == 2:
        pixels = pixels.astype(np.uint16)
    write_png(images / f"{name}.png", pixels)
    suffix = ["", "_mask", "-seg", "_gt", "", "", "", ""][n]
    write_png(masks / f"{name}{suffix}.png", truth[name].astype(np.uint8) * (1 if n == 4 else 255))
(folder / "draw").mkdir()
got = run("evaluate", "--model", net, "--images", images, "--masks", masks, "--draw", folder / "draw", "--json")
check("evaluate runs", got.returncode == 0 and got.stderr == "", got.stderr)
answer = json.loads(got.stdout or "{}")
check("has the fields", {"cases", "mean_dice", "mean_iou", "ece", "ms_per_case"} <= set(answer), answer.keys())
check("names are sorted", [c["name"] for c in answer["cases"]] == sorted(truth))
bins, dices, ious = np.zeros((15, 3)), [], []
for case in answer["cases"]:
    t, p = truth[case["name"]], picture[case["name"]].astype(np.float64)
    shown = p > 100
    both, either = (t & shown).sum(), (t | shown).sum()
    dice, iou = 2 * both / (t.sum() + shown.sum()), both / either
    dices.append(dice)
    ious.append(iou)
    wanted = {"dice": dice, "iou": iou, "hd95_mm": hd95(t, shown)}
    for key, value in wanted.items():
        check(f"{case['name']} {key}", abs(case[key]["Bright"] - value) < 1e-5, (case[key], value))
    check(f"{case['name']} unit", case["hd95_unit"] == "px")
    sure = np.floor(255 / (1 + np.exp(-8 * np.abs(p - 100) / 100)) + 0.5)
    mask = near_boundary(t)
    at = np.minimum(sure * 15 // 255, 14).astype(int)
    for b in range(15):
        use = mask & (at == b)
        bins[b] += use.sum(), sure[use].sum() / 255, (t == shown)[use].sum()
ece = np.abs(bins[:, 1] - bins[:, 2]).sum() / bins[:, 0].sum()
check("mean Dice", abs(answer["mean_dice"] - np.mean(dices)) < 1e-9)
check("mean IoU", abs(answer["mean_iou"] - np.mean(ious)) < 1e-9)
check("calibration error near the boundary", abs(answer["ece"] - ece) < 2e-3, (answer["ece"], ece))
check("reliability", [b["voxels"] for b in answer["reliability"]] == list(bins[:, 0]),
      ([b["voxels"] for b in answer["reliability"]], bins[:, 0]))
order = [sorted(truth)[n] for n in np.argsort(dices)]
drawn = {f"worst-{n + 1}-{order[n]}.png" for n in range(3)} | {f"best-{n + 1}-{order[-1 - n]}.png" for n in range(3)}
check("draws the three best and worst", {p.name for p in (folder / "draw").iterdir()} == drawn, drawn)

got = run("evaluate", "--model", net, "--images", images, "--masks", masks, "--fit-temperature", "--json")
fit = json.loads(got.stdout or "{}").get("fp32", {})
check("a fitted temperature calibrates", fit and fit["ece"] < fit["ece_at_1"], got.stderr + got.stdout)

(folder / "list").write_text("case_3.png\ncase_1\n\n")
got = run("evaluate", "--model", net, "--images", images, "--masks", masks, "--cases", folder / "list", "--json")
check("a list of cases", [c["name"] for c in json.loads(got.stdout)["cases"]] == ["case_1", "case_3"], got.stderr)
both = folder / "both"
both.mkdir()
for name in ("case_0", "case_1"):
    shutil.copy(images / f"{name}.png", both)
    shutil.copy(next(masks.glob(f"{name}*.png")), both / f"{name}_mask.png")
got = run("evaluate", "--model", net, "--images", both, "--masks", f"{both}/", "--json")
check("images and masks in one folder", got.returncode == 0
      and [c["dice"]["Bright"] for c in json.loads(got.stdout)["cases"]] == [c["dice"]["Bright"] for c in answer["cases"][:2]],
      got.stderr)
# A second lesion in a file of its own, as BUSI has it: the truth is both, in one folder and in two.
whole, left = truth["case_0"].astype(np.uint8) * 255, x < 20
apart = folder / "apart"
apart.mkdir()
for kind, pixels in {"": picture["case_0"], "_mask": whole * left, "_mask_1": whole * (~left & (y < 20)),
                     "_mask_2": whole * (~left & (y >= 20))}.items():
    write_png(both / f"case_0{kind}.png", pixels)
    if kind:
        write_png(apart / f"case_0{kind}.png", pixels)
(folder / "list").write_text("case_0\n")
for name, at, list_of in (("one folder", both, []), ("two", apart, ["--cases", folder / "list"])):
    got = run("evaluate", "--model", net, "--images", both if at == both else images, "--masks", at, "--json", *list_of)
    check(f"a mask in parts, {name}", got.returncode == 0 and got.stderr == ""
          and json.loads(got.stdout)["cases"][0] == answer["cases"][0], got.stderr + got.stdout[:300])
(apart / "case_0_mask.png").unlink()
got = run("evaluate", "--model", net, "--images", images, "--masks", apart, "--json", "--cases", folder / "list")
check("parts without a first may be two readers'", got.returncode == 1 and "No mask" in got.stderr, got.stderr)
got = run("evaluate", "--model", net, "--images", images, "--masks", masks, "--limit", 2, "--json")
check("a limit", len(json.loads(got.stdout)["cases"]) == 2, got.stderr)


def fails(name, text, *argv):
    got = run("evaluate", "--model", net, *argv)
    check(name, got.returncode == 1 and got.stdout == "" and text in got.stderr and got.stderr.count("\n") == 1,
          got.stderr)


# Nothing in mask or result counts nowhere; in one only, it is 0.
images2, masks2 = folders("empty")
write_png(images2 / "a.png", np.zeros((9, 9), np.uint8))
write_png(masks2 / "a.png", np.zeros((9, 9), np.uint8))
write_png(images2 / "b.png", np.zeros((9, 9), np.uint8))
write_png(masks2 / "b.png", np.full((9, 9), 255, np.uint8))
answer = json.loads(run("evaluate", "--model", net, "--images", images2, "--masks", masks2, "--json").stdout)
check("in neither", answer["cases"][0]["dice"]["Bright"] is None and answer["cases"][0]["hd95_mm"]["Bright"] is None)
check("in one only", answer["cases"][1]["dice"]["Bright"] == 0 and answer["cases"][1]["hd95_mm"]["Bright"] is None)
check("the mean leaves out what is nowhere", answer["mean_dice"] == 0)

write_png(images2 / "c.png", np.zeros((9, 9), np.uint8))
fails("an image without a mask", "c.png", "--images", images2, "--masks", masks2)
write_png(masks2 / "c.png", np.zeros((9, 8), np.uint8))
fails("a mask of another size", "9 x 9", "--images", images2, "--masks", masks2)
write_png(masks2 / "c.png", np.repeat(np.arange(9, dtype=np.uint8)[None], 9, 0))
fails("a value that is no label", "--map 2=1", "--images", images2, "--masks", masks2)
got = run("evaluate", "--model", net, "--images", images2, "--masks", masks2, "--map", "7=1", "--json")
check("--map", got.returncode == 0 and json.loads(got.stdout)["cases"][2]["dice"]["Bright"] == 0, got.stderr)
(images2 / "c.png").write_bytes((images2 / "c.png").read_bytes()[:40])
fails("a broken PNG", "not a sound PNG", "--images", images2, "--masks", masks2)
fails("no such folder", "not a folder", "--images", folder / "none", "--masks", masks2)
images4, masks4 = folders("mixed")
write_png(images4 / "a.png", np.zeros((9, 9), np.uint8))
nibabel.save(nibabel.Nifti1Image(np.ones((9, 9, 1), np.uint8), np.diag([-2.0, -2.0, 3.0, 1.0])), masks4 / "a.nii")
fails("a picture with a mask that has a place", "both as PNG", "--images", images4, "--masks", masks4)

# NIfTI in three dimensions, millimetres, two labels.
net3 = model("two", "sigmoid3d.onnx", ["High", "Low"], "[output]\nkind = sigmoid\n")
images3, masks3 = folders("nifti")
values = np.where(rng.random((12, 11, 10)) < 0.3, 320, np.where(rng.random((12, 11, 10)) < 0.5, 150, 20))
affine = np.diag([2.0, 2.0, 3.0, 1.0])
nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), affine), images3 / "p1_0000.nii.gz")
nibabel.save(nibabel.Nifti1Image((1 * (values > 300) + 2 * ((values > 100) & (values < 300))).astype(np.uint8), affine),
             masks3 / "p1.nii")
got = run("evaluate", "--model", net3, "--images", images3, "--masks", masks3, "--json")
case = json.loads(got.stdout)["cases"][0] if got.returncode == 0 else {}
check("NIfTI", case and case["hd95_unit"] == "mm" and set(case["dice"]) == {"High", "Low"}, got.stderr)
one = run("evaluate", "--model", net3, "--images", images3 / "p1_0000.nii.gz", "--masks", masks3 / "p1.nii", "--json")
check("one image and one mask", one.returncode == 0 and json.loads(one.stdout)["cases"][0]["dice"] == case["dice"],
      one.stderr)
loose = nibabel.Nifti1Image(np.ones((12, 11, 10), np.uint8), None)
loose.header.set_zooms((1, 2, 3))
nibabel.save(loose, masks3 / "p1.nii")
got = run("evaluate", "--model", net3, "--images", images3, "--masks", masks3)
check("an image with a place, a mask without", got.returncode == 1 and "has no place" in got.stderr, got.stderr)
affine[0, 3] = 900
nibabel.save(nibabel.Nifti1Image(np.ones((12, 11, 10), np.uint8), affine), masks3 / "p1.nii")
got = run("evaluate", "--model", net3, "--images", images3, "--masks", masks3)
check("a mask that lies elsewhere", got.returncode == 1 and "elsewhere" in got.stderr, got.stderr)

# PNG as an input of the other commands.
info = json.loads(run("info", images / "case_2.png", "--json").stdout)
check("info: 16 bit, no spacing", info["voxel_type"] == "u16" and info["spacing_known"] is False
      and info["size"] == [48, 40, 1], info)
check("info: grey RGB", json.loads(run("info", images / "case_1.png", "--json").stdout)["voxel_type"] == "u8")
out = folder / "out.nii.gz"
got = run("segment", images / "case_0.png", "--model", net, "-o", out)
check("segment", got.returncode == 0, got.stderr)
check("segment labels", (nibabel.load(out).get_fdata()[:, ::-1, 0].T == (picture["case_0"] > 100)).all())
got = run("compare", masks / "case_0.png", out, "--json")
check("compare a PNG mask", got.returncode == 0
      and abs(json.loads(got.stdout)["mean_dice"] - dices[0]) < 1e-9, got.stderr + got.stdout)
got = run("render", images / "case_0.png", "--overlay", masks / "case_0.png", "-o", folder / "r.png")
check("render", got.returncode == 0 and (folder / "r.png").stat().st_size > 1000, got.stderr)
got = run("segment", images / "case_0.png", "--model", net, "-o", folder / "out.dcm")
check("no DICOM SEG without a patient", got.returncode == 1 and "not DICOM" in got.stderr, got.stderr)

# What a model says of itself, and what it warns of.
bundle = folder / "bundle"
bundle.mkdir()
shutil.copy(nets / "sigmoid3d.onnx", bundle / "told.onnx")
(bundle / "told.model").write_text("""[model]
id = org.test.told
licence = CC-BY-4.0
accuracy = Dice 0.9 on 3 cases
[input]
mean = 100
std = 100
[output]
kind = sigmoid
[trained-on]
data = 12 cases of nobody
planes = sagittal
[label 1]
name = High
[label 2]
name = Low
""")
got = subprocess.run([cli, "models", "--json"], capture_output=True, text=True,
                     env=dict(os.environ, SAG_PLUGIN_PATH=str(bundle)))
told = [m for m in json.loads(got.stdout)["models"] if m["id"] == "org.test.told"][0]
check("models: the essentials of the card", told["licence"] == "CC-BY-4.0" and told["training_data"]
      == "12 cases of nobody" and told["accuracy"] == "Dice 0.9 on 3 cases" and told["parameters"] == 4
      and told["sha256"] == hashlib.sha256((bundle / "told.onnx").read_bytes()).hexdigest(), told)
got = run("segment", images3 / "p1_0000.nii.gz", "--model", bundle / "told.onnx", "-o", out, "--json")
check("segment warns of other planes", got.returncode == 0 and got.stderr.startswith("! The slices are axial")
      and len(json.loads(got.stdout)["warnings"]) == 1, got.stderr)
got = run("evaluate", "--model", net, "--network", folder / "low.onnx", "--images", images, "--masks", masks, "--json")
check("another network that is not there", got.returncode == 1, got.stderr)
shutil.copy(nets / "sign2d.onnx", folder / "low.onnx")
got = run("evaluate", "--model", net, "--network", folder / "low.onnx", "--images", images, "--masks", masks, "--json")
check("another network", got.returncode == 0 and json.loads(got.stdout)["mean_dice"] == np.mean(dices), got.stderr)

print(f"1..{count}")
shutil.rmtree(folder, ignore_errors=True)
sys.exit(failed > 0)
