"""REST API of tables."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import ValidationFailed
from insight.datasources import queries, services
from insight.datasources.models import SourceTable
from insight.datasources.views import bad_rows_file


class TableSerializer(serializers.ModelSerializer[SourceTable]):
    """A table of the built-in data source."""

    class Meta:
        model = SourceTable
        fields = [
            "id",
            "name",
            "description",
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
    parser_classes = [MultiPartParser, JSONParser]
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
        "append": "insight.datasource.manage",
        "partial_update": "insight.datasource.manage",
        "bad_rows": "insight.datasource.manage",
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

    @action(detail=True, methods=["post"])
    def append(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload more rows: a file with the same columns. Either all of it is added, or nothing."""
        table = self.get_object()
        return self._import(request, table.name, table, append=True)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name` or `description`."""
        table = self.get_object()
        given = {"name": table.name, "description": table.description}
        given.update({key: str(request.data[key] or "") for key in given if key in request.data})
        return self.answer(services.describe(self.access, table, **given))

    @action(detail=True, url_path="bad-rows")
    def bad_rows(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The refused lines of the last import as CSV, kept for seven days."""
        return bad_rows_file(self.get_object())

    def _import(
        self, request: Request, name: str, table: SourceTable | None, *, append: bool = False
    ) -> Response:
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
            append=append,
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
