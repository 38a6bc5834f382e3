"""Clicks on the short links in messages: they belong to the latest message with that link that the person got."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery import link_use, tracking
from marketing.delivery.models import Engagement, Recipient, SendOut, TrackedLink
from marketing.links import queries, visits
from marketing.links.models import LinkClick, ShortLink

MOST = 50
"""So many of the latest messages to a person are looked at; texts to one person are few."""
_UNWRITTEN = [Recipient.State.QUEUED, *Recipient.WITHOUT_MESSAGE, Recipient.State.CANCELLED]


def attribute(link: ShortLink, click: LinkClick) -> None:
    """Count a named person's visit as a click on their message; nothing where no message with the link is known."""
    row = _message(link, click)
    if row is None:
        return
    Engagement.objects.create(
        send_out=row.send_out,
        recipient=row,
        link=_tracked(row.send_out, link.url),
        kind=Engagement.Kind.CLICK,
        visit=click.pk,
    )
    click.send_out = row.send_out_id
    click.save(update_fields=["send_out"])
    tracking.note(row, Engagement.Kind.CLICK)


def _message(link: ShortLink, click: LinkClick) -> Recipient | None:
    channel = Provider.Channel.SMS
    digest = target_hash(link.workspace_id, channel, queries.mobile(link, click.person))
    rows = (
        Recipient.objects.filter(
            person_hash=digest,
            send_out__workspace=link.workspace_id,
            send_out__channel=channel,
            send_out__rows_deleted_at__isnull=True,
        )
        .exclude(state__in=_UNWRITTEN)
        .select_related("send_out__template")
        .order_by("-handed_at", "-pk")
    )
    return next((row for row in rows[:MOST] if link.url in link_use.text_of(row.send_out)), None)


def _tracked(send_out: SendOut, url: str) -> TrackedLink:
    """The address among those of the send-out; it gets a number with its first click."""
    found = send_out.links.filter(url=url).first()
    if found is not None:
        return found
    with transaction.atomic():
        SendOut.objects.select_for_update(of=("self",)).get(pk=send_out.pk)
        last = send_out.links.aggregate(last=Max("number"))["last"] or 0
        return TrackedLink.objects.get_or_create(send_out=send_out, url=url, defaults={"number": last + 1})[0]


def register() -> None:
    visits.followers.add("send_outs", attribute)
