from __future__ import annotations

from django.urls import path

from insight.analysis.api import PerspectiveView

urlpatterns = [path("analysis/perspective/", PerspectiveView.as_view(), name="analysis-perspective")]
