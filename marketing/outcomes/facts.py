"""What the ledger says happened: rows of events, written to a CSV file by PostgreSQL itself.

Each event has an ID made of the row that it comes from: r of a recipient, e of an engagement, i of a reply, v of a
visit of a short link. Machines are left out.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from django.db import connection

from insight.campaigns import links as campaigns
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery import comparing
from marketing.delivery.campaign_links import KIND
from marketing.delivery.conversion_count import known_by
from marketing.delivery.models import Engagement, Recipient, SendOut, TrackedLink
from marketing.links import queries as short_links
from marketing.links.models import LinkClick
from marketing.replies.models import InboundMessage

COLUMNS = (
    ("event_id", "VARCHAR"),
    ("user_id", "VARCHAR"),
    ("event", "VARCHAR"),
    ("at", "TIMESTAMP WITH TIME ZONE"),
    ("channel", "VARCHAR"),
    ("send_out_id", "VARCHAR"),
    ("send_out", "VARCHAR"),
    ("campaign", "VARCHAR"),
    ("template", "VARCHAR"),
    ("variant", "VARCHAR"),
    ("link", "VARCHAR"),
    ("failure", "VARCHAR"),
    ("target_hash", "VARCHAR"),
)
"""`target_hash` stands with SMS that were sent: a late click finds its message by it; see `channels.targets`."""
IN_FILE = (("id_type", "VARCHAR"), ("encryption", "VARCHAR"), *COLUMNS)
"""The file also says by which type of ID and in which form the person is known."""
FORM = 1
"""Counted up where the same rows give other events than before, so that all are written anew."""
MOBILE = ("mobile", "plain")
CHUNK = 5_000
_SENT = [str(state) for state in comparing.SENT]
_RECIPIENT, _ENGAGEMENT, _LINK, _REPLY = (
    model._meta.db_table for model in (Recipient, Engagement, TrackedLink, InboundMessage)
)


def fingerprint(send_out: SendOut) -> str:
    """Changes with everything that changes the events of a send-out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT coalesce(sum(hashtextextended((id, state, reason, code, handed_at, reported_at, opened_at,
                                                          clicked_at, dismissed_at, unsubscribed_at)::text, 0)), 0)
                      FROM {_RECIPIENT} WHERE send_out_id = %s AND state = ANY(%s)),
                   (SELECT count(*) || '-' || coalesce(max(id), 0) FROM {_ENGAGEMENT} WHERE send_out_id = %s),
                   (SELECT count(*) FROM {_REPLY} WHERE send_out_id = %s)
            """,
            [send_out.pk, _SENT, send_out.pk, send_out.pk],
        )
        return "/".join([str(FORM), *map(str, cursor.fetchone())])


def of_send_out(send_out: SendOut, path: Path) -> None:
    """Write the events of a send-out, IN_FILE. Whom nobody knows by an ID of an audience is left out."""
    known = _known(send_out)
    if known is None:
        return
    join, join_values = known
    variants = [
        (row.number, row.letter, row.template.name) for row in send_out.variants.select_related("template")
    ]
    variants = variants or [(0, None, send_out.template.name)]  # type: ignore[list-item]
    started = send_out.started_at or send_out.resolved_at or send_out.created_at
    names = sorted(campaign.name for campaign in campaigns.of(KIND, [send_out.pk]).get(send_out.pk, ()))
    same: list[Any] = [send_out.channel, send_out.pk, send_out.name, ", ".join(names) or None]
    same.append(send_out.channel == Provider.Channel.SMS)
    places = ", ".join(["(%s::int, %s::text, %s::text)"] * len(variants))
    statement = f"""
        COPY (
        WITH people AS (
            SELECT r.*, coalesce(r.handed_at, r.reported_at, %s) AS sent_at, k.id_type, k.encryption,
                   v.letter, v.template,
                   coalesce(nullif(nullif(r.reason, 'receipt'), ''), nullif(r.code, '')) AS failure
              FROM {_RECIPIENT} r {join}
              LEFT JOIN (VALUES {places}) AS v (number, letter, template) ON v.number = r.variant
             WHERE r.send_out_id = %s AND r.state = ANY(%s) AND r.person <> ''
        ), done AS (
            SELECT e.id, e.recipient_id, e.kind, e.visit, e.at, l.url
              FROM {_ENGAGEMENT} e LEFT JOIN {_LINK} l ON l.id = e.link_id
             WHERE e.send_out_id = %s AND NOT e.is_machine AND e.kind IN ('open', 'click')
        ), happened (event_id, row, event, at, link, failure) AS (
            SELECT 'r' || id || '-sent', id, 'sent', sent_at, NULL, NULL FROM people
            UNION ALL
            SELECT 'r' || id || '-delivered', id, 'delivered', coalesce(reported_at, sent_at), NULL, NULL
              FROM people WHERE state = 'delivered'
            UNION ALL
            SELECT 'r' || id || '-failed', id, 'failed', coalesce(reported_at, sent_at), NULL, failure
              FROM people WHERE state = 'failed'
            UNION ALL
            SELECT 'r' || id || '-opened', id, 'opened', opened_at, NULL, NULL FROM people p
             WHERE opened_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM done d WHERE d.recipient_id = p.id AND d.kind = 'open')
            UNION ALL
            SELECT 'r' || id || '-clicked', id, 'clicked', clicked_at, NULL, NULL FROM people p
             WHERE clicked_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM done d WHERE d.recipient_id = p.id AND d.kind = 'click')
            UNION ALL
            SELECT 'r' || id || '-dismissed', id, 'dismissed', dismissed_at, NULL, NULL
              FROM people WHERE dismissed_at IS NOT NULL
            UNION ALL
            SELECT 'r' || id || '-unsubscribed', id, 'unsubscribed', unsubscribed_at, NULL, NULL
              FROM people WHERE unsubscribed_at IS NOT NULL
            UNION ALL
            SELECT 'e' || id, recipient_id,
                   CASE WHEN kind = 'open' THEN 'opened' WHEN visit IS NULL THEN 'clicked'
                        ELSE 'short_link_clicked' END, at, url, NULL FROM done
            UNION ALL
            SELECT 'i' || i.id, p.id, 'replied', i.received_at, NULL, NULL
              FROM {_REPLY} i JOIN people p ON p.person_hash = i.target_hash WHERE i.send_out_id = %s
        )
        SELECT p.id_type, p.encryption, h.event_id, p.person, h.event, h.at, %s::text, %s::text, %s::text, %s::text,
               p.template, p.letter, h.link, h.failure,
               CASE WHEN h.event = 'sent' AND %s THEN p.person_hash END
          FROM happened h JOIN people p ON p.id = h.row
        ) TO STDOUT (FORMAT csv)
    """
    values = [started, *join_values, *(value for row in variants for value in row)]
    values += [send_out.pk, _SENT, send_out.pk, send_out.pk, *same]
    with (
        path.open("ab") as out,
        connection.cursor() as cursor,
        cursor.copy(statement, values) as copy,  # type: ignore[attr-defined]
    ):
        for block in copy:
            out.write(block)


def _known(send_out: SendOut) -> tuple[str, list[Any]] | None:
    """A join, and its values, that says by which ID each person of the ledger is known; None where nobody is."""
    if not send_out.origin:
        return "CROSS JOIN (SELECT %s::text AS id_type, %s::text AS encryption) k", list(known_by(send_out))
    # An answer to replies: each person is known as in the send-out that they replied to.
    answered = SendOut.objects.filter(
        pk__in=InboundMessage.objects.filter(answer=send_out, send_out__isnull=False).values("send_out")
    )
    rows = [(row.pk, *known_by(row)) for row in answered.select_related("audience", "audience_version")]
    if not rows:
        return None
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    join = f"""
        JOIN (SELECT DISTINCT ON (i.target_hash) i.target_hash, f.id_type, f.encryption
                FROM {_REPLY} i JOIN (VALUES {places}) AS f (send_out_id, id_type, encryption)
                  ON f.send_out_id = i.send_out_id
               WHERE i.answer_id = %s ORDER BY i.target_hash, i.received_at) k ON k.target_hash = r.person_hash
    """
    return join, [*(value for row in rows for value in row), send_out.pk]


def without_send_out(workspace: Any, path: Path, *, since: datetime | None, written: Collection[str]) -> None:
    """Write the events of people with a mobile number that belong to no send-out: clicks on links, replies.

    Clicks since a moment, None for all; of replies, whose time is that of the platform, those that are not `written`.
    """
    with path.open("a", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        for key, mobile, event, at, link in chain(_clicks(workspace, since), _replies(workspace, written)):
            digest = target_hash(str(workspace.pk), Provider.Channel.SMS, mobile)
            row = [
                key,
                mobile,
                event,
                at.isoformat(),
                "sms",
                None,
                None,
                None,
                None,
                None,
                link,
                None,
                digest,
            ]
            writer.writerow([*MOBILE, *row])


def _clicks(workspace: Any, since: datetime | None) -> Iterator[tuple[Any, ...]]:
    links = {link.pk: link for link in short_links.links(workspace)}
    rows = LinkClick.objects.filter(link__in=links, send_out="", is_machine=False).exclude(person="")
    if since is not None:
        rows = rows.filter(at__gte=since)
    for row in rows.order_by("pk").iterator(chunk_size=CHUNK):
        link = links[row.link_id]
        # The number is behind a keyed permutation, which PostgreSQL does not know.
        yield f"v{row.pk}", short_links.mobile(link, row.person), "short_link_clicked", row.at, link.url


def _replies(workspace: Any, written: Collection[str]) -> Iterator[tuple[Any, ...]]:
    rows = InboundMessage.objects.in_workspace(workspace).filter(send_out=None, person="")
    new = [key for key in rows.values_list("pk", flat=True) if f"i{key}" not in written]
    for start in range(0, len(new), CHUNK):
        for row in rows.filter(pk__in=new[start : start + CHUNK]):
            yield f"i{row.pk}", row.mobile, "replied", row.received_at, None
