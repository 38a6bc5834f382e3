"""A rule in plain words, in the language of the request.

Every pattern is a whole phrase with named places, so that translations can order the parts as their language does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from insight.audiences import windows
from insight.audiences.catalog import BehaviourDataset, Catalog, TagDataset, Unknown
from insight.audiences.leaves import (
    AudienceLeaf,
    BehaviourLeaf,
    Comparison,
    Having,
    HavingGroup,
    TagLeaf,
)
from insight.audiences.model_leaves import RfmLeaf
from insight.audiences.rules import Group, Rule

SHOWN_VALUES = 5

_TAG = {
    "in": gettext_lazy("%(tag)s is %(values)s"),
    "not_in": gettext_lazy("%(tag)s is not %(values)s"),
    "contains": gettext_lazy("%(tag)s contains %(values)s"),
    "not_contains": gettext_lazy("%(tag)s does not contain %(values)s"),
    "starts_with": gettext_lazy("%(tag)s begins with %(values)s"),
    "not_starts_with": gettext_lazy("%(tag)s does not begin with %(values)s"),
    "ends_with": gettext_lazy("%(tag)s ends with %(values)s"),
    "not_ends_with": gettext_lazy("%(tag)s does not end with %(values)s"),
    "contains_all": gettext_lazy("%(tag)s contains all of %(values)s"),
    "contains_none": gettext_lazy("%(tag)s contains none of %(values)s"),
    "=": gettext_lazy("%(tag)s is %(value)s"),
    "!=": gettext_lazy("%(tag)s is not %(value)s"),
    ">": gettext_lazy("%(tag)s is more than %(value)s"),
    ">=": gettext_lazy("%(tag)s is at least %(value)s"),
    "<": gettext_lazy("%(tag)s is less than %(value)s"),
    "<=": gettext_lazy("%(tag)s is at most %(value)s"),
    "between": gettext_lazy("%(tag)s is between %(low)s and %(high)s"),
    "not_between": gettext_lazy("%(tag)s is not between %(low)s and %(high)s"),
    "within": gettext_lazy("%(tag)s is %(window)s"),
    "not_within": gettext_lazy("%(tag)s is not %(window)s"),
    "empty": gettext_lazy("%(tag)s has no value"),
    "not_empty": gettext_lazy("%(tag)s has a value"),
    "any": gettext_lazy("%(tag)s is anything"),
}
_QUANTITY = {
    "=": gettext_lazy("exactly %(value)s"),
    "!=": gettext_lazy("any number but %(value)s"),
    ">": gettext_lazy("more than %(value)s"),
    ">=": gettext_lazy("at least %(value)s"),
    "<": gettext_lazy("less than %(value)s"),
    "<=": gettext_lazy("at most %(value)s"),
    "between": gettext_lazy("%(low)s to %(high)s"),
}
_MOMENT = {
    "=": gettext_lazy("on %(value)s"),
    "!=": gettext_lazy("not on %(value)s"),
    ">": gettext_lazy("after %(value)s"),
    ">=": gettext_lazy("on or after %(value)s"),
    "<": gettext_lazy("before %(value)s"),
    "<=": gettext_lazy("on or before %(value)s"),
    "between": gettext_lazy("between %(low)s and %(high)s"),
}
_PERIOD = {
    ("day", 0): gettext_lazy("today"),
    ("day", -1): gettext_lazy("yesterday"),
    ("day", 1): gettext_lazy("tomorrow"),
    ("week", 0): gettext_lazy("this week"),
    ("week", -1): gettext_lazy("last week"),
    ("week", 1): gettext_lazy("next week"),
    ("month", 0): gettext_lazy("this month"),
    ("month", -1): gettext_lazy("last month"),
    ("month", 1): gettext_lazy("next month"),
    ("quarter", 0): gettext_lazy("this quarter"),
    ("quarter", -1): gettext_lazy("last quarter"),
    ("quarter", 1): gettext_lazy("next quarter"),
    ("year", 0): gettext_lazy("this year"),
    ("year", -1): gettext_lazy("last year"),
    ("year", 1): gettext_lazy("next year"),
}


def summarise(rule: Rule, catalog: Catalog) -> str:
    """What a rule, or any group or leaf of one, asks for. What the catalog does not know is named by its ID."""
    if isinstance(rule, Group):
        return _group(rule, catalog)
    if isinstance(rule, TagLeaf):
        return _tag(rule, catalog)
    if isinstance(rule, BehaviourLeaf):
        return _behaviour(rule, catalog)
    if isinstance(rule, RfmLeaf):
        return _rfm(rule, catalog)
    return _audience(rule, catalog)


def _group(group: Group, catalog: Catalog) -> str:
    pattern = {
        "union": _("%(left)s, OR %(right)s"),
        "intersect": _("%(left)s, AND %(right)s"),
        "subtract": _("%(left)s, BUT NOT %(right)s"),
    }[group.op]
    parts = []
    for item in group.items:
        words = summarise(item, catalog)
        nested = isinstance(item, Group) and len(item.items) > 1 and len(group.items) > 1
        parts.append(_("(%(condition)s)") % {"condition": words} if nested else words)
    return _fold(pattern, parts)


def _fold(pattern: str, parts: Iterable[str]) -> str:
    return reduce(lambda left, right: pattern % {"left": left, "right": right}, parts)


def _tag(leaf: TagLeaf, catalog: Catalog) -> str:
    label = leaf.tag
    try:
        dataset = catalog.dataset(leaf.dataset)
        if isinstance(dataset, TagDataset) and leaf.tag in dataset.columns:
            label = dataset.columns[leaf.tag].label or leaf.tag
    except Unknown:
        pass
    return _condition(label, leaf.operator, _named(leaf.value, catalog, leaf.dataset, leaf.tag))


def _condition(label: str, operator: str, value: Any) -> str:
    if operator == "anniversary_within":
        if not value.days:
            return _("the day and month of %(tag)s are today's") % {"tag": label}
        pattern = ngettext(
            "the day and month of %(tag)s come today or tomorrow",
            "the day and month of %(tag)s come today or in the next %(days)d days",
            value.days,
        )
        return pattern % {"tag": label, "days": value.days}
    places: dict[str, str] = {"tag": label}
    if operator in ("within", "not_within"):
        places["window"] = window_words(value)
    elif operator in ("between", "not_between"):
        places["low"], places["high"] = (_plain(end) for end in value)
    elif isinstance(value, tuple):
        places["values"] = _values(value, either=operator not in ("contains_all",))
    else:
        places["value"] = _plain(value)
    return str(_TAG[operator]) % places


def _behaviour(leaf: BehaviourLeaf, catalog: Catalog) -> str:
    types = _values(_named(leaf.type, catalog, leaf.dataset, "type")) if leaf.type else _("anything")
    pattern = _("did %(types)s (%(dataset)s)") if leaf.did else _("did not do %(types)s (%(dataset)s)")
    parts = [pattern % {"types": types, "dataset": _dataset(leaf.dataset, catalog)}]
    parts += [_object(leaf.dataset, item, catalog) for item in leaf.objects or ()]
    if leaf.channel:
        parts.append(
            _("channel is %(values)s")
            % {"values": _values(_named(leaf.channel, catalog, leaf.dataset, "channel"))}
        )
    if leaf.having is not None:
        parts.append(_having(leaf.having))
    if not isinstance(leaf.window, windows.AnyTime):
        parts.append(window_words(leaf.window))
    if leaf.base is not None:
        parts.append(_("out of everybody in %(dataset)s") % {"dataset": _dataset(leaf.base, catalog)})
    return _fold(_("%(left)s, %(right)s"), parts)


def _named(value: Any, catalog: Catalog, dataset: str, place: str, attribute: str = "") -> Any:
    """Values by what they are called; anything that is no list of values as it is."""
    labels = getattr(catalog, "value_labels", None)
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value) or labels is None:
        return value
    try:
        found = labels(dataset, place, value, attribute)
    except Unknown:
        return value
    return tuple(found.get(item, item) for item in value)


def _object(dataset_id: str, item: Any, catalog: Catalog) -> str:
    """A condition on an object, or on a tag of the item, with names where there are some."""
    label, value = item.name, item.value
    try:
        dataset = catalog.dataset(dataset_id)
    except Unknown:
        dataset = None
    if isinstance(dataset, BehaviourDataset):
        label = dataset.items.label(item.name) if dataset.items is not None else label
        value = _named(value, catalog, *dataset.named_at(item.name))
    return _condition(label, item.operator, value)


RFM_TYPES = {
    "high_value": gettext_lazy("High value"),
    "key_keep": gettext_lazy("Key: keep"),
    "key_develop": gettext_lazy("Key: develop"),
    "key_win_back": gettext_lazy("Key: win back"),
    "general_value": gettext_lazy("General value"),
    "general_keep": gettext_lazy("General: keep"),
    "general_develop": gettext_lazy("General: develop"),
    "potential": gettext_lazy("Potential"),
}
_RFM_SCORES = {
    "r": gettext_lazy("recency score at least %(value)s"),
    "f": gettext_lazy("frequency score at least %(value)s"),
    "m": gettext_lazy("amount score at least %(value)s"),
}
_RFM_RANGES = {
    "r_days": gettext_lazy("days since the last purchase %(range)s"),
    "f": gettext_lazy("purchases %(range)s"),
    "m": gettext_lazy("amount %(range)s"),
}


def _rfm(leaf: RfmLeaf, catalog: Catalog) -> str:
    parts = []
    if leaf.types is not None:
        parts = [_values(tuple(str(RFM_TYPES[name]) for name in leaf.types))]
    elif leaf.min_scores is not None:
        least = leaf.min_scores.model_dump(exclude_none=True)
        parts = [str(_RFM_SCORES[name]) % {"value": _plain(value)} for name, value in least.items()]
    elif leaf.ranges is not None:
        ranges = leaf.ranges.model_dump(exclude_none=True)
        parts = [str(_RFM_RANGES[name]) % {"range": _range(*ends)} for name, ends in ranges.items()]
    words = _fold(_("%(left)s and %(right)s"), parts) if parts else _("anything")
    return _("%(what)s in the RFM model %(dataset)s") % {
        "what": words,
        "dataset": _dataset(leaf.dataset, catalog),
    }


def _range(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return _("%(low)s to %(high)s") % {"low": _plain(low), "high": _plain(high)}
    if low is not None:
        return _("at least %(value)s") % {"value": _plain(low)}
    return _("at most %(value)s") % {"value": _plain(high)} if high is not None else _("anything")


def _dataset(dataset_id: str, catalog: Catalog) -> str:
    try:
        return catalog.dataset(dataset_id).label
    except Unknown:
        return dataset_id


def _having(node: Having) -> str:
    if isinstance(node, HavingGroup):
        pattern = _("%(left)s and %(right)s") if node.op == "and" else _("%(left)s or %(right)s")
        parts = [
            _("(%(condition)s)") % {"condition": _having(item)}
            if isinstance(item, HavingGroup)
            else _having(item)
            for item in node.items
        ]
        return _fold(pattern, parts)
    if node.measure in ("last_at", "first_at"):
        pattern = _("the last time %(when)s") if node.measure == "last_at" else _("the first time %(when)s")
        return pattern % {"when": _moment(node)}
    quantity = _compared(_QUANTITY, node)
    whole = node.value if isinstance(node.value, int) else 2
    pattern = {
        "times": ngettext("%(quantity)s time", "%(quantity)s times", whole),
        "days": ngettext("on %(quantity)s day", "on %(quantity)s days", whole),
        "amount": _("for an amount of %(quantity)s in total"),
        "amount_per_time": _("for an amount of %(quantity)s each time on average"),
    }[node.measure]
    return pattern % {"quantity": quantity}


def _moment(node: Comparison) -> str:
    return window_words(node.value) if node.operator == "within" else _compared(_MOMENT, node)


def _compared(patterns: dict[str, Any], node: Comparison) -> str:
    if node.operator == "between":
        low, high = node.value
        return str(patterns["between"]) % {"low": _plain(low), "high": _plain(high)}
    return str(patterns[node.operator]) % {"value": _plain(node.value)}


def _audience(leaf: AudienceLeaf, catalog: Catalog) -> str:
    try:
        label = catalog.audience(leaf.audience, leaf.snapshot).label
    except Unknown:
        label = leaf.audience
    if leaf.snapshot is None:
        return _("is in the audience %(audience)s") % {"audience": label}
    return _("is in the snapshot %(snapshot)s of the audience %(audience)s") % {
        "snapshot": leaf.snapshot,
        "audience": label,
    }


def window_words(window: Any) -> str:
    """A window in words that follow "is" or end a sentence, such as "in the last 7 days before today"."""
    match window:
        case windows.Between(from_=first, to=last):
            return _("between %(first)s and %(last)s") % {"first": _plain(first), "last": _plain(last)}
        case windows.Before(at=at):
            return _("before %(moment)s") % {"moment": _plain(at)}
        case windows.After(at=at):
            return _("after %(moment)s") % {"moment": _plain(at)}
        case windows.LastDays() | windows.NextDays():
            return _run_of_days(window)
        case windows.Period(unit=unit, offset=offset):
            named = _PERIOD.get((unit, offset))
            return str(named) if named is not None else _shifted(unit, offset)
        case windows.Relative(from_=begin, to=end):
            return _("from %(begin)s to %(end)s") % {
                "begin": _shifted_day(begin.unit, begin.offset),
                "end": _shifted_day(end.unit, end.offset),
            }
    return _("at any time")


def _run_of_days(window: windows.LastDays | windows.NextDays) -> str:
    days = window.days
    if isinstance(window, windows.LastDays):
        if window.include_today:
            pattern = ngettext("today", "in the %(days)d days up to today", days)
        else:
            pattern = ngettext("yesterday", "in the %(days)d days before today", days)
    elif window.include_today:
        pattern = ngettext("today", "in the %(days)d days from today", days)
    else:
        pattern = ngettext("tomorrow", "in the %(days)d days after today", days)
    return pattern % {"days": days}


def _shifted(unit: str, offset: int) -> str:
    """A whole calendar unit, two or more away from this one."""
    if offset < 0:
        pattern = {
            "day": ngettext("%(n)d day ago", "%(n)d days ago", -offset),
            "week": ngettext("in the week %(n)d week ago", "in the week %(n)d weeks ago", -offset),
            "month": ngettext("in the month %(n)d month ago", "in the month %(n)d months ago", -offset),
            "quarter": ngettext(
                "in the quarter %(n)d quarter ago", "in the quarter %(n)d quarters ago", -offset
            ),
            "year": ngettext("in the year %(n)d year ago", "in the year %(n)d years ago", -offset),
        }[unit]
        return pattern % {"n": -offset}
    pattern = {
        "day": ngettext("%(n)d day from now", "%(n)d days from now", offset),
        "week": ngettext("in the week %(n)d week from now", "in the week %(n)d weeks from now", offset),
        "month": ngettext("in the month %(n)d month from now", "in the month %(n)d months from now", offset),
        "quarter": ngettext(
            "in the quarter %(n)d quarter from now", "in the quarter %(n)d quarters from now", offset
        ),
        "year": ngettext("in the year %(n)d year from now", "in the year %(n)d years from now", offset),
    }[unit]
    return pattern % {"n": offset}


def _shifted_day(unit: str, offset: int) -> str:
    """A single day, some calendar units away from today."""
    if not offset:
        return _("today")
    if offset < 0:
        pattern = {
            "day": ngettext("%(n)d day ago", "%(n)d days ago", -offset),
            "week": ngettext("%(n)d week ago", "%(n)d weeks ago", -offset),
            "month": ngettext("%(n)d month ago", "%(n)d months ago", -offset),
            "quarter": ngettext("%(n)d quarter ago", "%(n)d quarters ago", -offset),
            "year": ngettext("%(n)d year ago", "%(n)d years ago", -offset),
        }[unit]
        return pattern % {"n": -offset}
    pattern = {
        "day": ngettext("%(n)d day from now", "%(n)d days from now", offset),
        "week": ngettext("%(n)d week from now", "%(n)d weeks from now", offset),
        "month": ngettext("%(n)d month from now", "%(n)d months from now", offset),
        "quarter": ngettext("%(n)d quarter from now", "%(n)d quarters from now", offset),
        "year": ngettext("%(n)d year from now", "%(n)d years from now", offset),
    }[unit]
    return pattern % {"n": offset}


def _values(values: Sequence[str], *, either: bool = True) -> str:
    """A list in words; the first few, and how many more, where it is long."""
    shown = list(values[:SHOWN_VALUES])
    more = len(values) - len(shown)
    comma = _("%(left)s, %(right)s")
    if more:
        pattern = ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more)
        return pattern % {"shown": _fold(comma, shown), "more": more}
    if len(shown) == 1:
        return shown[0]
    last = _("%(left)s or %(right)s") if either else _("%(left)s and %(right)s")
    return last % {"left": _fold(comma, shown[:-1]), "right": shown[-1]}


def _plain(value: Any) -> str:
    """A number without a needless “.0”, a moment in ISO form with a space before the time."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
