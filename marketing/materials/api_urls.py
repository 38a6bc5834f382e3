from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.materials.api import MaterialViewSet

router = SimpleRouter()
router.register("materials", MaterialViewSet, basename="api-material")
urlpatterns = router.urls
