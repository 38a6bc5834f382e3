"""Folders of datasets."""

from __future__ import annotations

from cdp.core.access import Access
from cdp.core.folders import Folders
from insight.datasets import rights
from insight.datasets.models import DatasetFolder


def _visible(access: Access) -> object:
    return rights.visible(access)


folders = Folders(DatasetFolder, "dataset_folder", "datasets", _visible)  # type: ignore[arg-type]
