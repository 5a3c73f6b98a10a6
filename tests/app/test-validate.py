#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""validate: a sound series has no errors, each fault put into it is named, and crafted files are survived. Prints TAP. Arguments: the sagitta-cli, the data folder."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

cli = sys.argv[1]
data = pathlib.Path(os.environ.get("SAGITTA_TEST_DATA") or sys.argv[2])
try:
    import pydicom
except ImportError:
    print("1..0 # SKIP pydicom is not installed")
    sys.exit(0)
warnings.simplefilter("ignore")
work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-validate-"))
results = []


def check(name, good, why=""):
    results.append((name, good))
    if not good:
        print(f"# {name}: {why}")


def validate(path):
    done = subprocess.run([cli, "validate", str(path), "--json"], capture_output=True, text=True, timeout=120)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"faults": [], "text": done.stderr}


def texts(told, severity="error"):
    return " | ".join(f["tag"] + f["text"] for f in told["faults"] if f["severity"] == severity)


# Our own CT and segmentation are sound.
subprocess.run([cli, "phantom", str(work / "phantom"), "--size", "small"], check=True, capture_output=True)
code, told = validate(work / "phantom")
check("our own phantom", code == 0 and told["errors"] == 0 and told["files"] > 10, texts(told))

# A fault in one file, and the words it is told in.
source = sorted(p for p in (work / "phantom").rglob("*.dcm") if pydicom.dcmread(p, stop_before_pixels=True).Modality == "CT")[0]
FAULTS = {
    "no rows": (lambda d: d.__delitem__("Rows"), "(0028,0010)Rows is not there"),
    "empty class": (lambda d: setattr(d, "SOPClassUID", ""), "SOPClassUID is empty"),
    "no birth date": (lambda d: d.__delitem__("PatientBirthDate"), "PatientBirthDate is not there"),
    "no position": (lambda d: d.__delitem__("ImagePositionPatient"), "ImagePositionPatient is not there"),
    "bad UID": (lambda d: d.__setattr__("FrameOfReferenceUID", "1.2.03.4"), "begins with 0"),
    "bad date": (lambda d: d.__setattr__("StudyDate", "20241399"), "no date"),
    "long text": (lambda d: d.__setattr__("StationName", "x" * 30), "longer than"),
    "small letters": (lambda d: d.__setattr__("Modality", "ct"), "letters"),
    "bits": (lambda d: d.__setattr__("BitsStored", 20), "BitsStored is 20"),
    "high bit": (lambda d: d.__setattr__("HighBit", 3), "HighBit is 3"),
    "short pixels": (lambda d: d.__setattr__("PixelData", d.PixelData[:-100]), "pixels are missing"),
    "not square": (lambda d: d.__setattr__("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]), "square to each other"),
    "colour": (lambda d: d.__setattr__("PhotometricInterpretation", "RGB"), "cannot have"),
    "another instance": (lambda d: setattr(d.file_meta, "MediaStorageSOPInstanceUID", "1.2.3"), "names another SOPInstanceUID"),
}
pydicom.config.settings.reading_validation_mode = pydicom.config.settings.writing_validation_mode = 0
for name, (spoil, words) in FAULTS.items():
    d = pydicom.dcmread(source)
    spoil(d)
    to = work / "fault.dcm"
    d.save_as(to, write_like_original=True)
    code, told = validate(to)
    check(name, code == 1 and words in texts(told), f"{code} {texts(told)}")
raw = source.read_bytes()
(work / "fault.dcm").write_bytes(raw[:1200])
code, told = validate(work / "fault.dcm")
check("cut off", code == 1, texts(told))
(work / "fault.dcm").write_bytes(b"hello")
code, told = validate(work / "fault.dcm")
check("no DICOM", code == 1 and "not a DICOM file" in told.get("text", ""), told)

# Series.
pair = work / "pair"
pair.mkdir()
shutil.copyfile(source, pair / "a")
shutil.copyfile(source, pair / "b")
code, told = validate(pair)
check("one UID, two files", code == 1 and "same SOPInstanceUID" in texts(told), texts(told))
gap = work / "gap"
gap.mkdir()
for k, p in enumerate(sorted(source.parent.glob("*.dcm"))):
    if k != 7:
        shutil.copyfile(p, gap / p.name)
code, told = validate(gap)
check("a gap is a warning", "missing" in texts(told, "warning"), texts(told, "warning"))

# At depth: what an item of a sequence must say.
segmentation = next(p for p in (work / "phantom").rglob("*.dcm") if pydicom.dcmread(p, stop_before_pixels=True).Modality == "SEG")
DEEP = {
    "a segment without label": (lambda d: d.SegmentSequence[0].__delitem__("SegmentLabel"), "SegmentLabel is not there in an item of SegmentSequence"),
    "a code without meaning": (lambda d: d.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].__delitem__("CodeMeaning"), "CodeMeaning is not there in an item of SegmentedPropertyTypeCodeSequence"),
    "a source without UID": (lambda d: d.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0].__setattr__("ReferencedSOPInstanceUID", ""), "ReferencedSOPInstanceUID is empty in an item of SourceImageSequence"),
    "no dimensions": (lambda d: d.__delitem__("DimensionOrganizationSequence"), "DimensionOrganizationSequence is not there"),
}
for name, (spoil, words) in DEEP.items():
    d = pydicom.dcmread(segmentation)
    spoil(d)
    d.save_as(work / "fault.dcm", write_like_original=True)
    code, told = validate(work / "fault.dcm")
    check(name, code == 1 and words in texts(told), f"{code} {texts(told)}")

