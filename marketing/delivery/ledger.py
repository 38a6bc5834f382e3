"""The ledger of a send-out, person by person: how rows are found, shown and downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import django_filters
from django.db import close_old_connections, connection
from django.db.models import Q, QuerySet

from admin_center.audit.services import log_download, log_unmasked
from cdp.core.access import Access
from cdp.core.csv_export import escape_formula
from cdp.core.identifiers import ID_TYPES
from insight.audiences.masking import Mask, Masker
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery import decrypting, failure_words, releasing
from marketing.delivery.failed import gone
from marketing.delivery.models import CAUSES, NOBODY, Recipient, SendOut, Variant
from marketing.delivery.suppressions import all_normalised
from marketing.delivery.targets import DIGITS, id_type_of

ROWS = 5_000
COLUMNS = (
    "send_out",
    "target_hash",
    "idempotency_key",
    "out_id",
    "provider_message_id",
    "person",
    "target",
    "variant",
    "state",
    "reason",
    "code",
    "detail",
    "handed_at",
    "reported_at",
    "opened_at",
    "clicked_at",
    "dismissed_at",
    "unsubscribed_at",
    "not_before",
)


class RecipientFilter(django_filters.FilterSet):
    """`person` is the ID in the audience, or the address or number that was written to, in full.

    Of SMS the last one to four digits of the number do as well.
    """

    person = django_filters.CharFilter(method="of_person")

    class Meta:
        model = Recipient
        fields = ["state", "reason", "code"]

    def __init__(self, given: Mapping[str, Any], send_out: SendOut) -> None:
        super().__init__(given, queryset=send_out.recipients.order_by("pk"))
        self.send_out = send_out

    def of_person(self, rows: QuerySet[Recipient], name: str, value: str) -> QuerySet[Recipient]:
        which, send_out = Q(person=value), self.send_out
        for target in set(all_normalised(send_out.channel, value).values()):
            which |= Q(person_hash=target_hash(send_out.workspace_id, send_out.channel, target))
        if send_out.channel == Provider.Channel.SMS and value.isdecimal():
            which |= Q(ending=value) if len(value) == DIGITS else Q(ending__endswith=value)
        return rows.filter(which)


def shown(rows: Iterable[Recipient], send_out: SendOut, access: Access) -> list[dict[str, Any]]:
    """Rows as this person sees them: IDs in full for those with the right, or where the workspace shows them."""
    person, target = _masks(send_out, access)
    has_variants = send_out.variants.exists()
    found = [_shown(row, person, target, has_variants, send_out.channel) for row in rows]
    if access.can("marketing.recipients.unmask"):
        log_unmasked(access, send_out, place="recipients", rows=len(found))
    return found


def export(access: Access, send_out: SendOut, rows: QuerySet[Recipient]) -> Iterator[bytes]:
    """`rows`, ordered by key, as CSV with IDs as `shown`; the download is logged before the first byte leaves.

    Raises PermissionDenied, and Conflict once the recipients are no longer kept.
    """
    access.require(f"marketing.{send_out.channel}.view")
    if send_out.rows_deleted_at is not None:
        raise gone()
    log_download(
        access,
        send_out,
        action="send_out.recipients_downloaded",
        rows=rows.count(),
        unmasked=access.can("marketing.recipients.unmask"),
    )
    return _pieces(rows, *_masks(send_out, access), send_out.variants.exists(), send_out.channel)


def _pieces(
    rows: QuerySet[Recipient], person: Mask, target: Mask, has_variants: bool, channel: str
) -> Iterator[bytes]:
    yield ("\ufeff" + ",".join(COLUMNS) + "\n").encode()
    last = 0
    while True:
        try:
            page = list(rows.filter(pk__gt=last)[:ROWS])
        finally:
            # Pieces are pulled in threads whose connections no request gives back.
            if not connection.in_atomic_block:
                close_old_connections()
        if not page:
            return
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for row in page:
            found = _shown(row, person, target, has_variants, channel)
            writer.writerow([_cell(found[name]) for name in COLUMNS])
        yield out.getvalue().encode()
        last = page[-1].pk


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return escape_formula(value) if isinstance(value, str) else value.isoformat(timespec="seconds")


def _masks(send_out: SendOut, access: Access) -> tuple[Mask, Mask]:
    """Of the people's IDs and of the addresses or numbers. What was decrypted for sending nobody sees in full.

    Of mobile numbers that got an SMS everybody sees the last digits alone.
    """
    version = send_out.audience_version
    person_type = version.user_id_type if version else "one_id"
    masker = Masker(access)
    in_full = access.can("marketing.recipients.unmask")
    person = _in_full if in_full else masker.for_type(person_type)
    encrypted = decrypting.is_encrypted(send_out)
    if send_out.channel == Provider.Channel.SMS:
        is_number = person_type == "mobile" and not encrypted
        return (_last_digits if is_number else person), _last_digits
    if encrypted:
        return person, ID_TYPES[id_type_of(send_out)].mask
    return person, _in_full if in_full else masker.for_type(id_type_of(send_out))


def _last_digits(value: str | None) -> str:
    return f"***{value[-DIGITS:]}" if value else ""


def _in_full(value: str | None) -> str:
    return value or ""


def _key(row: Recipient, channel: str) -> str:
    """What the provider knows a repeat by: the batch where people are handed over in batches, else the message."""
    if row.batch_id:
        return row.batch_id
    return (
        f"{row.pk}.{row.send_out_id}" if channel == Provider.Channel.EMAIL else f"{row.send_out_id}:{row.pk}"
    )


def _shown(row: Recipient, person: Mask, target: Mask, has_variants: bool, channel: str) -> dict[str, Any]:
    gets_it = row.state not in Recipient.WITHOUT_MESSAGE
    return {
        "id": row.pk,
        "send_out": row.send_out_id,
        "target_hash": "" if row.person_hash.startswith(NOBODY) else row.person_hash,
        "idempotency_key": _key(row, channel) if row.handed_at else "",
        "out_id": row.batch_id or "",
        "provider_message_id": row.provider_message_id,
        "person": person(row.person),
        "target": target(row.target),
        "variant": Variant(number=row.variant).letter if has_variants and gets_it else "",
        "state": row.state,
        "state_label": row.get_state_display(),
        "reason": row.reason,
        "reason_label": releasing.words(row) or CAUSES.get(row.reason, row.reason),
        "code": row.code,
        "code_label": failure_words.of(row.code),
        "detail": row.detail,
        "handed_at": row.handed_at,
        "reported_at": row.reported_at,
        "opened_at": row.opened_at,
        "clicked_at": row.clicked_at,
        "dismissed_at": row.dismissed_at,
        "unsubscribed_at": row.unsubscribed_at,
        "not_before": row.not_before if row.state == Recipient.State.QUEUED else None,
    }
