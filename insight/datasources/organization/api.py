"""REST API of an organization's sources and of what workspaces may read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from admin_center.members.manager_api import ManagerViewSet
from admin_center.permissions import grantees
from cdp.core.api import json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import maybe, nullable, shape
from insight.datasources.connections import browsing, services
from insight.datasources.connections.api import DIAGNOSIS, REMOTE_TABLE, ConnectionInput, ConnectionSerializer
from insight.datasources.models import Connection, TableControl
from insight.datasources.organization import picking, queries, sharing
from insight.datasources.organization.grants import EVERY_TABLE

EVERY = "*"
"""Stands for every table, value or column."""


class OrganizationSourceSerializer(ConnectionSerializer):
    """A source of the organization, or of one of its workspaces (`workspace` is its address then)."""

    class Meta(ConnectionSerializer.Meta):
        fields = [*ConnectionSerializer.Meta.fields, "workspace", "failing_since", "failure"]

    def to_representation(self, instance: Connection) -> dict[str, Any]:
        found = super().to_representation(instance)
        return {**found, "workspace": instance.workspace.slug if instance.workspace else None}


_TABLE = [OpenApiParameter("table", str, required=True)]
_LIST_OR_STAR = serializers.JSONField(help_text='A list, or "*" for all.')
_GRANTED = shape(
    "GrantedTables",
    results=[shape("GrantedWorkspace", workspace=str, expires_at=nullable(datetime), differs=bool)],
)
_ROWS = shape("SharedRows", table=str, fields=[str], values=dict)
_COLUMNS = shape("SharedColumns", table=str, enabled=bool, columns=dict)


class SourceViewSet(ManagerViewSet):
    """Sources of the organization. Those of its workspaces are listed too, and looked after there."""

    serializer_class = OrganizationSourceSerializer
    lookup_field = "pk"
    filterset_fields = ["kind"]
    search_fields = ["name"]
    ordering_fields = ["name", "updated_at"]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Connection.objects.none()
        return queries.all_sources(self.organization)

    def get_object(self) -> Connection:
        return queries.source_of(self.organization, self.kwargs["pk"])

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "manages": True}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(request=ConnectionInput)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """As in a workspace: it is saved only when the connection works."""
        made = services.create(self.access, json_object(request), organization=self.organization)
        return self._answer(made, status=201)

    @extend_schema(request=ConnectionInput)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields, after a passed test."""
        source = self.get_object()
        self.check_etag(source)
        return self._answer(services.update(self.access, source, json_object(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(operation_id="organization_sources_test_new", request=ConnectionInput, responses=DIAGNOSIS)
    @action(detail=False, methods=["post"], url_path="test")
    def test_new(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try settings without saving them: {"ok", "code", "detail", "steps", "version", "seen_as"}."""
        return Response(services.test(self.access, json_object(request)).as_json())

    @extend_schema(request=ConnectionInput(partial=True), responses=DIAGNOSIS)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Try the source as it is saved, or with the changes in the body."""
        source, values = self.get_object(), json_object(request)
        found = services.test(self.access, values, source) if values else services.retest(self.access, source)
        return Response(found.as_json())

    @extend_schema(
        parameters=[OpenApiParameter("search", str)],
        responses=shape(
            "SharedSourceTable",
            **REMOTE_TABLE,
            shared=shape("TableSharing", workspaces=[str], rows=[str], columns=bool),
        )(many=True),
    )
    @action(detail=True)
    def tables(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The source's tables, each with how it is shared: {"workspaces", "rows", "columns"}."""
        source = self.get_object()
        found = browsing.tables(source, request.query_params.get("search", ""))
        page = self.paginate_queryset(found) or []
        shared = queries.sharing_of(source, [table.name for table in page])
        return self.get_paginated_response(
            [{**asdict(table), "shared": shared[table.name]} for table in page]
        )

    @extend_schema(
        methods=["get"], parameters=[OpenApiParameter("table", str, many=True)], responses=_GRANTED
    )
    @extend_schema(
        methods=["post"],
        request=shape(
            "TableGrants",
            tables=_LIST_OR_STAR,
            workspaces=[str],
            expires_at=serializers.DateTimeField(required=False, allow_null=True),
        ),
        responses=_GRANTED,
    )
    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tables that are shared as a whole.

        GET `?table=a&table=b`: the workspaces that have all of these, with `expires_at`, or `differs`.
        POST `{"tables": ["a"] or "*", "workspaces": ["slug"], "expires_at": null}` shares them.
        """
        source = self.get_object()
        if request.method == "POST":
            given, errors = _known(request, "tables", "workspaces", "expires_at"), {}
            until = grantees.expiry(given.get("expires_at"), errors)
            if errors:
                raise ValidationFailed(errors=errors)
            tables, workspaces = _tables(given), self._workspaces(source, given)
            sharing.grant_tables(self.access, source, tables, workspaces, expires_at=until)
        else:
            tables = [
                EVERY_TABLE if name == EVERY else name for name in request.query_params.getlist("table")
            ]
        found = sharing.granted(source, tables) if tables else []
        return Response({"results": [{**item, "workspace": item["workspace"].slug} for item in found]})

    @extend_schema(
        request=shape("TableGrantsBack", tables=_LIST_OR_STAR, workspaces=[str]), responses={204: None}
    )
    @action(detail=True, methods=["post"], url_path="grants/revoke")
    def revoke(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take tables back at once: `{"tables", "workspaces"}`."""
        source, given = self.get_object(), _known(request, "tables", "workspaces")
        sharing.revoke_tables(self.access, source, _tables(given), self._workspaces(source, given))
        return Response(status=204)

    @extend_schema(methods=["get"], parameters=_TABLE, responses=_ROWS)
    @extend_schema(
        methods=["put"],
        parameters=_TABLE,
        request=shape("RowColumns", fields=[str], confirm=maybe(bool)),
        responses=_ROWS,
    )
    @action(detail=True, methods=["get", "put"])
    def rows(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """By which columns rows of `?table=` are shared, and which values each workspace has ("*" for all).

        PUT `{"fields": ["brand"]}` changes the columns; `{"fields": [], "confirm": true}` ends it.
        """
        source, table = self.get_object(), _table(request)
        if request.method == "PUT":
            given = _known(request, "fields", "confirm")
            fields = _texts(given, "fields")
            sharing.control_rows(self.access, source, table, fields, confirmed=given.get("confirm") is True)
        return Response(_rows(sharing.control_of(source, table)))

    @extend_schema(
        parameters=_TABLE,
        request=shape("RowValues", workspace=str, field=str, values=_LIST_OR_STAR),
        responses=_ROWS,
    )
    @action(detail=True, methods=["post"], url_path="rows/(?P<change>give|take)")
    def row_values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give or take values of `?table=`: `{"workspace": "slug", "field": "brand", "values": ["A"] or "*"}`."""
        source, table = self.get_object(), _table(request)
        given = _known(request, "workspace", "field", "values")
        values = None if given.get("values") == EVERY else _texts(given, "values")
        workspace = sharing.workspaces_named(source, [given.get("workspace", "")])[0]
        change = sharing.give_values if kwargs["change"] == "give" else sharing.take_values
        change(self.access, source, table, workspace, str(given.get("field", "")), values)
        return Response(_rows(sharing.control_of(source, table)))

    @extend_schema(
        parameters=[*_TABLE, OpenApiParameter("field", str, required=True), OpenApiParameter("search", str)],
        responses=shape("ColumnValues", values=[Any], more=bool),
    )
    @action(detail=True)
    def values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Up to 1,000 different values of `?field=` in `?table=`, those with `?search=` in them: {"values", "more"}."""
        field, search = request.query_params.get("field", ""), request.query_params.get("search", "")
        return Response(picking.values(self.get_object(), _table(request), field, search))

    @extend_schema(methods=["get"], parameters=_TABLE, responses=_COLUMNS)
    @extend_schema(
        methods=["put"],
        parameters=_TABLE,
        request=shape("ByColumns", enabled=bool, confirm=maybe(bool)),
        responses=_COLUMNS,
    )
    @action(detail=True, methods=["get", "put"])
    def columns(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether `?table=` is shared by columns, and which each workspace has.

        PUT `{"enabled": true}` begins it; `{"enabled": false, "confirm": true}` ends it.
        """
        source, table = self.get_object(), _table(request)
        if request.method == "PUT":
            given = _known(request, "enabled", "confirm")
            if not isinstance(given.get("enabled"), bool):
                raise ValidationFailed(errors={"enabled": [_("Give true or false.")]})
            confirmed = given.get("confirm") is True
            sharing.control_columns(self.access, source, table, given["enabled"], confirmed=confirmed)
        return Response(_columns(sharing.control_of(source, table)))

    @extend_schema(
        parameters=_TABLE,
        request=shape("ColumnNames", workspace=str, columns=_LIST_OR_STAR),
        responses=_COLUMNS,
    )
    @action(detail=True, methods=["post"], url_path="columns/(?P<change>give|take)")
    def column_names(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give or take columns of `?table=`: `{"workspace": "slug", "columns": ["age"] or "*"}`; "*" gives today's."""
        source, table = self.get_object(), _table(request)
        given = _known(request, "workspace", "columns")
        workspace = sharing.workspaces_named(source, [given.get("workspace", "")])[0]
        every = given.get("columns") == EVERY
        if kwargs["change"] == "give":
            names = None if every else _texts(given, "columns")
            sharing.give_columns(self.access, source, table, workspace, names)
        else:
            have = sharing.columns_given(sharing.control_of(source, table)).get(workspace.slug, [])
            sharing.take_columns(
                self.access, source, table, workspace, have if every else _texts(given, "columns")
            )
        return Response(_columns(sharing.control_of(source, table)))

    def _workspaces(self, source: Connection, given: Mapping[str, Any]) -> list[Any]:
        return sharing.workspaces_named(source, _texts(given, "workspaces"))

    def _answer(self, source: Connection, *, status: int = 200) -> Response:
        return Response(self.get_serializer(source).data, status=status, headers={"ETag": source.etag})


def _known(request: Request, *names: str) -> dict[str, Any]:
    given = json_object(request)
    errors = {name: [_("Unknown field.")] for name in given if name not in names}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return given


def _texts(given: Mapping[str, Any], name: str) -> list[str]:
    value = given.get(name)
    if not isinstance(value, list) or any(isinstance(item, list | dict) or item is None for item in value):
        raise ValidationFailed(errors={name: [_("A list is needed here.")]})
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in value]


def _tables(given: Mapping[str, Any]) -> list[str]:
    return [EVERY_TABLE] if given.get("tables") == EVERY else _texts(given, "tables")


def _table(request: Request) -> str:
    name = request.query_params.get("table", "")
    if not name:
        raise ValidationFailed(errors={"table": [_("Name a table of the source.")]})
    return name


def _rows(control: TableControl) -> dict[str, Any]:
    given = {
        slug: {field: EVERY if values is None else values for field, values in fields.items()}
        for slug, fields in sharing.values_given(control).items()
    }
    return {"table": control.remote, "fields": control.fields, "values": given}


def _columns(control: TableControl) -> dict[str, Any]:
    return {"table": control.remote, "enabled": control.by_columns, "columns": sharing.columns_given(control)}
