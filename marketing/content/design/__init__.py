"""Mails put together from blocks.

A design is JSON (`blocks`); it becomes MJML (`layout`), and that the HTML which mail programs show.
"""

from __future__ import annotations

from typing import Any

from marketing.content.design.blocks import Design, parse
from marketing.content.design.layout import to_html

__all__ = ["Design", "html_of", "parse"]


def html_of(given: Any) -> str:
    """The HTML of a design given as JSON. Raises ValidationFailed with the paths of what is wrong with it."""
    return to_html(parse(given))
