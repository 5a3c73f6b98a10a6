#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Series that are not as they should be: tilted, unevenly spaced, with broken files; contours and overlays over them;
and how files want to be shown. Values of
the images made here are linear in patient coordinates, so that every resampled voxel has one right value. Prints TAP.
Arguments: the sagitta-cli to test."""
import json
import pathlib
import subprocess
import sys
import tempfile

cli = sys.argv[1]

try:
    import nibabel
    import numpy as np
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid
except ImportError:
    print("1..0 # SKIP pydicom or nibabel is not installed")
    sys.exit(0)

try:
    from PIL import Image
except ImportError:
    Image = None

SPACING = (2.0, 1.5)  # between rows, between columns
ROWS, COLUMNS = 24, 32


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=100)


def told(*argv):
    done = run(*argv, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def base(sop, modality):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = sop, meta.MediaStorageSOPInstanceUID, modality
    d.PatientName, d.PatientID, d.StudyInstanceUID = "A^B", "1", "1.2.3"
    return d


def value(x, y, z):
    return 3 * x - 2 * y + 5 * z


def series(folder, positions, frame="1.2.3.4.9"):
    """Axial CT slices whose first pixels lie at `positions`; files are named against their order."""
    folder.mkdir(exist_ok=True)
    for n, position in enumerate(positions):
        d = base("1.2.840.10008.5.1.4.1.1.2", "CT")
        d.SeriesInstanceUID, d.FrameOfReferenceUID, d.InstanceNumber = "1.2.3.4", frame, n + 1
        d.ImagePositionPatient = [round(float(p), 6) for p in position]
        d.ImageOrientationPatient, d.PixelSpacing = [1, 0, 0, 0, 1, 0], list(SPACING)
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
        d.BitsAllocated = d.BitsStored = 16
        d.HighBit, d.PixelRepresentation, d.RescaleSlope, d.RescaleIntercept = 15, 1, "0.02", "0"
        j, i = np.mgrid[0:ROWS, 0:COLUMNS]
        v = value(position[0] + i * SPACING[1], position[1] + j * SPACING[0], position[2])
        d.PixelData = np.round(v * 50).astype(np.int16).tobytes()
        d.save_as(str(folder / f"{99 - n:02}.dcm"), write_like_original=False)
    return folder


def check_values(path, lowest, least):
    """Every voxel of a NIfTI file has its value, or the lowest where no slice reached; its grid is even."""
    got = nibabel.load(path)
    a = got.get_fdata()
    ijk = np.stack(np.meshgrid(*map(np.arange, a.shape), indexing="ij"), -1)
    ras = ijk @ got.affine[:3, :3].T + got.affine[:3, 3]
    want = value(-ras[..., 0], -ras[..., 1], ras[..., 2])
    right, empty = np.abs(a - want) < 0.0225, np.abs(a - lowest) < 0.021
    assert (right | empty).all(), f"{(~(right | empty)).sum()} of {a.size} voxels are wrong"
    assert right.mean() > least, f"only {right.mean():.2f} of the voxels have a value"
    assert abs(got.affine[:3, 0] @ got.affine[:3, 2]) < 1e-6 and abs(got.affine[:3, 1] @ got.affine[:3, 2]) < 1e-6
    return a


def kinds(folder):
    return [f["kind"] for f in told("index", folder)["studies"][0]["series"][0]["stacks"][0]["findings"]]


def tilt(work):
    # 15 degrees: for each 3 mm along the normal, 0.8 mm along the columns.
    folder = series(work / "tilt", [(-20, -30 + 3 * k * np.tan(np.radians(15)), 10 + 3 * k) for k in range(12)])
    assert kinds(folder) == ["tilt"]
    out = work / "out.nii"
    assert "resampled" in told("convert", folder, out, "--straighten")["straightened"]
    a = check_values(out, lowest(folder), 0.75)
    assert a.shape[1] > ROWS and a.shape[2] == 12, a.shape
    # Not asked for, nothing is resampled.
    assert told("convert", folder, out)["straightened"] == ""
    assert nibabel.load(out).shape == (COLUMNS, ROWS, 12)


def lowest(folder):
    return told("info", folder)["min"]


def uneven(work):
    z = [0, 2, 4, 6, 8, 13, 18, 23, 25]
    folder = series(work / "uneven", [(5, 6, v) for v in z])
    assert kinds(folder) == ["uneven"]
    out = work / "out.nii"
    assert told("convert", folder, out, "--untilt")["straightened"]
    a = check_values(out, lowest(folder), 0.999)
    assert a.shape == (COLUMNS, ROWS, 13), a.shape


def straight(work):
    folder = series(work / "even", [(0, 0, 2 * k) for k in range(5)])
    out = work / "out.nii"
    assert told("convert", folder, out, "--straighten")["straightened"] == "" and kinds(folder) == []
    check_values(out, 0, 0.999)


def broken(work):
    """One file cut within its pixels, one within its header, one not DICOM: the rest is shown, and it is said."""
    folder = series(work / "broken", [(0, 0, 2 * k) for k in range(10)])
    for n, keep in ((3, 0.5), (6, 0.1)):
        path = folder / f"{99 - n:02}.dcm"
        path.write_bytes(path.read_bytes()[:int(path.stat().st_size * keep)])
    (folder / "notes.txt").write_text("not an image")
    info = told("info", folder)
    text = " ".join(info["findings"])
    assert info["size"] == [COLUMNS, ROWS, 10], info["size"]
    assert "1 of 9 slices cannot be read" in text and "96.dcm" in text and "93.dcm" in text, text
    out = work / "out.nii"
    assert run("convert", folder, out).returncode == 0
    a = nibabel.load(out).get_fdata()
    assert [k for k in range(10) if np.ptp(a[:, :, k]) == 0] == [3, 6]
    # Nothing that can be read: an error, not an empty image.
    for path in folder.glob("*.dcm"):
        path.write_bytes(path.read_bytes()[:-600])
    done = run("info", folder)
    assert done.returncode == 1 and "truncated" in done.stderr, done.stderr


def structure_set(path, rois, frame, series_uid=""):
    """`rois`: name, colour, list of contours (points of three coordinates, mm)."""
    d = base("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT")
    d.SeriesInstanceUID, d.StructureSetLabel = generate_uid(), "PLAN"
    d.StructureSetDate, d.StructureSetTime, d.OperatorsName = "20090312", "1405", "Drawer^Dora"
    study, referenced, of = Dataset(), Dataset(), Dataset()
    referenced.SeriesInstanceUID = series_uid
    study.RTReferencedSeriesSequence = Sequence([referenced])
    of.FrameOfReferenceUID, of.RTReferencedStudySequence = frame, Sequence([study])
    d.ReferencedFrameOfReferenceSequence = Sequence([of])
    names, drawn = [], []
    for n, (name, colour, contours) in enumerate(rois):
        roi, contour = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 10 + n, name, frame
        roi.ROIGenerationAlgorithm = "MANUAL"
        contour.ReferencedROINumber, contour.ROIDisplayColor = 10 + n, colour
        contour.ContourSequence = Sequence()
        for points in contours:
            item = Dataset()
            item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", len(points)
            item.ContourData = [f"{v:.4f}" for p in points for v in p]
            contour.ContourSequence.append(item)
        names.append(roi)
        drawn.append(contour)
    # Contours in another order than their names.
    d.StructureSetROISequence, d.ROIContourSequence = Sequence(names), Sequence(drawn[::-1])
    d.save_as(str(path), write_like_original=False)


def box(x0, y0, x1, y1, z):
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def inside(x0, y0, x1, y1):
    """Pixels whose centre lies in a box, where the first pixel is at (0, 0)."""
    x, y = np.arange(COLUMNS) * SPACING[1], np.arange(ROWS) * SPACING[0]
    return int((((x > x0) & (x < x1))[None] & ((y > y0) & (y < y1))[:, None]).sum())


def contours(work):
    folder = series(work / "ct", [(0, 0, 2 * k) for k in range(6)])
    ring = [c for z in (2, 4) for c in (box(3.1, 5.2, 33.4, 35.3, z), box(10.2, 11.1, 20.3, 25.2, z))]
    over = [box(12.3, 12.2, 40.1, 30.3, 4.2), box(1.1, 1.3, 5.2, 9.4, 8)]  # 0.2 mm beside its slice
    structure_set(folder / "rt.dcm", [("Ring", [255, 0, 0], ring), ("Empty", [0, 0, 9], []), ("Over", [0, 255, 0], over)],
                  "1.2.3.4.9", "1.2.3.4")
    info = told("seg-info", folder / "rt.dcm")
    assert info["segmentation_type"] == "RTSTRUCT" and info["size"] == [COLUMNS, ROWS, 6], info
    assert info["creator"] == "Drawer^Dora", info
    assert info["provenance"]["time"] == "2009-03-12T14:05:00", info["provenance"]
    labels = {label["name"]: label for label in info["labels"]}
    want = 2 * (inside(3.1, 5.2, 33.4, 35.3) - inside(10.2, 11.1, 20.3, 25.2))
    assert labels["Ring"]["voxels"] == want, (labels["Ring"], want)
    assert labels["Ring"]["colour"] == "#ff0000" and labels["Empty"]["voxels"] == 0
    assert labels["Over"]["voxels"] == inside(12.3, 12.2, 40.1, 30.3) + inside(1.1, 1.3, 5.2, 9.4), labels["Over"]
    assert labels["Over"]["layer"] != labels["Ring"]["layer"]
    # Away from its images: on a grid of its own, the same volume to within the edge.
    alone = work / "alone.dcm"
    structure_set(alone, [("Block", [1, 2, 3], [box(3.1, 5.2, 33.4, 35.3, z) for z in (2, 4, 6)])], "1.2.3.4.9")
    label = told("seg-info", alone)["labels"][0]
    assert abs(label["ml"] / (30.3 * 30.1 * 6 / 1000) - 1) < 0.05, label
    # Over images of ours, and shown.
    assert run("render", folder, "--series", "1.2.3.4", "--overlay", folder / "rt.dcm", "-o", work / "o.png").returncode == 0


def contours_as_voxels(work):
    """convert: labels of a structure set as NIfTI, on their images' grid; over each other, one at a time."""
    folder = series(work / "ct", [(0, 0, 2 * k) for k in range(6)])
    a, b = (3.1, 5.2, 33.4, 35.3), (12.3, 12.2, 40.1, 30.3)
    structure_set(work / "rt.dcm", [("A", [255, 0, 0], [box(*a, 2), box(*a, 4)]), ("B", [0, 255, 0], [box(*b, 4)])],
                  "1.2.3.4.9", "1.2.3.4")
    done = run("convert", work / "rt.dcm", work / "all.nii", "--images", folder)
    assert done.returncode == 1 and "--label" in done.stderr, done.stderr
    for label, name, slices in ((1, a, (1, 2)), (2, b, (2,))):
        out = work / "one.nii.gz"
        done = run("convert", work / "rt.dcm", out, "--images", folder, "--label", label)
        assert done.returncode == 0, done.stderr
        got = nibabel.load(out)
        voxels = np.asarray(got.dataobj)
        assert got.shape == (COLUMNS, ROWS, 6) and set(np.unique(voxels)) == {0, label}, got.shape
        assert [int((voxels[..., k] != 0).sum()) for k in range(6)] == [inside(*name) * (k in slices) for k in range(6)]
        want = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, np.diag([-SPACING[1], -SPACING[0], 2, 1])))
        assert np.allclose(nibabel.as_closest_canonical(got).affine, want.affine, atol=1e-5), got.affine


