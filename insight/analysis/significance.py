"""Which tags set an audience apart from the other users of a dataset.

For every tag with values v, where n_v of the audience's n users and N_v of the dataset's N users have the value
(users without one are left out of both):

- difference D = ½ Σ |n_v/n − N_v/N|: the share of the audience that would have to have another value (total variation);
- noise E = ½ Σ √(2 p_v (1−p_v) (N−n) / (π n (N−1))), p_v = N_v/N: the D that a random sample of n users would have on
  average, from the mean deviation √(2/π) σ of a nearly normal count drawn without replacement;
- adjusted difference D* = max(0, D − E), by which tags are ranked, so that tags with many values do not lead by chance;
- test: chi-square of the audience against the rest of the dataset, corrected over all tags (q, Benjamini-Hochberg);
- strength: Cramér's V, which other than p does not grow with the number of people.

Users of a multi-value tag may have several values: for D their counts are divided by their sum, for E the deviations by
the same sum; p is the smallest of the tests of one value against all others, times the number of values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.warehouse import cancellable
from insight.analysis import chi_square, choosing, indicators
from insight.analysis.counting import MOST_VALUES, TOP, Counts, Sides
from insight.analysis.perspective import translations
from insight.audiences.translated import Members
from insight.datasets.models import DatasetField

MOST_SHOWN = 10
MOST_TOP = 3
SIGNIFICANT = 0.05
STARS = (0.05, 0.01, 0.001)
FEWEST = 30


@dataclass(frozen=True)
class Spread:
    """The users of a tag: `n` of the audience and `total` of the dataset who have a value, and (value, n_v, N_v)."""

    tag: str
    name: str
    multi: bool
    n: int
    total: int
    values: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Finding:
    """What sets the audience apart in one tag: D, E, D*, the test, its q. Differences are shares (0 to 1)."""

    spread: Spread
    difference: float
    noise: float
    test: chi_square.Outcome
    q: float = 1.0

    @property
    def adjusted(self) -> float:
        return max(0.0, self.difference - self.noise)

    @property
    def significant(self) -> bool:
        return self.q <= SIGNIFICANT and self.adjusted > 0

    @property
    def top(self) -> list[tuple[str, int, int]]:
        """The values in which the shares differ most."""
        n, total = self.spread.n or 1, self.spread.total or 1
        rows = sorted(self.spread.values, key=lambda row: (-abs(row[1] / n - row[2] / total), row[0]))
        return [row for row in rows[:MOST_TOP] if row[1] * total != row[2] * n]


def findings(spreads: Sequence[Spread]) -> list[Finding]:
    """All tags, the most different first: by D*, then q, then name. q is corrected over all of them."""
    found = [Finding(spread, *_distance(spread), _test(spread)) for spread in spreads]
    q_values = chi_square.corrected([item.test.p for item in found])
    found = [replace(item, q=q) for item, q in zip(found, q_values, strict=True)]
    return sorted(found, key=lambda item: (-item.adjusted, item.q, item.spread.name))


def _distance(spread: Spread) -> tuple[float, float]:
    """D and E."""
    n, total = spread.n, spread.total
    if not n or total < 2:
        return 0.0, 0.0
    ours, all_of_them = sum(row[1] for row in spread.values), sum(row[2] for row in spread.values)
    if not ours or not all_of_them:
        return 0.0, 0.0
    difference = sum(abs(here / ours - there / all_of_them) for _value, here, there in spread.values) / 2
    left = 2 * (total - n) / (math.pi * n * (total - 1))
    noise = (
        sum(math.sqrt(left * (there / total) * (1 - there / total)) for *_rest, there in spread.values) / 2
    )
    return difference, noise * total / all_of_them


def _test(spread: Spread) -> chi_square.Outcome:
    rest = spread.total - spread.n
    if not spread.multi:
        return chi_square.independence(
            [here for _value, here, _there in spread.values],
            [there - here for _value, here, there in spread.values],
        )
    tests = [
        chi_square.independence([here, spread.n - here], [there - here, rest - (there - here)])
        for _value, here, there in spread.values
    ]
    best = min(tests, key=lambda test: (test.p, -test.statistic), default=chi_square.NOTHING)
    return replace(best, p=min(1.0, best.p * len(tests)))


def significance(
    access: Access,
    audience_id: str,
    dataset_id: str,
    *,
    show_all: bool = False,
    translate: bool = False,
    token: str = "",
) -> dict[str, Any]:
    """The tags in which an audience differs most from all users of a dataset, at most ten, only significant ones;
    with `show_all` all others behind them. Every tag that charts can show is counted, in one statement.

    Raises NotFound, Conflict, ValidationFailed: `nothing_to_compare` where the audience is the whole dataset.
    """
    here = choosing.place(access, dataset_id)
    group = choosing.group(access, here, audience_id, translate=translate)
    fields = here.eligible()
    sides = Sides(here.catalog, here.dataset)
    with cancellable(f"{access.workspace.pk}:{access.user.pk}:{token}" if token else ""):
        everybody, ours = sides.count([None, group.members], fields)
        spreads = [
            _spread(sides, group.members, item, ours.tags[item.column], everybody.tags[item.column])
            for item in fields
        ]
    if fields and everybody.users and ours.users == everybody.users:
        message = _("The audience holds all users of the dataset: there is nothing to compare it with.")
        raise ValidationFailed(message, code="nothing_to_compare", errors={"audience": [message]})
    ranked = findings(spreads)
    significant = [item for item in ranked if item.significant]
    shown = significant[:MOST_SHOWN]
    others = [item for item in ranked if item not in shown]
    few = ours.users < FEWEST
    return {
        "audience": group.audience.pk,
        "dataset": here.dataset.pk,
        "users": everybody.users,
        "coverage": {"found": ours.users, "members": group.version.count},
        "translated": translations(group),
        "tags_examined": len(fields),
        "few": few,
        "notice": _notice(ours.users, len(fields), len(significant)),
        "tags": [_row(item, here, few) for item in shown],
        **({"others": [_row(item, here, few) for item in others]} if show_all else {}),
    }


def _notice(users: int, examined: int, significant: int) -> str:
    if not users:
        return _("None of the audience's members is in this dataset.")
    if not examined:
        return _("The dataset has no tag that charts can show.")
    if users < FEWEST:
        return _("Fewer than %(few)d members are in this dataset: differences may well be chance.") % {
            "few": FEWEST
        }
    if not significant:
        return _("No tag sets the audience apart by more than chance.")
    return ""


def _spread(sides: Sides, members: Members, item: DatasetField, ours: Counts, everybody: Counts) -> Spread:
    """The counts side by side. Of a tag with too many values the most frequent ones of the dataset, as its chart
    shows them, and the rest as one value.
    """
    mine, listed = dict(ours.values), everybody.values
    too_many = len(listed) > MOST_VALUES
    if too_many:
        listed = listed[:TOP]
        mine = sides.count_some(members, item, [value for value, _count in listed])
    values = [(value, mine.get(value, 0), count) for value, count in listed]
    multi = item.tag_type == "multi"
    if too_many and not multi:
        here, there = sum(row[1] for row in values), sum(row[2] for row in values)
        values.append((_("Other"), ours.known - here, everybody.known - there))
    return Spread(item.column, item.name or item.column, multi, ours.known, everybody.known, values)


def _row(item: Finding, here: choosing.Place, few: bool) -> dict[str, Any]:
    spread = item.spread
    labels = here.catalog.value_labels(here.dataset.pk, spread.tag, [row[0] for row in item.top])
    return {
        "tag": spread.tag,
        "name": spread.name,
        "type": "multi" if spread.multi else "enum",
        "difference": round(100 * item.difference, 3),
        "noise": round(100 * item.noise, 3),
        "adjusted": round(100 * item.adjusted, 3),
        "chi_square": round(item.test.statistic, 3),
        "df": item.test.df,
        "p": item.test.p,
        "q": item.q,
        "effect": round(item.test.effect, 4),
        "significant": item.significant,
        "stars": 0 if few or not item.significant else sum(item.q <= limit for limit in STARS),
        "top": [
            {
                "value": value,
                "label": labels.get(value, ""),
                "difference": round(100 * (count / spread.n - all_of_them / spread.total), 3),
                "tgi": indicators.index(count, spread.n, all_of_them, spread.total),
            }
            for value, count, all_of_them in item.top
        ],
    }
