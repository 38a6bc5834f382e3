from __future__ import annotations

from django.urls import path

from marketing.materials import views

app_name = "materials"
urlpatterns = [
    path("", views.MaterialList.as_view(), name="list"),
    path("new/", views.NewMaterial.as_view(), name="new"),
    path("pictures/", views.Pictures.as_view(), name="pictures"),
    path("tags/", views.TagList.as_view(), name="tags"),
    path("<str:pk>/", views.EditMaterial.as_view(), name="edit"),
    path("<str:pk>/content/", views.MaterialContent.as_view(), name="content"),
    path("<str:pk>/delete/", views.DeleteMaterial.as_view(), name="delete"),
]
