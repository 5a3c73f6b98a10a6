#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real kinds of files that no folder of ours holds: nuclear medicine in several frames, ultrasound and X-ray volumes,
enhanced PET and XA, regions of ultrasound, names without escapes. All are made here. Prints TAP.
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

NM, US_VOLUME, XA, PET = "20", "6.2", "12.1.1", "130"
TOMOSYNTHESIS, US = "13.1.3", "6.1"
rng = np.random.default_rng(11)


def told(*argv):
    done = subprocess.run([cli, *map(str, argv), "--json"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def item(**values):
    d = Dataset()
    for name, value in values.items():
        setattr(d, name, Sequence(value) if name.endswith("Sequence") else value)
    return d


def save(work, kind, modality, pixels, **values):
    """One file in a folder of its own."""
    folder = work / f"{len(list(work.iterdir()))}"
    folder.mkdir()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1." + kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = True, False
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, modality
    d.StudyInstanceUID, d.SeriesInstanceUID, d.PatientID = generate_uid(), generate_uid(), "1"
    d.NumberOfFrames, d.Rows, d.Columns = pixels.shape
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 0
    d.BitsAllocated, d.BitsStored, d.HighBit = 16, 12, 11
    for name, value in values.items():
        setattr(d, name, Sequence(value) if name.endswith("Sequence") else value)
    d.PixelData = pixels.astype("<u2").tobytes()
    d["PixelData"].VR = "OW"
    d.save_as(str(folder / "image.dcm"), write_like_original=False)
    return folder


def stacks(folder):
    return [(s["name"], s["size"][2], [f["kind"] for f in s["findings"]])
            for s in told("index", folder)["studies"][0]["series"][0]["stacks"]]


def voxels(folder, work, which=1):
    series = told("index", folder)["studies"][0]["series"][0]["uid"]
    told("convert", folder, work / "out.nii", "--series", f"{series}#{which}")
    got = nibabel.load(work / "out.nii")
    return got.get_fdata(), got.affine


DETECTOR = item(ImagePositionPatient=[-40, -30, 100], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])


def nuclear_volume(work):
    """Slices lie behind the first, or before it; frames are in any order."""
    pixels = rng.integers(0, 4096, (5, 6, 7))
    order = [3, 1, 5, 2, 4]
    for step in (4.5, -4.5):
        folder = save(work, NM, "NM", pixels, ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
                      SliceVector=order, SpacingBetweenSlices=step, SliceThickness=4.5, PixelSpacing=[3, 2],
                      DetectorInformationSequence=[DETECTOR])
        assert stacks(folder) == [("", 5, [])], stacks(folder)
        info = told("info", folder)
        assert info["place_known"] and info["findings"] == [], info
        first = 100 + min(0, 4 * step)
        assert np.allclose(info["origin_lps"], [-40, -30, first]) and np.allclose(info["spacing"], [2, 3, 4.5]), info
        a, affine = voxels(folder, work)
        for frame, number in enumerate(order):  # every slice at the place that it says
            z = 100 + (number - 1) * step
            k = int(round((np.linalg.inv(affine) @ [40, 30, z, 1])[2]))
            corner = np.linalg.inv(affine) @ [40, 30, z, 1]
            got = a[:, :, k]
            # nibabel's axes may be turned: the corner says how.
            if round(corner[0]) > 0:
                got = got[::-1]
            if round(corner[1]) > 0:
                got = got[:, ::-1]
            assert (got.T == pixels[frame]).all(), (step, frame)


def nuclear_gates(work):
    pixels = rng.integers(0, 4096, (12, 6, 7))
    slots, slices = [t for t in (1, 2, 3) for _ in range(4)], [1, 2, 3, 4] * 3
    folder = save(work, NM, "NM", pixels, ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
                  RRIntervalVector=[1] * 12, TimeSlotVector=slots, SliceVector=slices, SpacingBetweenSlices=4,
                  PixelSpacing=[3, 3], DetectorInformationSequence=[DETECTOR])
    assert stacks(folder) == [(f"time {t}", 4, []) for t in (1, 2, 3)], stacks(folder)
    a, _ = voxels(folder, work, 2)
    assert sorted(a.ravel()) == sorted(pixels[4:8].ravel())


def nuclear_views(work):
    """What two heads saw, or two windows of energy, is no one film."""
    pixels = rng.integers(0, 4096, (6, 6, 7))
    folder = save(work, NM, "NM", pixels, ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"], PixelSpacing=[3, 3],
                  EnergyWindowVector=[1] * 6, DetectorVector=[1, 2] * 3, RotationVector=[1] * 6)
    assert [s[:2] for s in stacks(folder)] == [("detector 1", 3), ("detector 2", 3)], stacks(folder)
    a, _ = voxels(folder, work, 2)
    assert sorted(a[:, :, 1].ravel()) == sorted(pixels[3].ravel())
    folder = save(work, NM, "NM", pixels, ImageType=["ORIGINAL", "PRIMARY", "DYNAMIC", "EMISSION"],
                  EnergyWindowVector=[1] * 4 + [2] * 2, DetectorVector=[1, 1, 2, 2, 1, 1], PixelSpacing=[3, 3])
    assert sorted(s[0] for s in stacks(folder)) == [
        "energy window 1, detector 1", "energy window 1, detector 2", "energy window 2, detector 1"], stacks(folder)
    # A vector of the wrong length says nothing.
    folder = save(work, NM, "NM", pixels, ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"], DetectorVector=[1, 2])
    assert [s[:2] for s in stacks(folder)] == [("", 6)], stacks(folder)


def ultrasound_volume(work):
    """Planes in a frame of reference of their own: parted by time, apart as they are, without sides."""
    pixels = rng.integers(0, 4096, (8, 6, 7))
    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.4], SliceThickness=1)],
                  PlaneOrientationVolumeSequence=[item(ImageOrientationVolume=[1, 0, 0, 0, 1, 0])])
    frames = [item(PlanePositionVolumeSequence=[item(ImagePositionVolume=[0, 0, 0.7 * (3 - k)])],
                   FrameContentSequence=[item(TemporalPositionIndex=t)]) for t in (1, 2) for k in range(4)]
    folder = save(work, US_VOLUME, "US", pixels, SharedFunctionalGroupsSequence=[shared],
                  PerFrameFunctionalGroupsSequence=frames)
    assert stacks(folder) == [(f"time {t}", 4, ["no-sides"]) for t in (1, 2)], stacks(folder)
    info = told("info", folder)
    assert not info["place_known"] and np.allclose(info["spacing"], [0.4, 0.5, 0.7]), info
    a, _ = voxels(folder, work)
    assert (np.sort(a[:, :, 0].ravel()) == np.sort(pixels[3].ravel())).all()  # the deepest frame came last


