"""REST API of the folders of materials."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from marketing.materials.folders import folders
from marketing.materials.models import MaterialFolder


class MaterialFolderSerializer(serializers.ModelSerializer[MaterialFolder]):
    class Meta:
        model = MaterialFolder
        fields = ["id", "name", "parent"]


class MaterialFolderChange(serializers.Serializer[Any]):
    """A folder's name and the folder that it lies in, null for the top."""

    name = serializers.CharField(max_length=64, required=False)
    parent = serializers.CharField(required=False, allow_null=True)


def folder_of(workspace: Any, key: Any) -> MaterialFolder | None:
    """The folder of this ID; None for none. Raises NotFound."""
    return MaterialFolder.objects.get_in(workspace, str(key)) if key else None


class MaterialFolderViewSet(WorkspaceViewSet):
    """Folders of materials."""

    model = MaterialFolder
    serializer_class = MaterialFolderSerializer
    search_fields = ["name"]
    ordering_fields = ["name"]
    required_permission = {"*": "marketing.content.manage"}

    @extend_schema(request=MaterialFolderChange)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._values(request)
        parent = folder_of(self.workspace, values.get("parent"))
        return self.answer(folders.create(self.access, values.get("name", ""), parent), status=201)

    @extend_schema(request=MaterialFolderChange)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        folder, values = self.get_object(), self._values(request)
        with transaction.atomic():
            if "name" in values:
                folders.rename(self.access, folder, values["name"])
            if "parent" in values:
                folders.move(self.access, folder, folder_of(self.workspace, values["parent"]))
        return self.answer(folder)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove it; 409 `folder_not_empty` while something lies inside."""
        folders.delete(self.access, self.get_object())
        return Response(status=204)

    def _values(self, request: Request) -> dict[str, Any]:
        data = MaterialFolderChange(data=request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)
