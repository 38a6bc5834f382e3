"""MP4: whether a file is made of its boxes, from the first byte to the last."""

from __future__ import annotations

import re

_KIND = re.compile(rb"[ -~\xa9]{4}")


def is_video(data: bytes) -> bool:
    """The file type comes first, a description of the film somewhere, and nothing lies between or behind the boxes."""
    at, kinds = 0, []
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16])
        elif size == 0:
            size = len(data) - at
        if size < 8 or at + size > len(data) or not _KIND.fullmatch(kind):
            return False
        kinds.append(kind)
        at += size
    return kinds[:1] == [b"ftyp"] and b"moov" in kinds
