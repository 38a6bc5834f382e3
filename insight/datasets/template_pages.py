"""Templates of tables to download."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cdp.console.generic.base import WorkspaceView
from insight.datasets import templates


class TemplateFile(WorkspaceView):
    permission = "insight.dataset.view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return templates.answer(kwargs["kind"])
