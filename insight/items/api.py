"""REST API of item pools."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet, accepted, json_object
from cdp.core.schema import PAGE, PAGE_OF_ROWS, shape
from cdp.jobs.api import STARTED
from insight.audiences.members import file_name
from insight.audiences.serializers import RULE_SUMMARY, RuleSerializer
from insight.audiences.streaming import csv_response
from insight.items import estimating, reading, rights, services
from insight.items.models import ItemPool
from insight.items.serializers import ItemPoolSerializer


class ItemPoolViewSet(WorkspaceViewSet):
    """Item pools: sets of items chosen by conditions over one item-tag dataset."""

    model = ItemPool
    serializer_class = ItemPoolSerializer
    lookup_value_regex = "pool_[a-z0-9]+"
    filterset_fields = ["state", "dataset"]
    search_fields = ["name", "remark"]
    ordering_fields = ["name", "updated_at", "created_at", "refreshed_at", "count", "state"]
    required_permission = {"*": rights.USE}

    def get_queryset(self) -> QuerySet[ItemPool]:
        if getattr(self, "swagger_fake_view", False):
            return ItemPool.objects.none()
        return rights.visible(self.access).select_related("owner", "dataset", "current", "workspace")

    @extend_schema(responses={201: ItemPoolSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make an item pool and start computing it."""
        return self._fresh(services.create(self.access, json_object(request)), status=201)

    @extend_schema(responses=ItemPoolSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change some fields of a pool that is not being computed. Changed conditions are computed anew."""
        etag = request.headers.get("If-Match", "")
        return self._fresh(services.update(self.access, self.get_object(), json_object(request), etag=etag))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Delete an item pool with its versions. Refused (409) while something uses it."""
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=RuleSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "Counts"))
    @action(detail=False, methods=["post"])
    def estimate(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Count the items of a rule: in total and for each condition, without storing anything."""
        data = json_object(request)
        token = str(data.get("token") or "")[:64]
        return Response(estimating.estimate(self.access, data.get("rule"), token=token))

    @extend_schema(request=RuleSerializer, responses=OpenApiResponse(OpenApiTypes.OBJECT, "Up to 100 items"))
    @action(detail=False, methods=["post"], url_path="preview-items")
    def preview_items(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Up to 100 items of a rule with their tag values."""
        return Response(estimating.preview(self.access, json_object(request).get("rule")))

    @extend_schema(request=RuleSerializer, responses=RULE_SUMMARY)
    @action(detail=False, methods=["post"])
    def summary(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The rule in words, in the asking person's language."""
        return Response(estimating.summary(self.access, json_object(request).get("rule")))

    @extend_schema(request=None, responses=STARTED)
    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Apply the conditions to the newest version of the dataset."""
        return accepted(services.refresh(self.access, self.get_object()))

    @extend_schema(request=shape("ItemPoolCopy", name=str), responses={201: ItemPoolSerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A copy of one's own under another `name`."""
        name = str(json_object(request).get("name") or "")
        return self._fresh(services.copy(self.access, self.get_object(), name), status=201)

    @extend_schema(
        parameters=[OpenApiParameter("search", str, description="A part of the ID or the name."), *PAGE],
        responses=PAGE_OF_ROWS,
    )
    @action(detail=True, filter_backends=[])
    def items(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The items in order of their ID, with the values of the first tags; `search` finds by ID or name."""
        found = reading.Items(
            self.access, self.get_object(), search=str(request.query_params.get("search") or "")
        )
        assert self.paginator is not None
        self.paginator.paginate_queryset(range(found.count()), request, view=self)
        page = self.paginator.page  # type: ignore[attr-defined]
        size = page.paginator.per_page
        rows = found.page(offset=(page.number - 1) * size, size=size)
        return self.get_paginated_response(
            [{name: reading.plain(value) for name, value in row.items()} for row in rows]
        )

    @extend_schema(responses={(200, "text/csv"): str})
    @action(detail=True)
    def export(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """All items with all of their tags as CSV."""
        pool = self.get_object()
        pieces = reading.export(self.access, pool)
        return csv_response(request._request, pieces, file_name(pool.name, pool.count or 0))

    def _fresh(self, pool: ItemPool, *, status: int = 200) -> Response:
        return self.answer(self.get_queryset().get(pk=pool.pk), status=status)
