from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from marketing.delivery.api import SendOutViewSet, SuppressionViewSet
from marketing.delivery.effect_api import ChannelEffectDownload, ChannelEffectView
from marketing.delivery.push_api import PushEffectView

router = SimpleRouter()
router.register("send-outs", SendOutViewSet, basename="api-send-out")
router.register("suppressions", SuppressionViewSet, basename="api-suppression")
urlpatterns = [
    path("channel-effect/", ChannelEffectView.as_view(), name="api-channel-effect"),
    path("channel-effect/download/", ChannelEffectDownload.as_view(), name="api-channel-effect-download"),
    path("push-effect/", PushEffectView.as_view(), name="api-push-effect"),
    *router.urls,
]
