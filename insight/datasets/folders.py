"""Folders of datasets."""

from __future__ import annotations

from cdp.core.access import Access
from cdp.core.folders import Folders
from insight.datasets.models import Dataset, DatasetFolder


def _visible(access: Access) -> object:
    return Dataset.objects.in_workspace(access.workspace)


folders = Folders(DatasetFolder, "dataset_folder", "datasets", _visible)  # type: ignore[arg-type]
