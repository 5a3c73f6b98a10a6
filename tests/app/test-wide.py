#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""More labels than a byte can tell apart, and numbers above 255: binary and label map SEG, RTSTRUCT, NIfTI. What seg-info,
convert and compare say of them against numpy. Prints TAP. Argument: the sagitta-cli."""
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import nibabel as nib
    import numpy as np
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid
except ImportError:
    print("1..0 # SKIP pydicom or nibabel is not installed")
    sys.exit(0)
warnings.simplefilter("ignore")
cli = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-wide-"))
results = []
SEG, LABELMAP, RTSTRUCT = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.481.3"
COLUMNS, ROWS, SLICES = 24, 20, 8


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=120)


def told(path):
    done = run("seg-info", "--json", path)
    return {l["value"]: l["voxels"] for l in json.loads(done.stdout)["labels"]} if done.returncode == 0 else done.stderr


def check(name, good, why=""):
    results.append((name, bool(good), why))


def counted(volume):
    return {int(v): int(n) for v, n in zip(*np.unique(volume, return_counts=True)) if v != 0}


def new(uid, modality):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID = uid, generate_uid(), ExplicitVRLittleEndian
    d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = uid, meta.MediaStorageSOPInstanceUID, modality
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = generate_uid(), generate_uid(), generate_uid()
    d.PatientName, d.PatientID, d.SeriesNumber, d.InstanceNumber = "Wide", "1", 1, 1
    return d


def item(**values):
    d = Dataset()
    for key, value in values.items():
        setattr(d, key, value)
    return d


def segmentation(uid, numbers, frames, pixels, bits):
    """`frames`: (segment number or None, k)."""
    d = new(uid, "SEG")
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = ROWS, COLUMNS, 1, "MONOCHROME2", 0
    d.BitsAllocated = d.BitsStored = bits
    d.HighBit, d.NumberOfFrames = bits - 1, len(frames)
    d.SegmentationType = "LABELMAP" if uid == LABELMAP else "BINARY"
    code = item(CodeValue="85756007", CodingSchemeDesignator="SCT", CodeMeaning="Tissue")
    d.SegmentSequence = [item(SegmentNumber=n, SegmentLabel=f"S{n}", SegmentAlgorithmType="MANUAL", SegmentedPropertyCategoryCodeSequence=[code],
                              SegmentedPropertyTypeCodeSequence=[code]) for n in numbers]
    d.SharedFunctionalGroupsSequence = [item(PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                                             PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=2, SpacingBetweenSlices=2)])]
    d.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 2 * k])],
             **({} if n is None else {"SegmentIdentificationSequence": [item(ReferencedSegmentNumber=n)]})) for n, k in frames]
    d.PixelData = pixels + b"\0" * (len(pixels) % 2)
    d["PixelData"].VR = "OB" if bits <= 8 else "OW"
    return d


# 600 labels, numbered from 1001, of a few voxels each; 601 of them are described.
volume = np.zeros((SLICES, ROWS, COLUMNS), "uint16")
flat = volume.ravel()
flat[100:100 + 600 * 4] = 1001 + np.arange(600 * 4) // 4
numbers = [*range(1001, 1602)]
truth = counted(volume)

path = work / "labelmap.dcm"
segmentation(LABELMAP, numbers, [(None, k) for k in range(SLICES)], volume.tobytes(), 16).save_as(path, write_like_original=False)
labelmap = told(path)
check("label map of 600 segments", labelmap == truth, labelmap)

frames = [(n, k) for n in numbers for k in range(SLICES) if (volume[k] == n).any()]
bits = np.packbits(np.stack([volume[k] == n for n, k in frames]).ravel(), bitorder="little").tobytes()
binary = work / "binary.dcm"
segmentation(SEG, numbers, frames, bits, 1).save_as(binary, write_like_original=False)
check("binary of 600 segments", told(binary) == truth, told(binary))

few = np.where(volume < 1201, volume, 0)
path = work / "few.dcm"
segmentation(LABELMAP, [n for n in numbers if n < 1201], [(None, k) for k in range(SLICES)], few.tobytes(), 16).save_as(path, write_like_original=False)
check("200 segments keep their numbers", told(path) == counted(few), told(path))

# NIfTI: x and y run the other way.
nifti = work / "wide.nii.gz"
for kind in ("int16", "int32", "float32"):
    image = nib.Nifti1Image(volume.transpose(2, 1, 0).astype(kind), np.diag([-1, -1, 2, 1.]))
    nib.save(image, nifti)
    check(f"NIfTI of {kind}", told(nifti) == truth, told(nifti))
made = work / "made.nii.gz"
for source in (binary, work / "labelmap.dcm"):
    done = run("convert", source, made)
    voxels = np.asarray(nib.load(made).dataobj) if done.returncode == 0 else np.zeros(1)
    check(f"{source.stem} to NIfTI", counted(voxels) == truth and told(made) == truth, done.stderr)
done = run("convert", binary, made, "--label", 1402)
check("one of them", done.returncode == 0 and counted(np.asarray(nib.load(made).dataobj)) == {1402: 4}, done.stderr)
done = run("convert", binary, work / "table.csv")
rows = (work / "table.csv").read_text().splitlines()[1:] if done.returncode == 0 else []
check("all in a table", {int(r.split(",")[0]): int(r.split(",")[2]) for r in rows} == truth, done.stderr)

# Labels are the same where their numbers are, whatever stands for them.
half = np.where(volume % 2 == 0, volume, 0)
nib.save(nib.Nifti1Image(half.transpose(2, 1, 0), np.diag([-1, -1, 2, 1.])), work / "half.nii.gz")
done = run("compare", "--json", binary, work / "half.nii.gz")
dice = {l["value"]: l["dice"] for l in json.loads(done.stdout)["labels"]} if done.returncode == 0 else {}
check("compare by number", dice == {n: float(n % 2 == 0) for n in truth}, done.stderr)

# 300 structures, each a square of 2 x 2 pixels.
d = new(RTSTRUCT, "RTSTRUCT")
d.StructureSetLabel = "WIDE"
d.StructureSetROISequence = [item(ROINumber=n + 1, ROIName=f"R{n}", ROIGenerationAlgorithm="MANUAL") for n in range(300)]
d.ROIContourSequence = []
for n in range(300):
    x, y, z = 4 * (n % 20), 4 * (n // 20 % 5), 3 * (n // 100)
    corners = [x - .4, y - .4, z, x + 1.4, y - .4, z, x + 1.4, y + 1.4, z, x - .4, y + 1.4, z]
    d.ROIContourSequence.append(item(ReferencedROINumber=n + 1, ContourSequence=[
        item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4, ContourData=corners)]))
(work / "rt").mkdir()
d.save_as(work / "rt" / "rt.dcm", write_like_original=False)
structures = told(work / "rt" / "rt.dcm")
check("300 structures", structures == {n + 1: 4 for n in range(300)}, structures)

print(f"1..{len(results)}")
for n, (name, good, why) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {n} {name}")
    if not good:
        print(f"# {str(why)[:300]}")
