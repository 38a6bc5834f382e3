"""Real databases outside of the lake: the PostgreSQL of the tests, and a MariaDB of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from django.db import connection
from psycopg import sql

_PLACES = os.environ.get("PATH", "") + ":/usr/sbin"
MYSQLD = shutil.which("mysqld", path=_PLACES) or shutil.which("mariadbd", path=_PLACES)
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
START_SECONDS = 60


@dataclass
class Server:
    """Where a database listens, and an account that may do everything in `database`."""

    kind: str
    host: str
    port: int
    database: str
    user: str
    password: str

    def settings(self, **more: Any) -> dict[str, Any]:
        """What a person would type for it."""
        return {
            "name": "Shop",
            "kind": self.kind,
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "account": self.user,
            "password": self.password,
            **more,
        }

    def dsn(self) -> str:
        """libpq's words for a PostgreSQL server."""
        words = f"host={self.host} port={self.port} dbname={self.database}"
        return f"{words} user={self.user} password={self.password}"

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Statements as that account; the rows of the last one."""
        with self._connect() as opened, opened.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def _connect(self) -> Any:
        if self.kind == "postgresql":
            return psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.user,
                password=self.password,
                autocommit=True,
            )
        return pymysql.connect(
            host=self.host,
            port=self.port,
            database=self.database,
            user=self.user,
            password=self.password,
            autocommit=True,
        )


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """A database with an owner of its own in the PostgreSQL that holds the tests' own database."""
    given = connection.settings_dict
    words = {"host": given["HOST"], "user": given["USER"], "password": given["PASSWORD"]}
    words.update(port=str(given["PORT"] or ""), dbname="postgres")
    name, password = f"outside_{secrets.token_hex(4)}", secrets.token_hex(8)
    with psycopg.connect(**{key: word for key, word in words.items() if word}, autocommit=True) as admin:
        found = admin.execute(
            "SELECT current_setting('port'), current_setting('listen_addresses')"
        ).fetchone()
        assert found is not None and found[1], "The tests' PostgreSQL listens on no TCP port."
        role, database = sql.Identifier(name), sql.Identifier(name)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
        try:
            yield Server("postgresql", "127.0.0.1", int(found[0]), name, name, password)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
            admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def reader_of(server: Server) -> Iterator[Server]:
    """Another account of a PostgreSQL server, which may read one table and nothing else."""
    given = connection.settings_dict
    words = {"host": given["HOST"], "user": given["USER"], "password": given["PASSWORD"]}
    words.update(port=str(given["PORT"] or ""), dbname=server.database)
    name, password = f"reader_{secrets.token_hex(4)}", secrets.token_hex(8)
    with psycopg.connect(**{key: word for key, word in words.items() if word}, autocommit=True) as admin:
        role = sql.Identifier(name)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        admin.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        admin.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(role))
        try:
            yield Server("postgresql", server.host, server.port, server.database, name, password)
        finally:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(role))
            admin.execute(sql.SQL("DROP ROLE {}").format(role))


def require_mysql() -> None:
    """Skip what needs a MySQL server on a machine without one, though never in continuous integration."""
    if not MYSQLD:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("NO MYSQL SERVER ON THIS MACHINE: install mariadb-server-core to test MySQL sources.")


@contextmanager
def mysql_server(*options: str) -> Iterator[Server]:
    """A MariaDB on a free port of the loopback, in a folder that goes with it."""
    require_mysql()
    assert MYSQLD
    folder = Path(tempfile.mkdtemp(prefix="tideline-mysql-"))
    process = None
    try:
        common = ["--no-defaults", f"--datadir={folder}/data", "--user=root"]
        _initialise(MYSQLD, folder, common)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                MYSQLD,
                *common,
                "--bind-address=127.0.0.1",
                f"--port={port}",
                f"--socket={folder}/mysql.sock",
                f"--log-error={folder}/log",
                "--innodb-buffer-pool-size=32M",
                "--innodb-flush-log-at-trx-commit=0",
                "--performance-schema=0",
                *options,
            ]
        )
        password = secrets.token_hex(8)
        with _root(f"{folder}/mysql.sock", process) as root, root.cursor() as cursor:
            cursor.execute(f"CREATE USER chief@localhost IDENTIFIED BY '{password}'")
            cursor.execute("GRANT ALL ON *.* TO chief@localhost WITH GRANT OPTION")
        yield Server("mysql", "127.0.0.1", port, "mysql", "chief", password)
    finally:
        if process is not None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_mysql(process: Server) -> Iterator[Server]:
    """A database with an account of its own in a running MariaDB."""
    name, password = f"outside_{secrets.token_hex(4)}", secrets.token_hex(8)
    process.run(
        f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
        f"CREATE USER {name}@localhost IDENTIFIED BY '{password}'",
        f"GRANT ALL ON {name}.* TO {name}@localhost",
    )
    try:
        yield Server("mysql", process.host, process.port, name, name, password)
    finally:
        process.run(f"DROP DATABASE {name}", f"DROP USER IF EXISTS {name}@localhost")


def _initialise(program: str, folder: Path, options: list[str]) -> None:
    """The system's own tables. MariaDB is fed with them, MySQL brings them along."""
    (folder / "data" / "mysql").mkdir(parents=True)
    shared = Path(program).resolve().parents[1] / "share" / "mysql"
    feeds = shared.joinpath(SYSTEM_TABLES[0]).is_file()
    if not feeds:
        shutil.rmtree(folder / "data")
    text = "".join(shared.joinpath(name).read_text() for name in SYSTEM_TABLES) if feeds else ""
    subprocess.run(
        [program, *options, "--bootstrap" if feeds else "--initialize-insecure"],
        input=("USE mysql;\n" + text).encode() if feeds else b"",
        check=True,
        capture_output=True,
        timeout=START_SECONDS,
    )


def _root(path: str, process: subprocess.Popen[bytes]) -> Any:
    """The first connection that a starting server accepts."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            return pymysql.connect(unix_socket=path, user="root")
        except pymysql.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
