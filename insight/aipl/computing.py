"""Computing the stages of an AIPL model for a day.

A stage's rule is compiled like an audience's. Who fits several stages has the highest, in the order L, P, I, A; who
fits none is outside of the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs import JobContext
from cdp.lake.names import quote
from cdp.warehouse import get_engine
from insight.audiences import rule_checks, rules
from insight.audiences.catalog import AudienceTable, BehaviourDataset, TagDataset, Unknown
from insight.audiences.catalog import Dataset as RuleDataset
from insight.audiences.compiler import compile_highest, compile_rule
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.translating import Translator
from insight.datasets import aipl_days, rights
from insight.datasets.aipl_days import STAGES
from insight.datasets.cleaning import cleaning_of
from insight.datasets.measuring import Measured
from insight.datasets.models import Dataset, DatasetField

USER = "user_unique_id"


@dataclass(frozen=True)
class Limited:
    """A catalog in which one dataset has some of its rows only."""

    catalog: WorkspaceCatalog
    dataset_id: str
    keep: Callable[[ibis.Table], ibis.Table]

    def dataset(self, dataset_id: str) -> RuleDataset:
        found = self.catalog.dataset(dataset_id)
        if dataset_id == self.dataset_id and isinstance(found, TagDataset | BehaviourDataset):
            return replace(found, source=self.keep(found.table))
        return found

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable:
        raise Unknown(_("Stages cannot ask for audiences."))

    def translator(self, leaf: Any) -> Translator:
        raise Unknown(_("Stages know their users by the dataset's identifier."))


def compute(dataset: Dataset, table: str, job: JobContext) -> Measured:
    """A version: today's stage of each user with the IDs that go along; the day is kept beside it."""
    today = timezones.today(dataset.workspace)
    job.phase(_("Reading the rules"), progress=10)
    catalog = _catalog(dataset)
    engine = get_engine(dataset.source)
    people = engine.sql(_with_ids(catalog, dataset, stages_on(dataset, today, catalog)))
    job.phase(_("Finding everybody's stage"), progress=25)
    ids = "".join(f", {value} AS {quote(column)}" for column, value in _ids(catalog, dataset).items())
    with aipl_days.writing(dataset) as work:
        work.create_table_as(table, f"SELECT {USER}, stage{ids} FROM ({people}) people", sort=("stage", USER))
        counts = aipl_days.replace_day(work, dataset.pk, today, work.path(table))
    aipl_days.days_changed(dataset.pk)
    job.phase(_("Counting"), progress=80)
    users = sum(counts.values())
    return Measured(
        users,
        users,
        {
            "unique_users": True,
            "filled": _filled(dataset, table, users),
            "distinct": {},
            "invalid": {},
            "warnings": [],
            "aipl": {"day": str(today), "stages": counts},
        },
    )


def recompute(dataset: Dataset, day: date) -> dict[str, int]:
    """Put the stages of a day gone by in the place of those it had: behaviour alone tells what was known then."""
    engine = get_engine(dataset.source)
    people = engine.sql(stages_on(dataset, day, _catalog(dataset)))
    with aipl_days.writing(dataset) as work:
        users = aipl_days.replace_day(work, dataset.pk, day, f"({people})")
    aipl_days.days_changed(dataset.pk)
    return users


def stages_on(dataset: Dataset, day: date, catalog: WorkspaceCatalog) -> ibis.Table:
    """(user_unique_id, stage), one row per user that has one on `day`. Raises Conflict where a rule no longer fits."""
    parts = dataset.definition["stages"]
    stage_rules = {stage: _usable(parts[stage]["rule"], catalog) for stage in STAGES}
    try:
        if _sees_all_rows(dataset, catalog):
            highest = compile_highest(stage_rules, catalog, today=day)
            if highest is not None:
                return highest.select(USER, stage=highest["name"])
        ranked = []
        for rank, (stage, rule) in enumerate(stage_rules.items(), start=1):
            keep = _keep(dataset, day, parts[stage]["channels"], catalog)
            people = compile_rule(rule, Limited(catalog, dataset.definition["dataset"], keep), today=day)
            ranked.append(people.select(USER, rank=ibis.literal(rank, type="int8")))
    except Unknown as error:
        raise _outdated(str(error)) from None
    together = ibis.union(*ranked, distinct=False)
    best = together.group_by(USER).aggregate(rank=together["rank"].max())
    named: ir.StringValue = ibis.cases(
        *((best["rank"] == rank, stage) for rank, stage in enumerate(STAGES, start=1)), else_=None
    )
    return best.select(USER, stage=named)


