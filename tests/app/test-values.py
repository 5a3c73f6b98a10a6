#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Modality values against pydicom's: files with a Modality LUT Sequence are made, and decoded by us and by it;
SUV against a computation from the same fields, and against the factor that another program has left in the data.
Prints TAP. Arguments: the sagitta-cli to test, the data folder."""
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

cli = sys.argv[1]
data = pathlib.Path(os.environ.get("SAGITTA_TEST_DATA") or sys.argv[2])

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


def read_nifti(path, shape):
    """Values of a file of ours, slices first, rows as in DICOM; its size is `shape`."""
    content = path.read_bytes()
    at = int(np.frombuffer(content, np.float32, 1, 108)[0])
    dtype = {4: np.int16, 512: np.uint16, 16: np.float32}[int(np.frombuffer(content, np.int16, 1, 70)[0])]
    slope, intercept = np.frombuffer(content, np.float32, 2, 112)
    voxels = np.frombuffer(content, dtype, int(np.prod(shape)), at).reshape(shape)
    return voxels[:, ::-1] * slope + intercept


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
    assert (read_nifti(nii, (1, *want.shape))[0] == want).all(), "the volume differs"


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


def pet(work, want, unit="SUVbw", drug=(), **fields):
    """One PET slice with these fields; `want` is the value of stored 1000 (slope 2). None removes a field."""
    path, nii = work / "in.dcm", work / "out.nii"
    d = make(path, np.full((24, 16), 1000, np.uint16), 0, [], 0)
    d.RescaleSlope, d.RescaleIntercept = "2", "0"
    d.Modality, d.Units, d.DecayCorrection, d.CorrectedImage = "PT", "BQML", "START", ["DECY", "ATTN"]
    d.PatientWeight, d.WindowCenter, d.WindowWidth = "80", "1000", "2000"
    d.SeriesDate = d.AcquisitionDate = "20240301"
    d.SeriesTime = d.AcquisitionTime = "100000"
    d.FrameReferenceTime, d.ActualFrameDuration = "0", "60000"
    item = Dataset()
    item.RadionuclideTotalDose, item.RadionuclideHalfLife = "4e8", "6586.2"
    item.RadiopharmaceuticalStartTime = "090000.00"
    for target, changes in ((d, fields), (item, dict(drug))):
        for name, value in changes.items():
            if value is None:
                delattr(target, name)
            else:
                setattr(target, name, value)
    d.RadiopharmaceuticalInformationSequence = [item]
    del d.ModalityLUTSequence
    d.save_as(str(path), write_like_original=False)
    done = run("convert", path, nii)
    assert done.returncode == 0, done.stderr
    got = read_nifti(nii, (1, 24, 16))
    assert np.abs(got / want - 1).max() < 1e-6, f"{got.flat[0]} instead of {want}"
    told = json.loads(run("info", path, "--json").stdout)
    assert told["unit"] == unit, told["unit"]
    # The file's window is in the volume's unit.
    assert abs(told["windows"][0]["center"] / (want / 2) - 1) < 1e-6, told["windows"]


def suv(seconds):
    return 2000 * 80e3 / (4e8 * 0.5 ** (seconds / 6586.2))


def suv_start(work):
    pet(work, suv(3600))


def suv_admin(work):
    pet(work, suv(0), DecayCorrection="ADMIN")


def suv_midnight(work):
    pet(work, suv(5400), SeriesTime="003000", AcquisitionTime="003001",
        drug={"RadiopharmaceuticalStartTime": "230000"})


def suv_datetime(work):
    pet(work, suv(7200), drug={"RadiopharmaceuticalStartDateTime": "20240301080000.00"})


def suv_new_series(work):
    # A series made anew at noon: the scan's start is reckoned from the frame, whose reference time is that of
    # the mean activity.
    decay = np.log(2) / 6586.2
    mean = np.log(decay * 120 / (1 - np.exp(-decay * 120))) / decay
    pet(work, suv(3600 + 600 - (500 - mean)), SeriesTime="120000", AcquisitionTime="101000",
        FrameReferenceTime="500000", ActualFrameDuration="120000")


def suv_done(work):
    pet(work, 2000, Units="GML")


def suv_unknown(work):
    for fields in ({"PatientWeight": None}, {"DecayCorrection": "NONE"}, {"CorrectedImage": ["ATTN"]},
                   {"AcquisitionTime": None}, {"drug": {"RadionuclideTotalDose": "370"}},
                   {"drug": {"RadiopharmaceuticalStartTime": None}},
                   {"drug": {"RadiopharmaceuticalStartDateTime": "20230301080000"}}):
        pet(work, 2000, unit="Bq/ml", **fields)


def suv_series(work):
    folder = data / "series" / "petct-chest" / "PT_AC"
    if not folder.exists():
        return f"SKIP {folder} is absent; set SAGITTA_TEST_DATA"
    if shutil.which("dcmdjpls") is None:
        return "SKIP dcmdjpls is not installed"
    for path in folder.iterdir():
        subprocess.run(["dcmdjpls", str(path), str(work / path.name)], check=True, timeout=100)
    files = sorted((pydicom.dcmread(p) for p in work.iterdir()), key=lambda d: d.ImagePositionPatient[2])
    first = files[0]
    drug = first.RadiopharmaceuticalInformationSequence[0]
    clock = [datetime.datetime.strptime(str(t)[:6], "%H%M%S")
             for t in (drug.RadiopharmaceuticalStartTime, first.SeriesTime)]
    left = float(drug.RadionuclideTotalDose) * 2 ** (
        -(clock[1] - clock[0]).total_seconds() / float(drug.RadionuclideHalfLife))
    factor = float(first.PatientWeight) * 1000 / left
    want = np.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in files]) * factor
    nii = work / "out.nii"
    done = run("convert", folder, nii)
    assert done.returncode == 0, done.stderr
    got = read_nifti(nii, want.shape)
    worst = (np.abs(got - want) / np.maximum(1, want)).max()
    assert worst < 3e-7, f"differs by {worst}"
    # What Slicer's SUVFactorCalculator made of the same files: six digits, kg instead of g.
    mapping = pydicom.dcmread(next((data / "series" / "petct-chest").glob("RWV_*/*")))
    theirs = next(float(m.RealWorldValueSlope)
                  for image in mapping.ReferencedImageRealWorldValueMappingSequence
                  for m in image.RealWorldValueMappingSequence if m.LUTLabel == "{SUVbw}g/ml") * 1000
    ours = got.max() / (want.max() / factor)
    assert abs(ours / theirs - 1) < 1e-5, f"{ours} against {theirs}"
    return f"largest SUV {got.max():.3f}, factor {ours:.6e} ({theirs:.6e})"


tests = [suv_start, suv_admin, suv_midnight, suv_datetime, suv_new_series,
         suv_done, suv_unknown, suv_series,
         lut_16, lut_signed, lut_12, lut_whole, lut_8, lut_empty, lut_short]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            note = test(pathlib.Path(work))
            if note and not note.startswith("SKIP"):
                print("#", note)
            print(f"ok {n} - {test.__name__}" + (f" # {note}" if note and note.startswith("SKIP") else ""))
        except Exception as error:  # any surprise is this test's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {test.__name__}")
