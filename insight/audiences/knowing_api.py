"""REST API of what is known of an audience: what it is made of, what it allows, what its file refused."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.schema import nullable, shape
from insight.audiences import applications, lineage, members, origins, refused, visibility, wording
from insight.audiences.csv_options import CsvOptions
from insight.audiences.serializers import APPLICATIONS, MADE_FROM
from insight.audiences.streaming import csv_response


class KnowingActions:
    """Part of the view set of audiences."""

    access: Any
    get_object: Any

    @extend_schema(
        responses=shape(
            "AudienceSource",
            origin=str,
            origin_label=str,
            words=str,
            dataset_name=nullable(str),
            made_from=[MADE_FROM],
        )
    )
    @action(detail=True)
    def source(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the audience is made of, in words, with the datasets and audiences that it reads."""
        audience = self.get_object()
        return Response(
            {
                "origin": audience.origin,
                "origin_label": str(origins.label_of(audience)),
                "words": wording.of(self.access, audience),
                "dataset_name": audience.origin_detail.get("dataset_name"),
                "made_from": lineage.of(audience).as_json()["made_from"],
            }
        )

    @extend_schema(
        responses=shape(
            "AudienceActions", results=[shape("AudienceAction", action=str, offered=bool, allowed=bool)]
        )
    )
    @action(detail=True, url_path="actions")
    def allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the audience offers by its origin, and whether the person who asks may do it."""
        audience = self.get_object()
        offered = origins.actions_of(audience)
        names = sorted(origins.ACTIONS | offered)
        return Response(
            {
                "results": [
                    {
                        "action": name,
                        "offered": name in offered,
                        "allowed": name in offered and visibility.may(self.access, audience, name),
                    }
                    for name in names
                ]
            }
        )

    @extend_schema(responses=APPLICATIONS)
    @action(detail=True)
    def applications(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the audience can be used for, with the page that opens; `reason` says why something is not possible."""
        found = applications.offers(self.access, self.get_object())
        return Response({"results": [offer.as_json() for offer in found]})

    @extend_schema(responses={(200, "text/csv"): str})
    @action(detail=True)
    def refused(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The first refused lines of the last file as CSV: `line`, `value`; `bom`, `gzip`, `header` as for members."""
        audience, options = self.get_object(), CsvOptions.of(request.query_params)
        pieces = refused.refused_lines(self.access, audience, options)
        name = members.named(f"{audience.name}-refused", options)
        return csv_response(request._request, pieces, name)
