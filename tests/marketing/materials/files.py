"""Small files of every kind, written byte by byte."""

from __future__ import annotations

import json
import struct
import zlib

LOTTIE = json.dumps({"v": "5.7", "fr": 30, "ip": 0, "op": 60, "w": 100, "h": 100, "layers": []}).encode()
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + b"\0\0\0\x08moov"


def mp4(size: int) -> bytes:
    """A video of so many bytes."""
    rest = size - len(MP4)
    return MP4 + struct.pack(">I", rest) + b"mdat" + bytes(rest - 8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 2, height: int = 2, *, shade: int = 0, text: bytes = b"") -> bytes:
    rows = (b"\0" + bytes([shade, 120, 160]) * min(width, 9)) * min(height, 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    note = chunk(b"tEXt", b"Author\0" + text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + head + note + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def jpeg(secret: bytes = b"GPS here", *, turn: int = 1, order: str = "<") -> bytes:
    """40 x 30 pixels, with camera data that names the maker, before how to turn the picture."""

    def part(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    size = struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x11\0"
    entries = struct.pack(f"{order}HHHIIHHIHHI", 2, 0x010F, 2, 4, 0, 0x0112, 3, 1, turn, 0, 0)
    exif = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + entries
    parts = (
        part(0xE0, b"JFIF\0")
        + part(0xE1, b"Exif\0\0" + exif + secret)
        + part(0xC0, size)
        + part(0xDA, b"\1\1\0\0\x3f\0")
    )
    return b"\xff\xd8" + parts + b"\x12\x34\xff\xd9" + secret


def gif(secret: bytes = b"", *, frame: tuple[int, int] = (3, 2)) -> bytes:
    comment = b"\x21\xfe" + bytes([len(secret)]) + secret + b"\0" if secret else b""
    image = b"\x2c\0\0\0\0" + struct.pack("<HH", *frame) + b"\0\2\2\x44\1\0"
    return b"GIF89a\3\0\2\0\0\0\0" + comment + image + b";"


def bmp(width: int = 5, height: int = -4, *, coding: int = 0) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, coding, 0, 0, 0, 0, 0)
    pixels = bytes((width * 3 + 3) // 4 * 4 * min(abs(height), 9))
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + head + pixels


def mp3(frames: int = 10, *, tag: int = 0) -> bytes:
    """Frames of 128 kbit/s at 44.1 kHz: 417 bytes and 1152 samples each."""
    head = b"ID3\4\0\0" + bytes([0, 0, tag >> 7, tag & 0x7F]) + bytes(tag) if tag else b""
    return head + (b"\xff\xfb\x90\x00" + bytes(413)) * frames
