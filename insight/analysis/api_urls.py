from __future__ import annotations

from django.urls import path

from insight.analysis import api

urlpatterns = [
    path("analysis/perspective/", api.PerspectiveView.as_view(), name="analysis-perspective"),
    path("analysis/pivot/", api.PivotView.as_view(), name="analysis-pivot"),
    path("analysis/significance/", api.SignificanceView.as_view(), name="analysis-significance"),
    path("analysis/orders/", api.OrderView.as_view(), name="analysis-orders"),
    path("analysis/parts/", api.PartsView.as_view(), name="analysis-parts"),
    path("analysis/parts/preview/", api.PartsPreviewView.as_view(), name="analysis-parts-preview"),
]
