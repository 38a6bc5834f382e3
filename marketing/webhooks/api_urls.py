from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.webhooks.api import WebhookViewSet

router = SimpleRouter()
router.register("webhooks", WebhookViewSet, basename="api-webhook")
urlpatterns = router.urls
