"""Perspective: how the values of tags spread over the users of a dataset, or over an audience within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.percentages import FEW_PARTS, percentages
from cdp.warehouse import cancellable, get_engine
from insight.analysis import choosing, indicators, orders
from insight.analysis.counting import MOST_VALUES, TOP, Counted, Counts, Sides
from insight.analysis.ordering import ordered
from insight.datasets.models import DatasetField

USER = "user_unique_id"
POPULATION = "population"


@dataclass(frozen=True)
class Other:
    """What is compared with: `everybody` of the dataset or another audience, with its counts."""

    everybody: bool
    counted: Counted
    people: dict[str, dict[str, int]]
    """Users per value that is shown, by tag."""


def perspective(
    access: Access,
    dataset_id: str,
    tags: Sequence[str],
    *,
    audience_id: str = "",
    compare: str = "",
    null_filter: bool = False,
    translate: bool = False,
    token: str = "",
) -> dict[str, Any]:
    """Users per value of some tags of a dataset: `{"dataset", "users", "coverage", "compared", "tags": [...]}`.

    `compare`: "population" or another audience. A user counts once under each part of a multi-value tag, so counts
    and shares may add up to more than all. A newer call with the same `token` interrupts this one (Cancelled).
    `translate`: audiences known by another ID than the dataset's users are translated; `translated` says whom that
    lost. Raises NotFound, Conflict (nothing computed yet), ValidationFailed for tags that cannot be shown.
    """
    here = choosing.place(access, dataset_id)
    fields = here.chosen(tags)
    group = choosing.group(access, here, audience_id, translate=translate) if audience_id else None
    rival = None
    if compare and group is None:
        message = _("Only an audience can be compared.")
        raise ValidationFailed(message, errors={"compare": [message]})
    if compare and compare != POPULATION:
        rival = choosing.group(access, here, compare, "compare", translate=translate)
    sides = Sides(here.catalog, here.dataset)
    wanted = [group.members if group else None]
    if compare:
        wanted.append(rival.members if rival else None)
    with cancellable(f"{access.workspace.pk}:{access.user.pk}:{token}" if token else ""):
        counted = sides.count(wanted, fields)
        other = None
        if compare:
            other = Other(rival is None, counted[1], _people(sides, wanted[1], fields, counted))
        overlap = _overlap(group, rival) if group and rival else None
    custom = orders.of(access, here.dataset.pk, [item.column for item in fields])
    return {
        "dataset": here.dataset.pk,
        "name": here.dataset.name,
        "audience": group.audience.pk if group else None,
        "users": counted[0].users,
        "coverage": {"found": counted[0].users, "members": group.version.count} if group else None,
        "compared": {
            "audience": rival.audience.pk if rival else None,
            "name": rival.audience.name if rival else _("All users"),
            "users": counted[1].users,
            "overlap": overlap,
        }
        if other
        else None,
        "translated": translations(group, rival),
        "null_filter": null_filter,
        "tags": [
            TagView(here, item, counted[0], other, null_filter, custom.get(item.column, [])).as_json()
            for item in fields
        ],
    }


@dataclass(frozen=True)
class TagView:
    """One tag as a chart shows it."""

    here: choosing.Place
    item: DatasetField
    counted: Counted
    other: Other | None
    null_filter: bool
    order: list[str]

    def as_json(self) -> dict[str, Any]:
        """`share` is of the base: all users, less unknown ones where these are left out. `percent` is the share with
        one decimal; those of a tag with one value per user and not very many values add up to 100.
        """
        users, counts = self.counted.users, self.counts
        base = counts.known if self.null_filter else users
        unknown = 0 if self.null_filter else users - counts.known
        shown = self.shown
        rest = (
            max(0, counts.known - sum(count for _value, count in shown)) if self.cut and self.one_value else 0
        )
        percents = self._percents([count for _value, count in shown], unknown, rest, base)
        labels = self.here.catalog.value_labels(
            self.here.dataset.pk, self.item.column, [value for value, _count in shown]
        )
        theirs = self._theirs(shown, unknown, rest, base)
        values = []
        for place, (value, count) in enumerate(shown):
            row = {"value": value, "count": count, "share": _share(count, base) or 0.0}
            row["percent"] = percents[place]
            if value in labels:
                row["label"] = labels[value]
            if theirs:
                row["compared"] = theirs[place]
            values.append(row)
        blank = {"count": unknown, "share": _share(unknown, base), "percent": percents[-2]}
        others = {"count": rest, "share": _share(rest, base), "percent": percents[-1]}
        if theirs:
            blank["compared"], others["compared"] = theirs[-2], theirs[-1]
        return {
            "tag": self.item.column,
            "name": self.item.name or self.item.column,
            "type": self.item.tag_type,
            "base": base,
            "unknown": blank,
            "values": values,
            "distinct": len(counts.values),
            "cut": self.cut,
            "other": rest,
            "rest": others,
            "order": self.order,
            "notice": self.notice,
        }

    @property
    def counts(self) -> Counts:
        return self.counted.tags[self.item.column]

    @property
    def one_value(self) -> bool:
        return self.item.tag_type == "enum"

    @property
    def cut(self) -> bool:
        return _is_cut(self.item, self.counts)

    @property
    def shown(self) -> list[tuple[str, int]]:
        """(value, users), in the order of the chart; the most frequent ones where there are too many."""
        if self.cut:
            return _most_frequent(self.item, self.counts)
        return ordered([*self.counts.values, *self._only_theirs()])

    def _only_theirs(self) -> list[tuple[str, int]]:
        """Values that only people on the other side have, unless these are too many to be shown."""
        if self.other is None or _is_cut(self.item, self.other.counted.tags[self.item.column]):
            return []
        ours = {value for value, _count in self.counts.values}
        return [(value, 0) for value in self.other.people[self.item.column] if value not in ours]

    @property
    def notice(self) -> str:
        if not self.cut:
            return ""
        return _("More than %(most)d different values: the %(top)d most frequent are shown.") % {
            "most": choosing.MOST_PARTS if self.item.tag_type == "multi" else MOST_VALUES,
            "top": len(self.shown),
        }

    def _percents(self, counts: list[int], unknown: int, rest: int, base: int) -> list[float]:
        """Of the values, then of unknown and of the rest."""
        every = [*counts, unknown, rest]
        if self.one_value and len(counts) <= FEW_PARTS and sum(every) == base:
            return percentages(every)
        return [round(100 * count / base, 1) if base else 0.0 for count in every]

    def _theirs(
        self, shown: list[tuple[str, int]], unknown: int, rest: int, base: int
    ) -> list[dict[str, Any]]:
        if self.other is None:
            return []
        users, known = self.other.counted.users, self.other.counted.tags[self.item.column].known
        their_base = known if self.null_filter else users
        people = self.other.people[self.item.column]
        counts = [people.get(value, 0) for value, _count in shown]
        their_unknown = 0 if self.null_filter else users - known
        their_rest = max(0, known - sum(counts)) if self.cut and self.one_value else 0
        percents = self._percents(counts, their_unknown, their_rest, their_base)
        ours = [*(count for _value, count in shown), unknown, rest]
        return [
            indicators.compare(
                here, base, there, their_base, everybody=self.other.everybody, percent=percent
            ).as_json()
            for here, there, percent in zip(ours, [*counts, their_unknown, their_rest], percents, strict=True)
        ]


def _is_cut(item: DatasetField, counts: Counts) -> bool:
    return len(counts.values) > (choosing.MOST_PARTS if item.tag_type == "multi" else MOST_VALUES)


def _most_frequent(item: DatasetField, counts: Counts) -> list[tuple[str, int]]:
    return counts.values[: choosing.MOST_PARTS if item.tag_type == "multi" else TOP]


def _people(
    sides: Sides, side: Any, fields: Sequence[DatasetField], counted: Sequence[Counted]
) -> dict[str, dict[str, int]]:
    """Users on the other side per value that is shown; values that its list does not hold any more are counted."""
    found = {}
    for item in fields:
        theirs = counted[1].tags[item.column].values
        found[item.column] = dict(theirs)
        if len(theirs) > MOST_VALUES:
            ours = counted[0].tags[item.column]
            shown = _most_frequent(item, ours) if _is_cut(item, ours) else ours.values
            found[item.column] = sides.count_some(side, item, [value for value, _count in shown])
    return found


def _overlap(ours: choosing.Group, theirs: choosing.Group) -> int:
    """How many people are in both audiences, by the ID of the dataset."""
    both = ours.members.people.semi_join(theirs.members.people, USER)
    return int(get_engine(ours.audience.source).scalar(both.count()))


def translations(*groups: choosing.Group | None) -> list[dict[str, Any]]:
    """The audiences that were translated to the dataset's ID, and how many of their members could not be."""
    return [found for group in groups if group and (found := group.members.translation())]


def _share(count: int, base: int) -> float | None:
    return round(count / base, 6) if base else None
