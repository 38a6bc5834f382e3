"""A rule in plain words, in the language of the request.

Every pattern is a whole phrase with named places, so that translations can order the parts as their language does.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from cdp.core.identifiers import ID_TYPES
from insight.audiences import windows
from insight.audiences.catalog import BehaviourDataset, Catalog, TagDataset, Unknown
from insight.audiences.leaves import (
    AudienceLeaf,
    BehaviourLeaf,
    Comparison,
    Having,
    HavingGroup,
    Records,
    TagLeaf,
)
from insight.audiences.model_leaves import AiplLeaf, RfmLeaf
from insight.audiences.phrases import fold, plain, shifted_day, values_words, window_words
from insight.audiences.rules import AnyLeaf, Group, Rule
from insight.audiences.sequence_leaves import Barrier, Gap, SequenceLeaf, Step

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
    "within": pgettext_lazy("time", "%(tag)s is %(window)s"),
    "not_within": pgettext_lazy("time", "%(tag)s is not %(window)s"),
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


def summarise(rule: Rule, catalog: Catalog) -> str:
    """What a rule, or any group or leaf of one, asks for. What the catalog does not know is named by its ID."""
    if isinstance(rule, Group):
        return _group(rule, catalog)
    words = _leaf(rule, catalog)
    if rule.map is not None:
        return _("%(condition)s (by their %(id_type)s)") % {
            "condition": words,
            "id_type": ID_TYPES[rule.map.to].label,
        }
    return words


def _leaf(rule: AnyLeaf, catalog: Catalog) -> str:
    if isinstance(rule, TagLeaf):
        return _tag(rule, catalog)
    if isinstance(rule, BehaviourLeaf):
        return _behaviour(rule, catalog)
    if isinstance(rule, SequenceLeaf):
        return _sequence(rule, catalog)
    if isinstance(rule, RfmLeaf):
        return _rfm(rule, catalog)
    if isinstance(rule, AiplLeaf):
        return _aipl(rule, catalog)
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
    return fold(pattern, parts)


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
        places["low"], places["high"] = (plain(end) for end in value)
    elif isinstance(value, tuple):
        places["values"] = values_words(value, either=operator not in ("contains_all",))
    else:
        places["value"] = plain(value)
    return str(_TAG[operator]) % places


def _behaviour(leaf: BehaviourLeaf, catalog: Catalog) -> str:
    types = values_words(_named(leaf.type, catalog, leaf.dataset, "type")) if leaf.type else _("anything")
    pattern = _("did %(types)s (%(dataset)s)") if leaf.did else _("did not do %(types)s (%(dataset)s)")
    parts = [pattern % {"types": types, "dataset": _dataset(leaf.dataset, catalog)}]
    parts += _details(leaf, leaf.dataset, catalog)
    if leaf.having is not None:
        parts.append(_having(leaf.having))
    if not isinstance(leaf.window, windows.AnyTime):
        parts.append(window_words(leaf.window))
    if leaf.base is not None:
        parts.append(_("out of everybody in %(dataset)s") % {"dataset": _dataset(leaf.base, catalog)})
    return fold(_("%(left)s, %(right)s"), parts)


def _details(asked: Records, dataset: str, catalog: Catalog) -> list[str]:
    """Objects and channel."""
    parts = [_object(dataset, item, catalog) for item in asked.objects or ()]
    if asked.channel:
        channels = values_words(_named(asked.channel, catalog, dataset, "channel"))
        parts.append(_("channel is %(values)s") % {"values": channels})
    return parts


def _sequence(leaf: SequenceLeaf, catalog: Catalog) -> str:
    steps = fold(
        _("%(left)s, then %(right)s"), [_records(step, leaf.dataset, catalog) for step in leaf.steps]
    )
    parts = [_("did %(steps)s (%(dataset)s)") % {"steps": steps, "dataset": _dataset(leaf.dataset, catalog)}]
    if not isinstance(leaf.window, windows.AnyTime):
        parts.append(window_words(leaf.window))
    return fold(_("%(left)s, %(right)s"), parts)


def _records(asked: Records, dataset: str, catalog: Catalog) -> str:
    """The records of a step or barrier, with what binds them to the step before in brackets."""
    what = values_words(_named(asked.type, catalog, dataset, "type")) if asked.type else _("anything")
    details = _details(asked, dataset, catalog)
    if isinstance(asked, Step) and asked.within is not None:
        details.append(_gap(asked.within))
    if isinstance(asked, Step | Barrier) and asked.same:
        details.append(_("the same %(names)s") % {"names": values_words(asked.same, either=False)})
    if isinstance(asked, Step):
        details += [
            _("no %(what)s in between") % {"what": _records(item, dataset, catalog)}
            for item in asked.not_between or ()
        ]
    if not details:
        return what
    return _("%(what)s [%(details)s]") % {"what": what, "details": fold(_("%(left)s, %(right)s"), details)}


def _gap(gap: Gap) -> str:
    if gap.days is not None:
        return ngettext("within %(n)d day", "within %(n)d days", gap.days) % {"n": gap.days}
    if gap.hours is not None:
        return ngettext("within %(n)d hour", "within %(n)d hours", gap.hours) % {"n": gap.hours}
    minutes = gap.minutes or 0
    return ngettext("within %(n)d minute", "within %(n)d minutes", minutes) % {"n": minutes}


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
        parts = [values_words(tuple(str(RFM_TYPES[name]) for name in leaf.types))]
    elif leaf.min_scores is not None:
        least = leaf.min_scores.model_dump(exclude_none=True)
        parts = [str(_RFM_SCORES[name]) % {"value": plain(value)} for name, value in least.items()]
    elif leaf.ranges is not None:
        ranges = leaf.ranges.model_dump(exclude_none=True)
        parts = [str(_RFM_RANGES[name]) % {"range": _range(*ends)} for name, ends in ranges.items()]
    words = fold(_("%(left)s and %(right)s"), parts) if parts else _("anything")
    return _("%(what)s in the RFM model %(dataset)s") % {
        "what": words,
        "dataset": _dataset(leaf.dataset, catalog),
    }


AIPL_STAGES = {
    "A": gettext_lazy("Aware"),
    "I": gettext_lazy("Interested"),
    "P": gettext_lazy("Purchased"),
    "L": gettext_lazy("Loyal"),
    "lost": gettext_lazy("no stage any more"),
    "converted": gettext_lazy("any other stage"),
}
NO_STAGE = gettext_lazy("no stage")


def _aipl(leaf: AiplLeaf, catalog: Catalog) -> str:
    dataset = _dataset(leaf.dataset, catalog)
    if leaf.flow is None:
        stages = values_words([str(AIPL_STAGES[stage]) for stage in leaf.stages or ()])
        return _("is at the stage %(stages)s in the AIPL model %(dataset)s") % {
            "stages": stages,
            "dataset": dataset,
        }
    moves = [
        _("from %(stage)s to %(targets)s")
        % {
            "stage": AIPL_STAGES.get(item.from_, NO_STAGE),
            "targets": values_words([str(AIPL_STAGES[target]) for target in item.to]),
        }
        for item in leaf.flow.transitions
    ]
    return _("moved %(moves)s between %(first)s and %(last)s in the AIPL model %(dataset)s") % {
        "moves": fold(_("%(left)s or %(right)s"), moves),
        "first": _day(leaf.flow.from_),
        "last": _day(leaf.flow.to),
        "dataset": dataset,
    }


def _day(day: date | windows.Shift) -> str:
    return plain(day) if isinstance(day, date) else shifted_day(day.unit, day.offset)


def _range(low: Any, high: Any) -> str:
    if low is not None and high is not None:
        return _("%(low)s to %(high)s") % {"low": plain(low), "high": plain(high)}
    if low is not None:
        return _("at least %(value)s") % {"value": plain(low)}
    return _("at most %(value)s") % {"value": plain(high)} if high is not None else _("anything")


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
        return fold(pattern, parts)
    if node.measure in ("last_at", "first_at"):
        last = node.measure == "last_at"
        if node.operator == "within":
            pattern = _("the last time %(when)s") if last else _("the first time %(when)s")
            return pattern % {"when": window_words(node.value)}
        # Where languages say "in" before windows, they have it in the words of moments already.
        pattern = (
            pgettext("moment", "the last time %(when)s")
            if last
            else pgettext("moment", "the first time %(when)s")
        )
        return pattern % {"when": _compared(_MOMENT, node)}
    quantity = _compared(_QUANTITY, node)
    whole = node.value if isinstance(node.value, int) else 2
    pattern = {
        "times": ngettext("%(quantity)s time", "%(quantity)s times", whole),
        "days": ngettext("on %(quantity)s day", "on %(quantity)s days", whole),
        "amount": _("for an amount of %(quantity)s in total"),
        "amount_per_time": _("for an amount of %(quantity)s each time on average"),
    }[node.measure]
    return pattern % {"quantity": quantity}


def _compared(patterns: dict[str, Any], node: Comparison) -> str:
    if node.operator == "between":
        low, high = node.value
        return str(patterns["between"]) % {"low": plain(low), "high": plain(high)}
    return str(patterns[node.operator]) % {"value": plain(node.value)}


def _audience(leaf: AudienceLeaf, catalog: Catalog) -> str:
    snapshot: Any = leaf.snapshot
    try:
        found = catalog.audience(leaf.audience, leaf.snapshot)
        label, snapshot = found.label, found.snapshot or snapshot
    except Unknown:
        label = leaf.audience
    if leaf.snapshot is None:
        return _("is in the audience %(audience)s") % {"audience": label}
    return _("is in the snapshot %(snapshot)s of the audience %(audience)s") % {
        "snapshot": snapshot,
        "audience": label,
    }
