from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.items.api import ItemPoolViewSet

router = SimpleRouter()
router.register("item-pools", ItemPoolViewSet, basename="api-item-pool")
urlpatterns = router.urls
