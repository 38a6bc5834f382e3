"""This process's DuckDB with the lake attached.

One DuckDB instance per process; each thread works on a cursor of its own, which has its own transaction. A forked
worker calls `forget` and opens anew: DuckDB does not survive a fork.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb
import duckdb_extension_ducklake
import duckdb_extension_postgres_scanner
from django.conf import settings

from cdp.lake.names import CATALOG, literal

_lock = threading.Lock()
_state: dict[str, object] = {}


@contextmanager
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor on the lake, closed at the end. Statements commit one by one unless `transaction` is used."""
    handle = _connection().cursor()
    try:
        yield handle
    finally:
        handle.close()


@contextmanager
def transaction() -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor inside one lake transaction: everything becomes visible at once, or nothing."""
    with cursor() as handle:
        handle.execute("BEGIN TRANSACTION")
        try:
            yield handle
        except BaseException:
            _quietly_roll_back(handle)
            raise
        handle.execute("COMMIT")


def is_open() -> bool:
    """Whether this process has a connection."""
    return _state.get("connection") is not None and _state.get("pid") == os.getpid()


def known_schemas() -> set[str]:
    """Schemas that this process has made or seen through its connection; whoever makes one adds it."""
    return _state.setdefault("schemas", set())  # type: ignore[return-value]


def forget() -> None:
    """Drop this process's connection (after a fork, or before the catalog's database goes away)."""
    with _lock:
        _state.pop("schemas", None)
        connection = _state.pop("connection", None)
        if connection is not None and _state.pop("pid", None) == os.getpid():
            connection.close()  # type: ignore[attr-defined]
        elif connection is not None:
            # A parent's connection must not be closed from a child: it is kept from the garbage collector instead.
            _state["inherited"] = connection


def _quietly_roll_back(handle: duckdb.DuckDBPyConnection) -> None:
    """Some errors have ended the transaction already; a second error must not hide the first."""
    try:
        handle.execute("ROLLBACK")
    except duckdb.Error:
        return


def _connection() -> duckdb.DuckDBPyConnection:
    if is_open():
        return _state["connection"]  # type: ignore[return-value]
    with _lock:
        if not is_open():
            _state["connection"], _state["pid"] = _open(), os.getpid()
        return _state["connection"]  # type: ignore[return-value]


def _open() -> duckdb.DuckDBPyConnection:
    temp = Path(settings.LAKE_TEMP_PATH)
    temp.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | int] = {
        "memory_limit": settings.LAKE_MEMORY_LIMIT,
        "temp_directory": str(temp / f"duckdb-{os.getpid()}"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "true",
        "TimeZone": "UTC",
    }
    if settings.LAKE_THREADS:
        config["threads"] = settings.LAKE_THREADS
    connection = duckdb.connect(config={k: v for k, v in config.items() if k != "TimeZone"})
    for package in (duckdb_extension_postgres_scanner, duckdb_extension_ducklake):
        connection.execute(f"LOAD {literal(str(_extension_file(package)))}")
    connection.execute("SET TimeZone = 'UTC'")
    # Many writers commit to one catalog: let a commit that lost a race be tried again by the extension.
    connection.execute("SET ducklake_max_retry_count = 100")
    _set_up_object_store(connection)
    path = settings.LAKE_PATH.rstrip("/") + "/"
    if "://" not in path:
        Path(path).mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"ATTACH {literal('ducklake:postgres:' + libpq_string(settings.LAKE_CATALOG_URL))} AS {CATALOG} "
        f"(DATA_PATH {literal(path)}, METADATA_SCHEMA {literal(settings.LAKE_CATALOG_SCHEMA)})"
    )
    return connection


def libpq_string(url: str) -> str:
    """A postgresql:// URL as libpq's key=value words, which DuckDB's scanner understands everywhere."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    words = {
        "dbname": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": query.pop("host", "") or parts.hostname or "",
        "port": str(parts.port or ""),
        **{key: value for key, value in query.items() if key in ("sslmode", "sslrootcert")},
    }
    return " ".join(f"{key}={_libpq_value(value)}" for key, value in words.items() if value)


def _libpq_value(value: str) -> str:
    if value and all(character.isalnum() or character in "/._-:" for character in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _extension_file(package: object) -> Path:
    folder = Path(package.__file__ or "").parent  # type: ignore[attr-defined]
    return next(folder.rglob("*.duckdb_extension"))


def _set_up_object_store(connection: duckdb.DuckDBPyConnection) -> None:
    """S3 credentials, where the lake lies in an object store. Needs DuckDB's httpfs extension on the machine."""
    if not settings.LAKE_PATH.startswith("s3://"):
        return
    connection.execute("INSTALL httpfs; LOAD httpfs")
    given = settings.LAKE_S3
    words = ["TYPE s3", "USE_SSL " + ("true" if given["use_ssl"] else "false")]
    for option in ("key_id", "secret", "region", "endpoint", "url_style"):
        if given[option]:
            words.append(f"{option.upper()} {literal(str(given[option]))}")
    connection.execute(f"CREATE OR REPLACE SECRET lake_store ({', '.join(words)})")
