"""A text that was changed while a send-out was prepared: it becomes a template of its own, named after the send-out."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from marketing.channels.models import Provider
from marketing.content import design, digital, reviews
from marketing.content import services as contents
from marketing.content.models import Template
from marketing.delivery import mail_editor
from marketing.delivery.composition import Share

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
    written = {"name": _free_name(access, template.channel, name), "purpose": template.purpose, "text": text}
    made = contents.create_template(access, template.channel, written | _defaults(template, written))
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
    free = _free_name(access, template.channel, name)
    written = {**wanted, "name": free, "purpose": template.purpose, "note": template.note}
    made = contents.create_template(access, template.channel, written | _defaults(template, written))
    assert made.signature is not None
    contents.submit_for_review(access, made, made.signature.provider)
    return {**values, "template": made}


def with_mail(access: Access, values: dict[str, Any], given: dict[str, Any], *, name: str) -> dict[str, Any]:
    """The same for a mail, of which `given` says `purpose`, `subject`, `sender_name`, `html`, `design` or `text`.

    What is not given is that of the template, if there is one; variant A has the new one. It goes to review where the
    platform reviews. Raises ValidationFailed with the fields.
    """
    template: Template | None = values.get("template")
    if not given:
        return values
    wanted = {**(mail_editor.of(template) if template is not None else {}), **given}
    if "html" in given and "design" not in given:
        wanted["design"] = {}
    wanted["purpose"] = wanted.get("purpose") or Template.Purpose.PROMOTION
    if template is not None and (template.channel != Provider.Channel.EMAIL or _same_mail(template, wanted)):
        return values
    access.require("marketing.content.manage")
    written = {**wanted, "name": _free_name(access, Provider.Channel.EMAIL, name)}
    made = contents.create_template(access, Provider.Channel.EMAIL, written | _defaults(template, written))
    provider: Provider | None = values.get("provider")
    if provider is not None and provider.channel == Provider.Channel.EMAIL and reviews.needed(provider):
        contents.submit_for_review(access, made, provider)
    changed = {**values, "template": made}
    if rows := values.get("variants"):
        changed["variants"] = [Share(made, rows[0].share), *rows[1:]]
    return changed


def _defaults(template: Template | None, written: dict[str, Any]) -> dict[str, Any]:
    """The template's defaults of those variables that what is written instead has, too."""
    if template is None or not template.defaults:
        return {}
    names = Template(channel=template.channel, **written).variables
    return {"defaults": {name: item for name, item in template.defaults.items() if name in names}}


def _same_mail(template: Template, wanted: dict[str, Any]) -> bool:
    """Whether it says what the template says; of blocks the blocks count, for their HTML may be made anew."""
    same = ["purpose", "subject", "sender_name", "text"]
    if wanted["design"] and template.design:
        if design.parse(wanted["design"]) != design.parse(template.design):
            return False
    elif wanted["design"]:
        return False
    else:
        same.append("html")
    return all(_plain(wanted.get(name)) == _plain(getattr(template, name)) for name in same)


def _plain(text: Any) -> str:
    return str(text or "").replace("\r\n", "\n").strip()


def _free_name(access: Access, channel: str, name: str) -> str:
    """The send-out's name, with a number behind it where a template has it."""
    rows = Template.objects.in_workspace(access.workspace).filter(channel=channel)
    taken, number, found = set(rows.values_list("name", flat=True)), 1, name
    while found in taken:
        number += 1
        found = f"{name[: NAME_LENGTH - len(str(number)) - 1]} {number}"
    return found
