"""The supervisor keeps programs running, and leaves none behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]

# A program with a child of its own, as a Celery worker is; both write their process ids.
PROGRAM = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
if os.fork() == 0:
    role = "child"
else:
    role = "leader"
(folder / f"{role}.new").write_text(str(os.getpid()))
(folder / f"{role}.new").rename(folder / role)
# In one write: where output is unbuffered, the words of both would mix.
sys.stdout.write(f"hello from {role}\\n")
sys.stdout.flush()
time.sleep(600)
"""
MAKER = """
import os, pathlib, sys
from cdp.runtime.guard import Guard
from cdp.runtime.supervisor import Program, Supervisor
folder = pathlib.Path(sys.argv[1])
guard = Guard(when_orphaned=lambda: (folder / "orphaned").touch())
(folder / "guard").write_text(str(guard.pid))
supervisor = Supervisor(
    [Program("dummy", [sys.executable, "-c", sys.argv[2], str(folder)], (folder / "child").exists)],
    os.environ, folder / "logs", guard,
)
supervisor.stop_on_signals()
served = supervisor.run(lambda: print("all ready", flush=True), float(sys.argv[3]))
guard.dismiss()
sys.exit(0 if served else 1)
"""


class Run:
    def __init__(self, folder: Path, program: str = PROGRAM, ready_seconds: float = 120) -> None:
        self.folder = folder
        self.maker = subprocess.Popen(
            [sys.executable, "-c", MAKER, str(folder), program, str(ready_seconds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_until_ready(self) -> None:
        assert self.maker.stdout
        for line in self.maker.stdout:
            if "all ready" in line:
                return
        raise AssertionError("The supervisor ended before it was ready.")

    def number(self, role: str) -> int:
        return int((self.folder / role).read_text())

    def process(self, role: str) -> psutil.Process:
        return psutil.Process(self.number(role))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(**options: object) -> Run:
        runs.append(Run(tmp_path, **options))  # type: ignore[arg-type]
        return runs[-1]

    yield begin
    for run in runs:
        if run.maker.poll() is None:
            os.killpg(run.maker.pid, signal.SIGTERM)
        run.maker.wait(60)


def _eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "The condition did not come true in time."
        time.sleep(0.02)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_programs_and_their_children(start: Callable[..., Run], number: int) -> None:
    run = start()
    run.wait_until_ready()
    processes = [run.process(role) for role in ("leader", "child", "guard")]
    os.kill(run.maker.pid, number)
    assert run.maker.wait(60) == 0
    _eventually(lambda: all(map(_is_gone, processes)))


def test_nothing_is_left_when_the_supervisor_is_killed(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start()
    run.wait_until_ready()
    processes = [run.process(role) for role in ("leader", "child", "guard")]
    os.killpg(run.maker.pid, signal.SIGKILL)
    _eventually(lambda: all(map(_is_gone, processes)))
    assert (tmp_path / "orphaned").exists()


def test_a_crashed_program_is_started_again_without_remains_of_the_old_one(start: Callable[..., Run]) -> None:
    run = start()
    run.wait_until_ready()
    leader, child = run.process("leader"), run.process("child")
    leader.kill()
    _eventually(lambda: run.number("leader") != leader.pid and run.number("child") != child.pid)
    assert _is_gone(child)


def test_output_is_kept_in_a_log_file(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start()
    run.wait_until_ready()
    _eventually(lambda: "hello from child" in (tmp_path / "logs" / "dummy.log").read_text())


def test_it_gives_up_on_programs_that_never_answer(start: Callable[..., Run]) -> None:
    run = start(program="import time; time.sleep(600)", ready_seconds=0.5)
    output, _ = run.maker.communicate(timeout=60)
    assert run.maker.returncode == 1
    assert "without an answer from: dummy" in output
