"""REST API of message events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, accepted
from cdp.core.schema import nullable, shape
from cdp.jobs.api import STARTED
from marketing.outcomes import jobs, queries


class _SeesSendOuts(WorkspaceAPIView):
    """For those who see the send-outs of any channel."""

    def permission_point(self) -> str:
        return jobs.point_of(self.access)


class MessageEvents(_SeesSendOuts):
    """The tables and behaviour datasets of what happened to messages."""

    @extend_schema(
        responses=shape(
            "MessageEvents",
            updated_at=nullable(datetime),
            count=int,
            results=[
                shape(
                    "MessageEventTable",
                    id_type=str,
                    encryption=str,
                    table=str,
                    dataset=nullable(str),
                    events=nullable(int),
                    users=nullable(int),
                    refreshed_at=nullable(datetime),
                )
            ],
        )
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = [
            {
                "id_type": row.id_type,
                "encryption": row.encryption,
                "table": row.table.name,
                "dataset": row.dataset_id,
                "events": row.table.rows,
                "users": row.dataset.users if row.dataset else None,
                "refreshed_at": row.dataset.refreshed_at if row.dataset else None,
            }
            for row in queries.event_tables(self.workspace)
        ]
        found = {"updated_at": queries.updated_at(self.workspace), "count": len(rows), "results": rows}
        return Response(found)


class UpdateMessageEvents(_SeesSendOuts):
    """Compares all events with the ledger now, and refreshes the datasets of those tables that changed."""

    @extend_schema(request=None, responses=STARTED)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return accepted(jobs.update(self.access))
