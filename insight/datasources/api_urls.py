from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasources.api import TableViewSet

router = SimpleRouter()
router.register("tables", TableViewSet, basename="api-table")
urlpatterns = router.urls
