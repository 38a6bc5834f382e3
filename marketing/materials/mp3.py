"""How long an MP3 plays, from its frame headers (MPEG 1, 2 and 2.5, layer III)."""

from __future__ import annotations

_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _skip_tag(data: bytes) -> int:
    """Where the sound starts: after an ID3v2 tag, whose size is written in four times seven bits."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Bytes and seconds of the frame that starts here; None where none does."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head[1] >> 1 & 3 != 1:
        return None
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return None
    first = version == 3
    hertz, samples = _HERTZ[version][sampling], 1152 if first else 576
    size = samples // 8 * _KBITS[first][rate] * 1000 // hertz + (head[2] >> 1 & 1)
    return size, samples / hertz


def seconds(data: bytes) -> float | None:
    """The playing time; None for what is no MP3: its sound does not start with two frames in a row.

    Every frame is counted, so that a variable bit rate or a false length in a header cannot deceive.
    """
    at, total, frames = _skip_tag(data), 0.0, 0
    while (found := _frame(data, at)) is not None:
        at, total, frames = at + found[0], total + found[1], frames + 1
    return total if frames >= 2 else None
