from __future__ import annotations

from django.urls import path

from insight.behaviour_analysis import api

urlpatterns = [
    path("analysis/funnel/", api.FunnelView.as_view(), name="analysis-funnel"),
    path("analysis/funnel/audiences/", api.FunnelAudiences.as_view(), name="analysis-funnel-audiences"),
    path("analysis/retention/", api.RetentionView.as_view(), name="analysis-retention"),
    path(
        "analysis/retention/audiences/", api.RetentionAudiences.as_view(), name="analysis-retention-audiences"
    ),
    path("analysis/paths/", api.PathsView.as_view(), name="analysis-paths"),
    path("analysis/paths/audiences/", api.PathAudiences.as_view(), name="analysis-paths-audiences"),
    path("audiences/<str:pk>/history/", api.HistoryView.as_view(), name="audience-history"),
    path(
        "audiences/<str:pk>/history/audiences/",
        api.HistoryAudiences.as_view(),
        name="audience-history-audiences",
    ),
]
