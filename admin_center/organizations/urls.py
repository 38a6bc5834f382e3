"""Pages below /w/<workspace>/admin/."""

from __future__ import annotations

from django.urls import path

from admin_center.organizations.views import IdKeyPage, SettingsPage

app_name = "organizations"
urlpatterns = [
    path("settings/", SettingsPage.as_view(), name="settings"),
    path("settings/id-key/", IdKeyPage.as_view(), name="id-key"),
]
