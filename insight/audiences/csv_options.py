"""How a downloaded CSV file is written: for spreadsheets, compressed, with or without its header line."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed

_GZIP = 31
"""`wbits` of a gzip stream."""
_WORDS = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


@dataclass(frozen=True)
class CsvOptions:
    """`bom`: the mark by which Excel knows UTF-8. `gzip`: compressed. `header`: the line with the columns' names."""

    bom: bool = False
    gzip: bool = False
    header: bool = True

    @classmethod
    def of(cls, given: Any) -> CsvOptions:
        """The options in a query or a JSON object; those that are not named keep their default."""
        found, errors = {}, {}
        for name in ("bom", "gzip", "header"):
            value = given.get(name, "")
            if value == "" or value is None:
                continue
            known = value if isinstance(value, bool) else _WORDS.get(str(value).lower())
            if known is None:
                errors[name] = [_("Use true or false.")]
            else:
                found[name] = known
        if errors:
            raise ValidationFailed(_("Use true or false."), errors=errors)
        return cls(**found)

    @property
    def file_format(self) -> str:
        return "csv.gz" if self.gzip else "csv"

    def written(self, header: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The bytes of the file: the header line (without its end) and what follows it."""
        first = codecs.BOM_UTF8 if self.bom else b""
        if self.header:
            first += f"{header}\n".encode()
        whole = chain([first] if first else [], pieces)
        return _compressed(whole) if self.gzip else whole


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    press = zlib.compressobj(wbits=_GZIP)
    for piece in pieces:
        if packed := press.compress(piece):
            yield packed
    yield press.flush()
