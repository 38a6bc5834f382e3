from __future__ import annotations

from rest_framework.routers import SimpleRouter

from insight.campaigns.api import CampaignViewSet

router = SimpleRouter()
router.register("campaigns", CampaignViewSet, basename="api-campaign")
urlpatterns = router.urls
