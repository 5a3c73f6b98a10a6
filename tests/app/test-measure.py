#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#
# test-measure.py SAGITTA-CLI: `measure` against numpy and pydicom, its report read back by pydicom and judged
# by dsrdump and dciodvfy where they are installed.
import csv
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import pydicom
except ImportError as missing:
    print("1..0 # SKIP", missing)
    sys.exit(0)

cli, number = sys.argv[1], 0


def check(good, what):
    global number
    number += 1
    print("ok" if good else "not ok", number, "-", what, flush=True)
    return good


def run(*arguments):
    return subprocess.run([cli, *arguments], capture_output=True, text=True)


def read_volume(folder):
    files = [pydicom.dcmread(os.path.join(folder, f)) for f in os.listdir(folder)]
    files.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    voxels = np.stack([d.pixel_array.astype(float) * float(d.RescaleSlope) + float(d.RescaleIntercept)
                       for d in files])
    return files, voxels  # [k, j, i]


def numbers(item, out):
    """Every NUM of the tree: (concept, derivation) -> value, unit."""
    for child in getattr(item, "ContentSequence", []):
        if child.ValueType == "NUM":
            derivation = ""
            for below in getattr(child, "ContentSequence", []):
                if below.ValueType == "CODE":
                    derivation = below.ConceptCodeSequence[0].CodeMeaning
            value = child.MeasuredValueSequence[0]
            out[child.ConceptNameCodeSequence[0].CodeMeaning, derivation] = (
                float(value.NumericValue), value.MeasurementUnitsCodeSequence[0].CodeValue)
        numbers(child, out)
    return out


def find(item, meaning):
    found = []
    for child in getattr(item, "ContentSequence", []):
        if "ConceptNameCodeSequence" in child and child.ConceptNameCodeSequence[0].CodeMeaning == meaning:
            found.append(child)
        found += find(child, meaning)
    return found

def write_tilted(folder):
    """Pixels that are no squares, slices that are no cubes, axes that are the patient's nowhere."""
    from pydicom.dataset import FileDataset, FileMetaDataset

    os.mkdir(folder)
    study, series, frame = (pydicom.uid.generate_uid() for _ in range(3))
    turn = np.linalg.qr(np.array([[0.9, 0.2, -0.3], [-0.1, 0.95, 0.25], [0.4, -0.2, 0.85]]))[0]
    turn *= np.sign(np.diag(turn))  # columns: along a row, down a column, from slice to slice
    turn[:, 2] = np.cross(turn[:, 0], turn[:, 1])
    k, j, i = np.mgrid[0:18, 0:36, 0:44]
    voxels = (300 * np.sin(i / 5) + 200 * np.cos(j / 4 + k / 3) + 13 * ((3 * i + 5 * j + 7 * k) % 11)).astype(np.int16)
    for n in range(18):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", pydicom.uid.generate_uid()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        d.is_little_endian, d.is_implicit_VR = True, False
        d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = study, series, frame
        d.PatientName, d.PatientID, d.PatientBirthDate, d.PatientSex = "Tilted", "T1", "", ""
        d.StudyDate, d.StudyTime, d.AccessionNumber, d.StudyID, d.ReferringPhysicianName = "20260101", "120000", "", "1", ""
        d.Modality, d.SeriesNumber, d.InstanceNumber, d.ImageType = "CT", 1, n + 1, ["ORIGINAL", "PRIMARY", "AXIAL"]
        d.ImagePositionPatient = ["%.9g" % v for v in np.array([-20, 35, 7]) + n * 2.4 * turn[:, 2]]
        d.ImageOrientationPatient = ["%.9g" % v for v in [*turn[:, 0], *turn[:, 1]]]
        d.PixelSpacing, d.SliceThickness = ["1.3", "0.7"], "2.4"
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = 36, 44, 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
        d.RescaleIntercept, d.RescaleSlope, d.RescaleType = "0", "1", "HU"
        d.PixelData = voxels[n].tobytes()
        d.save_as(os.path.join(folder, "%02d.dcm" % n), write_like_original=False)
    return voxels.astype(float), turn, np.array([0.7, 1.3, 2.4]), np.array([-20, 35, 7])


