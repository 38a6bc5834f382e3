from __future__ import annotations

from django.urls import path

from admin_center.members.api import MeView, WorkspacesView
from admin_center.members.modules_page import ModulesViewSet

urlpatterns = [
    path("me/", MeView.as_view(), name="api-me"),
    path(
        "organization/modules/",
        ModulesViewSet.as_view({"get": "list", "patch": "change"}),
        name="api-organization-modules",
    ),
    path("workspaces/", WorkspacesView.as_view(), name="api-workspaces"),
]
