"""The return source of a platform's replies: a database of the organization that each reply is written to as well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import DomainError, NotFound, ValidationFailed
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.dialects import dialect_of
from insight.datasources.models import Connection
from insight.datasources.organization.grants import sources_seen_in
from marketing.channels.base import ConfigField, ProviderType
from marketing.channels.models import Provider, ProviderSettings, SharedProvider

SETTING = "return_source"
TABLE = "tideline_uplink"
COLUMNS = ("id", "workspace_id", "phone", "content", "sign_name", "dest_code", "received_at", "raw")
_TYPES = {
    Connection.Kind.POSTGRESQL: ("timestamptz", "json"),
    Connection.Kind.MYSQL: ("datetime", "longtext"),
}
FIELD = ConfigField(
    SETTING,
    gettext_lazy("Return data source of replies"),
    kind="source",
    help_text=gettext_lazy(
        "Each reply is also written to the table tideline_uplink of this database. "
        "Only data sources of the organization."
    ),
)


def choices(provider: ProviderSettings) -> QuerySet[Connection]:
    """The organization's sources that a provider may write to: of a workspace's provider those shared with it."""
    if isinstance(provider, SharedProvider):
        return Connection.objects.filter(organization=provider.organization_id).order_by("name")
    if isinstance(provider, Provider) and provider.shared_id:
        return choices(provider.shared)  # type: ignore[arg-type]
    assert isinstance(provider, Provider)
    rows = sources_seen_in(provider.workspace).filter(organization__isnull=False)
    return rows.order_by("name")


def of(provider: Provider) -> str:
    """The ID of a provider's return source; empty where it has none."""
    return str(provider.config.get(SETTING) or "")


def find(provider: ProviderSettings) -> Connection:
    """A provider's return source. Raises NotFound (source_missing) where it is gone, or not shared any more."""
    found = choices(provider).filter(pk=str(provider.config.get(SETTING) or "")).first()
    if found is None:
        raise NotFound(
            _("The return data source is gone, or your organization does not share it any more."),
            code="source_missing",
        )
    return found


def name_of(source: str) -> str:
    """What people call a source; its ID where it is gone."""
    return Connection.objects.filter(pk=source).values_list("name", flat=True).first() or source


def problems(config: Mapping[str, Any]) -> dict[str, str]:
    """A source without replies to write would stay empty."""
    if config.get(SETTING) and not config.get("replies"):
        return {SETTING: _("It needs replies: switch them on, or leave this empty.")}
    return {}


def check(provider: ProviderSettings, kind: ProviderType, old: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a newly chosen source; its table is made. Nothing where none was chosen, or the same one."""
    chosen = provider.config.get(SETTING)
    if not chosen or chosen == old.get(SETTING) or SETTING not in [field.name for field in kind.fields]:
        return {}
    try:
        prepare(find(provider))
    except DomainError as error:
        return {f"config/{SETTING}": [str(error)]}
    return {}


def prepare(source: Connection) -> None:
    """Make the table where there is none. Raises ValidationFailed, DomainError (502) with the database's words."""
    if source.kind not in _TYPES:
        message = _("Replies can be written to PostgreSQL and MySQL databases only.")
        raise ValidationFailed(message, errors={f"config/{SETTING}": [message]})
    moment, raw = _TYPES[Connection.Kind(source.kind)]
    with _writing(source) as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {_path(source)} ("
            f"id varchar(40) PRIMARY KEY, workspace_id varchar(40) NOT NULL,"
            f" phone varchar(32) NOT NULL, content text NOT NULL, sign_name varchar(64), dest_code varchar(32),"
            f" received_at {moment} NOT NULL, raw {raw})"
        )


def write(source: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write replies, each with COLUMNS, that are not there yet. Raises DomainError (502); then some may be there."""
    marks = ", ".join(["%s"] * len(rows))
    with _writing(source) as cursor:
        cursor.execute(f"SELECT id FROM {_path(source)} WHERE id IN ({marks})", [row["id"] for row in rows])
        known = {found[0] for found in cursor.fetchall()}
        cursor.executemany(
            f"INSERT INTO {_path(source)} ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})",
            [_values(source, row) for row in rows if row["id"] not in known],
        )


def _values(source: Connection, row: Mapping[str, Any]) -> list[Any]:
    moment = row["received_at"]
    if source.kind == Connection.Kind.MYSQL:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    raw = json.dumps(row["raw"], ensure_ascii=False)
    return [{**row, "received_at": moment, "raw": raw}[name] for name in COLUMNS]


@contextmanager
def _writing(source: Connection) -> Any:
    with session(source) as opened, opened.connection.cursor() as cursor:
        if source.kind == Connection.Kind.POSTGRESQL:
            cursor.execute("SET default_transaction_read_only = off")
        yield cursor


def _path(source: Connection) -> str:
    return dialect_of(source).path(source, TABLE)


def needs(source: Connection) -> list[str]:
    """The providers that write replies to a source, as people know them."""
    if source.organization_id is None:
        return []
    shared = SharedProvider.objects.filter(organization=source.organization_id, channel="sms")
    own = Provider.objects.filter(workspace__organization=source.organization_id, channel="sms", shared=None)
    rows: list[ProviderSettings] = [*shared, *own.select_related("workspace")]
    label = _("replies of %(name)s")
    return [label % {"name": row.name} for row in rows if row.config.get(SETTING) == source.pk]
