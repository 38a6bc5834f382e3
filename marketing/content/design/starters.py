"""Designs to begin with."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


def all() -> list[dict[str, Any]]:
    """Each with "key", "label" and "design", in the language of the person."""
    return [
        {"key": "letter", "label": _("Letter"), "icon": "mail", "design": {"blocks": _letter()}},
        {"key": "offer", "label": _("Offer"), "icon": "discount", "design": {"blocks": _offer()}},
        {"key": "news", "label": _("Newsletter"), "icon": "news", "design": {"blocks": _news()}},
        {
            "key": "empty",
            "label": _("Empty"),
            "icon": "square-dashed",
            "design": {"blocks": [_say(_("Write here."))]},
        },
    ]


def _letter() -> list[dict[str, Any]]:
    return [
        {"kind": "heading", "text": _("Thank you for being with us"), "size": "medium"},
        _say(
            _(
                "Hello,\n\nwrite here what you want to say. "
                "**Bold**, *italic* and [links](https://www.example.com) are possible."
            )
        ),
        {"kind": "button", "label": _("Have a look"), "url": "https://www.example.com", "align": "left"},
        _say(_("See you soon\nyour team")),
    ]


def _offer() -> list[dict[str, Any]]:
    return [
        {"kind": "heading", "text": _("20% off until Sunday"), "align": "center"},
        {
            **_say(_("As a member you choose first: everything new is cheaper for you this week.")),
            "align": "center",
        },
        {"kind": "button", "label": _("Choose now"), "url": "https://www.example.com"},
        {"kind": "divider"},
        {
            **_say(_("Valid until Sunday midnight, online and in all shops.")),
            "size": "small",
            "align": "center",
        },
    ]


def _news() -> list[dict[str, Any]]:
    card = {
        "title": _("A headline"),
        "text": _("Two or three sentences."),
        "label": _("Read on"),
        "url": "https://www.example.com",
    }
    return [
        {"kind": "heading", "text": _("News of the month")},
        _say(_("What happened, in short.")),
        {"kind": "columns", "items": [card, card]},
        {"kind": "divider"},
        {**_say(_("You get this letter because you are a member.")), "size": "small"},
    ]


def _say(text: str) -> dict[str, Any]:
    return {"kind": "text", "text": text}
