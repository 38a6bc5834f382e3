from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.audiences.api import AudienceViewSet
from insight.audiences.folders_api import FolderViewSet

router = SimpleRouter()
router.register("audiences/folders", FolderViewSet, basename="audience-folder")
router.register("audiences", AudienceViewSet, basename="audience")
urlpatterns = router.urls
