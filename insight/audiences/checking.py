"""Checking a rule against the datasets and audiences it names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from insight.audiences.catalog import (
    AiplModel,
    BehaviourDataset,
    Catalog,
    Dataset,
    RfmModel,
    TagDataset,
    Unknown,
)
from insight.audiences.leaves import (
    OPERATORS,
    AudienceLeaf,
    BehaviourLeaf,
    Comparison,
    Having,
    HavingGroup,
    Records,
    TagLeaf,
)
from insight.audiences.model_leaves import AiplLeaf, RfmLeaf
from insight.audiences.rules import Rule, RuleInvalid, join, leaves
from insight.audiences.sequence_leaves import SequenceLeaf
from insight.datasets.aipl_days import missing_text, nearest_days
from insight.datasets.models import lost_reason


class ModelDayMissing(RuleInvalid):
    """A flow names a day on which its model was not computed; `nearest` has the days around it, by path."""

    code = "model_day_missing"

    def __init__(self, errors: dict[str, list[str]], nearest: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.nearest = nearest


class _Errors:
    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self.days: dict[str, list[str]] = {}
        self.nearest: dict[str, list[str]] = {}

    def add(self, path: str, part: str, message: str) -> None:
        self.found.setdefault(join(path, part), []).append(message)


def check(rule: Rule, catalog: Catalog, *, today: date) -> None:
    """Raises RuleInvalid with the path of everything that does not fit the catalog.

    Raises ModelDayMissing where nothing is wrong but that the days of a flow, as they are today, were not computed.
    """
    errors = _Errors()
    for path, leaf in leaves(rule):
        if isinstance(leaf, TagLeaf):
            _check_tag(leaf, path, catalog, errors)
        elif isinstance(leaf, BehaviourLeaf):
            _check_behaviour(leaf, path, catalog, errors)
        elif isinstance(leaf, SequenceLeaf):
            _check_sequence(leaf, path, catalog, errors)
        elif isinstance(leaf, RfmLeaf):
            dataset = _dataset(leaf.dataset, path, "dataset", catalog, errors)
            if dataset is not None and not isinstance(dataset, RfmModel):
                errors.add(path, "dataset", _("An RFM condition needs an RFM model."))
        elif isinstance(leaf, AiplLeaf):
            _check_aipl(leaf, path, catalog, today, errors)
        else:
            _check_audience(leaf, path, catalog, errors)
    if errors.found:
        raise RuleInvalid(errors.found)
    if errors.days:
        raise ModelDayMissing(errors.days, errors.nearest)


def _dataset(dataset_id: str, path: str, part: str, catalog: Catalog, errors: _Errors) -> Dataset | None:
    try:
        return catalog.dataset(dataset_id)
    except Unknown as error:
        errors.add(path, part, str(error) or _("There is no such dataset."))
        return None


def _check_tag(leaf: TagLeaf, path: str, catalog: Catalog, errors: _Errors) -> None:
    dataset = _dataset(leaf.dataset, path, "dataset", catalog, errors)
    if dataset is None:
        return
    if not isinstance(dataset, TagDataset):
        errors.add(path, "dataset", _("A tag condition needs a user-tag dataset."))
        return
    if leaf.tag in dataset.lost:
        errors.add(path, "tag", lost_reason(leaf.tag))
        return
    column = dataset.columns.get(leaf.tag)
    if column is None:
        errors.add(path, "tag", _("The dataset has no tag “%(tag)s”.") % {"tag": leaf.tag})
    elif leaf.operator not in OPERATORS[column.type]:
        allowed = ", ".join(sorted(OPERATORS[column.type]))
        errors.add(
            path,
            "operator",
            _("A tag of the type %(type)s can be asked: %(operators)s.")
            % {"type": column.type, "operators": allowed},
        )
    elif leaf.ignore_case and column.type != "text":
        errors.add(path, "ignore_case", _("Only text tags can be compared without regard to case."))


def _check_behaviour(leaf: BehaviourLeaf, path: str, catalog: Catalog, errors: _Errors) -> None:
    dataset = _dataset(leaf.dataset, path, "dataset", catalog, errors)
    if leaf.base is not None:
        _dataset(leaf.base, path, "base", catalog, errors)
    if dataset is None:
        return
    if not isinstance(dataset, BehaviourDataset):
        errors.add(path, "dataset", _("A behaviour condition needs a behaviour dataset."))
        return
    _check_records(leaf, path, dataset, errors)
    if leaf.having is not None:
        _check_having(leaf.having, join(path, "having"), dataset, errors)


def _check_records(asked: Records, path: str, dataset: BehaviourDataset, errors: _Errors) -> None:
    if asked.channel is not None and not dataset.has_channel:
        errors.add(path, "channel", _("This dataset has no channels."))
    objects = asked.objects or ()
    if dataset.form == "key_value" and len(objects) != 1 and not (not objects and dataset.base_attribute):
        errors.add(
            path,
            "objects",
            _("Name exactly one object attribute: the same behaviour stands in several rows otherwise."),
        )
    for index, item in enumerate(objects):
        if dataset.object_column(item.name) is None:
            errors.add(
                path,
                f"objects/{index}/name",
                _("The dataset has no object “%(name)s”.") % {"name": item.name},
            )


def _check_sequence(leaf: SequenceLeaf, path: str, catalog: Catalog, errors: _Errors) -> None:
    dataset = _dataset(leaf.dataset, path, "dataset", catalog, errors)
    if dataset is None:
        return
    if not isinstance(dataset, BehaviourDataset):
        errors.add(path, "dataset", _("A condition on an order of behaviour needs a behaviour dataset."))
        return
    for place, step in enumerate(leaf.steps):
        here = join(path, f"steps/{place}")
        _check_records(step, here, dataset, errors)
        _check_shared(step.same, here, dataset, [leaf.steps[place - 1], step], errors)
        common = {dataset.object_column(name) for name in step.same or ()}
        for number, barrier in enumerate(step.not_between or ()):
            there = join(here, f"not_between/{number}")
            _check_records(barrier, there, dataset, errors)
            _check_shared(barrier.same, there, dataset, [barrier], errors)
            if not {dataset.object_column(name) for name in barrier.same or ()} <= common | {None}:
                message = _("Only what the step shares with the one before can be shared here, too.")
                errors.add(there, "same", message)


def _check_shared(
    same: Sequence[str] | None,
    path: str,
    dataset: BehaviourDataset,
    parts: Sequence[Records],
    errors: _Errors,
) -> None:
    """The objects whose values are shared; of key/value rows only the one attribute that all parts are about."""
    for number, name in enumerate(same or ()):
        if dataset.is_item_tag(name) or dataset.object_column(name) is None:
            message = _("The dataset has no object “%(name)s”.") % {"name": name}
            errors.add(path, f"same/{number}", message)
        elif dataset.form == "key_value" and any(
            _attribute(part, dataset) != dataset.object_column(name) for part in parts
        ):
            message = _("Both must be about “%(name)s”: a row holds no other object.") % {"name": name}
            errors.add(path, f"same/{number}", message)


def _attribute(asked: Records, dataset: BehaviourDataset) -> str | None:
    """The attribute that key/value rows are fixed to."""
    return dataset.object_column(asked.objects[0].name) if asked.objects else dataset.base_attribute


def _check_aipl(leaf: AiplLeaf, path: str, catalog: Catalog, today: date, errors: _Errors) -> None:
    model = _dataset(leaf.dataset, path, "dataset", catalog, errors)
    if model is None or (leaf.flow is None and isinstance(model, AiplModel)):
        return
    if not isinstance(model, AiplModel):
        errors.add(path, "dataset", _("An AIPL condition needs an AIPL model."))
        return
    assert leaf.flow is not None
    first, last = leaf.flow.days(today)
    if first >= last:
        errors.add(path, "flow", _("The first day must be before the last one."))
        return
    computed = sorted(model.computed())
    for part, day in (("from", first), ("to", last)):
        if day not in computed:
            where = join(path, f"flow/{part}")
            nearest = [str(found) for found in nearest_days(computed, day)]
            errors.nearest[where] = nearest
            errors.days[where] = [missing_text(day, nearest)]


def _check_having(node: Having, path: str, dataset: BehaviourDataset, errors: _Errors) -> None:
    if isinstance(node, HavingGroup):
        for index, item in enumerate(node.items):
            _check_having(item, join(path, f"items/{index}"), dataset, errors)
    elif (
        isinstance(node, Comparison)
        and node.measure in ("amount", "amount_per_time")
        and not dataset.has_amount
    ):
        errors.add(path, "measure", _("This dataset has no amounts."))


def _check_audience(leaf: AudienceLeaf, path: str, catalog: Catalog, errors: _Errors) -> None:
    try:
        catalog.audience(leaf.audience, leaf.snapshot)
    except Unknown as error:
        errors.add(path, "audience", str(error) or _("There is no such audience."))
