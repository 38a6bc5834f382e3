"""REST API of materials."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core import where_used
from cdp.core.api import WorkspaceViewSet
from cdp.core.errors import NotFound
from cdp.core.schema import MOVED, USES
from marketing.materials import services, serving, thumbnails
from marketing.materials.folders import folders, move
from marketing.materials.models import Material, MaterialTag


class MaterialSerializer(serializers.ModelSerializer[Material]):
    """A file of the library; `size` in bytes."""

    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    address = serializers.SerializerMethodField(help_text="Where messages find it, without signing in.")
    has_thumbnail = serializers.SerializerMethodField(
        help_text="Whether `thumbnail/` answers a small picture."
    )

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
            "folder",
            "tags",
            "address",
            "has_thumbnail",
            "expires_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_address(self, material: Material) -> str:
        return serving.address(material)

    def get_has_thumbnail(self, material: Material) -> bool:
        return bool(material.thumbnail)


class NewMaterial(serializers.Serializer[Any]):
    file = serializers.FileField()
    shared = serializers.BooleanField(default=False)
    folder = serializers.CharField(required=False, allow_blank=True)


class MaterialMove(serializers.Serializer[Any]):
    materials = serializers.ListField(child=serializers.CharField(), allow_empty=False, max_length=500)
    folder = serializers.CharField(allow_null=True)


class SmallPicture(serializers.Serializer[Any]):
    file = serializers.FileField()


class MaterialChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100, required=False)
    shared = serializers.BooleanField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    folder = serializers.CharField(required=False, allow_null=True)


class MaterialFilter(django_filters.FilterSet):
    tag = django_filters.CharFilter(field_name="tags__name")
    folder = django_filters.CharFilter(field_name="folder_id")

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

    @extend_schema(request={"multipart/form-data": NewMaterial})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Upload a file (multipart: `file`, `shared`, `folder`)."""
        data = NewMaterial(data=request.data)
        data.is_valid(raise_exception=True)
        file, folder = (
            data.validated_data["file"],
            folders.find(self.workspace, data.validated_data.get("folder")),
        )
        shared = data.validated_data["shared"]
        made = services.upload(self.access, file.name, file, shared=shared, folder=folder)
        return self.answer(made, status=201)

    @extend_schema(request={"application/json": MaterialChange})
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change `name`, `shared`, `tags` or `folder`."""
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
            if "folder" in values:
                move(self.access, [material], folders.find(self.workspace, values["folder"]))
        return self.answer(self.get_object())

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.delete(self.access, self.get_object())
        return Response(status=204)

    @extend_schema(request=None, responses=MaterialSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep it for 365 days from now."""
        return self.answer(services.extend(self.access, self.get_object()))

    @extend_schema(responses=USES)
    @action(detail=True, methods=["get"])
    def uses(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Templates and send-outs that show it: {"uses": [{"kind", "id", "name", "state"}]}."""
        return Response(where_used.as_json(self.access, self.get_object()))

    @extend_schema(request={"application/json": MaterialMove}, responses=MOVED)
    @action(detail=False, methods=["post"])
    def move(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Put materials into a folder: {"materials": [...], "folder": "mfl_…" or null}. All or nothing."""
        data = MaterialMove(data=request.data)
        data.is_valid(raise_exception=True)
        keys = list(dict.fromkeys(data.validated_data["materials"]))
        rows = list(services.visible(self.access).filter(pk__in=keys))
        if len(rows) < len(keys):
            raise NotFound()
        folder = folders.find(self.workspace, data.validated_data["folder"])
        return Response({"moved": move(self.access, rows, folder)})

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def thumbnail(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Its small picture; 404 without one."""
        return serving.thumbnail(self.get_object())

    @extend_schema(request={"multipart/form-data": SmallPicture}, responses=MaterialSerializer)
    @thumbnail.mapping.put
    def keep_thumbnail(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Give it a small picture (multipart: `file`, a PNG or JPG of at most 480 pixels and 200 KB)."""
        material, data = self.get_object(), SmallPicture(data=request.data)
        data.is_valid(raise_exception=True)
        return self.answer(thumbnails.keep(self.access, material, data.validated_data["file"]))

    @extend_schema(responses={(200, "*/*"): OpenApiTypes.BINARY})
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
