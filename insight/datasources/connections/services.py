"""Use cases of databases outside: add, test, change, remove."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PreconditionFailed, ValidationFailed
from cdp.core.registry import Registry
from insight.datasources.connections import engines, in_place
from insight.datasources.connections.diagnosis import Diagnosis, diagnose
from insight.datasources.connections.dialects import DIALECTS
from insight.datasources.models import Connection
from insight.datasources.services import used_by

needed_by: Registry[Any] = Registry("need of a source")
"""Functions (source -> names of what writes to it), registered by higher layers."""
KEPT = "••••••"
"""What a form or an API client sends back for a password that shall stay as it is."""
FIELDS = ("name", "region", "kind", "host", "port", "database", "schema", "account", "password", "tls")
SWITCHES = ("push_down",)
_LENGTHS = {
    "name": 64,
    "region": 64,
    "host": 253,
    "database": 128,
    "schema": 63,
    "account": 128,
    "password": 500,
}
_PLACE = ("host", "port", "account", "tls")
"""Where a kept password would be sent, and how: it must be typed again when one of these changes."""
_NOTED = ["server_version", "tested_at", "write_back", "failing_since", "failure"]
_HOST = re.compile(r"[\w.:%-]+", re.UNICODE)


def create(access: Access, values: Mapping[str, Any], *, organization: Any = None) -> Connection:
    """A new source of the workspace or of an organization, after a passed test.

    Raises ValidationFailed with the fields, or with the step that failed.
    """
    owner = {"workspace": access.workspace} if organization is None else {"organization": organization}
    connection = Connection(**owner, created_by=access.user)
    _assign(connection, values)
    in_place.switch(connection, values)
    _save(connection, _passed(connection))
    audit.record(access, "source.created", connection, after=shown(connection))
    return connection


def update(
    access: Access, connection: Connection, values: Mapping[str, Any], *, edit_version: int | None = None
) -> Connection:
    """Change a source, after a passed test. Its kind stays; so does a password that is not given, or given as dots.

    Work that is running goes on with the old settings. Raises ValidationFailed, PreconditionFailed.
    """
    if edit_version is not None and edit_version != connection.edit_version:
        raise PreconditionFailed()
    before = shown(connection)
    new_password = values.get("password") not in (None, KEPT)
    _assign(connection, values)
    in_place.switch(connection, values)
    connection.bump()
    _save(connection, _passed(connection))
    after = {name: value for name, value in shown(connection).items() if value != before[name]}
    audit.record(
        access,
        "source.changed",
        connection,
        before={name: before[name] for name in after},
        after=after,
        detail={"new_login": True} if new_password else None,
    )
    return connection


def test(access: Access, values: Mapping[str, Any], connection: Connection | None = None) -> Diagnosis:
    """Try settings without saving them: those of a new source, or changes of a saved one. Raises ValidationFailed."""
    tried = connection or Connection(workspace=access.workspace, name="–")
    _assign(tried, {name: value for name, value in values.items() if name != "name"})
    found = diagnose(tried)
    audit.record(
        access,
        "source.tested",
        connection,
        detail={"address": tried.address, "account": tried.account, "ok": found.ok},
        workspace=access.workspace,
    )
    return found


def retest(access: Access, connection: Connection) -> Diagnosis:
    """Try a saved source as it is; a passed test is noted at it."""
    found = test(access, {}, connection)
    if found.ok:
        _note(connection, found)
        connection.save(update_fields=_NOTED)
    return found


def _note(connection: Connection, found: Diagnosis) -> None:
    """What a passed test has found."""
    connection.server_version, connection.tested_at = found.version[:100], timezone.now()
    connection.write_back = found.write_back
    connection.failing_since, connection.failure = None, ""


def delete(access: Access, connection: Connection) -> None:
    """Remove a source that no table is fed from and nothing lives in. Raises Conflict with their names."""
    names = blockers(connection)
    if names:
        raise _in_use(names)
    connection_id = connection.pk
    try:
        with in_place.kept_free(connection):
            audit.record(access, "source.deleted", connection, before=shown(connection))
            connection.delete()
        engines.forget(connection_id)
    except ProtectedError:
        raise _in_use(blockers(connection)) from None


def blockers(connection: Connection) -> list[str]:
    """What lives in a source or writes to it, and the tables that are copied from it with what is made of them.

    It cannot be removed before them.
    """
    found = [*in_place.users(connection), *(name for finder in needed_by for name in finder(connection))]
    for feed in connection.feeds.select_related("table", "workspace").order_by(
        "workspace__name", "table__name"
    ):
        users = used_by(feed.table)
        name = f"{feed.workspace}: {feed.table.name}" if connection.is_shared else feed.table.name
        found.append(f"{name} ({', '.join(users)})" if users else name)
    return found


def _in_use(names: list[str]) -> Conflict:
    return Conflict(
        _("This source is in use: %(names)s. Remove these first, or part copied tables from it.")
        % {"names": ", ".join(names)},
        code="in_use",
    )


def shown(connection: Connection) -> dict[str, Any]:
    """The settings without the password."""
    return {name: getattr(connection, name) for name in (*FIELDS, *SWITCHES) if name != "password"}


def _passed(connection: Connection) -> Diagnosis:
    found = diagnose(connection)
    if not found.ok:
        raise found.refusal()
    return found


def _save(connection: Connection, found: Diagnosis) -> None:
    _note(connection, found)
    if connection.push_down and not found.write_back:
        message = found.no_write
        raise ValidationFailed(message, errors={"push_down": [message]}, steps=found.steps)
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError:
        message = _("Another source has this name.")
        raise Conflict(message, code="name_taken", errors={"name": [message]}) from None


def _assign(connection: Connection, given: Mapping[str, Any]) -> None:
    """Put checked values on a source. Raises ValidationFailed with all fields that need another one."""
    errors: dict[str, list[str]] = {}
    for name in set(map(str, given)) - {*FIELDS, *SWITCHES}:
        errors[name] = [_("Unknown field.")]
    is_new = connection._state.adding
    values = {name: given[name] for name in FIELDS if given.get(name) is not None}
    if values.get("password") == KEPT:
        del values["password"]
    _assign_kind(connection, values, errors, is_new=is_new)
    for name, length in _LENGTHS.items():
        if name in values:
            _assign_text(connection, name, values[name], length, errors)
    if "port" in values or is_new:
        _assign_port(connection, values.get("port"), errors)
    if values.get("tls", connection.tls) not in Connection.Tls.values:
        errors["tls"] = [_("Choose one of %(types)s.") % {"types": ", ".join(Connection.Tls.values)}]
    else:
        connection.tls = values.get("tls", connection.tls)
    _check_needed(connection, errors)
    if not is_new and "password" not in values and not errors:
        _check_place(connection, errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _assign_kind(
    connection: Connection, values: Mapping[str, Any], errors: dict[str, list[str]], *, is_new: bool
) -> None:
    kind = values.get("kind", connection.kind)
    if kind not in Connection.Kind.values:
        errors["kind"] = [_("Choose one of %(types)s.") % {"types": ", ".join(Connection.Kind.values)}]
    elif not is_new and kind != connection.kind:
        errors["kind"] = [_("The kind of a source cannot be changed. Add another source.")]
    else:
        connection.kind = kind


def _assign_text(
    connection: Connection, name: str, value: Any, length: int, errors: dict[str, list[str]]
) -> None:
    if not isinstance(value, str):
        errors[name] = [_("This must be text.")]
        return
    value = value if name == "password" else value.strip()
    if len(value) > length:
        errors[name] = [_("Use at most %(length)d characters.") % {"length": length}]
    elif any(ord(character) < 32 or ord(character) == 127 for character in value):
        errors[name] = [_("Line breaks and other control characters are not allowed here.")]
    elif name == "host" and value and not _HOST.fullmatch(value.strip("[]")):
        errors[name] = [_("Give a host name or an IP address alone, without http:// and without the port.")]
    else:
        setattr(connection, name, value.strip("[]") if name == "host" else value)


def _assign_port(connection: Connection, value: Any, errors: dict[str, list[str]]) -> None:
    if value in (None, "") and connection.kind in DIALECTS:
        value = DIALECTS[connection.kind].port
    number = int(value) if str(value).isascii() and str(value).isdigit() and len(str(value)) < 6 else 0
    if isinstance(value, bool) or not 0 < number < 65_536:
        errors["port"] = [_("A whole number from 1 to 65535.")]
    else:
        connection.port = number


def _check_needed(connection: Connection, errors: dict[str, list[str]]) -> None:
    if connection.kind == Connection.Kind.POSTGRESQL:
        connection.schema = connection.schema or "public"
    else:
        connection.schema = ""
    for name in ("name", "host", "database", "account"):
        if not getattr(connection, name) and name not in errors:
            errors[name] = [_("This is needed.")]


def _check_place(connection: Connection, errors: dict[str, list[str]]) -> None:
    """A kept password is sent nowhere but where it was typed for."""
    saved = Connection.objects.filter(pk=connection.pk).values(*_PLACE).first() or {}
    if any(getattr(connection, name) != value for name, value in saved.items()):
        errors["password"] = [
            _(
                "Type the password again, because the address, the account or the encryption is another one now."
            )
        ]