def breast_volume(work):
    pixels = rng.integers(0, 4096, (4, 6, 7))
    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[0.1, 0.1], SliceThickness=1)],
                  PlaneOrientationSequence=[item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])],
                  FrameAnatomySequence=[item(FrameLaterality="L")])
    frames = [item(PlanePositionSequence=[item(ImagePositionPatient=[10 - k, 0, 50])]) for k in range(4)]
    folder = save(work, TOMOSYNTHESIS, "MG", pixels, SharedFunctionalGroupsSequence=[shared],
                  PerFrameFunctionalGroupsSequence=frames)
    info = told("info", folder)
    assert info["orientation"] == "PIR" and np.allclose(info["spacing"], [0.1, 0.1, 1]), info
    assert info["findings"] == [] and stacks(folder) == [("", 4, [])], info


def angiogram(work):
    shared = item(FramePixelDataPropertiesSequence=[item(ImagerPixelSpacing=[0.3, 0.3])])
    folder = save(work, XA, "XA", rng.integers(0, 4096, (3, 6, 7)), SharedFunctionalGroupsSequence=[shared],
                  PerFrameFunctionalGroupsSequence=[item()] * 3)
    info = told("info", folder)
    assert np.allclose(info["spacing"][:2], 0.3) and "at the detector" in info["findings"][0], info


