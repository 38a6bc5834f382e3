from __future__ import annotations

from django.urls import path

from insight.datasources import views
from insight.datasources.connections import feed_pages, pages

app_name = "datasources"
urlpatterns = [
    path("", views.TableList.as_view(), name="list"),
    path("databases/", pages.ConnectionList.as_view(), name="sources"),
    path("databases/new/<str:kind>/", pages.NewConnection.as_view(), name="source-new"),
    path("databases/<str:pk>/", pages.ConnectionDetail.as_view(), name="source"),
    path("databases/<str:pk>/edit/", pages.EditConnection.as_view(), name="source-edit"),
    path("databases/<str:pk>/test/", pages.TestConnection.as_view(), name="source-test"),
    path("databases/<str:pk>/tables/", pages.ConnectionTables.as_view(), name="source-tables"),
    path("databases/<str:pk>/table/", pages.RemoteTablePage.as_view(), name="source-table"),
    path("databases/<str:pk>/bring-in/", feed_pages.BringIn.as_view(), name="bring-in"),
    path("databases/<str:pk>/delete/", pages.DeleteConnection.as_view(), name="source-delete"),
    path("upload/", views.UploadFile.as_view(), name="upload"),
    path("upload/<str:pk>/", views.CheckUpload.as_view(), name="upload-check"),
    path("tables/<str:pk>/", views.TableDetail.as_view(), name="table"),
    path("tables/<str:pk>/describe/", views.DescribeTable.as_view(), name="table-describe"),
    path("tables/<str:pk>/feed/", feed_pages.EditFeed.as_view(), name="feed"),
    path("tables/<str:pk>/copy/", feed_pages.CopyNow.as_view(), name="table-copy"),
    path("tables/<str:pk>/part/", feed_pages.PartTable.as_view(), name="table-part"),
    path("tables/<str:pk>/bad-rows/", views.BadRows.as_view(), name="table-bad-rows"),
    path("tables/<str:pk>/delete/", views.DeleteTable.as_view(), name="table-delete"),
]
