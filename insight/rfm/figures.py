"""Figures of an RFM model's customers, all of them or those in an audience.

Scores and groups are those of the model's last computation. An audience's customers keep the group that they have among
all customers of the model; they are not compared with each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from cdp.core.percentages import percentages
from cdp.warehouse import Engine, get_engine
from insight.audiences import origins, queries, translated, visibility
from insight.audiences.catalog import Unknown
from insight.audiences.identities import Identity, identity_of_fields, identity_of_version
from insight.audiences.masking import Masker
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.translated import Members, members_by
from insight.datasets import rfm, rights
from insight.datasets.joining import source_of
from insight.datasets.models import Dataset, DatasetField
from insight.datasets.refreshing import rfm_columns

USER = "user_unique_id"
ANALYSE, OF_AUDIENCES = "insight.analysis", "insight.audience.analysis"
SAMPLES = 5
MOST_DAYS, MOST_WEEKS = 62, 400
"""Trends are by day up to 62 days, by week up to 400, by month beyond."""


@dataclass(frozen=True)
class Scope:
    """A model, and the part of its customers that is looked at: (user_unique_id, r_days, f, m, rs, fs, ms, type)."""

    access: Access
    model: Dataset
    customers: ibis.Table
    all_rows: bool
    members: Members | None = None

    @property
    def engine(self) -> Engine:
        return get_engine(self.model.source)

    @property
    def stats(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.model.stats["rfm"]
        return found

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.stats["as_of"])

    @property
    def definition(self) -> rfm.Model:
        return rfm.Model.model_validate(self.model.definition)

    @cached_property
    def translation(self) -> dict[str, Any] | None:
        """How the audience was translated to the model's ID (see `Members.translation`)."""
        return self.members.translation() if self.members else None

    @property
    def has_trend(self) -> bool:
        """Only transactions say when customers bought; totals of customers do not."""
        return self.definition.input == "transactions"


def models(access: Access, version: AudienceVersion | None = None) -> list[Dataset]:
    """The models that the person may use, the default one first.

    Of an audience, those that know its identifier, then those to whose it could be translated.
    """
    rows = rights.visible(access).filter(kind=Dataset.Kind.RFM).prefetch_related("fields")
    found = list(rows.order_by("-is_default", "name"))
    if version is None:
        return found
    found = [row for row in found if row.source == version.audience.source]
    own = identity_of_version(version)
    known = {row.pk: identity_of_fields(row.fields.all()) for row in found}
    same = [row for row in found if known[row.pk] == own]
    if not translated.offered(access.workspace, version.audience.source):
        return same
    return [
        *same,
        *(row for row in found if row not in same and translated.translatable(version, known[row.pk])),
    ]


def point(audience_id: str) -> str:
    """The right that figures of everybody, or those of an audience, need."""
    return OF_AUDIENCES if audience_id else ANALYSE


def open_model(
    access: Access, dataset_id: str, version: AudienceVersion | None = None, *, translate: bool = False
) -> Scope:
    """The customers of a model, or of those the ones in an audience's version.

    `translate`: an audience that is known by another ID is translated to the model's. Raises NotFound, Conflict:
    `model_not_computed`, or `model_does_not_fit` where the identifiers or the data sources differ, with `translations`
    where a translation would do.
    """
    model = rights.get_visible(access, dataset_id, "table")
    if model.kind != Dataset.Kind.RFM:
        raise NotFound(_("This dataset is no RFM model."))
    if not model.version:
        raise Conflict(_("The model has not been computed yet."), code="model_not_computed")
    catalog = WorkspaceCatalog(access.workspace, model.source, access=access)
    try:
        customers = catalog.table_of(model.pk)
    except Unknown as error:
        raise NotFound(str(error)) from None
    members = None
    if version is not None:
        if version.audience.source != model.source:
            message = _("The audience and the model live in different data sources.")
            raise Conflict(message, code="model_does_not_fit")
        members = _members(version, identity_of_fields(model.fields.all()), translate)
        customers = customers.semi_join(members.people, USER)
    all_rows = members is None and catalog.rows_of(model) is None
    return Scope(access, model, customers, all_rows, members)


def _members(version: AudienceVersion, known_by: Identity, translate: bool) -> Members:
    try:
        return members_by(version, known_by, translate=translate)
    except ValidationFailed as error:
        if error.code == "no_identities":
            raise
        message = _("The audience and the model know their customers by different IDs.")
        raise Conflict(message, code="model_does_not_fit", **error.extra) from None


def audience_version(access: Access, audience_id: str) -> tuple[Audience, AudienceVersion]:
    """An audience that may be analysed, and its present version.

    Raises NotFound, PermissionDenied, ActionNotSupported, Conflict `audience_empty`.
    """
    access.require(OF_AUDIENCES)
    audience = visibility.get_visible(access, audience_id)
    origins.require(audience, "analyse")
    version = queries.latest_version(audience)
    if version is None:
        raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
    return audience, version


