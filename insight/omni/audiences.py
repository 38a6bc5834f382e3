"""Audiences of omni-domain insight: picked by omni tags and by belonging to other audiences, among the population.

A definition is `{"groups": [{"op", "items": [{"op", "tag", "values"} | {"op", "audience"}]}]}`. Each `op` (union,
intersect, subtract) joins an item, or a group, to what stands before it; the first one's is not looked at. Items are
joined from left to right, and so are groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import ibis
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, PermissionDenied, ValidationFailed
from cdp.core.timezones import zone
from cdp.warehouse import get_engine
from insight.audiences import origins, refreshing, services, visibility
from insight.audiences.identities import IdColumn
from insight.audiences.membership import Members
from insight.audiences.models import Audience
from insight.audiences.schedule import parse_policy
from insight.omni import features, uses, wording
from insight.omni import pack as packs
from insight.omni.features import ORIGIN
from insight.omni.receiving import POPULATION

MOST_GROUPS, MOST_ITEMS, MOST_VALUES, MOST_FEATURES = 5, 4, 200, 40
SHOWN_VERSIONS = 30
OPERATIONS = ("union", "intersect", "subtract")
DAILY = {"every": "day", "at": "04:00"}
"""After the day's tags have been counted."""
COMMON = ("name", "public", "remark", "folder", "campaigns")


def create(access: Access, data: Mapping[str, Any]) -> Audience:
    """Make an audience: name, public, daily (update every day), groups. Raises ValidationFailed, Conflict."""
    pack = packs.require(access.workspace)
    groups = _checked(access, data.get("groups"))
    tags = [item["tag"] for part in groups for item in part["items"] if "tag" in item]
    made = _make(access, data, {"groups"}, groups)
    uses.note(access.workspace, [tag for tag in tags if pack.tag(tag)])
    return made


def extract(access: Access, data: Mapping[str, Any]) -> Audience:
    """Make an audience of people with features: `features` [{"tag", "value"}], `match` all or any.

    With `audience` only those of them who are in that one, too.
    """
    pack = packs.require(access.workspace)
    given, errors = data.get("features"), {}
    match = data.get("match", "all")
    if match not in ("all", "any"):
        errors["match"] = [_("Choose one of %(types)s.") % {"types": "all, any"}]
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_FEATURES:
        errors["features"] = [_("Choose 1 to %(most)d features.") % {"most": MOST_FEATURES}]
        given = []
    for place, item in enumerate(given):
        if (
            not isinstance(item, dict)
            or not pack.tag(str(item.get("tag")))
            or not isinstance(item.get("value"), str)
        ):
            errors[f"features/{place}"] = [_("Give a tag of the pack and a value.")]
    among = _audience(access, data["audience"], "audience", errors) if data.get("audience") else None
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    op = "intersect" if match == "all" else "union"
    items = [{"op": op, "tag": item["tag"], "values": [item["value"]]} for item in given]
    groups = [{"op": "union", "items": items}]
    if among:
        groups.append({"op": "intersect", "items": [{"op": "union", "audience": among}]})
    made = _make(access, data, {"features", "match", "audience"}, groups)
    uses.note(access.workspace, [item["tag"] for item in items])
    return made


def _make(access: Access, data: Mapping[str, Any], own: set[str], groups: list[dict[str, Any]]) -> Audience:
    common = {key: value for key, value in data.items() if key not in own | {"daily"}}
    daily = data.get("daily", False)
    if not isinstance(daily, bool):
        raise ValidationFailed(errors={"daily": [_("Use true or false.")]})
    with transaction.atomic():
        audience = services.create_outside(access, ORIGIN, common, user_id_type="", detail={"groups": groups})
        audience.save_ids = []
        if daily:
            audience.refresh = DAILY
            policy = parse_policy(DAILY)
            audience.next_refresh_at = policy and policy.next_after(timezone.now(), zone(access.workspace))
        audience.save(update_fields=["save_ids", "refresh", "next_refresh_at"])
        refreshing.request(access, audience, snapshot=False)
    return audience


def delete(access: Access, audience: Audience) -> None:
    """Delete one's own audience of this module. Raises PermissionDenied, Conflict where something uses it."""
    if audience.owner_id != access.user.pk and not access.is_admin:
        raise PermissionDenied(_("Only the owner of the audience can delete it."))
    services.delete(access, audience, at_origin=True)


def get(access: Access, audience_id: str) -> Audience:
    """An audience of this module. Raises NotFound."""
    found = visibility.get_visible(access, audience_id)
    if found.origin != ORIGIN:
        raise NotFound(_("There is no such audience of omni-domain insight here."))
    return found


def sizes(audience: Audience) -> Any:
    """Its latest versions, the newest first: how many people there were, who joined and who left."""
    return audience.versions.order_by("-number")[:SHOWN_VERSIONS]


def visible(access: Access) -> Any:
    """One's own and the public ones."""
    return visibility.visible(access).filter(origin=ORIGIN)


