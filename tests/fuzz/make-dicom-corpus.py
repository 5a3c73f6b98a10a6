#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the rest of tests/fuzz/corpus/dicom: every codec, byte order and kind of image, all made from our own ct.dcm
(sag_dicom_write_ct_series()) with pydicom, the tools of DCMTK and OpenJPEG's opj_compress."""
import copy
import pathlib
import struct
import subprocess
import tempfile

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

here = pathlib.Path(__file__).resolve().parent
to = here / "corpus/dicom"
ct = pydicom.dcmread(to / "ct.dcm")
# What no reader looks at only makes the files longer.
for keyword in ("ImageComments", "StudyDescription", "ManufacturerModelName", "DataCollectionDiameter", "Exposure",
                "ReconstructionDiameter", "SoftwareVersions", "ConvolutionKernel", "ContentDate", "ContentTime", "KVP"):
    if keyword in ct:
        delattr(ct, keyword)
rng = np.random.default_rng(1)
r, c = ct.Rows, ct.Columns


def item(**attributes):
    d = Dataset()
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    return Sequence([d])


def save(name, d):
    pydicom.dcmwrite(to / name, d, write_like_original=False)


def syntax(d, uid, implicit=False, little=True):
    d.is_little_endian, d.is_implicit_VR = little, implicit
    d.file_meta.TransferSyntaxUID = uid
    return d


def put(d, voxels, photometric="MONOCHROME2", bits=None):
    d.SamplesPerPixel = 3 if voxels.ndim > 2 and voxels.shape[-1] == 3 else 1
    if d.SamplesPerPixel == 3:
        d.PlanarConfiguration = 0
    d.PhotometricInterpretation = photometric
    d.BitsAllocated = 8 * voxels.dtype.itemsize
    d.BitsStored = bits or d.BitsAllocated
    d.HighBit = d.BitsStored - 1
    d.PixelRepresentation = int(voxels.dtype.kind == "i")
    data = voxels.tobytes()
    d.PixelData = data + b"\0" * (len(data) % 2)
    d["PixelData"].VR = "OB" if d.BitsAllocated == 8 else "OW"
    return d


def tool(name, *options, source):
    with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
        pydicom.dcmwrite(file.name, source, write_like_original=False)
        subprocess.run([*options, file.name, to / name], check=True)


words = (rng.integers(0, 1000, (r, c)) + 200).astype(np.uint16)
bytes_ = rng.integers(0, 256, (r, c)).astype(np.uint8)
colour = rng.integers(0, 256, (r, c, 3)).astype(np.uint8)
plain12 = put(copy.deepcopy(ct), words, bits=12)
plain8 = put(copy.deepcopy(ct), bytes_)
rgb = put(copy.deepcopy(ct), colour, "RGB")

# The order of bytes.
save("big-endian.dcm", syntax(put(copy.deepcopy(ct), words.astype(">u2"), bits=12), pydicom.uid.ExplicitVRBigEndian, little=False))
save("implicit.dcm", syntax(copy.deepcopy(plain12), pydicom.uid.ImplicitVRLittleEndian, implicit=True))
save("deflated.dcm", syntax(copy.deepcopy(plain12), pydicom.uid.DeflatedExplicitVRLittleEndian))

# Codecs.
tool("jpeg.dcm", "dcmcjpeg", "+eb", "+un", source=plain8)
tool("jpeg-extended.dcm", "dcmcjpeg", "+ee", "+un", source=plain12)
tool("jpeg-lossless.dcm", "dcmcjpeg", "+e1", "+un", source=plain12)
tool("jpeg-colour.dcm", "dcmcjpeg", "+eb", "+un", source=rgb)
tool("jpeg-ls.dcm", "dcmcjpls", "+un", source=plain12)
tool("rle.dcm", "dcmcrle", "+un", source=plain12)
tool("rle-colour.dcm", "dcmcrle", "+un", source=rgb)
for name, source, voxels, suffix in (("jpeg2000.dcm", plain8, bytes_, "pgm"), ("jpeg2000-colour.dcm", rgb, colour, "ppm")):
    with tempfile.TemporaryDirectory() as folder:
        picture, stream = pathlib.Path(folder, "p." + suffix), pathlib.Path(folder, "p.j2k")
        picture.write_bytes(b"P%d\n%d %d\n255\n" % (5 if suffix == "pgm" else 6, c, r) + voxels.tobytes())
        subprocess.run(["opj_compress", "-n", "2", "-i", picture, "-o", stream], check=True, stdout=subprocess.DEVNULL)
        d = syntax(copy.deepcopy(source), pydicom.uid.JPEG2000Lossless)
        d.PixelData = encapsulate([stream.read_bytes()])
        d["PixelData"].is_undefined_length = True
        save(name, d)

# Tables: palette, modality, VOI, an overlay of its own and one in the pixels.
d = put(copy.deepcopy(ct), (bytes_ % 16).astype(np.uint8), "PALETTE COLOR")
for name in ("Red", "Green", "Blue"):
    d.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [16, 0, 16])
    setattr(d, f"{name}PaletteColorLookupTableData", rng.integers(0, 65536, 16).astype("<u2").tobytes())
