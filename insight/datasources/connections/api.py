"""REST API of databases outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.audit.services import log_unmasked
from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import PermissionDenied, ValidationFailed
from cdp.core.schema import nullable, shape
from cdp.jobs.api import started
from insight.datasources.connections import browsing, feeds, services
from insight.datasources.models import Connection, Feed
from insight.datasources.organization import grants

_HIDDEN = ("host", "port", "database", "schema", "account", "has_password", "tls")


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """A database outside. The password is never returned: `has_password` says whether there is one.

    `scope` is `organization` where the organization shares it with the workspace; where it is and how it is entered are
    then told to the organization's managers alone.
    """

    as_shown: ClassVar = {
        **dict.fromkeys(("host", "database", "schema", "account"), nullable(str)),
        "port": nullable(int),
        "has_password": nullable(bool),
        "tls": serializers.ChoiceField(Connection.Tls.choices, allow_null=True),
    }
    has_password = serializers.SerializerMethodField()
    scope = serializers.SerializerMethodField()
    capabilities = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="ingest, write_back, push_down"
    )

    class Meta:
        model = Connection
        fields = [
            *(
                "id",
                "name",
                "scope",
                "region",
                "kind",
                "host",
                "port",
                "database",
                "schema",
                "account",
                "has_password",
                "tls",
            ),
            *("capabilities", "push_down", "server_version", "tested_at", "created_at", "updated_at"),
        ]

    def get_has_password(self, connection: Connection) -> bool:
        return bool(connection.password)

    def get_scope(self, connection: Connection) -> str:
        return "organization" if connection.is_shared else "workspace"

    def to_representation(self, instance: Connection) -> dict[str, Any]:
        found = super().to_representation(instance)
        if instance.is_shared and not self.context.get("manages"):
            found.update(dict.fromkeys(_HIDDEN))
        return dict(found)


class ConnectionInput(serializers.ModelSerializer[Connection]):
    """What a source is given; a password that is left out, or given as dots, is kept."""

    password = serializers.CharField(max_length=500, required=False)

    class Meta:
        model = Connection
        fields = [*services.FIELDS, *services.SWITCHES]


REMOTE_TABLE: dict[str, Any] = {"name": str, "kind": str, "comment": str, "rows": nullable(int)}
DIAGNOSIS = shape(
    "SourceTest",
    ok=bool,
    code=str,
    detail=str,
    steps=[dict],
    version=str,
    seen_as=str,
    write_back=bool,
    no_write=str,
)
TABLE_STARTED = started("TableStarted", table=shape("TableName", name=str))


class FeedSerializer(serializers.ModelSerializer[Feed]):
    """How a table is copied from a source, and how far that has got."""

    source = serializers.CharField(source="connection_id", help_text="ID of the source")  # type: ignore[assignment]
    source_name = serializers.CharField(source="connection.name")
    table = serializers.CharField(source="remote", help_text="The table's name in the source")

    class Meta:
        model = Feed
        fields = [
            *("source", "source_name", "table", "columns", "mode", "cursor", "key", "refresh"),
            *("cursor_value", "copied_at", "next_copy_at", "error_code"),
        ]


class FeedInput(serializers.ModelSerializer[Feed]):
    class Meta:
        model = Feed
        fields = feeds.SETTINGS


class BringInSerializer(FeedInput):
    table = serializers.CharField(help_text="The table's name in the source")
    name = serializers.CharField(required=False, help_text="Its name in the lake")

    class Meta(FeedInput.Meta):
        fields = ("table", "name", *feeds.SETTINGS)


class ConnectionViewSet(WorkspaceViewSet):
    """Databases outside, whose tables can be copied into the lake: the workspace's, and those shared with it."""

    model = Connection
    serializer_class = ConnectionSerializer
    lookup_field = "pk"
    filterset_fields = ["kind"]
    search_fields = ["name"]
    ordering_fields = ["name", "updated_at"]
    required_permission = {
        "list": "insight.datasource.view",
        "retrieve": "insight.datasource.view",
        "tables": "insight.datasource.view",
        "table": "insight.datasource.view",
        "profile": "insight.datasource.view",
        "addresses": "insight.datasource.manage",
        "create": "insight.datasource.manage",
        "partial_update": "insight.datasource.manage",
        "destroy": "insight.datasource.manage",
        "test": "insight.datasource.manage",
        "test_new": "insight.datasource.manage",
        "bring_in": "insight.datasource.manage",
    }

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Connection.objects.none()
        return grants.sources_seen_in(self.workspace)

    def owned(self) -> Connection:
        """The source, for those who change it. Raises NotFound, and PermissionDenied for the organization's."""
        source: Connection = self.get_object()
        if source.is_shared:
            raise PermissionDenied(_("This source is the organization's: its managers look after it."))
        return source

    @extend_schema(request=ConnectionInput)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """`name`, `region`, `kind` (postgresql or mysql), `host`, `port`, `database`, `schema`, `account`, `password`.

        `tls` says how the connection is encrypted. `push_down` lets datasets live in it: a PostgreSQL database whose
        account may create tables. It is saved only when the connection works: otherwise 400 with the code of the step
        that failed, and `steps`.
        """
        return self.answer(services.create(self.access, _body(request)), status=201)

    @extend_schema(request=ConnectionInput)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields, after a passed test."""
        connection = self.owned()
        self.check_etag(connection)
        return self.answer(services.update(self.access, connection, _body(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.owned())
        return Response(status=204)

    @extend_schema(operation_id="sources_test_new", request=ConnectionInput, responses=DIAGNOSIS)
    @action(detail=False, methods=["post"], url_path="test")
    def test_new(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try settings without saving them: {"ok", "code", "detail", "steps", "version", "seen_as", "write_back"}."""
        return Response(services.test(self.access, _body(request)).as_json())

    @extend_schema(request=ConnectionInput(partial=True), responses=DIAGNOSIS)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try the source as it is saved, or with the changes in the body."""
        connection, values = self.owned(), _body(request)
        found = (
            services.test(self.access, values, connection)
            if values
            else services.retest(self.access, connection)
        )
        return Response(found.as_json())

    @extend_schema(responses=shape("EgressAddresses", addresses=[str]))
    @action(detail=False)
    def addresses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The addresses that this installation calls from, to be let in by the database's firewall."""
        return Response({"addresses": settings.EGRESS_IPS})

    @extend_schema(
        parameters=[OpenApiParameter("search", str)],
        responses=shape("SourceTable", **REMOTE_TABLE, tables=[str], last_read_at=nullable(datetime))(
            many=True
        ),
    )
    @action(detail=True)
    def tables(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The source's tables and views, by name; `search` finds a part of it. `rows` is the server's estimate."""
        source = self.get_object()
        search = request.query_params.get("search", "")
        page = self.paginate_queryset(browsing.tables(source, search, viewer=self.workspace))
        copies = browsing.copies(source, viewer=self.workspace)
        return self.get_paginated_response(
            [
                {
                    **asdict(table),
                    "tables": [copy.name for copy in found],
                    "last_read_at": browsing.last_read(found),
                }
                for table in page or []
                for found in [copies.get(table.name, [])]
            ]
        )

    @extend_schema(request=BringInSerializer, responses=TABLE_STARTED)
    @action(detail=True, methods=["post"], url_path="bring-in")
    def bring_in(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Copy `table` into the lake as `name`, now and by `refresh`; `columns`, `mode`, `cursor` and `key` say how."""
        table, job = feeds.bring_in(self.access, self.get_object(), _body(request))
        return accepted(job, table={"name": table.name})

    @extend_schema(
        operation_id="sources_table_profile",
        responses=shape("SourceTableProfile", rows=int, complete=bool, columns=[dict]),
    )
    @action(detail=True, url_path="tables/(?P<table>.+)/profile")
    def profile(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Of the first `rows` of a table, and `complete` says whether these are all: each column's filled (share),
        distinct (estimate), min, max, top; identifiers masked."""
        return Response(browsing.profile(self.get_object(), kwargs["table"], viewer=self.workspace))

    @extend_schema(
        operation_id="sources_table_retrieve",
        parameters=[OpenApiParameter("sample", bool)],
        responses=shape("WholeSourceTable", **REMOTE_TABLE, columns=[dict]),
    )
    @action(detail=True, url_path="tables/(?P<table>.+)")
    def table(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A table's columns; with `sample=true` also `nulls` and five `values` of each, identifiers masked."""
        sampled = request.query_params.get("sample", "").lower() in ("1", "true")
        clear = self.access.can("privacy.unmask")
        source, viewer = self.get_object(), self.workspace
        found = browsing.describe(source, kwargs["table"], viewer=viewer, sampled=sampled, clear=clear)
        if sampled and clear:
            log_unmasked(self.access, source, place="sample of a source's table", rows=browsing.SHOWN_VALUES)
        return Response(found)


def _body(request: Request) -> dict[str, Any]:
    if not isinstance(request.data, Mapping):
        raise ValidationFailed(_("Send a JSON object."))
    return {str(name): value for name, value in request.data.items()}
