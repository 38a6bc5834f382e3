from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.delivery.api import SendOutViewSet, SuppressionViewSet

router = SimpleRouter()
router.register("send-outs", SendOutViewSet, basename="api-send-out")
router.register("suppressions", SuppressionViewSet, basename="api-suppression")
urlpatterns = router.urls
