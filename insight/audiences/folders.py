"""Folders of audiences."""

from __future__ import annotations

from cdp.core.folders import Folders
from insight.audiences import visibility
from insight.audiences.models import Folder

folders = Folders(Folder, "audience_folder", "audiences", visibility.visible)
