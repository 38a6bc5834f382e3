"""REST API of tables."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import ValidationFailed
from insight.datasources import queries, services
from insight.datasources.models import SourceTable


class TableSerializer(serializers.ModelSerializer[SourceTable]):
    """A table of the built-in data source."""

    class Meta:
        model = SourceTable
        fields = [
            "id",
            "name",
            "state",
            "error",
            "columns",
            "rows",
            "bytes",
            "report",
            "version",
            "loaded_at",
        ]


class TableViewSet(WorkspaceViewSet):
    """Tables of the built-in data source, found by name."""

    model = SourceTable
    serializer_class = TableSerializer
    parser_classes = [MultiPartParser]
    lookup_field = "name"
    filterset_fields = ["state"]
    search_fields = ["name"]
    ordering_fields = ["name", "updated_at", "rows"]
    required_permission = {
        "list": "insight.datasource.view",
        "retrieve": "insight.datasource.view",
        "sample": "insight.datasource.view",
        "create": "insight.datasource.manage",
        "replace": "insight.datasource.manage",
        "destroy": "insight.datasource.manage",
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a file: `name`, `file`, and optionally `types` (JSON) and `on_bad_rows` (fail or skip)."""
        name = services.check_name(str(request.data.get("name", "")))
        return self._import(request, name, None)

    @action(detail=True, methods=["post"])
    def replace(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a new version of the table."""
        table = self.get_object()
        return self._import(request, table.name, table)

    def _import(self, request: Request, name: str, table: SourceTable | None) -> Response:
        file = request.FILES.get("file")
        if file is None:
            message = _("Send a file.")
            raise ValidationFailed(message, errors={"file": [message]})
        types = _types(request.data.get("types"))
        upload = services.create_upload(self.access, file, str(request.data.get("file_name") or file.name))
        job = services.start_import(
            self.access,
            upload,
            name,
            types=types,
            on_bad_rows=str(request.data.get("on_bad_rows") or "fail"),
            replace=table,
        )
        return accepted(job, table={"name": name})

    @action(detail=True)
    def sample(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Twenty rows, identifiers masked."""
        return Response(queries.sample(self.get_object(), clear=self.access.can("privacy.unmask")))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_table(self.access, self.get_object())
        return Response(status=204)


def _types(given: Any) -> dict[str, str]:
    try:
        types = json.loads(given) if given else {}
    except ValueError:
        types = None
    if not isinstance(types, dict):
        message = _('`types` is a JSON object such as {"member_no": "text"}.')
        raise ValidationFailed(message, errors={"types": [message]})
    return {str(key): str(value) for key, value in types.items()}