def measure_alone(kind, points, right, down, voxels, turn, spacing, origin, in_slice):
    """What a figure measures: by numpy, and by the definitions of engine/image/roi.h alone."""
    p = np.array(points)
    out = {}
    if kind == "length":
        out["length_mm"] = np.linalg.norm(p[1] - p[0])
    elif kind == "angle":
        a, b = p[0] - p[1], p[2] - p[1]
        out["angle_deg"] = math.degrees(math.atan2(np.linalg.norm(np.cross(a, b)), a @ b))
    elif kind == "cobb":
        a, b = p[1] - p[0], p[3] - p[2]
        out["angle_deg"] = math.degrees(math.atan2(np.linalg.norm(np.cross(a, b)), abs(a @ b)))
    elif kind == "bidirectional":
        out["width_mm"], out["length_mm"] = sorted([np.linalg.norm(p[1] - p[0]), np.linalg.norm(p[3] - p[2])])
    if out:
        return out
    flat = (p - p[0]) @ np.array([right, down]).T
    low, high = flat.min(0), flat.max(0)
    middle, half = (low + high) / 2, (high - low) / 2
    if kind == "rectangle":
        area = np.prod(high - low)
    elif kind == "ellipse":
        area = math.pi * np.prod(half)
    else:
        x, y = flat.T
        area = abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2

    def holds(u, v):
        if kind == "rectangle":
            return (abs(u - middle[0]) <= half[0] + 1e-9) & (abs(v - middle[1]) <= half[1] + 1e-9)
        if kind == "ellipse":
            return ((u - middle[0]) / half[0]) ** 2 + ((v - middle[1]) / half[1]) ** 2 <= 1 + 1e-9
        inside = np.zeros(u.shape, bool)
        for a, b in zip(flat, np.roll(flat, -1, 0)):
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= ((a[1] > v) != (b[1] > v)) & (u < (b[0] - a[0]) * (v - a[1]) / (b[1] - a[1]) + a[0])
        return inside

    if in_slice:
        k = round(((p[0] - origin) @ turn)[2] / spacing[2])
        jj, ii = np.mgrid[0:voxels.shape[1], 0:voxels.shape[2]]
        at = origin + (np.stack([ii, jj, np.full_like(ii, k)], -1) * spacing) @ turn.T - p[0]
        values = voxels[k][holds(at @ right, at @ down)]
    else:
        step = spacing.min()
        u, v = (low[a] + (np.arange(math.ceil((high[a] - low[a]) / step)) + 0.5) * step for a in (0, 1))
        u, v = np.meshgrid(u, v)
        at = (p[0] + u[..., None] * right + v[..., None] * down)[holds(u, v)]
        ijk = (at - origin) @ turn / spacing
        base = np.floor(ijk).astype(int)
        part = ijk - base
        values = np.zeros(len(at))
        for corner in np.ndindex(2, 2, 2):
            w = np.prod(np.where(corner, part, 1 - part), 1)
            i, j, k = (base + corner).T
            values += w * voxels[k, j, i]
    return {"area_mm2": area, "pixels": values.size, "mean": values.mean(), "sd": values.std(),
            "min": values.min(), "max": values.max()}


