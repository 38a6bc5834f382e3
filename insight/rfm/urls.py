from __future__ import annotations

from django.urls import path

from insight.rfm import migration_pages, pages

app_name = "rfm"
urlpatterns = [
    path("", pages.Analysis.as_view(), name="analysis"),
    path("audience/", pages.OfAudience.as_view(), name="of-audience"),
    path("audience/<str:pk>/", pages.AudienceRfm.as_view(), name="audience"),
    path("migration/", migration_pages.MigrationPage.as_view(), name="migration"),
    path("migration.csv", migration_pages.MigrationCsv.as_view(), name="migration-csv"),
    path("migration/audience/", migration_pages.KeepCell.as_view(), name="migration-audience"),
    path("buyers/audience/", migration_pages.KeepBuyers.as_view(), name="buyers-audience"),
    path("<str:pk>/samples/", pages.Samples.as_view(), name="samples"),
    path("<str:pk>/choose/", pages.ChooseGroups.as_view(), name="choose"),
    path("<str:pk>/groups.csv", pages.GroupsCsv.as_view(), name="groups-csv"),
]
