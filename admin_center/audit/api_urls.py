from __future__ import annotations

from rest_framework.routers import SimpleRouter

from admin_center.audit.api import AuditEntryViewSet

router = SimpleRouter()
router.register("audit-entries", AuditEntryViewSet, basename="audit-entries")
urlpatterns = router.urls
