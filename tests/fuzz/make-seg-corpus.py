#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/seg: the kinds of segmentation there are, and a structure set, all made from our own
seg-binary.dcm and seg-fractional.dcm (sag_seg_write())."""
import copy
import pathlib

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

here = pathlib.Path(__file__).resolve().parent
to = here / "corpus/seg"
to.mkdir(exist_ok=True)
binary = pydicom.dcmread(here / "corpus/dicom/seg-binary.dcm")
fractional = pydicom.dcmread(here / "corpus/dicom/seg-fractional.dcm")


def save(name, d):
    pydicom.dcmwrite(to / name, d, write_like_original=False)


def masks(d):
    n, r, c = int(d.NumberOfFrames), d.Rows, d.Columns
    return np.unpackbits(np.frombuffer(d.PixelData, np.uint8), bitorder="little")[:n * r * c].reshape(n, r, c)


def put_masks(d, frames):
    bits = np.packbits(np.asarray(frames, np.uint8).ravel(), bitorder="little").tobytes()
    d.PixelData = bits + b"\0" * (len(bits) % 2)
    d.NumberOfFrames = len(frames)


def segment_of(d, f):
    return d.PerFrameFunctionalGroupsSequence[f].SegmentIdentificationSequence[0].ReferencedSegmentNumber


save("binary.dcm", binary)
save("fractional.dcm", fractional)

d = copy.deepcopy(fractional)
d.SegmentationFractionalType = "OCCUPANCY"
d.MaximumFractionalValue = 100
save("occupancy.dcm", d)

# Segments over each other, frames in no order, a segment without frames.
d = copy.deepcopy(binary)
frames = list(masks(d))
groups = list(d.PerFrameFunctionalGroupsSequence)
segment = copy.deepcopy(d.SegmentSequence[0])
segment.SegmentNumber = len(d.SegmentSequence) + 1
empty = copy.deepcopy(segment)
empty.SegmentNumber += 1
d.SegmentSequence.extend([segment, empty])
for f in range(len(groups)):
    if segment_of(d, f) == 1:
        group = copy.deepcopy(groups[f])
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber = segment.SegmentNumber
        groups.append(group)
        frames.append(np.ones_like(frames[f]))
d.PerFrameFunctionalGroupsSequence = Sequence(groups[::-1])
put_masks(d, frames[::-1])
save("overlap.dcm", d)

# A label map, of bytes and of words.
places = {}
for f, mask in enumerate(masks(binary)):
    group = binary.PerFrameFunctionalGroupsSequence[f]
    z = tuple(group.PlanePositionSequence[0].ImagePositionPatient)
    places.setdefault(z, [group, np.zeros(mask.shape, np.uint8)])[1][mask > 0] = segment_of(binary, f)
for name, kind in (("labelmap.dcm", np.uint8), ("labelmap16.dcm", np.uint16)):
    d = copy.deepcopy(binary)
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    d.SegmentationType = "LABELMAP"
    d.BitsAllocated = d.BitsStored = 8 * kind().itemsize
    d.HighBit = d.BitsAllocated - 1
    d.add_new("PixelPaddingValue", "US", 0)
    d.NumberOfFrames = len(places)
    groups = [copy.deepcopy(group) for group, _ in places.values()]
    for group in groups:
        del group.SegmentIdentificationSequence
    d.PerFrameFunctionalGroupsSequence = Sequence(groups)
    d.PixelData = np.stack([labels for _, labels in places.values()]).astype(kind).tobytes()
    d.PixelData += b"\0" * (len(d.PixelData) % 2)
    save(name, d)

# A slide in tiles: no frame says where it lies.
d = copy.deepcopy(binary)
d.DimensionOrganizationType = "TILED_FULL"
d.SegmentSequence = Sequence([d.SegmentSequence[0]])
put_masks(d, list(masks(d)[:4]))
d.TotalPixelMatrixRows, d.TotalPixelMatrixColumns = 2 * d.Rows - 1, 2 * d.Columns - 3
origin = Dataset()
origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 1.5, 2.5
d.TotalPixelMatrixOriginSequence = Sequence([origin])
d.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
measures = copy.deepcopy(d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence)
identity = Dataset()
identity.ReferencedSegmentNumber = 1
shared = Dataset()
shared.PixelMeasuresSequence = measures
shared.SegmentIdentificationSequence = Sequence([identity])
d.SharedFunctionalGroupsSequence = Sequence([shared])
del d.PerFrameFunctionalGroupsSequence
save("tiled-full.dcm", d)

# Big endian, run lengths.
d = copy.deepcopy(binary)
d.is_little_endian, d.is_implicit_VR = False, False
d.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
save("big-endian.dcm", d)
d = copy.deepcopy(fractional)
d.NumberOfFrames = 2
d.PerFrameFunctionalGroupsSequence = Sequence(d.PerFrameFunctionalGroupsSequence[:2])
d.PixelData = d.PixelData[:2 * d.Rows * d.Columns]
d.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")
save("rle.dcm", d)

# A structure set: two boxes, the second with a hole, and a point.
d = Dataset()
d.file_meta = FileMetaDataset()
d.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
d.is_little_endian, d.is_implicit_VR = True, False
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName"):
    setattr(d, keyword, getattr(binary, keyword))
d.Modality, d.StructureSetLabel = "RTSTRUCT", "boxes"


def contour(kind, *points):
    item = Dataset()
    item.ContourGeometricType, item.NumberOfContourPoints = kind, len(points)
    item.ContourData = [v for point in points for v in point]
    return item


def box(a, b, z):
    return contour("CLOSED_PLANAR", (a, a, z), (b, a, z), (b, b, z), (a, b, z))


d.StructureSetROISequence, d.ROIContourSequence = Sequence(), Sequence()
for number, contours in ((1, [box(0, 8, z) for z in (0, 2.5, 5)]),
                         (2, [box(4, 20, 5), box(8.5, 12.5, 5), contour("POINT", (1, 2, 3))])):
    roi, lines = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, f"Box {number}", "MANUAL"
    lines.ReferencedROINumber, lines.ROIDisplayColor, lines.ContourSequence = number, [255, 0, number], Sequence(contours)
    d.StructureSetROISequence.append(roi)
    d.ROIContourSequence.append(lines)
save("structures.dcm", d)