def _checked(access: Access, given: Any) -> list[dict[str, Any]]:
    """The groups in their stored form. Raises ValidationFailed with paths below `groups`."""
    pack = packs.require(access.workspace)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_GROUPS:
        raise ValidationFailed(errors={"groups": [_("Give 1 to %(most)d groups.") % {"most": MOST_GROUPS}]})
    errors: dict[str, list[str]] = {}
    groups = []
    for number, part in enumerate(given):
        path = f"groups/{number}"
        items = part.get("items") if isinstance(part, dict) else None
        if not isinstance(items, list) or not 1 <= len(items) <= MOST_ITEMS:
            errors[path] = [_("A group has 1 to %(most)d conditions.") % {"most": MOST_ITEMS}]
            continue
        kept = []
        for place, item in enumerate(items):
            found = _item(access, pack, item, f"{path}/items/{place}", errors)
            if found:
                kept.append(found)
        groups.append({"op": _operation(part, path, errors), "items": kept})
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return groups


def _operation(given: Mapping[str, Any], path: str, errors: dict[str, list[str]]) -> str:
    op = given.get("op", "union")
    if op not in OPERATIONS:
        errors[f"{path}/op"] = [_("Choose one of %(types)s.") % {"types": ", ".join(OPERATIONS)}]
    return str(op)


def _item(
    access: Access, pack: Any, item: Any, path: str, errors: dict[str, list[str]]
) -> dict[str, Any] | None:
    if not isinstance(item, dict) or set(item) - {"op", "tag", "values", "audience"}:
        errors[path] = [_("Give a tag with values, or an audience.")]
        return None
    op = _operation(item, path, errors)
    if "audience" in item:
        audience = _audience(access, item["audience"], f"{path}/audience", errors)
        return {"op": op, "audience": audience} if audience else None
    values = item.get("values")
    if pack.tag(str(item.get("tag"))) is None:
        errors[f"{path}/tag"] = [_("The pack has no tag “%(tag)s”.") % {"tag": item.get("tag", "")}]
    elif (
        not isinstance(values, list)
        or not 1 <= len(values) <= MOST_VALUES
        or not all(isinstance(value, str) and value for value in values)
    ):
        errors[f"{path}/values"] = [_("Choose 1 to %(most)d values.") % {"most": MOST_VALUES}]
    else:
        return {"op": op, "tag": item["tag"], "values": list(dict.fromkeys(values))}
    return None


def _audience(access: Access, given: Any, path: str, errors: dict[str, list[str]]) -> str | None:
    """The ID of an audience whose people are known here."""
    try:
        audience = visibility.get_visible(access, str(given))
        features.devices(access.workspace, audience)
    except (NotFound, Conflict) as error:
        errors[path] = [str(error)]
        return None
    return str(audience.pk)


def members(audience: Audience, today: date) -> Members:
    """The people of a definition, with their hashed IDs."""
    workspace = audience.workspace
    pack = packs.require(workspace)
    engine = get_engine()
    population = engine.table(workspace, POPULATION).select("device")
    library = features.pack_table(pack).semi_join(population, "device")
    found: ibis.Table | None = None
    for part in audience.origin_detail["groups"]:
        inside: ibis.Table | None = None
        for item in part["items"]:
            inside = _joined(inside, item["op"], _people(workspace, library, population, item))
        assert inside is not None
        found = _joined(found, part["op"], inside)
    assert found is not None
    kinds = {name.removesuffix("_md5"): name for name in pack.id_columns if name.endswith("_md5")}
    chosen = features.pack_table(pack).semi_join(found, "device")
    if set(audience.save_ids) != set(kinds):
        Audience.objects.filter(pk=audience.pk).update(save_ids=list(kinds))
        audience.save_ids = list(kinds)
    columns = {
        kind: [IdColumn(kind, "", pack.name, name, "md5", None, False)] for kind, name in kinds.items()
    }
    return Members(
        chosen.select(user_unique_id=chosen.device, **{kind: chosen[name] for kind, name in kinds.items()}),
        "",
        columns,
    )


def _people(workspace: Any, library: ibis.Table, population: ibis.Table, item: dict[str, Any]) -> ibis.Table:
    if "audience" in item:
        audience = Audience.objects.in_workspace(workspace).filter(pk=item["audience"]).first()
        if audience is None:
            raise Conflict(_("An audience that this one asks for is no longer there."), code="rule_outdated")
        return population.semi_join(features.devices(workspace, audience), "device")
    if item["tag"] not in library.columns:
        raise Conflict(
            _("The pack has no tag “%(tag)s” any more.") % {"tag": item["tag"]}, code="rule_outdated"
        )
    return library.filter(library[item["tag"]].isin(item["values"])).select("device")


def _joined(before: ibis.Table | None, op: str, people: ibis.Table) -> ibis.Table:
    if before is None:
        return people
    if op == "union":
        return ibis.union(before, people, distinct=True)
    return before.semi_join(people, "device") if op == "intersect" else before.anti_join(people, "device")


origins.register(
    origins.Origin(
        key=ORIGIN,
        label=gettext_lazy("Omni-domain insight"),
        actions=frozenset({"use"}),
        members=members,
        words=wording.sentence,
    )
)
