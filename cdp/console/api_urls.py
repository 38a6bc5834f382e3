from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from cdp.console.api import Home, NotificationViewSet

router = SimpleRouter()
router.register("notifications", NotificationViewSet, basename="api-notification")
urlpatterns = [path("home/", Home.as_view(), name="api-home"), *router.urls]
