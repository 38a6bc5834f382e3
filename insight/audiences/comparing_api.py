"""REST API of audiences beside each other: how several overlap, what is split apart, two versions of one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.schema import maybe, nullable, shape
from insight.audiences import comparing, overlap
from insight.audiences.bodies import body
from insight.audiences.serializers import AUDIENCES, AudienceSerializer

_OVERLAP = shape(
    "Overlap",
    audiences=[shape("OverlapAudience", id=str, name=str, count=nullable(int), version=int)],
    people=int,
    parts=[shape("OverlapExclusivePart", audiences=[str], people=int, percent=float)],
    pairs=[
        shape(
            "OverlapPair",
            audiences=[str],
            both=int,
            either=int,
            share_of_first=nullable(float),
            share_of_second=nullable(float),
            jaccard=nullable(float),
        )
    ],
)


class ComparingActions:
    """Part of the view set of audiences."""

    access: Any
    get_object: Any
    get_queryset: Any
    get_serializer: Any
    _fresh: Any

    @extend_schema(request=AUDIENCES, responses=_OVERLAP)
    @action(detail=False, methods=["post"])
    def overlap(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How two to eight `audiences` overlap: exact people of every combination."""
        return Response(overlap.measure(self.access, body(request).get("audiences")).as_json())

    @extend_schema(
        request=shape("OverlapPart", audiences=[str], inside=[str], name=str, campaigns=maybe([str])),
        responses={201: AudienceSerializer},
    )
    @action(detail=False, methods=["post"], url_path="overlap/save")
    def overlap_save(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of one part: in all of `inside`, in none of the other `audiences`."""
        data = body(request)
        name = str(data.get("name") or "")
        return self._fresh(
            overlap.save_part(
                self.access, data.get("audiences"), data.get("inside"), name, data.get("campaigns")
            ),
            status=201,
        )

    @extend_schema(
        request=shape("AudienceSplit", audiences=[str], prefix=str, campaigns=maybe([str])),
        responses={201: shape("SplitAudiences", results=[AudienceSerializer])},
    )
    @action(detail=False, methods=["post"])
    def split(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Exclusive audiences by priority: each of `audiences` without all before it; names begin with `prefix`."""
        data = body(request)
        prefix = str(data.get("prefix") or "")
        made = overlap.split(self.access, data.get("audiences"), prefix, data.get("campaigns"))
        rows = self.get_queryset().filter(pk__in=[row.pk for row in made]).order_by("name")
        return Response({"results": self.get_serializer(rows, many=True).data}, status=201)

    @extend_schema(
        parameters=[OpenApiParameter("from", int), OpenApiParameter("to", int)],
        responses=shape(
            "AudienceComparison", stayed=int, joined=int, left=int, examples=dict, **{"from": int, "to": int}
        ),
    )
    @action(detail=True)
    def compare(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who joined, left and stayed between the versions `?from=` and `?to=`."""
        query = request.query_params
        return Response(comparing.compare(self.access, self.get_object(), query.get("from"), query.get("to")))

    @extend_schema(
        request=shape(
            "ComparisonSide",
            side=serializers.ChoiceField(["joined", "left"]),
            name=str,
            campaigns=maybe([str]),
            **{"from": maybe(int), "to": maybe(int)},
        ),
        responses={201: AudienceSerializer},
    )
    @action(detail=True, methods=["post"], url_path="compare/save")
    def compare_save(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of those who `joined` or `left` (`side`) between two versions, kept as snapshots for it."""
        audience, data = self.get_object(), body(request)
        made = comparing.save_side(
            self.access,
            audience,
            data.get("from"),
            data.get("to"),
            str(data.get("side") or ""),
            str(data.get("name") or ""),
            data.get("campaigns"),
        )
        return self._fresh(made, status=201)
