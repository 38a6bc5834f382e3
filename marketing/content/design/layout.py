"""From blocks to the HTML of a mail, by way of MJML, which knows the ways of mail programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, cast

import mrml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token

from marketing.content.design import blocks
from marketing.content.design.blocks import Design

WIDTH = 600
_FONTS = {
    "sans": "-apple-system, 'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans SC', Arial, sans-serif",
    "serif": "Georgia, 'Songti SC', SimSun, 'Noto Serif SC', serif",
}
_HEADINGS = {"large": (28, 1), "medium": (22, 2), "small": (18, 3)}
_TEXT_SIZES = {"normal": 16, "small": 13}
_GUTTER = 24
"""Pixels left and right of what a mail says."""


def to_html(design: Design) -> str:
    """A whole HTML page whose styles stand at its elements. It loads nothing but the pictures of the design."""
    options = mrml.RenderOptions(fonts={})
    return str(mrml.to_html(to_mjml(design), None, options).content)


def to_mjml(design: Design) -> str:
    """The design as MJML; block n has the class `block-n`."""
    sections = "".join(_section(design, number, block) for number, block in enumerate(design.blocks))
    preview = f"<mj-preview>{escape(design.preheader)}</mj-preview>" if design.preheader else ""
    return (
        f"<mjml><mj-head>{preview}<mj-attributes>"
        f'<mj-all font-family="{_FONTS[design.font]}" />'
        f'<mj-text color="{design.ink}" line-height="1.6" padding="8px {_GUTTER}px" />'
        f'<mj-image padding="8px {_GUTTER}px" />'
        f"<mj-button {_attributes(**_button_look(design))} />"
        f'<mj-section background-color="{design.surface}" padding="0" />'
        "</mj-attributes></mj-head>"
        f'<mj-body background-color="{design.background}" width="{WIDTH}px">'
        f'<mj-section background-color="{design.background}" padding="12px 0" />{sections}'
        f'<mj-section background-color="{design.background}" padding="12px 0" />'
        "</mj-body></mjml>"
    )


def _section(design: Design, number: int, block: Any) -> str:
    if isinstance(block, blocks.Columns):
        inside = "".join(
            f'<mj-column vertical-align="top">{_card(design, card)}</mj-column>' for card in block.items
        )
    else:
        inside = f"<mj-column>{_PARTS[block.kind](design, block)}</mj-column>"
    return f'<mj-section css-class="block-{number}">{inside}</mj-section>'


def _heading(design: Design, block: blocks.Heading) -> str:
    return _title(block.text, *_HEADINGS[block.size], align=block.align)


def _title(text: str, pixels: int, level: int, align: str = "left") -> str:
    style = f"margin:0;font-size:{pixels}px;line-height:1.3;font-weight:700"
    return (
        f'<mj-text align="{align}" font-size="{pixels}px" line-height="1.3">'
        f'<h{level} style="{style}">{escape(text)}</h{level}></mj-text>'
    )


def _text(design: Design, block: blocks.Text) -> str:
    size = _TEXT_SIZES[block.size]
    return f'<mj-text align="{block.align}" font-size="{size}px">{_markdown(design, block.text)}</mj-text>'


def _image(design: Design, block: blocks.Image) -> str:
    pixels = (WIDTH - 2 * _GUTTER) * block.width // 100
    given = {"src": block.src, "alt": block.alt, "width": f"{pixels}px", "align": block.align}
    return f"<mj-image {_attributes(**given, href=block.url)} />"


def _button(design: Design, block: blocks.Button) -> str:
    return f"<mj-button {_attributes(href=block.url, align=block.align)}>{escape(block.label)}</mj-button>"


def _divider(design: Design, block: blocks.Divider) -> str:
    return f'<mj-divider border-width="1px" border-color="#d5dbdf" padding="12px {_GUTTER}px" />'


def _spacer(design: Design, block: blocks.Spacer) -> str:
    return f'<mj-spacer height="{block.height}px" />'


def _card(design: Design, card: blocks.Card) -> str:
    parts = []
    if card.src:
        parts.append(f"<mj-image {_attributes(src=card.src, alt=card.alt, href=card.url)} />")
    if card.title:
        parts.append(_title(card.title, *_HEADINGS["small"]))
    if card.text:
        parts.append(f'<mj-text font-size="15px">{_markdown(design, card.text)}</mj-text>')
    if card.label and card.url:
        parts.append(
            f"<mj-button {_attributes(href=card.url, align='left')}>{escape(card.label)}</mj-button>"
        )
    return "".join(parts)


_PARTS: dict[str, Callable[[Design, Any], str]] = {
    "heading": _heading,
    "text": _text,
    "image": _image,
    "button": _button,
    "divider": _divider,
    "spacer": _spacer,
}


def _button_look(design: Design) -> dict[str, str]:
    return {
        "background-color": design.accent,
        "color": "#ffffff" if _is_dark(design.accent) else "#111111",
        "font-size": "16px",
        "font-weight": "600",
        "border-radius": "6px",
        "inner-padding": "12px 24px",
        "padding": f"12px {_GUTTER}px",
    }


def _is_dark(colour: str) -> bool:
    """Whether white can be read on it better than black: relative luminance of WCAG 2.2 below 0.179."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.179


def _attributes(**given: str) -> str:
    return " ".join(f'{name}="{escape(value)}"' for name, value in given.items() if value)


def _markdown(design: Design, text: str) -> str:
    return cast(str, _reader(design.accent).render(text))


def _reader(accent: str) -> MarkdownIt:
    """Markdown without HTML, pictures, code and headings; links as dark as the accent colour, variables untouched."""
    reader = MarkdownIt("commonmark", {"html": False, "xhtmlOut": True, "breaks": True})
    reader.disable(["image", "code", "fence", "backticks", "heading", "lheading", "reference", "autolink"])
    # Both would spell out the braces of a variable in a link.
    reader.normalizeLink = lambda url: url  # type: ignore[method-assign]
    reader.validateLink = lambda url: bool(blocks.LINK.fullmatch(url))  # type: ignore[method-assign]
    styles = {"link_open": f"color:{accent};text-decoration:underline", "paragraph_open": "margin:0 0 12px"}

    def styled(self: RendererProtocol, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        token = tokens[index]
        token.attrSet("style", styles[token.type])
        if token.type == "link_open":
            token.attrSet("target", "_blank")
        return cast(str, cast(Any, self).renderToken(tokens, index, options, env))

    for rule in styles:
        reader.add_render_rule(rule, styled)
    return reader
