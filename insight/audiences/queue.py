"""Places of audiences in the queue, for those that wait to be computed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cdp.jobs.models import Job
from insight.audiences.models import Audience


def places(workspace: Any) -> dict[str, int]:
    """Audience ID to its place, 1 for the next: among the work of its gate, or among refreshes asked for by hand."""
    subject = Audience._meta.label_lower
    rows = Job.objects.filter(workspace=workspace, status=Job.Status.QUEUED).order_by("created_at", "pk")
    passed: Counter[str] = Counter()
    found: dict[str, int] = {}
    for gate, kind, key in rows.values_list("gate", "subject_type", "subject_id"):
        if not gate and kind != subject:
            continue
        passed[gate] += 1
        if kind == subject:
            found.setdefault(key, passed[gate])
    return found
