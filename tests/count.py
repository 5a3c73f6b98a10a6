#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what ran, from meson's own logs: every skipped test by name, then one closing line."""
import json
import sys
import xml.etree.ElementTree as ET

passed = failed = skipped = 0
names = []
seen = set()
for suite in ET.parse(sys.argv[1]).getroot().iter("testsuite"):
    for case in suite.iter("testcase"):
        name = f"{suite.get('name')} {case.get('name')}"
        seen.add(suite.get("name", "").split(".")[-1].split("/")[-1])
        kinds = {child.tag for child in case}
        if "skipped" in kinds:
            skipped += 1
            names.append(name)
        elif kinds & {"failure", "error"}:
            failed += 1
        else:
            passed += 1

# A program that died before it could report a case is in the JSON log only.
with open(sys.argv[2]) as log:
    for line in log:
        result = json.loads(line)
        if result["result"] in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT") and failed == 0:
            failed += 1

for name in names:
    print(f"skipped: {name}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
