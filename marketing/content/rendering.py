"""Filling templates: variables, links, the plain-text part."""

from __future__ import annotations

import html as html_escape
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from html.parser import HTMLParser

from marketing.links import parameters

VARIABLE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]{0,31})\}")
_SKIPPED = {"style", "script", "head", "title"}
_BREAKS = {"p", "div", "br", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table"}


def variables(*texts: str) -> list[str]:
    """Names of the variables in the texts, each once, in order of first use; short parameters are none."""
    found = (name for text in texts for name in VARIABLE.findall(text or ""))
    return list(dict.fromkeys(name for name in found if not name.startswith(parameters.PREFIX)))


def fill(text: str, values: Mapping[str, str], *, escape: bool = False) -> str:
    """`text` with its variables replaced. A value of a person never becomes markup when `escape` is set."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1], "")
        return html_escape.escape(found) if escape else found

    return VARIABLE.sub(value, text)


LINK = re.compile(r"""(<a\b[^>]*?\bhref\s*=\s*)(["'])(https?://[^"']+)\2""", re.IGNORECASE)


def links(html: str) -> list[str]:
    """The web addresses that the HTML links to, each once, in order."""
    return list(dict.fromkeys(html_escape.unescape(match[3]) for match in LINK.finditer(html)))


def replace_links(html: str, tracked: Callable[[str], str]) -> str:
    """The HTML with each link's address passed through `tracked`."""

    def swap(match: re.Match[str]) -> str:
        address = tracked(html_escape.unescape(match[3]))
        return f"{match[1]}{match[2]}{html_escape.escape(address)}{match[2]}"

    return LINK.sub(swap, html)


def plain_text(html: str) -> str:
    """The readable text of an HTML mail, links written behind their words."""
    reader = _TextReader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def personal_text(html: str, values: Mapping[str, str], tracked: Mapping[str, str]) -> str:
    """The readable text of a mail for one person: variables filled, addresses of links replaced by those in `tracked`.

    The HTML, with its variables, is read once for all people.
    """
    text = _read(html)
    for address, instead in tracked.items():
        text = text.replace(f"({address})", f"({instead})")
    return fill(text, values)


@lru_cache(maxsize=32)
def _read(html: str) -> str:
    return plain_text(html)


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skip = 0
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skip += 1
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag == "a":
            self._href = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skip = max(0, self._skip - 1)
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "a" and self._href.startswith("http"):
            self.parts.append(f" ({self._href})")
            self._href = ""

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.parts.append(re.sub(r"\s+", " ", data))
