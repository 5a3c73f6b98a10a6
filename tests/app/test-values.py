#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modality values against pydicom's: files with a Modality LUT Sequence are made, and decoded by us and by it.
Prints TAP. Argument: the sagitta-cli to test."""
import pathlib
import subprocess
import sys
import tempfile

cli = sys.argv[1]

try:
    import numpy as np
    import pydicom
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.pixel_data_handlers.util import apply_modality_lut
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
except ImportError:
    print("1..0 # SKIP pydicom is not installed")
    sys.exit(0)


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=100)


def make(path, pixels, first, table, bits, implicit=False, data=None):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    d = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, implicit
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality = generate_uid(), generate_uid(), "OT"
    d.Rows, d.Columns = pixels.shape
    d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
    d.BitsAllocated = d.BitsStored = 16
    d.HighBit = 15
    d.PixelRepresentation = int(pixels.dtype == np.int16)
    d.PixelData = pixels.tobytes()
    d.RescaleSlope, d.RescaleIntercept = "3", "5"
    if bits:
        lut = Dataset()
        lut.add_new(0x00283002, "SS" if d.PixelRepresentation else "US", [len(table) % 65536, first, bits])
        lut.ModalityLUTType = "OD"
        # Entries of 8 bits lie two to a word.
        lut.add_new(0x00283006, "OW", np.asarray(table, np.uint8 if bits == 8 else np.uint16).tobytes()
                    if data is None else data)
        del d.RescaleSlope, d.RescaleIntercept
        d.ModalityLUTSequence = [lut]
    else:
        d.ModalityLUTSequence = []
    d.save_as(str(path), write_like_original=False)
    return d


def compare(work, **how):
    path, out = work / "in.dcm", work / "out.npy"
    make(path, **how)
    done = run("decode", path, "-o", out)
    assert done.returncode == 0, done.stderr
    d = pydicom.dcmread(path)
    if how["bits"] in (0, 16):
        want = apply_modality_lut(d.pixel_array, d)
    else:  # which pydicom 2 does not read
        entry = d.pixel_array.astype(int) - how["first"]
        want = np.asarray(how["table"])[np.clip(entry, 0, len(how["table"]) - 1)]
    got = np.load(out)
    assert got.dtype == np.float32 and (got == want).all(), f"differs from pydicom at {np.argwhere(got != want)[0]}"
    # The volume that is shown and measured has the same values, and says what they are.
    nii = work / "out.nii"
    done = run("convert", path, nii)
    assert done.returncode == 0, done.stderr
    content = nii.read_bytes()
    at = int(np.frombuffer(content, np.float32, 1, 108)[0])
    dtype = {4: np.int16, 512: np.uint16, 16: np.float32}[int(np.frombuffer(content, np.int16, 1, 70)[0])]
    slope, intercept = np.frombuffer(content, np.float32, 2, 112)
    volume = np.frombuffer(content, dtype, want.size, at).reshape(want.shape)[::-1] * slope + intercept
    assert (volume == want).all(), "the volume differs"


ramp = np.arange(24 * 16)
rng = np.random.default_rng(7)


def lut_16(work):
    compare(work, pixels=(ramp * 20).astype(np.uint16).reshape(24, 16), first=100,
            table=rng.integers(0, 65536, 5000), bits=16)


def lut_signed(work):
    compare(work, pixels=(ramp - 190).astype(np.int16).reshape(24, 16), first=-150,
            table=rng.integers(0, 65536, 300), bits=16)


def lut_12(work):
    compare(work, pixels=(ramp * 9).astype(np.uint16).reshape(24, 16), first=7,
            table=rng.integers(0, 4096, 3000), bits=12)


def lut_whole(work):
    compare(work, pixels=(ramp * 170).astype(np.uint16).reshape(24, 16), first=0,
            table=rng.integers(0, 65536, 65536), bits=16, implicit=True)


def lut_8(work):
    compare(work, pixels=ramp.astype(np.uint16).reshape(24, 16), first=10,
            table=rng.integers(0, 256, 256), bits=8)


def lut_empty(work):
    compare(work, pixels=ramp.astype(np.uint16).reshape(24, 16), first=0, table=[], bits=0)


def lut_short(work):
    path, out = work / "in.dcm", work / "out.npy"
    make(path, ramp.astype(np.uint16).reshape(24, 16), 0, range(1000), 16, data=bytes(64))
    done = run("decode", path, "-o", out)
    assert done.returncode == 1 and "look-up table is damaged" in done.stderr, done.stderr
    assert not out.exists()


tests = [lut_16, lut_signed, lut_12, lut_whole, lut_8, lut_empty, lut_short]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            test(pathlib.Path(work))
            print(f"ok {n} - {test.__name__}")
        except Exception as error:  # any surprise is this test's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {test.__name__}")
