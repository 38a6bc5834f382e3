from __future__ import annotations

from django.urls import path

from insight.rfm import api

urlpatterns = [
    path("datasets/<str:pk>/rfm/overview/", api.Overview.as_view(), name="api-rfm-overview"),
    path("datasets/<str:pk>/rfm/trend/", api.Trend.as_view(), name="api-rfm-trend"),
    path(
        "datasets/<str:pk>/rfm/trend/audiences/",
        api.TrendAudiences.as_view(),
        name="api-rfm-trend-audiences",
    ),
    path("datasets/<str:pk>/rfm/samples/", api.Samples.as_view(), name="api-rfm-samples"),
    path("datasets/<str:pk>/rfm/migration/", api.MigrationView.as_view(), name="api-rfm-migration"),
    path(
        "datasets/<str:pk>/rfm/migration/audiences/",
        api.MigrationAudiences.as_view(),
        name="api-rfm-migration-audiences",
    ),
]
