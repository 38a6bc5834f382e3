"""Pages of the shell that belong to no workspace."""

from __future__ import annotations

from django.urls import path

from cdp.console import help_pages

urlpatterns = [
    path("help/", help_pages.page, {"name": "index"}, name="help"),
    path("help/<path:name>/", help_pages.page, name="help-page"),
]
