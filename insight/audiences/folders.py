"""Folders of audiences."""

from __future__ import annotations

from cdp.core.folders import Branch, Folders, flat, path_of
from insight.audiences import visibility
from insight.audiences.models import Folder

__all__ = ["Branch", "create", "delete", "flat", "move", "path_of", "rename", "tree"]

_folders = Folders(Folder, "audience_folder", "audiences", visibility.visible)
tree, create, rename, move, delete = (
    _folders.tree,
    _folders.create,
    _folders.rename,
    _folders.move,
    _folders.delete,
)
