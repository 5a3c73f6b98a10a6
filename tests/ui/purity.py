#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The window program draws and never computes: it holds neither DCMTK nor OpenJPEG nor the code that reads
files, loads models and runs networks. Prints TAP. Arguments: the window program, the worker program; the
worker has all of it, so a symbol that was renamed is noticed here."""
import re
import subprocess
import sys

window, worker = sys.argv[1:3]
LIBRARIES = ["dcmdata", "dcmjpeg", "dcmjpls", "ofstd", "oflog", "openjp2", "json-glib-1.0"]
SYMBOLS = {
    "the network engine": ["sag_session_new", "sag_graph_new", "sag_onnx_read"],
    "segmentation": ["sag_segment_new", "sag_segment_run"],
    "the plugin host": ["sag_plugin_host_new", "sag_plugin_load"],
    "the body of jobs": ["sag_job_body", "sag_body_read"],
    "DICOM": ["sag_dicom_read_header", "sag_index_folder", "sag_seg_write"],
    "files": ["sag_nifti_read", "sag_save_begin"],
}


def libraries(program):
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"lib(\S+?)\.so", text))


def symbols(program):
    text = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line}


def report(name, wrong):
    global number, failed
    number += 1
    failed |= bool(wrong)
    print(("not ok" if wrong else "ok"), number, "-", name)
    for what in wrong:
        print("#", what)


number, failed = 0, False
print(f"1..{2 + 2 * len(SYMBOLS)}")
have, all_have = libraries(window), libraries(worker)
report("the window links no decoder", [name for name in LIBRARIES if name in have])
report("the worker links them", [name for name in LIBRARIES if name not in all_have])
inside, all_inside = symbols(window), symbols(worker)
for part, names in SYMBOLS.items():
    report(f"the window has nothing of {part}", [name for name in names if name in inside])
    report(f"the worker has {part}", [name for name in names if name not in all_inside])
sys.exit(failed)
