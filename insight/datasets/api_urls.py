from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasets.api import DatasetViewSet

router = SimpleRouter()
router.register("datasets", DatasetViewSet, basename="api-dataset")
urlpatterns = router.urls
