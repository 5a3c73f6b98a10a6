#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""decode: files of every pixel form are made, with known truth, and compared to the last bit. Prints TAP. Arguments: the
sagitta-cli to test."""
import base64
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
    from pydicom import dcmread
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.encaps import generate_pixel_data_frame
    from pydicom.pixel_data_handlers.util import convert_color_space
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid
except ImportError:
    print("1..0 # SKIP pydicom is not installed")
    sys.exit(0)

LITTLE, IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
ENCAPSULATED = "1.2.840.10008.1.2.1.98"
rng = np.random.default_rng(5)


def run(*argv):
    return subprocess.run([cli, *map(str, argv)], capture_output=True, text=True, timeout=100)


def image(shape, allocated, syntax=LITTLE, stored=None, high=None, signed=0, colour="MONOCHROME2", planar=0, frames=0):
    """A data set that describes its pixels; `shape` is rows, columns and, in colour, 3."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = syntax
    d = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality = generate_uid(), generate_uid(), "OT"
    d.Rows, d.Columns = shape[:2]
    d.SamplesPerPixel, d.PhotometricInterpretation = (3 if len(shape) == 3 else 1), colour
    d.BitsAllocated, d.BitsStored = allocated, stored or allocated
    d.HighBit = d.BitsStored - 1 if high is None else high
    d.PixelRepresentation = signed
    if len(shape) == 3:
        d.PlanarConfiguration = planar
    if frames:
        d.NumberOfFrames = frames
    return d


def pixels(d, content, vr="OW", tag=0x7fe00010):
    d.add_new(tag, vr, content + b"\0" * (len(content) % 2))
    return d


def check(work, d, *wants, **single):
    """Frames of `d` against `wants`: stored values, or RGB; `value` and `frame` instead: modality values of one."""
    path, out = work / "in.dcm", work / "out.npy"
    d.save_as(str(path), write_like_original=False)
    cases = [(single.get("frame", 0), single["value"], [])] if single else []
    for frame, want, how in [(n, w, ["--stored"]) for n, w in enumerate(wants) if w is not None] + cases:
        done = run("decode", path, "--frame", frame, *how, "-o", out)
        assert done.returncode == 0, done.stderr
        got = np.load(out)
        assert got.shape == want.shape, f"{got.shape} instead of {want.shape}"
        assert how or got.dtype == np.float32, got.dtype
        assert (got.astype(float) == want.astype(float)).all(), f"frame {frame}, {d.PhotometricInterpretation}"


def colours(work):
    rgb = rng.integers(0, 256, (13, 18, 3), np.uint8)
    check(work, pixels(image(rgb.shape, 8, colour="RGB", planar=1), rgb.transpose(2, 0, 1).tobytes(), "OB"), rgb)
    odd = rng.integers(0, 256, (2, 7, 9, 3), np.uint8)
    check(work, pixels(image(odd[0].shape, 8, colour="RGB", planar=1, frames=2),
                       odd.transpose(0, 3, 1, 2).tobytes(), "OB"), *odd)
    want = convert_color_space(rgb, "YBR_FULL", "RGB")
    check(work, pixels(image(rgb.shape, 8, colour="YBR_FULL"), rgb.tobytes(), "OB"), want)
    check(work, pixels(image(rgb.shape, 8, colour="YBR_FULL", planar=1), rgb.transpose(2, 0, 1).tobytes(), "OB"), want)
    half = rgb.copy()
    half[:, 1::2, 1:] = half[:, 0::2, 1:]
    raw = np.stack([half[:, 0::2, 0], half[:, 1::2, 0], half[:, 0::2, 1], half[:, 0::2, 2]], -1)
    check(work, pixels(image(rgb.shape, 8, colour="YBR_FULL_422"), raw.tobytes(), "OB"),
          convert_color_space(half, "YBR_FULL", "RGB"))
    deep = rng.integers(0, 65536, (6, 5, 3), np.uint16)
    check(work, pixels(image(deep.shape, 16, colour="RGB"), deep.tobytes()), deep >> 8)


def t8(table, bits):
    """A table as the bytes it is shown as."""
    return np.asarray(table) >> 8 if bits == 16 else np.asarray(table)


