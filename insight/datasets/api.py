"""REST API of datasets."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted
from insight.datasets import definition, queries, services
from insight.datasets.models import Dataset


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
