"""A watcher process that cleans up when the process that made it dies without doing so itself."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

GRACE_SECONDS = 3.0


class Guard:
    """Ends the process groups it was told of, once its maker is gone, however that came about (`kill -9` too).

    The watcher is a fork in a session of its own that waits for the end of a pipe held by its maker, so it is not
    hit by what hits the maker's process group. Make it before any thread is started.
    """

    def __init__(self, when_orphaned: Callable[[], None]) -> None:
        reader, self._writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writer)
            _watch(reader, when_orphaned)
        os.close(reader)

    def watch(self, group: int) -> None:
        """End this process group when the maker dies."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """The group has ended; its number may soon belong to somebody else."""
        self._tell(f"-{group}")

    def dismiss(self) -> None:
        """The maker has cleaned up itself: end the watcher without any action."""
        self._tell("done")
        os.close(self._writer)
        os.waitpid(self.pid, 0)

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            os.write(self._writer, f"{line}\n".encode())


def end_groups(groups: Iterable[int], number: int) -> None:
    """Send a signal to process groups; those that are gone are passed over."""
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _watch(reader: int, when_orphaned: Callable[[], None]) -> None:
    """The watcher's life; never returns into the maker's code."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        groups: set[int] = set()
        with os.fdopen(reader) as told:
            for line in told:
                if line.startswith("done"):
                    os._exit(0)
                change = groups.add if line[0] == "+" else groups.discard
                change(int(line[1:]))
        end_groups(groups, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(map(_alive, groups)):
            time.sleep(0.05)
        end_groups(groups, signal.SIGKILL)
        when_orphaned()
        code = 0
    finally:
        os._exit(code)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
