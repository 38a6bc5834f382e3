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

from cdp.runtime import secretfile
from cdp.runtime.postgres import Postgres
from cdp.runtime.redis import RedisServer
from cdp.runtime.secretfile import Secrets

DEFAULT_DATA = Path("var")


@dataclass(frozen=True)
class Addresses:
    """Where the embedded services answer."""

    database_url: str
    redis_url: str


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
        self._redis = RedisServer(self.data, self.secrets.redis_password, self.logs / "redis.log", durable=durable)

    def start(self, *, keep: bool = False) -> Addresses:
        """Start what doesn't run yet, attach to what does, and count as a user until `leave`.

        With `keep` they go on running after the last user has left, until `stop`.
        """
        with self._exclusive():
            if self._users is None:
                self._users = (self.run / "users").open("a")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if keep:
                (self.run / "keep").touch()
            pid, port = self._postgres.running() or self._postgres.start(self._recall("postgres").get("port"))
            self._remember("postgres", pid, port)
            database_url = self._postgres.url(port)
            known = self._recall("redis").get("port")
            pid, port = self._redis.running(known) or self._redis.start(known)
            self._remember("redis", pid, port)
            return Addresses(database_url, self._redis.url(port))

    def leave(self) -> None:
        """No longer use the services; stops them when nobody else does and they were not started to stay."""
        if self._users is None:
            return
        with self._exclusive():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                last = True
            except BlockingIOError:
                last = False
            if last and not (self.run / "keep").exists():
                self._stop()
            self._users.close()
            self._users = None

    def stop(self) -> None:
        """Stop the services, whoever uses them."""
        with self._exclusive():
            (self.run / "keep").unlink(missing_ok=True)
            self._stop()

    def running(self) -> bool:
        """Whether both services answer."""
        return bool(self._postgres.running() and self._redis.running(self._recall("redis").get("port")))

    def environment(self, addresses: Addresses) -> dict[str, str]:
        """The variables that every Tideline process of this data folder reads."""
        return {
            "EMBEDDED": "1",
            "TIDELINE_DATA": str(self.data),
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "LAKE_PATH": str(self.data / "lake"),
            "SECRET_KEY": self.secrets.secret_key,
            "ENCRYPTION_KEYS": ",".join(self.secrets.encryption_keys),
            "ADMIN_PASSWORD": self.secrets.admin_password,
        }

    def _stop(self) -> None:
        self._redis.stop(self._recall("redis").get("port"))
        self._postgres.stop()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self.run / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _recall(self, service: str) -> dict[str, int]:
        try:
            return dict(json.loads((self.run / f"{service}.json").read_text()))
        except (OSError, ValueError):
            return {}

    def _remember(self, service: str, pid: int, port: int) -> None:
        draft = self.run / f"{service}.json.new"
        draft.write_text(json.dumps({"pid": pid, "port": port}))
        draft.replace(self.run / f"{service}.json")


EXTERNAL = ("DATABASE_URL", "REDIS_URL", "LAKE_PATH")


def external() -> bool:
    """Whether the environment names a PostgreSQL, a Redis and a lake, so that nothing has to be embedded."""
    return all(os.environ.get(name) for name in EXTERNAL)


@contextmanager
def environment(data: Path, *, durable: bool = True) -> Iterator[dict[str, str]]:
    """The variables for Tideline processes while the block runs, with embedded services unless external ones are set.

    What the caller's environment says wins, but for the addresses and keys of an embedded data folder.
    """
    if external():
        yield {"TIDELINE_DATA": str(Path(data).expanduser().resolve()), **os.environ}
        return
    services = Services(data, durable=durable)
    addresses = services.start()
    try:
        yield {**os.environ, **services.environment(addresses)}
    finally:
        services.leave()