def enhanced_pet(work):
    """SUV where the file says it, or all that it is reckoned from; else why not."""
    pixels = rng.integers(1, 4096, (3, 6, 7))

    def made(unit, slope=0.01, **values):
        of = item(RealWorldValueSlope=slope, RealWorldValueIntercept=0.0, RealWorldValueFirstValueMapped=0,
                  RealWorldValueLastValueMapped=4095, MeasurementUnitsCodeSequence=[
                      item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit)])
        shared = item(PixelMeasuresSequence=[item(PixelSpacing=[4, 4], SliceThickness=3)],
                      PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
                      PixelValueTransformationSequence=[item(RescaleSlope="2.5", RescaleIntercept="0")],
                      RealWorldValueMappingSequence=[of])
        frames = [item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 3 * k])]) for k in range(3)]
        return told("info", save(work, PET, "PT", pixels, SharedFunctionalGroupsSequence=[shared],
                                 PerFrameFunctionalGroupsSequence=frames, **values))

    info = made("{SUVbw}g/ml")
    assert info["unit"] == "SUVbw" and abs(info["max"] - pixels.max() * 0.01) < 1e-4, info
    drug = item(RadionuclideTotalDose="3.7e8", RadionuclideHalfLife="6600",
                RadiopharmaceuticalStartDateTime="20200101100000")
    said = dict(DecayCorrected="YES", AttenuationCorrected="YES", DecayCorrectionDateTime="20200101115000",
                PatientWeight="70", RadiopharmaceuticalInformationSequence=[drug])
    info = made("Bq/ml", 2.0, **said)
    want = pixels.max() * 2.0 * 70000 / (3.7e8 / 2)  # one half-life later
    assert info["unit"] == "SUVbw" and abs(info["max"] / want - 1) < 1e-5, (info["max"], want)
    info = made("Bq/ml", 2.0, **{**said, "AttenuationCorrected": "NO"})
    assert info["unit"] != "SUVbw" and "attenuation" in " ".join(info["findings"]), info


def dose(work):
    """In gray; offsets of planes from the first one, or as their own z."""
    pixels = rng.integers(1, 4096, (4, 6, 7))
    for first in (0, 3):
        folder = save(work, "481.2", "RTDOSE", pixels, DoseGridScaling="1.5e-3", DoseUnits="GY", PixelSpacing=[2, 2],
                      ImagePositionPatient=[1, 2, 3], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                      GridFrameOffsetVector=[first + 2.5 * k for k in range(4)])
        info = told("info", folder)
        assert info["origin_lps"] == [1, 2, 3] and info["spacing"] == [2, 2, 2.5] and info["findings"] == [], info
        assert info["unit"] == "Gy" and abs(info["max"] / (pixels.max() * 1.5e-3) - 1) < 1e-6, info


def tiles(work):
    """What is no slice is said to be none."""
    place = dict(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[3, 3])
    folder = save(work, "4", "MR", rng.integers(0, 4096, (1, 6, 7)), Manufacturer="SIEMENS",
                  ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], **place)
    assert stacks(folder) == [("", 1, ["tiles"])] and not told("info", folder)["place_known"], stacks(folder)
    folder = save(work, "77.1.6", "SM", rng.integers(0, 4096, (3, 6, 7)))
    assert "tiles" in stacks(folder)[0][2], stacks(folder)


def parts_of_a_complex(work):
    shared = item(PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=2)],
                  PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])])
    frames = [item(PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 2 * k])], MRImageFrameTypeSequence=[
        item(FrameType=["ORIGINAL", "PRIMARY", "FLOW", "NONE"], ComplexImageComponent=part)])
              for k in range(3) for part in ("MAGNITUDE", "PHASE")]
    folder = save(work, "4.1", "MR", rng.integers(0, 4096, (6, 6, 7)), SharedFunctionalGroupsSequence=[shared],
                  PerFrameFunctionalGroupsSequence=frames)
    assert [s[:2] for s in stacks(folder)] == [("MAGNITUDE\\FLOW\\NONE", 3), ("PHASE\\FLOW\\NONE", 3)], stacks(folder)


