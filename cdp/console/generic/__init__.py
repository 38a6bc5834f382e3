"""The generic pages that every module builds on.

An ordinary resource needs a few declarations: a queryset, columns, a form, the services that change it, and the
permission point of each page.
"""

from __future__ import annotations

from cdp.console.generic.actions import ActionView, DeletePage
from cdp.console.generic.base import WorkspaceView
from cdp.console.generic.columns import (
    BadgeColumn,
    BooleanColumn,
    Column,
    DateColumn,
    NumberColumn,
    TextColumn,
)
from cdp.console.generic.detail import DetailPage, Fact
from cdp.console.generic.forms import DialogFormPage, FormPage, apply_errors
from cdp.console.generic.lists import BulkAction, ListPage

__all__ = [
    "ActionView",
    "BadgeColumn",
    "BooleanColumn",
    "BulkAction",
    "Column",
    "DateColumn",
    "DeletePage",
    "DetailPage",
    "DialogFormPage",
    "Fact",
    "FormPage",
    "ListPage",
    "NumberColumn",
    "TextColumn",
    "WorkspaceView",
    "apply_errors",
]
