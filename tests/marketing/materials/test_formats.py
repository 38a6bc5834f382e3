"""Recognising files by their content."""

from __future__ import annotations

import contextlib
import json
import time

import pytest

from cdp.core.errors import ValidationFailed
from marketing.materials import formats, mp3
from tests.marketing.materials import files


@pytest.mark.parametrize(
    ("data", "kind", "name"),
    [
        (files.png(), "image", "png"),
        (files.jpeg(), "image", "jpg"),
        (files.gif(), "image", "gif"),
        (files.bmp(), "image", "bmp"),
        (files.LOTTIE, "lottie", "json"),
        (files.MP4, "video", "mp4"),
        (files.mp3(), "audio", "mp3"),
    ],
)
def test_a_file_is_known_by_its_content(data: bytes, kind: str, name: str) -> None:
    found = formats.inspect(data)
    assert (found.kind, found.format) == (kind, name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ\x90\0 a program",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b'{"a": 1}',
        b"[" * 99999,
        b"{" * 9999,
        b'{"a":' * 99999,
        b"<script>alert(1)</script>",
        b"PK\3\4" + bytes(99),
        b"\0\0\0\x18ftyp<script>alert(1)</script> moov",
        files.MP4[:24],
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValidationFailed):
        formats.inspect(data)


@pytest.mark.parametrize("data", [files.png(), files.jpeg(b""), files.gif(), files.bmp()])
def test_a_picture_that_breaks_off_is_refused(data: bytes) -> None:
    for end in range(8, len(data) - 1):
        with pytest.raises(ValidationFailed):
            formats.inspect(data[:end])


@pytest.mark.parametrize("data", [files.png(text=b"secret"), files.jpeg(b"secret"), files.gif(b"secret")])
def test_a_picture_is_kept_without_its_metadata(data: bytes) -> None:
    assert b"secret" in data
    kept = formats.inspect(data).data
    assert b"secret" not in kept
    assert formats.inspect(kept).data == kept


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stays_upright_without_its_camera_data(turn: int, order: str) -> None:
    found = formats.inspect(files.jpeg(b"secret", turn=turn, order=order))
    assert (found.width, found.height) == ((40, 30) if turn < 5 else (30, 40))
    assert (b"Exif" in found.data) == (turn > 1)
    assert b"secret" not in found.data
    again = formats.inspect(found.data)
    assert (again.data, again.width) == (found.data, found.width)


@pytest.mark.parametrize("exif", [b"", b"MM", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
def test_broken_camera_data_turn_nothing(exif: bytes) -> None:
    head, rest = files.jpeg().split(b"\xff\xe1", 1)
    part = b"\xff\xe1" + (len(exif) + 8).to_bytes(2) + b"Exif\0\0" + exif
    found = formats.inspect(head + part + rest[int.from_bytes(rest[:2]) :])
    assert (found.width, found.height) == (40, 30)


def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="50 million"):
        formats.inspect(files.png(60_000, 60_000))


def test_a_frame_that_is_larger_than_its_animation_counts() -> None:
    with pytest.raises(ValidationFailed, match="50 million"):
        formats.inspect(files.gif(frame=(60_000, 60_000)))


@pytest.mark.parametrize("coding", [4, 5, 99])
def test_a_bitmap_that_wraps_another_format_is_refused(coding: int) -> None:
    with pytest.raises(ValidationFailed):
        formats.inspect(files.bmp(coding=coding))


@pytest.mark.parametrize("data", [files.png(), files.jpeg(b""), files.gif(), files.bmp()])
@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\3\4 an archive", b"MZ a program"])
def test_what_hides_behind_a_picture_is_cut_off(data: bytes, tail: bytes) -> None:
    assert formats.inspect(data + tail).data == formats.inspect(data).data


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\3\4 an archive"])
def test_a_video_with_something_behind_it_is_refused(tail: bytes) -> None:
    with pytest.raises(ValidationFailed):
        formats.inspect(files.MP4 + tail)


def test_an_animation_with_a_program_is_refused() -> None:
    scripted = json.loads(files.LOTTIE) | {"layers": [{"ks": {"r": {"k": 0, "x": "fetch('/')"}}}]}
    with pytest.raises(ValidationFailed, match="expressions"):
        formats.inspect(json.dumps(scripted).encode())
    split = json.loads(files.LOTTIE) | {"layers": [{"ks": {"p": {"s": True, "x": {"k": 1}}}}]}
    assert formats.inspect(json.dumps(split).encode()).kind == "lottie"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 10_000_000,
        files.jpeg(b"")[:-2] + b"\xff\0" * 5_000_000,
        files.png()[:-12] + files.chunk(b"tEXt", b"") * 800_000,
        b"GIF89a\3\0\2\0\0\0\0" + b"\x21\xfe\0" * 3_000_000,
        files.MP4 + b"\0\0\0\x08free" * 1_000_000,
    ],
    ids=["fillers", "escapes", "chunks", "comments", "boxes"],
)
def test_a_file_made_to_keep_us_busy_is_done_with_in_seconds(data: bytes) -> None:
    start = time.process_time()
    with contextlib.suppress(ValidationFailed):
        formats.inspect(data)
    assert time.process_time() - start < 8


def test_the_size_in_pixels_comes_from_the_header() -> None:
    sizes = [formats.inspect(data) for data in (files.png(7, 5), files.jpeg(), files.gif(), files.bmp())]
    assert [(found.width, found.height) for found in sizes] == [(7, 5), (40, 30), (3, 2), (5, 4)]


@pytest.mark.parametrize(("size", "accepted"), [(10 * formats.MB, True), (10 * formats.MB + 1, False)])
def test_a_video_has_at_most_10_mb(size: int, accepted: bool) -> None:
    data = files.mp4(size)
    if accepted:
        assert formats.inspect(data).kind == "video"
    else:
        with pytest.raises(ValidationFailed):
            formats.inspect(data)


def test_a_sound_has_at_most_2_mb() -> None:
    with pytest.raises(ValidationFailed, match="2 MB"):
        formats.inspect(files.mp3(10) + bytes(2 * formats.MB))


def test_a_sound_lasts_at_most_a_minute() -> None:
    most = int(60 * 44100 / 1152)
    assert formats.inspect(files.mp3(most)).seconds == pytest.approx(60, abs=0.03)
    with pytest.raises(ValidationFailed, match="60 seconds"):
        formats.inspect(files.mp3(most + 1))


def test_the_tag_before_a_sound_does_not_count() -> None:
    assert mp3.seconds(files.mp3(100, tag=1000)) == pytest.approx(100 * 1152 / 44100)
