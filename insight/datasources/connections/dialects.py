"""Talking to PostgreSQL and MySQL: opening a session, looking at tables and columns. Only SELECTs are sent.

A session connects to the very address that was checked, so that a name which resolves to something else a moment
later leads nowhere.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import certifi
import psycopg
import pymysql
from psycopg.conninfo import make_conninfo
from pymysql.constants import CR

from insight.datasources.connections import types
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection

CONNECT_SECONDS = 8
GREETING_SECONDS = 5
ANSWER_SECONDS = 20
"""How long a page waits for an answer of the source."""
Rows = list[tuple[Any, ...]]
_SELECTABLE = "c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(c.oid, 'SELECT')"


@dataclass(frozen=True)
class RemoteTable:
    """A table or view of a source; `rows` is the server's estimate, None where it has none."""

    name: str
    kind: str
    comment: str
    rows: int | None


class Session:
    """An open connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def rows(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """What one statement gives. Raises the dialect's `failures`."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, tuple(values) or None)
            return list(cursor.fetchall())


class Dialect:
    """What differs between the kinds of databases."""

    label: ClassVar[str] = ""
    port: ClassVar[int] = 0
    oldest: ClassVar[tuple[int, int]] = (0, 0)
    """The oldest version that is read."""
    failures: ClassVar[tuple[type[Exception], ...]] = ()
    """What the client raises when the server cannot be reached, refuses, or breaks off."""
    _primary_key: ClassVar[str] = ""
    """The statement that gives the columns of a primary key, by place and table."""

    def connect(self, source: Connection, address: str, *, database: str = "") -> Any:
        """A connection to the source at the checked `address`; raises one of `failures`."""
        raise NotImplementedError

    def quote(self, name: str) -> str:
        raise NotImplementedError

    def value(self, column: RemoteColumn) -> str:
        """An expression that gives a column in its type of ours; what the lake cannot hold becomes NULL or text."""
        raise NotImplementedError

    def as_text(self, column: RemoteColumn, characters: int) -> str:
        """An expression of a column as shortened text."""
        raise NotImplementedError

    def tables(
        self,
        session: Session,
        source: Connection,
        *,
        search: str = "",
        name: str = "",
        limit: int,
        offset: int = 0,
    ) -> list[RemoteTable]:
        """Tables and views that may be read, by name: those whose name contains `search`, or the one of a `name`."""
        raise NotImplementedError

    def columns(self, session: Session, source: Connection, table: str) -> list[RemoteColumn]:
        """The columns of a table; none where there is no such table or it may not be read."""
        raise NotImplementedError

    def primary_key(self, session: Session, source: Connection, table: str) -> str:
        """The column that is the table's primary key; empty where there is none, or it has several."""
        found = session.rows(self._primary_key, [source.place, table])
        return str(found[0][0]) if len(found) == 1 else ""

    def path(self, source: Connection, table: str) -> str:
        return f"{self.quote(source.place)}.{self.quote(table)}"


class PostgreSQL(Dialect):
    label, port, oldest = "PostgreSQL", 5432, (9, 4)
    failures = (psycopg.Error, OSError)
    _primary_key = (
        "SELECT a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) "
        "WHERE i.indisprimary AND n.nspname = %s AND c.relname = %s"
    )

    def conninfo(self, source: Connection, address: str, **more: Any) -> str:
        """libpq's words for a connection to the checked address."""
        words: dict[str, Any] = {
            "host": source.host,
            "hostaddr": address,
            "port": source.port,
            "dbname": source.database,
            "user": source.account,
            "password": source.password,
            "sslmode": "verify-full" if source.tls == Connection.Tls.VERIFY else source.tls,
            "gssencmode": "disable",
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "tideline",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }
        if source.tls == Connection.Tls.VERIFY:
            words["sslrootcert"] = authorities()
        return make_conninfo(**{**words, **more})

    def connect(self, source: Connection, address: str, *, database: str = "") -> Any:
        connection = psycopg.connect(
            self.conninfo(source, address, dbname=database or source.database), autocommit=True
        )
        connection.execute("SET default_transaction_read_only = on")
        connection.execute(f"SET statement_timeout = '{ANSWER_SECONDS}s'")
        return connection

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def value(self, column: RemoteColumn) -> str:
        return types.postgresql_value(self.quote(column.name), column)

    def as_text(self, column: RemoteColumn, characters: int) -> str:
        return f"left(({self.value(column)})::text, {characters})"

    def tables(
        self,
        session: Session,
        source: Connection,
        *,
        search: str = "",
        name: str = "",
        limit: int,
        offset: int = 0,
    ) -> list[RemoteTable]:
        found = session.rows(
            "SELECT c.relname, c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), ''), "
            "c.reltuples::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE n.nspname = %s AND {_SELECTABLE} "
            "AND strpos(lower(c.relname), lower(%s)) > 0 AND %s IN ('', c.relname::text) "
            f"ORDER BY 1 LIMIT {int(limit)} OFFSET {int(offset)}",
            [source.place, search, name],
        )
        return [
            RemoteTable(
                name,
                "view" if kind == "v" else "table",
                comment,
                # Zero pages also mean that nobody has counted yet.
                None if kind in "vpf" or rows <= 0 else int(rows),
            )
            for name, kind, comment, rows in found
        ]

    def columns(self, session: Session, source: Connection, table: str) -> list[RemoteColumn]:
        found = session.rows(
            "SELECT a.attname, format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, "
            "CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END), a.attnotnull, "
            "coalesce(col_description(c.oid, a.attnum), '') "
            "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_type t ON t.oid = a.atttypid "
            f"WHERE n.nspname = %s AND c.relname = %s AND {_SELECTABLE} "
            "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            [source.place, table],
        )
        return [
            RemoteColumn(name, declared, types.postgresql_type(declared), not filled, comment)
            for name, declared, filled, comment in found
        ]


