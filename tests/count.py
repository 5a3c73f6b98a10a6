#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what ran, from meson's own logs: every skipped test by name, then one closing line."""
import json
import sys
import xml.etree.ElementTree as ET

passed = failed = skipped = 0
skips = []
clean = set()  # programs none of whose cases failed
for suite in ET.parse(sys.argv[1]).getroot().iter("testsuite"):
    bad = 0
    for case in suite.iter("testcase"):
        kinds = {child.tag for child in case}
        if "skipped" in kinds:
            skipped += 1
            skips.append(f"{suite.get('name')} {case.get('name')}")
        elif kinds & {"failure", "error"}:
            bad += 1
        else:
            passed += 1
    failed += bad
    if bad == 0:
        clean.add(suite.get("name").replace(".", " ").replace(":", " ").split("/")[-1].split()[-1])

# A program that died before it could report the case it was in, or ran out of time, is in the JSON log only.
with open(sys.argv[2]) as log:
    for line in log:
        result = json.loads(line)
        name = result["name"].split("/")[-1].split()[-1]
        if result["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and name in clean:
            failed += 1

for name in skips:
    print(f"skipped: {name}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