with tempfile.TemporaryDirectory() as work:
    made = run("phantom", os.path.join(work, "p"), "--size", "64x64x20")
    folder = os.path.join(work, "p", "ct")
    check(made.returncode == 0 and os.path.isdir(folder), "a phantom is made")
    files, voxels = read_volume(folder)
    first = files[0]
    row, column = (float(v) for v in first.PixelSpacing)
    spacing = abs(float(files[1].ImagePositionPatient[2]) - float(first.ImagePositionPatient[2]))

    figures = [
        {"kind": "length", "points_ijk": [[10, 10, 5], [40, 30, 12]], "name": "across"},
        {"kind": "rectangle", "points_ijk": [[20, 22, 8], [41, 37, 8]]},
        {"kind": "ellipse", "points_ijk": [[15, 20, 8], [49, 44, 8]]},
        {"kind": "freehand", "points_ijk": [[10.31, 10.47, 8], [50.62, 12.53, 8], [45.18, 50.79, 8], [20.44, 40.26, 8]]},
        {"kind": "angle", "points_ijk": [[10, 10, 8], [30, 10, 8], [40, 25, 8]]},
        {"kind": "cobb", "points_ijk": [[10, 10, 8], [30, 12, 8], [10, 40, 8], [30, 30, 8]]},
        {"kind": "bidirectional", "points_ijk": [[10, 10, 8], [30, 12, 8], [18, 4, 8], [20, 19, 8]]},
    ]
    listed, table, report = (os.path.join(work, n) for n in ("figures.json", "out.csv", "out.dcm"))
    with open(listed, "w") as file:
        json.dump(figures, file)
    done = run("measure", folder, "--figures", listed, "--csv", table, "--sr", report, "--json")
    if not check(done.returncode == 0, "figures are measured: " + done.stderr.strip()):
        print("1..%d" % number)
        sys.exit(1)
    got = json.loads(done.stdout)["measurements"]

    # An independent computation.
    def mm(p):
        return np.array([p[0] * column, p[1] * row, p[2] * spacing])

    def angle(a, b):
        return math.degrees(math.acos(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)))

    p = [[mm(q) for q in f["points_ijk"]] for f in figures]
    jj, ii = np.mgrid[0:voxels.shape[1], 0:voxels.shape[2]]
    rectangle = (ii >= 20) & (ii <= 41) & (jj >= 22) & (jj <= 37)
    ellipse = ((ii - 32) / 17) ** 2 + ((jj - 32) / 12) ** 2 <= 1
    corners = figures[3]["points_ijk"]
    inside = np.zeros_like(ellipse)
    for a, b in zip(corners, corners[1:] + corners[:1]):
        crosses = (a[1] > jj) != (b[1] > jj)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (ii < (b[0] - a[0]) * (jj - a[1]) / (b[1] - a[1]) + a[0])

    def near(value, wanted, what, tolerance=1e-6):
        check(value is not None and abs(value - wanted) <= tolerance * max(1, abs(wanted)),
              "%s: %s, numpy %s" % (what, value, wanted))

    near(got[0]["length_mm"], np.linalg.norm(p[0][1] - p[0][0]), "length")
    for n, mask, what in (1, rectangle, "rectangle"), (2, ellipse, "ellipse"), (3, inside, "freehand"):
        values = voxels[8][mask]
        check(got[n]["pixels"] == values.size, "%s: %d pixels, numpy %d" % (what, got[n]["pixels"], values.size))
        for key, wanted in ("mean", values.mean()), ("sd", values.std()), ("min", values.min()), ("max", values.max()):
            near(got[n][key], wanted, what + " " + key)
    near(got[1]["area_mm2"], 21 * column * 15 * row, "rectangle area")
    near(got[2]["area_mm2"], math.pi * 17 * column * 12 * row, "ellipse area")
    shoelace = abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1]))) / 2
    near(got[3]["area_mm2"], shoelace * row * column, "freehand area")
    near(got[4]["angle_deg"], angle(p[4][0] - p[4][1], p[4][2] - p[4][1]), "angle")
    cobb = angle(p[5][1] - p[5][0], p[5][3] - p[5][2])
    near(got[5]["angle_deg"], min(cobb, 180 - cobb), "Cobb angle")
    axes = sorted([np.linalg.norm(p[6][1] - p[6][0]), np.linalg.norm(p[6][3] - p[6][2])])
    near(got[6]["length_mm"], axes[1], "long axis")
    near(got[6]["width_mm"], axes[0], "short axis")

    # The table.
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    check(len(rows) == 7 and rows[0]["name"] == "across" and rows[0]["length_unit"] == "mm", "seven rows of CSV")
    near(float(rows[2]["mean"]), got[2]["mean"], "the table's mean")

    # The report.
    sr = pydicom.dcmread(report)
    check(sr.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR")
    check(sr.ContentTemplateSequence[0].TemplateIdentifier == "1500", "TID 1500")
    check(sr.StudyInstanceUID == first.StudyInstanceUID and sr.PatientID == first.PatientID, "of the same study")
    groups = find(sr, "Measurement Group")
    check(len(groups) == 7, "a group each")
    values = numbers(groups[2], {})
    near(values["Attenuation Coefficient", "Mean"][0], got[2]["mean"], "mean in the report")
    check(values["Attenuation Coefficient", "Mean"][1] == "[hnsf'U]", "in Hounsfield units")
    near(values["Area", ""][0], got[2]["area_mm2"], "area in the report")
    region = find(groups[2], "Image Region")[0]
    check(region.ValueType == "SCOORD3D" and region.GraphicType == "ELLIPSE" and len(region.GraphicData) == 12
          and region.ReferencedFrameOfReferenceUID == first.FrameOfReferenceUID, "an ellipse in space")
    ends = np.array(region.GraphicData).reshape(4, 3)
    near(np.linalg.norm(ends[1] - ends[0]), 34 * column, "its major axis", 1e-5)
    length = numbers(groups[0], {})["Length", ""]
    near(length[0], got[0]["length_mm"], "length in the report")
    referenced = {i.ReferencedSOPInstanceUID
                  for i in sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence}
    check(referenced == {f.SOPInstanceUID for f in files}, "evidence names every image")

    if shutil.which("dsrdump"):
        dumped = subprocess.run(["dsrdump", report], capture_output=True, text=True)
        check(dumped.returncode == 0 and "E:" not in dumped.stderr,
              "dsrdump reads it " + dumped.stderr.strip()[:300])
    if shutil.which("dciodvfy"):
        judged = subprocess.run(["dciodvfy", report], capture_output=True, text=True)
        errors = [l for l in (judged.stderr + judged.stdout).splitlines() if l.startswith("Error")]
        check(not errors, "dciodvfy: %s" % "; ".join(errors[:5]))

    # Every tool on a slice of a tilted series whose pixels are no squares, and on a plane oblique to it.
    folder = os.path.join(work, "tilted")
    voxels, turn, spacing, origin = write_tilted(folder)
    shapes = {"length": [(-6, -5), (7, 4)], "rectangle": [(-6.2, -7.1), (7.3, 5.9)], "ellipse": [(-7.9, -6.2), (6.1, 8.7)],
              "freehand": [(-8.13, -6.31), (6.41, -7.17), (7.93, 4.71), (1.17, 1.03), (-5.59, 7.77)],
              "angle": [(-6, -5), (1, 2), (7, -4)], "cobb": [(-8, -5), (4, -3), (-7, 6), (6, 1)],
              "bidirectional": [(-8, -5), (7, 3), (2, -4), (-3, 5)]}
    c, t = math.cos(0.6), math.sin(0.6)
    planes = {"slice": (turn[:, 0], turn[:, 1], 9.0),
              "oblique": (c * turn[:, 0] + t * turn[:, 2], turn[:, 1] * math.cos(0.4) + math.sin(0.4) * (c * turn[:, 2] - t * turn[:, 0]), 8.3)}
    figures, wanted = [], []
    for plane, (right, down, k) in planes.items():
        middle = origin + (np.array([22, 18, k]) * spacing) @ turn.T
        for kind, corners in shapes.items():
            points = [middle + u * right + v * down for u, v in corners]
            figures.append({"kind": kind, "points": [[float(x) for x in p] for p in points], "name": plane + " " + kind,
                            "right": [float(x) for x in right], "down": [float(x) for x in down]})
            wanted.append(measure_alone(kind, points, right, down, voxels, turn, spacing, origin, plane == "slice"))
    with open(listed, "w") as file:
        json.dump(figures, file)
    done = run("measure", folder, "--figures", listed, "--csv", table, "--sr", report, "--json")
    check(done.returncode == 0, "figures on tilted slices are measured: " + done.stderr.strip())
    got = json.loads(done.stdout)["measurements"] if done.returncode == 0 else []
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    groups = find(pydicom.dcmread(report), "Measurement Group")
    check(len(got) == len(rows) == len(groups) == len(figures), "all of them, in the table and in the report")
    columns = {"length_mm": "length", "width_mm": "width", "angle_deg": "angle_deg", "area_mm2": "area"}
    concepts = {"length_mm": ("Length", ""), "angle_deg": ("Angle", ""), "area_mm2": ("Area", ""), "mean": ("Attenuation Coefficient", "Mean"),
                "sd": ("Attenuation Coefficient", "Standard Deviation"), "min": ("Attenuation Coefficient", "Minimum"),
                "max": ("Attenuation Coefficient", "Maximum")}
    for figure, want, have, row, group in zip(figures, wanted, got, rows, groups):
        said = numbers(group, {})
        for key, value in want.items():
            near(have.get(key), value, figure["name"] + " " + key, 1e-6)
            near(float(row[columns.get(key, key)]), value, "in the table", 1e-5)
            if figure["kind"] == "bidirectional":
                concept = {"length_mm": ("Long Axis", ""), "width_mm": ("Short Axis", "")}[key]
            else:
                concept = concepts.get(key)
            if concept is not None:
                near(said.get(concept, (None,))[0], value, "in the report", 1e-5)

    # What makes no sense is refused in a sentence.
    for text in '{"a": 1}', '[{"kind": "length", "points": [[0, 0, 0]]}]', '[{"kind": "x", "points": []}]', "[":
        with open(listed, "w") as file:
            file.write(text)
        refused = run("measure", folder, "--figures", listed)
        check(refused.returncode == 1 and len(refused.stderr.strip().splitlines()) == 1, "refused: " + text)
print("1..%d" % number)
