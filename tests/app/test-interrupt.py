#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A command that is told to end in the middle of its work dies of the signal and leaves nothing; what one that was killed
outright left goes with the next. Nothing depends on how fast it is: it is stopped where it is seen at work, and told
then. Prints TAP. Argument: the sagitta-cli to test."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

cli = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp(prefix="sagitta-interrupt-"))
os.environ |= {"XDG_CONFIG_HOME": str(work / "config"), "XDG_CACHE_HOME": str(work / "cache"), "GOMP_SPINCOUNT": "20000"}
out = work / "out"
results = []


def check(name, problems):
    results.append((name, problems))
    for problem in problems[:5]:
        print(f"# {name}: {problem}")


def begun():
    """What has a name while it is made."""
    found = []
    for folder in (out, out / "copies", work / "cache" / "sagitta"):
        try:
            found += [str(folder / name) for name in os.listdir(folder) if name.startswith((".sagitta-partial-", "sagitta-zip-"))]
        except FileNotFoundError:
            pass
    return found


def descendants(process):
    """The process and its children: a contained command's work is done by a child."""
    found = [process.pid]
    for pid in found:
        for listing in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in listing.read_text().split() if int(child) not in found]
    return found


def stop_at_work(args):
    """The command, stopped with something begun; None if it was done before it could be."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    process = subprocess.Popen([cli, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not begun():
        time.sleep(0.001)
    try:
        for pid in descendants(process):
            os.kill(pid, signal.SIGSTOP)
    except (ProcessLookupError, FileNotFoundError):
        pass
    if process.poll() is None and begun():
        return process
    try:
        for pid in descendants(process):
            os.kill(pid, signal.SIGCONT)
    except (ProcessLookupError, FileNotFoundError):
        pass
    process.communicate(timeout=120)
    return None


def at_work(args):
    for _ in range(50):
        process = stop_at_work(args)
        if process is not None:
            return process
    return None


def go_on(process):
    try:
        for pid in descendants(process):
            os.kill(pid, signal.SIGCONT)
    except (ProcessLookupError, FileNotFoundError):
        pass


study = work / "study"
subprocess.run([cli, "phantom", str(study), "--size", "96x96x120"], check=True, capture_output=True, timeout=300)
packed = work / "study.zip"
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
    for path in sorted(study.rglob("*.dcm")):
        archive.write(path, path.name)

commands = {
    "export-anon": ["export-anon", str(study), str(out / "copies")],
    "index of a ZIP file": ["index", str(packed), "--json"],
    "convert of a ZIP file": ["convert", str(packed), str(out / "image.nii.gz")],
}
for name, args in commands.items():
    for option in ([], ["--isolate"]):
        died = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = at_work([*args, *option])
            what = f"{name} {' '.join(option)} {number.name}"
            if process is None:
                check(what, ["was never seen at work"])
                continue
            process.send_signal(number)
            go_on(process)
            _, message = process.communicate(timeout=120)
            died += process.returncode == -number
            left = begun() + ([] if process.returncode == 0 else [str(p) for p in out.iterdir()])
            # It may have been done before it was told.
            check(what, left + ([message] if message else []) + ([] if process.returncode in (-number, 0) else [f"status {process.returncode}"]))
        check(f"{name} {' '.join(option)}: dies of it", [] if died > 0 else ["never"])

# Killed outright: another command takes it away, whatever it is for; an export into the same folder does.
process = at_work(commands["index of a ZIP file"])
if process is None:
    check("killed while it unpacked", ["was never seen at work"])
else:
    process.kill()
    process.communicate()
    had = begun()
    subprocess.run([cli, "info", str(work / "nothing")], capture_output=True, timeout=120)
    check("killed while it unpacked", ([] if had else ["nothing was left"]) + begun())
process = at_work(commands["export-anon"])
if process is None:
    check("killed while it exported", ["was never seen at work"])
else:
    process.kill()
    process.communicate()
    had = begun()
    again = subprocess.run([cli, *commands["export-anon"], "--json"], capture_output=True, text=True, timeout=120)
    n = len(list(study.rglob("*.dcm")))
    check("killed while it exported", ([] if had else ["nothing was left"]) + begun()
          + ([] if again.returncode == 0 and json.loads(again.stdout)["files"] == n else [again.stderr]))

# What nohup has ignored is.
process = subprocess.Popen([cli, *commands["index of a ZIP file"]], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
while process.poll() is None and not begun():
    time.sleep(0.001)
process.send_signal(signal.SIGHUP)
process.communicate(timeout=120)
check("ignored signals are", [] if process.returncode == 0 else [f"status {process.returncode}"])

print(f"1..{len(results)}")
for k, (name, problems) in enumerate(results, 1):
    print(f"{'not ok' if problems else 'ok'} {k} - {name}")
shutil.rmtree(work)
