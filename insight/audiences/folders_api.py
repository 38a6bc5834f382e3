"""REST API of the folders of audiences."""

from __future__ import annotations

from rest_framework import serializers

from cdp.core.folders_api import FolderViewSet
from insight.audiences.folders import folders
from insight.audiences.models import Folder


class AudienceFolderSerializer(serializers.ModelSerializer[Folder]):
    class Meta:
        model = Folder
        fields = ["id", "name", "parent"]


class AudienceFolderViewSet(FolderViewSet):
    """Folders of audiences."""

    folders = folders
    model = Folder
    serializer_class = AudienceFolderSerializer
    required_permission = {"*": "insight.audience.list"}
