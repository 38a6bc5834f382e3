"""REST API of folders: the same for all that lies in folders."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from cdp.core.folders import Folders


class FolderChange(serializers.Serializer[Any]):
    """A folder's name and the folder that it lies in, null for the top."""

    name = serializers.CharField(max_length=64, required=False)
    parent = serializers.CharField(required=False, allow_null=True, allow_blank=True)


class FolderViewSet(WorkspaceViewSet):
    """Subclasses give `folders`, their model and serializer, and who may do what."""

    folders: ClassVar[Folders]
    search_fields = ["name"]
    ordering_fields = ["name"]

    @extend_schema(request=FolderChange)
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        values = self._values(request)
        parent = self.folders.find(self.workspace, values.get("parent"))
        return self.answer(self.folders.create(self.access, values.get("name", ""), parent), status=201)

    @extend_schema(request=FolderChange)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        folder, values = self.get_object(), self._values(request)
        if "parent" in values:
            values["parent"] = self.folders.find(self.workspace, values["parent"])
        return self.answer(self.folders.change(self.access, folder, **values))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove it; 409 `folder_not_empty` while something lies inside."""
        self.folders.delete(self.access, self.get_object())
        return Response(status=204)

    def _values(self, request: Request) -> dict[str, Any]:
        data = FolderChange(data=request.data)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)
