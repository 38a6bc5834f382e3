from __future__ import annotations

from django.urls import path

from insight.datasources import views

app_name = "datasources"
urlpatterns = [
    path("", views.TableList.as_view(), name="list"),
    path("upload/", views.UploadFile.as_view(), name="upload"),
    path("upload/<str:pk>/", views.CheckUpload.as_view(), name="upload-check"),
    path("tables/<str:pk>/", views.TableDetail.as_view(), name="table"),
    path("tables/<str:pk>/describe/", views.DescribeTable.as_view(), name="table-describe"),
    path("tables/<str:pk>/bad-rows/", views.BadRows.as_view(), name="table-bad-rows"),
    path("tables/<str:pk>/delete/", views.DeleteTable.as_view(), name="table-delete"),
]
