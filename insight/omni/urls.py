from __future__ import annotations

from django.urls import path

from insight.omni import analysis_pages, pages

app_name = "omni"
urlpatterns = [
    path("", pages.Overview.as_view(), name="overview"),
    path("analysis/", analysis_pages.Analysis.as_view(), name="analysis"),
    path("analysis/table.csv", analysis_pages.AnalysisCsv.as_view(), name="analysis-csv"),
    path("reports/", pages.ReportList.as_view(), name="reports"),
    path("reports/save/", analysis_pages.SaveReport.as_view(), name="report-save"),
    path("reports/<str:pk>/", pages.ReportPage.as_view(), name="report"),
    path("reports/<str:pk>/again/", pages.ReportAgain.as_view(), name="report-again"),
    path("reports/<str:pk>/delete/", pages.DeleteReport.as_view(), name="report-delete"),
    path("audiences/", pages.AudienceList.as_view(), name="audiences"),
    path("audiences/new/", pages.NewAudience.as_view(), name="audience-new"),
    path("audiences/<str:pk>/", pages.AudiencePage.as_view(), name="audience"),
    path("audiences/<str:pk>/delete/", pages.DeleteAudience.as_view(), name="audience-delete"),
    path("tags/", pages.TagList.as_view(), name="tags"),
    path("tags/<str:column>/", pages.TagPage.as_view(), name="tag"),
    path("resources/", pages.Resources.as_view(), name="resources"),
    path("pack/", pages.InstallPack.as_view(), name="pack"),
]