def palettes(work):
    indices = rng.integers(0, 256, (9, 11), np.uint8)
    small = rng.integers(0, 256, (3, 256), np.uint8)
    wide = rng.integers(0, 65536, (3, 256), np.uint16)
    whole = rng.integers(0, 65536, (3, 65536), np.uint16)
    for entries, first, bits, tables, index, content in (
            (256, 0, 8, small, indices, [t.tobytes() for t in small]),
            (256, 0, 8, small, indices, [t.astype("<u2").tobytes() for t in small]),
            (256, 0, 16, wide, indices, None), (100, 20, 16, wide[:, :100], indices, None),
            (65536, 0, 16, whole, rng.integers(0, 65536, (9, 11), np.uint16), None)):
        d = image(index.shape, index.dtype.itemsize * 8, colour="PALETTE COLOR")
        for n in range(3):
            d.add_new(0x00281101 + n, "US", [entries % 65536, first, bits])
            d.add_new(0x00281201 + n, "OW", content[n] if content else tables[n].tobytes())
        pixels(d, index.tobytes())
        at = np.clip(index.astype(int) - first, 0, entries - 1)
        check(work, d, np.stack([t8(t, bits)[at] for t in tables], -1))


def line(start, end, n):
    return [int(np.floor(v + 0.5)) for v in np.linspace(start, end, n + 1)[1:]]


def palette_segments(work):
    indices = rng.integers(0, 256, (9, 11), np.uint8)
    for bits, scale, indirect in ((16, 200, None), (8, 1, None), (16, 200, 0), (16, 200, 10), (8, 1, 0)):
        d = image(indices.shape, 8, colour="PALETTE COLOR")
        tables = []
        for n in range(3):
            top = (250 - 50 * n) * scale
            table = [10 * n * scale, 20, 30, *line(30, top, 100)]
            words = [0, 3, *table[:3], 1, 100, top]
            if indirect is None:
                table += [5, 6, *line(6, 100 * scale, 151)]
                words += [0, 2, 5, 6, 1, 151, 100 * scale]
            elif indirect == 0:  # both segments again, then a line
                table += [*table[:103], *line(top, 7, 50)]
                words += ([2, 2, 0, 0] if bits == 16 else [2, 2, 0, 0, 0, 0]) + [1, 50, 7]
            else:  # the line again, from its place in bytes
                table += [*line(top, top, 100), *line(top, 7, 53)]
                words += [2, 1, indirect, 0, 1, 53, 7]
            tables.append(np.array(table))
            assert len(table) == 256
            d.add_new(0x00281101 + n, "US", [256, 0, bits])
            content = np.array(words, "<u2").tobytes() if bits == 16 else bytes(words)
            d.add_new(0x00281221 + n, "OW", content + b"\0" * (len(content) % 2))
        pixels(d, indices.tobytes(), "OB")
        check(work, d, np.stack([t8(t, bits)[indices] for t in tables], -1))


def floats(work):
    for bits, tag, vr, kind in ((32, 0x7fe00008, "OF", "<f4"), (64, 0x7fe00009, "OD", "<f8")):
        values = rng.normal(size=(3, 5, 7)).astype(kind)
        d = image((5, 7), bits, frames=3)
        del d.BitsStored, d.HighBit, d.PixelRepresentation
        d.RescaleSlope, d.RescaleIntercept = "2", "1"
        pixels(d, values.tobytes(), vr, tag)
        check(work, d, *values)
        check(work, d, frame=2, value=(values[2].astype(float) * 2 + 1).astype(np.float32))


def integers(work):
    for kind in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32):
        a = rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, (2, 5, 7), kind, endpoint=True)
        size = a.dtype.itemsize
        for syntax in (LITTLE, IMPLICIT, BIG, DEFLATED):
            # In big endian, bytes of an OW lie two to a word.
            content = a.astype(a.dtype.newbyteorder(">" if syntax == BIG else "<")).tobytes()
            if size == 1 and syntax == BIG:
                content = np.frombuffer(content, "<u2").astype(">u2").tobytes()
            d = image((5, 7), size * 8, syntax, signed=int(a.min() < 0), frames=2)
            d.RescaleSlope, d.RescaleIntercept = "1.5", "-3"
            pixels(d, content)
            check(work, d, *a)
            check(work, d, frame=1, value=(a[1].astype(float) * 1.5 - 3).astype(np.float32))


