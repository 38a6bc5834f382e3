"""Pages of tags."""

from __future__ import annotations

from django.urls import path

from insight.tags import custom_pages, pages

app_name = "tags"
urlpatterns = [
    path("", pages.TagList.as_view(), name="list"),
    path("categories/import/", pages.ImportCategories.as_view(), name="import"),
    path("custom/new/", custom_pages.NewCustomTag.as_view(), name="custom-new"),
    path("custom/<str:pk>/edit/", custom_pages.EditCustomTag.as_view(), name="custom-edit"),
    path("custom/<str:pk>/refresh/", custom_pages.RefreshCustomTag.as_view(), name="custom-refresh"),
    path("custom/<str:pk>/delete/", custom_pages.DeleteCustomTag.as_view(), name="custom-delete"),
    path("change/<str:dataset>/<path:column>/", pages.EditTag.as_view(), name="edit"),
    path("of/<str:dataset>/<path:column>/", pages.TagDetail.as_view(), name="detail"),
]
