from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from insight.tags import api

router = SimpleRouter()
router.register("custom-tags", api.CustomTagViewSet, basename="api-custom-tag")
urlpatterns = [
    path("tags/", api.TagViewSet.as_view({"get": "list"}), name="api-tags"),
    path("tags/overview/", api.OverviewView.as_view(), name="api-tags-overview"),
    path("tags/uses/", api.UsesView.as_view(), name="api-tags-uses"),
    path("tags/categories/import/", api.CategoryImportView.as_view(), name="api-tags-import"),
    path("tags/<str:dataset>/<path:column>/", api.TagView.as_view(), name="api-tag"),
    *router.urls,
]
