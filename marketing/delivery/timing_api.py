"""REST API of the runs of a plan, and of who waits until when."""

from __future__ import annotations

from typing import Any

from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from marketing.delivery import plans, releasing
from marketing.delivery.models import SendOut


class TimingActions:
    """Actions of a send-out; mixed into its viewset."""

    get_object: Any

    @action(detail=True, methods=["get"])
    def runs(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The runs of one that repeats, the newest first, with their figures, and `total` of all."""
        rows = plans.runs_of(self.get_object())
        return Response({"runs": [_run(row) for row in rows], "total": plans.total(rows)})

    @action(detail=True, methods=["get"])
    def waiting(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How many people wait for the hours of their own day, by time zone and moment."""
        return Response({"waiting": releasing.waiting(self.get_object())})


def _run(row: SendOut) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "due_at": row.due_at,
        "state": row.state,
        "state_reason": row.state_reason,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        **{name: getattr(row, name) for name in plans.FIGURES},
    }