def b_values(work):
    """b-values that scanners keep in elements of their own, in either byte form; files are named against them."""
    for maker, creator, at, vr, values in (
            ("SIEMENS", "SIEMENS MR HEADER", 0x0019100c, "IS", ["0", "500", "1000"]),
            ("GE MEDICAL SYSTEMS", "GEMS_PARM_01", 0x00431039, "IS", [[b, "8", "0", "0"] for b in ("0", "1000000500", "1000")]),
            ("Philips", "Philips Imaging DD 001", 0x20011003, "FL", [0.0, 500.0, 1000.0])):
        for implicit in (False, True):
            folder = work / generate_uid()
            folder.mkdir()
            for n, (b, k) in enumerate((b, k) for k in range(4) for b in (2, 0, 1)):
                d = base("1.2.840.10008.5.1.4.1.1.4", "MR")
                if implicit:
                    d.file_meta.TransferSyntaxUID, d.is_implicit_VR = "1.2.840.10008.1.2", True
                d.SeriesInstanceUID, d.FrameOfReferenceUID, d.InstanceNumber = "1.2.3.4", "1.2.3.4.9", (n * 7) % 12
                d.ImagePositionPatient, d.Manufacturer = [0, 0, 2 * k], maker
                d.ImageOrientationPatient, d.PixelSpacing = [1, 0, 0, 0, 1, 0], list(SPACING)
                d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
                d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
                d.PixelData = np.full((ROWS, COLUMNS), 100 + b, np.uint16).tobytes()
                d.add_new((at & 0xffff0000) + 0x10, "LO", creator)
                d.add_new(at, vr, values[b])
                d.save_as(str(folder / f"{n:02}.dcm"), write_like_original=False)
            stacks = told("index", folder)["studies"][0]["series"][0]["stacks"]
            names = [s["name"] for s in stacks]
            assert sorted(names) == ["b 0", "b 1000", "b 500"], (maker, implicit, names)
            for n, name in enumerate(names, 1):
                got = told("info", folder, "--series", f"1.2.3.4#{n}")
                assert got["min"] == got["max"] == 100 + ["b 0", "b 500", "b 1000"].index(name), (maker, got)


