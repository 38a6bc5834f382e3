"""Use cases of replies: mark as read, answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from marketing.channels.models import Provider
from marketing.content.models import ReviewState, Signature, Template, TemplateReview
from marketing.delivery import direct
from marketing.delivery.models import SendOut
from marketing.links import parameters
from marketing.replies.models import InboundMessage

MOST = 500
"""Replies that are answered or marked at once."""


def answerable(access: Access) -> QuerySet[Template]:
    """Templates that an answer can be made of: promotional SMS, approved as they are now, the same for everybody."""
    rows = Template.objects.in_workspace(access.workspace).filter(
        channel=Provider.Channel.SMS, purpose=Template.Purpose.PROMOTION, parts=[]
    )
    approved = [
        review.template_id
        for review in TemplateReview.objects.filter(
            template__in=rows, state=ReviewState.APPROVED
        ).select_related("template")
        if review.edit_version == review.template.edit_version and not _personal(review.template)
    ]
    return rows.filter(pk__in=approved).order_by("name")


def _personal(template: Template) -> bool:
    return bool(template.variables or parameters.codes_in(*template.texts))


def chosen(access: Access, keys: Sequence[str]) -> list[InboundMessage]:
    """The replies with these IDs. Raises ValidationFailed where one is not there, or there are too many."""
    wanted = list(dict.fromkeys(keys))
    rows = list(
        InboundMessage.objects.in_workspace(access.workspace)
        .filter(pk__in=wanted[: MOST + 1])
        .select_related("first_signature__provider")
    )
    if not wanted or len(wanted) > MOST or len(rows) < len(wanted):
        message = _("Name 1 to %(most)d replies of the workspace.") % {"most": MOST}
        raise ValidationFailed(message, errors={"replies": [message]})
    return rows


def mark_read(access: Access, messages: Sequence[InboundMessage]) -> int:
    """Returns how many were unread."""
    access.require("marketing.sms.create")
    rows = InboundMessage.objects.filter(pk__in=[row.pk for row in messages], read_at=None)
    with transaction.atomic():
        changed = rows.update(read_at=timezone.now(), read_by=access.user)
        if changed:
            audit.record(access, "reply.read", messages[0], detail={"replies": changed})
    return changed


def answer(access: Access, messages: Sequence[InboundMessage], template: Template) -> list[SendOut]:
    """Send everybody who wrote one SMS, with the signature that they were first written to with.

    One send-out per signature. Raises ValidationFailed for a template that does not do, or a number whose signature
    nobody knows, and Conflict where a platform has not approved the template.
    """
    access.require("marketing.sms.send")
    if not answerable(access).filter(pk=template.pk).exists():
        message = _("Choose an approved promotional SMS template without variables.")
        raise ValidationFailed(message, errors={"template": [message]})
    groups: dict[Signature, list[InboundMessage]] = defaultdict(list)
    for row in sorted(messages, key=lambda item: item.received_at):
        if row.first_signature is None:
            message = _("Nobody knows which signature …%(digits)s was written to with.") % {
                "digits": row.last_digits
            }
            raise ValidationFailed(message, errors={"replies": [message]})
        groups[row.first_signature].append(row)
    made = []
    with transaction.atomic():
        for signature, rows in groups.items():
            people = [(row.person, row.mobile) for row in rows]
            send_out = direct.send(access, SendOut.Origin.REPLY, template, signature, people, word=_("reply"))
            now = timezone.now()
            keys = [row.pk for row in rows]
            InboundMessage.objects.filter(pk__in=keys).update(answer=send_out)
            InboundMessage.objects.filter(pk__in=keys, read_at=None).update(read_at=now, read_by=access.user)
            audit.record(access, "reply.answered", send_out, detail={"replies": len(rows)})
            made.append(send_out)
    return made
