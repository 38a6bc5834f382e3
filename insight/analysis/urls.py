from __future__ import annotations

from django.urls import path

from insight.analysis import views

app_name = "analysis"
urlpatterns = [path("", views.PerspectivePage.as_view(), name="perspective")]
