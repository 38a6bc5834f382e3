from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.materials.api import MaterialTagViewSet, MaterialViewSet
from marketing.materials.folders_api import MaterialFolderViewSet

router = SimpleRouter()
router.register("materials", MaterialViewSet, basename="api-material")
router.register("material-folders", MaterialFolderViewSet, basename="api-material-folder")
router.register("material-tags", MaterialTagViewSet, basename="api-material-tag")
urlpatterns = router.urls
