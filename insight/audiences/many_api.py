"""REST API of what is done to several audiences at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from insight.audiences import applications, many, visibility
from insight.audiences.bodies import body, chosen
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from insight.audiences.streaming import csv_response


class ManyActions:
    """Part of the view set of audiences."""

    access: Any
    workspace: Any

    def _chosen(self, data: dict[str, Any]) -> list[Audience]:
        return [visibility.get_visible(self.access, key) for key in chosen(data)]

    @extend_schema(request=None, responses=OpenApiResponse(description="How many were deleted"))
    @action(detail=False, methods=["post"], url_path="delete")
    def delete_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete several: `{"audiences": [...]}`. Where one is still used (409), none is deleted."""
        return Response({"deleted": many.delete(self.access, self._chosen(body(request)))})

    @extend_schema(request=None, responses={201: OpenApiResponse(description="Copied, refused")})
    @action(detail=False, methods=["post"], url_path="copy")
    def copy_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Copy several: `{"audiences": [...], "folder": "fld_…"}`; a refusal does not stop the others."""
        data = body(request)
        rows = self._chosen(data)
        folder = folders.find(self.workspace, data.get("folder"))
        changes = {"folder": folder.pk if folder else None} if "folder" in data else {}
        made, refused = many.copy(self.access, rows, changes)
        return Response(
            {
                "copied": [
                    {"audience": row.pk, "copy": copied.pk, "name": copied.name} for row, copied in made
                ],
                "refused": [
                    {"audience": row.pk, "code": error.code, "detail": str(error)} for row, error in refused
                ],
            },
            status=201,
        )

    @extend_schema(request=None, responses={(200, "application/zip"): bytes})
    @action(detail=False, methods=["post"], url_path="export")
    def export_many(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """A ZIP file with the members of each as CSV: `{"audiences": [...], "bom": true, "header": false}`."""
        data = body(request)
        pieces = many.export(self.access, self._chosen(data), CsvOptions.of(data))
        return csv_response(request._request, pieces, "audiences.zip")

    @extend_schema(request=None, responses=OpenApiResponse(description="Applications"))
    @action(detail=False, methods=["post"], url_path="applications")
    def applications_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What several audiences can be used for together: `{"audiences": [...]}`; `reason` says why not."""
        found = applications.offers_for(self.access, self._chosen(body(request)))
        return Response({"results": [offer.as_json() for offer in found]})
