"""Keeps a set of programs running: output to log files and the console, restart after a crash, orderly stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cdp.runtime.guard import Guard, end_groups

STOP_SECONDS = 10.0
POLL_SECONDS = 0.1
STEADY_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
LOG_BYTES = 20 * 1024**2
CONSOLE_WIDTH = 200


@dataclass(frozen=True)
class Program:
    """Something to keep running. `ready` tells whether it answers by now; it may take up to a second."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] = lambda: True


@dataclass
class _Child:
    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    crashes: int = 0
    is_ready: bool = False
    reader: threading.Thread | None = field(default=None, repr=False)


class Supervisor:
    """Runs programs until `stop` or a signal. Each is the leader of a process group of its own."""

    def __init__(
        self, programs: Sequence[Program], environment: Mapping[str, str], logs: Path, guard: Guard
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._children = [_Child(program, logs / f"{program.name}.log") for program in programs]
        self._environment = dict(environment)
        self._guard = guard
        self._asked_to_stop = threading.Event()
        self._in_a_hurry = False

    def stop_on_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM and a closed terminal; asked twice, at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def run(self, when_ready: Callable[[], None], ready_seconds: float) -> bool:
        """Start everything and keep it running until asked to stop; then stop it.

        Calls `when_ready` once, when all programs have answered. Returns False if they did not within
        `ready_seconds`; everything is stopped in this case too.
        """
        deadline = time.monotonic() + ready_seconds
        announced = False
        try:
            while not self._asked_to_stop.is_set():
                for child in self._children:
                    self._keep_running(child)
                if not announced and self._all_ready():
                    announced = True
                    when_ready()
                if not announced and time.monotonic() > deadline:
                    late = ", ".join(child.program.name for child in self._children if not child.is_ready)
                    say("server", f"Gave up after {ready_seconds:.0f} s without an answer from: {late}.")
                    return False
                self._asked_to_stop.wait(POLL_SECONDS)
        finally:
            self.stop()
        return True

    def stop(self) -> None:
        """Ask every program to end, then end what is left of each one's process group."""
        self._asked_to_stop.set()
        running = [child for child in self._children if child.process is not None]
        for child in running:
            with suppress(ProcessLookupError):
                # Only the leader is asked: it knows best how to end its own children.
                os.kill(_process(child).pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and not self._in_a_hurry:
            if all(_process(child).poll() is not None for child in running):
                break
            time.sleep(POLL_SECONDS / 2)
        for child in running:
            self._clear_away(child)

    def _on_signal(self, number: int, frame: object) -> None:
        self._in_a_hurry = self._asked_to_stop.is_set()
        self._asked_to_stop.set()

    def _keep_running(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        self._clear_away(child)
        child.crashes = 0 if now - child.started_at > STEADY_SECONDS else child.crashes
        pause = min(2.0**child.crashes, LONGEST_PAUSE_SECONDS)
        child.crashes += 1
        child.start_at = now + pause
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        say("server", f"{child.program.name} {how}; starting it again in {pause:.0f} s (log: {child.log}).")

    def _start(self, child: _Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(
            child.program.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._guard.watch(child.process.pid)
        assert child.process.stdout is not None
        child.reader = threading.Thread(
            target=_copy_output, args=(child.program.name, child.process.stdout, child.log), daemon=True
        )
        child.reader.start()

    def _clear_away(self, child: _Child) -> None:
        """End what is left of a program's process group, and collect its output."""
        process = _process(child)
        end_groups([process.pid], signal.SIGKILL)
        process.wait()
        self._guard.forget(process.pid)
        if child.reader:
            child.reader.join(timeout=2)
        child.process = None

    def _all_ready(self) -> bool:
        for child in self._children:
            if child.process is None:
                child.is_ready = False
            elif not child.is_ready:
                child.is_ready = child.program.ready()
        return all(child.is_ready for child in self._children)


def say(name: str, line: str) -> None:
    """One line for the person at the terminal; a closed terminal is no reason to fail."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{name:8} | {line[:CONSOLE_WIDTH]}\n")
        sys.stdout.flush()


def _copy_output(name: str, output: IO[bytes], path: Path) -> None:
    log = path.open("ab")
    with output:
        for line in output:
            if log.tell() > LOG_BYTES:
                log.close()
                path.replace(path.with_suffix(".log.1"))
                log = path.open("ab")
            log.write(line)
            log.flush()
            say(name, line.decode(errors="replace").rstrip())
    log.close()


def _process(child: _Child) -> subprocess.Popen[bytes]:
    assert child.process is not None
    return child.process
