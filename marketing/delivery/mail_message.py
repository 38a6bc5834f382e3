"""Mails as they are frozen in a send-out, and as platforms get them: one text for a whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from marketing.channels.base import provider_type
from marketing.channels.contract_email import LONGEST_ALIAS
from marketing.channels.models import Provider, SenderAddress
from marketing.channels.smtp import one_line
from marketing.content import mail, mail_checks, mail_score, rendering, reviews
from marketing.content.models import Template
from marketing.delivery import platform_tracking
from marketing.delivery.bounces.model import ReturnPath
from marketing.delivery.models import SendOut


def written(send_out: SendOut, template: Template) -> dict[str, Any]:
    """The content of a mail from template and sender. Raises Conflict where its review is missing, ValidationFailed."""
    sender = send_out.sender
    if sender is None:
        raise ValidationFailed(_("Choose a sender."), errors={"sender": [_("Choose a sender.")]})
    content = {
        "purpose": template.purpose,
        "from_address": sender.address,
        "from_name": template.sender_name or sender.name,
        "subject": template.subject,
        "html": template.html,
        "text": template.text,
        "return_path": send_out.return_path,
    }
    if not provider_type(send_out.provider).personal:
        return {**content, **_of_platform(send_out, template, sender)}
    random = send_out.return_path == ReturnPath.RANDOM
    return {
        **content,
        **({"unsubscribe_label": _("Unsubscribe")} if send_out.unsubscribe_link else {}),
        "bounce_domain": str(send_out.provider.config.get("bounce_domain") or "") if random else "",
    }


def _of_platform(send_out: SendOut, template: Template, sender: SenderAddress) -> dict[str, Any]:
    counts = send_out.track and platform_tracking.offered(send_out.provider)
    content = {
        "from_name": _alias(template, sender),
        "html": _body(send_out, template),
        # Where Tideline counts, the platform need not.
        "track": send_out.track and not counts,
        **({platform_tracking.SETTING: True} if counts else {}),
        # The platform has reviewed another one.
        **({"own_body": True} if counts or not send_out.unsubscribe_link else {}),
    }
    if not reviews.needed(send_out.provider):
        return content
    review = reviews.approved(template, send_out.provider)
    if review is None:
        raise Conflict(
            _("The template has not been approved by the platform yet."),
            code="template_not_approved",
            retryable=False,
        )
    return {**content, "template_code": review.remote_code}


def _body(send_out: SendOut, template: Template) -> str:
    """The HTML for platforms, before it is marked."""
    if not send_out.unsubscribe_link:
        return template.html
    return mail.with_link(template.workspace_id, template.html)


def _alias(template: Template, sender: SenderAddress) -> str:
    """Platforms need a name: without any it is that of the mailbox."""
    return template.sender_name or sender.name or sender.address.partition("@")[0][:LONGEST_ALIAS]


def filled(content: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """Frozen content of a platform's mail with the texts of one batch in it; they stand as `params` as well."""
    return {
        **content,
        "params": values,
        "subject": one_line(rendering.fill(str(content["subject"]), values)),
        "html": rendering.fill(str(content["html"]), values, escape=True),
    }


def problems(send_out: SendOut, templates: list[Template]) -> Iterator[tuple[str, str]]:
    """What keeps a mail from being sent with this sender at this provider, as field and message."""
    sender = send_out.sender
    if sender is None or sender.provider_id != send_out.provider_id:
        yield "sender", _("Choose a sender address of this provider.")
        return
    if sender.state == SenderAddress.State.FROZEN:
        yield "sender", _("The platform has frozen this address. Choose another one.")
    if provider_type(send_out.provider).personal:
        return
    counts = send_out.track and platform_tracking.offered(send_out.provider)
    for template in templates:
        if len(_alias(template, sender)) > LONGEST_ALIAS:
            yield "template", mail.alias_message()
        html = _body(send_out, template)
        if counts:
            # Addresses that count may be longer than those that they stand for.
            html = platform_tracking.marked(
                html, template.workspace_id, dict.fromkeys(rendering.links(html), 99)
            )
        if message := mail.body_problem(template, html):
            yield "template", message


def warnings(send_out: SendOut) -> list[str]:
    """What is likely to hurt a mail without keeping it from leaving."""
    if send_out.channel != Provider.Channel.EMAIL or send_out.resend_of_id:
        return []
    found = []
    promotes = any(row.purpose == Template.Purpose.PROMOTION for row in send_out.templates)
    if promotes and not send_out.unsubscribe_link:
        found.append(
            _(
                "It promotes something and has no link to unsubscribe, which the law of many countries asks for."
            )
        )
    for template in send_out.templates:
        found += [row.text for row in mail_checks.of(template) if row.level == "problem"]
        score = mail_score.of(template)
        if score.level != "little":
            reasons = " ".join(row.text for row in score.rules[:3])
            text = _("Spam score %(points)s by our own rules, which promise nothing. %(reasons)s")
            found.append(text % {"points": score.points, "reasons": reasons})
    return list(dict.fromkeys(found))


def opens_are_known(send_out: SendOut) -> bool:
    """Whether opens and clicks can be counted.

    A platform sends one text to all and reports neither: it must fill in what tells people apart.
    """
    if send_out.channel != Provider.Channel.EMAIL:
        return True
    personal = provider_type(send_out.provider).personal
    return send_out.track and (personal or platform_tracking.counts(send_out))
