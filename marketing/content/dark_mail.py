"""A mail as mail programs with a dark look show it.

A mail with a dark style of its own (`@media (prefers-color-scheme: dark)`) is shown in that, as Apple Mail does. In
others light backgrounds become dark and dark writing light, each keeping its hue, while what is dark already and all
pictures stay: so do Outlook.com, Outlook for phones and Gmail for Android. Programs that leave mails as they are show
them in their light look.
"""

from __future__ import annotations

import colorsys
import re

PAPER, INK, LINK = "#1b1b1b", "#e6e6e6", "#8ab4f8"
_DARKEST, _LIGHTEST = 0.11, 0.92
"""No background becomes darker, no writing lighter."""
_BASE = (
    f"<style>:root{{color-scheme:dark}}body{{background-color:{PAPER};color:{INK}}}a{{color:{LINK}}}</style>"
)
_NAMED = {
    "white": "ffffff", "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080",
    "red": "ff0000", "maroon": "800000", "yellow": "ffff00", "olive": "808000", "lime": "00ff00",
    "green": "008000", "aqua": "00ffff", "teal": "008080", "blue": "0000ff", "navy": "000080",
    "fuchsia": "ff00ff", "purple": "800080", "orange": "ffa500", "whitesmoke": "f5f5f5",
    "lightgray": "d3d3d3", "lightgrey": "d3d3d3", "darkgray": "a9a9a9", "darkgrey": "a9a9a9",
    "dimgray": "696969", "dimgrey": "696969", "ivory": "fffff0", "beige": "f5f5dc", "snow": "fffafa",
}  # fmt: skip
_OWN_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_OWN_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_STYLES = re.compile(
    r"""(?P<before><style\b[^>]*>|\bstyle\s*=\s*(?P<quote>["']))(?P<css>.*?)(?P<after></style|(?P=quote))""",
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""\b(bgcolor|color|text)(\s*=\s*["']?)(#[0-9a-f]{3,6}|[a-z]+)\b""", re.IGNORECASE)
_TAG = re.compile(r"<[a-z][^<>]*>", re.IGNORECASE)
_RULE = re.compile(
    r"(?<![-\w])(background(?:-color)?|border(?:-[a-z]+)*|color)(\s*:\s*)([^;{}\"]+)", re.IGNORECASE
)
_COLOUR = re.compile(
    r"#(?:[0-9a-f]{8}|[0-9a-f]{6}|[0-9a-f]{3,4})\b|rgba?\([^()]*\)|\b(?:" + "|".join(_NAMED) + r")\b",
    re.IGNORECASE,
)


def shown(html: str) -> str:
    """The HTML of the mail with dark colours; its words and pictures are as they were."""
    if not html.strip():
        return html
    if _OWN_DARK.search(html):
        found = _OWN_LIGHT.sub("(max-width: 0px)", _OWN_DARK.sub("(min-width: 0px)", html))
    else:
        found = _TAG.sub(lambda tag: _ATTRIBUTE.sub(_attribute, tag[0]), _STYLES.sub(_style, html))
    return _with_base(found)


def _with_base(html: str) -> str:
    """What the program itself says comes first, so that the mail's own styles win."""
    head = re.search(r"<(?:head|html|body)\b[^>]*>", html, re.IGNORECASE)
    place = head.end() if head else 0
    return html[:place] + _BASE + html[place:]


def _style(found: re.Match[str]) -> str:
    css = _RULE.sub(_rule, found["css"])
    return f"{found['before']}{css}{found['after']}"


def _rule(found: re.Match[str]) -> str:
    name, colon, value = found.groups()
    if "url(" in value.lower():
        return found[0]
    writing = name.lower() == "color"
    return f"{name}{colon}{_COLOUR.sub(lambda one: _turned(one[0], writing=writing), value)}"


def _attribute(found: re.Match[str]) -> str:
    name, equals, colour = found.groups()
    return f"{name}{equals}{_turned(colour, writing=name.lower() != 'bgcolor')}"


def _turned(colour: str, *, writing: bool) -> str:
    """A colour as it is shown: dark writing becomes light, a light background dark. What is none stays."""
    read = _read(colour)
    if read is None:
        return colour
    (red, green, blue), alpha = read
    hue, light, full = colorsys.rgb_to_hls(red, green, blue)
    if writing == (light >= 0.5):
        return colour
    # Black writing becomes _LIGHTEST and white paper _DARKEST; the middle stays where it is.
    light = (
        _LIGHTEST - 2 * light * (_LIGHTEST - 0.5)
        if writing
        else _DARKEST + 2 * (1 - light) * (0.5 - _DARKEST)
    )
    turned = "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, light, full))
    return f"#{turned}{alpha}"


def _read(colour: str) -> tuple[tuple[float, float, float], str] | None:
    """Red, green and blue from 0 to 1, and the two digits of how opaque it is, where they are given."""
    text = colour.strip().lower()
    if text.startswith("rgb"):
        numbers = re.findall(r"[\d.]+%?", text)
        if len(numbers) not in (3, 4):
            return None
        try:
            parts = [float(item.rstrip("%")) / (100 if "%" in item else 255) for item in numbers[:3]]
            opaque = float(numbers[3].rstrip("%")) / (100 if "%" in numbers[3] else 1) if numbers[3:] else 1.0
        except ValueError:
            return None
        alpha = f"{round(min(1.0, opaque) * 255):02x}" if opaque < 1 else ""
        return (min(1.0, parts[0]), min(1.0, parts[1]), min(1.0, parts[2])), alpha
    digits = _NAMED.get(text) or text.removeprefix("#")
    if not re.fullmatch(r"[0-9a-f]{3,8}", digits) or (digits is text):
        return None
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in (6, 8):
        return None
    red, green, blue = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return (red, green, blue), digits[6:]
