"""Short links in the messages of send-outs: none may lead nowhere when the message is read."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from marketing.delivery import contents
from marketing.delivery.models import SendOut
from marketing.links import queries, usage
from marketing.links.models import ShortLink

SOON = timedelta(hours=24)


def text_of(send_out: SendOut) -> str:
    """The message, of all variants: as it was frozen, or else as the templates say now."""
    found = [template.texts for template in send_out.templates]
    if send_out.content:
        found = [contents.texts(content) for content in contents.all_of(send_out.content)]
    return "\n".join(text for texts in found for text in texts)


def over(send_out: SendOut) -> list[ShortLink]:
    """The message's links that have ended by the time it leaves, or that were stopped."""
    found = list(queries.in_text(send_out.workspace_id, text_of(send_out)))
    leaves = send_out.scheduled_at
    return [
        link
        for link in found
        if link.state != ShortLink.State.ACTIVE or (leaves is not None and link.expires_at <= leaves)
    ]


def ending_soon(send_out: SendOut) -> list[ShortLink]:
    """The message's links that end within a day of its leaving, and have not ended by then."""
    until = (send_out.scheduled_at or timezone.now()) + SOON
    found = queries.in_text(send_out.workspace_id, text_of(send_out))
    ended = {link.pk for link in over(send_out)}
    return [link for link in found if link.expires_at < until and link.pk not in ended]


def _users(link: ShortLink) -> list[str]:
    """Names of the send-outs that wait or are under way with the link in their message."""
    live = SendOut.objects.in_workspace(link.workspace_id).filter(state__in=SendOut.LIVE)
    return [row.name for row in live.select_related("template") if link.url in text_of(row)]


def register() -> None:
    usage.USES.add("send_outs", _users)
