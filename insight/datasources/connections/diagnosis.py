"""Trying a connection step by step, so that a failure names what to mend."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pymysql
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pymysql.constants import CR, ER

from cdp.core import outbound
from cdp.core.errors import DomainError, ValidationFailed
from cdp.lake.names import workspace_schema
from insight.datasources.connections import busy
from insight.datasources.connections.dialects import (
    CONNECT_SECONDS,
    Dialect,
    Session,
    dialect_of,
    tls_context,
)
from insight.datasources.models import Connection

STEPS = {
    "name": gettext_lazy("Find the address"),
    "port": gettext_lazy("Reach the server"),
    "tls": gettext_lazy("Encrypt the connection"),
    "login": gettext_lazy("Sign in"),
    "database": gettext_lazy("Open the database"),
    "rights": gettext_lazy("Read its tables"),
    "version": gettext_lazy("Check its version"),
}
COUNTED_TABLES = 1000
OLDEST_WRITTEN = 13
"""The oldest PostgreSQL that datasets can live in."""
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_NO_DATABASE = (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR)
_NO_RIGHTS = (ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR)


@dataclass
class Diagnosis:
    """What a test found: the steps that were taken (step, label, ok, detail), the last one with the failure, if any.

    `version` is the server's; `seen_as` the address under which the server sees this installation. `no_write` says why
    datasets cannot live in the database; empty where they can.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    failure: ValidationFailed | None = None
    version: str = ""
    seen_as: str = ""
    no_write: str = ""

    @property
    def ok(self) -> bool:
        return self.failure is None

    @property
    def write_back(self) -> bool:
        return self.ok and not self.no_write

    def as_json(self) -> dict[str, Any]:
        failure = self.failure
        return {
            "ok": self.ok,
            "code": failure.code if failure else "",
            "detail": str(failure) if failure else "",
            "steps": self.steps,
            "version": self.version,
            "seen_as": self.seen_as,
            "write_back": self.write_back,
            "no_write": self.no_write,
        }

    def refusal(self) -> ValidationFailed:
        """The failure of settings that somebody wants to save, with the steps."""
        assert self.failure is not None
        return ValidationFailed(
            str(self.failure), code=self.failure.code, errors=self.failure.errors, steps=self.steps
        )

    def broken(self) -> DomainError:
        """The failure of a source that was right when it was saved."""
        assert self.failure is not None
        code = self.failure.code
        # A wrong password or address does not mend itself; a server that has much to do does.
        return DomainError(str(self.failure), code=code, status=502, retryable=code == busy.CODE)


def diagnose(source: Connection) -> Diagnosis:
    """Try a source, saved or not. Nothing is raised; what failed is in the answer."""
    found = Diagnosis()
    walk = _walk(source, found)
    for name, label in STEPS.items():
        try:
            detail = next(walk)
        except ValidationFailed as error:
            found.failure = error
            found.steps.append({"step": name, "label": str(label), "ok": False, "detail": str(error)})
            break
        found.steps.append({"step": name, "label": str(label), "ok": True, "detail": detail})
    walk.close()
    return found


@contextmanager
def session(source: Connection) -> Iterator[Session]:
    """A session for looking around. Raises DomainError (502) with the code of the step that fails."""
    dialect = dialect_of(source)
    try:
        connection = dialect.connect(source, reachable(source))
        try:
            yield Session(connection)
        finally:
            connection.close()
    except dialect.failures as error:
        found = diagnose(source)
        raise (Diagnosis(failure=_odd(error)) if found.ok else found).broken() from None


def _odd(error: Exception) -> ValidationFailed:
    if busy.is_busy(error):
        return busy.refusal()
    message = _("The source did not answer the question. It says: %(words)s") % {"words": _words(error)}
    return ValidationFailed(message, code="source_failed", errors={"host": [message]})


def _words(error: Exception | str) -> str:
    """The server's words in one short line, without what the client says before them."""
    if isinstance(error, pymysql.Error) and len(error.args) > 1:
        error = str(error.args[1])
    words = " ".join(str(error).split())
    return (words.rpartition("FATAL: ")[2].strip() or words)[:300]


