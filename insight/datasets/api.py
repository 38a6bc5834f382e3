"""REST API of datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import NotFound, PermissionDenied, ValidationFailed
from cdp.core.schema import MOVED, maybe, nullable, shape
from cdp.jobs.api import STARTED
from insight.datasets import (
    categories,
    copying,
    definition,
    failures,
    granting,
    queries,
    rights,
    services,
    templates,
)
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, DatasetGrant, DatasetVersion, TagCategory
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE, SourceTable
from insight.datasources.queries import failed_copies


class DatasetInput(serializers.Serializer[Any]):
    """The definition of a dataset: each kind takes some of these."""

    name = serializers.CharField(max_length=64)
    kind = serializers.CharField()
    description = serializers.CharField(max_length=500, required=False)
    folder = serializers.CharField(required=False, allow_null=True)
    source = serializers.CharField(required=False, allow_null=True)  # type: ignore[assignment]
    table = serializers.CharField(required=False, allow_null=True)
    joins = serializers.ListField(child=serializers.DictField(), required=False)
    dimensions = serializers.ListField(child=serializers.DictField(), required=False)
    refresh = serializers.JSONField(required=False)
    user_id = serializers.DictField(required=False, allow_null=True)
    ids = serializers.ListField(child=serializers.DictField(), required=False)
    fix_prefix = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.DictField(), required=False)
    rows_per_user = serializers.ChoiceField([definition.ONE, definition.MANY], required=False)
    item_id = serializers.CharField(required=False, allow_null=True)
    item_name = serializers.CharField(required=False, allow_null=True)
    time = serializers.CharField(required=False, allow_null=True)
    type = serializers.DictField(required=False, allow_null=True)
    count = serializers.CharField(required=False, allow_null=True)
    amount = serializers.CharField(required=False, allow_null=True)
    channel = serializers.CharField(required=False, allow_null=True)
    object_columns = serializers.ListField(child=serializers.DictField(), required=False)
    object_key = serializers.CharField(required=False, allow_null=True)
    object_value = serializers.CharField(required=False, allow_null=True)
    object_value_id = serializers.CharField(required=False, allow_null=True)
    base_object = serializers.CharField(required=False, allow_null=True)
    items = serializers.JSONField(required=False)
    dataset = serializers.CharField(required=False, allow_null=True)
    sum_channels = serializers.BooleanField(required=False)
    channel_source = serializers.CharField(required=False, allow_null=True)
    stages = serializers.JSONField(required=False)
    input = serializers.CharField(required=False, allow_null=True)
    days = serializers.IntegerField(required=False)
    bands = serializers.JSONField(required=False)
    compare = serializers.JSONField(required=False)


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset: its definition and the state of its current version."""

    as_shown: ClassVar = {
        **{
            name: field
            for name, field in DatasetInput().fields.items()
            if name not in ("name", "kind", "source", "refresh")
        },
        "failed_copies": maybe([dict]),
    }
    last_refresh = serializers.DateTimeField(source="refreshed_at", read_only=True, allow_null=True)
    warnings = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = Dataset
        fields = [
            "id",
            "name",
            "kind",
            "source",
            "state",
            "error",
            "error_code",
            "version",
            "rows",
            "users",
            "stats",
            "warnings",
            "last_refresh",
            "refresh",
            "is_default",
            "public",
            "row_columns",
            "next_refresh_at",
            "created_at",
            "updated_at",
        ]

    def to_representation(self, instance: Dataset) -> dict[str, Any]:
        found = super().to_representation(instance)
        found["stats"] = {key: value for key, value in instance.stats.items() if key != "warnings"}
        access = self.context["view"].access
        if rights.rows_of(access, instance) is not None:
            # What was measured, was measured over all rows.
            rows, users = rights.figures(access, instance)
            found.update(rows=rows, users=users, stats={}, warnings=[])
        if self.context["view"].action == "retrieve":
            found["failed_copies"] = failed_copies(instance.tables)
        return {**found, **definition.write(instance)}


class DatasetVersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    warnings = serializers.ListField(source="told", child=serializers.DictField(), read_only=True)

    class Meta:
        model = DatasetVersion
        fields = ["number", "rows", "users", "warnings", "seconds", "created_at"]


class DatasetSharingSerializer(serializers.ModelSerializer[Dataset]):
    row_columns = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Dataset
        fields = ["public", "row_columns"]


class DatasetGrantSerializer(serializers.ModelSerializer[DatasetGrant]):
    user = serializers.CharField(source="user.username", default=None)
    role = serializers.CharField(source="role.code", default=None)
    group = serializers.CharField(source="group_id", default=None)
    rows = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)
    expired = serializers.BooleanField(read_only=True)

    class Meta:
        model = DatasetGrant
        fields = ["id", "user", "role", "group", "right", "rows", "expires_at", "expired", "created_at"]


_VALUES = shape("Values", results=[shape("Value", value=Any, count=int)])
_WHOLE_SHARING = shape("WholeDatasetSharing", public=bool, row_columns=[str], row_choices=dict)


class DatasetFilter(django_filters.FilterSet):
    folder = django_filters.CharFilter(field_name="folder_id")
    reason = django_filters.CharFilter(
        method="by_reason", help_text="A code of a failure of the dataset or of a copy that it is made of."
    )

    class Meta:
        model = Dataset
        fields = ["kind", "state", "is_default", "source"]

    def by_reason(self, rows: QuerySet[Dataset], name: str, value: str) -> QuerySet[Dataset]:
        return failures.failing(rows, value)


