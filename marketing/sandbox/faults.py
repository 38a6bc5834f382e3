"""Failures on demand: the next calls answer with errors, slowly, or not at all although they were carried out."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

KINDS = ("error", "slow", "timeout_after_accepting", "lost_answer")


@dataclass
class Fault:
    """A failure of the next calls.

    `error` refuses with `status`; `slow` waits before carrying out; `timeout_after_accepting` carries out, then waits
    before answering; `lost_answer` carries out and breaks the connection.
    """

    kind: str
    on: str = ""
    """Part of the path of the calls that it hits ("sms/sendBatch"); "smtp" for mails; empty for all contract calls."""
    times: int = 1
    seconds: float = 30.0
    status: int = 500


class Faults:
    """The failures that are still to come, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, values: dict[str, Any]) -> None:
        """Raises ValueError where `values` do not describe a fault."""
        try:
            fault = Fault(**values)
        except TypeError:
            raise ValueError("A fault has kind, on, times, seconds and status.") from None
        if fault.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}.")
        if not isinstance(fault.times, int) or fault.times < 1:
            raise ValueError("times must be a whole number from 1.")
        with self._lock:
            self._waiting.append(fault)

    def take(self, path: str) -> Fault | None:
        """The fault that hits this call, counted as used."""
        with self._lock:
            for fault in self._waiting:
                if fault.on in path if fault.on else path != "smtp":
                    fault.times -= 1
                    if not fault.times:
                        self._waiting.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._waiting]
