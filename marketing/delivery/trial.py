"""Looking at a message before it leaves: preview with real people's values, and test sends."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from insight.audiences import queries as audiences
from marketing.channels.base import BulkProviderType, BulkRequest, PersonalProviderType, provider_type
from marketing.channels.models import Provider
from marketing.content import digital, push, rendering
from marketing.delivery import (
    contents,
    custom_message,
    custom_sending,
    freeze,
    link_use,
    push_message,
    recipients_file,
    sms_rules,
    targeting,
    tracking,
)
from marketing.delivery.failed import failed_of
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.personal import message_of
from marketing.delivery.targets import id_type_of
from marketing.delivery.variables import variables_of
from marketing.links import codes, parameters

MOST = 5


def sample_values(send_out: SendOut, number: int = 0) -> dict[str, str]:
    """Variable texts of the first audience's member at place `number`, as that person would read them."""
    if send_out.resend_of is not None:
        row = failed_of(send_out.resend_of).order_by("pk")[number : number + 1].first()
        return dict(row.values) if row is not None else {}
    variables = variables_of(send_out)
    first = targeting.included(send_out)[:1]
    version = send_out.audience_version or (audiences.latest_version(first[0]) if first else None)
    found: dict[tuple[str, str], Any] = {}
    if version is not None:
        tags = list(dict.fromkeys(item.source for item in variables if item.tag))
        found = audiences.member_values(version, tags, number, owner=send_out.owner)
    return {item.name: item.text(found.get(item.source)) for item in variables}


def preview(send_out: SendOut, number: int = 0, *, variant: int = 0) -> dict[str, Any]:
    """The message as one member of the audience would get it: subject, html, text.

    For SMS its length as well, for push messages what a tap does.
    """
    values = sample_values(send_out, number)
    if custom_message.is_custom(send_out):
        return {"values": values, **custom_message.preview(send_out, values, variant)}
    texts = {**values, **sample_parameters(send_out)}
    templates = send_out.templates
    template = templates[variant if variant < len(templates) else 0]
    written = {part: getattr(template, part) for part in ("subject", "html", "text")}
    if send_out.content:
        written = contents.of_variant(send_out.content, variant)
    html = rendering.fill(str(written.get("html", "")), texts, escape=True)
    answer: dict[str, Any] = {
        "subject": rendering.fill(str(written.get("subject", "")), texts),
        "html": html,
        "text": rendering.fill(str(written.get("text", "")), texts) or rendering.plain_text(html),
        "values": values,
    }
    if send_out.channel == Provider.Channel.PUSH:
        fields = push.fill(written.get("push", template.push), values)
        answer["push"] = {name: value for name, value in fields.items() if value != push.DEFAULTS[name]}
        answer["push"].setdefault("action", push.Action.APP.value)
    parts = written.get("parts", template.parts)
    if parts:
        answer["digital"] = {
            "subject": answer["subject"],
            "signature": str(send_out.signature or ""),
            "parts": digital.with_addresses(parts),
        }
    elif send_out.channel == Provider.Channel.SMS:
        answer["unsubscribe"] = sms_rules.unsubscribe(send_out, answer["text"])
        answer["head"] = sms_rules.head(send_out)
        length = sms_rules.length_of(send_out, answer["text"])
        answer.update(characters=length.characters, parts=length.parts)
    return answer


def sample_parameters(send_out: SendOut) -> dict[str, str]:
    """Something of the same length in place of the short parameters, which are made when the message leaves."""
    found = parameters.codes_in(link_use.text_of(send_out))
    return {parameters.PREFIX + code: "x" * codes.PARAMETER_LENGTH for code in found}


def send_test(access: Access, send_out: SendOut, targets: list[str], *, variant: int = 0) -> dict[str, Any]:
    """Send the message to up to five targets right away, outside the ledger and every count.

    Returns {"sent": [...], "failed": {target: reason}}. Raises ValidationFailed for bad targets, ProviderError.
    """
    access.require(f"marketing.{send_out.channel}.send")
    custom_message.check_use(access, send_out)
    kind = provider_type(send_out.provider)
    id_type = ID_TYPES[id_type_of(send_out)]
    normalised = [id_type.normalise(target) for target in targets]
    if not targets or len(targets) > MOST or None in normalised:
        message = _("Give one to %(most)d valid targets.") % {"most": MOST}
        raise ValidationFailed(message, errors={"targets": [message]})
    chosen = [target for target in normalised if target]
    content = contents.of_variant(send_out.content or freeze.build(send_out), variant)
    values = sample_values(send_out)
    audit.record(access, "send_out.tested", send_out, after={"targets": [id_type.mask(t) for t in chosen]})
    if custom_message.is_custom(send_out):
        return custom_sending.test(send_out, content, values, chosen)
    if isinstance(kind, PersonalProviderType):
        return _test_personal(send_out, kind, content, values, chosen)
    assert isinstance(kind, BulkProviderType)
    out_id = uuid.uuid4().hex
    recipients_file.keep_test(out_id, send_out.workspace_id, chosen, content)
    request = BulkRequest(
        out_id,
        tracking.file_url(out_id),
        len(chosen),
        push_message.filled(content, values),
        targets=lambda: chosen,
        lines=lambda: recipients_file.lines(out_id) or [],
        reports_url=tracking.reports_url(out_id),
    )
    kind.send_bulk(send_out.provider, request)
    return {"sent": chosen, "failed": {}}


def _test_personal(
    send_out: SendOut,
    kind: PersonalProviderType,
    content: dict[str, Any],
    values: dict[str, str],
    targets: list[str],
) -> dict[str, Any]:
    subject = _("[Test] %(subject)s") % {"subject": content["subject"]}
    # Row number 0 belongs to nobody: links in a test lead straight on and count nothing.
    trial = SendOut(
        pk=send_out.pk, channel=send_out.channel, track=False, content={**content, "subject": subject}
    )
    messages = [
        message_of(trial, Recipient(pk=0, send_out=send_out, target=target, values=values), {})
        for target in targets
    ]
    stamp = int(timezone.now().timestamp())
    for number, message in enumerate(messages):
        if send_out.channel != Provider.Channel.EMAIL:
            break
        message.headers["Message-ID"] = message.headers["Message-ID"].replace(
            "<0.", f"<test-{stamp}-{number}."
        )
    with kind.session(send_out.provider, str(content.get("from_address", ""))) as session:
        outcomes = list(session.send(messages))
    failed = {
        target: f"{outcome.code} {outcome.detail}".strip()
        for target, outcome in zip(targets, outcomes, strict=True)
        if outcome.state == "failed"
    }
    return {"sent": [target for target in targets if target not in failed], "failed": failed}
