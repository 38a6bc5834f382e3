from __future__ import annotations

from django.urls import path

from marketing.outcomes import views

app_name = "outcomes"
urlpatterns = [
    path("", views.Overview.as_view(), name="overview"),
    path("update/", views.Update.as_view(), name="update"),
]
