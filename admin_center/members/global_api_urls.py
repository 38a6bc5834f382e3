from __future__ import annotations

from django.urls import path

from admin_center.members.api import MeView, WorkspacesView

urlpatterns = [
    path("me/", MeView.as_view(), name="api-me"),
    path("workspaces/", WorkspacesView.as_view(), name="api-workspaces"),
]
