"""Sending while everything dies: what people got, and what the ledger says of it.

Workers and the clock are killed by signal 9, Redis is killed and comes back empty, connections to PostgreSQL are cut,
and the platform loses answers, answers too late or with errors, and reports twice and in the wrong order.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import close_old_connections, connection

from cdp.jobs.models import Job
from cdp.runtime import ports
from cdp.runtime.redis import RedisServer
from marketing.channels import callbacks
from marketing.delivery import queries
from marketing.delivery.models import Recipient, SendOut
from marketing.sandbox.provider import SandboxProvider

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 3
NAME = "tideline-chaos"
"""What the processes call themselves in PostgreSQL."""
FAULTS = (
    {"kind": "lost_answer", "on": "sms/sendBatch"},
    {"kind": "error", "on": "sms/sendBatch"},
    {"kind": "timeout_after_accepting", "on": "sms/sendBatch", "seconds": 12.0},
    {"kind": "error", "on": "sms/sendDetails"},
    {"kind": "lost_answer", "on": "own-system"},
    {"kind": "error", "on": "own-system", "times": 3},
    {"kind": "lost_answer", "on": "smtp"},
    {"kind": "error", "on": "smtp"},
)
_BUSY = (SendOut.State.SENDING, SendOut.State.WAITING)
_OPEN = (Recipient.State.QUEUED, Recipient.State.HANDING, Recipient.State.HANDED)


class Broken(AssertionError):
    """Somebody got a message twice or not at all, or the ledger says something else than the platform."""


@dataclass
class Harm:
    """How much is to happen, and how much has."""

    kills: int
    redis_restarts: int
    cut_connections: int
    faults: int
    seconds: float = 1.0
    """The mean time between two misfortunes."""
    seed: int = 1
    happened: Counter[str] = field(default_factory=Counter)


class System:
    """Web, workers, clock and a Redis of their own, on the database and lake of this process."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.redis = RedisServer(folder, secrets.token_hex(8), folder / "redis.log", durable=False)
        self.redis_port = self.redis.start(None)[1]
        self.web_port = ports.free_port(None)
        self.url = f"http://{ports.LOOPBACK}:{self.web_port}"
        self.log = (folder / "processes.log").open("ab")
        self.environment = {
            **environment,
            "REDIS_URL": self.redis.url(self.redis_port),
            "BASE_URL": self.url,
            "PGAPPNAME": NAME,
        }
        self.running: list[subprocess.Popen[bytes]] = []
        self.parts: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--lifespan", "off", "--no-access-log", "--log-level", "error"]
        self._run("-m", "uvicorn", "cdp.asgi:application", "--port", str(self.web_port), *options)
        self.parts = self._run("-m", "bench.hurried", str(WORKERS))
        until(lambda: len(self.victims()) == WORKERS + 1, 120)
        until(lambda: _answers(f"{self.url}/health/live"), 120)

    def victims(self) -> list[psutil.Process]:
        """The workers and the clock that live now."""
        return psutil.Process(self.parts.pid).children() if self.parts else []

    def kill(self, dice: random.Random) -> None:
        """One of them by signal 9, in whatever it is doing; another one takes its place at once."""
        with suppress(psutil.NoSuchProcess):
            dice.choice(self.victims()).kill()

    def restart_redis(self, away: float) -> None:
        """Killed too: what was queued is lost. It is back after so many seconds."""
        found = self.redis.running(self.redis_port)
        assert found is not None
        os.kill(found[0], signal.SIGKILL)
        time.sleep(away)
        until(lambda: not ports.answers(self.redis_port), 10)
        self.redis.start(self.redis_port)

    def stop(self) -> None:
        children = self.victims()
        for process in (*self.running, *children):
            process.kill()
        for process in (*self.running, *children):
            process.wait()
        self.redis.stop(self.redis_port)
        self.log.close()

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log
        )
        self.running.append(process)
        return process


@contextmanager
def system(folder: Path, environment: Mapping[str, str]) -> Iterator[System]:
    """Started, and ended with all its processes."""
    made = System(folder, environment)
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start()
        yield made


def rage(
    running: System, sandbox: SandboxProvider, harm: Harm, send_outs: Sequence[SendOut], seconds: float
) -> None:
    """Let all of it happen while the send-outs run, then wait until they are finished and reported."""
    dice = random.Random(harm.seed)
    plan = [
        *["kill"] * harm.kills,
        *["redis"] * harm.redis_restarts,
        *["connection"] * harm.cut_connections,
        *["fault"] * harm.faults,
    ]
    dice.shuffle(plan)
    faults = list(FAULTS)
    for what in plan:
        time.sleep(dice.expovariate(1 / harm.seconds))
        if not _under_way(send_outs):
            break
        if what == "kill":
            running.kill(dice)
        elif what == "redis":
            running.restart_redis(dice.uniform(0.2, 2.0))
        elif what == "connection":
            _cut_connections(dice)
        else:
            faults = faults or list(FAULTS)
            sandbox.faults.add(dict(faults.pop(0)))
        harm.happened[what] += 1
    sandbox.faults.clear()
    for still in (_under_way, _unreported):
        until(lambda still=still: not still(send_outs), seconds, lambda: _progress(send_outs))


