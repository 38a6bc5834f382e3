"""Snapshots: versions that are kept under a name until somebody deletes them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound
from cdp.core.timezones import zone
from insight.audiences import origins, usage, visibility
from insight.audiences.models import Audience, AudienceVersion
from insight.datasets import storage

LIMIT = 100


def name_of(version: AudienceVersion, audience: Audience) -> str:
    """`<audience>_<YYYYMMDDHHmmss>`: when the members were computed, on the workspace's clock."""
    moment = version.created_at.astimezone(zone(audience.workspace))
    return f"{audience.name}_{moment:%Y%m%d%H%M%S}"


def has_room(audience: Audience) -> bool:
    """Whether one more snapshot fits, where need be in the place of the oldest automatic one."""
    kept = audience.versions.filter(is_snapshot=True)
    return kept.count() < LIMIT or kept.filter(snapshot_auto=True).exists()


def keep(version: AudienceVersion, audience: Audience, *, automatic: bool = False) -> AudienceVersion:
    """Make a version a snapshot. Beyond the limit the oldest automatic one makes room; raises Conflict if none can."""
    if version.is_snapshot:
        return version
    kept = audience.versions.filter(is_snapshot=True)
    if kept.count() >= LIMIT:
        oldest = kept.filter(snapshot_auto=True).order_by("number").first()
        if oldest is None:
            raise Conflict(
                _("The audience has %(limit)d snapshots, the most there may be. Delete one first.")
                % {"limit": LIMIT},
                code="too_many_snapshots",
            )
        release(oldest)
    version.is_snapshot, version.snapshot_auto = True, automatic
    version.snapshot_name = name_of(version, audience)
    version.save(update_fields=["is_snapshot", "snapshot_auto", "snapshot_name"])
    return version


def release(version: AudienceVersion) -> None:
    """Make a snapshot an ordinary version again; it then goes with the old versions."""
    version.is_snapshot, version.snapshot_auto, version.snapshot_name = False, False, ""
    version.save(update_fields=["is_snapshot", "snapshot_auto", "snapshot_name"])


def take(access: Access, audience: Audience, number: int | None = None) -> AudienceVersion:
    """Keep the present version, or an older one by its number, as a snapshot, without a refresh.

    Raises ActionNotSupported, NotFound, Conflict: audience_empty, version_dropped, too_many_snapshots.
    """
    visibility.check_change(access, audience)
    origins.require(audience, "snapshot")
    with transaction.atomic():
        row = (
            Audience.objects.select_for_update(of=("self",))
            .select_related("current", "workspace")
            .get(pk=audience.pk)
        )
        if row.current is None:
            raise Conflict(_("The audience has not been computed yet."), code="audience_empty")
        snapshot = keep(row.current if number is None else kept_version(row, number), row)
        audit.record(access, "audience.snapshot_taken", audience, after={"snapshot": snapshot.snapshot_name})
    return snapshot


def kept_version(audience: Audience, number: Any) -> AudienceVersion:
    """A version whose members are still kept. Raises NotFound, Conflict `version_dropped`."""
    found = audience.versions.filter(number=int(number)).first() if str(number).isdecimal() else None
    if found is None:
        raise NotFound(_("The audience has no such version."))
    if found.dropped_at is not None:
        raise Conflict(
            _("The members of this version are no longer kept; only its figures are. Snapshots are kept."),
            code="version_dropped",
        )
    return found


def get(audience: Audience, snapshot_id: str) -> AudienceVersion:
    """A snapshot by its ID or its name. Raises NotFound."""
    rows = audience.versions.filter(is_snapshot=True)
    found = rows.filter(pk=snapshot_id).first() or rows.filter(snapshot_name=snapshot_id).first()
    if found is None:
        raise NotFound(_("There is no such snapshot."))
    return found


def delete(access: Access, audience: Audience, version: AudienceVersion) -> None:
    """Delete a snapshot and its members. Raises Conflict while the rule of an audience reads it."""
    visibility.check_change(access, audience)
    readers = usage.snapshot_readers(version)
    if readers:
        raise Conflict(
            _("The snapshot is used by: %(names)s. Change these first.") % {"names": ", ".join(readers)},
            code="snapshot_in_use",
        )
    name, current = version.snapshot_name, audience.current_id == version.pk
    with transaction.atomic():
        release(version)
        if not current:
            # The figures stay: without the row it would look as if the version before had been current then.
            table, workspace = version.table_name, version.workspace_id
            version.dropped_at = timezone.now()
            version.save(update_fields=["dropped_at"])
            transaction.on_commit(lambda: storage.drop_named(workspace, audience.source, [table]))
        audit.record(access, "audience.snapshot_deleted", audience, before={"snapshot": name})