def addresses(host: str) -> list[str]:
    """The addresses of a host, each of them allowed. Raises ValidationFailed: host_unknown, private_address."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        message = _("The host name %(host)s is not known.") % {"host": host}
        raise ValidationFailed(message, code="host_unknown", errors={"host": [message]}) from None
    names = list(dict.fromkeys(str(item[4][0]) for item in found))
    for address in names:
        try:
            outbound.check_host(address)
        except ValidationFailed as error:
            raise ValidationFailed(str(error), code=error.code, errors={"host": [str(error)]}) from None
    return names


def reachable(source: Connection) -> str:
    """The first allowed address that accepts connections. Raises DomainError (502)."""
    try:
        return _reach(source, addresses(source.host))
    except ValidationFailed as error:
        raise Diagnosis(failure=error).broken() from None


def _reach(source: Connection, found: list[str]) -> str:
    reason = ""
    for address in found:
        try:
            with socket.create_connection((address, source.port), timeout=CONNECT_SECONDS):
                return address
        except OSError as error:
            reason = error.strerror or str(error)
    message = _(
        "Nothing answers at %(host)s, port %(port)d (%(reason)s). Is the port right, and does a firewall let us in?"
    ) % {"host": source.host, "port": source.port, "reason": reason}
    raise ValidationFailed(message, code="source_unreachable", errors={"port": [message]})


def _walk(source: Connection, found: Diagnosis) -> Generator[str, None, None]:
    """One step after the other; each gives what it saw, or raises ValidationFailed."""
    names = addresses(source.host)
    yield ", ".join(names)
    address = _reach(source, names)
    yield f"{address}:{source.port}"
    walk = _postgresql if source.kind == Connection.Kind.POSTGRESQL else _mysql
    yield from walk(source, address, found)


def _postgresql(source: Connection, address: str, found: Diagnosis) -> Iterator[str]:
    yield _postgresql_tls(source, address)
    dialect = dialect_of(source)
    connection = None
    try:
        connection = dialect.connect(source, address)
    except (psycopg.Error, OSError) as error:
        if busy.is_busy(error):
            raise busy.refusal() from None
        if not _opens_another(source, address):
            raise _no_login(source, _words(error)) from None
    yield _("as %(account)s") % {"account": source.account}
    if connection is None:
        raise _no_database(source)
    with connection:
        opened = Session(connection)
        try:
            row = opened.rows(
                "SELECT current_setting('server_version'), host(inet_client_addr()), current_database(), "
                "(SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = %s)",
                [source.schema],
            )[0]
            found.version, found.seen_as = str(row[0]), str(row[1] or "")
            if row[3] is None:
                message = _("The database has no schema “%(name)s”.") % {"name": source.schema}
                raise ValidationFailed(message, code="database_missing", errors={"schema": [message]})
            yield f"{row[2]}, {source.schema}"
            if not row[3]:
                raise _no_rights(source)
            found.no_write = _no_write(source, opened)
            yield _readable(source, dialect, opened)
        except psycopg.errors.InsufficientPrivilege as error:
            raise _no_rights(source, _words(error)) from None
        except psycopg.Error as error:
            raise _odd(error) from None
    yield _version(dialect, found.version)


def _postgresql_tls(source: Connection, address: str) -> str:
    """Ask for encryption as the protocol says, and shake hands."""
    if source.tls == Connection.Tls.DISABLE:
        return str(_("not encrypted, as you wish"))
    try:
        with socket.create_connection((address, source.port), timeout=CONNECT_SECONDS) as plain:
            plain.sendall(_SSL_REQUEST)
            answer = plain.recv(1)
            if answer == b"S":
                with tls_context(source).wrap_socket(plain, server_hostname=source.host) as wrapped:
                    return wrapped.version() or ""
    except ssl.SSLError as error:
        raise _no_tls(_tls_reason(error)) from None
    except OSError:
        answer = b""
    if answer != b"N":
        raise _other_service(source)
    if source.tls in (Connection.Tls.REQUIRE, Connection.Tls.VERIFY):
        raise _no_tls("")
    return str(_("not encrypted: the server cannot"))


def _tls_reason(error: ssl.SSLError) -> str:
    return str(getattr(error, "verify_message", "") or error.reason or error)


def _opens_another(source: Connection, address: str) -> bool:
    """Whether the login is right for another database: those that every server has."""
    for database in ("postgres", "template1"):
        try:
            dialect_of(source).connect(source, address, database=database).close()
        except (psycopg.Error, OSError):
            continue
        return True
    return False


def _mysql(source: Connection, address: str, found: Diagnosis) -> Iterator[str]:
    dialect = dialect_of(source)
    connection, refused = None, None
    found.no_write = _("Datasets can live in PostgreSQL databases only.")
    try:
        connection = dialect.connect(source, address)
    except ssl.SSLError as error:
        raise _no_tls(_tls_reason(error)) from None
    except OSError:
        raise _other_service(source) from None
    except pymysql.Error as error:
        refused = _mysql_refusal(source, error)
    yield _encryption(connection) if connection else ""
    if refused is not None and refused.code != "database_missing":
        raise refused
    yield _("as %(account)s") % {"account": source.account}
    if connection is None:
        raise refused or _no_database(source)
    with connection:
        opened = Session(connection)
        try:
            row = opened.rows("SELECT VERSION(), SUBSTRING_INDEX(USER(), '@', -1), DATABASE()")[0]
            found.version, found.seen_as = str(row[0]), str(row[1])
            yield str(row[2])
            yield _readable(source, dialect, opened)
        except pymysql.Error as error:
            raise _no_rights(source, _words(error)) if error.args[0] in _NO_RIGHTS else _odd(error) from None
    yield _version(dialect, found.version)


def _mysql_refusal(source: Connection, error: pymysql.Error) -> ValidationFailed:
    """What it means that the server said no after greeting; raises ValidationFailed for what came before."""
    if busy.is_busy(error):
        return busy.refusal()
    code = error.args[0] if error.args else 0
    original = getattr(error, "original_exception", None)
    if isinstance(original, ssl.SSLError):
        raise _no_tls(_tls_reason(original)) from None
    if code == CR.CR_SSL_CONNECTION_ERROR:
        raise _no_tls("") from None
    if code in (CR.CR_VERSION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_LOST):
        raise _other_service(source) from None
    return _no_database(source) if code in _NO_DATABASE else _no_login(source, _words(error))


def _encryption(connection: Any) -> str:
    plain = getattr(connection, "_sock", None)
    return (plain.version() or "") if isinstance(plain, ssl.SSLSocket) else str(_("not encrypted"))


def _readable(source: Connection, dialect: Dialect, opened: Session) -> str:
    """How many tables can be read, the first of them tried. Raises ValidationFailed where there are none to be read."""
    tables = dialect.tables(opened, source, limit=COUNTED_TABLES + 1)
    if tables:
        if columns := dialect.columns(opened, source, tables[0].name):
            opened.rows(
                f"SELECT {dialect.quote(columns[0].name)} FROM {dialect.path(source, tables[0].name)} LIMIT 1"
            )
            count = f"{COUNTED_TABLES}+" if len(tables) > COUNTED_TABLES else str(len(tables))
            return str(_("%(count)s tables and views can be read") % {"count": count})
        raise _no_rights(source)
    if source.kind == Connection.Kind.POSTGRESQL and opened.rows(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f') LIMIT 1",
        [source.schema],
    ):
        raise _no_rights(source)
    return str(_("there are no tables yet"))


def _no_write(source: Connection, opened: Session) -> str:
    """Why results cannot be written into a PostgreSQL database; empty where they can. This writes nothing itself."""
    # Each workspace gets a schema there: for those of an organization only the right to create them counts.
    schema = "" if source.is_shared else workspace_schema(source.workspace_id)
    version, encoding, standby, may_create = opened.rows(
        "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), pg_is_in_recovery(), "
        "has_database_privilege(current_database(), 'CREATE') OR EXISTS (SELECT FROM pg_namespace "
        "WHERE nspname = %s AND has_schema_privilege(oid, 'CREATE'))",
        [schema],
    )[0]
    if version < OLDEST_WRITTEN * 10_000:
        return _("Datasets can live in PostgreSQL %(version)d or newer.") % {"version": OLDEST_WRITTEN}
    if encoding != "UTF8":
        return _("Datasets can live in databases with the encoding UTF8 only.")
    if standby or not may_create:
        return _("%(account)s may only read in this database, so that datasets cannot live in it.") % {
            "account": source.account
        }
    return ""


def _version(dialect: Dialect, version: str) -> str:
    """Raises ValidationFailed for a server that is too old."""
    numbers = re.match(r"(\d+)(?:\.(\d+))?", version)
    if numbers and (int(numbers[1]), int(numbers[2] or 0)) < dialect.oldest:
        message = _(
            "The server's version %(version)s is too old: %(name)s %(oldest)s or newer is needed."
        ) % {
            "version": version,
            "name": dialect.label,
            "oldest": ".".join(map(str, dialect.oldest)),
        }
        raise ValidationFailed(message, code="version_too_old", errors={"host": [message]})
    return version


def _no_tls(reason: str) -> ValidationFailed:
    if reason:
        message = _("The encrypted connection failed: %(reason)s.") % {"reason": reason}
    else:
        message = _("The server does not offer encryption. Ask for it there, or choose another setting.")
    return ValidationFailed(message, code="tls_failed", errors={"tls": [message]})


def _other_service(source: Connection) -> ValidationFailed:
    message = _("What answers at port %(port)d is no %(kind)s server.") % {
        "port": source.port,
        "kind": source.get_kind_display(),
    }
    return ValidationFailed(message, code="source_unreachable", errors={"port": [message]})


def _no_login(source: Connection, words: str) -> ValidationFailed:
    message = _("The server refuses the login of %(account)s. It says: %(words)s") % {
        "account": source.account,
        "words": words,
    }
    return ValidationFailed(message, code="auth_failed", errors={"password": [message]})


def _no_database(source: Connection) -> ValidationFailed:
    message = _("There is no database “%(name)s”, or %(account)s may not open it.") % {
        "name": source.database,
        "account": source.account,
    }
    return ValidationFailed(message, code="database_missing", errors={"database": [message]})


def _no_rights(source: Connection, words: str = "") -> ValidationFailed:
    message = _("%(account)s may not read the tables of “%(place)s”. %(words)s") % {
        "account": source.account,
        "place": source.place,
        "words": words,
    }
    return ValidationFailed(message.strip(), code="rights_missing", errors={"account": [message.strip()]})
