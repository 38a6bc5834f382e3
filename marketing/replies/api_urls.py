from __future__ import annotations

from rest_framework.routers import SimpleRouter

from marketing.replies.api import ReplyViewSet

router = SimpleRouter()
router.register("replies", ReplyViewSet, basename="api-reply")
urlpatterns = router.urls
