"""What changes audiences: one function per use case. Permission points are checked by the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, naming
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.timezones import zone
from insight.audiences import definition, origins, provenance, refreshing, rules, usage, visibility
from insight.audiences.campaign_links import KIND
from insight.audiences.models import Audience, Dependency, Folder
from insight.audiences.schedule import parse_policy
from insight.campaigns import links
from insight.campaigns import rights as campaign_rights
from insight.datasets import storage, tag_uses
from insight.datasets.models import TagUse
from insight.datasources.models import LAKE

_LOGGED = (
    "name",
    "rule",
    "save_ids",
    "ids_from",
    "public",
    "remark",
    "limit",
    "refresh",
    "auto_snapshot",
    "draft",
)


def create(
    access: Access,
    data: Mapping[str, Any],
    *,
    compute: bool = True,
    origin: str = "selection",
    ids_from: int = 1,
) -> Audience:
    """Make an audience from a rule and start computing it, unless it is a draft. Fields as in the API.

    `ids_from`: of several audiences in the rule, the place of the one whose IDs count where they disagree.
    Raises ValidationFailed with the path of everything that is wrong.
    """
    found = definition.clean(access, data)
    audience = Audience(workspace=access.workspace, owner=access.user, origin=origin, ids_from=ids_from)
    _set(audience, found.values)
    with transaction.atomic():
        _save(audience, new=True)
        _write_dependencies(audience, found.rule)
        _count_tags(access, found.rule)
        audit.record(access, "audience.created", audience, after=_logged(audience))
        _link(access, audience, found)
        if compute and not audience.draft:
            refreshing.request(access, audience, snapshot=False)
    return audience


def create_outside(
    access: Access,
    origin: str,
    data: Mapping[str, Any],
    *,
    user_id_type: str,
    detail: dict[str, Any],
    source: str = LAKE,
) -> Audience:
    """Make an audience whose members no rule describes. The caller starts what fetches them.

    `data`: name, folder, public, remark, campaigns. `detail` is what its origin needs to know to find the members,
    which live in the data source `source`.
    """
    found = definition.clean_common(access, data)
    audience = Audience(workspace=access.workspace, owner=access.user, origin=origin, source=source)
    _set(audience, {**found.values, "user_id_type": user_id_type, "save_ids": [user_id_type]})
    audience.origin_detail = detail
    with transaction.atomic():
        _save(audience, new=True)
        audit.record(access, "audience.created", audience, after={**_logged(audience), "origin": origin})
        _link(access, audience, found)
    return audience


def update(
    access: Access,
    audience: Audience,
    data: Mapping[str, Any],
    *,
    etag: str = "",
    ids_from: int | None = None,
) -> Audience:
    """Change an audience. A changed rule, limit or choice of IDs is computed anew; the old version stays meanwhile.

    Raises PermissionDenied, ActionNotSupported, PreconditionFailed for an outdated `etag`, ValidationFailed.
    """
    visibility.check_change(access, audience)
    known = definition.COMMON | definition.REFRESHES
    if definition.RECOMPUTES & set(data) or (audience.rule is None and set(data) - known):
        origins.require(audience, "edit")
    if any(data.get(name) for name in definition.REFRESHES):
        origins.require(audience, "refresh")
    if audience.rule is None:
        origins.require(audience, "move")
    with transaction.atomic():
        audience = Audience.objects.select_for_update(of=("self",)).get(pk=audience.pk)
        if etag and etag not in ("*", audience.etag):
            raise PreconditionFailed(
                _("Load the audience again, repeat your change on it, and save once more.")
            )
        found = definition.clean(access, data, audience)
        before = _logged(audience)
        _set(audience, found.values)
        audience.ids_from = ids_from or audience.ids_from
        after = _logged(audience)
        changed = {name for name in after if before[name] != after[name]}
        if "rule" in changed:
            audience.rule_version += 1
        audience.bump()
        _save(audience)
        if found.rule is not None and "rule" in found.values:
            _write_dependencies(audience, found.rule)
            _count_tags(access, found.rule)
        if changed:
            audit.record(
                access,
                "audience.changed",
                audience,
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
        _link(access, audience, found)
        if not audience.draft and (definition.RECOMPUTES | {"draft", "ids_from"}) & changed:
            refreshing.request(access, audience, snapshot=False)
    return audience


def copy(access: Access, audience: Audience, data: Mapping[str, Any]) -> Audience:
    """A new audience of one's own with the same definition and refresh settings; `data` may change any field.

    Others see their copy under their own name; it never shares members with the first one.
    """
    origin = origins.require(audience, "copy")
    if origin.copy is not None:
        common = {
            "name": free_name(access, audience.name),
            "remark": audience.remark,
            "folder": audience.folder_id,
            "campaigns": _usable_campaigns(access, audience),
        }
        copied = origin.copy(access, audience, {**common, **data})
        audit.record(access, "audience.copied", copied, detail={"from": audience.pk})
        return copied
    given = {
        "rule": audience.rule,
        "save_ids": audience.save_ids,
        "remark": audience.remark,
        "limit": audience.limit,
        "refresh": audience.refresh,
        "auto_snapshot": audience.auto_snapshot,
        "draft": audience.draft,
        "folder": audience.folder_id,
        "name": free_name(access, audience.name),
        "campaigns": _usable_campaigns(access, audience),
        **data,
    }
    copied = create(access, given, origin=audience.origin, ids_from=audience.ids_from)
    audit.record(access, "audience.copied", copied, detail={"from": audience.pk})
    return copied


def free_name(access: Access, name: str) -> str:
    """A name for a copy that the person has not used yet."""
    taken = set(
        Audience.objects.in_workspace(access.workspace)
        .filter(owner=access.user)
        .values_list("name", flat=True)
    )
    return naming.first_free(name, naming.copies(), taken, definition.NAME_LENGTH)


def move(access: Access, audiences: Iterable[Audience], folder: Folder | None) -> int:
    """Put audiences into a folder (None: the root). All or nothing; returns how many moved."""
    rows = list(audiences)
    for audience in rows:
        visibility.check_change(access, audience)
        origins.require(audience, "move")
    with transaction.atomic():
        Audience.objects.filter(pk__in=[row.pk for row in rows]).update(folder=folder)
        for audience in rows:
            audit.record(
                access,
                "audience.moved",
                audience,
                before={"folder": audience.folder_id},
                after={"folder": folder.pk if folder else None},
            )
    return len(rows)


def delete(access: Access, audience: Audience, *, at_origin: bool = False) -> None:
    """Delete an audience with its versions and snapshots. Raises Conflict listing what still uses it.

    `at_origin`: the module that it comes from asks, which may delete what the list of audiences does not offer to.
    """
    visibility.check_change(access, audience)
    if not at_origin:
        origins.require(audience, "delete")
    blocking = [use for use in usage.used_by(audience) if use.blocks]
    if blocking:
        names = ", ".join(f"{use.kind} “{use.name}”" for use in blocking[:10])
        raise Conflict(
            _("The audience “%(name)s” is still used by: %(names)s. Change or delete these first.")
            % {"name": audience.name, "names": names},
            code="audience_in_use",
            used_by=[{"kind": str(use.kind), "name": use.name} for use in blocking],
        )
    with transaction.atomic():
        tables = list(audience.versions.filter(dropped_at__isnull=True).values_list("table_name", flat=True))
        tables += [f"{audience.pk}_v{n}" for n in range(audience.version + 1, audience.numbers_used + 1)]
        detail = audience.origin_detail
        tables += [detail[name] for name in ("table", "refused_table") if detail.get(name)]
        if audience.origin == "table":
            tables.append(f"{audience.pk}_read")
        refreshing.stop(access, audience)
        audit.record(
            access, "audience.deleted", audience, before={**_logged(audience), "count": audience.count}
        )
        links.forget(KIND, audience.pk)
        try:
            audience.delete()
        except ProtectedError as error:
            names = ", ".join(str(row) for row in list(error.protected_objects)[:10])
            raise Conflict(
                _("The audience “%(name)s” is still used by: %(names)s.")
                % {"name": audience.name, "names": names},
                code="audience_in_use",
            ) from None
        workspace, source = audience.workspace_id, audience.source
        transaction.on_commit(lambda: storage.drop_named(workspace, source, tables))


def set_refresh(
    access: Access,
    audience: Audience,
    policy: Mapping[str, Any] | None,
    *,
    auto_snapshot: bool | None = None,
    etag: str = "",
) -> Audience:
    """Change the periodic refresh (`{}`: none) and whether manual ones keep snapshots."""
    origins.require(audience, "refresh")
    data: dict[str, Any] = {"refresh": dict(policy or {})}
    if auto_snapshot is not None:
        data["auto_snapshot"] = auto_snapshot
    return update(access, audience, data, etag=etag)


def _link(access: Access, audience: Audience, found: definition.Definition) -> None:
    if found.campaigns is not None:
        links.link(access, KIND, audience, found.campaigns)


def _usable_campaigns(access: Access, audience: Audience) -> list[str]:
    """Those of the audience that the person may link to as well."""
    rows = campaign_rights.linkable(access).filter(pk__in=links.ids_of(KIND, audience.pk))
    return list(rows.values_list("pk", flat=True))


def _set(audience: Audience, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name != "builder":
            setattr(audience, name, value)
    if "rule" in values:
        builder = values.get("builder")
        audience.origin_detail = {**audience.origin_detail, "builder": builder} if builder else {}
    policy = parse_policy(audience.refresh)
    audience.next_refresh_at = policy.next_after(timezone.now(), zone(audience.workspace)) if policy else None


def _save(audience: Audience, *, new: bool = False) -> None:
    try:
        with transaction.atomic():
            audience.save(force_insert=new)
    except IntegrityError:
        message = _("You have an audience of this name already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def _logged(audience: Audience) -> dict[str, Any]:
    return {**{name: getattr(audience, name) for name in _LOGGED}, "folder": audience.folder_id}


def _count_tags(access: Access, rule: rules.Rule | None) -> None:
    """Saving a selection is a use of its tags, also of those that were in it before; refreshing it is none."""
    for _kind, target, columns in provenance.dependencies(rule) if rule is not None else ():
        tag_uses.record(access, target, columns, TagUse.Kind.SELECTION)


def _write_dependencies(audience: Audience, rule: rules.Rule | None) -> None:
    if rule is None:
        return
    found = provenance.dependencies(rule)
    Dependency.objects.filter(audience=audience).delete()
    Dependency.objects.bulk_create(
        [
            Dependency(audience=audience, kind=kind, target=target, columns=columns)
            for kind, target, columns in found
        ]
    )
