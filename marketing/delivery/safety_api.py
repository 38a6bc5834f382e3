"""REST API of what makes send-outs safe and what came of them: approval, conflicts, lateness, conversions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import accepted
from cdp.core.schema import maybe, shape
from cdp.jobs.api import STARTED, started
from insight.audiences.streaming import csv_response
from marketing.delivery import approval, conflicts, conversion, late_decision, lift, schedule, sealing
from marketing.delivery.models import SendOut
from marketing.delivery.serializers import SendOutSerializer


class RemarkSerializer(serializers.Serializer[Any]):
    remark = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ApproveSerializer(RemarkSerializer):
    seal = serializers.CharField(
        required=False, default="", help_text="That of `approval/`: refused where it is another by now."
    )


class LateDecisionSerializer(serializers.Serializer[Any]):
    send = serializers.BooleanField(help_text="False: skip it.")


class ConversionSerializer(serializers.Serializer[Any]):
    """Without a dataset nothing is counted any more."""

    dataset = serializers.CharField(required=False)
    types = serializers.ListField(child=serializers.CharField(), required=False)
    days = serializers.IntegerField(required=False, min_value=1, max_value=conversion.LONGEST)
    least_amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=0, required=False, allow_null=True
    )
    amount = serializers.BooleanField(required=False)


LEFT = {200: SendOutSerializer, **started("SendOutLeft", send_out=SendOutSerializer)}
"""What `left` answers, for the schema."""


class SafetyActions:
    """Actions of a send-out; mixed into its viewset."""

    access: Any
    get_object: Any
    answer: Any
    get_serializer: Any

    def left(self, send_out: SendOut) -> Response:
        """202 with the job where it leaves at once, 200 where it does not."""
        job = schedule.active_job(send_out)
        shown = self.get_serializer(send_out).data
        return accepted(job, send_out=shown) if job else Response(shown)

    @extend_schema(
        responses=shape(
            "SendOutApproval",
            id=maybe(str),
            state=maybe(str),
            people=maybe(int),
            seal=maybe(str),
            requested_by=serializers.CharField(required=False, allow_null=True),
            requested_at=maybe(datetime),
            decided_by=serializers.CharField(required=False, allow_null=True),
            decided_at=serializers.DateTimeField(required=False, allow_null=True),
            remark=maybe(str),
            changes=maybe([str]),
            may_decide=maybe(bool),
        )
    )
    @action(detail=True, methods=["get"], url_path="approval")
    def approval(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The last approval that was asked for, what has changed since, and whether one may decide; else empty."""
        send_out: SendOut = self.get_object()
        found = approval.latest(send_out)
        if found is None:
            return Response({})
        waits = found.state == "waiting"
        return Response(
            {
                "id": found.pk,
                "state": found.state,
                "people": found.seal["people"],
                "seal": sealing.token(found.seal),
                "requested_by": getattr(found.requested_by, "username", None),
                "requested_at": found.requested_at,
                "decided_by": getattr(found.decided_by, "username", None),
                "decided_at": found.decided_at,
                "remark": found.remark,
                "changes": sealing.causes(send_out, found.seal, sealing.now(send_out, found.seal))
                if waits
                else [],
                "may_decide": approval.may_decide(self.access, send_out),
            }
        )

    @extend_schema(request=ApproveSerializer, responses=LEFT)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let it leave: 202 with the job where it leaves at once."""
        send_out, data = self.get_object(), _read(ApproveSerializer, request)
        return self.left(approval.approve(self.access, send_out, **data))

    @extend_schema(request=RemarkSerializer, responses=SendOutSerializer)
    @action(detail=True, methods=["post"])
    def refuse(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Back to its owner; the remark says why."""
        send_out, data = self.get_object(), _read(RemarkSerializer, request)
        return self.answer(approval.refuse(self.access, send_out, **data))  # type: ignore[no-any-return]

    @extend_schema(request=LateDecisionSerializer, responses=LEFT)
    @action(detail=True, methods=["post"])
    def late(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Decide on one that missed its time: {"send": true} or {"send": false}."""
        send_out, data = self.get_object(), _read(LateDecisionSerializer, request)
        return self.left(late_decision.decide(self.access, send_out, **data))

    @extend_schema(
        methods=["get"],
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "Others that write to these people, or nothing"),
    )
    @extend_schema(methods=["post"], request=None, responses=STARTED)
    @action(detail=True, methods=["get", "post"])
    def conflicts(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who else writes to these people. POST looks anew (202); GET answers what was found last, or nothing."""
        send_out = self.get_object()
        if request.method == "POST":
            return accepted(conflicts.start(self.access, send_out))
        return Response(conflicts.found(self.access, send_out) or {})

    @extend_schema(
        methods=["get"], responses=OpenApiResponse(OpenApiTypes.OBJECT, "Conversions and the lift")
    )
    @extend_schema(
        methods=["put"],
        request=ConversionSerializer,
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, "Conversions and the lift"),
            **started("ConversionStarted", conversion=dict),
        },
    )
    @extend_schema(methods=["post"], request=None, responses=STARTED)
    @action(detail=True, methods=["get", "put", "post"])
    def conversion(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Conversions and the lift. PUT says what counts; POST counts anew (202)."""
        send_out = self.get_object()
        if request.method == "POST":
            return accepted(conversion.recount(self.access, send_out))
        if request.method == "PUT":
            data = _read(ConversionSerializer, request)
            job = conversion.choose(self.access, send_out, data if "dataset" in data else {})
            if job is not None:
                return accepted(job, conversion=lift.of(send_out))
        return Response(lift.of(send_out))

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], url_path="conversion/download")
    def conversion_download(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The same numbers as CSV."""
        send_out = self.get_object()
        pieces = lift.as_csv(self.access, send_out)
        return csv_response(request._request, pieces, f"{send_out.pk}-conversions.csv")


def _read(kind: Any, request: Request) -> dict[str, Any]:
    given = kind(data=request.data if isinstance(request.data, dict) else {})
    given.is_valid(raise_exception=True)
    found: dict[str, Any] = dict(given.validated_data)
    return found
