"""Checking what somebody wants a custom tag to be, before anything of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.audiences import identities, provenance, rule_checks, rules
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import custom
from insight.datasets.models import DatasetField, DatasetFolder, TagCategory
from insight.tags import circles
from insight.tags.models import CustomTag

MOST_VALUES = 50
VALUE_LENGTH, REMARK_LENGTH, NAME_LENGTH, TEXT_LENGTH = 64, 200, 64, 500
FIELDS = frozenset(
    {"name", "field", "description", "category", "multi", "values", "rest", "dataset_name", "folder"}
)
FIXED = ("field", "multi", "dataset_name", "folder")
"""What is said when a tag is made and stays."""


@dataclass
class Definition:
    """Cleaned parts of a custom tag. `id_type` is how all of its rules know their people, `source` where they read."""

    name: str
    description: str
    category: TagCategory | None
    values: list[dict[str, Any]]
    rest: str
    id_type: str
    source: str
    reads: list[Any]
    field: str = ""
    multi: bool = False
    dataset_name: str = ""
    folder: DatasetFolder | None = None


def clean(access: Access, data: Mapping[str, Any], tag: CustomTag | None = None) -> Definition:
    """The cleaned definition; `tag` is the one being changed, whose other parts stay.

    Raises ValidationFailed with everything that is wrong, at paths such as `values/0/rule/items/1/value`.
    """
    errors: dict[str, list[str]] = {}
    for name in sorted(set(data) - FIELDS):
        errors[name] = [_("There is no such field.")]
    if tag is not None:
        for name in FIXED:
            if name in data:
                errors[name] = [_("This is said when the tag is made, and stays.")]
    merged = {**(_present(tag) if tag else {}), **data}
    found = Definition(
        name=read_text(merged, "name", NAME_LENGTH, errors, needed=True),
        description=read_text(merged, "description", TEXT_LENGTH, errors),
        category=read_category(access, merged.get("category"), errors),
        values=[],
        rest=read_text(merged, "rest", VALUE_LENGTH, errors),
        id_type="",
        source="",
        reads=[],
        field=_field(merged, errors) if tag is None else "",
        multi=read_flag(merged, "multi", errors),
        dataset_name=read_text(merged, "dataset_name", NAME_LENGTH, errors),
        folder=read_folder(access, merged.get("folder"), errors),
    )
    # A tag stays in the source of its dataset; a new one lives where its rules read.
    place = tag.field.dataset.source if tag else None
    catalog = WorkspaceCatalog(access.workspace, place, access=access)
    found.values, parsed = read_values(access, merged.get("values"), catalog, errors)
    found.source = catalog.source
    if found.rest and found.rest in {entry["value"] for entry in found.values}:
        errors["rest"] = [_("One of the values is called this already.")]
    if not errors:
        _together(access, parsed, catalog, tag, found, errors)
    if errors:
        raise ValidationFailed(
            _("The custom tag was not saved: some fields need another value."), errors=errors
        )
    return found


def checked_values(access: Access, given: Any) -> tuple[list[rules.Rule], WorkspaceCatalog]:
    """The rules of values that may lack their names yet. Raises ValidationFailed."""
    errors: dict[str, list[str]] = {}
    catalog = WorkspaceCatalog(access.workspace, access=access)
    named = [
        {**entry, "value": f"#{number}"} if isinstance(entry, dict) else entry
        for number, entry in enumerate(given if isinstance(given, list) else [])
    ]
    _values, parsed = read_values(access, named, catalog, errors)
    if not errors:
        _one_identifier(parsed, catalog, "", errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return parsed, catalog


def read_values(
    access: Access, given: Any, catalog: WorkspaceCatalog, errors: dict[str, list[str]]
) -> tuple[list[dict[str, Any]], list[rules.Rule]]:
    """The values in their stored form and their rules; what is wrong goes into `errors`."""
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_VALUES:
        errors["values"] = [_("Give 1 to %(most)d values.") % {"most": MOST_VALUES}]
        return [], []
    stored: list[dict[str, Any]] = []
    parsed: list[rules.Rule] = []
    seen: set[str] = set()
    for number, entry in enumerate(given):
        here = f"values/{number}"
        if not isinstance(entry, dict):
            errors[here] = [_("An object is needed here.")]
            continue
        problems: dict[str, list[str]] = {
            key: [_("Unknown field.")] for key in set(entry) - {"value", "remark", "rule"}
        }
        name = read_text(entry, "value", VALUE_LENGTH, problems, needed=True)
        remark = read_text(entry, "remark", REMARK_LENGTH, problems)
        if name in seen:
            problems["value"] = [_("Two values are called “%(name)s”.") % {"name": name}]
        seen.add(name)
        try:
            rule = rule_checks.checked_rule(access, entry.get("rule"), catalog=catalog)
        except ValidationFailed as error:
            problems.update({path: [str(item) for item in found] for path, found in error.errors.items()})
        else:
            stored.append({"value": name, "remark": remark, "rule": rules.to_json(rule)})
            parsed.append(rule)
        errors.update({f"{here}/{path}": found for path, found in problems.items()})
    return stored, parsed


def _together(
    access: Access,
    parsed: list[rules.Rule],
    catalog: WorkspaceCatalog,
    tag: CustomTag | None,
    found: Definition,
    errors: dict[str, list[str]],
) -> None:
    """What the rules have in common, and that none leads back to the tag itself."""
    wanted = tag.field.dataset.definition["id_type"] if tag else ""
    found.id_type = _one_identifier(parsed, catalog, wanted, errors)
    for number, rule in enumerate(parsed):
        reads = [[str(kind), target, columns] for kind, target, columns in provenance.dependencies(rule)]
        found.reads += [entry for entry in reads if entry not in found.reads]
        if tag is not None and circles.reaches(
            access.workspace, circles.nodes(reads), ("tag", tag.field.dataset_id, tag.field.column)
        ):
            errors[f"values/{number}/rule"] = [
                _("This rule is itself made from the tag that you are editing.")
            ]


def _one_identifier(
    parsed: list[rules.Rule], catalog: WorkspaceCatalog, wanted: str, errors: dict[str, list[str]]
) -> str:
    """The ID type by which all rules know their people."""
    first: identities.Identity | None = None
    for number, rule in enumerate(parsed):
        known = identities.identity_of_rule(rule, catalog)
        wanted = wanted or known.id_type
        first = first or identities.Identity(wanted, known.encryption)
        if known != first:
            errors[f"values/{number}/rule"] = [
                _(
                    "This knows its users by %(found)s, the other values by %(first)s: a tag needs one of them."
                )
                % {"found": known.label, "first": first.label}
            ]
    return wanted


def _present(tag: CustomTag) -> dict[str, Any]:
    return {
        "name": tag.field.name,
        "description": tag.field.description,
        "category": tag.field.category_id,
        "values": tag.values,
        "rest": tag.rest,
        "multi": tag.field.tag_type == DatasetField.TagType.MULTI,
    }


def read_text(
    data: Mapping[str, Any], name: str, length: int, errors: dict[str, list[str]], *, needed: bool = False
) -> str:
    value = data.get(name) or ""
    text = value.strip() if isinstance(value, str) else None
    if text is None or len(text) > length or (needed and not text):
        message = (
            _("Give a text of 1 to %(length)d characters.")
            if needed
            else _("Use at most %(length)d characters.")
        )
        errors[name] = [message % {"length": length}]
        return ""
    return text


def _field(data: Mapping[str, Any], errors: dict[str, list[str]]) -> str:
    field = read_text(data, "field", 48, errors)
    problem = custom.check_field(field) if field else ""
    if problem:
        errors["field"] = [problem]
    return field


def read_flag(data: Mapping[str, Any], name: str, errors: dict[str, list[str]]) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        errors[name] = [_("Use true or false.")]
    return bool(value)


def read_category(access: Access, value: Any, errors: dict[str, list[str]]) -> TagCategory | None:
    if value in (None, ""):
        return None
    found: TagCategory | None = (
        TagCategory.objects.in_workspace(access.workspace).filter(pk=str(value)).first()
    )
    if found is None:
        errors["category"] = [_("There is no such category here.")]
    return found


def read_folder(access: Access, value: Any, errors: dict[str, list[str]]) -> DatasetFolder | None:
    if value in (None, ""):
        return None
    found: DatasetFolder | None = (
        DatasetFolder.objects.in_workspace(access.workspace).filter(pk=str(value)).first()
    )
    if found is None:
        errors["folder"] = [_("There is no such folder here.")]
    return found
