"""REST API of tables."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.access import Access
from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import ValidationFailed
from cdp.core.schema import extended, maybe, shape
from insight.datasources import queries, services
from insight.datasources.connections import feeds
from insight.datasources.connections.api import TABLE_STARTED, FeedInput, FeedSerializer
from insight.datasources.jobs import discard
from insight.datasources.models import SourceTable, Upload
from insight.datasources.views import bad_rows_file


class TableSerializer(serializers.ModelSerializer[SourceTable]):
    """A table of the built-in data source. `feed` says from where it is copied, null where it is not."""

    feed = serializers.SerializerMethodField()

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
            "feed",
        ]

    def get_feed(self, table: SourceTable) -> dict[str, Any] | None:
        feed = getattr(table, "feed", None)
        return dict(FeedSerializer(feed).data) if feed else None

    def to_representation(self, instance: SourceTable) -> dict[str, Any]:
        view = self.context.get("view")
        clear = view is not None and services.may_see_values(view.access)
        return {**super().to_representation(instance), "report": queries.report(instance, clear=clear)}


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """A file on its way to become a table, and its first rows as they will be read."""

    format = serializers.SerializerMethodField(help_text="csv, tsv, txt, xlsx or parquet")
    encoding = serializers.SerializerMethodField()
    encoding_sure = serializers.SerializerMethodField(help_text="False where the encoding is a guess.")
    delimiter = serializers.SerializerMethodField(help_text='A character, "tab" or "spaces".')
    header = serializers.SerializerMethodField()
    preview = serializers.SerializerMethodField(help_text='{"columns": [...], "rows": [[...]]}')
    problem = serializers.SerializerMethodField(
        help_text="Why it cannot be read in this way; null if it can."
    )

    class Meta:
        model = Upload
        fields = [
            *("id", "file_name", "bytes", "format", "encoding", "encoding_sure", "delimiter", "header"),
            *("preview", "problem", "created_at"),
        ]

    def to_representation(self, instance: Upload) -> dict[str, Any]:
        self._preview: dict[str, Any] | None = None
        self._problem: dict[str, Any] | None = None
        try:
            self._preview = services.preview(instance)
        except ValidationFailed as error:
            self._problem = {"code": error.code, "detail": str(error)}
        return super().to_representation(instance)

    def get_format(self, upload: Upload) -> str:
        return str(upload.options["format"])

    def get_encoding(self, upload: Upload) -> str:
        return str(upload.options["encoding"])

    def get_encoding_sure(self, upload: Upload) -> bool:
        return bool(upload.options["sure"])

    def get_delimiter(self, upload: Upload) -> str:
        return "tab" if upload.options["delimiter"] == "\t" else str(upload.options["delimiter"])

    def get_header(self, upload: Upload) -> bool:
        return bool(upload.options["header"])

    def get_preview(self, _upload: Upload) -> dict[str, Any] | None:
        return self._preview

    def get_problem(self, _upload: Upload) -> dict[str, Any] | None:
        return self._problem


_READING: dict[str, Any] = {"encoding": maybe(str), "delimiter": maybe(str), "header": maybe(bool)}
_FILE = shape(
    "TableFile",
    file=serializers.FileField(required=False),
    upload=serializers.CharField(
        required=False, help_text="A file that has been looked at, in the place of `file`."
    ),
    types=maybe(dict),
    on_bad_rows=serializers.ChoiceField(["fail", "skip"], required=False),
    **_READING,
)
_NEW_TABLE = extended("NewTable", _FILE, name=str)


class UploadViewSet(WorkspaceViewSet):
    """Files on their way to become a table: look at one before it is imported. They are kept for a day."""

    model = Upload
    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser, JSONParser]
    required_permission = {"*": "insight.datasource.manage"}
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_queryset(self) -> Any:
        return super().get_queryset().order_by("-created_at")

    @extend_schema(
        request={
            "multipart/form-data": shape(
                "NewUpload", file=serializers.FileField(), file_name=maybe(str), **_READING
            )
        }
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Send a `file`, and optionally how to read it: `encoding`, `delimiter`, `header`."""
        return self.answer(_received(self.access, request, may_guess=True), status=201)

    @extend_schema(request={"application/json": shape("UploadReading", **_READING)})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read the file in another way: `encoding`, `delimiter` ("tab", "spaces" or a character), `header`."""
        return self.answer(services.reread(self.access, self.get_object(), _reading(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.discard_upload(self.access, self.get_object())
        return Response(status=204)


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
        "profile": "insight.datasource.view",
        "create": "insight.datasource.manage",
        "replace": "insight.datasource.manage",
        "append": "insight.datasource.manage",
        "partial_update": "insight.datasource.manage",
        "bad_rows": "insight.datasource.manage",
        "destroy": "insight.datasource.manage",
        "feed": "insight.datasource.manage",
        "copy": "insight.datasource.manage",
    }

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("feed__connection")

    @extend_schema(
        request={"multipart/form-data": _NEW_TABLE, "application/json": _NEW_TABLE}, responses=TABLE_STARTED
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a file: `name` and `file`; or import an `upload` that has been looked at.

        Optional: `types` (JSON), `on_bad_rows` (fail or skip), `encoding`, `delimiter`, `header`.
        """
        name = services.check_name(str(request.data.get("name", "")))
        return self._import(request, name, None)

    @extend_schema(request={"multipart/form-data": _FILE, "application/json": _FILE}, responses=TABLE_STARTED)
    @action(detail=True, methods=["post"])
    def replace(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a new version of the table."""
        table = self.get_object()
        return self._import(request, table.name, table)

    @extend_schema(request={"multipart/form-data": _FILE, "application/json": _FILE}, responses=TABLE_STARTED)
    @action(detail=True, methods=["post"])
    def append(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload more rows: a file with the same columns. Either all of it is added, or nothing."""
        table = self.get_object()
        return self._import(request, table.name, table, append=True)

    @extend_schema(request={"application/json": shape("TableWords", name=maybe(str), description=maybe(str))})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name` or `description`."""
        table = self.get_object()
        given = {"name": table.name, "description": table.description}
        given.update({key: str(request.data[key] or "") for key in given if key in request.data})
        return self.answer(services.describe(self.access, table, **given))

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, url_path="bad-rows")
    def bad_rows(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The refused lines of the last import as CSV, kept for seven days."""
        return bad_rows_file(self.access, self.get_object())

    @extend_schema(methods=["patch"], request={"application/json": FeedInput}, responses=TableSerializer)
    @extend_schema(methods=["delete"], responses={204: None})
    @action(detail=True, methods=["patch", "delete"])
    def feed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change how the table is copied from its source; or part it from there, with its rows left."""
        table = self.get_object()
        feed = feeds.feed_of(table)
        if request.method == "DELETE":
            feeds.part(self.access, feed)
            return Response(status=204)
        if not isinstance(request.data, dict):
            raise ValidationFailed(_("Send a JSON object."))
        feeds.change(self.access, feed, request.data)
        return self.answer(self.get_object())

    @extend_schema(
        request={"application/json": shape("CopyNow", whole=maybe(bool), accept_columns=maybe(bool))},
        responses=TABLE_STARTED,
    )
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Copy what is new from the source; `whole`: all of it; `accept_columns`: with the columns as they are now."""
        table = self.get_object()
        flags = {name: request.data.get(name, False) for name in ("whole", "accept_columns")}
        errors = {
            name: [_("Choose true or false.")] for name, value in flags.items() if not isinstance(value, bool)
        }
        if errors:
            raise ValidationFailed(_("Some fields need another value."), errors=errors)
        job = feeds.copy_now(self.access, feeds.feed_of(table), **flags)
        return accepted(job, table={"name": table.name})

    def _import(
        self, request: Request, name: str, table: SourceTable | None, *, append: bool = False
    ) -> Response:
        types = _types(request.data.get("types"))
        key = str(request.data.get("upload") or "")
        upload = Upload.objects.get_in(self.workspace, key) if key else _received(self.access, request)
        try:
            job = services.start_import(
                self.access,
                upload,
                name,
                types=types,
                on_bad_rows=str(request.data.get("on_bad_rows") or "fail"),
                replace=table,
                append=append,
            )
        except BaseException:
            if not key:
                discard(upload)
            raise
        return accepted(job, table={"name": name})

    @extend_schema(responses=shape("TableSample", columns=[str], rows=[dict]))
    @action(detail=True)
    def sample(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Twenty rows, identifiers masked."""
        return Response(queries.seen_sample(self.access, self.get_object()))

    @extend_schema(responses=shape("TableProfile", rows=int, columns=[dict]))
    @action(detail=True)
    def profile(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`rows`, and of each column: filled (share), distinct (estimate), min, max, top; identifiers masked."""
        table = self.get_object()
        return Response({"rows": table.rows or 0, "columns": queries.profile(table)})

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete_table(self.access, self.get_object())
        return Response(status=204)


def _reading(request: Request) -> dict[str, Any]:
    return {key: request.data[key] for key in ("encoding", "delimiter", "header") if key in request.data}


def _received(access: Access, request: Request, *, may_guess: bool = False) -> Upload:
    file = request.FILES.get("file")
    if file is None:
        message = _("Send a file.")
        raise ValidationFailed(message, errors={"file": [message]})
    name = str(request.data.get("file_name") or file.name)
    return services.create_upload(access, file, name, reading=_reading(request), may_guess=may_guess)


def _types(given: Any) -> dict[str, str]:
    try:
        types = json.loads(given) if isinstance(given, str | bytes) and given else given or {}
    except ValueError:
        types = None
    if not isinstance(types, dict):
        message = _('`types` is a JSON object such as {"member_no": "text"}.')
        raise ValidationFailed(message, errors={"types": [message]})
    return {str(key): str(value) for key, value in types.items()}
