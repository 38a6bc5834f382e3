"""`script/server`: everything that Tideline needs, on one machine, in the foreground."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from cdp.runtime import embedded, ports
from cdp.runtime.errors import RuntimeFailure
from cdp.runtime.guard import Guard, end_groups
from cdp.runtime.supervisor import Program, Supervisor, say

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 300.0
WORKER = "main@tideline"
WORKER_PROCESSES = 2


class Server:
    """One Tideline on one data folder."""

    def __init__(self, data: Path, port: int, *, empty: bool) -> None:
        self.services = embedded.Services(data)
        self.port = port
        self.empty = empty

    def run(self) -> int:
        """Start everything, serve until asked to stop, stop everything; returns the exit code."""
        with (self.services.run / "server").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeFailure(f"Another Tideline already runs on {self.services.data}.") from None
            if not ports.is_free(self.port):
                raise RuntimeFailure(f"Port {self.port} is in use. Choose another one with --port.")
            self._choose_addresses()
            guard = Guard(when_orphaned=self.services.stop_unless_shared)
            try:
                return self._run(guard)
            finally:
                self.services.leave()
                guard.dismiss()

    def _run(self, guard: Guard) -> int:
        # Until the supervisor takes over, being asked to stop is treated like Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        environment = {"PYTHONUNBUFFERED": "1", **embedded.start_environment(self.services)}
        self._prepare(environment, guard)
        supervisor = Supervisor(self._programs(environment), environment, self.services.logs, guard)
        supervisor.stop_on_signals()
        served = supervisor.run(lambda: self._announce(environment), READY_SECONDS)
        say("server", "Stopped.")
        return 0 if served else 1

    def _choose_addresses(self) -> None:
        """Fix the loopback ports; the sandbox keeps its ports, since saved channel settings name them."""
        path = self.services.run / embedded.SERVER_FILE
        known: dict[str, int] = {}
        with suppress(OSError, ValueError):
            known = json.loads(path.read_text())
        chosen = {"port": self.port}
        for name in ("sandbox_http", "sandbox_smtp", "sandbox_apns"):
            chosen[name] = ports.free_port(known.get(name))
        path.write_text(json.dumps(chosen))

    def _prepare(self, environment: Mapping[str, str], guard: Guard) -> None:
        """Migrations, static files and the first workspaces; what was done before is skipped by fingerprint."""
        cluster = self.services.data / "postgres" / "PG_VERSION"
        database = environment["DATABASE_URL"].rpartition("@")[2]
        schema = _fingerprint(
            [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/*/migrations/*.py"), ROOT / "requirements.txt"],
            database if embedded.is_external("DATABASE_URL") else str(cluster.stat().st_mtime_ns),
            str(self.empty),
        )
        packages = [ROOT / "package-lock.json", ROOT / "requirements.txt", ROOT / "cdp/core/assets.py"]
        assets = _fingerprint([*packages, *(ROOT / "static").rglob("*")])
        static_stamp, schema_stamp = self.services.run / "static", self.services.run / "schema"
        with Commands(environment, guard) as commands:
            if not _matches(static_stamp, assets):
                say("server", "Collecting static files …")
                commands.start("collectstatic", "--noinput", "--clear", "-v0")
            if not _matches(schema_stamp, schema):
                say("server", "Preparing the database …")
                commands.finish(commands.start("migrate", "--noinput", "-v0"))
                commands.finish(commands.start("install", *(["--empty"] if self.empty else [])))
        static_stamp.write_text(assets)
        schema_stamp.write_text(schema)

    def _programs(self, environment: Mapping[str, str]) -> list[Program]:
        addresses = json.loads((self.services.run / embedded.SERVER_FILE).read_text())
        http, smtp, apns = (addresses[f"sandbox_{name}"] for name in ("http", "smtp", "apns"))
        beat_pid = self.services.run / "beat.pid"
        beat_pid.unlink(missing_ok=True)
        broker = Celery("probe", broker=environment["REDIS_URL"])
        web = ["-m", "uvicorn", "cdp.asgi:application", "--host", ports.LOOPBACK, "--port", str(self.port)]
        # Pages keep an event stream open, so an unlimited graceful shutdown would never end.
        web += ["--lifespan", "off", "--no-access-log", "--timeout-graceful-shutdown", "3"]
        # Root inside a container is ordinary here, and job messages hold plain JSON.
        worker = [
            "-W",
            "ignore::Warning:celery.platforms",
            "-m",
            "celery",
            "-q",
            "-A",
            "cdp",
            "worker",
            "-n",
            WORKER,
            "-c",
            str(WORKER_PROCESSES),
        ]
        worker += [
            "-Q",
            "default,compute,delivery,training",
            "-l",
            "INFO",
            "--without-gossip",
            "--without-mingle",
        ]
        beat = ["-m", "celery", "-q", "-A", "cdp", "beat", "-l", "INFO", "--pidfile", str(beat_pid)]
        sandbox = [
            str(ROOT / "manage.py"),
            "sandbox_provider",
            "--http-port",
            str(http),
            "--smtp-port",
            str(smtp),
            "--apns-port",
            str(apns),
            "--results-url",
            f"http://{ports.LOOPBACK}:{self.port}/restapi/thirdservice/webhook/receiveWebHookCallBack",
        ]
        python = [sys.executable]
        return [
            Program("web", python + web, lambda: _is_ready(self.port)),
            Program("worker", python + worker, lambda: _pongs(broker)),
            Program("beat", python + beat, beat_pid.exists),
            Program("sandbox", python + sandbox, lambda: all(map(ports.answers, (http, smtp, apns)))),
        ]

    def _announce(self, environment: Mapping[str, str]) -> None:
        print(
            f"\nTideline is ready at http://{ports.LOOPBACK}:{self.port}\n"
            f"Sign in as admin with the password {environment['ADMIN_PASSWORD']}\n"
            f"(also in {self.services.data / 'secrets.json'}). Ctrl-C stops everything; data stay.\n",
            flush=True,
        )


class Commands:
    """Management commands, several at once; none is left running when the block ends."""

    def __init__(self, environment: Mapping[str, str], guard: Guard) -> None:
        self._environment = dict(environment)
        self._guard = guard
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._guard.watch(process.pid)
        self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a command; raises RuntimeFailure if it failed."""
        code = process.wait()
        self._running.remove(process)
        self._guard.forget(process.pid)
        if code:
            command = " ".join(list(map(str, process.args))[1:])  # type: ignore[arg-type]
            raise RuntimeFailure(f"'{command}' failed, see above. What was stored before is kept.")

    def __enter__(self) -> Commands:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for process in list(self._running):
            if kind is None:
                self.finish(process)
            else:
                end_groups([process.pid], signal.SIGKILL)
                process.wait()
                self._guard.forget(process.pid)


def _fingerprint(files: Iterable[Path], *more: str) -> str:
    """Changes when a file is added, removed or edited."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in sorted(path for path in files if path.is_file()):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _matches(stamp: Path, fingerprint: str) -> bool:
    return stamp.exists() and stamp.read_text() == fingerprint


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{ports.LOOPBACK}:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _pongs(broker: Celery) -> bool:
    try:
        return bool(broker.control.ping(destination=[WORKER], timeout=0.5))
    except (KombuError, RedisError, OSError):
        return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/server", description="Run Tideline until Ctrl-C.")
    parser.add_argument("--port", type=int, default=8000, help="the console's port on this machine (8000)")
    parser.add_argument("--data", type=Path, default=embedded.DEFAULT_DATA, help="the data folder (var)")
    parser.add_argument("--empty", action="store_true", help="don't fill the demo workspace")
    arguments = parser.parse_args()
    try:
        return Server(arguments.data, arguments.port, empty=arguments.empty).run()
    except RuntimeFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
