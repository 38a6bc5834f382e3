"""The editor of mails made of blocks."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from cdp.console.generic import WorkspaceView
from cdp.core.errors import ValidationFailed
from marketing.content import dark_mail, design

MAX_BYTES = 400_000


class Preview(WorkspaceView):
    """The HTML of a design as it is typed, or what keeps it from being one: {"html", "dark"} or {"errors"}.

    `dark`: as programs with a dark look show it.
    """

    permission = "marketing.content.manage"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if len(request.body) > MAX_BYTES:
                raise ValueError
            given = json.loads(request.body)
        except ValueError:
            return JsonResponse({"errors": {"design": ["JSON"]}}, status=400)
        try:
            html = design.html_of(given)
            return JsonResponse({"html": html, "dark": dark_mail.shown(html)})
        except ValidationFailed as error:
            return JsonResponse({"errors": error.errors})
