"""Pages of the shell that belong to no workspace."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from cdp.console import help_pages

urlpatterns = [
    # The `type` of problem documents.
    path("docs/errors", RedirectView.as_view(url="/help/integrator-guide/errors/")),
    path("help/", help_pages.page, {"name": "index"}, name="help"),
    path("help/<path:name>/", help_pages.page, name="help-page"),
]
