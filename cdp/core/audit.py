"""Writing to the audit log. The audit app supplies the sink; the kernel and all modules only call `record`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cdp.core.access import Access

Sink = Callable[..., None]
_sinks: list[Sink] = []


def add_sink(sink: Sink) -> None:
    if sink not in _sinks:
        _sinks.append(sink)


def record(
    access: Access | None,
    action: str,
    obj: Any = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    detail: dict[str, Any] | None = None,
    workspace: Any = None,
) -> None:
    """Note that a person changed or exported something.

    `action` is the object's word and a past participle ("audience.created"). `before` and `after` hold only the
    changed fields; secrets are removed by the sink. `access` is None for work of the system itself.
    """
    for sink in _sinks:
        sink(access, action, obj, before=before, after=after, detail=detail, workspace=workspace)
