"""A text that was changed while a send-out was prepared: it becomes a template of its own, named after the send-out."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from marketing.channels.models import Provider
from marketing.content import digital
from marketing.content import services as contents
from marketing.content.models import Template

NAME_LENGTH = 64


def with_text(access: Access, values: dict[str, Any], text: str, *, name: str) -> dict[str, Any]:
    """The values of an SMS send-out with this text: its template, or else a new one that is in review from now on.

    Call inside a transaction. Raises PermissionDenied without the right to write templates, ProviderError.
    """
    template: Template | None = values.get("template")
    text = text.replace("\r\n", "\n").strip()
    if template is None or template.channel != Provider.Channel.SMS or template.is_digital:
        return values
    if text in ("", template.text.replace("\r\n", "\n").strip()):
        return values
    access.require("marketing.content.manage")
    written = {"name": _free_name(access, name), "purpose": template.purpose, "text": text}
    made = contents.create_template(access, template.channel, written)
    if values.get("provider") is not None:
        contents.submit_for_review(access, made, values["provider"])
    return {**values, "template": made}


def with_digital(
    access: Access, values: dict[str, Any], given: dict[str, Any], *, name: str
) -> dict[str, Any]:
    """The same for a digital SMS, of which `given` says `subject`, `parts` or `signature` otherwise.

    Raises ValidationFailed with the fields.
    """
    template: Template | None = values.get("template")
    if template is None or not template.is_digital or not given:
        return values
    wanted = {
        field: given.get(field, getattr(template, field)) for field in ("subject", "parts", "signature")
    }
    parts = digital.taken(access, template, wanted["parts"])
    if digital.same_words(template, Template(**{**wanted, "parts": parts})):
        return values
    access.require("marketing.content.manage")
    written = {**wanted, "name": _free_name(access, name), "purpose": template.purpose, "note": template.note}
    made = contents.create_template(access, template.channel, written)
    assert made.signature is not None
    contents.submit_for_review(access, made, made.signature.provider)
    return {**values, "template": made}


def _free_name(access: Access, name: str) -> str:
    """The send-out's name, with a number behind it where a template has it."""
    rows = Template.objects.in_workspace(access.workspace).filter(channel=Provider.Channel.SMS)
    taken, number, found = set(rows.values_list("name", flat=True)), 1, name
    while found in taken:
        number += 1
        found = f"{name[: NAME_LENGTH - len(str(number)) - 1]} {number}"
    return found
