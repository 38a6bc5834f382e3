from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasources.api import TableViewSet, UploadViewSet
from insight.datasources.connections.api import ConnectionViewSet

router = SimpleRouter()
router.register("tables", TableViewSet, basename="api-table")
router.register("uploads", UploadViewSet, basename="api-upload")
router.register("sources", ConnectionViewSet, basename="api-source")
urlpatterns = router.urls