def odd_bits(work):
    v = rng.integers(-2048, 2048, (8, 9))
    word = (v & 0xfff) << 2 | rng.integers(0, 4, v.shape) | rng.integers(0, 4, v.shape) << 14
    check(work, pixels(image(v.shape, 16, stored=12, high=13, signed=1), word.astype("<u2").tobytes()), v)
    word = (v & 0xfff) | rng.integers(0, 16, v.shape) << 12
    check(work, pixels(image(v.shape, 16, stored=12, signed=1), word.astype("<u2").tobytes()), v)
    check(work, pixels(image(v.shape, 16, stored=12), word.astype("<u2").tobytes()), v & 0xfff)
    packed = bytearray()
    for p, q in (v & 0xfff).reshape(-1, 2):
        packed += bytes([p & 255, p >> 8 | (q & 15) << 4, q >> 4])
    check(work, pixels(image(v.shape, 12), bytes(packed)), v & 0xfff)
    bits = rng.integers(0, 2, (3, 5, 7), np.uint8)
    check(work, pixels(image((5, 7), 1, frames=3), np.packbits(bits.ravel(), bitorder="little").tobytes(), "OB"), *bits)


def fragments(streams, parts, table, d):
    """Pixel data of `streams`, each in so many parts, with an offset table that is right or not."""
    items, offsets, lengths, at = [], [], [], 0
    for stream in streams:
        stream += b"\0" * (len(stream) % 2)
        step = max(2, len(stream) // parts // 2 * 2)
        offsets.append(at)
        lengths.append(len(stream))
        for n in range(parts):
            part = stream[n * step:(n + 1) * step] if n < parts - 1 else stream[n * step:]
            items.append(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(part)) + part)
            at += len(items[-1])
    shift = {"right": 0, "from the first item": 8, "wrong": 2}
    extended = {"extended": 0, "extended, wrong": 6, "extended, far": 1 << 60}
    if table == "garbage":
        first = rng.bytes(4 * len(offsets))
    elif table == "too long":
        first = struct.pack(f"<{len(offsets) + 2}I", *offsets, 10**6, 10**7)
    else:
        first = b"" if table == "empty" or table in extended else struct.pack(
            f"<{len(offsets)}I", *[0 if table == "zeros" else o + shift[table] for o in offsets])
    if table in extended:
        offsets = [o + extended[table] for o in offsets]
        d.add_new(0x7fe00001, "OV", struct.pack(f"<{len(offsets)}Q", *offsets))
        d.add_new(0x7fe00002, "OV", struct.pack(f"<{len(offsets)}Q", *lengths))
    d.add_new(0x7fe00010, "OB", b"\xfe\xff\x00\xe0" + struct.pack("<I", len(first)) + first + b"".join(items))
    d[0x7fe00010].is_undefined_length = True
    return d


def compress(work, tool, frames):
    """The code streams that a tool makes of frames."""
    streams, plain, packed = [], work / "plain", work / "packed"
    for a in frames:
        if tool == "opj_compress":
            (a.transpose(2, 0, 1) if a.ndim == 3 else a).tofile(plain.with_suffix(".rawl"))
            how = f"{a.shape[1]},{a.shape[0]},{3 if a.ndim == 3 else 1},{a.dtype.itemsize * 8},u"
            subprocess.run([tool, "-i", plain.with_suffix(".rawl"), "-o", packed.with_suffix(".j2k"), "-n", "3", "-F", how],
                           check=True, capture_output=True)
            streams.append(packed.with_suffix(".j2k").read_bytes())
            continue
        d = image(a.shape, a.dtype.itemsize * 8, colour="RGB" if a.ndim == 3 else "MONOCHROME2")
        pixels(d, a.tobytes(), "OB" if a.dtype == np.uint8 else "OW").save_as(str(plain), write_like_original=False)
        subprocess.run([*tool.split(), str(plain), str(packed)], check=True)
        streams.append(next(generate_pixel_data_frame(dcmread(packed).PixelData)))
    return streams


TOOLS = {"1.2.840.10008.1.2.5": "dcmcrle", "1.2.840.10008.1.2.4.80": "dcmcjpls",
         "1.2.840.10008.1.2.4.70": "dcmcjpeg +e1", "1.2.840.10008.1.2.4.90": "opj_compress", ENCAPSULATED: None}


