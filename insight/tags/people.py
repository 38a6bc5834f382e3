"""The people of custom tags: each value's rule compiled, and what happens where several fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from insight.audiences import rule_checks, rules
from insight.audiences.compiler import compile_rule
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import rights
from insight.datasets.models import Dataset, DatasetField
from insight.tags.models import CustomTag

USER = "user_unique_id"


def of_tag(dataset: Dataset, item: DatasetField) -> ibis.Table:
    """user_unique_id and value of a custom tag's people, with the rights of the dataset's owner.

    Of several values that fit somebody, a tag with one value has the first, a tag with several has all of them.
    Raises NotFound, and Conflict where a rule no longer fits the data.
    """
    tag = CustomTag.objects.filter(field=item).first()
    if tag is None:
        raise NotFound(_("Nothing says how this tag is computed."))
    access = rights.access_of(dataset.owner, dataset.workspace)
    catalog = WorkspaceCatalog(dataset.workspace, dataset.source, access=access)
    found = [_current(entry, catalog) for entry in tag.values]
    values = [entry["value"] for entry in tag.values]
    marked = marks(found, catalog, values)
    if item.tag_type == DatasetField.TagType.MULTI:
        people = marked.select(USER, "value")
    else:
        first = marked.group_by(USER).aggregate(place=marked.place.min())
        people = first.select(USER, value=first.place.cases(*enumerate(values), else_=None))
    if not tag.rest:
        return people
    others = everybody(found, catalog).anti_join(people, USER)
    return ibis.union(people, others.select(USER, value=ibis.literal(tag.rest)))


def _current(entry: dict[str, Any], catalog: WorkspaceCatalog) -> rules.Rule:
    """The rule of a value, fitting the data as they are now."""
    try:
        return rule_checks.check_data(rules.parse_rule(entry["rule"]), catalog)
    except rules.RuleInvalid as error:
        reason = str(error)
    except ValidationFailed as error:
        reason = " ".join(str(message) for found in error.errors.values() for message in found) or str(error)
    raise Conflict(f"{entry['value']}: {reason}", code="rule_outdated")


def marks(
    found: Sequence[rules.Rule], catalog: WorkspaceCatalog, values: Sequence[str] | None = None
) -> ibis.Table:
    """user_unique_id, place of the rule that fits, its value and a bit for it; a row for each rule that fits."""
    today = timezones.today(catalog.workspace)
    parts = [
        compile_rule(rule, catalog, today=today).select(
            USER,
            place=ibis.literal(place, "int64"),
            value=ibis.literal(values[place] if values else str(place), "string"),
            bit=ibis.literal(1 << place, "int64"),
        )
        for place, rule in enumerate(found)
    ]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def everybody(found: Sequence[rules.Rule], catalog: WorkspaceCatalog) -> ibis.Table:
    """All people whom the data of the rules know: distinct user_unique_id."""
    read = [rules.references(rule) for rule in found]
    datasets = sorted({key for one in read for key in one.datasets})
    tables = [catalog.table_of(key).select(USER) for key in datasets]
    tables += [
        catalog.audience(leaf.audience, leaf.snapshot).table.select(USER)
        for rule in found
        for _path, leaf in rules.leaves(rule)
        if isinstance(leaf, rules.AudienceLeaf)
    ]
    union = ibis.union(*tables) if len(tables) > 1 else tables[0]
    return union.distinct()


def preview(found: Sequence[rules.Rule], catalog: WorkspaceCatalog) -> dict[str, Any]:
    """What the rules of a tag's values come to, before it is saved.

    `{"people", "uncovered", "several", "values": [{"fits", "gets"}], "overlaps": [{"first", "second", "people"}]}`:
    `fits` counts whom the rule fits, `gets` those of them whom no rule before it fits; `several` are people whom more
    than one fits, `uncovered` those whom none fits of all `people` that the rules' data know.
    """
    engine = catalog.engine
    marked = marks(found, catalog)
    masks = marked.group_by(USER).aggregate(mask=marked.bit.bit_or())
    counted = masks.group_by("mask").aggregate(users=masks.count())
    size = len(found)
    pairs = [(first, second) for first in range(size) for second in range(first, size)]
    sums = {"covered": counted.users.sum()}
    for first, second in pairs:
        both = (1 << first) | (1 << second)
        sums[f"b{first}_{second}"] = counted.users.sum(where=(counted.mask & both) == both)
    for place in range(size):
        before = (1 << (place + 1)) - 1
        sums[f"f{place}"] = counted.users.sum(where=(counted.mask & before) == (1 << place))
    row = engine.execute(counted.aggregate(**sums)).to_pylist()[0]
    numbers = {name: int(number or 0) for name, number in row.items()}
    everyone = everybody(found, catalog)
    people = int(engine.scalar(everyone.count()))
    single = int(engine.scalar(_fitting_once(counted)) or 0)
    return {
        "people": people,
        "uncovered": max(0, people - numbers["covered"]),
        "several": numbers["covered"] - single,
        "values": [
            {"fits": numbers[f"b{place}_{place}"], "gets": numbers[f"f{place}"]} for place in range(size)
        ],
        "overlaps": [
            {"first": first, "second": second, "people": numbers[f"b{first}_{second}"]}
            for first, second in pairs
            if first != second and numbers[f"b{first}_{second}"]
        ],
    }


def _fitting_once(counted: ibis.Table) -> Any:
    """People with exactly one bit: such a number has no bit in common with the one below it."""
    return counted.users.sum(where=(counted.mask & (counted.mask - 1)) == 0)
