from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasets.api import CategoryViewSet, DatasetViewSet, FolderViewSet

router = SimpleRouter()
router.register("dataset-folders", FolderViewSet, basename="api-dataset-folder")
router.register("tag-categories", CategoryViewSet, basename="api-tag-category")
router.register("datasets", DatasetViewSet, basename="api-dataset")
urlpatterns = router.urls
