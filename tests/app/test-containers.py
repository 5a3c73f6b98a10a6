#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ZIP files and DICOMDIRs as other programs write them: each opens, or is one clear sentence. Prints TAP.
Argument: the sagitta-cli."""
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import warnings
import zipfile

cli = os.path.abspath(sys.argv[1])
warnings.simplefilter("ignore")
results = []
work = tempfile.TemporaryDirectory(prefix="sagitta-containers-")
folder = pathlib.Path(work.name)
os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
subprocess.run([cli, "phantom", folder / "study", "--size", "64x64x12"], check=True)
images = sorted((folder / "study" / "ct").iterdir())[:5]


def check(name, good, why=""):
    results.append((name, good))
    if not good:
        print(f"# {name}: {why}")


def ask(path, *command):
    return subprocess.run([cli, *(command or ("index", "--json")), path], capture_output=True, text=True, timeout=60)


def opens(name, path, n=5, problem=""):
    done = ask(path)
    found = json.loads(done.stdout) if done.returncode == 0 else {"studies": [], "problems": []}
    frames = sum(k["images"] for study in found["studies"] for series in study["series"] for k in series["stacks"])
    check(name, frames == n and problem in " ".join(found["problems"]) and bool(problem) == bool(found["problems"]),
          (done.stderr, frames, found["problems"]))
    return found


def refused(name, path, *words):
    for command in ((), ("info",)):
        done = ask(path, *command)
        check(f"{name} {command}", done.returncode == 1 and done.stderr.count("\n") == 1 and "sagitta-zip-" not in done.stderr
              and all(word in done.stderr for word in (pathlib.Path(path).name, *words)), done.stderr)


def pack(name, method=zipfile.ZIP_DEFLATED, names=None):
    path = folder / name
    with zipfile.ZipFile(path, "w", method) as z:
        for n, image in enumerate(images):
            z.writestr(names[n] if names else image.name, image.read_bytes())
    return path


plain = pack("plain.zip")
opens("deflated", plain)
opens("stored", pack("stored.zip", zipfile.ZIP_STORED))
opens("bzip2", pack("bzip2.zip", zipfile.ZIP_BZIP2))
for title, names in (("UTF-8 names", [f"größe/山{n}.dcm" for n in range(5)]), ("names that lead out", [f"../../etc/{n}" for n in range(5)]),
                     ("absolute names", [f"/etc/{n}" for n in range(5)]), ("names of Windows", [f"C:\\a\\{n}" for n in range(5)]),
                     ("one name five times", ["a.dcm"] * 5), ("long names", ["d/" * 60 + "x" * 200 + str(n) for n in range(5)])):
    opens(title, pack("names.zip", names=names))
latin = folder / "cp437.zip"
latin.write_bytes(pack("aaaa.zip", names=[f"aaaa{n}" for n in range(5)]).read_bytes().replace(b"aaaa", b"\x84\x94\x81\xe1"))
opens("CP437 names", latin)
with zipfile.ZipFile(folder / "zip64.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for image in images:
        with z.open(image.name, "w", force_zip64=True) as member:
            member.write(image.read_bytes())
opens("ZIP64", folder / "zip64.zip")


class Stream(io.RawIOBase):
    """What cannot be gone back in: sizes come behind the bytes."""

    def __init__(self):
        self.all = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.all += data
        return len(data)


stream = Stream()
with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as z:
    for image in images:
        z.writestr(image.name, image.read_bytes())
(folder / "stream.zip").write_bytes(stream.all)
opens("data descriptors", folder / "stream.zip")
for title, name, before in (("a program before it", "program.exe", b"MZ" + bytes(5000)), ("a line before it", "line.zip", b"#!/bin/sh\n")):
    (folder / name).write_bytes(before + plain.read_bytes())
    opens(title, folder / name)
shutil.copy(plain, folder / "noname")
opens("no extension", folder / "noname")
(folder / "behind.zip").write_bytes(plain.read_bytes() + bytes(100))
opens("bytes behind it", folder / "behind.zip")
with zipfile.ZipFile(folder / "inside.zip", "w") as z:
    for image in images:
        z.write(image, f"x/{image.name}")
        z.writestr(f"__MACOSX/x/._{image.name}", b"x" * 100)
    z.write(plain, "plain.zip")
    z.mkdir("empty")
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    z.writestr(link, "/etc/passwd")
opens("folders, links and other ZIP files in it", folder / "inside.zip")
with zipfile.ZipFile(folder / "many.zip", "w") as z:
    for n in range(5000):
        z.writestr(f"{n}.txt", b"text")
    for image in images:
        z.write(image, image.name)
opens("5005 members", folder / "many.zip")

refused("LZMA", pack("lzma.zip", zipfile.ZIP_LZMA), "method 14", "unpack it")
other = bytearray(plain.read_bytes())
for mark, at in ((b"PK\1\2", 10), (b"PK\3\4", 8)):
    place = -1
    while (place := other.find(mark, place + 1)) >= 0:
        other[place + at:place + at + 2] = struct.pack("<H", 9)
(folder / "deflate64.zip").write_bytes(other)
refused("Deflate64", folder / "deflate64.zip", "method 9", "unpack it")
other = bytearray(plain.read_bytes())
for mark, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
    place = -1
    while (place := other.find(mark, place + 1)) >= 0:
        other[place + at] |= 1
(folder / "locked.zip").write_bytes(other)
refused("encrypted", folder / "locked.zip", "password")
(folder / "short.zip").write_bytes(plain.read_bytes()[:5000])
refused("cut short", folder / "short.zip", "cut short")
damaged = bytearray(plain.read_bytes())
damaged[1000] ^= 255
(folder / "damaged.zip").write_bytes(damaged)
refused("a wrong checksum", folder / "damaged.zip", "damaged")
with zipfile.ZipFile(folder / "nested.zip", "w") as z:
    z.write(plain, "inner.zip")
refused("ZIP in ZIP", folder / "nested.zip", "only other ZIP files")
for name, members in (("empty.zip", {}), ("folders.zip", {"a/": b"", "b/c/": b""}), ("hollow.zip", {"a": b""})):
    with zipfile.ZipFile(folder / name, "w") as z:
        for member, data in members.items():
            z.writestr(member, data)
    refused(name, folder / name, "without files")
with zipfile.ZipFile(folder / "text.zip", "w") as z:
    z.writestr("a.txt", b"text")
refused("no image in it", folder / "text.zip", "no DICOM object")
with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
    with z.open("zeros", "w", force_zip64=True) as member:
        for _ in range(1100):
            member.write(bytes(1 << 20))
refused("a bomb", folder / "bomb.zip", "times its size")
raw = plain.read_bytes()
end = raw.rfind(b"PK\5\6")
table = struct.unpack("<I", raw[end + 16:end + 20])[0]
first = raw[table:table + 46 + sum(struct.unpack("<HHH", raw[table + 28:table + 34]))]
(folder / "overlap.zip").write_bytes(raw[:table] + first * 2000 + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 2000, 2000, len(first) * 2000, table, 0))
refused("members that share their bytes", folder / "overlap.zip", "more than its own size")

# --- DICOMDIR ---------------------------------------------------------------------------------------
try:
    import pydicom
    if shutil.which("dcmmkdir") is None:
        raise ImportError
except ImportError:
    print("# no pydicom or dcmmkdir: DICOMDIR is not tried")
    pydicom = None


def medium(name, patients=1):
    disc = folder / name
    (disc / "IMAGES").mkdir(parents=True)
    for n, image in enumerate(images):
        dataset = pydicom.dcmread(image)
        if n >= 3 and patients > 1:
            dataset.PatientID, dataset.PatientName = "OTHER", "Other^Name"
            for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                dataset[key].value += ".1"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(disc / "IMAGES" / f"IM{n}")
    subprocess.run(["dcmmkdir", "+r", "+D", disc / "DICOMDIR", "+id", disc], check=True, capture_output=True)
    return disc


def point(disc, to):
    dataset = pydicom.dcmread(disc / "DICOMDIR")
    for n, record in enumerate(r for r in dataset.DirectoryRecordSequence if "ReferencedFileID" in r):
        record.ReferencedFileID = to(n)
    dataset.save_as(disc / "DICOMDIR")


if pydicom:
    disc = medium("disc")
    opens("DICOMDIR", disc / "DICOMDIR")
    found = opens("the folder of a DICOMDIR", disc)
    with zipfile.ZipFile(folder / "disc.zip", "w") as z:
        for path in disc.rglob("*"):
            if path.is_file():
                z.write(path, path.relative_to(disc))
    opens("DICOMDIR in a ZIP file", folder / "disc.zip")
    found = opens("several patients", medium("patients", 2) / "DICOMDIR")
    check("both patients", sorted(s["patient_id"] for s in found["studies"]) == ["OTHER", "PHANTOM-1"])
    for path in (disc / "IMAGES" / "IM1", disc / "IMAGES" / "IM2"):
        path.unlink()
    opens("files that are not there", disc / "DICOMDIR", 3, "names 5 files, of which 2 are not there")
    shutil.rmtree(disc / "IMAGES")
    refused("none is there", disc / "DICOMDIR", "None of the 5 files")
    for name, rename in (("small letters", str.lower), ("mixed letters", str.capitalize), ("ISO 9660 names", lambda s: s + ".;1")):
        disc = medium(name)
        for path in (disc / "IMAGES").iterdir():
            path.rename(path.with_name(rename(path.name)))
        if "ISO" not in name:
            (disc / "IMAGES").rename(disc / rename("IMAGES"))
        opens(name, disc / "DICOMDIR")
    for name, to in (("a version in the record", lambda n: ["IMAGES", f"IM{n};1"]), ("a path from the root", lambda n: ["", "IMAGES", f"IM{n}"]),
                     ("a path from a drive", lambda n: ["D:", "IMAGES", f"IM{n}"]), ("a path with slashes", lambda n: f"IMAGES/IM{n}")):
        disc = medium(name)
        point(disc, to)
        opens(name, disc / "DICOMDIR")
    for name, to in (("records that lead out", lambda n: ["..", "patients", "IMAGES", f"IM{n}"]), ("records of nothing", lambda n: ["NO", "WHERE"])):
        disc = medium(name)
        point(disc, to)
        refused(name, disc / "DICOMDIR", "None of the 5 files")
    disc = medium("again")
    point(disc, lambda n: ["IMAGES", "IM0"])
    opens("one file in five records", disc / "DICOMDIR", 1)

cache = folder / "cache" / "sagitta"
check("nothing is left unpacked", not [p for p in cache.glob("sagitta-zip-*")] if cache.exists() else True)
print(f"1..{len(results)}")
for k, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}")
