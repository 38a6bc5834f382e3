"""Handing over message by message (SMTP, browsers, apps by FCM and APNs).

A few recipients are claimed at a time: marked `handing` and committed before the first of them is sent. Should the
worker die, those few are parked as `unknown`; they may have got the message, so it is not sent to them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from email.utils import format_datetime, formataddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cdp.core import metrics
from cdp.jobs import JobContext
from marketing.channels.base import Message, Outcome, PersonalProviderType, PersonalSession, ProviderError
from marketing.channels.models import Provider
from marketing.channels.smtp import one_line
from marketing.content import mail, rendering
from marketing.delivery import contact_policy, contents, domain_rate, rate, releasing, tracking, web_push
from marketing.delivery.bounces import applying as bounces
from marketing.delivery.bounces import return_path
from marketing.delivery.leaving import give_back, leaving
from marketing.delivery.models import Recipient, SendOut, TrackedLink, UnknownReason

CHUNK, FIRST_CHUNK = 50, 20
"""The most that are claimed at a time, and how many first."""
BRIEF, LONG = 0.3, 1.0
"""Seconds after which a chunk grows, and shrinks: whoever pauses waits for one."""


def hand_over(
    send_out: SendOut, kind: PersonalProviderType, job: JobContext, check: Callable[[], None]
) -> None:
    """Send to everybody queued. Raises ProviderError (retryable) when the provider fails; what is left stays queued.

    Servers end connections that were idle or have carried many messages: as long as each carries some, a new one
    is opened.
    """
    while True:
        before = _left(send_out)
        if not before:
            return
        try:
            _hand_over_in_one_session(send_out, kind, job, check)
        except ProviderError as error:
            if error.code != "connection_lost" or error.uncertain or _left(send_out) == before:
                raise
        else:
            return


def _left(send_out: SendOut) -> int:
    return releasing.ready(send_out).count()


def _hand_over_in_one_session(
    send_out: SendOut, kind: PersonalProviderType, job: JobContext, check: Callable[[], None]
) -> None:
    check()
    total = send_out.recipients.exclude(state__in=Recipient.WITHOUT_MESSAGE).count()
    links = {link.url: link.number for link in TrackedLink.objects.filter(send_out=send_out)}
    left, most = _left(send_out), chunk_size(send_out)
    sent, size = total - left, min(FIRST_CHUNK, most)
    sender, at_once = str(send_out.content.get("from_address", "")), min(most, left)
    with kind.session(send_out.provider, sender, at_once=at_once) as session:
        while releasing.ready(send_out).exists():
            # Waiting comes before claiming, and the last look at quiet hours between the two: who is claimed is handed
            # over at once.
            only = domain_rate.next_rows(send_out, size, check)
            throttle(send_out, len(only) if only is not None else size, check)
            check()
            chunk, begun = claim(send_out, size, only), time.monotonic()
            _send_chunk(send_out, session, chunk, links)
            size = _next_size(size, time.monotonic() - begun, most)
            send_out.provider.note_success()
            sent += len(chunk)
            job.progress(30 + 70 * sent / max(1, total), done=sent, total=total)


def _next_size(size: int, seconds: float, most: int) -> int:
    """How many come next, after so many that took so long."""
    if seconds > LONG:
        return max(1, size // 2)
    return min(most, 2 * size) if seconds < BRIEF else size


def chunk_size(send_out: SendOut, most: int = CHUNK, *, per_call: int = 1) -> int:
    """How many are handed over at a time, `per_call` with one call: no more than leave in a second."""
    slowest = min(send_out.provider.rate_per_second * per_call, (send_out.per_minute or 60_000) / 60)
    return max(1, min(most, int(slowest)))


def throttle(send_out: SendOut, wanted: int, check: Callable[[], None], *, per_call: int = 1) -> None:
    """Wait as long as the provider's and the send-out's own limits ask for; the provider's counts calls."""
    seconds = rate.take(
        f"provider:{send_out.provider.line}",
        per_second=send_out.provider.rate_per_second,
        wanted=-(-wanted // per_call),
    )
    if send_out.per_minute:
        seconds = max(
            seconds, rate.take(f"send:{send_out.pk}", per_second=send_out.per_minute / 60, wanted=wanted)
        )
    if seconds:
        rate.wait(seconds, check)


def claim(
    send_out: SendOut, size: int, only: Sequence[int] | None = None, *, without: Sequence[int] = ()
) -> list[Recipient]:
    """Take the next recipients, or of `only` these, but for the rows `without`.

    Those suppressed or capped since the ledger was written are left out now.
    """
    with transaction.atomic():
        if contact_policy.cap_of(send_out):
            contact_policy.lock(send_out)
        if SendOut.objects.select_for_update().get(pk=send_out.pk).state != SendOut.State.SENDING:
            return []
        queued = releasing.ready(send_out).order_by("pk")
        queued = queued.exclude(pk__in=without) if without else queued
        if only is not None:
            queued = queued.filter(pk__in=only)
        while rows := [row.pk for row in queued.only("pk")[:size]]:
            if not contact_policy.leave_out(send_out, rows=rows):
                break
        queued.filter(pk__in=rows).update(state=Recipient.State.HANDING, handed_at=timezone.now())
    return list(Recipient.objects.filter(pk__in=rows).order_by("pk"))


def _send_chunk(
    send_out: SendOut, session: PersonalSession, chunk: list[Recipient], links: dict[str, int]
) -> None:
    messages = [message_of(send_out, row, links) for row in chunk]
    outcomes: list[Outcome] = []
    try:
        with leaving(send_out) as may_leave:
            if may_leave:
                for outcome in session.send(messages):
                    outcomes.append(outcome)
        if not may_leave:
            give_back(send_out, Recipient.objects.filter(pk__in=[row.pk for row in chunk]))
    except ProviderError:
        done = {outcome.key for outcome in outcomes}
        rest = [row.pk for row in chunk if row.pk not in done]
        give_back(send_out, Recipient.objects.filter(pk__in=rest))
        raise
    finally:
        write(send_out, outcomes)
        if send_out.channel == Provider.Channel.EMAIL:
            bounces.of_session(send_out, chunk, outcomes)


def write(send_out: SendOut, outcomes: list[Outcome]) -> None:
    """Record outcomes in one statement. A report, open or click that came first is not overwritten."""
    if not outcomes:
        return
    now = timezone.now()
    rows = [
        (o.key, o.state, o.code[:64], o.detail[:500], o.provider_message_id[:200], _reason(send_out, o))
        for o in outcomes
    ]
    places = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} r
               SET state = v.state, code = v.code, detail = v.detail, provider_message_id = v.message,
                   reason = v.reason,
                   reported_at = CASE WHEN v.state IN ('delivered', 'failed') THEN %s::timestamptz END
              FROM (VALUES {places}) AS v (id, state, code, detail, message, reason)
             WHERE r.id = v.id AND (r.state = 'handing' OR r.state = 'unknown' AND r.reason = 'worker_lost')
            """,
            [now, *(value for row in rows for value in row)],
        )
    for outcome in outcomes:
        metrics.MESSAGES.labels(send_out.channel, outcome.state).inc()


def _reason(send_out: SendOut, outcome: Outcome) -> str:
    if outcome.state == "unknown":
        mail = send_out.channel == Provider.Channel.EMAIL
        return UnknownReason.CONNECTION_LOST if mail else UnknownReason.NO_ANSWER
    return bounces.reason_of(outcome) if send_out.channel == Provider.Channel.EMAIL else ""


def message_of(send_out: SendOut, recipient: Recipient, links: dict[str, int]) -> Message:
    """One person's message of any channel."""
    if send_out.channel == Provider.Channel.PUSH:
        return web_push.compose(send_out, recipient, links)
    return compose(send_out, recipient, links)


