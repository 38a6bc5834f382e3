"""An audience of the people with chosen results of a send-out, while its recipients are kept.

It is an uploaded audience: the IDs that were written to, as a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.identifiers import hashed_form
from cdp.jobs.models import Job
from insight.audiences import outside
from insight.audiences.models import Audience
from marketing.channels.models import Provider
from marketing.delivery import custom_figures, decrypting, retention
from marketing.delivery.bounces.model import FailureReason
from marketing.delivery.failed import NO_REPORT, gone
from marketing.delivery.models import Recipient, SendOut
from marketing.delivery.targets import id_type_of

_STATES = Recipient.State
_NO_REPORT = Q(state=_STATES.HANDED) | Q(state=_STATES.FAILED, code=NO_REPORT)
RESULTS: dict[str, tuple[Any, Q]] = {
    "delivered": (gettext_lazy("Delivered"), Q(state=_STATES.DELIVERED)),
    "failed": (gettext_lazy("Failed"), Q(state=_STATES.FAILED) & ~Q(code=NO_REPORT)),
    "no_report": (gettext_lazy("No report"), _NO_REPORT),
    "invalid": (gettext_lazy("Address does not exist"), Q(state=_STATES.FAILED, reason=FailureReason.GONE)),
    "spam": (gettext_lazy("Marked as spam"), Q(reason=FailureReason.SPAM)),
    "opened": (gettext_lazy("Opened"), Q(opened_at__isnull=False)),
    "not_opened": (
        gettext_lazy("Delivered and not opened"),
        Q(state=_STATES.DELIVERED, opened_at__isnull=True),
    ),
    "clicked": (gettext_lazy("Clicked"), Q(clicked_at__isnull=False)),
    "ignored": (gettext_lazy("Swiped away"), Q(dismissed_at__isnull=False)),
}
_OF_CHANNEL: dict[str, set[str]] = {
    Provider.Channel.EMAIL: RESULTS.keys() - {"ignored"},
    Provider.Channel.SMS: {"delivered", "failed", "no_report"},
    Provider.Channel.PUSH: {"opened", "ignored", "no_report", "delivered", "failed"},
}
ROWS = 5_000


def offered(send_out: SendOut) -> dict[str, Any]:
    """The results of the channel, by key, with their labels; of the custom channel those that the webhook reports."""
    if send_out.channel == Provider.Channel.CUSTOM:
        return {key: label for key, (label, _which) in custom_figures.results(send_out).items()}
    return {key: label for key, (label, _which) in RESULTS.items() if key in _OF_CHANNEL[send_out.channel]}


def is_offered(send_out: SendOut) -> bool:
    """Whether its recipients are still there to make an audience of: as long as they are kept, to the minute.

    An own system reports for longer where it says so; then they are there until they are deleted.
    """
    if send_out.rows_deleted_at is not None:
        return False
    if send_out.channel == Provider.Channel.CUSTOM or send_out.finished_at is None:
        return True
    return timezone.now() < send_out.finished_at + retention.kept_for(send_out.workspace)


def people(send_out: SendOut, results: Sequence[str]) -> QuerySet[Recipient]:
    """The recipients with one of the results. Raises Conflict once they are no longer kept, ValidationFailed."""
    if not is_offered(send_out):
        raise gone()
    if send_out.channel == Provider.Channel.PUSH and not send_out.provider.config.get("receipts"):
        raise Conflict(
            _("Only totals are reported for this app, so nobody knows whose phone did what."),
            code="only_totals",
        )
    known = offered(send_out)
    if not results or any(key not in known for key in results):
        message = _("Choose one or more of %(results)s.") % {"results": ", ".join(known)}
        raise ValidationFailed(message, errors={"results": [message]})
    which = Q()
    of_channel = custom_figures.results(send_out) if send_out.channel == Provider.Channel.CUSTOM else RESULTS
    for key in results:
        which |= of_channel[key][1]
    return send_out.recipients.filter(which).exclude(target="")


def make(
    access: Access, send_out: SendOut, results: Sequence[str], data: Mapping[str, Any]
) -> tuple[Audience, Job]:
    """`data`: name, folder, public, remark, campaigns."""
    access.require(f"marketing.{send_out.channel}.view")
    access.require("insight.audience.filter")
    rows = people(send_out, results)
    if not rows.exists():
        message = _("Nobody has this result.")
        raise ValidationFailed(message, errors={"results": [message]})
    targets = (row.target for row in rows.only("target").order_by("pk").iterator(chunk_size=ROWS))
    id_type = id_type_of(send_out)
    form = _form_of(send_out, id_type)
    if decrypting.is_encrypted(send_out):
        form, targets = "aes", (decrypting.encrypted_again(send_out, target) for target in targets)
    audience, job = outside.of_ids(access, targets, f"{send_out.pk}.csv", id_type, data, encryption=form)
    audit.record(
        access,
        "send_out.audience_made",
        send_out,
        after={"audience": audience.pk, "results": sorted(results), "people": rows.count()},
    )
    return audience, job


def _form_of(send_out: SendOut, id_type: str) -> str:
    """In which form the ledger has the IDs: as a hash where its audiences hold hashes."""
    source = send_out
    while source.resend_of is not None:
        source = source.resend_of
    version = source.audience_version
    return (hashed_form(version.encryption_of(id_type)) if version else None) or "plain"
