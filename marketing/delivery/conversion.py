"""What counts as a conversion of a send-out, and how often it is counted.

A person converts who does the chosen behaviour within so many days after the message. The control group counts from
the moment of the first message, since nobody wrote to it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, ValidationFailed
from cdp.jobs import JobContext, JobKind, register, start_job
from cdp.jobs.models import Job
from insight.datasets import rights
from insight.datasets.models import Dataset, DatasetField
from marketing.delivery import conversion_count, services
from marketing.delivery.failed import gone
from marketing.delivery.models import SendOut

PER_RUN = 200
LONGEST = 90


class Conversion(BaseModel):
    """`types` of behaviour in a dataset, each of at least `least_amount` where that is given, within `days` days.

    `amount`: what these people spent is summed as well.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    types: tuple[str, ...] = Field(min_length=1, max_length=50)
    days: int = Field(7, ge=1, le=LONGEST)
    least_amount: Decimal | None = Field(None, ge=0, max_digits=14, decimal_places=2)
    amount: bool = False


def of(send_out: SendOut) -> Conversion | None:
    """What counts; None where nothing was chosen."""
    return Conversion.model_validate(send_out.conversion) if send_out.conversion else None


def datasets(access: Access) -> list[Dataset]:
    """Behaviour that the person may use and that lies where ledgers can be matched with it."""
    rows = rights.visible(access).filter(kind=Dataset.Kind.BEHAVIOUR, version__gt=0, source="lake")
    fields = Prefetch("fields", DatasetField.objects.select_related("category"))
    return list(rows.prefetch_related(fields).order_by("name"))


def has_amount(dataset: Dataset) -> bool:
    return any(row.role == "amount" and not row.deleted for row in dataset.fields.all())


def choose(access: Access, send_out: SendOut, values: dict[str, Any]) -> Job | None:
    """Say what counts, also after it was sent; nothing without values. Returns the job that counts it.

    Raises ValidationFailed with the fields that need another value, Conflict once its recipients are not kept.
    """
    access.require(f"marketing.{send_out.channel}.create")
    services.check_owner(send_out, access)
    if send_out.rows_deleted_at is not None:
        raise gone()
    chosen = _checked(access, send_out, values) if values else None
    kept = chosen.model_dump(mode="json") if chosen else {}
    before = send_out.conversion
    send_out.conversion, send_out.conversions = kept, {}
    SendOut.objects.filter(pk=send_out.pk).update(conversion=kept, conversions={}, updated_at=timezone.now())
    audit.record(
        access,
        "send_out.conversion_chosen",
        send_out,
        before={"conversion": before},
        after={"conversion": kept},
    )
    return start(send_out, access=access) if chosen and send_out.resolved_at else None


def _checked(access: Access, send_out: SendOut, values: dict[str, Any]) -> Conversion:
    try:
        chosen = Conversion.model_validate(values)
    except ValidationError as error:
        errors: dict[str, list[str]] = {}
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else "types"
            errors.setdefault(field, []).append(_problem(field))
        raise ValidationFailed(_("Some fields need another value."), errors=errors) from None
    dataset = next((row for row in datasets(access) if row.pk == chosen.dataset), None)
    if dataset is None:
        message = _("There is no such behaviour here that you may use.")
        raise ValidationFailed(message, errors={"dataset": [message]})
    if (chosen.amount or chosen.least_amount is not None) and not has_amount(dataset):
        message = _("This dataset has no amounts.")
        raise ValidationFailed(message, errors={"amount": [message]})
    if message := conversion_count.mismatch(send_out, dataset):
        raise ValidationFailed(message, errors={"dataset": [message]})
    return chosen


def _problem(field: str) -> str:
    return {
        "days": _("Choose 1 to %(most)d days.") % {"most": LONGEST},
        "types": _("Choose one or more kinds of behaviour."),
        "least_amount": _("Give an amount of 0 or more."),
    }.get(field, _("This value is not allowed here."))


def recount(access: Access, send_out: SendOut) -> Job:
    """Count anew. Raises Conflict where nothing is chosen, nothing was sent, or its recipients are not kept."""
    access.require(f"marketing.{send_out.channel}.view")
    if not send_out.conversion or send_out.resolved_at is None:
        raise Conflict(_("Choose what counts as a conversion, and send first."), code="no_conversion")
    if send_out.rows_deleted_at is not None:
        raise gone()
    return start(send_out, access=access)


def active_job(send_out: SendOut) -> Job | None:
    """The job that counts right now."""
    return Job.objects.filter(
        workspace=send_out.workspace, dedupe_key=f"conversions:{send_out.pk}", status__in=Job.ACTIVE
    ).first()


def start(send_out: SendOut, *, access: Access | None = None) -> Job:
    return start_job(
        CountConversions.kind,
        workspace=send_out.workspace,
        access=access,
        owner=send_out.owner if access is None else None,
        params={"send_out": send_out.pk},
        subject=send_out,
        title=_("Conversions of “%(name)s”") % {"name": send_out.name},
        dedupe_key=f"conversions:{send_out.pk}",
    )


def start_due() -> int:
    """Count anew where the behaviour has been refreshed since; returns how many jobs were started."""
    rows = SendOut.objects.filter(
        ~Q(conversion={}), resolved_at__isnull=False, rows_deleted_at__isnull=True
    ).select_related("workspace", "owner")
    versions = dict(Dataset.objects.filter(kind=Dataset.Kind.BEHAVIOUR).values_list("pk", "version"))
    due = [row for row in rows if row.conversions.get("version") != versions.get(row.conversion["dataset"])]
    for row in due[:PER_RUN]:
        start(row)
    return len(due[:PER_RUN])


def count(send_out: SendOut) -> None:
    """Count and keep. What keeps it from being counted is kept instead; it never fails."""
    chosen = of(send_out)
    if chosen is None:
        return
    try:
        found = conversion_count.count(send_out, chosen)
    except DomainError as error:
        found = {**send_out.conversions, "error": str(error)}
    # Unless somebody has chosen something else meanwhile.
    SendOut.objects.filter(pk=send_out.pk, conversion=send_out.conversion).update(conversions=found)
    send_out.conversions = found


@register
class CountConversions(JobKind):
    """Match the ledger with behaviour."""

    kind = "send_out.conversions"
    label = gettext_lazy("Count conversions")
    queue = "compute"
    quiet = True

    def run(self, job: JobContext) -> dict[str, Any]:
        send_out = SendOut.objects.select_related("workspace", "owner", "audience", "audience_version").get(
            pk=job.params["send_out"], workspace=job.workspace
        )
        if send_out.rows_deleted_at is not None:
            raise gone()
        job.phase(_("Matching people with behaviour"), progress=10)
        count(send_out)
        if error := send_out.conversions.get("error"):
            raise Conflict(error, code="not_counted")
        return {"converted": send_out.conversions.get("converted", 0)}
