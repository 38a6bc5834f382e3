"""REST API of what is done to several audiences at once."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.schema import maybe, shape
from insight.audiences import applications, many, visibility
from insight.audiences.bodies import body, chosen
from insight.audiences.csv_options import CsvOptions
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from insight.audiences.serializers import APPLICATIONS, AUDIENCES, REFUSED
from insight.audiences.streaming import csv_response


class ManyActions:
    """Part of the view set of audiences."""

    access: Any
    workspace: Any

    def _chosen(self, data: dict[str, Any]) -> list[Audience]:
        return [visibility.get_visible(self.access, key) for key in chosen(data)]

    @extend_schema(
        operation_id="workspaces_audiences_delete_many",
        request=AUDIENCES,
        responses=shape("AudiencesDeleted", deleted=int),
    )
    @action(detail=False, methods=["post"], url_path="delete")
    def delete_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete several: `{"audiences": [...]}`. Where one is still used (409), none is deleted."""
        return Response({"deleted": many.delete(self.access, self._chosen(body(request)))})

    @extend_schema(
        operation_id="workspaces_audiences_copy_many",
        request=shape(
            "AudiencesCopy", audiences=[str], folder=serializers.CharField(required=False, allow_null=True)
        ),
        responses={
            201: shape(
                "AudiencesCopied",
                copied=[shape("AudienceCopied", audience=str, copy=str, name=str)],
                refused=[REFUSED],
            )
        },
    )
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

    @extend_schema(
        operation_id="workspaces_audiences_export_many",
        request=shape("AudiencesExport", audiences=[str], bom=maybe(bool), header=maybe(bool)),
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    @action(detail=False, methods=["post"], url_path="export")
    def export_many(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """A ZIP file with the members of each as CSV: `{"audiences": [...], "bom": true, "header": false}`."""
        data = body(request)
        pieces = many.export(self.access, self._chosen(data), CsvOptions.of(data))
        return csv_response(request._request, pieces, "audiences.zip")

    @extend_schema(
        operation_id="workspaces_audiences_applications_many", request=AUDIENCES, responses=APPLICATIONS
    )
    @action(detail=False, methods=["post"], url_path="applications")
    def applications_many(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What several audiences can be used for together: `{"audiences": [...]}`; `reason` says why not."""
        found = applications.offers_for(self.access, self._chosen(body(request)))
        return Response({"results": [offer.as_json() for offer in found]})
