"""REST API of the runs of a plan, and of who waits until when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.schema import nullable, shape
from marketing.delivery import plans, releasing
from marketing.delivery.models import SendOut

_FIGURES = dict.fromkeys(plans.FIGURES, int)


class TimingActions:
    """Actions of a send-out; mixed into its viewset."""

    get_object: Any

    @extend_schema(
        responses=shape(
            "Runs",
            runs=[
                shape(
                    "Run",
                    id=str,
                    name=str,
                    due_at=nullable(datetime),
                    state=str,
                    state_reason=str,
                    started_at=nullable(datetime),
                    finished_at=nullable(datetime),
                    **_FIGURES,
                )
            ],
            total=shape("RunFigures", **_FIGURES),
        )
    )
    @action(detail=True, methods=["get"])
    def runs(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The runs of one that repeats, the newest first, with their figures, and `total` of all."""
        rows = plans.runs_of(self.get_object())
        return Response({"runs": [_run(row) for row in rows], "total": plans.total(rows)})

    @extend_schema(
        responses=shape(
            "Waiting", waiting=[shape("WaitingUntil", zone=str, not_before=datetime, local=str, count=int)]
        )
    )
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
