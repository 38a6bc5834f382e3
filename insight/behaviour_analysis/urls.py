from __future__ import annotations

from django.urls import path

from insight.behaviour_analysis import funnel_pages, history_pages, path_pages, retention_pages

app_name = "behaviour"
urlpatterns = [
    path("funnel/", funnel_pages.FunnelPage.as_view(), name="funnel"),
    path("funnel.csv", funnel_pages.FunnelCsv.as_view(), name="funnel-csv"),
    path("funnel/audience/", funnel_pages.KeepFunnel.as_view(), name="funnel-audience"),
    path("retention/", retention_pages.RetentionPage.as_view(), name="retention"),
    path("retention.csv", retention_pages.RetentionCsv.as_view(), name="retention-csv"),
    path("retention/audience/", retention_pages.RetentionAudience.as_view(), name="retention-audience"),
    path("paths/", path_pages.PathPage.as_view(), name="paths"),
    path("paths.csv", path_pages.PathCsv.as_view(), name="paths-csv"),
    path("paths/audience/", path_pages.KeepPath.as_view(), name="paths-audience"),
    path("history/<str:pk>/", history_pages.HistoryPage.as_view(), name="history"),
    path(
        "history/<str:pk>/versions/<int:number>/audience/",
        history_pages.KeepVersion.as_view(),
        name="history-audience",
    ),
    path("history/<str:pk>/versions.csv", history_pages.HistoryCsv.as_view(), name="history-csv"),
]
