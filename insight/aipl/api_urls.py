from __future__ import annotations

from django.urls import path

from insight.aipl import api

urlpatterns = [
    path("datasets/<str:pk>/aipl/overview/", api.Overview.as_view(), name="api-aipl-overview"),
    path("datasets/<str:pk>/aipl/trend/", api.Trend.as_view(), name="api-aipl-trend"),
    path("datasets/<str:pk>/aipl/flow/", api.FlowView.as_view(), name="api-aipl-flow"),
    path("datasets/<str:pk>/aipl/days/", api.Days.as_view(), name="api-aipl-days"),
]
