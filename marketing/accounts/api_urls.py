from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.accounts.api import AccountRequestViewSet, AccountViewSet

router = SimpleRouter()
router.register("accounts", AccountViewSet, basename="api-account")
router.register("account-requests", AccountRequestViewSet, basename="api-account-request")
urlpatterns = router.urls
