#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Orthanc, an archive of another author: what we wrote goes in through its REST and its DICOM door and comes back the
same. Loopback only. Prints TAP. Argument: the sagitta-cli."""
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

cli = sys.argv[1]


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


orthanc = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
if orthanc is None:
    skip("Orthanc is not installed (resources/install.sh tests)")
if shutil.which("storescu") is None:
    skip("storescu is not installed")
try:
    import pydicom
except ImportError:
    skip("pydicom is not installed")

work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-orthanc-"))
results = []


def check(name, good, why=""):
    results.append((name, good))
    if not good:
        print(f"# {name}: {why}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


http, dicom = free_port(), free_port()
base = f"http://127.0.0.1:{http}"
(work / "orthanc.json").write_text(json.dumps({
    "Name": "peer", "StorageDirectory": str(work / "storage"), "IndexDirectory": str(work / "storage"),
    "HttpPort": http, "DicomPort": dicom, "DicomAet": "PEER", "RemoteAccessAllowed": False,
    "AuthenticationEnabled": False, "DicomCheckCalledAet": False, "DicomAlwaysAllowStore": True, "Plugins": [],
    "HttpServerEnabled": True, "UnknownSopClassAccepted": False}))


def ask(path, body=None):
    request = urllib.request.Request(base + path, data=body)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return answer.read()


server = subprocess.Popen([orthanc, str(work / "orthanc.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(300):
        try:
            version = json.loads(ask("/system"))["Version"]
            break
        except OSError:
            time.sleep(0.2)
            if server.poll() is not None:
                skip("Orthanc does not start here")
    else:
        skip("Orthanc does not answer here")
    print(f"# Orthanc {version}")

    subprocess.run([cli, "phantom", str(work / "study"), "--size", "small"], check=True, capture_output=True)
    files = sorted((work / "study").rglob("*.dcm"))
    segs = [p for p in files if pydicom.dcmread(p, stop_before_pixels=True).Modality == "SEG"]
    cts = [p for p in files if p not in segs][:12]
    done = subprocess.run([cli, "export-anon", str(work / "study"), str(work / "anon"), "--json"], capture_output=True,
                          text=True)
    copies = sorted((work / "anon").rglob("*.dcm"))
    check("an export to send", done.returncode == 0 and len(copies) == len(files), done.stderr)
    anon = copies[:6] + [p for p in copies if pydicom.dcmread(p, stop_before_pixels=True).Modality == "SEG"]

    def compare(name, paths):
        """Read back by its instance UID, the data set is the one that was sent."""
        different = []
        for p in paths:
            sent = pydicom.dcmread(p)
            found = json.loads(ask("/tools/lookup", str(sent.SOPInstanceUID).encode()))
            if len(found) != 1:
                different.append(f"{p.name}: found {len(found)} times")
                continue
            (work / "back.dcm").write_bytes(ask(f"/instances/{found[0]['ID']}/file"))
            back = pydicom.dcmread(work / "back.dcm")
            if sent != back:
                different.append(f"{p.name}: differs")
        check(name, not different and paths, different)

    for p in segs + cts:
        ask("/instances", p.read_bytes())
    compare("segmentation by REST", segs)
    compare("series by REST", cts)

    # A report is of the same study.
    spot = [float(v) for v in pydicom.dcmread(cts[5], stop_before_pixels=True).ImagePositionPatient]
    (work / "figures.json").write_text(json.dumps([{"kind": "length", "points": [spot, [spot[0] + 20, *spot[1:]]]}]))
    done = subprocess.run([cli, "measure", str(work / "study"), "-f", str(work / "figures.json"), "--sr", str(work / "sr.dcm")],
                          capture_output=True, text=True)
    check("a report to send", done.returncode == 0, done.stderr)
    ask("/instances", (work / "sr.dcm").read_bytes())
    compare("report by REST", [work / "sr.dcm"])
    studies = [s for s in json.loads(ask("/studies?expand")) if s["MainDicomTags"]["StudyInstanceUID"]
               == str(pydicom.dcmread(cts[0], stop_before_pixels=True).StudyInstanceUID)]
    kinds = sorted(json.loads(ask(f"/series/{s}"))["MainDicomTags"]["Modality"] for s in studies[0]["Series"]) if studies else []
    check("one study of images, segmentation and report", len(studies) == 1 and kinds == ["CT", "SEG", "SR"], kinds)

    # What it gives back in a ZIP file, with and without a DICOMDIR, opens here: the same slices of the same series.
    shutil.copytree(work / "study", work / "part", ignore=lambda folder, names: [n for n in names if n.endswith(".dcm")
                    and pathlib.Path(folder, n) not in segs + cts])
    shutil.copy(work / "sr.dcm", work / "part")

    def told(path):
        done = subprocess.run([cli, "index", str(path), "--json"], capture_output=True, text=True)
        return sorted((s["uid"], s["kind"], s["files"], json.dumps(s["stacks"])) for study in json.loads(done.stdout)["studies"]
                      for s in study["series"]) if done.returncode == 0 else [done.stderr]

    for kind in ("archive", "media"):
        (work / f"{kind}.zip").write_bytes(ask(f"/studies/{studies[0]['ID']}/{kind}"))
        shutil.unpack_archive(work / f"{kind}.zip", work / kind)
        for path in [work / f"{kind}.zip", work / kind] + ([work / kind / "DICOMDIR"] if kind == "media" else []):
            check(f"{path.name} of Orthanc", told(path) == told(work / "part"), f"{told(path)} is not {told(work / 'part')}")
    sent = subprocess.run(["storescu", "-R", "-aec", "PEER", "127.0.0.1", str(dicom), *map(str, anon)], capture_output=True, text=True,
                          timeout=120)
    check("C-STORE", sent.returncode == 0, sent.stderr)
    compare("de-identified series and segmentation by C-STORE", anon)
    tags = json.loads(ask("/instances/" + json.loads(ask("/tools/lookup", str(pydicom.dcmread(anon[-1]).SOPInstanceUID).encode()))[0]["ID"]
                          + "/simplified-tags"))
    check("Orthanc knows what it is", tags.get("Modality") == "SEG" and tags.get("PatientIdentityRemoved") == "YES",
          {k: tags.get(k) for k in ("Modality", "PatientIdentityRemoved")})
finally:
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
    shutil.rmtree(work, ignore_errors=True)

print(f"1..{len(results)}")
for k, (name, good) in enumerate(results, 1):
    print(f"{'ok' if good else 'not ok'} {k} - {name}")
