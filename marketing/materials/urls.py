from __future__ import annotations

from django.urls import path

from marketing.materials import folder_pages, views

app_name = "materials"
urlpatterns = [
    path("", views.MaterialList.as_view(), name="list"),
    path("new/", views.NewMaterial.as_view(), name="new"),
    path("pictures/", views.Pictures.as_view(), name="pictures"),
    path("tags/", views.TagList.as_view(), name="tags"),
    path("move/", folder_pages.MoveMaterials.as_view(), name="move"),
    path("folders/new/", folder_pages.NewFolder.as_view(), name="folder-new"),
    path("folders/<str:pk>/edit/", folder_pages.EditFolder.as_view(), name="folder-edit"),
    path("folders/<str:pk>/delete/", folder_pages.DeleteFolder.as_view(), name="folder-delete"),
    path("<str:pk>/", views.EditMaterial.as_view(), name="edit"),
    path("<str:pk>/content/", views.MaterialContent.as_view(), name="content"),
    path("<str:pk>/thumbnail/", views.MaterialThumbnail.as_view(), name="thumbnail"),
    path("<str:pk>/delete/", views.DeleteMaterial.as_view(), name="delete"),
]