def cine(work):
    """Frames without a place, or at one place again and again: pixels have a size, but nothing has a volume."""
    labels = work / "labels.nii"
    voxels = np.zeros((COLUMNS, ROWS, 5), np.uint8)
    voxels[4:9, 3:11] = 1
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-SPACING[1], -SPACING[0], 1, 1])), labels)
    for name in ("nowhere", "one-place", "volume"):
        d = base("1.2.840.10008.5.1.4.1.1.3.1" if name == "nowhere" else "1.2.840.10008.5.1.4.1.1.4.1", "US")
        d.SeriesInstanceUID, d.FrameOfReferenceUID = generate_uid(), "1.2.3.4.9"
        d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation, d.NumberOfFrames = 8, 8, 7, 0, 5
        d.PixelSpacing = list(SPACING)
        d.PixelData = bytes(ROWS * COLUMNS * 5)
        if name != "nowhere":
            shared, measures, orientation = Dataset(), Dataset(), Dataset()
            measures.PixelSpacing, measures.SliceThickness = list(SPACING), 1
            orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
            d.SharedFunctionalGroupsSequence, d.PerFrameFunctionalGroupsSequence = Sequence([shared]), Sequence()
            for k in range(5):
                frame, place = Dataset(), Dataset()
                place.ImagePositionPatient = [0, 0, k if name == "volume" else 3]
                frame.PlanePositionSequence = Sequence([place])
                d.PerFrameFunctionalGroupsSequence.append(frame)
        d.save_as(str(work / f"{name}.dcm"), write_like_original=False)
        done = run("convert", labels, work / "out.csv", "--images", work / f"{name}.dcm")
        assert done.returncode == 0, done.stderr
        heading, row = ((work / "out.csv").read_text().splitlines() + [""])[:2]
        ml = row.split(",")[heading.split(",").index("ml")]
        assert (ml == "0.6000") if name == "volume" else (ml == ""), (name, row)


