#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One CT slice, encoded in every way that scanners and converters got wrong: `decode` gives the same values, `info` the
same place. The files are written here byte by byte. Prints TAP. Arguments: the sagitta-cli to test."""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

cli = sys.argv[1]

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP numpy is not installed")
    sys.exit(0)

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
GE_PRIVATE = "1.2.840.113619.5.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
LONG = ("OB", "OW", "SQ", "UN")
UNDEFINED = 0xffffffff
STORED = np.random.default_rng(7).integers(0, 4096, (7, 9)).astype("<u2")


class Way:
    """How elements are written."""

    def __init__(self, explicit=True, big=False):
        self.explicit, self.order = explicit, ">" if big else "<"

    def numbers(self, kind, *values):
        return struct.pack(self.order + f"{len(values)}{kind}", *values)

    def element(self, tag, vr, value, length=None, pad=True):
        if isinstance(value, str):
            value = value.encode()
        if pad and len(value) % 2:
            value += b"\0" if vr in ("UI",) + LONG else b" "
        length = len(value) if length is None else length
        head = self.numbers("H", tag >> 16, tag & 0xffff)
        if not self.explicit:
            return head + self.numbers("I", length) + value
        head += vr if isinstance(vr, bytes) else vr.encode()
        return head + (self.numbers("H", 0) + self.numbers("I", length) if vr in LONG else self.numbers("H", length)) + value

    def sequence(self, tag, items, vr="SQ", undefined=True):
        """`items`: the bytes of each."""
        body = b""
        for item in items:
            body += self.numbers("H", 0xfffe, 0xe000) + self.numbers("I", UNDEFINED if undefined else len(item)) + item
            body += self.numbers("H", 0xfffe, 0xe00d, 0, 0) if undefined else b""
        if undefined:
            body += self.numbers("H", 0xfffe, 0xe0dd, 0, 0)
        return self.element(tag, vr, body, UNDEFINED if undefined else None)

    def header(self, leave=(), add=(), **other):
        """`add`: further elements by tag; `other`: another VR and value for a tag, as x00280010=("UN", b"..")."""
        short = lambda v: ("US", self.numbers("H", v))
        rows = {0x00080008: ("CS", "ORIGINAL\\PRIMARY\\AXIAL"), 0x00080016: ("UI", CT), 0x00080018: ("UI", "1.2.3.4.5"),
                0x00080060: ("CS", "CT"), 0x00100010: ("PN", "Odd^File"), 0x0020000d: ("UI", "1.2.3.1"),
                0x0020000e: ("UI", "1.2.3.2"), 0x00200032: ("DS", "-10\\-20\\30"), 0x00200037: ("DS", "1\\0\\0\\0\\1\\0"),
                0x00200052: ("UI", "1.2.3.3"), 0x00180050: ("DS", "2"), 0x00280002: short(1),
                0x00280004: ("CS", "MONOCHROME2"), 0x00280010: short(7), 0x00280011: short(9),
                0x00280030: ("DS", "0.5\\0.25"), 0x00280100: short(16), 0x00280101: short(12), 0x00280102: short(11),
                0x00280103: short(0), 0x00281052: ("DS", "-1024"), 0x00281053: ("DS", "2")}
        rows.update({int(name[1:], 16): value for name, value in other.items()})
        made = {tag: self.element(tag, *value) for tag, value in rows.items() if tag not in leave}
        made.update(add)
        return b"".join(made[tag] for tag in sorted(made))

    def pixels(self, vr="OW", stored=STORED):
        return self.element(0x7fe00010, vr, stored.astype(stored.dtype.newbyteorder(self.order)).tobytes())


LITTLE, IMPL, BIGGER = Way(), Way(explicit=False), Way(big=True)
DICM = b"\0" * 128 + b"DICM"


def meta(syntax, off=0, way=LITTLE, length=True):
    e = way.element
    body = e(0x00020001, "OB", b"\0\1") + e(0x00020002, "UI", CT) + e(0x00020003, "UI", "1.2.3.4.5")
    body += e(0x00020010, "UI", syntax) if syntax else b""
    return DICM + (e(0x00020000, "UL", struct.pack("<I", len(body) + off)) if length else b"") + body


def look(content, stored=STORED, place=False):
    """The file is what was meant: its values, and its place too."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = pathlib.Path(folder) / "a.dcm", pathlib.Path(folder) / "out.npy"
        path.write_bytes(content)
        done = subprocess.run([cli, "decode", str(path), "-o", str(out)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        got, want = np.load(out), stored.astype("f4") * 2 - 1024
        assert got.shape == want.shape and (got == want).all(), (got.ravel()[:4], want.ravel()[:4])
        if not place:
            return
        done = subprocess.run([cli, "info", str(path), "--json"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        info = json.loads(done.stdout)
        assert (info["spacing"], info["origin_lps"]) == ([0.25, 0.5, 2.0], [-10.0, -20.0, 30.0]), info


def no_meta():
    for way in (IMPL, LITTLE, BIGGER):
        look(way.header() + way.pixels())
    for way in (IMPL, LITTLE):
        look(DICM + way.header() + way.pixels())


def meta_wrong():
    """Its length is absent or wrong, it is implicit, or it names no transfer syntax."""
    rest = LITTLE.header() + LITTLE.pixels()
    look(meta(EXPLICIT, length=False) + rest)
    for off in (-20, 4, 10, 1000000):
        look(meta(EXPLICIT, off) + rest)
    look(meta(IMPLICIT, way=IMPL) + IMPL.header() + IMPL.pixels())
    for way in (IMPL, LITTLE):
        look(meta(None) + way.header() + way.pixels())
    for end in (" ", "\0\0"):
        look(meta(EXPLICIT + end) + rest)


def syntax_wrong():
    """What the first element looks like is what the file is."""
    for said in (IMPLICIT, EXPLICIT, BIG):
        for way in (IMPL, LITTLE, BIGGER):
            look(meta(said) + way.header() + way.pixels(), place=True)


def private_syntax():
    look(meta(GE_PRIVATE) + IMPL.header() + IMPL.element(0x7fe00010, "OW", STORED.astype(">u2").tobytes()))


def ends():
    for tail in (b"\0" * 1000, b"\0" * 3, bytes(range(256)) * 3, b"\xff" * 999, LITTLE.element(0xfffcfffc, "OB", b"\0" * 64)):
        look(meta(EXPLICIT) + LITTLE.header() + LITTLE.pixels() + tail)
    look(meta(EXPLICIT) + LITTLE.header() + LITTLE.element(0x7fe00010, "OW", STORED.tobytes() + b"\x11" * 500))


def lengths():
    """Odd ones, and those of groups, which are wrong."""
    for way, syntax in ((LITTLE, EXPLICIT), (IMPL, IMPLICIT)):
        odd = {0x00081030: way.element(0x00081030, "LO", "odd", pad=False)}
        look(meta(syntax) + way.header(add=odd) + way.pixels())
        groups = {g << 16: way.element(g << 16, "UL", struct.pack("<I", 4711)) for g in (8, 0x18, 0x28)}
        look(meta(syntax) + way.header(add=groups) + way.pixels())
    eight = dict(x00280100=("US", b"\x08\0"), x00280101=("US", b"\x08\0"), x00280102=("US", b"\7\0"))
    small = STORED.astype("u1")  # 63 bytes
    for vr in ("OB", "OW", "UN"):
        look(meta(EXPLICIT) + LITTLE.header(**eight) + LITTLE.pixels(vr, small), small)
    look(meta(EXPLICIT) + LITTLE.header(**eight) + LITTLE.element(0x7fe00010, "OB", small.tobytes(), pad=False), small)


def kinds():
    """Elements of another VR than theirs."""
    for vr in ("OB", "UN"):
        look(meta(EXPLICIT) + LITTLE.header() + LITTLE.pixels(vr))
    for other in (dict(x00280010=("UN", b"\7\0"), x00280011=("UN", b"\x09\0"), x00280030=("UN", "0.5\\0.25"),
                       x00281053=("UN", "2")),
                  dict(x00280010=("IS", "7"), x00280011=("SS", b"\x09\0")),
                  dict(x00280010=("UL", b"\7\0\0\0"), x00280100=("SS", b"\x10\0")),
                  dict(x00280030=("FD", struct.pack("<2d", 0.5, 0.25)), x00281053=("FL", struct.pack("<f", 2)),
                       x00200032=("FD", struct.pack("<3d", -10, -20, 30))),
                  dict(x00181030=(b"??", "odd ")), dict(x00181030=(b"\0\0", "odd "))):
        look(meta(EXPLICIT) + LITTLE.header(**other) + LITTLE.pixels(), place=True)


def sequences():
    """Deep ones, of either length, of unknown VR (CP-246), empty, and an icon's pixels before the image's."""
    def deep(way, undefined, n=4):
        inner = way.element(0x00080100, "SH", "CODE") + way.element(0x00280010, "US", way.numbers("H", 99))
        for i in range(n):
            inner = way.sequence(0x00081140 if i % 2 else 0x00191001, [inner, inner], undefined=undefined)
        return inner

    for way, syntax in ((LITTLE, EXPLICIT), (IMPL, IMPLICIT), (BIGGER, BIG)):
        for undefined in (True, False):
            nested = way.sequence(0x00081140, [deep(way, undefined)], undefined=undefined)
            look(meta(syntax) + way.header(add={0x00081140: nested}) + way.pixels())
        icon = (way.element(0x00280010, "US", way.numbers("H", 2)) + way.element(0x00280011, "US", way.numbers("H", 2))
                + way.element(0x7fe00010, "OB", b"1234"))
        look(meta(syntax) + way.header(add={0x00880200: way.sequence(0x00880200, [icon])}) + way.pixels())
    for tag in (0x00081140, 0x00191020):
        for undefined in (True, False):
            body = deep(IMPL, undefined, 2)
            items = struct.pack("<HHI", 0xfffe, 0xe000, UNDEFINED if undefined else len(body)) + body
            items += struct.pack("<HHIHHI", 0xfffe, 0xe00d, 0, 0xfffe, 0xe0dd, 0) if undefined else b""
            unknown = LITTLE.element(tag, "UN", items, UNDEFINED if undefined else None)
            look(meta(EXPLICIT) + LITTLE.header(add={tag: unknown}) + LITTLE.pixels())
    empty = {0x00081140: LITTLE.element(0x00081140, "SQ", b""), 0x00081199: LITTLE.sequence(0x00081199, [])}
    look(meta(EXPLICIT) + LITTLE.header(add=empty) + LITTLE.pixels())


def order():
    rows = LITTLE.element(0x00280010, "US", b"\7\0")
    rest = LITTLE.header(leave=(0x00280010,))
    look(meta(EXPLICIT) + rows + rest + LITTLE.pixels())
    look(meta(EXPLICIT) + rest + rows + LITTLE.pixels())
    look(meta(EXPLICIT) + LITTLE.header() + LITTLE.element(0x00281053, "DS", "2") + LITTLE.pixels())


def fragments():
    """Uncompressed pixels in fragments, without a transfer syntax that would say so."""
    items = struct.pack("<HHIHHI", 0xfffe, 0xe000, 0, 0xfffe, 0xe000, STORED.nbytes) + STORED.tobytes()
    items += struct.pack("<HHI", 0xfffe, 0xe0dd, 0)
    look(meta(EXPLICIT) + LITTLE.header() + LITTLE.element(0x7fe00010, "OB", items, UNDEFINED))


def numbers():
    for frames in ("", "0", "-1", " 1 ", "1\\1"):
        look(meta(EXPLICIT) + LITTLE.header(x00280008=("IS", frames)) + LITTLE.pixels())
    for slope in ("2.0000000000000000000", "+2", "2E0", " 2 ", "2\\3", "02", "2.", "2e+00\0"):
        look(meta(EXPLICIT) + LITTLE.header(x00281053=("DS", slope)) + LITTLE.pixels())


def decoded(content):
    with tempfile.TemporaryDirectory() as folder:
        path, out = pathlib.Path(folder) / "a.dcm", pathlib.Path(folder) / "out.npy"
        path.write_bytes(content)
        done = subprocess.run([cli, "decode", str(path), "-o", str(out)], capture_output=True, text=True, timeout=60)
        return (np.load(out), "") if done.returncode == 0 else (None, done.stderr)


def us(*values):
    return ("US", struct.pack(f"<{len(values)}H", *values))


def bits():
    """Any number of bits a pixel, packed; integers of 64 are refused, they were once read as floats."""
    for n in (2, 4, 12, 24):
        stored = STORED.astype("<u4") % (1 << n)
        packed = sum(int(v) << i * n for i, v in enumerate(stored.ravel())).to_bytes((stored.size * n + 15) // 16 * 2, "little")
        look(meta(EXPLICIT) + LITTLE.header(x00280100=us(n), x00280101=us(n), x00280102=us(n - 1))
             + LITTLE.element(0x7fe00010, "OW", packed), stored)
    wide = STORED.astype("<u8")
    got, why = decoded(meta(EXPLICIT) + LITTLE.header(x00280100=us(64), x00280101=us(64), x00280102=us(63))
                       + LITTLE.element(0x7fe00010, "OW", wide.tobytes()))
    assert got is None and "64 of 64 bits" in why, why


def colours():
    """Subsampled colour that is not; models that we do not know; a palette for negative pixels, or of 12 bits."""
    full = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype("u1")
    of = dict(x00280100=us(8), x00280101=us(8), x00280102=us(7))
    for model, rest in (("YBR_FULL_422", ""), ("HSV", "HSV")):
        got, why = decoded(meta(EXPLICIT) + LITTLE.header(x00280002=us(3), x00280004=("CS", model), x00280006=us(0),
                                                          x00280010=us(6), x00280011=us(8), **of)
                           + LITTLE.element(0x7fe00010, "OB", full.tobytes()))
        if rest:
            assert got is None and rest in why, why
        else:
            y, b, r = (full[..., c].astype("f8") - 128 * (c > 0) for c in range(3))
            want = np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], -1).clip(0, 255)
            assert got is not None and np.abs(got - want).max() <= 1, why
    for signed, first, depth in ((1, -64, 16), (0, 40000, 16), (0, 0, 12)):
        table = (np.arange(128, dtype="<u2") * 29 + 300) << (depth - 12)
        index = np.random.default_rng(2).integers(0, 128, (7, 9))
        said = dict(x00280004=("CS", "PALETTE COLOR"), x00280101=us(16), x00280102=us(15), x00280103=us(signed))
        for n in range(3):
            said[f"x0028110{n + 1}"] = ("SS" if signed else "US", us(128, first & 0xffff, depth)[1])
            said[f"x0028120{n + 1}"] = ("OW", table.tobytes())
        got, why = decoded(meta(EXPLICIT) + LITTLE.header(**said)
                           + LITTLE.element(0x7fe00010, "OW", (index + first).astype("<i4").astype("<u2").tobytes()))
        want = table[index] >> (depth - 8)
        assert got is not None and (got == want[..., None]).all(), (why, first, depth)


def narrow():
    """A JPEG of 8 bits, or RLE, where 16 are allocated."""
    small = STORED.astype("u1")
    of = dict(x00280100=us(8), x00280101=us(8), x00280102=us(7))
    for program in ("dcmcjpeg", "dcmcjpls", "dcmcrle"):
        if shutil.which(program) is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            plain, packed = pathlib.Path(folder) / "a.dcm", pathlib.Path(folder) / "b.dcm"
            plain.write_bytes(meta(EXPLICIT) + LITTLE.header(**of) + LITTLE.pixels("OB", small))
            subprocess.run([program, str(plain), str(packed)], check=True, timeout=60)
            content = packed.read_bytes()
            for tag, value in ((0x0100, 16), (0x0101, 8), (0x0102, 7)):
                at = content.index(struct.pack("<HH", 0x28, tag) + b"US")
                content = content[:at + 8] + struct.pack("<H", value) + content[at + 10:]
        look(content, small)


tests = [no_meta, meta_wrong, syntax_wrong, private_syntax, ends, lengths, kinds, sequences, order, fragments, numbers,
         bits, colours, narrow]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    try:
        test()
        print(f"ok {n} - {test.__name__}")
    except Exception as error:  # any surprise is this test's failure, not the end of the run
        print(f"# {type(error).__name__}: {error}")
        print(f"not ok {n} - {test.__name__}")
