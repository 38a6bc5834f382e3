"""Pictures: their size in pixels from the header, and copies without metadata.

Both walk the container alone; no picture is ever decoded here, so a small file that unpacks to a huge picture costs
nothing before its size in pixels is refused.
"""

from __future__ import annotations

import re
import struct

PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    (
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"gAMA",
        b"cHRM",
        b"sRGB",
        b"iCCP",
        b"sBIT",
        b"bKGD",
        b"pHYs",
    )
)
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_DROPPED = frozenset({*range(0xE1, 0xF0), 0xFE} - {0xE2, 0xEE})
"""Application data and comments, but neither colour profiles (APP2) nor Adobe's colour transform (APP14)."""
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends coded pixels: neither filler, escape nor restart."""
_BMP_PLAIN, _BMP_RUNS = (0, 3, 6), (1, 2)
"""Ways of coding pixels; the two others hold a whole JPG or PNG, for printers."""


class Broken(ValueError):
    """The file starts like a picture and is none."""


def png(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the picture without texts, times, positions and other private parts."""
    kept, at, size = [PNG_START], 8, (0, 0)
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        if end > len(data) or (at == 8 and (kind != b"IHDR" or length != 13)):
            raise Broken
        if kind == b"IHDR":
            size = struct.unpack(">II", data[at + 8 : at + 16])
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        if kind == b"IEND":
            return *size, b"".join(kept)
        at = end
    raise Broken


def _scan_end(data: bytes, at: int) -> int:
    """Where the coded pixels end."""
    found = _JPEG_MARKER.search(data, at)
    if found is None:
        raise Broken
    return found.start()


def _turn(exif: bytes) -> int:
    """How viewers turn and mirror the picture, from its camera data: 1 for not at all, up to 8."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _values, value = struct.unpack_from(f"{order}HHIH", exif, at)
            if (tag, kind) == (0x0112, 3) and 1 <= value <= 8:
                return int(value)
    except struct.error:
        pass
    return 1


def _turned(turn: int) -> bytes:
    """A part of camera data that says nothing but how to turn the picture."""
    return b"\xff\xe1\0\x22Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, turn, 0, 0)


def jpeg(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the picture without camera data, position, embedded preview and comments.

    How to turn it stays, as phones write pictures lying on their side; width and height are those after turning.
    """
    kept, at, size, turn = [data[:2]], 2, (0, 0), 1
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            raise Broken
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            break
        length = int.from_bytes(data[at + 2 : at + 4])
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise Broken
        if marker in _JPEG_SIZES and length >= 8:
            size = (int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        if marker == 0xE1 and data.startswith(b"Exif\0\0", at + 4) and turn == 1:
            turn = _turn(data[at + 10 : end])
            if turn > 1:
                kept.append(_turned(turn))
        private = marker in _JPEG_DROPPED or (
            marker == 0xE2 and not data.startswith(b"ICC_PROFILE\0", at + 4)
        )
        stop = _scan_end(data, end) if marker == 0xDA else end
        if not private:
            kept.append(data[at:stop])
        at = stop
    if not all(size) or data[at : at + 2] != b"\xff\xd9":
        raise Broken
    width, height = size if turn < 5 else size[::-1]
    return width, height, b"".join([*kept, b"\xff\xd9"])


def _gif_blocks(data: bytes, at: int) -> int:
    """Where a chain of data blocks ends."""
    while at < len(data):
        length = data[at]
        at += 1 + length
        if not length:
            return at
    raise Broken


def gif(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the picture without comments and foreign extensions; repeating animations go on repeating."""
    if len(data) < 14:
        raise Broken
    width, height = struct.unpack("<HH", data[6:10])
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    kept = [data[:at]]
    while at < len(data):
        start = at
        if data[at] == 0x3B:
            return width, height, b"".join([*kept, b";"])
        if data[at] == 0x21 and at + 2 < len(data):
            at = _gif_blocks(data, at + 2)
            repeats = data[start + 1] == 0xFF and data.startswith(b"NETSCAPE2.0", start + 3)
            if data[start + 1] == 0xF9 or repeats:
                kept.append(data[start:at])
        elif data[at] == 0x2C and at + 10 < len(data):
            left, top, wide, high = struct.unpack("<HHHH", data[at + 1 : at + 9])
            # Browsers make the canvas as large as a frame that sticks out.
            width, height = max(width, left + wide), max(height, top + high)
            flags = data[at + 9]
            at = _gif_blocks(data, at + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0))
            kept.append(data[start:at])
        else:
            raise Broken
    raise Broken


def bmp(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the picture without what follows its pixels."""
    header = int.from_bytes(data[14:18], "little")
    if len(data) < 54 or header not in (40, 52, 56, 108, 124):
        raise Broken
    start = int.from_bytes(data[10:14], "little")
    width, height, _planes, bits, coding, coded = struct.unpack("<iiHHII", data[18:38])
    if coding not in _BMP_PLAIN + _BMP_RUNS:
        raise Broken
    pixels = coded if coding in _BMP_RUNS else (abs(width) * bits + 31) // 32 * 4 * abs(height)
    if start < 14 + header or start + pixels > len(data):
        raise Broken
    # The newest header has its colour profile behind the pixels.
    return abs(width), abs(height), data if header == 124 else data[: start + pixels]
