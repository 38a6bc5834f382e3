from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.content.api import SignatureViewSet, TemplateViewSet

router = SimpleRouter()
router.register("templates", TemplateViewSet, basename="api-template")
router.register("signatures", SignatureViewSet, basename="api-signature")
urlpatterns = router.urls