save("palette.dcm", d)
d = put(copy.deepcopy(ct), (words % 64).astype(np.uint16), "MONOCHROME1", bits=6)
for keyword in ("RescaleIntercept", "RescaleSlope", "RescaleType"):
    delattr(d, keyword)
for name, table, attributes in (("ModalityLUTSequence", range(0, 6400, 100), {"ModalityLUTType": "US"}),
                                ("VOILUTSequence", range(0, 256, 16), {"LUTExplanation": "tight"})):
    setattr(d, name, item(**attributes))
    lut = getattr(d, name)[0]
    lut.add_new("LUTDescriptor", "US", [len(table), 0, 16])
    lut.add_new("LUTData", "US", list(table))
for group, origin, at in ((0x6000, [1, 1], 0), (0x6002, [-2, 4], 12)):
    d.add_new((group, 0x0010), "US", r)
    d.add_new((group, 0x0011), "US", c)
    d.add_new((group, 0x0040), "CS", "G")
    d.add_new((group, 0x0050), "SS", origin)
    d.add_new((group, 0x0100), "US", 1 if at == 0 else 16)
    d.add_new((group, 0x0102), "US", at)
    if at == 0:
        bits = np.packbits(rng.integers(0, 2, r * c).astype(np.uint8), bitorder="little").tobytes()
        d.add_new((group, 0x3000), "OW", bits + b"\0" * (len(bits) % 2))
save("tables.dcm", d)

# Other numbers, other pictures.
d = copy.deepcopy(ct)
del d.PixelData, d.BitsStored, d.HighBit, d.PixelRepresentation
d.BitsAllocated = 32
d.FloatPixelData = rng.random((r, c), np.float32).astype("<f4").tobytes()
save("float.dcm", d)
d = put(copy.deepcopy(ct), colour[:, : c // 2 * 2], "YBR_FULL_422")
d.Columns = c // 2 * 2
d.PixelData = rng.integers(0, 256, r * d.Columns * 2).astype(np.uint8).tobytes()
save("ybr422.dcm", d)
d = put(copy.deepcopy(ct), rng.integers(0, 256, (3, r, c)).astype(np.uint8))
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = pydicom.uid.UltrasoundMultiFrameImageStorage
d.Modality, d.NumberOfFrames, d.FrameTime = "US", 3, 40
d.SequenceOfUltrasoundRegions = item(RegionSpatialFormat=1, RegionDataType=1, RegionFlags=0, RegionLocationMinX0=0,
                                     RegionLocationMinY0=0, RegionLocationMaxX1=c - 1, RegionLocationMaxY1=r - 1,
                                     PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3, PhysicalDeltaX=0.05,
                                     PhysicalDeltaY=0.05)
save("cine.dcm", d)
d = copy.deepcopy(plain12)
d.Modality, d.Units, d.DecayCorrection, d.CorrectedImage = "PT", "BQML", "START", ["ATTN", "DECY"]
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = pydicom.uid.PositronEmissionTomographyImageStorage
d.PatientWeight = 70
d.RadiopharmaceuticalInformationSequence = item(RadiopharmaceuticalStartTime="110000", RadionuclideTotalDose=3.5e8,
                                                RadionuclideHalfLife=6586.2)
save("pet.dcm", d)

# An enhanced MR of two slices, one of them twice.
d = put(copy.deepcopy(ct), np.stack([words] * 3), bits=12)
d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
d.Modality, d.NumberOfFrames = "MR", 3
for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleIntercept",
                "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth", "SliceLocation", "SpacingBetweenSlices"):
    if keyword in d:
        delattr(d, keyword)
d.SharedFunctionalGroupsSequence = item(
    PixelMeasuresSequence=item(PixelSpacing=[0.7, 0.8], SliceThickness=2.5),
    PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
    PixelValueTransformationSequence=item(RescaleIntercept=0, RescaleSlope=2, RescaleType="US"),
    FrameVOILUTSequence=item(WindowCenter=400, WindowWidth=800))
d.PerFrameFunctionalGroupsSequence = Sequence()
for f, z in enumerate((0, 2.5, 2.5)):
    d.PerFrameFunctionalGroupsSequence.append(item(
        PlanePositionSequence=item(ImagePositionPatient=[0, 0, z]),
        MREchoSequence=item(EffectiveEchoTime=5 + f),
        FrameContentSequence=item(StackID="1", InStackPositionNumber=1 + min(f, 1), TemporalPositionIndex=1 + f // 2,
                                  DimensionIndexValues=[1, 1 + f]))[0])
save("enhanced.dcm", d)

# Names in an alphabet of their own, a private block, a number in five languages of length.
d = copy.deepcopy(plain8)
d.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
d.PatientName = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"
d.add_new(0x00091001, "UN", struct.pack("<d", 1.5))
d.add_new(0x00090010, "LO", "OWN")
d.RequestAttributesSequence = item(ScheduledProcedureStepID="1", RequestedProcedureID="2",
                                   ScheduledProtocolCodeSequence=item(CodeValue="1", CodeMeaning="x"))
save("names.dcm", d)
