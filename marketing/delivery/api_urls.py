from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from marketing.delivery.api import SendOutViewSet, SuppressionViewSet
from marketing.delivery.push_api import PushEffectView

router = SimpleRouter()
router.register("send-outs", SendOutViewSet, basename="api-send-out")
router.register("suppressions", SuppressionViewSet, basename="api-suppression")
urlpatterns = [path("push-effect/", PushEffectView.as_view(), name="api-push-effect"), *router.urls]