def offset_tables(work):
    rows, columns = np.mgrid[0:40, 0:50]
    frames = [(200 * np.sin(rows / 5 + k) + columns * 40 + 2000 + rng.integers(0, 50, (40, 50))).astype(np.uint16)
              for k in range(3)]
    for syntax, tool in TOOLS.items():
        if tool and shutil.which(tool.split()[0]) is None:
            print(f"# {tool} is not installed")
            continue
        streams = compress(work, tool, frames) if tool else [a.tobytes() for a in frames]
        for parts in (1, 3):
            for table in ("right", "empty", "wrong", "zeros", "from the first item", "extended"):
                d = image((40, 50), 16, syntax, frames=3)
                check(work, fragments(streams, parts, table, d), *frames)
        for table in ("extended, wrong", "extended, far", "garbage", "too long"):
            d = image((40, 50), 16, syntax, frames=3)
            check(work, fragments(streams, 3, table, d), None, None, frames[2])
        check(work, fragments(streams[:1], 5, "empty", image((40, 50), 16, syntax)), frames[0])
        # Cut short: what is there is shown.
        check(work, fragments(streams, 1, "empty", image((40, 50), 16, syntax, frames=5)),
              *([] if "5" == syntax[-1] or tool is None else frames))


def compressed_colour(work):
    frames = rng.integers(0, 256, (2, 21, 33, 3), np.uint8)
    for syntax, tool in TOOLS.items():
        if tool and shutil.which(tool.split()[0]) is None:
            continue
        streams = compress(work, tool, frames) if tool else [a.tobytes() for a in frames]
        d = image(frames[0].shape, 8, syntax, frames=2, colour="YBR_RCT" if tool == "opj_compress" else "RGB")
        check(work, fragments(streams, 2, "empty", d), *frames)


def wrong_syntax(work):
    # Uncompressed pixels of a stated length in a file that says JPEG-LS: shown as what they are.
    path, out = work / "in.dcm", work / "out.npy"
    a = rng.integers(0, 65536, (9, 11), np.uint16)
    pixels(image(a.shape, 16), a.tobytes()).save_as(str(path), write_like_original=False)
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.80")
    size = struct.unpack("<I", content[140:144])[0] + 2
    content = content[:140] + struct.pack("<I", size) + content[144:]
    content = content.replace(b"UI\x14\0001.2.840.10008.1.2.4.80", b"UI\x16\0001.2.840.10008.1.2.4.80")
    path.write_bytes(content)
    done = run("decode", path, "--stored", "-o", out)
    assert done.returncode == 0, done.stderr
    assert (np.load(out) == a).all()


# Code streams of high throughput, made by OpenJPH of the values below: 16 bits, 12 bits signed, and 12 bits with loss.
HTJ2K = {".201": (
    '|4;u>04YEK0000H0000D00000000000000H0000D0000000000009pH0sl|{2mk^A000XAQUDA9000310t5s=0smY83LuD(k'
    'dTOoi2q~&7XSfIaAj^vP)HzFWpW@eE;BJMFfRX)015yA0001_00IA#zyL1DqX2{aYxzs{Gx7=dzIxj{JRbdyzz4V2(U+*R;f'
    'dy+cDpz<9rgVHfBMU)A3{JgI{=^n3v34m4;~yG92^`R96UHUc<=#&f4Phw2tYBr0H6RDdO<K41VIo4K@bE%5ClOG3<g0E1VI'
    'o4K@bE%5Cnrk5ClOG1VIo4K@j{8f3IJxzkk=S)?6TekjCUOvjP9v'), ".202": (
    '|4;u>04YEK0000H0000D00000000000000H0000D000000000000D~u0sl|{2mk^A000L6QUDA90ssL30t5s=0smY83Lt23a'
    'Byg7X#ZpY7XSfIaAj^vP)HzFWpW@eE;BJMFfRX)015yA0001M00IA#zyjz1Et@U0M0a0Jb)(f9MnP;{03$&G584wvv>?190;'
    '#$Hpa8T$ckkWZ-QBx;0K$K{;rcPT0H6VM0JT+BRaI?ORaI46RaI5}Z~tDuS$}`8U#z@-jA}8l0sq+'), ".203": (
    '|4;u>04YEK0000H0000D00000000000000H0000D0000000000009dD0sl|{2mk^A001NZQUDA90ssL30t5s=0RLP75h7>iS'
    'T$HRSa?txP#Ryq|6~9c00B>MWo}APNFY{aav(4+GchhOF8`1K3IG5A003A30soW01=4`=2fy`wZ@qHD*%n)A&VR1=j-#$OWo'
    '8Xl^#FhR%ak7&z%jc3zzLuQNX!5)LlpqKyZhw+NxrrKpbDV>fBb_V@89gW0RPz')}


