from __future__ import annotations

from rest_framework.routers import SimpleRouter

from cdp.console.api import NotificationViewSet

router = SimpleRouter()
router.register("notifications", NotificationViewSet, basename="api-notification")
urlpatterns = router.urls
