"""The retailer's tables in a PostgreSQL or MySQL database, for trying sources and engines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import duckdb
import duckdb_extension_mysql_scanner
import duckdb_extension_postgres_scanner

from cdp.demo.retailer import Tables

PACKAGES = {"postgresql": duckdb_extension_postgres_scanner, "mysql": duckdb_extension_mysql_scanner}
PORTS = {"postgresql": 5432, "mysql": 3306}
LEFT_OUT = ("truth_people",)
"""What no retailer would know."""


def export(tables: Tables, url: str, *, schema: str = "", replace: bool = False) -> dict[str, int]:
    """Make each table in the database of a URL such as postgresql://user:password@host/name; returns their rows.

    `schema` is PostgreSQL's, `public` unless told; MySQL has none. Raises ValueError for another kind of URL, and
    duckdb.Error where the database refuses, or has such a table and `replace` is not set.
    """
    parts = urlsplit(url)
    kind = "postgresql" if parts.scheme == "postgres" else parts.scheme
    if kind not in PACKAGES:
        raise ValueError(f"The URL must begin with one of {', '.join(f'{name}://' for name in PACKAGES)}.")
    if schema and kind == "mysql":
        raise ValueError("MySQL has no schemas: name the database in the URL.")
    place = "target" if kind == "mysql" else f"target.{_name(schema or 'public')}"
    found: dict[str, int] = {}
    with closing(duckdb.connect(config={"autoinstall_known_extensions": "false"})) as db:
        folder = Path(PACKAGES[kind].__file__ or "").parent
        db.execute(f"LOAD {_text(str(next(folder.rglob('*.duckdb_extension'))))}")
        _attach(db, kind, parts)
        if schema:
            db.execute(f"CREATE SCHEMA IF NOT EXISTS {place}")
        for name, path in tables.parquet().items():
            if name in LEFT_OUT:
                continue
            if replace:
                db.execute(f"DROP TABLE IF EXISTS {place}.{name}")
            source = f"read_parquet({_text(str(path))})"
            db.execute(f"CREATE TABLE {place}.{name} AS SELECT * FROM {source} LIMIT 0")
            if kind == "mysql":
                # A new table has its database's character set, which may know no Chinese.
                words = f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4"
                db.execute(f"CALL mysql_execute('target', {_text(words)})")
            found[name] = db.execute(f"INSERT INTO {place}.{name} SELECT * FROM {source}").fetchall()[0][0]
    return found


def _attach(db: duckdb.DuckDBPyConnection, kind: str, parts: SplitResult) -> None:
    words: Mapping[str, str] = {
        "HOST": parts.hostname or "127.0.0.1",
        "DATABASE": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
    }
    listed = ", ".join(f"{name} {_text(value)}" for name, value in words.items() if value)
    type_name = "postgres" if kind == "postgresql" else "mysql"
    db.execute(f"CREATE SECRET target_login (TYPE {type_name}, PORT {parts.port or PORTS[kind]}, {listed})")
    db.execute(f"ATTACH '' AS target (TYPE {type_name}, SECRET target_login)")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
