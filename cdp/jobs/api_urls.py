from __future__ import annotations

from rest_framework.routers import SimpleRouter

from cdp.jobs.api import JobViewSet

router = SimpleRouter()
router.register("jobs", JobViewSet, basename="api-job")
urlpatterns = router.urls
