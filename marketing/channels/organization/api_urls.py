from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.channels.organization.api import SharedProviderViewSet

router = SimpleRouter()
router.register("providers", SharedProviderViewSet, basename="api-organization-provider")
urlpatterns = router.urls
