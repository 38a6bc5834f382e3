from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.datasources.organization.api import SourceViewSet

router = SimpleRouter()
router.register("sources", SourceViewSet, basename="api-organization-source")
urlpatterns = router.urls
