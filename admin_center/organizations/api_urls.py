from __future__ import annotations

from django.urls import path

from admin_center.organizations.api import SettingsView

urlpatterns = [path("settings/", SettingsView.as_view(), name="settings")]
