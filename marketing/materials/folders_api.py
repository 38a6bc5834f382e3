"""REST API of the folders of materials."""

from __future__ import annotations

from rest_framework import serializers

from cdp.core.folders_api import FolderViewSet
from marketing.materials.folders import folders
from marketing.materials.models import MaterialFolder


class MaterialFolderSerializer(serializers.ModelSerializer[MaterialFolder]):
    class Meta:
        model = MaterialFolder
        fields = ["id", "name", "parent"]


class MaterialFolderViewSet(FolderViewSet):
    """Folders of materials."""

    folders = folders
    model = MaterialFolder
    serializer_class = MaterialFolderSerializer
    required_permission = {"*": "marketing.content.manage"}
