"""The embedded PostgreSQL and Redis of a data folder: start, attach, leave, stop.

Who uses them holds a shared lock on `<data>/run/users`. Whoever leaves last stops them, unless they were started to
stay (`keep`). So a management command may run beside the server, before it, or alone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cdp.runtime import ports, secretfile
from cdp.runtime.guard import Guard
from cdp.runtime.postgres import Postgres
from cdp.runtime.redis import RedisServer
from cdp.runtime.secretfile import Secrets

DEFAULT_DATA = Path("var")
POSTGRES_FILE = "postgres.json"
REDIS_FILE = "redis.json"
SERVER_FILE = "server.json"


@dataclass(frozen=True)
class Addresses:
    """Where the embedded services answer; empty for one that is not embedded."""

    database_url: str = ""
    redis_url: str = ""


class Services:
    """PostgreSQL and Redis of one data folder.

    `durable=False` is for throw-away folders: quicker, and nothing survives a crash of the machine.
    """

    def __init__(self, data: Path | str = DEFAULT_DATA, *, durable: bool = True) -> None:
        self.data = Path(data).expanduser().resolve()
        self.run = self.data / "run"
        self.logs = self.data / "logs"
        for folder in (self.data, self.run, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self._users: IO[str] | None = None
        with self._exclusive():
            self.secrets: Secrets = secretfile.load_or_create(self.data)
        self._postgres = Postgres(
            self.data, self.secrets.postgres_password, self.logs / "postgres.log", durable=durable
        )
        self._redis = RedisServer(
            self.data, self.secrets.redis_password, self.logs / "redis.log", durable=durable
        )

    def start(self, *, keep: bool = False, postgres: bool = True, redis: bool = True) -> Addresses:
        """Start what doesn't run yet, attach to what does, and count as a user until `leave`.

        With `keep` they go on running after the last user has left, until `stop`.
        """
        with self._exclusive():
            if self._users is None:
                self._users = (self.run / "users").open("a")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if keep:
                (self.run / "keep").touch()
            return Addresses(
                database_url=self._start_postgres() if postgres else "",
                redis_url=self._start_redis() if redis else "",
            )

    def leave(self) -> None:
        """No longer use the services; stops them when nobody else does and they were not started to stay."""
        if self._users is not None:
            self._users.close()
            self._users = None
            self.stop_unless_shared()

    def stop_unless_shared(self) -> None:
        """Stop the services unless somebody uses them or they were started to stay."""
        with self._exclusive(), (self.run / "users").open("a") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            if not (self.run / "keep").exists():
                self._stop()

    def stop(self) -> None:
        """Stop the services, whoever uses them."""
        with self._exclusive():
            (self.run / "keep").unlink(missing_ok=True)
            self._stop()

    def running(self) -> bool:
        """Whether both services answer."""
        return bool(self._postgres.running() and self._redis.running(self._recall(REDIS_FILE).get("port")))

    def environment(self, addresses: Addresses) -> dict[str, str]:
        """The variables that every Tideline process of this data folder reads."""
        variables = {
            "EMBEDDED": "1",
            "TIDELINE_DATA": str(self.data),
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "LAKE_PATH": str(self.data / "lake"),
            "SECRET_KEY": self.secrets.secret_key,
            "ENCRYPTION_KEYS": ",".join(self.secrets.encryption_keys),
            "ADMIN_PASSWORD": self.secrets.admin_password,
        }
        if server := self._recall(SERVER_FILE):
            variables["BASE_URL"] = f"http://{ports.LOOPBACK}:{server['port']}"
            variables["SANDBOX_URL"] = f"http://{ports.LOOPBACK}:{server['sandbox_http']}"
            variables["SANDBOX_SMTP"] = f"{ports.LOOPBACK}:{server['sandbox_smtp']}"
        return variables

    def _start_postgres(self) -> str:
        pid, port = self._postgres.running() or self._postgres.start(self._recall(POSTGRES_FILE).get("port"))
        self._remember(POSTGRES_FILE, pid, port)
        return self._postgres.url(port)

    def _start_redis(self) -> str:
        known = self._recall(REDIS_FILE).get("port")
        pid, port = self._redis.running(known) or self._redis.start(known)
        self._remember(REDIS_FILE, pid, port)
        return self._redis.url(port)

    def _stop(self) -> None:
        self._redis.stop(self._recall(REDIS_FILE).get("port"))
        self._postgres.stop()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self.run / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _recall(self, name: str) -> dict[str, int]:
        try:
            return dict(json.loads((self.run / name).read_text()))
        except (OSError, ValueError):
            return {}

    def _remember(self, name: str, pid: int, port: int) -> None:
        draft = self.run / f"{name}.new"
        draft.write_text(json.dumps({"pid": pid, "port": port}))
        draft.replace(self.run / name)


def is_external(name: str) -> bool:
    """Whether the caller's environment names this service, so that it is not embedded."""
    return bool(os.environ.get(name))


def start_environment(services: Services) -> dict[str, str]:
    """Start what the caller's environment does not name; returns the variables for Tideline processes.

    What the caller has set wins. The keys of the data folder are used only where the caller has set none.
    """
    postgres, redis = not is_external("DATABASE_URL"), not is_external("REDIS_URL")
    given = {name: value for name, value in os.environ.items() if value}
    environment = services.environment(services.start(postgres=postgres, redis=redis))
    if postgres:
        # Keys and data belong together: those of another environment could not decrypt this folder's database.
        for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "ADMIN_PASSWORD"):
            given.pop(name, None)
    return {**environment, **given, "TIDELINE_DATA": str(services.data)}


@contextmanager
def environment(data: Path, *, durable: bool = True) -> Iterator[dict[str, str]]:
    """The variables for Tideline processes while the block runs, with embedded services where none are named.

    Embedded services that nobody else uses are stopped afterwards, also when this process is killed.
    """
    services = Services(data, durable=durable)
    guard = Guard(when_orphaned=services.stop_unless_shared)
    try:
        yield start_environment(services)
    finally:
        services.leave()
        guard.dismiss()
