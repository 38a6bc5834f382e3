from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.materials.api import MaterialTagViewSet, MaterialViewSet

router = SimpleRouter()
router.register("materials", MaterialViewSet, basename="api-material")
router.register("material-tags", MaterialTagViewSet, basename="api-material-tag")
urlpatterns = router.urls
