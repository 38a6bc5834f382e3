from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.devices.api import PushDeviceViewSet, PushSiteViewSet

router = SimpleRouter()
router.register("push/devices", PushDeviceViewSet, basename="api-push-device")
router.register("push/sites", PushSiteViewSet, basename="api-push-site")
urlpatterns = router.urls
