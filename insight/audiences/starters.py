"""Rules to start from: common questions, asked of the tags and behaviour that a workspace really has.

What a column or a kind of behaviour means is read from its name, in English or Chinese. A question for which nothing
fits is left out; one that is offered has passed every check of rules.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Prefetch
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import DomainError
from insight.audiences import values
from insight.audiences.catalog import TagDataset
from insight.audiences.rule_checks import checked_rule
from insight.audiences.sources import Known, WorkspaceCatalog
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from insight.datasources.models import LAKE

BORN = re.compile(r"birth|生日|出生", re.I)
JOINED = re.compile(r"regist|joined|join_|signup|sign_up|member_since|注册|入会", re.I)
SPENT = re.compile(r"spen[dt]|amount|monetary|revenue|gmv|消费|金额", re.I)
BOUGHT = re.compile(r"^(buy|bought|purchase|order|pay|paid|购买|成交|下单|支付)", re.I)
CARTED = re.compile(r"cart|basket|加购|购物车", re.I)
BEST_SHARE = 0.9
"""VIPs are those who spent more than this share of all."""
CACHE_SECONDS = 86_400


@dataclass(frozen=True)
class Starter:
    """A rule with a title and a sentence that says whom it finds."""

    key: str
    title: str
    description: str
    rule: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def offered(access: Access) -> list[Starter]:
    """The rules that fit the datasets which the person may use; each question once, the default dataset first."""
    catalogs: dict[str, WorkspaceCatalog] = {}
    fields = Prefetch("fields", DatasetField.objects.select_related("category"))
    rows = list(
        rights.visible(access).filter(version__gt=0).order_by("-is_default", "name").prefetch_related(fields)
    )
    known = {row.pk: (row, list(row.fields.all())) for row in rows}
    found: dict[str, Starter] = {}
    away: set[str] = set()
    for row in rows:
        catalog = catalogs.setdefault(
            row.source, WorkspaceCatalog(access.workspace, row.source, access=access, known=known)
        )
        try:
            for starter in _of_dataset(access, catalog, row, known, found) if row.source not in away else ():
                if starter.key not in found and _fits(access, catalog, starter):
                    found[starter.key] = starter
        except DomainError:
            # What cannot be read offers nothing, and keeps nothing else from being offered; a database outside that
            # does not answer is not asked again.
            if row.source != LAKE:
                away.add(row.source)
    return list(found.values())


def _fits(access: Access, catalog: WorkspaceCatalog, starter: Starter) -> bool:
    try:
        checked_rule(access, starter.rule, catalog=catalog)
    except DomainError:
        return False
    return True


def _of_dataset(
    access: Access, catalog: WorkspaceCatalog, row: Dataset, known: Known, found: Container[str]
) -> Iterator[Starter]:
    if row.kind in TAG_KINDS:
        yield from _of_tags(catalog, row, found)
    elif row.kind == Dataset.Kind.BEHAVIOUR:
        types = [item["value"] for item in values.values_of(access, row.pk, "type", known=known)["results"]]
        yield from _of_behaviour(row, types)
    elif row.kind == Dataset.Kind.RFM:
        yield Starter(
            "win_back",
            _("Win back"),
            _("Valuable customers who have not bought for a long time"),
            {"kind": "rfm", "dataset": row.pk, "types": ["key_win_back"]},
        )


def _of_tags(catalog: WorkspaceCatalog, row: Dataset, found: Container[str]) -> Iterator[Starter]:
    """`found` grows while this runs: what is spent is not looked through again once a tag has answered."""
    dataset = catalog.dataset(row.pk)
    assert isinstance(dataset, TagDataset)
    for column in dataset.columns.values():
        leaf = {"kind": "tag", "dataset": row.pk, "tag": column.name}
        name = f"{column.name} {column.label}"
        if column.type == "number" and "vip" not in found and SPENT.search(name):
            limit = _spent_by_the_best(catalog, dataset, column.name)
            if limit is not None:
                yield Starter(
                    "vip",
                    _("VIP"),
                    _("The tenth of people who spent most (%(tag)s from %(limit)s)")
                    % {"tag": column.label, "limit": f"{limit:,}"},
                    {**leaf, "operator": ">=", "value": limit},
                )
        elif column.type == "date" and BORN.search(name):
            yield Starter(
                "birthday",
                _("Birthday next week"),
                _("People whose birthday is today or in the next seven days"),
                {**leaf, "operator": "anniversary_within", "value": {"days": 7}},
            )
        elif column.type == "date" and JOINED.search(name):
            yield Starter(
                "new",
                _("New people"),
                _("People who joined in the last 30 days"),
                {**leaf, "operator": "within", "value": {"kind": "last_days", "days": 30}},
            )


def _of_behaviour(row: Dataset, types: list[str]) -> Iterator[Starter]:
    bought = [value for value in types if BOUGHT.search(value)]
    carted = [value for value in types if CARTED.search(value)]
    if not bought:
        return

    def did(which: list[str], days: int, **more: Any) -> dict[str, Any]:
        window = {"kind": "last_days", "days": days}
        return {"kind": "behaviour", "dataset": row.pk, "type": which, "window": window, **more}

    twice = {"measure": "days", "operator": ">=", "value": 2}
    yield Starter(
        "again",
        _("Bought again"),
        _("People who bought on at least two days of the last 180"),
        did(bought, 180, having=twice),
    )
    yield Starter(
        "churn",
        _("Churn risk"),
        _("People who bought on at least two days of the last year, but on none of the last 90"),
        {"op": "subtract", "items": [did(bought, 365, having=twice), did(bought, 90)]},
    )
    if carted:
        yield Starter(
            "cart",
            _("Cart, but no purchase"),
            _("People who put something into the cart in the last 14 days and bought nothing in these days"),
            {"op": "subtract", "items": [did(carted, 14), did(bought, 14)]},
        )


def _spent_by_the_best(catalog: WorkspaceCatalog, dataset: TagDataset, column: str) -> float | int | None:
    """What a tenth of those who spent anything have spent at least, to two digits; None where nobody has."""
    versions = json.dumps([catalog.dataset_versions[dataset.id], column, catalog.rows_digest()])
    name = f"starter:{dataset.id}:{hashlib.sha256(versions.encode()).hexdigest()}"
    limit = cache.get(name, "")
    if limit == "":
        positive = dataset.table.filter(dataset.table[column] > 0)
        found = catalog.engine.scalar(positive.aggregate(q=positive[column].quantile(BEST_SHARE)))
        limit = None if found is None else float(f"{float(found):.2g}")
        limit = int(limit) if limit is not None and limit.is_integer() else limit
        cache.set(name, limit, CACHE_SECONDS)
    return limit
