from __future__ import annotations

from django.urls import path

from admin_center.organizations.api import IdKeyView, SettingsView

urlpatterns = [
    path("settings/", SettingsView.as_view(), name="settings"),
    path("settings/id-key/", IdKeyView.as_view(), name="id-key"),
]