def shown(folder, work, *options):
    """The picture of the one slice of `folder`, a pixel a pixel."""
    out = work / "out.png"
    done = run("render", folder, "--size", "32x32", "--no-text", *options, "-o", out)
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(out).convert("RGB"))[..., 0].astype(int)


def picture(work, stored, **fields):
    """One square slice of square pixels, in a folder of its own."""
    folder = work / generate_uid()
    folder.mkdir()
    d = base("1.2.840.10008.5.1.4.1.1.2", "CT")
    d.SeriesInstanceUID, d.FrameOfReferenceUID, d.InstanceNumber = generate_uid(), "1.2", 1
    d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing = [0, 0, 0], [1, 0, 0, 0, 1, 0], [1, 1]
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = *stored.shape, 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 16
    d.HighBit, d.PixelRepresentation, d.RescaleSlope, d.RescaleIntercept = 15, 1, "1", "-100"
    d.PixelData = stored.astype(np.int16).tobytes()
    for name, value in fields.items():
        if name.startswith("x"):
            d.add_new(int(name[1:], 16), *value)
        else:
            setattr(d, name, value)
    d.save_as(str(folder / "a.dcm"), write_like_original=False)
    return folder


def windows(work):
    """Every VOI function of PS3.3 C.11.2, against its equation."""
    if Image is None:
        return "SKIP PIL is not installed"
    stored = np.arange(32 * 32).reshape(32, 32)
    x = stored - 100.0
    c, w = 300.0, 400.0
    linear = np.clip(((x - (c - 0.5)) / (w - 1) + 0.5) * 255, 0, 255)
    exact = np.clip(((x - c) / w + 0.5) * 255, 0, 255)
    sigmoid = 255 / (1 + np.exp(-4 * (x - c) / w))
    window = {"WindowCenter": "300", "WindowWidth": "400"}
    for want, fields in ((linear, {}), (linear, {"VOILUTFunction": "LINEAR"}),
                         (exact, {"VOILUTFunction": "LINEAR_EXACT"}), (sigmoid, {"VOILUTFunction": "SIGMOID"}),
                         (255 - linear, {"PhotometricInterpretation": "MONOCHROME1"}),
                         (255 - linear, {"PresentationLUTShape": "INVERSE"}),
                         (255 - sigmoid, {"PhotometricInterpretation": "MONOCHROME1", "VOILUTFunction": "SIGMOID"})):
        got = shown(picture(work, stored, **window, **fields), work)
        assert np.abs(got - want).max() <= 0.51, (fields, np.abs(got - want).max())
    table = Dataset()
    entries = np.random.default_rng(3).integers(0, 4096, 500)
    table.add_new(0x00283002, "SS", [500, -50, 12])
    table.LUTExplanation = "VENDOR"
    table.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    folder = picture(work, stored, VOILUTSequence=Sequence([table]))
    want = entries[np.clip(x + 50, 0, 499).astype(int)] * 255 / 4095
    got = shown(folder, work)
    assert np.abs(got - want).max() <= 1.01, np.abs(got - want).max()
    info = told("info", folder)
    assert info["windows"][0]["name"] == "VENDOR" and info["voi_lut_function"] == "TABLE", info["windows"]


