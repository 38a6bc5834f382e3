"""What is pushed: the members of an audience, or the users of an AIPL model, each with their stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

import ibis
import pyarrow as pa
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import schedules, timezones
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError
from cdp.core.identifiers import ID_TYPES
from cdp.warehouse import get_engine
from insight.audiences import origins, queries, visibility
from insight.audiences.models import Audience, AudienceVersion, Dependency
from insight.datasets import rights
from insight.datasets.aipl_days import STAGES
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.pushes.models import Push, PushSetting
from insight.pushes.targets.base import BATCH, Target

FACTS: dict[str, Any] = {
    "stage": gettext_lazy("Stage"),
    "channel": gettext_lazy("Channels of the stage"),
    "channel_source": gettext_lazy("Channel source"),
    "day": gettext_lazy("Day"),
}
"""What is sent of each user of an AIPL model beside the IDs."""


@dataclass(frozen=True)
class Content:
    """What one run pushes. `batches` have `user_unique_id`, the chosen IDs, then `tag_0` … or `fact_<name>`."""

    number: int
    users: int
    batches: Iterator[pa.RecordBatch]
    version: AudienceVersion | None = None
    day: date | None = None


class Source:
    """Something that can be pushed, wrapped around the audience or the dataset."""

    kind: ClassVar[str]
    schema: ClassVar[str]
    field: ClassVar[str]
    """The field of Push and PushSetting that names it, and the object's word in the audit log."""
    facts: ClassVar[Mapping[str, Any]] = {}
    subject: Any

    def takes(self, target: Target) -> str:
        """Why this cannot be pushed to a kind of system; empty where it can."""
        return ""

    def check(self, access: Access) -> None:
        """Raises PermissionDenied for people who may not push this."""
        raise NotImplementedError

    def may(self, access: Access) -> bool:
        """Whether somebody may push this, also after it was hidden from them."""
        raise NotImplementedError

    def may_change(self, access: Access) -> bool:
        """Whether somebody may change all of its schedules, also those of others."""
        raise NotImplementedError

    def check_ready(self) -> None:
        """Raises Conflict while there is nothing to push."""
        raise NotImplementedError

    def ids(self) -> list[dict[str, Any]]:
        """`[{"column", "id_type", "label", "encryption"}]`, the identifier first."""
        raise NotImplementedError

    def tags(self, access: Access) -> list[dict[str, Any]]:
        return []

    @property
    def hourly(self) -> bool:
        return False

    def policy(self, target: Target, given: Any, errors: dict[str, list[str]]) -> dict[str, Any]:
        """The policy of a schedule in its stored form; what is wrong with the given one goes to `errors`."""
        raise NotImplementedError

    def in_words(self, policy: dict[str, Any]) -> str:
        return schedules.describe(policy)

    def next_time(self, setting: PushSetting) -> datetime | None:
        """When a schedule that is on is due next, inside its days; None where it never is again."""
        raise NotImplementedError

    def is_due(self, setting: PushSetting) -> bool:
        """Whether what a schedule wants is there, once its time has come."""
        return True

    def is_over(self, setting: PushSetting) -> bool:
        """Whether what a schedule waits for will not come any more inside its days."""
        return False

    def time_after(self, setting: PushSetting) -> datetime | None:
        """When a schedule is due again that starts a push now."""
        return self.next_time(setting)

    def content(self, row: Push) -> Content:
        """What a push sends, read with the rights of its owner; of a run that was broken off, what that one sent.

        Raises Conflict where there is nothing.
        """
        raise NotImplementedError

    def page(self, name: str = "push") -> str:
        """The address of its dialog (`push`) or its history."""
        raise NotImplementedError

    @property
    def own_page(self) -> str:
        raise NotImplementedError


