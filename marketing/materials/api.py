"""REST API of materials."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import where_used
from cdp.core.api import WorkspaceViewSet
from marketing.materials import services, serving
from marketing.materials.models import Material, MaterialTag


class MaterialSerializer(serializers.ModelSerializer[Material]):
    """A file of the library; `size` in bytes."""

    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    address = serializers.SerializerMethodField(help_text="Where messages find it, without signing in.")

    class Meta:
        model = Material
        fields = [
            "id",
            "name",
            "kind",
            "format",
            "size",
            "width",
            "height",
            "seconds",
            "shared",
            "tags",
            "address",
            "expires_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_address(self, material: Material) -> str:
        return serving.address(material)


class NewMaterial(serializers.Serializer[Any]):
    file = serializers.FileField()
    shared = serializers.BooleanField(default=False)


class MaterialChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    shared = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)


class MaterialFilter(django_filters.FilterSet):
    tag = django_filters.CharFilter(field_name="tags__name")

    class Meta:
        model = Material
        fields = ["kind", "shared"]


class MaterialViewSet(WorkspaceViewSet):
    """One's own materials and shared ones."""

    model = Material
    serializer_class = MaterialSerializer
    parser_classes = (JSONParser, MultiPartParser)
    filterset_class = MaterialFilter
    search_fields = ["name"]
    ordering_fields = ["name", "created_at", "expires_at"]
    required_permission = {"*": "marketing.content.manage"}

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Material.objects.none()
        return services.visible(self.access).prefetch_related("tags")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a file (multipart: `file`, `shared`)."""
        data = NewMaterial(data=request.data)
        data.is_valid(raise_exception=True)
        file = data.validated_data["file"]
        made = services.upload(self.access, file.name, file, shared=data.validated_data["shared"])
        return self.answer(made, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name`, `shared` or `tags`."""
        material = self.get_object()
        data = MaterialChange(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        with transaction.atomic():
            if "name" in values:
                services.rename(self.access, material, values["name"])
            if "tags" in values:
                services.set_tags(self.access, material, values["tags"])
            if "shared" in values:
                services.share(self.access, material, values["shared"])
        return self.answer(self.get_object())

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @action(detail=True, methods=["post"])
    def extend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep it for 365 days from now."""
        return self.answer(services.extend(self.access, self.get_object()))

    @action(detail=True, methods=["get"])
    def uses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Templates and send-outs that show it: {"uses": [{"kind", "id", "name", "state"}]}."""
        return Response(where_used.as_json(self.access, self.get_object()))

    @action(detail=True, methods=["get"])
    def content(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The file itself."""
        return serving.content(self.get_object())


class MaterialTagSerializer(serializers.ModelSerializer[MaterialTag]):
    class Meta:
        model = MaterialTag
        fields = ["id", "name"]
        read_only_fields = fields


class MaterialTagViewSet(WorkspaceViewSet):
    """Words that materials are found by."""

    model = MaterialTag
    serializer_class = MaterialTagSerializer
    search_fields = ["name"]
    ordering_fields = ["name"]
    required_permission = {"*": "marketing.content.manage"}

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the tag; the materials stay."""
        services.delete_tag(self.access, self.get_object())
        return Response(status=204)