def _under_way(send_outs: Sequence[SendOut]) -> bool:
    return SendOut.objects.filter(pk__in=[row.pk for row in send_outs], state__in=_BUSY).exists()


def _unreported(send_outs: Sequence[SendOut]) -> bool:
    """Mails of which nobody knows stay so; of all others the platform's reports tell."""
    rows = Recipient.objects.filter(send_out__in=send_outs)
    unknown = rows.filter(state=Recipient.State.UNKNOWN).exclude(send_out__channel="email")
    return rows.filter(state__in=_OPEN).exists() or unknown.exists()


def _cut_connections(dice: random.Random) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()",
            [NAME],
        )
        found = [pid for (pid,) in cursor.fetchall()]
        for pid in dice.sample(found, min(2, len(found))):
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


def _progress(send_outs: Sequence[SendOut]) -> str:
    """How far everything is, for whoever waits in vain."""
    words = []
    for row in SendOut.objects.filter(pk__in=[send_out.pk for send_out in send_outs]):
        states = Counter(row.recipients.values_list("state", flat=True))
        batches = Counter(row.batches.values_list("state", flat=True))
        jobs = list(Job.objects.filter(subject_id=row.pk).values_list("status", "attempts", "error", "phase"))
        words.append(f"{row.channel} {row.state} {row.state_reason} {states} {batches} {jobs}")
    return "\n".join(words)


def until(condition: Callable[[], Any], seconds: float, words: Callable[[], str] = str) -> None:
    """Wait for the condition. Raises Broken, with what `words` say then, when time is up."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Broken(f"It did not come to an end in time. {words()}")
        time.sleep(0.1)
        close_old_connections()


def _answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def report_to(running: System, sandbox: SandboxProvider, sms: SendOut) -> None:
    """Let the platform push its reports to the running web, each twice and in both orders."""
    path = callbacks.reports_url(sms.provider).removeprefix(settings.BASE_URL)
    sandbox.options.change(
        {
            "callback_url": f"{running.url}{path}",
            "results_url": f"{running.url}/restapi/thirdservice/webhook/receiveWebHookCallBack",
            "mixed_reports": True,
        }
    )


def check(sandbox: SandboxProvider, send_out: SendOut, people: int) -> dict[str, int]:
    """What the ledger and the platform agree on: {"people", "delivered", "unknown", "calls"}. Raises Broken."""
    send_out = SendOut.objects.get(pk=send_out.pk)
    states: Counter[str] = Counter(send_out.recipients.values_list("state", flat=True))
    got = received(sandbox, send_out.channel)
    _agree(send_out, "finished", send_out.state == SendOut.State.FINISHED, send_out.state_reason)
    _agree(send_out, "one row per person", sum(states.values()) == people, states)
    _agree(send_out, "nobody twice", set(got.values()) <= {1}, len(got))
    delivered = {row.target for row in send_out.recipients.filter(state=Recipient.State.DELIVERED)}
    unknown = {row.target for row in send_out.recipients.filter(state=Recipient.State.UNKNOWN)}
    _agree(send_out, "delivered people got it", delivered <= set(got), len(delivered - set(got)))
    _agree(
        send_out,
        "who got it is delivered or unknown",
        set(got) <= delivered | unknown,
        len(set(got) - delivered),
    )
    if send_out.channel != "email":
        failed = send_out.recipients.filter(state=Recipient.State.FAILED)
        why = Counter(failed.values_list("reason", "code", "detail"))
        _agree(send_out, "everybody exactly once", len(got) == len(delivered) == people, (states, why))
    _agree_on_numbers(send_out, states)
    return {
        "people": people,
        "delivered": len(delivered),
        "unknown": len(unknown),
        "unknown, had it": len(unknown & set(got)),
    }


def received(sandbox: SandboxProvider, channel: str) -> Counter[str]:
    """How many messages each address or number has got, as the platform itself has noted them."""
    rows = sandbox.store._rows(
        "SELECT recipient, count(*) AS n FROM messages WHERE channel = ? GROUP BY 1", (channel,)
    )
    return Counter({row["recipient"]: row["n"] for row in rows})


def _agree_on_numbers(send_out: SendOut, states: Counter[str]) -> None:
    """Every number that pages and the API show, beside a recount of the rows."""
    shown = queries.effect(send_out)
    listed = queries.with_figures(SendOut.objects.filter(pk=send_out.pk)).get()
    sent = sum(states[state] for state in ("handed", "delivered", "failed", "unknown"))
    for name, wanted in (
        ("target", sum(states.values())),
        ("sent", sent),
        ("delivered", states["delivered"]),
    ):
        _agree(send_out, f"number {name}", shown[name] == wanted == getattr(listed, name), shown)
    for batch in send_out.batches.all():
        rows = Recipient.objects.filter(batch=batch).count()
        _agree(send_out, "size of a batch", batch.size == rows, (batch.size, rows))


def _agree(send_out: SendOut, fact: str, holds: bool, seen: object) -> None:
    if not holds:
        raise Broken(f"{send_out.channel}: {fact}: does not hold ({seen}).")
