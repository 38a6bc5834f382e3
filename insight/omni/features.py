"""What is special about people: their omni tags against those of everybody in the network.

TGI (target group index) of a value: the share of the target group who have it, divided by the share of everybody in
the network who have it, times 100, rounded half up. 100 is average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import ibis
import ibis.selectors as s
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from cdp.warehouse import get_engine
from insight.audiences import queries, visibility
from insight.audiences.models import Audience
from insight.omni import pack as packs
from insight.omni.models import TagPack
from insight.omni.receiving import POPULATION, recognised

ORIGIN = "omni"
TOP_TGI = 20
TOP_SHARE = 40
LEAST_PEOPLE = 30
"""Values of fewer people are left out of the ranking by TGI: their index says little."""
MOST_CROSSED = 50
MOST_SHOWN = 10
Pairs = dict[tuple[str, str], int]
WHOLES = ("total", "row", "column")
"""What the shares of a table of pairs are shares of."""


@dataclass(frozen=True)
class Group:
    """The people that are looked at: `table` has the column `device`, once each."""

    name: str
    table: ibis.Table


def tgi(count: int, people: int, baseline: float) -> int | None:
    """None where nobody in the network has the value, or the group is empty."""
    if not people or not baseline:
        return None
    index = Decimal(count) / Decimal(people) / Decimal(str(baseline)) * 100
    return int(index.quantize(Decimal(1), ROUND_HALF_UP))


def group(access: Access, audience_id: str = "") -> Group:
    """The population, or the people of an audience: one that was pushed here, or one that was made here.

    Raises NotFound, and Conflict omni_not_pushed, omni_not_ready or audience_empty.
    """
    engine = get_engine()
    if not audience_id:
        if not recognised(access.workspace):
            raise Conflict(_("No audience has been pushed here yet."), code="omni_not_ready")
        return Group(
            _("Everybody who was brought in"), engine.table(access.workspace, POPULATION).select("device")
        )
    audience = visibility.get_visible(access, audience_id)
    return Group(audience.name, devices(access.workspace, audience))


def devices(workspace: Any, audience: Audience) -> ibis.Table:
    """The people of an audience whom the pack knows. Raises Conflict where they are not known here."""
    if audience.origin == ORIGIN:
        version = queries.latest_version(audience)
        if version is None:
            raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
        members = queries.members(version)
        return members.select(device=members.user_unique_id)
    intake = recognised(workspace).get(audience.pk)
    if intake is None:
        raise Conflict(
            _("The audience “%(name)s” has not been pushed to omni-domain insight.")
            % {"name": audience.name},
            code="omni_not_pushed",
        )
    return get_engine().table(workspace, intake.people_table)


def pack_table(pack: TagPack) -> ibis.Table:
    return get_engine().table(packs.place(pack.organization_id), pack.table)


def counts(pack: TagPack, people: ibis.Table, tags: Sequence[str]) -> tuple[int, dict[str, dict[str, int]]]:
    """(people, people per value of each tag), all tags in one reading of the pack."""
    engine = get_engine()
    found = pack_table(pack).semi_join(people, "device").select(*tags)
    long = found.pivot_longer(s.cols(*tags), names_to="tag", values_to="value")
    grouped = long.filter(long.value.notnull()).group_by(["tag", "value"]).aggregate(people=ibis._.count())
    values: dict[str, dict[str, int]] = {tag: {} for tag in tags}
    for row in engine.execute(grouped.order_by([ibis.desc("people"), "tag", "value"])).to_pylist():
        values[row["tag"]][row["value"]] = row["people"]
    return int(engine.scalar(people.count())), values


def distinctive(access: Access, audience_id: str = "", compare_id: str = "") -> dict[str, Any]:
    """`{"people", "compared", "by_tgi", "by_share"}`: the top values, each with tag, value, people, share, tgi.

    With a second audience each value also has `compared_people`, `compared_share` and `compared_tgi`.
    """
    pack = packs.require(access.workspace)
    tags = [item["tag"] for item in pack.tags]
    people, values = counts(pack, group(access, audience_id).table, tags)
    second, others = counts(pack, group(access, compare_id).table, tags) if compare_id else (None, {})
    rows = [row for item in pack.tags for row in _rows(pack, item, people, values[item["tag"]])]
    if second is not None:
        for row in rows:
            _compare(pack, row, second, others[row["tag"]])
    ranked = [row for row in rows if row["tgi"] is not None and row["people"] >= LEAST_PEOPLE]
    return {
        "people": people,
        "compared": second,
        "by_tgi": sorted(ranked, key=lambda row: (-row["tgi"], -row["people"], row["tag"], row["value"]))[
            :TOP_TGI
        ],
        "by_share": sorted(rows, key=lambda row: (-row["people"], row["tag"], row["value"]))[:TOP_SHARE],
    }


def distribution(
    access: Access, tags: Sequence[str], audience_id: str = "", compare_id: str = ""
) -> dict[str, Any]:
    """People per value of some tags: `{"people", "compared", "tags": [{"tag", "name", "values": [...]}]}`.

    With a second audience each value also has `compared_people`, `compared_share` and `compared_tgi`.
    """
    pack = packs.require(access.workspace)
    tags = list(dict.fromkeys(tags))
    items = [_item(pack, tag, f"tags/{place}") for place, tag in enumerate(tags)]
    if not 1 <= len(items) <= MOST_SHOWN:
        message = _("Choose 1 to %(most)d tags.") % {"most": MOST_SHOWN}
        raise ValidationFailed(message, errors={"tags": [message]})
    people, values = counts(pack, group(access, audience_id).table, tags)
    second, others = counts(pack, group(access, compare_id).table, tags) if compare_id else (None, {})
    shown = []
    for item in items:
        tag = item["tag"]
        rows = _rows(pack, item, people, values[tag], also=others.get(tag, {}))
        if second is not None:
            for row in rows:
                _compare(pack, row, second, others[tag])
        unknown = people - sum(values[tag].values())
        part = {"tag": tag, "name": item["name"], "values": rows, "unknown": unknown}
        part["unknown_share"] = _share(unknown, people)
        if second is not None:
            part["compared_unknown"] = second - sum(others[tag].values())
            part["compared_unknown_share"] = _share(part["compared_unknown"], second)
        shown.append(part)
    return {"people": people, "compared": second, "tags": shown}


def cross(
    access: Access,
    row_tag: str,
    column_tag: str,
    audience_id: str = "",
    compare_id: str = "",
    *,
    row_values: Sequence[str] = (),
    column_values: Sequence[str] = (),
) -> dict[str, Any]:
    """People per pair of values of two tags: `{"people", "rows", "columns", "cells": [[people]]}`, at most 50 × 50.

    Only people with some of the values count where values are given. With a second audience there are `compared` and
    `compared_cells`, too.
    """
    pack = packs.require(access.workspace)
    first, second = _item(pack, row_tag, "row"), _item(pack, column_tag, "column")
    if row_tag == column_tag:
        message = _("Choose two different tags.")
        raise ValidationFailed(message, errors={"column": [message]})

    def counted(chosen: str) -> Pairs:
        people = pack_table(pack).semi_join(group(access, chosen).table, "device")
        return _pairs(people, (row_tag, row_values), (column_tag, column_values))

    pairs, others = counted(audience_id), counted(compare_id) if compare_id else None
    everything = {**dict.fromkeys(others or {}, 0), **pairs}
    rows, columns = _most_frequent(everything, 0), _most_frequent(everything, 1)
    compared = {} if others is None else {"compared_cells": _cells(others, rows, columns)}
    return {
        "people": sum(pairs.values()),
        "compared": None if others is None else sum(others.values()),
        "row": {"tag": row_tag, "name": first["name"]},
        "column": {"tag": column_tag, "name": second["name"]},
        "rows": rows,
        "columns": columns,
        "cells": _cells(pairs, rows, columns),
        **compared,
    }


def _pairs(people: ibis.Table, row: tuple[str, Sequence[str]], column: tuple[str, Sequence[str]]) -> Pairs:
    """People per pair of values of two tags; of each tag all values, or some."""
    found = people.select(first=row[0], second=column[0]).drop_null()
    for name, wanted in (("first", row[1]), ("second", column[1])):
        found = found.filter(found[name].isin(list(wanted))) if wanted else found
    grouped = found.group_by(["first", "second"]).aggregate(people=ibis._.count())
    return {
        (found["first"], found["second"]): found["people"]
        for found in get_engine().execute(grouped).to_pylist()
    }


def _cells(pairs: Pairs, rows: list[str], columns: list[str]) -> list[list[int]]:
    return [[pairs.get((row, column), 0) for column in columns] for row in rows]


def _most_frequent(pairs: Pairs, place: int) -> list[str]:
    totals: dict[str, int] = {}
    for pair, people in pairs.items():
        totals[pair[place]] = totals.get(pair[place], 0) + people
    return sorted(totals, key=lambda value: (-totals[value], value))[:MOST_CROSSED]


def _item(pack: TagPack, tag: str, path: str) -> dict[str, Any]:
    found = pack.tag(tag)
    if found is None:
        message = _("The pack has no tag “%(tag)s”.") % {"tag": tag}
        raise ValidationFailed(message, errors={path: [message]})
    return found


def _rows(
    pack: TagPack,
    item: dict[str, Any],
    people: int,
    values: dict[str, int],
    *,
    also: dict[str, int] | None = None,
) -> list[dict[str, Any]]:
    """A line per value, most frequent first; values of `also` stand there too, with nobody."""
    everything = {**dict.fromkeys(also or {}, 0), **values}
    baseline = pack.baseline.get(item["tag"], {})
    return [
        {
            "tag": item["tag"],
            "name": item["name"],
            "value": value,
            "people": count,
            "share": _share(count, people),
            "tgi": tgi(count, people, baseline.get(value, 0.0)),
        }
        for value, count in sorted(everything.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _compare(pack: TagPack, row: dict[str, Any], people: int, values: dict[str, int]) -> None:
    """Put what another group has of a line's value beside it."""
    count = values.get(row["value"], 0)
    row["compared_people"] = count
    row["compared_share"] = _share(count, people)
    row["compared_tgi"] = tgi(count, people, pack.baseline.get(row["tag"], {}).get(row["value"], 0.0))


def _share(count: int, people: int) -> float | None:
    return round(count / people, 6) if people else None
