from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.channels.api import ProviderViewSet, SenderViewSet

router = SimpleRouter()
router.register("providers", ProviderViewSet, basename="api-provider")
router.register("sender-addresses", SenderViewSet, basename="api-sender")
urlpatterns = router.urls