class AudienceSource(Source):
    kind, schema, field = "audience", "audience.v1", "audience"

    def __init__(self, audience: Audience) -> None:
        self.subject = audience

    def check(self, access: Access) -> None:
        origins.require(self.subject, "push")
        visibility.check_download(access, self.subject)

    def may(self, access: Access) -> bool:
        seen = visibility.visible(access).filter(pk=self.subject.pk).exists()
        return seen and visibility.may_download(access, self.subject)

    def may_change(self, access: Access) -> bool:
        return visibility.may_change(access, self.subject)

    def check_ready(self) -> None:
        if self.subject.current_id is None:
            raise _empty()

    def ids(self) -> list[dict[str, Any]]:
        return queries.id_types(self.subject)

    def datasets(self) -> set[str]:
        """IDs of the datasets that the audience is made from, also through other audiences."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = {self.subject.pk}
        while waiting:
            seen |= waiting
            rows = Dependency.objects.filter(audience__in=waiting).values_list("kind", "target")
            found |= {target for kind, target in rows if kind == Dependency.Kind.DATASET}
            waiting = {target for kind, target in rows if kind == Dependency.Kind.AUDIENCE} - seen
        return found

    def tags(self, access: Access) -> list[dict[str, Any]]:
        rows = rights.visible(access).filter(pk__in=self.datasets(), kind__in=TAG_KINDS).order_by("name")
        return [
            {
                "dataset": row.pk,
                "dataset_name": row.name,
                "column": item.column,
                "label": item.name or item.column,
            }
            for row in rows.prefetch_related("fields")
            for item in row.fields.all()
            if item.role == "tag" and not item.deleted
        ]

    @property
    def hourly(self) -> bool:
        """Whether everything that the audience is made from are user-tag datasets."""
        kinds = Dataset.objects.filter(pk__in=self.datasets()).values_list("kind", flat=True)
        return bool(kinds) and set(kinds) <= set(TAG_KINDS)

    def policy(self, target: Target, given: Any, errors: dict[str, list[str]]) -> dict[str, Any]:
        wanted = given if given is not None else {"every": "day", "at": target.fixed_time or "05:00"}
        if isinstance(wanted, dict) and target.fixed_time:
            wanted = {**wanted, "at": target.fixed_time}
        policy = _checked(wanted, target.cycles, errors)
        if policy.get("every") == "hour" and not self.hourly:
            errors["refresh/every"] = [
                _("By the hour only audiences are pushed that are made from user tags alone.")
            ]
        return policy

    def next_time(self, setting: PushSetting) -> datetime | None:
        after, zone = timezone.now(), timezones.zone(setting.workspace)
        if setting.start and setting.start > timezones.today(setting.workspace):
            after = datetime.combine(setting.start, time(), tzinfo=zone) - timedelta(seconds=1)
        found = schedules.next_time(setting.refresh, setting.workspace, after)
        if found and setting.end and found.astimezone(zone).date() > setting.end:
            return None
        return found

    def content(self, row: Push) -> Content:
        version = row.version if row.state == Push.State.PUSHING else None
        if version is None or version.dropped_at is not None:
            version = queries.latest_version(self.subject)
        if version is None:
            raise _empty()
        columns = [field["column"] for field in row.fields if field["kind"] == "id"]
        tags = [(field["dataset"], field["column"]) for field in row.fields if field["kind"] == "tag"]
        batches = queries.member_batches(version, columns, BATCH, tags=tags, owner=row.owner)
        return Content(version.number, version.count, batches, version=version)

    def page(self, name: str = "push") -> str:
        return reverse(f"pushes:{name}", args=[self.subject.workspace.slug, self.subject.pk])

    @property
    def own_page(self) -> str:
        return reverse("audiences:detail", args=[self.subject.workspace.slug, self.subject.pk])


class ModelSource(Source):
    """An AIPL model. Only those who may change it push it; every grant shows all of its rows."""

    kind, schema, field = "model", "aipl.v1", "dataset"
    facts = FACTS

    def __init__(self, dataset: Dataset) -> None:
        self.subject = dataset

    def takes(self, target: Target) -> str:
        if target.models:
            return ""
        return _("%(target)s takes audiences only.") % {"target": target.label}

    def check(self, access: Access) -> None:
        rights.check_manage(self.subject, access)

    def may(self, access: Access) -> bool:
        return rights.may_manage(access, self.subject)

    may_change = may

    def check_ready(self) -> None:
        if self.day is None:
            raise Conflict(_("The model has not been computed yet."), code="model_not_computed")

    @property
    def day(self) -> date | None:
        """The day of the stages that the model has now."""
        found = self.subject.stats.get("aipl") if self.subject.version else None
        return date.fromisoformat(found["day"]) if found else None

    def ids(self) -> list[dict[str, Any]]:
        fields = self.subject.fields.filter(
            role__in=(DatasetField.Role.IDENTIFIER, DatasetField.Role.ID), deleted=False
        )
        return [
            {
                "column": item.column,
                "id_type": item.id_type,
                "label": f"{item.name} · {ID_TYPES[item.id_type].label}",
                "encryption": item.encryption,
            }
            for item in fields
        ]

    def policy(self, target: Target, given: Any, errors: dict[str, list[str]]) -> dict[str, Any]:
        """Every day, when the stages of the day are there; a time of its own it has none."""
        wanted = given if given is not None else {"every": "day"}
        if isinstance(wanted, dict) and "at" in wanted:
            errors["refresh/at"] = [_("A model is pushed when its stages of the day have been computed.")]
            return {}
        policy = _checked(wanted, ("day",), errors)
        return {"every": policy["every"]} if policy else {}

    def in_words(self, policy: dict[str, Any]) -> str:
        return _("Every day, after the model has been computed")

    def next_time(self, setting: PushSetting) -> datetime | None:
        return self._begin_after(setting, timezones.today(setting.workspace))

    def time_after(self, setting: PushSetting) -> datetime | None:
        assert self.day is not None
        return self._begin_after(setting, self.day)

    def _begin_after(self, setting: PushSetting, day: date) -> datetime | None:
        """The beginning of the first day after `day` whose stages the schedule wants."""
        first = max(day + timedelta(days=1), setting.start or date.min)
        if setting.end and first > setting.end:
            return None
        return datetime.combine(first, time(), tzinfo=timezones.zone(setting.workspace))

    def is_due(self, setting: PushSetting) -> bool:
        wanted, day = setting.next_push_at, self.day
        assert wanted is not None
        return day is not None and day >= wanted.astimezone(timezones.zone(setting.workspace)).date()

    def is_over(self, setting: PushSetting) -> bool:
        return setting.end is not None and timezones.today(setting.workspace) > setting.end

    def content(self, row: Push) -> Content:
        self.check_ready()
        dataset, number, day = self.subject, self.subject.version, self.day
        begun = f"{dataset.pk}_v{row.version_number}" if row.state == Push.State.PUSHING else ""
        engine = get_engine(dataset.source)
        if begun and row.day and begun in engine.tables(dataset.workspace):
            number, day = row.version_number or number, row.day
        assert day is not None
        people = engine.table(dataset.workspace, f"{dataset.pk}_v{number}")
        columns = [field["column"] for field in row.fields if field["kind"] == "id"]
        gone = [column for column in columns if column not in people.columns]
        if gone:
            raise Conflict(
                _("The model no longer has these columns: %(names)s.") % {"names": ", ".join(gone)},
                code="column_missing",
            )
        users = int(engine.scalar(people.count()))
        found = people.select(*dict.fromkeys(["user_unique_id", *columns]), **self._facts(people, day))
        return Content(number, users, engine.batches(found, BATCH), day=day)

    def _facts(self, people: ibis.Table, day: date) -> dict[str, Any]:
        """The stage, the channels that it is limited to (null for all), the channel source, and the day."""
        definition = self.subject.definition
        limited = {
            stage: definition["stages"][stage]["channels"]
            for stage in STAGES
            if definition["stages"][stage]["channels"]
        }
        nowhere: Any = ibis.null("array<string>")
        channels = nowhere
        if limited:
            parts = [
                (people["stage"] == stage, ibis.literal(names, type="array<string>"))
                for stage, names in limited.items()
            ]
            channels = ibis.cases(*parts, else_=nowhere)
        return {
            "fact_stage": people["stage"],
            "fact_channel": channels,
            "fact_channel_source": ibis.literal(definition["channel_source"]),
            "fact_day": ibis.literal(day),
        }

    def page(self, name: str = "push") -> str:
        return reverse(f"pushes:model-{name}", args=[self.subject.workspace.slug, self.subject.pk])

    @property
    def own_page(self) -> str:
        return reverse("datasets:detail", args=[self.subject.workspace.slug, self.subject.pk])


def of(subject: Any) -> Source:
    """An audience, or a dataset that is an AIPL model, as something that can be pushed."""
    return AudienceSource(subject) if isinstance(subject, Audience) else ModelSource(subject)


def visible(access: Access) -> Q:
    """The pushes and schedules of what the person sees."""
    return Q(audience__in=visibility.visible(access)) | Q(dataset__in=rights.visible(access))


def _checked(wanted: Any, cycles: Sequence[str], errors: dict[str, list[str]]) -> dict[str, Any]:
    try:
        return schedules.check(wanted, cycles)
    except DomainError as error:
        errors.update({path: [str(text) for text in found] for path, found in error.errors.items()})
        return {}


def _empty() -> Conflict:
    return Conflict(_("The audience has not been computed yet."), code="audience_empty")
