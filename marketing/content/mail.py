"""Mails as platforms get them: one text for many people, with a link on which each says who they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from marketing.channels.contract_email import LONGEST_ALIAS, MAX_BODY
from marketing.content.models import Template

CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
"""Characters that no header of a mail may hold: with them, whoever gives a name could add headers."""
_signer = signing.Signer(salt="tideline.leave")


@dataclass(frozen=True)
class Written:
    """What a platform reviews of a mail."""

    name: str
    sender_name: str
    subject: str
    html: str


def written(template: Template) -> Written:
    """Raises ValidationFailed where a platform cannot take it."""
    errors: dict[str, list[str]] = {}
    if not 1 <= len(template.sender_name) <= LONGEST_ALIAS:
        errors["sender_name"] = [alias_message()]
    html = with_link(template.workspace_id, template.html)
    if message := body_problem(template, html):
        errors["html"] = [message]
    if errors:
        raise ValidationFailed(errors=errors)
    return Written(template.name, template.sender_name, template.subject, html)


def alias_message() -> str:
    return _("E-mail platforms need a sender name of 1 to %(most)d characters.") % {"most": LONGEST_ALIAS}


def body_problem(template: Template, html: str) -> str:
    """What keeps a platform from taking the body, or nothing."""
    if not template.html.strip():
        return _("E-mail platforms send HTML only: write it.")
    size = len(html.encode())
    if size > MAX_BODY:
        return _("E-mail platforms take 28 KB at most; with the unsubscribe link this is %(size).1f KB.") % {
            "size": size / 1024
        }
    return ""


def with_link(workspace: str, html: str) -> str:
    """The HTML with a link to unsubscribe, for mails that are the same for many people."""
    label = _("Unsubscribe")
    return append(html, f'<p style="font-size:12px"><a href="{escape(leave_url(workspace))}">{label}</a></p>')


def append(html: str, extra: str) -> str:
    """`extra` at the end of the mail's body."""
    position = html.lower().rfind("</body>")
    return html + extra if position < 0 else html[:position] + extra + html[position:]


def leave_url(workspace: str) -> str:
    """The page on which people give their address to get no more mail from the workspace."""
    return settings.BASE_URL + reverse("delivery-public:leave", args=[_signer.sign(workspace)])


def read_leave_token(token: str) -> str | None:
    """The workspace; None where the token is not ours."""
    try:
        return _signer.unsign(token)
    except signing.BadSignature:
        return None
