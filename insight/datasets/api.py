"""REST API of datasets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from cdp.core.errors import NotFound
from insight.datasets import categories, definition, queries, services
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, DatasetFolder, DatasetVersion, TagCategory
from insight.datasources.models import SourceTable


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset: its definition and the state of its current version."""

    last_refresh = serializers.DateTimeField(source="refreshed_at", read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Dataset
        fields = [
            "id",
            "name",
            "kind",
            "source",
            "state",
            "error",
            "version",
            "rows",
            "users",
            "stats",
            "warnings",
            "last_refresh",
            "refresh",
            "is_default",
            "next_refresh_at",
            "created_at",
            "updated_at",
        ]

    def to_representation(self, instance: Dataset) -> dict[str, Any]:
        return {**super().to_representation(instance), **definition.write(instance)}


class DatasetViewSet(WorkspaceViewSet):
    """Datasets of the workspace."""

    model = Dataset
    serializer_class = DatasetSerializer
    filterset_fields = ["kind", "state", "is_default"]
    search_fields = ["name"]
    ordering_fields = ["name", "updated_at", "rows"]
    required_permission = {
        "list": "insight.dataset.view",
        "retrieve": "insight.dataset.view",
        "values": "insight.dataset.view",
        "behaviour_values": "insight.dataset.view",
        "versions": "insight.dataset.view",
        "fields": "insight.dataset.create",
        "move": "insight.dataset.create",
        "create": "insight.dataset.create",
        "partial_update": "insight.dataset.create",
        "destroy": "insight.dataset.create",
        "refresh": "insight.dataset.create",
        "default": "insight.dataset.create",
    }

    def get_queryset(self) -> Any:
        return super().get_queryset().select_related("table", "workspace").prefetch_related("fields")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(services.create(self.access, dict(request.data)), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        dataset = self.get_object()
        self.check_etag(dataset)
        return self.answer(services.update(self.access, dataset, dict(request.data)))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return accepted(services.refresh(self.access, self.get_object()))

    @action(detail=True, methods=["post"])
    def default(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        dataset = self.get_object()
        services.make_default(self.access, dataset)
        dataset.refresh_from_db()
        return self.answer(dataset)

    @action(detail=True)
    def values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values of `?tag=`, most frequent first, at most 3000; `?search=` looks inside them."""
        found = queries.values(
            self.get_object(), request.query_params.get("tag", ""), request.query_params.get("search", "")
        )
        return Response({"results": found})

    @action(detail=True, url_path="behaviour-values")
    def behaviour_values(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Values of a behaviour dataset: `?of=type`, `channel`, `object_key` or an object attribute; `?search=`."""
        dataset, query = self.get_object(), request.query_params
        wanted, search = query.get("of", "type"), query.get("search", "")
        if wanted in ("type", "channel", "object_key"):
            return Response({"results": queries.values(dataset, wanted, search)})
        return Response({"results": queries.object_values(dataset, wanted, search)})

    @action(detail=True)
    def versions(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What each refresh made, newest first."""
        rows: Any = self.paginate_queryset(self.get_object().versions.all())
        return self.get_paginated_response(VersionSerializer(rows, many=True).data)

    @action(detail=False)
    def fields(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The columns of `?table=` and what a dataset of it could say about them."""
        name = request.query_params.get("table", "")
        table = SourceTable.objects.in_workspace(self.workspace).filter(name=name).first()
        if table is None:
            raise NotFound(_("There is no such table, or it has not been loaded."))
        return Response({"columns": table.columns, "proposal": queries.propose(table)})

    @action(detail=False, methods=["post"])
    def move(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put datasets into a folder: `{"datasets": [...], "folder": "dfl_…" or null}`."""
        rows = [
            Dataset.objects.get_in(self.workspace, str(key)) for key in request.data.get("datasets") or []
        ]
        return Response(
            {"moved": services.move(self.access, rows, _folder(self, request.data.get("folder")))}
        )


class VersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    class Meta:
        model = DatasetVersion
        fields = ["number", "rows", "users", "warnings", "seconds", "created_at"]


class FolderSerializer(serializers.ModelSerializer[DatasetFolder]):
    class Meta:
        model = DatasetFolder
        fields = ["id", "name", "parent"]


class CategorySerializer(serializers.ModelSerializer[TagCategory]):
    class Meta:
        model = TagCategory
        fields = ["id", "name"]


class FolderViewSet(WorkspaceViewSet):
    """Folders of datasets."""

    model = DatasetFolder
    serializer_class = FolderSerializer
    search_fields = ["name"]
    required_permission = {
        "list": "insight.dataset.view",
        "retrieve": "insight.dataset.view",
        "*": "insight.dataset.create",
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        parent = _folder(self, request.data.get("parent"))
        return self.answer(
            folders.create(self.access, str(request.data.get("name") or ""), parent), status=201
        )

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        folder = self.get_object()
        if "name" in request.data:
            folders.rename(self.access, folder, str(request.data["name"] or ""))
        if "parent" in request.data:
            folders.move(self.access, folder, _folder(self, request.data["parent"]))
        return self.answer(folder)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        folders.delete(self.access, self.get_object())
        return Response(status=204)


class CategoryViewSet(WorkspaceViewSet):
    """Categories of tags."""

    model = TagCategory
    serializer_class = CategorySerializer
    search_fields = ["name"]
    required_permission = {
        "list": "insight.dataset.view",
        "retrieve": "insight.dataset.view",
        "*": "insight.dataset.manage",
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(categories.create(self.access, str(request.data.get("name") or "")), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        name = str(request.data.get("name") or "")
        return self.answer(categories.rename(self.access, self.get_object(), name))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        categories.delete(self.access, self.get_object())
        return Response(status=204)


def _folder(view: WorkspaceViewSet, key: Any) -> DatasetFolder | None:
    return DatasetFolder.objects.get_in(view.workspace, str(key)) if key else None
