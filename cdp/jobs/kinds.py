"""Kinds of jobs, and what the work sees of its own row."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils import timezone

from cdp.core.access import Access
from cdp.core.errors import Cancelled, DomainError
from cdp.core.membership import access_for
from cdp.core.registry import Registry

if TYPE_CHECKING:
    from cdp.jobs.models import Job

WRITE_SECONDS = 0.4
BUSY_SECONDS = (60, 300, 900)
"""How long work waits for an engine that is busy: the first time, the second, the third and later."""
LOG_LINES = 500


class JobKind:
    """The work of one kind of job. Subclasses override `run` and, where the subject keeps a state, `on_failed`.

    A worker may die at any point and the job is then run again (up to `max_attempts` times), so `run` writes to new
    places and moves the pointer last, or marks each step as done before the next.
    """

    kind: ClassVar[str] = ""
    label: ClassVar[Any] = ""
    queue: ClassVar[str] = "default"
    max_attempts: ClassVar[int] = 3
    gate: ClassVar[str] = ""
    quiet: ClassVar[bool] = False
    """Its owner gets no notice when it ends: the page that started it shows what came of it."""

    def run(self, job: JobContext) -> dict[str, Any] | None:
        """Do the work; the answer is kept as the job's result (JSON)."""
        raise NotImplementedError

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """Called once when the job ends without success (also when cancelled)."""

    def gate_limit(self, workspace: Any) -> int:
        """How many jobs of this kind's gate may run at once in the workspace."""
        return 3

    def retry_delay(self, attempt: int) -> float:
        """Seconds until the next attempt after a retryable error."""
        return float(min(300, 2**attempt))

    def wait(self, attempt: int, error: DomainError) -> float | None:
        """Seconds until the next attempt after an error; None where there is none."""
        if not error.retryable:
            return None
        if error.code == "engine_busy":
            most = max(self.max_attempts, len(BUSY_SECONDS) + 1)
            return float(BUSY_SECONDS[min(attempt, len(BUSY_SECONDS)) - 1]) if attempt < most else None
        return self.retry_delay(attempt) if attempt < self.max_attempts else None


_kinds: Registry[JobKind] = Registry("job kind")


def register(cls: type[JobKind]) -> type[JobKind]:
    """Class decorator: makes the kind known to workers."""
    _kinds.add(cls.kind, cls())
    return cls


def get_kind(name: str) -> JobKind:
    return _kinds[name]


def all_kinds() -> list[JobKind]:
    return list(_kinds)


class JobContext:
    """A running job as its work sees it: parameters in, progress and log out, cancellation checked."""

    def __init__(self, row: Job) -> None:
        self.row = row
        self.params: dict[str, Any] = row.params
        self.workspace = row.workspace
        self.owner = row.owner
        self.attempt = row.attempts
        self._changes: dict[str, Any] = {}
        self._written = 0.0
        self._lock = threading.Lock()
        self._access: Access | None = None

    @property
    def access(self) -> Access:
        """The owner's access now, not at the time of the request: rights taken away meanwhile count."""
        if self._access is None:
            self._access = access_for(self.owner, self.workspace)
        return self._access

    def phase(self, text: Any, progress: int | None = None) -> None:
        """A new phase, shown beside the bar. Written at once, and noted in the log."""
        self._changes.update(phase=str(text)[:200], done=None, total=None)
        if progress is not None:
            self._changes["progress"] = max(0, min(100, int(progress)))
        self._note("info", str(text))
        self.flush()
        self.check_cancelled()

    def progress(self, percent: float, *, done: int | None = None, total: int | None = None) -> None:
        """Progress in percent and, where there is one, a count. Written at most a few times a second."""
        self._changes.update(progress=max(0, min(100, int(percent))), done=done, total=total)
        if time.monotonic() - self._written > WRITE_SECONDS:
            self.flush()
            self.check_cancelled()

    def log(self, text: Any, level: str = "info") -> None:
        """A line of the job's log."""
        self._note(level, str(text))
        if time.monotonic() - self._written > WRITE_SECONDS:
            self.flush()

    def check_cancelled(self) -> None:
        """Raises Cancelled when somebody asked for it, or when this run has lost its lease to another worker."""
        from cdp.jobs.models import Job

        found = Job.objects.filter(pk=self.row.pk).values_list("cancel_requested", "run_token").first()
        if found is None or found[0] or found[1] != self.row.run_token:
            raise Cancelled()

    def flush(self) -> None:
        """Write what has not been written yet and tell open pages."""
        from cdp.jobs import live

        with self._lock:
            changes, self._changes = self._changes, {}
            if changes:
                for name, value in changes.items():
                    setattr(self.row, name, value)
                type(self.row).objects.filter(pk=self.row.pk, run_token=self.row.run_token).update(**changes)
                live.publish(self.row)
            self._written = time.monotonic()

    def _note(self, level: str, text: str) -> None:
        entry = {"at": timezone.now().isoformat(timespec="seconds"), "level": level, "text": text[:1000]}
        self.row.log = [*self.row.log, entry][-LOG_LINES:]
        self._changes["log"] = self.row.log
