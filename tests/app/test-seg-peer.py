#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seg-info on every segmentation of the data folder, against pydicom and numpy: how many voxels each segment has, and
where their middle lies. Prints TAP. Arguments: the sagitta-cli, the data folder."""
import collections
import copy
import io
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

cli = sys.argv[1]
data = pathlib.Path(os.environ.get("SAGITTA_TEST_DATA") or sys.argv[2])
try:
    import numpy as np
    import pydicom
    from PIL import Image
    from pydicom.encaps import generate_pixel_data_frame
except ImportError:
    print("1..0 # SKIP pydicom or PIL is not installed")
    sys.exit(0)
if not data.exists():
    print("1..0 # SKIP the data folder is not there")
    sys.exit(0)
warnings.simplefilter("ignore")
SEG, LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
DEFLATED_FRAMES, J2K, RLE = "1.2.840.10008.1.2.8.1", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"


def unpack(segment):
    """PackBits (PS3.5 G)."""
    out, at = bytearray(), 0
    while at + 1 < len(segment):
        code = segment[at]
        if code < 128:
            out += segment[at + 1:at + 2 + code]
            at += 2 + code
        elif code > 128:
            out += segment[at + 1:at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    return bytes(out)


def decompressed(d, stream):
    """The bytes of a frame."""
    if d.file_meta.TransferSyntaxUID == DEFLATED_FRAMES:
        return zlib.decompressobj(-15).decompress(stream)
    if d.file_meta.TransferSyntaxUID == J2K:
        return np.asarray(Image.open(io.BytesIO(stream))).astype(np.uint8 if d.BitsAllocated <= 8 else "<u2").tobytes()
    offsets = struct.unpack("<16I", stream[:64])
    planes = [unpack(stream[at:end]) for at, end in zip(offsets[1:], (*offsets[2:offsets[0] + 1], len(stream)))]
    size = d.Rows * d.Columns * d.BitsAllocated // 8 // len(planes)
    return planes[0] if len(planes) == 1 else bytes(v for pair in zip(*(p[:size] for p in planes[::-1])) for v in pair)


def frames_of(d):
    """Numbers as stored."""
    n, shape = int(d.get("NumberOfFrames") or 1), (d.Rows, d.Columns)
    pixels, raw = shape[0] * shape[1], d.PixelData
    if d.file_meta.TransferSyntaxUID in (DEFLATED_FRAMES, J2K, RLE):
        frames = [decompressed(d, stream) for stream in generate_pixel_data_frame(raw, n)]
        if d.BitsAllocated == 1 and d.file_meta.TransferSyntaxUID != J2K:
            return np.stack([np.unpackbits(np.frombuffer(f, np.uint8), bitorder="little")[:pixels].reshape(shape) for f in frames])
        raw = b"".join(frames)
    elif d.BitsAllocated == 1:
        if d.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2" and d["PixelData"].VR == "OW":
            raw = np.frombuffer(raw, np.uint16).byteswap().tobytes()
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        return bits[:n * pixels].reshape(n, *shape)
    return np.frombuffer(raw, np.uint8 if d.BitsAllocated <= 8 else "<u2")[:n * pixels].reshape(n, *shape)


def group(d, f, name):
    for g in (d.PerFrameFunctionalGroupsSequence[f] if "PerFrameFunctionalGroupsSequence" in d else {}, d.SharedFunctionalGroupsSequence[0]):
        if name in g and len(g[name].value):
            return g[name].value[0]
    return None


def measure(d):
    """Segment number: (places of its voxels as rows x, y, z, or of its pixels in the slide)."""
    stored = frames_of(d)
    found = collections.defaultdict(set)
    measures = group(d, 0, "PixelMeasuresSequence")
    spacing = [float(v) for v in measures.PixelSpacing] if measures is not None else [1.0, 1.0]
    full = d.get("DimensionOrganizationType") == "TILED_FULL"
    tiles = (-(-d.get("TotalPixelMatrixRows", 1) // d.Rows)) * (across := -(-d.get("TotalPixelMatrixColumns", 1) // d.Columns))
    most = int(d.get("MaximumFractionalValue", 255))
    for f, frame in enumerate(stored):
        place, turn, slide = (group(d, f, "PlanePositionSequence"), group(d, f, "PlaneOrientationSequence"), group(d, f, "PlanePositionSlideSequence"))
        if d.SOPClassUID == LABELMAP:
            padding = d.get("PixelPaddingValue", 0)
            masks = {int(v): frame == v for v in np.unique(frame) if v != padding}
        else:
            number = d.SegmentSequence[f // tiles].SegmentNumber if full else group(d, f, "SegmentIdentificationSequence").ReferencedSegmentNumber
            masks = {number: 2 * frame.astype(int) >= most if d.SegmentationType == "FRACTIONAL" else frame > 0}
        for number, mask in masks.items():
            rows, columns = np.nonzero(mask)
            if full or slide is not None:
                at = (f % tiles // across * d.Rows, f % across * d.Columns) if full else (slide.RowPositionInTotalImagePixelMatrix - 1, slide.ColumnPositionInTotalImagePixelMatrix - 1)
                inside = (rows + at[0] < d.TotalPixelMatrixRows) & (columns + at[1] < d.TotalPixelMatrixColumns)
                points = np.c_[(columns + at[1]) * spacing[1], (rows + at[0]) * spacing[0], np.zeros(len(rows))][inside]
            elif place is None:
                points = np.c_[columns * spacing[1], rows * spacing[0], np.full(len(rows), f)]
            else:
                o = np.array([float(v) for v in turn.ImageOrientationPatient])
                points = (np.array([float(v) for v in place.ImagePositionPatient]) + columns[:, None] * spacing[1] * o[:3] + rows[:, None] * spacing[0] * o[3:])
            found[number].update(map(tuple, np.round(points, 6).tolist()))
    return found


results = []
for path in sorted(p for place in (data / "dicom-matrix", *(data / "series").glob("*/SEG*")) for p in place.rglob("*") if p.is_file()):
    if "fuzz" in path.parts:
        continue
    try:
        if pydicom.dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).get("SOPClassUID") not in (SEG, LABELMAP):
            continue
        d = pydicom.dcmread(path)
    except Exception:
        continue
    truth = measure(d)
    done = subprocess.run([cli, "seg-info", str(path), "--json"], capture_output=True, text=True)
    name = str(path.relative_to(data))
    if done.returncode:
        results.append((name, False, done.stderr))
        continue
    wrong = []
    ours = {label["value"]: label for label in json.loads(done.stdout)["labels"]}
    background = d.SOPClassUID == LABELMAP
    fit = all(0 < segment.SegmentNumber < 256 for segment in d.SegmentSequence) or 0 not in truth  # else they are numbered anew
    for segment in d.SegmentSequence:
        places = truth.get(segment.SegmentNumber, set())
        label = ours.get(segment.SegmentNumber) if fit else next((v for v in ours.values() if v["name"] == segment.SegmentLabel), None)
        if segment.SegmentedPropertyTypeCodeSequence[0].get("CodeValue") == "125040":
            continue  # background is no label
        if label is None:
            if places or not background:
                wrong.append(f"segment {segment.SegmentNumber} is not there")
            continue
        if label["voxels"] != len(places):
            wrong.append(f"segment {segment.SegmentNumber}: {label['voxels']} voxels, not {len(places)}")
        elif places:
            off = np.abs(np.array(list(places)).mean(0) - (label.get("centroid_lps") or label["centroid_grid"])).max()
            if off > 0.01:
                wrong.append(f"segment {segment.SegmentNumber}: {off:.3f} mm off")
    results.append((name, not wrong, "; ".join(wrong[:5])))

# A radiograph's says no place in the patient: no unit is made up for it.
flat = data / "dicom-matrix/highdicom/seg_image_cr_binary.dcm"
if flat.exists():
    told = json.loads(subprocess.run([cli, "seg-info", "--json", flat], capture_output=True, text=True).stdout)
    same = json.loads(subprocess.run([cli, "compare", "--json", flat, flat], capture_output=True, text=True).stdout)["labels"]
    stl = subprocess.run([cli, "convert", flat, f"{os.devnull}/x.stl", "--label", "1"], capture_output=True, text=True)
    results.append(("no millilitres without a place", told["has_place"] is False and all(v["ml"] is None for v in told["labels"]), told))
    results.append(("no millimetres either", bool(same) and all(v["dice"] == 1 and v["hd95_mm"] is None and v["ml_a"] is None for v in same), same))
    results.append(("and no surface", stl.returncode == 1 and "no place" in stl.stderr, stl.stderr))
# A table of structures larger than a byte: those that are in the images are shown, by their names.
with tempfile.TemporaryDirectory() as folder:
    many = pathlib.Path(folder) / "many.dcm"
    for corpus, n, name in (("labelmap16", 3, "label map"), ("labelmap16", 256, "label map"), ("binary", 3, "binary")):
        d = pydicom.dcmread(pathlib.Path(__file__).parents[1] / f"fuzz/corpus/seg/{corpus}.dcm")
        first = d.SegmentSequence[0]
        d.SegmentSequence = pydicom.Sequence([copy.deepcopy(first) for _ in range(400)])
        for s, segment in enumerate(d.SegmentSequence):
            segment.SegmentNumber, segment.SegmentLabel = 1000 + 7 * s, f"S{s}"
        if corpus == "binary":
            for group in d.PerFrameFunctionalGroupsSequence:
                group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 1000 + 7 * 30
            want = {"S30"}
        else:
            pixels = np.zeros(d.NumberOfFrames * d.Rows * d.Columns, np.uint16)
            if pixels.size < n + 2:  # a larger picture
                d.Rows, d.Columns = 20, 30
                pixels = np.zeros(d.NumberOfFrames * 600, np.uint16)
            pixels[2 : n + 2] = [1000 + 7 * (s + 50) for s in range(n)]
            d.PixelData = pixels.tobytes()
            want = {f"S{s + 50}" for s in range(n)}
        pydicom.dcmwrite(many, d, write_like_original=False)
        done = subprocess.run([cli, "seg-info", "--json", many], capture_output=True, text=True)
        told = {label["name"] for label in json.loads(done.stdout)["labels"]} if done.returncode == 0 else set()
        results.append((f"{n} of 400 segments of a {name}", told == want, done.stderr or told))
print(f"1..{len(results)}")
for k, (name, good, why) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}" + ("" if good else f"\n# {why}"))
sys.exit(not all(good for _, good, _ in results))