def compose(send_out: SendOut, recipient: Recipient, links: dict[str, int]) -> Message:
    """One person's mail: variables filled, links and opens counted, one-click unsubscribe in the header."""
    content, values = contents.of_variant(send_out.content, recipient.variant), recipient.values
    recipient.send_out = send_out
    html = rendering.fill(str(content["html"]), values, escape=True)
    footer = str(content.get("unsubscribe_label") or "")
    unsubscribe = tracking.unsubscribe_url(recipient) if footer else ""
    tracked = {url: tracking.click_url(recipient, number) for url, number in links.items()}
    if tracked:
        html = rendering.replace_links(html, lambda url: tracked.get(url, url))
    if html and footer:
        html = mail.append(html, f'<p style="font-size:12px"><a href="{unsubscribe}">{footer}</a></p>')
    if html and send_out.track:
        html = mail.append(html, f'<img src="{tracking.open_url(recipient)}" width="1" height="1" alt="">')
    text = rendering.fill(str(content["text"]), values)
    text = text or rendering.personal_text(str(content["html"]), values, tracked)
    sender = str(content["from_address"])
    domain = urlsplit(settings.BASE_URL).hostname or sender.partition("@")[2]
    return Message(
        key=recipient.pk,
        target=recipient.target,
        subject=rendering.fill(str(content["subject"]), values),
        html=html,
        text=f"{text}\n\n{footer}: {unsubscribe}" if footer else text,
        headers={
            "From": formataddr((one_line(str(content.get("from_name") or "")), sender)),
            "Date": format_datetime(timezone.now()),
            "Message-ID": f"<{recipient.pk}.{send_out.pk}@{domain}>",
            **_to_unsubscribe(unsubscribe),
        },
        return_path=_return_path(recipient, content),
    )


def _to_unsubscribe(url: str) -> dict[str, str]:
    """Headers for the button of mail programs (RFC 8058); none without an address."""
    if not url:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _return_path(recipient: Recipient, content: dict[str, Any]) -> str:
    """Nothing where bounces go to the sender."""
    domain = str(content.get("bounce_domain") or "")
    return return_path.address(recipient.pk, domain) if domain else ""
