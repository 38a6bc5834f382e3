"""REST API of the folders of audiences."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceViewSet
from insight.audiences import folders
from insight.audiences.bodies import body, folder_of
from insight.audiences.models import Folder
from insight.audiences.serializers import FolderSerializer


class FolderViewSet(WorkspaceViewSet):
    """Folders of audiences."""

    model = Folder
    serializer_class = FolderSerializer
    search_fields = ["name"]
    required_permission = {"*": "insight.audience.list"}

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data = body(request)
        folder = folders.create(
            self.access, str(data.get("name") or ""), folder_of(self.workspace, data.get("parent"))
        )
        return self.answer(folder, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        data, folder = body(request), self.get_object()
        if "name" in data:
            folders.rename(self.access, folder, str(data["name"] or ""))
        if "parent" in data:
            folders.move(self.access, folder, folder_of(self.workspace, data["parent"]))
        return self.answer(folder)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        folders.delete(self.access, self.get_object())
        return Response(status=204)