class DatasetViewSet(WorkspaceViewSet):
    """Datasets of the workspace."""

    model = Dataset
    serializer_class = DatasetSerializer
    filterset_class = DatasetFilter
    search_fields = ["name", "description", "table__name", "remote"]
    ordering_fields = ["name", "updated_at", "rows"]
    required_permission = {
        "list": "insight.dataset.view",
        "retrieve": "insight.dataset.view",
        "values": "insight.dataset.view",
        "behaviour_values": "insight.dataset.view",
        "versions": "insight.dataset.view",
        "templates": "insight.dataset.view",
        "template": "insight.dataset.view",
        "fields": "insight.dataset.create",
        "move": "insight.dataset.create",
        "create": "insight.dataset.create",
        "copy": "insight.dataset.create",
        # Of one dataset: the owner, holders of a manage grant, and those who manage everybody's; services ask.
        "partial_update": "insight.dataset.view",
        "destroy": "insight.dataset.view",
        "refresh": "insight.dataset.view",
        "default": "insight.dataset.view",
        "sharing": "insight.dataset.view",
        "grants": "insight.dataset.view",
        "grant": "insight.dataset.view",
    }

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Dataset.objects.none()
        rows = rights.visible(self.access).select_related("table", "workspace")
        return rows.prefetch_related("fields__category", "joins__table", "dimensions__table")

    @extend_schema(request=DatasetInput)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.create(self.access, body(request)), status=201)

    @extend_schema(request=DatasetInput)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        dataset = self.get_object()
        self.check_etag(dataset)
        return self.answer(services.update(self.access, dataset, body(request)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=shape("DatasetRefresh", tags=maybe([str])), responses=STARTED)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute a new version; of custom tags, `{"tags": [columns]}` computes some of them only."""
        return accepted(services.refresh(self.access, self.get_object(), body(request).get("tags")))

    @extend_schema(
        request=shape("DatasetCopy", name=maybe(str), description=maybe(str), folder=maybe(str)),
        responses={201: DatasetSerializer},
    )
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Another dataset like this one, which starts computing; the body may give `name`, `description`, `folder`."""
        return self.answer(copying.copy(self.access, self.get_object(), body(request)), status=201)

    @extend_schema(request=None, responses=DatasetSerializer)
    @action(detail=True, methods=["post"])
    def default(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        dataset = self.get_object()
        services.make_default(self.access, dataset)
        dataset.refresh_from_db()
        return self.answer(dataset)

    @extend_schema(
        parameters=[OpenApiParameter("tag", required=True), OpenApiParameter("search")], responses=_VALUES
    )
    @action(detail=True)
    def values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values of `?tag=`, most frequent first, at most 3000; `?search=` looks inside them."""
        dataset, query = self.get_object(), request.query_params
        rows = rights.rows_of(self.access, dataset)
        found = queries.values(dataset, query.get("tag", ""), query.get("search", ""), rows=rows)
        return Response({"results": found})

    @extend_schema(parameters=[OpenApiParameter("of"), OpenApiParameter("search")], responses=_VALUES)
    @action(detail=True, url_path="behaviour-values")
    def behaviour_values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values of a behaviour dataset: `?of=type`, `channel`, `object_key` or an object attribute; `?search=`."""
        dataset, query = self.get_object(), request.query_params
        wanted, search = query.get("of", "type"), query.get("search", "")
        rows = rights.rows_of(self.access, dataset)
        if wanted in ("type", "channel", "object_key"):
            return Response({"results": queries.values(dataset, wanted, search, rows=rows)})
        return Response({"results": queries.object_values(dataset, wanted, search, rows=rows)})

    @extend_schema(responses=DatasetVersionSerializer(many=True))
    @action(detail=True)
    def versions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What each refresh made, newest first."""
        dataset = self.get_object()
        if rights.rows_of(self.access, dataset) is not None:
            raise PermissionDenied(_("You see some of the rows only, and these are figures of all."))
        rows: Any = self.paginate_queryset(dataset.versions.all())
        return self.get_paginated_response(DatasetVersionSerializer(rows, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("table", required=True), OpenApiParameter("source")],
        responses=shape("TableFields", columns=[dict], rows=nullable(int), proposal=dict),
    )
    @action(detail=False)
    def fields(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The columns of `?table=`, in the built-in or another `?source=`, and what a dataset could say of them."""
        name, source = request.query_params.get("table", ""), request.query_params.get("source") or LAKE
        if source != LAKE:
            placed = in_place.find_table(self.workspace, source, name)
            return Response({"columns": placed.columns, "rows": None, "proposal": queries.propose(placed)})
        table = SourceTable.objects.in_workspace(self.workspace).filter(name=name).first()
        if table is None:
            raise NotFound(_("There is no such table, or it has not been loaded."))
        return Response({"columns": table.columns, "rows": table.rows, "proposal": queries.propose(table)})

    @extend_schema(
        operation_id="workspaces_datasets_templates_list",
        responses=shape(
            "DatasetTemplates",
            results=[shape("DatasetTemplate", key=str, kind=str, label=str, columns=[str])],
        ),
    )
    @action(detail=False, pagination_class=None, filter_backends=[])
    def templates(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tables of each kind to begin from: `key`, the `kind` of dataset, `label`, `columns`."""
        return Response({"results": [item.as_json() for item in templates.TEMPLATES.values()]})

    @extend_schema(
        operation_id="workspaces_datasets_templates_download", responses={(200, "text/csv"): OpenApiTypes.STR}
    )
    @action(detail=False, url_path=r"templates/(?P<kind>\w+)")
    def template(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """One of them as CSV: the columns and a few rows."""
        return templates.answer(kwargs["kind"])

    @extend_schema(methods=["get"], responses=_WHOLE_SHARING)
    @extend_schema(methods=["patch"], request=DatasetSharingSerializer, responses=_WHOLE_SHARING)
    @action(detail=True, methods=["get", "patch"])
    def sharing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Whether everybody may use the dataset, and the columns by whose values grants choose rows."""
        dataset = self.get_object()
        rights.check_manage(dataset, self.access)
        if request.method == "PATCH":
            given = DatasetSharingSerializer(data=request.data, partial=True)
            given.is_valid(raise_exception=True)
            granting.share(
                self.access,
                dataset,
                public=given.validated_data.get("public", dataset.public),
                row_columns=given.validated_data.get("row_columns", dataset.row_columns),
            )
        return Response(
            {**DatasetSharingSerializer(dataset).data, "row_choices": rights.row_choices(dataset)}
        )

    @extend_schema(methods=["get"], responses=DatasetGrantSerializer(many=True))
    @extend_schema(methods=["post"], request=DatasetGrantSerializer, responses={201: DatasetGrantSerializer})
    @action(detail=True, methods=["get", "post"])
    def grants(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who may use or manage the dataset, or a new grant to a `user` or a `role`."""
        dataset = self.get_object()
        if request.method == "POST":
            made = granting.grant(self.access, dataset, body(request))
            return Response(DatasetGrantSerializer(made).data, status=201)
        rights.check_manage(dataset, self.access)
        rows: Any = self.paginate_queryset(dataset.grants.select_related("user", "role", "group"))
        return self.get_paginated_response(DatasetGrantSerializer(rows, many=True).data)

    @extend_schema(request=DatasetGrantSerializer, responses=DatasetGrantSerializer)
    @action(detail=True, methods=["patch", "delete"], url_path=r"grants/(?P<grant>\w+)")
    def grant(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change a grant, or take it back."""
        row = DatasetGrant.objects.get_in(self.workspace, kwargs["grant"], dataset=self.get_object())
        if request.method == "DELETE":
            granting.revoke(self.access, row)
            return Response(status=204)
        return Response(DatasetGrantSerializer(granting.change(self.access, row, body(request))).data)

    @extend_schema(request=shape("DatasetsMove", datasets=[str], folder=nullable(str)), responses=MOVED)
    @action(detail=False, methods=["post"])
    def move(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put datasets into a folder: `{"datasets": [...], "folder": "dfl_…" or null}`."""
        data = body(request)
        keys = data.get("datasets")
        if not isinstance(keys, list) or not keys:
            raise ValidationFailed(errors={"datasets": [_("A list is needed here.")]})
        rows = [rights.get_visible(self.access, str(key)) for key in dict.fromkeys(map(str, keys))]
        return Response(
            {"moved": services.move(self.access, rows, folders.find(self.workspace, data.get("folder")))}
        )


class TagCategorySerializer(serializers.ModelSerializer[TagCategory]):
    tags = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = TagCategory
        fields = ["id", "name", "parent", "path", "position", "tags"]


class CategoryViewSet(WorkspaceViewSet):
    """Categories of tags, in reading order. `position` in a change is the place among the categories beside it."""

    model = TagCategory
    serializer_class = TagCategorySerializer
    search_fields = ["path"]
    required_permission = {"*": categories.CHANGE[0]}

    def permission_point(self) -> str:
        reads = self.action in ("list", "retrieve")
        return categories.see_point(self.access) if reads else categories.change_point(self.access)

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return TagCategory.objects.none()
        return categories.tree(self.workspace)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        name, parent = str(body(request).get("name") or ""), self.parent(body(request).get("parent"))
        return self.answer(categories.create(self.access, name, parent), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        category, data = self.get_object(), body(request)
        self.check_etag(category)
        position = data.get("position")
        if position is not None and (type(position) is not int or position < 0):
            raise ValidationFailed(errors={"position": [_("Use a whole number from 0.")]})
        with transaction.atomic():
            if {"name", "parent"} & set(data):
                parent = self.parent(data["parent"]) if "parent" in data else category.parent
                name = str(data.get("name", category.name) or "")
                categories.change(self.access, category, name=name, parent=parent)
            if position is not None:
                categories.place(self.access, category, position)
        return self.answer(self.get_object())

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        categories.delete(self.access, self.get_object())
        return Response(status=204)

    def parent(self, key: Any) -> TagCategory | None:
        return TagCategory.objects.get_in(self.workspace, str(key)) if key else None


def body(request: Request) -> dict[str, Any]:
    """The request's JSON object. Raises ValidationFailed for anything else."""
    if not isinstance(request.data, Mapping):
        raise ValidationFailed(_("An object is needed here."))
    return {key: request.data[key] for key in request.data}
