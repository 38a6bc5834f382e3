from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasets.api import CategoryViewSet, DatasetViewSet
from insight.datasets.folders_api import DatasetFolderViewSet

router = SimpleRouter()
router.register("dataset-folders", DatasetFolderViewSet, basename="api-dataset-folder")
router.register("tag-categories", CategoryViewSet, basename="api-tag-category")
router.register("datasets", DatasetViewSet, basename="api-dataset")
urlpatterns = router.urls
