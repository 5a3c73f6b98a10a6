#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/zip: the kinds of ZIP file there are, and some that are meant ill."""
import io
import pathlib
import zipfile

here = pathlib.Path(__file__).resolve().parent
to = here / "corpus/zip"
to.mkdir(exist_ok=True)
DATE = (2024, 2, 29, 12, 0, 0)
small = b"\0" * 128 + b"DICM" + bytes(range(64))


def write(name, members, method=zipfile.ZIP_DEFLATED, zip64=False, comment=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as z:
        z.comment = comment
        for path, data in members:
            info = zipfile.ZipInfo(path, DATE)
            info.compress_type = method
            with z.open(info, "w", force_zip64=zip64) as member:
                member.write(data)
    (to / name).write_bytes(buffer.getvalue())
    return buffer.getvalue()


write("stored.zip", [("a.dcm", small), ("b/c.dcm", small)], zipfile.ZIP_STORED)
plain = write("deflated.zip", [("DICOM/IM0001", small), ("README.txt", b"hello"), ("folder/", b"")])
write("zip64.zip", [("a.dcm", small)], zip64=True)
write("bzip2.zip", [("a.dcm", small)], zipfile.ZIP_BZIP2)
write("comment.zip", [("a", small)], comment=b"PK\5\6" + b"x" * 40)
write("empty.zip", [])
write("away.zip", [("../../../tmp/sagitta-was-here", b"no"), ("/etc/sagitta-was-here", b"no"), ("a\\..\\b", b"no"),
                   ("__MACOSX/._a", b"no"), ("name\nwith\x01control.dcm", b"no"), ("x" * 300 + ".dcm", b"no")])
write("zeros.zip", [("bomb", bytes(1 << 18))])
write("nested.zip", [("inner.zip", plain), ("v.nii.gz", b"\x1f\x8b\x08")])
write("twice.zip", [("same.dcm", small), ("same.dcm", small)])
data = bytearray(plain)
for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
    start = 0
    while (start := data.find(mark, start)) >= 0:
        data[start + at] |= 1
        start += 4
(to / "encrypted.zip").write_bytes(data)
# Twenty members that share the bytes of one.
data = write("many.zip", [("a", bytes(range(256)) * 4)], zipfile.ZIP_STORED)
directory, end = data.find(b"PK\1\2"), data.find(b"PK\5\6")
entry, tail = data[directory:end], bytearray(data[end:])
tail[8:12] = (20).to_bytes(2, "little") * 2
tail[12:16] = (20 * len(entry)).to_bytes(4, "little")
(to / "many.zip").write_bytes(data[:directory] + entry * 20 + tail)
