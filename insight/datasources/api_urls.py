from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasources.api import TableViewSet, UploadViewSet

router = SimpleRouter()
router.register("tables", TableViewSet, basename="api-table")
router.register("uploads", UploadViewSet, basename="api-upload")
urlpatterns = router.urls
