from __future__ import annotations

from rest_framework.routers import SimpleRouter

from admin_center.permissions.api import MemberViewSet, RoleViewSet, TokenViewSet

router = SimpleRouter()
router.register("members", MemberViewSet, basename="members")
router.register("roles", RoleViewSet, basename="roles")
router.register("tokens", TokenViewSet, basename="tokens")
urlpatterns = router.urls
