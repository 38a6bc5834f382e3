from __future__ import annotations

from django.urls import path

from insight.datasources.organization import pages, sharing_pages

app_name = "organization-sources"
urlpatterns = [
    path("", pages.SourceList.as_view(), name="list"),
    path("new/<str:kind>/", pages.NewSource.as_view(), name="new"),
    path("<str:pk>/", pages.SourceDetail.as_view(), name="detail"),
    path("<str:pk>/tables/", pages.SourceTables.as_view(), name="tables"),
    path("<str:pk>/table/", pages.SourceTablePage.as_view(), name="table"),
    path("<str:pk>/edit/", pages.EditSource.as_view(), name="edit"),
    path("<str:pk>/test/", pages.TestSource.as_view(), name="test"),
    path("<str:pk>/delete/", pages.DeleteSource.as_view(), name="delete"),
    path("<str:pk>/sharing/", sharing_pages.ShareTables.as_view(), name="share-tables"),
    path("<str:pk>/sharing/rows/", sharing_pages.ShareRows.as_view(), name="share-rows"),
    path("<str:pk>/sharing/columns/", sharing_pages.ShareColumns.as_view(), name="share-columns"),
]
