"""Text encodings of uploaded files: guessing them, and decoding strictly with the line of the first wrong byte."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed

ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5hkscs", "shift_jis", "cp1252")
CHUNK = 1 << 20
SURE = 0.85
"""Share of familiar characters from which a text is taken for GB18030: Big5 and Shift-JIS stay below."""
_LOOKED_AT = 20_000
_WESTERN_MARKS = "€‘’“”–—…«»°§©®£·¿¡ºª"
_FOREIGN = re.compile(r"[^\x00-\x7f]+")


def guess(head: bytes, *, whole: bool) -> tuple[str, bool]:
    """The encoding of a file that begins with `head`, and whether that is certain.

    Certain are UTF-8 where it decodes, UTF-16 by its mark or its NULs, and GB18030 where it gives everyday Chinese:
    nearly any bytes decode as GB18030. Raises ValidationFailed where nothing decodes.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", True
    if encoding := _unmarked_utf16(head, whole):
        return encoding, True
    if _decode(head, "utf-8", whole) is not None:
        return "utf-8", True
    scores = {
        encoding: _familiar(text, encoding)
        for encoding in ("gb18030", "big5hkscs", "shift_jis", "cp1252")
        if (text := _decode(head, encoding, whole)) is not None
    }
    if not scores:
        raise ValidationFailed(
            _("The text is in no encoding that can be read. Save it as UTF-8."), code="unknown_encoding"
        )
    best = max(scores, key=lambda encoding: scores[encoding])
    return best, best == "gb18030" and scores[best] >= SURE


def uncertain(encoding: str) -> ValidationFailed:
    return ValidationFailed(
        _(
            "The text is not UTF-8; it may be %(encoding)s, but that is not certain. Say which encoding it has, "
            "or save it as UTF-8."
        )
        % {"encoding": encoding.upper()},
        code="unknown_encoding",
        guess=encoding,
    )


def _decode(head: bytes, encoding: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError:
        return None


def _unmarked_utf16(head: bytes, whole: bool) -> str:
    """UTF-16 without a mark has NULs, and all of them in the same half of its byte pairs; "" for anything else."""
    low, high = head[1::2].count(0), head[0::2].count(0)
    if bool(low) == bool(high) or (low or high) * 50 < len(head):
        return ""
    encoding = "utf-16-le" if low else "utf-16-be"
    text = _decode(head, encoding, whole)
    return encoding if text and "\x00" not in text else ""


def _familiar(text: str, encoding: str) -> float:
    """The share of its characters beyond ASCII that everyday text in this encoding has."""
    runs = _FOREIGN.findall(text[: _LOOKED_AT * 10])
    if encoding == "cp1252":
        good = sum(len(run) for run in runs if len(run) <= 2 and all(map(_western, run)))
        return good / max(1, sum(map(len, runs)))
    characters = "".join(runs)[:_LOOKED_AT]
    common = {character for character in set(characters) if _common(character, encoding)}
    return sum(character in common for character in characters) / max(1, len(characters))


def _western(character: str) -> bool:
    return character.isalpha() or character in _WESTERN_MARKS


def _common(character: str, encoding: str) -> bool:
    """Whether a character is of the level that holds the everyday ones, or is East Asian punctuation."""
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e":
        return True
    if encoding == "shift_jis" and "\u3040" <= character <= "\u30ff":
        return True
    charset, first, last = {
        "gb18030": ("gb2312", 0xB0, 0xF7),
        "big5hkscs": ("big5", 0xA4, 0xC6),
        "shift_jis": ("shift_jis", 0x88, 0x97),
    }[encoding]
    try:
        code = character.encode(charset)
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and first <= code[0] <= last


class Decoding:
    """The text of a file in pieces, with line ends as \\n. `line_ends` are those found so far.

    Raises ValidationFailed with the line: wrong_encoding at the first byte that does not fit (also a cut last
    character), not_text at the first NUL, too_large beyond `limit` bytes.
    """

    def __init__(self, raw: BinaryIO, encoding: str, *, limit: int = 0) -> None:
        self.raw, self.encoding, self.limit = raw, encoding, limit
        self._newlines = io.IncrementalNewlineDecoder(None, translate=True)

    @property
    def line_ends(self) -> set[str]:
        found = self._newlines.newlines
        return {found} if isinstance(found, str) else set(found or ())

    def __iter__(self) -> Iterator[str]:
        name = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        decoder = codecs.getincrementaldecoder(name)()
        line, size = 1, 0
        while True:
            data = self.raw.read(CHUNK)
            size += len(data)
            if self.limit and size > self.limit:
                raise too_large(self.limit)
            try:
                decoded, failed = decoder.decode(data, final=not data), False
            except UnicodeDecodeError as error:
                decoded, failed = _up_to(error, self.encoding), True
            text = self._newlines.decode(decoded, final=failed or not data)
            if "\x00" in text:
                raise not_text(line + text[: text.index("\x00")].count("\n"))
            line += text.count("\n")
            if failed:
                raise _wrong_encoding(self.encoding, line)
            if text:
                yield text
            if not data:
                return


def _up_to(error: UnicodeDecodeError, encoding: str) -> str:
    """The text before the byte that does not fit. Only its line ends matter, the same in either order of UTF-16."""
    fine = error.object[: error.start]
    if encoding.startswith("utf-16"):
        return "\n" * max(fine.count(b"\n\x00"), fine.count(b"\x00\n"))
    return fine.decode(encoding, errors="ignore")


def too_large(limit: int) -> ValidationFailed:
    return ValidationFailed(
        _("The file has more than %(limit)d MB when unpacked.") % {"limit": limit >> 20}, code="too_large"
    )


def not_text(line: int) -> ValidationFailed:
    return ValidationFailed(
        _("Line %(line)d holds a NUL byte: this is no text file. Save it as UTF-8.") % {"line": line},
        code="not_text",
        line=line,
    )


def _wrong_encoding(encoding: str, line: int) -> ValidationFailed:
    return ValidationFailed(
        _(
            "The file is not %(encoding)s throughout: it breaks in line %(line)d. Nothing was loaded. Save it as UTF-8."
        )
        % {"encoding": encoding.upper(), "line": line},
        code="wrong_encoding",
        line=line,
    )
