from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.links.api import LinkDomainViewSet, ShortLinkViewSet

router = SimpleRouter()
router.register("short-links", ShortLinkViewSet, basename="api-short-link")
router.register("link-domains", LinkDomainViewSet, basename="api-link-domain")
urlpatterns = router.urls
