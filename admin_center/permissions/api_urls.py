from __future__ import annotations

from rest_framework.routers import SimpleRouter

from admin_center.permissions.api import MemberViewSet, RoleViewSet, TokenViewSet
from admin_center.permissions.group_api import UserGroupViewSet

router = SimpleRouter()
router.register("members", MemberViewSet, basename="members")
router.register("roles", RoleViewSet, basename="roles")
router.register("user-groups", UserGroupViewSet, basename="user-groups")
router.register("tokens", TokenViewSet, basename="tokens")
urlpatterns = router.urls
