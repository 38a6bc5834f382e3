"""Checking what somebody wants an audience to be, before anything of it is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.audiences import identities, provenance, rule_checks, rules
from insight.audiences.models import Audience, Folder
from insight.audiences.schedule import parse_policy
from insight.audiences.sources import WorkspaceCatalog
from insight.campaigns import links
from insight.campaigns.models import Campaign
from insight.datasources.connections import in_place

NAME_LENGTH = 64
REMARK_LENGTH = 500
FIELDS = frozenset(
    {"name", "rule", "save_ids", "folder", "public", "remark", "limit", "refresh", "auto_snapshot", "builder"}
    | {"campaigns", "draft"}
)
COMMON = frozenset({"name", "folder", "public", "remark", "campaigns"})
"""Fields that every audience has, however it came about."""
REFRESHES = frozenset({"refresh", "auto_snapshot"})
"""Fields that say how an audience is refreshed."""
RECOMPUTES = frozenset({"rule", "save_ids", "limit"})
"""Fields whose change makes the members of the version before wrong."""


@dataclass
class Definition:
    """Cleaned values, ready to be set on an audience. `campaigns`: None where nothing was said of them."""

    values: dict[str, Any] = field(default_factory=dict)
    rule: rules.Rule | None = None
    campaigns: list[Campaign] | None = None


def clean(access: Access, data: Mapping[str, Any], audience: Audience | None = None) -> Definition:
    """The cleaned definition; `audience` is the one being changed, whose other fields stay.

    Raises ValidationFailed with everything that is wrong, at paths such as `rule/items/0/value`.
    """
    errors: dict[str, list[str]] = {}
    found = Definition()
    _common(access, data, FIELDS, audience, found, errors)
    _rule(access, data, audience, found, errors)
    _refresh(access, data, audience, found, errors)
    if errors:
        raise ValidationFailed(
            _("The audience was not saved: some fields need another value."), errors=errors
        )
    return found


def clean_common(access: Access, data: Mapping[str, Any]) -> Definition:
    """Name, remark, folder, sharing and campaigns of a new audience that no rule describes. Raises ValidationFailed."""
    errors: dict[str, list[str]] = {}
    found = Definition()
    _common(access, data, COMMON, None, found, errors)
    if errors:
        raise ValidationFailed(
            _("The audience was not saved: some fields need another value."), errors=errors
        )
    return found


def _common(
    access: Access,
    data: Mapping[str, Any],
    known: frozenset[str],
    audience: Audience | None,
    found: Definition,
    errors: dict[str, list[str]],
) -> None:
    errors.update({name: [_("There is no such field.")] for name in sorted(set(data) - known)})
    if audience is None or "name" in data:
        _name(data.get("name"), found, errors)
    if "remark" in data:
        _text(data, "remark", REMARK_LENGTH, found, errors)
    for name in ("public", "auto_snapshot", "draft"):
        if name in data:
            _flag(data, name, found, errors)
    if audience is not None and not audience.draft and found.values.get("draft"):
        errors["draft"] = [_("An audience that has been computed cannot become a draft again. Copy it.")]
    if "folder" in data:
        _folder(access, data["folder"], found, errors)
    if "limit" in data:
        _limit(data["limit"], found, errors)
    if "campaigns" in data:
        try:
            found.campaigns = links.checked(access, data["campaigns"])
        except ValidationFailed as error:
            errors.update({path: [str(m) for m in messages] for path, messages in error.errors.items()})


def _name(value: Any, found: Definition, errors: dict[str, list[str]]) -> None:
    name = value.strip() if isinstance(value, str) else ""
    if 1 <= len(name) <= NAME_LENGTH:
        found.values["name"] = name
    else:
        errors["name"] = [_("Give a name of 1 to %(length)d characters.") % {"length": NAME_LENGTH}]


def _text(
    data: Mapping[str, Any], name: str, length: int, found: Definition, errors: dict[str, list[str]]
) -> None:
    value = data[name] or ""
    if isinstance(value, str) and len(value.strip()) <= length:
        found.values[name] = value.strip()
    else:
        errors[name] = [_("Use at most %(length)d characters.") % {"length": length}]


def _flag(data: Mapping[str, Any], name: str, found: Definition, errors: dict[str, list[str]]) -> None:
    if isinstance(data[name], bool):
        found.values[name] = data[name]
    else:
        errors[name] = [_("Use true or false.")]


def _folder(access: Access, value: Any, found: Definition, errors: dict[str, list[str]]) -> None:
    if value in (None, ""):
        found.values["folder"] = None
        return
    folder = Folder.objects.in_workspace(access.workspace).filter(pk=str(value)).first()
    if folder is None:
        errors["folder"] = [_("There is no such folder here.")]
    else:
        found.values["folder"] = folder


def _limit(value: Any, found: Definition, errors: dict[str, list[str]]) -> None:
    if value is None:
        found.values["limit"] = None
    elif isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10**12:
        found.values["limit"] = value
    else:
        errors["limit"] = [_("Give a whole number of 1 or more, or leave it empty.")]


def _rule(
    access: Access,
    data: Mapping[str, Any],
    audience: Audience | None,
    found: Definition,
    errors: dict[str, list[str]],
) -> None:
    catalog = WorkspaceCatalog(access.workspace, access=access)
    if audience is None or "rule" in data:
        try:
            found.rule = rule_checks.checked_rule(access, data.get("rule"), audience, catalog=catalog)
        except ValidationFailed as error:
            errors.update({path: [str(m) for m in messages] for path, messages in error.errors.items()})
            return
        if audience is not None and audience.source != catalog.source and audience.versions.exists():
            place = in_place.name_of(access.workspace, audience.source)
            errors["rule"] = [
                _(
                    "The members of this audience live in “%(name)s”. Make another audience of what lives elsewhere."
                )
                % {"name": place}
            ]
            return
        found.values["rule"] = rules.to_json(found.rule)
        found.values["source"] = catalog.source
        found.values["user_id_type"] = identities.user_id_type(found.rule, catalog)
    elif "save_ids" in data and audience.rule:
        try:
            found.rule = rule_checks.checked_rule(access, audience.rule, audience, catalog=catalog)
        except ValidationFailed as error:
            errors.update({path: [str(m) for m in messages] for path, messages in error.errors.items()})
            return
    if "save_ids" in data:
        _save_ids(catalog, data["save_ids"], found, errors)
    elif audience is not None and found.rule is not None:
        _save_ids(catalog, audience.save_ids, found, errors)
    if "builder" in data and isinstance(data["builder"], dict):
        found.values["builder"] = data["builder"]


def _save_ids(catalog: WorkspaceCatalog, value: Any, found: Definition, errors: dict[str, list[str]]) -> None:
    if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
        errors["save_ids"] = [_('Give a list of ID types, such as ["one_id", "mobile"].')]
        return
    if found.rule is None:
        return
    offered = {column.id_type for column in identities.id_columns(found.rule, catalog)}
    missing = [item for item in value if item not in offered]
    if missing:
        errors["save_ids"] = [
            _("The datasets of the rule have no column of the ID type “%(type)s”. They offer: %(offered)s.")
            % {"type": missing[0], "offered": ", ".join(sorted(offered))}
        ]
        return
    found.values["save_ids"] = list(dict.fromkeys(value))


def _refresh(
    access: Access,
    data: Mapping[str, Any],
    audience: Audience | None,
    found: Definition,
    errors: dict[str, list[str]],
) -> None:
    given = data.get("refresh", audience.refresh if audience and found.rule else None)
    try:
        policy = parse_policy(given)
    except ValidationFailed as error:
        errors.update({path: [str(m) for m in messages] for path, messages in error.errors.items()})
        return
    if policy is not None and policy.every == "hour":
        fits = (
            provenance.all_user_tags(access.workspace, found.rule)
            if found.rule is not None
            else audience is None or provenance.may_be_hourly(audience)
        )
        if not fits:
            errors["refresh/every"] = [
                _(
                    "Hourly refresh needs a rule whose conditions all come from user-tag datasets. Choose daily."
                )
            ]
            return
    if "refresh" in data:
        found.values["refresh"] = policy.stored() if policy else {}
