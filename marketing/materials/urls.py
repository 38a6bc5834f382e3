from __future__ import annotations

from django.urls import path

from cdp.console import folder_pages
from marketing.materials import views
from marketing.materials.folders import folders

app_name = "materials"
urlpatterns = [
    path("", views.MaterialList.as_view(), name="list"),
    path("new/", views.NewMaterial.as_view(), name="new"),
    path("pictures/", views.Pictures.as_view(), name="pictures"),
    path("tags/", views.TagList.as_view(), name="tags"),
    path("move/", views.MoveMaterials.as_view(), name="move"),
    *folder_pages.urls(folders, views.PERMISSION, "materials:list"),
    path("<str:pk>/", views.EditMaterial.as_view(), name="edit"),
    path("<str:pk>/content/", views.MaterialContent.as_view(), name="content"),
    path("<str:pk>/thumbnail/", views.MaterialThumbnail.as_view(), name="thumbnail"),
    path("<str:pk>/delete/", views.DeleteMaterial.as_view(), name="delete"),
]
