"""The preview of mails in templates."""

from __future__ import annotations

from django import template

from marketing.content import dark_mail

register = template.Library()


@register.filter
def as_dark(html: str) -> str:
    """A mail as programs with a dark look show it."""
    return dark_mail.shown(html)
