"""What a file is, by its content alone, and whether the library takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from marketing.materials import mp3, mp4, pictures

MB = 1024 * 1024
LIMITS = {"image": 10 * MB, "lottie": 10 * MB, "video": 10 * MB, "audio": 2 * MB}
MAX_SECONDS = 60
MAX_PIXELS = 50_000_000
CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "json": "application/json",
    "mp4": "video/mp4",
    "mp3": "audio/mpeg",
}
_PICTURES = (
    (pictures.PNG_START, "png", pictures.png),
    (b"\xff\xd8\xff", "jpg", pictures.jpeg),
    (b"GIF87a", "gif", pictures.gif),
    (b"GIF89a", "gif", pictures.gif),
    (b"BM", "bmp", pictures.bmp),
)


@dataclass(frozen=True)
class Found:
    """A file that the library takes; `data` is what is stored."""

    kind: str
    format: str
    data: bytes
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


def refuse(message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={"file": [message]})


def inspect(data: bytes) -> Found:
    """Recognise a file and prepare it for storing. Raises ValidationFailed with the reason at `file`."""
    if len(data) > max(LIMITS.values()):
        raise refuse(_("The file is larger than 10 MB."))
    for start, name, read in _PICTURES:
        if data.startswith(start):
            return _picture(data, name, read)
    if mp4.is_video(data):
        return Found("video", "mp4", data)
    if _is_lottie(data):
        return Found("lottie", "json", data)
    length = mp3.seconds(data)
    if length is None:
        raise refuse(_("Choose a PNG, JPG, GIF or BMP picture, a Lottie file, an MP4 video or an MP3 sound."))
    if len(data) > LIMITS["audio"]:
        raise refuse(_("The sound is larger than 2 MB."))
    if length > MAX_SECONDS:
        raise refuse(_("The sound is longer than 60 seconds."))
    return Found("audio", "mp3", data, seconds=length)


def _picture(data: bytes, name: str, read: Any) -> Found:
    try:
        width, height, clean = read(data)
    except pictures.Broken:
        raise refuse(_("The picture is damaged.")) from None
    if not 0 < width * height <= MAX_PIXELS:
        raise refuse(_("The picture has more than 50 million pixels."))
    return Found("image", name, clean, width, height)


class _Program(Exception):
    """An animation has an expression."""


def _without_programs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a Lottie file. Players run a text at `x` as JavaScript."""
    found = dict(pairs)
    if isinstance(found.get("x"), str):
        raise _Program
    return found


def _is_lottie(data: bytes) -> bool:
    """An object with Lottie's required members: frame rate, first and last frame, size, layers."""
    if data.lstrip()[:1] != b"{":
        return False
    try:
        value = json.loads(data, object_pairs_hook=_without_programs)
    except _Program:
        raise refuse(
            _("The animation has expressions, which are small programs. Export it without them.")
        ) from None
    except (ValueError, RecursionError):
        return False
    numbers = all(isinstance(value.get(key), int | float) for key in ("fr", "ip", "op", "w", "h"))
    return numbers and isinstance(value.get("layers"), list)
