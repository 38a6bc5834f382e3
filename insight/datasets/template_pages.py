"""Templates of tables to download."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import NotFound
from insight.datasets.templates import TEMPLATES


class TemplateFile(WorkspaceView):
    permission = "insight.dataset.view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        template = TEMPLATES.get(kwargs["kind"])
        if template is None:
            raise NotFound(_("There is no such template."))
        answer = HttpResponse(template.csv(), content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = f'attachment; filename="{template.key}.csv"'
        return answer