def graphics(work):
    """Overlay planes: in data of their own, beside the image's edge, and in high bits of the pixels."""
    if Image is None:
        return "SKIP PIL is not installed"
    dark = {"WindowCenter": "1000", "WindowWidth": "400"}
    plane = np.random.default_rng(4).integers(0, 2, (20, 24), np.uint8)
    bits = np.packbits(plane.ravel(), bitorder="little").tobytes()
    overlay = {"x60000010": ("US", 20), "x60000011": ("US", 24), "x60000040": ("CS", "G"), "x60000050": ("SS", [-3, 15]),
               "x60000100": ("US", 1), "x60000102": ("US", 0), "x60003000": ("OW", bits), "x60001500": ("LO", "Marks"), **dark}
    want = np.zeros((32, 32), int)
    want[:16, 14:32] = plane[4:20, :18]
    folder = picture(work, np.zeros((32, 32)), **overlay)
    got = shown(folder, work, "--graphics")
    assert ((got > 0) == (want > 0)).all()
    assert shown(folder, work).max() == 0
    high = np.random.default_rng(5).integers(0, 2, (32, 32))
    embedded = {"x60020010": ("US", 32), "x60020011": ("US", 32), "x60020040": ("CS", "G"), "x60020050": ("SS", [1, 1]),
                "x60020100": ("US", 16), "x60020102": ("US", 14), "BitsStored": 12, "HighBit": 11, **dark}
    got = shown(picture(work, high << 14, **embedded), work, "--graphics")
    assert ((got > 0) == (high > 0)).all()


tests = [tilt, uneven, straight, broken, contours, contours_as_voxels, b_values, cine, windows, graphics]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            note = test(pathlib.Path(work))
            print(f"ok {n} - {test.__name__}" + (f" # {note}" if note else ""))
        except Exception as error:  # any surprise is this test's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {test.__name__}")
