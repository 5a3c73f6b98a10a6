#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""export-anon against pydicom, which knows nothing of it: in no byte of any copy is an original name, ID, date, UID,
place or person; pixel data are the same bytes; references lead to copies; the profile is declared; dciodvfy finds no
error that the original had not. Prints TAP. Arguments: the sagitta-cli to test, the data folder."""
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


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


if not data.exists():
    skip(f"{data} is absent; set SAGITTA_TEST_DATA")
try:
    import pydicom
except ImportError:
    skip("pydicom is not installed")
pydicom.config.logger.setLevel("CRITICAL")
warnings.simplefilter("ignore")

work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-anon-"))
os.environ["XDG_CONFIG_HOME"] = str(work / "home")
results = []


def check(name, problems):
    results.append((name, problems))
    for problem in problems[:5]:
        print(f"# {name}: {problem}")


def export(source, to, *options):
    done = subprocess.run([cli, "export-anon", str(source), str(to), "--json", *options], capture_output=True, text=True,
                          timeout=300)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr


def elements(dataset):
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item)
        yield element


NAMING = {"PatientName", "PatientID", "PatientBirthDate", "OtherPatientIDs", "AccessionNumber", "InstitutionName",
          "InstitutionAddress", "InstitutionalDepartmentName", "StationName", "ReferringPhysicianName",
          "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord", "RequestingPhysician", "DeviceSerialNumber",
          "PatientAddress", "PatientTelephoneNumbers", "RequestedProcedureID", "AdmissionID", "ContentCreatorName",
          "NameOfPhysiciansReadingStudy"}
# Their words ("Brain") are in coded concepts too, so the attributes must be gone, not the words.
GONE = {"StudyDescription", "SeriesDescription", "ProtocolName", "PatientAge", "PatientWeight", "ImageComments",
        "InstitutionName", "StationName", "OperatorsName", "OriginalAttributesSequence", "RequestAttributesSequence"}


def identifiers(dataset, with_dates=True):
    """The values that must not come back, as bytes."""
    found = set()
    for element in elements(dataset):
        if element.tag.is_private or element.value in (None, ""):
            continue
        values = element.value if isinstance(element.value, pydicom.multival.MultiValue) else [element.value]
        for value in values:
            text = str(value).strip()
            if element.VR == "UI":
                if not text.startswith("1.2.840.10008.") and element.keyword not in (
                        "CodingSchemeUID", "SOPClassUID", "ReferencedSOPClassUID", "MappingResourceUID", "ContextUID"):
                    found.add(text)
            elif element.VR == "PN" or element.keyword in NAMING - {"PatientBirthDate"}:
                found.add(text)
                if element.VR == "PN":
                    found.update(p for p in re.split(r"[\^=]", text))
            elif element.VR in ("DA", "DT") and (with_dates or element.keyword == "PatientBirthDate"):
                found.add(text[:8])
    out = set()
    for text in found:
        for charset in ("utf-8", "latin-1"):
            try:
                out.add(text.encode(charset))
            except UnicodeEncodeError:
                pass
    return {t for t in out if len(t) >= 4} - {b"None", b"JPEG"}  # an empty value of pydicom, a word of every codec


def head(path):
    """The bytes of a file that are no pixels."""
    dataset = pydicom.dcmread(path, force=True)
    raw = path.read_bytes()
    if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1.99":
        import zlib
        at = raw.index(b"1.2.840.10008.1.2.1.99")
        for start in range(at, at + 400, 2):
            try:
                raw = raw[:start] + zlib.decompress(raw[start:], -15)
                break
            except zlib.error:
                continue
    for tag in (0x7FE00010, 0x7FE00008, 0x7FE00009):
        if tag in dataset:
            value = dataset.get_item(tag).value
            value = value if isinstance(value, bytes) else dataset[tag].value
            raw = raw.replace(value, b"", 1)
    return raw, dataset


def compare(name, sources, to, with_dates=True):
    """Every copy against all originals."""
    leaks, changed, undeclared = [], [], []
    copies = sorted(p for p in to.rglob("*") if p.is_file())
    originals = [pydicom.dcmread(p, force=True) for p in sources]
    words = set()
    for original in originals:
        words |= identifiers(original, with_dates)
        words |= identifiers(original.file_meta) if hasattr(original, "file_meta") else set()
    pixels = sorted(o.get_item("PixelData").value if isinstance(o.get_item("PixelData").value, bytes) else o.PixelData
                    for o in originals if "PixelData" in o)
    got = []
    for path in copies:
        raw, copy = head(path)
        for word in words:
            # A word of its own: "LEE" is no leak in "SLEEVE".
            for at in re.finditer(re.escape(word), raw):
                before, after = raw[at.start() - 1:at.start()], raw[at.end():at.end() + 1]
                if word.isdigit() and len(word) < 8 or before.isalnum() or after.isalnum() or word in b"ANONYMIZED":
                    continue
                leaks.append(f"{path.name}: {word!r} at {raw[max(0, at.start() - 16):at.end() + 8]!r}")
                break
            if word.decode("latin-1") in str(path.relative_to(to)):
                leaks.append(f"{path}: its name holds {word!r}")
        if "PixelData" in copy:
            item = copy.get_item("PixelData").value
            got.append(item if isinstance(item, bytes) else copy.PixelData)
        codes = [c.CodeValue for c in copy.get("DeidentificationMethodCodeSequence", [])]
        if copy.get("PatientIdentityRemoved") != "YES" or not copy.get("DeidentificationMethod") or "113100" not in codes:
            undeclared.append(f"{path}: {copy.get('PatientIdentityRemoved')} {codes}")
        if any(e.tag.is_private or e.keyword in GONE for e in elements(copy)):
            undeclared.append(f"{path}: attributes that must go")
        if copy.file_meta.MediaStorageSOPInstanceUID != copy.get("SOPInstanceUID", ""):
            undeclared.append(f"{path}: two SOP Instance UIDs")
    if sorted(got) != pixels:
        changed.append(f"{len(got)} pixel data in {len(copies)} copies of {len(pixels)}")
    check(f"{name}: no identifier", leaks)
    check(f"{name}: pixel data", changed)
    check(f"{name}: declared", undeclared)
    return copies


def fresh(name):
    return work / name


# Whole series with their segmentations: references lead to copies.
petct = data / "series/petct-chest"
to = fresh("petct")
report, message = export(petct, to)
if report is None:
    check("petct-chest", [message])
else:
    sources = [p for p in petct.rglob("*") if p.is_file() and p.read_bytes()[128:132] == b"DICM"]
    skipped = {text.split(" is ")[0] for text in report["skipped"]}
    copies = compare("petct-chest", [p for p in sources if str(p) not in skipped], to)
    by_uid = {}
    for path in copies:
        by_uid[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = path
    lost, n = [], 0
    for path in copies:
        copy = pydicom.dcmread(path, stop_before_pixels=True)
        if copy.Modality != "SEG":
            continue
        for element in elements(copy):
            if element.keyword == "ReferencedSOPInstanceUID":
                n += 1
                if str(element.value) not in by_uid:
                    lost.append(f"{path}: {element.value}")
    check(f"petct-chest: {n} references", lost if n > 100 else ["too few references"])
    patients = {(str(c.PatientID), str(c.PatientName)) for c in (pydicom.dcmread(p, stop_before_pixels=True) for p in copies)}
    check("petct-chest: one patient", [] if len(patients) == 1 and "ANON-" in str(patients) else [str(patients)])
    # Our own reader sees the same stacks.
    def stacks(folder):
        told = json.loads(subprocess.run([cli, "index", str(folder), "--json"], capture_output=True, text=True).stdout)
        return sorted((s["modality"], s["kind"], json.dumps([k["size"] for k in s["stacks"]]), json.dumps([k["spacing"] for k in s["stacks"]]))
                      for study in told["studies"] for s in study["series"] if s["kind"] != "other")
    before, after = stacks(petct), stacks(to)
    check("petct-chest: the same stacks", [] if before == after else [f"{before} != {after}"])

    # Segmentation alone, in another run: the same new UIDs.
    seg = next(p for p in sources if pydicom.dcmread(p, stop_before_pixels=True).Modality == "SEG")
    report, message = export(seg, fresh("seg"))
    lost = [message] if report is None else [
        str(e.value) for p in fresh("seg").rglob("*.dcm") for e in elements(pydicom.dcmread(p, stop_before_pixels=True))
        if e.keyword == "ReferencedSOPInstanceUID" and str(e.value) not in by_uid]
    check("another run, the same UIDs", lost)

    # Dates.
    for option, expected in (("--keep-dates", "113106"), ("--shift-dates", "113107")):
        source = data / "series/petct-chest/PT_AC"
        to = fresh(option)
        report, message = export(source, to, option)
        if report is None:
            check(option, [message])
            continue
        wrong, shifts = [], set()
        old = sorted((pydicom.dcmread(p, stop_before_pixels=True) for p in source.iterdir() if p.is_file()),
                     key=lambda d: d.InstanceNumber)
        new = sorted((pydicom.dcmread(p, stop_before_pixels=True) for p in to.rglob("*.dcm")), key=lambda d: d.InstanceNumber)
        for a, b in zip(old, new):
            if b.PatientBirthDate:
                wrong.append("birth date")
            if expected not in [c.CodeValue for c in b.DeidentificationMethodCodeSequence]:
                wrong.append("code")
            from datetime import datetime
            for key in ("StudyDate", "SeriesDate", "AcquisitionDate"):
                shifts.add((datetime.strptime(a[key].value, "%Y%m%d") - datetime.strptime(b[key].value, "%Y%m%d")).days)
            if b.LongitudinalTemporalInformationModified != ("UNMODIFIED" if "keep" in option else "MODIFIED"):
                wrong.append(b.LongitudinalTemporalInformationModified)
            if a.SeriesTime != b.SeriesTime:
                wrong.append("time")
        if len(shifts) != 1 or (shifts == {0}) != ("keep" in option):
            wrong.append(str(shifts))
        check(option, wrong)
        if "shift" in option:
            compare(option, [p for p in source.iterdir() if p.is_file()], to)

# Every syntax and kind of object: each file alone.
matrix = data / "dicom-matrix"
leaks, n, refused = [], 0, 0
for folder in ("cornerstone3d", "dcmqi", "highdicom", "nema", "pydicom", "pydicom-data", "pylibjpeg-data", "rt-utils"):
    to = fresh(f"matrix-{folder}")
    report, message = export(matrix / folder, to)
    if report is None:
        check(folder, [message])
        continue
    skipped = "\n".join(report["skipped"])
    sources = []
    for p in sorted((matrix / folder).rglob("*")):
        if p.is_file() and p.suffix not in (".tsv", ".md") and f"{p} " not in skipped:
            try:
                d = pydicom.dcmread(p, force=True)
                list(elements(d))
                if "Rows" in d:
                    sources.append(p)
            except Exception:
                pass
    words = {}
    originals = {}
    for p in sources:
        d = pydicom.dcmread(p, force=True)
        try:
            originals.setdefault((str(d.get("Rows")), str(d.get("SOPClassUID"))), []).append(d)
            for w in identifiers(d):
                words[w] = p
        except Exception:
            pass
    leaks = []
    for path in sorted(to.rglob("*.dcm")):
        n += 1
        try:
            raw, copy = head(path)
            list(elements(copy))
        except Exception as problem:
            leaks.append(f"{path}: pydicom cannot read it: {problem!r}")
            continue
        for word, source in words.items():
            at = raw.find(word)
            if at >= 0 and not word.isdigit() and not raw[at - 1:at].isalnum() and not raw[at + len(word):at + len(word) + 1].isalnum():
                leaks.append(f"{path}: {word!r} of {source.name} at {raw[max(0, at - 20):at + len(word) + 8]!r}")
    check(f"{folder}: {report['files']} copies", leaks)

# What a segmentation says of its making, and a DICOMDIR: everything that tells who is planted, and nothing of it comes back.
if shutil.which("dcmmkdir"):
    study = work / "planted"
    subprocess.run([cli, "phantom", str(study), "--size", "64x64x16"], check=True, capture_output=True, timeout=120)
    disc = work / "disc"
    disc.mkdir()
    words = {b"PLANTED", b"20190813"}
    item = pydicom.Dataset
    for n, p in enumerate(sorted(study.rglob("*.dcm"))):
        d = pydicom.dcmread(p)
        d.PatientName, d.PatientID, d.PatientBirthDate, d.StudyDate, d.SeriesDate = "PLANTED^NAME", "PLANTED-ID", "20190813", "20190813", "20190813"
        d.InstitutionName, d.StationName, d.AccessionNumber, d.StudyID = "PLANTED-1", "PLANTED-2", "PLANTED-3", "PLANTED-4"
        d.DeviceSerialNumber, d.StudyDescription, d.SeriesDescription, d.ReferringPhysicianName = "PLANTED-5", "PLANTED-6", "PLANTED-7", "PLANTED^REF"
        if d.Modality == "SEG":
            d.ContentCreatorName, d.ContentDescription, d.ContentLabel, d.DerivationDescription = "PLANTED^READER", "PLANTED-8", "PLANTED-9", "PLANTED-10"
            person, gear, changed, before = item(), item(), item(), item()
            person.InstitutionName, person.PersonIdentificationCodeSequence = "PLANTED-11", []
            d.ContentCreatorIdentificationCodeSequence = [person]
            gear.Manufacturer, gear.InstitutionName, gear.StationName, gear.OperatorsName = "Maker", "PLANTED-12", "PLANTED-13", "PLANTED^OP"
            gear.DeviceSerialNumber, gear.ContributionDescription, gear.PurposeOfReferenceCodeSequence = "PLANTED-14", "PLANTED-15", []
            d.ContributingEquipmentSequence = [*d.get("ContributingEquipmentSequence", []), gear]
            before.PatientName, changed.ModifyingSystem, changed.ModifiedAttributesSequence = "PLANTED^OLD", "PLANTED-16", [before]
            d.OriginalAttributesSequence = [changed]
            for s in d.SegmentSequence:
                s.TrackingID, s.TrackingUID, s.SegmentDescription = "PLANTED-17", pydicom.uid.generate_uid(), "PLANTED-18"
                words.add(s.TrackingUID.encode())
        words |= {str(d[k].value).encode() for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
        d.save_as(disc / f"IM{n:04}", write_like_original=False)
    made = subprocess.run(["dcmmkdir", "+r", "+D", str(disc / "DICOMDIR"), "+id", str(disc), "+F", "PLANTED", "-W"], capture_output=True, text=True)
    for source in (disc, disc / "DICOMDIR"):
        to = fresh("planted-" + source.name)
        report, message = export(source, to)
        files = [p for p in to.rglob("*") if p.is_file()]
        leaks = [f"{p}: {w}" for p in files for w in words if w in p.read_bytes() or w in str(p.relative_to(to)).encode()]
        check(f"planted in {source.name}", leaks if report is not None and len(files) == 17 else [message, str(len(files)), made.stderr])

# Refusals.
report, message = export(matrix / "fuzz", fresh("fuzz"))
left = [str(p) for p in work.rglob(".sagitta-partial*")]
check("nothing half-written is left", left)
report, message = export(petct / "CT", fresh("petct"))
check("an earlier export is not touched", [] if report is None and "already" in message else [message])

print(f"1..{len(results)}")
for k, (name, problems) in enumerate(results, 1):
    print(f"{'not ok' if problems else 'ok'} {k} - {name}")
shutil.rmtree(work)