def figures(scope: Scope) -> dict[str, Any]:
    """`{"users", "amount", "count", "amount_per_user", "count_per_user", "groups": [...]}`.

    A group has its share of users, amount and count (`shares`, 0 to 1, None of nothing; `percents`, with one decimal,
    adding up to 100), and the averages of its customers; the groups are the eight in their order, without those that
    nobody is in.
    """
    table = scope.customers
    grouped = table.group_by("type").aggregate(
        users=table.count(),
        amount=table["m"].sum(),
        count=table["f"].sum(),
        **{name: table[name].cast("float64").mean() for name in ("r_days", "f", "m", "rs", "fs", "ms")},
    )
    found = {row["type"]: row for row in scope.engine.execute(grouped).to_pylist()}
    totals = {name: sum(row[name] for row in found.values()) for name in ("users", "amount", "count")}
    users = totals["users"]
    present = [key for key in rfm.TYPES if key in found]
    percents = {name: percentages([found[key][name] for key in present]) for name in totals}
    groups = [
        {
            **found[key],
            "shares": {name: found[key][name] / whole if whole else None for name, whole in totals.items()},
            "percents": {name: percents[name][place] if whole else None for name, whole in totals.items()},
        }
        for place, key in enumerate(present)
    ]
    return {
        **totals,
        "amount_per_user": totals["amount"] / users if users else None,
        "count_per_user": totals["count"] / users if users else None,
        "groups": groups,
    }


def samples(scope: Scope, group: str) -> list[dict[str, Any]]:
    """Five customers of a group, always the same ones of a version, with what they bought. IDs as may be seen."""
    if group not in rfm.TYPES:
        message = _("Choose one of %(types)s.") % {"types": ", ".join(rfm.TYPES)}
        raise ValidationFailed(message, errors={"type": [message]})
    table = scope.customers
    chosen = table.filter(table["type"] == group)
    # By a hash: in order of ID they would all be early members.
    chosen = chosen.order_by([chosen[USER].hexdigest("md5"), USER]).limit(SAMPLES)
    columns = (USER, "r_days", "f", "m", "rs", "fs", "ms")
    rows = scope.engine.execute(chosen.select(*columns)).to_pylist()
    identifier = scope.model.fields.get(role=DatasetField.Role.IDENTIFIER)
    masker = Masker(scope.access)
    mask = masker.for_type(identifier.id_type)
    masker.note(scope.model, place="samples of an RFM group", rows=len(rows))
    return [
        {
            "user": mask(row[USER]),
            "last": str(scope.as_of - timedelta(days=row["r_days"])),
            **{name: row[name] for name in columns[1:]},
        }
        for row in rows
    ]


def trend(scope: Scope) -> dict[str, Any]:
    """Buyers, amount and purchases by day, week (from Monday) or month of the model's period.

    `{"unit", "buckets": [{"start", "users", "amount", "count", "amount_per_user", "count_per_user"}]}`; refunds lower
    the amount and are no purchase. The transactions are those of the source as it is now. Raises Conflict
    `trend_not_possible` for models of customers' totals.
    """
    if not scope.has_trend:
        raise Conflict(
            _("Only models of transactions know when customers bought."), code="trend_not_possible"
        )
    bought = transactions_sql(scope)
    span = scope.engine.rows(f"SELECT min(day), max(day) FROM ({bought}) bought")[0]
    if span[0] is None:
        return {"unit": "day", "buckets": []}
    days = scope.definition.days or (scope.as_of - span[0]).days + 1
    unit = "day" if days <= MOST_DAYS else "week" if days <= MOST_WEEKS else "month"
    rows = scope.engine.rows(
        f"SELECT date_trunc('{unit}', day)::DATE AS start, count(DISTINCT {USER}) FILTER (WHERE amount >= 0), "
        f"sum(amount), count(*) FILTER (WHERE amount >= 0) FROM ({bought}) bought GROUP BY 1 ORDER BY 1"
    )
    found = {start: (users, amount, count) for start, users, amount, count in rows}
    buckets = []
    start = rows[0][0]
    while start <= scope.as_of:
        users, amount, count = found.get(start, (0, 0.0, 0))
        buckets.append(
            {
                "start": str(start),
                "users": users,
                "amount": amount,
                "count": count,
                "amount_per_user": amount / users if users else None,
                "count_per_user": count / users if users else None,
            }
        )
        start = next_start(start, unit)
    return {"unit": unit, "buckets": buckets}


def next_start(start: date, unit: str) -> date:
    """The first day of the next day, week or month."""
    if unit == "month":
        return date(start.year + start.month // 12, start.month % 12 + 1, 1)
    return start + timedelta(days=7 if unit == "week" else 1)


def source_columns(model: Dataset) -> tuple[str, dict[str, str]]:
    """The relation that a model reads, and its columns as expressions. Raises Conflict where columns are gone."""
    source = source_of(model)
    fields = list(model.fields.all())
    gone = [item.column for item in fields if item.role != "id" and item.column not in source.physical]
    if gone:
        raise Conflict(
            _("The source table no longer has these columns: %(names)s.") % {"names": ", ".join(gone)},
            code="column_missing",
        )
    return source.relation, rfm_columns(source, fields)


def people_sql(scope: Scope) -> str:
    """The identifiers of the scope's customers, in SQL."""
    return scope.engine.sql(scope.customers.select(USER))


def transactions_sql(scope: Scope) -> str:
    """The transactions of the scope's customers in the model's period, in SQL: user_unique_id, day, amount."""
    relation, columns = source_columns(scope.model)
    made = rfm.transactions(scope.definition, source=relation, columns=columns, as_of=scope.as_of)
    return f"SELECT * FROM ({made}) made WHERE {USER} IN ({people_sql(scope)})"
