from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.audiences.api import AudienceViewSet
from insight.audiences.folders_api import AudienceFolderViewSet

router = SimpleRouter()
router.register("audiences/folders", AudienceFolderViewSet, basename="audience-folder")
router.register("audiences", AudienceViewSet, basename="audience")
urlpatterns = router.urls
