"""Looking after sources at night: do they still answer, which grants end soon, which columns are new.

What is found goes to the message centres of those who can do something about it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import User
from admin_center.permissions.looking_after import administrators_of, managers_of, tell
from cdp.core.errors import DomainError
from insight.datasources.connections.diagnosis import diagnose
from insight.datasources.models import Connection, TableControl, TableGrant
from insight.datasources.organization import sharing

log = logging.getLogger(__name__)
WARNED_DAYS = (7, 1)
"""How many days before its end a grant is spoken of."""


def check_sources() -> int:
    """Try every source; those who look after one that fails are told when it begins to. Answers how many fail."""
    failing = 0
    for source in Connection.objects.select_related("workspace", "organization"):
        try:
            failing += _check(source)
        except Exception:
            log.exception("The source %s could not be checked.", source.pk)
    return failing


def warn_of_ends() -> int:
    """Tell the administrators of a workspace of grants that end within a week, and again within a day."""
    told, now = 0, timezone.now()
    soon = TableGrant.objects.filter(
        expires_at__gt=now, expires_at__lte=now + timedelta(days=max(WARNED_DAYS))
    )
    for grant in soon.select_related("workspace", "connection").order_by("pk"):
        assert grant.expires_at is not None
        days = min(days for days in WARNED_DAYS if grant.expires_at <= now + timedelta(days=days))
        if grant.warned is not None and grant.warned <= days:
            continue
        TableGrant.objects.filter(pk=grant.pk).update(warned=days)
        url = reverse("datasources:source", args=[grant.workspace.slug, grant.connection_id])
        with timezone.override(grant.workspace.time_zone):
            tell(
                administrators_of(grant.workspace),
                _("%(table)s of “%(source)s” is shared with “%(workspace)s” until %(date)s only"),
                {
                    "table": grant.remote or _("Every table"),
                    "source": grant.connection,
                    "workspace": grant.workspace,
                    "date": date_format(timezone.localtime(grant.expires_at), "Y-m-d H:i"),
                },
                text=_("Then it is not copied any more. Ask a manager of your organization for more time."),
                url=url,
                level="warning",
                workspace=grant.workspace,
            )
        told += 1
    return told


def tell_of_new_columns() -> int:
    """Tell the organization's managers of columns that have been added to tables that are shared by columns."""
    told = 0
    controls = TableControl.objects.filter(by_columns=True).select_related("connection__organization")
    for control in controls:
        try:
            present = list(sharing.columns_of(control.connection, control.remote))
        except DomainError:
            # A source that does not answer, or a table that is gone, is told of elsewhere.
            continue
        new = [name for name in present if name not in control.known_columns]
        if present != control.known_columns:
            TableControl.objects.filter(pk=control.pk).update(known_columns=present)
        if not new:
            continue
        where = reverse("organization-sources:share-columns", args=[control.connection_id])
        tell(
            managers_of(control.connection.organization),
            _("New columns in %(table)s of “%(source)s”: %(names)s"),
            {"table": control.remote, "source": control.connection, "names": ", ".join(new)},
            text=_("Nobody sees them until they are shared."),
            url=f"{where}?table={control.remote}",
            level="warning",
        )
        told += 1
    return told


def _check(source: Connection) -> bool:
    found = diagnose(source)
    rows = Connection.objects.filter(pk=source.pk)
    if found.failure is None:
        rows.update(
            failing_since=None, failure="", server_version=found.version[:100], tested_at=timezone.now()
        )
        return False
    rows.update(failing_since=source.failing_since or timezone.now(), failure=str(found.failure))
    if source.failing_since is None:
        people: Iterable[User]
        if source.is_shared:
            people = managers_of(source.organization)
            url = reverse("organization-sources:detail", args=[source.pk])
        else:
            assert source.workspace is not None
            people = administrators_of(source.workspace)
            url = reverse("datasources:source", args=[source.workspace.slug, source.pk])
        tell(
            people,
            _("The data source “%(source)s” does not let us in any more"),
            {"source": source},
            text=f"{found.failure}",
            url=url,
            level="error",
            workspace=source.workspace,
        )
    return True