class MySQL(Dialect):
    label, port, oldest = "MySQL", 3306, (5, 1)
    failures = (pymysql.Error, OSError)
    _primary_key = (
        "SELECT column_name FROM information_schema.key_column_usage "
        "WHERE constraint_name = 'PRIMARY' AND table_schema = %s AND table_name = %s"
    )

    def connect(self, source: Connection, address: str, *, database: str = "") -> Any:
        encrypts = source.tls in (Connection.Tls.REQUIRE, Connection.Tls.VERIFY)
        connection: Any = pymysql.connections.Connection(
            host=source.host,
            port=source.port,
            user=source.account,
            password=source.password or "",
            database=database or source.database,
            charset="utf8mb4",
            ssl=tls_context(source) if encrypts else None,  # type: ignore[arg-type]
            ssl_disabled=source.tls == Connection.Tls.DISABLE,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            write_timeout=ANSWER_SECONDS,
            init_command="SET time_zone = '+00:00'",
            local_infile=False,
            autocommit=True,
            defer_connect=True,
        )
        plain = socket.create_connection((address, source.port), timeout=CONNECT_SECONDS)
        try:
            _await_greeting(plain)
            connection.connect(plain)
        except (pymysql.Error, OSError):
            plain.close()
            raise
        except Exception as error:
            # What the client makes of bytes that are no greeting of a MySQL server.
            plain.close()
            raise pymysql.err.OperationalError(CR.CR_VERSION_ERROR, str(error)) from error
        return connection

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def value(self, column: RemoteColumn) -> str:
        return types.mysql_value(self.quote(column.name), column)

    def as_text(self, column: RemoteColumn, characters: int) -> str:
        return f"LEFT(CAST({self.value(column)} AS CHAR), {characters})"

    def tables(
        self,
        session: Session,
        source: Connection,
        *,
        search: str = "",
        name: str = "",
        limit: int,
        offset: int = 0,
    ) -> list[RemoteTable]:
        found = session.rows(
            "SELECT table_name, table_type, table_comment, table_rows FROM information_schema.tables "
            "WHERE table_schema = %s AND (%s = '' OR LOCATE(LOWER(%s), LOWER(table_name)) > 0) "
            "AND (%s = '' OR table_name = %s) "
            f"ORDER BY table_name LIMIT {int(limit)} OFFSET {int(offset)}",
            [source.place, search, search, name, name],
        )
        return [
            RemoteTable(
                name,
                "view" if "VIEW" in kind else "table",
                "" if "VIEW" in kind else comment or "",
                None if "VIEW" in kind or rows is None else int(rows),
            )
            for name, kind, comment, rows in found
        ]

    def columns(self, session: Session, source: Connection, table: str) -> list[RemoteColumn]:
        found = session.rows(
            "SELECT column_name, column_type, is_nullable, column_comment, privileges FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            [source.place, table],
        )
        return [
            RemoteColumn(name, declared, types.mysql_type(declared), nullable == "YES", comment or "")
            for name, declared, nullable, comment, rights in found
            # Some servers that speak this protocol leave the rights empty.
            if not rights or "select" in rights.lower()
        ]


def _await_greeting(plain: socket.socket) -> None:
    """A MySQL server speaks first. Raises OSError where it does not, long before its answers would be overdue."""
    plain.settimeout(GREETING_SECONDS)
    plain.recv(1, socket.MSG_PEEK)
    plain.settimeout(None)


DIALECTS: dict[str, Dialect] = {"postgresql": PostgreSQL(), "mysql": MySQL()}


def dialect_of(source: Connection) -> Dialect:
    return DIALECTS[source.kind]


def authorities() -> str:
    """The file with the certificates that are trusted: the machine's, or those of a package where it has none."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


def tls_context(source: Connection) -> ssl.SSLContext:
    """How a TLS connection is made; certificates are checked only where the source says so."""
    context = ssl.create_default_context(cafile=authorities())
    if source.tls != Connection.Tls.VERIFY:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
