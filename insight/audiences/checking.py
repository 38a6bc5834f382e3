"""Checking a rule against the datasets and audiences it names."""

from __future__ import annotations

from django.utils.translation import gettext as _

from insight.audiences.catalog import BehaviourDataset, Catalog, Dataset, RfmModel, TagDataset, Unknown
from insight.audiences.leaves import (
    OPERATORS,
    AudienceLeaf,
    BehaviourLeaf,
    Comparison,
    Having,
    HavingGroup,
    TagLeaf,
)
from insight.audiences.model_leaves import RfmLeaf
from insight.audiences.rules import Rule, RuleInvalid, join, leaves


class _Errors:
    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, path: str, part: str, message: str) -> None:
        self.found.setdefault(join(path, part), []).append(message)


def check(rule: Rule, catalog: Catalog) -> None:
    """Raises RuleInvalid with the path of everything that does not fit the catalog."""
    errors = _Errors()
    for path, leaf in leaves(rule):
        if isinstance(leaf, TagLeaf):
            _check_tag(leaf, path, catalog, errors)
        elif isinstance(leaf, BehaviourLeaf):
            _check_behaviour(leaf, path, catalog, errors)
        elif isinstance(leaf, RfmLeaf):
            dataset = _dataset(leaf.dataset, path, "dataset", catalog, errors)
            if dataset is not None and not isinstance(dataset, RfmModel):
                errors.add(path, "dataset", _("An RFM condition needs an RFM model."))
        else:
            _check_audience(leaf, path, catalog, errors)
    if errors.found:
        raise RuleInvalid(errors.found)


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
        errors.add(
            path,
            "tag",
            _("The column of “%(tag)s” no longer exists in the source table.") % {"tag": leaf.tag},
        )
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
    if leaf.channel is not None and not dataset.has_channel:
        errors.add(path, "channel", _("This dataset has no channels."))
    _check_objects(leaf, path, dataset, errors)
    if leaf.having is not None:
        _check_having(leaf.having, join(path, "having"), dataset, errors)


def _check_objects(leaf: BehaviourLeaf, path: str, dataset: BehaviourDataset, errors: _Errors) -> None:
    objects = leaf.objects or ()
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
