"""REST API of the folders of datasets."""

from __future__ import annotations

from rest_framework import serializers

from cdp.core.folders_api import FolderViewSet
from insight.datasets.folders import folders
from insight.datasets.models import DatasetFolder


class DatasetFolderSerializer(serializers.ModelSerializer[DatasetFolder]):
    class Meta:
        model = DatasetFolder
        fields = ["id", "name", "parent"]


class DatasetFolderViewSet(FolderViewSet):
    """Folders of datasets."""

    folders = folders
    model = DatasetFolder
    serializer_class = DatasetFolderSerializer
    required_permission = {
        "list": "insight.dataset.view",
        "retrieve": "insight.dataset.view",
        "*": "insight.dataset.create",
    }