def _catalog(dataset: Dataset) -> WorkspaceCatalog:
    """What the owner of the model may read."""
    access = rights.access_of(dataset.owner, dataset.workspace)
    return WorkspaceCatalog(dataset.workspace, dataset.source, access=access)


def _sees_all_rows(dataset: Dataset, catalog: WorkspaceCatalog) -> bool:
    """Whether each stage looks at each row by itself, whatever its channel and day."""
    row, _fields = _source(dataset, catalog)
    limited = any(part["channels"] is not None for part in dataset.definition["stages"].values())
    return row.kind != Dataset.Kind.BEHAVIOUR and not limited and not dataset.definition.get("sum_channels")


def _keep(
    dataset: Dataset, day: date, channels: list[str] | None, catalog: WorkspaceCatalog
) -> Callable[[ibis.Table], ibis.Table]:
    """The rows that a stage sees: of its channels; of behaviour, those until the end of the day.

    Where the model adds up over channels, each row has the sums of its user's numbers.
    """
    row, fields = _source(dataset, catalog)
    numbers = [item.column for item in fields if item.tag_type == "number" and not item.deleted]
    column = "channel" if row.kind == Dataset.Kind.BEHAVIOUR else dataset.definition.get("channel")

    def keep(table: ibis.Table) -> ibis.Table:
        if channels is not None:
            if column not in table.columns:
                raise _outdated(_("The dataset no longer has its channel."))
            table = table.filter(table[column].isin(channels))
        if row.kind == Dataset.Kind.BEHAVIOUR:
            midnight = datetime.combine(day + timedelta(days=1), time())
            table = table.filter(table["at"] < ibis.literal(midnight))
        if dataset.definition.get("sum_channels"):
            of_user = ibis.window(group_by=USER)
            sums = {name: table[name].sum().over(of_user) for name in numbers if name in table.columns}
            table = table.mutate(**sums)
        return table

    return keep


def _source(dataset: Dataset, catalog: WorkspaceCatalog) -> tuple[Dataset, list[DatasetField]]:
    try:
        return catalog.row(dataset.definition["dataset"])
    except Unknown as error:
        raise Conflict(str(error), code="table_missing") from None


def _usable(given: Any, catalog: WorkspaceCatalog) -> rules.Rule:
    try:
        return rule_checks.check_data(rules.parse_rule(given), catalog)
    except rules.RuleInvalid as error:
        raise _outdated(str(error)) from None
    except ValidationFailed as error:
        raise _outdated(" ".join(str(m) for found in error.errors.values() for m in found)) from None


def _outdated(reason: str) -> Conflict:
    return Conflict(
        _("The model no longer fits its dataset, so the stages stay as they were. %(reason)s")
        % {"reason": reason},
        code="rule_outdated",
    )


def _with_ids(catalog: WorkspaceCatalog, dataset: Dataset, people: ibis.Table) -> ibis.Table:
    columns = dataset.definition["ids"]
    if not columns:
        return people
    table = catalog.table_of(dataset.definition["dataset"])
    gone = [column for column in columns if column not in table.columns]
    if gone:
        raise Conflict(
            _("The dataset no longer has these columns: %(names)s.") % {"names": ", ".join(gone)},
            code="column_missing",
        )
    ids = catalog.one_row_per_user(dataset.definition["dataset"], columns).rename({"_user": USER})
    return people.left_join(ids, people[USER] == ids["_user"]).select(USER, "stage", *columns)


def _ids(catalog: WorkspaceCatalog, dataset: Dataset) -> dict[str, str]:
    """The other IDs by column, as expressions. What is another type of ID in the dataset, or none, is cleaned anew."""
    row, fields = catalog.row(dataset.definition["dataset"])
    clean = cleaning_of(dataset.source)
    kept = {(item.column, item.id_type, item.encryption) for item in fields if item.role == "id"}
    return {
        item.column: quote(item.column)
        if (item.column, item.id_type, item.encryption) in kept
        else clean.identifier(item.column, "text", item.id_type, item.encryption, fix_prefix=row.fix_prefix)
        for item in dataset.fields.all()
        if item.role == "id"
    }


def _filled(dataset: Dataset, table: str, users: int) -> dict[str, float]:
    columns = dataset.definition["ids"]
    if not columns or not users:
        return {}
    engine = get_engine(dataset.source)
    listed = ", ".join(f"count({quote(column)})" for column in columns)
    [row] = engine.rows(f"SELECT {listed} FROM {engine.path(dataset.workspace, table)}")
    return {column: count / users for column, count in zip(columns, row, strict=True)}