def high_throughput(work):
    rows, columns = np.mgrid[0:13, 0:17]
    values = rows * rows * 3 + columns * 21
    for syntax, stored, signed, want, loss in ((".201", 16, 0, values * 11, 0), (".202", 12, 1, values - 400, 0),
                                               (".203", 12, 0, values, 6)):
        d = image((13, 17), 16, ENCAPSULATED, stored=stored, signed=signed)
        stream = base64.b85decode(HTJ2K[syntax])
        d = fragments([stream, stream], 2, "right", d)
        d.NumberOfFrames = 2
        path, out = work / "in.dcm", work / "out.npy"
        d.save_as(str(path), write_like_original=False)
        # A transfer syntax that pydicom does not know.
        old = struct.pack("<H", 22) + ENCAPSULATED.encode()
        new = struct.pack("<H", 24) + b"1.2.840.10008.1.2.4" + syntax.encode() + b"\0"
        content = path.read_bytes().replace(old, new, 1)
        size = struct.unpack("<I", content[140:144])[0] + len(new) - len(old)
        path.write_bytes(content[:140] + struct.pack("<I", size) + content[144:])
        for frame in (0, 1):
            done = run("decode", path, "--frame", frame, "--stored", "-o", out)
            assert done.returncode == 0, done.stderr
            got = np.load(out)
            assert np.abs(got.astype(int) - want).max() <= loss, (syntax, np.abs(got.astype(int) - want).max())


def frames_rescale(work):
    a = rng.integers(0, 4096, (4, 6, 7), np.uint16)
    d = image((6, 7), 16, stored=12, frames=4)
    groups = []
    for k in range(4):
        group, value = Dataset(), Dataset()
        value.RescaleSlope, value.RescaleIntercept, value.RescaleType = str(1 + k), str(-1000 * k), "HU"
        group.PixelValueTransformationSequence = [value]
        groups.append(group)
    d.PerFrameFunctionalGroupsSequence = groups
    pixels(d, a.tobytes())
    for k in range(4):
        check(work, d, frame=k, value=(a[k] * (1.0 + k) - 1000 * k).astype(np.float32))


def unsupported(work):
    path = work / "in.dcm"
    for uid in ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.110"):
        d = fragments([b"abcd"], 1, "empty", image((40, 50), 8, ExplicitVRLittleEndian, frames=3))
        d.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
        d.save_as(str(path), write_like_original=False)
        old, new = b"UI\x16\0001.2.840.10008.1.2.4.50", struct.pack("<2sH", b"UI", 24) + uid.encode() + b"\0"
        content = path.read_bytes().replace(old, new)
        size = struct.unpack("<I", content[140:144])[0] + len(new) - len(old)
        path.write_bytes(content[:140] + struct.pack("<I", size) + content[144:])
        done = run("decode", path, "-o", work / "out.npy")
        assert done.returncode == 1 and uid in done.stderr and not (work / "out.npy").exists(), done.stderr
        done = run("info", path, "--json")
        told = json.loads(done.stdout)
        assert told["size"] == [50, 40, 3] and not told["readable"] and uid in told["findings"][-1], told


tests = [colours, palettes, palette_segments, floats, integers, odd_bits, offset_tables, compressed_colour,
         wrong_syntax, high_throughput, frames_rescale, unsupported]
print(f"1..{len(tests)}")
for n, test in enumerate(tests, 1):
    with tempfile.TemporaryDirectory() as work:
        try:
            note = test(pathlib.Path(work))
            print(f"ok {n} - {test.__name__}" + (f" # {note}" if note else ""))
        except Exception as error:  # any surprise is this test's failure, not the end of the run
            print(f"# {type(error).__name__}: {error}")
            print(f"not ok {n} - {test.__name__}")