# The same attributes missing as dciodvfy says, where it knows the kind of object. Of frames that lie in a row without gaps it
# wants to hear where each is; the standard does not (PS3.3 C.7.6.16, (5200,9230) is type 1C; C.7.6.17.3).
TILED_FULL = {"PerFrameFunctionalGroupsSequence", "PlanePositionSequence", "PlaneOrientationSequence", "PlanePositionSlideSequence",
              "SegmentIdentificationSequence"}
PLACES = ("dcmqi", "highdicom", "nema/multiframe", "dcmjs", "cornerstone3d", "ohif-rebuilt")
if data.exists() and shutil.which("dciodvfy"):
    other, n = [], 0
    for p in sorted(p for place in PLACES for p in (data / "dicom-matrix" / place).rglob("*") if p.is_file())[::2]:
        done = subprocess.run(["dciodvfy", str(p)], capture_output=True)
        lines = (done.stdout + done.stderr).decode("latin1").splitlines()
        if done.returncode < 0 or any(word in line for line in lines for word in ("read failed", "not valid DICOM", "Not found", "Assertion")):
            continue
        wanted = {m[1] for m in (re.match(r"Error - (?:Missing attribute|Empty attribute \(no value\)) Type [12] Required Element=<(\w+)> Module=<(?!FileMeta)", line) for line in lines) if m}
        code, told = validate(p)
        ours = {m[1] for m in (re.match(r"(\w+) is (?:not there|empty)", f["text"]) for f in told["faults"]) if m}
        if getattr(pydicom.dcmread(p, stop_before_pixels=True, force=True), "DimensionOrganizationType", "") == "TILED_FULL":
            check(f"{p.name} need not say where its frames are", "PerFrameFunctionalGroupsSequence" not in ours, ours)
            wanted -= TILED_FULL
        n += len(wanted)
        other += [(p.name, name) for name in wanted - ours]
    check(f"{n} attributes that dciodvfy misses are missed", n > 40 and not other, other)

# Nothing crashes or hangs on crafted files.
if data.exists():
    bad = []
    for p in sorted((data / "dicom-matrix/fuzz").rglob("*"))[::6]:
        if p.is_file():
            code, told = validate(p)
            if code not in (0, 1):
                bad.append(f"{p.name}: {code}")
    check("crafted files", not bad, bad)

shutil.rmtree(work)
print(f"1..{len(results)}")
for k, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}")