def region(x0, y0, x1, y1, form=1, units=3, scale=0.02):
    return item(RegionSpatialFormat=form, RegionDataType=1, RegionFlags=0, RegionLocationMinX0=x0, RegionLocationMinY0=y0,
                RegionLocationMaxX1=x1, RegionLocationMaxY1=y1, PhysicalUnitsXDirection=units,
                PhysicalUnitsYDirection=3 if units == 3 else 7, PhysicalDeltaX=scale, PhysicalDeltaY=scale)


def regions(work):
    """Millimetres hold where a screen shows tissue to scale, and nowhere else."""
    pixels = rng.integers(0, 4096, (1, 60, 80))
    spectrum = region(0, 30, 79, 59, form=3, units=4)
    tissue, other = region(0, 0, 39, 29), region(40, 0, 79, 29)
    lines = [[[2, 3, 0], [12, 3, 0]], [[2, 3, 0], [2, 50, 0]], [[50, 3, 0], [60, 3, 0]], [[35, 3, 0], [45, 3, 0]]]
    figures = work.parent / (work.name + ".json")
    figures.write_text(json.dumps([{"kind": "length", "points": [[v * s for v, s in zip(p, (0.2, 0.2, 1))] for p in line]}
                                   for line in lines]))
    for parts, want in (([spectrum, tissue, other], ["2mm", "47px", "2mm", "10px"]),
                        ([tissue, spectrum], ["2mm", "47px", "10px", "10px"]),
                        ([tissue, region(40, 0, 75, 29, scale=0.05)], ["2mm", "47px", "10px", "10px"]),
                        ([region(0, 0, 79, 59)], ["2mm", "9.4mm", "2mm", "2mm"])):
        folder = save(work, US, "US", pixels, SequenceOfUltrasoundRegions=parts)
        info = told("info", folder)
        assert info["spacing_known"] and np.allclose(info["spacing"][:2], 0.2), info
        assert len(info["spacing_boxes"]) == (2 if other in parts else 1), info
        got = [f"{m['length_mm']:g}mm" if "length_mm" in m else f"{m['length_px']:g}px"
               for m in told("measure", folder, "--figures", figures)["measurements"]]
        assert got == want, (got, want)
    figures.unlink()
    for parts in ([spectrum], [region(0, 0, 79, 59, form=2, units=4)], [region(0, 0, 79, 59, units=0)]):
        info = told("info", save(work, US, "US", pixels, SequenceOfUltrasoundRegions=parts))
        assert not info["spacing_known"] and "pixels, not millimetres" in info["findings"][0], info


def names(work):
    """Bytes of a set that is named, without the escape that would say so, are of that set."""
    for terms, encoding, name in (("\\ISO 2022 IR 58", "gb2312", "Zhang^XiaoDong=张^小东="),
                                  ("\\ISO 2022 IR 149", "euc_kr", "Hong^Gildong=洪^吉洞=홍^길동")):
        folder = save(work, NM, "NM", rng.integers(0, 9, (1, 6, 7)), PatientName="X" * 60)
        path = folder / "image.dcm"
        content = path.read_bytes()
        raw = name.encode(encoding)
        content = content.replace(b"X" * 60, raw + b" " * (60 - len(raw)))
        charset = terms.encode()
        charset += b" " * (len(charset) % 2)
        at = content.index(b"\x08\0\x16\0UI")  # before the class stands the character set
        content = content[:at] + b"\x08\0\x05\0CS" + bytes([len(charset), 0]) + charset + content[at:]
        path.write_bytes(content)
        got = told("index", folder)["studies"][0]["patient_name"]
        assert got.rstrip("=") == name.rstrip("="), got


tests = [nuclear_volume, nuclear_gates, nuclear_views, ultrasound_volume, breast_volume, angiogram, enhanced_pet, dose, tiles,
         parts_of_a_complex, regions, names]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            test(pathlib.Path(work))
            print(f"ok {n} - {test.__name__}")
        except Exception as error:  # any surprise is this test's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {test.__name__}")
