from __future__ import annotations

from rest_framework.routers import SimpleRouter

from admin_center.audit.api import AuditEntryViewSet
from admin_center.audit.downloads import DownloadViewSet

router = SimpleRouter()
router.register("audit-entries", AuditEntryViewSet, basename="audit-entries")
router.register("downloads", DownloadViewSet, basename="downloads")
urlpatterns = router.urls
