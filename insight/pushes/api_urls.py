from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from insight.pushes import api

router = SimpleRouter()
router.register("push-interfaces", api.InterfaceViewSet, basename="api-push-interface")
router.register("pushes", api.PushViewSet, basename="api-push")
urlpatterns = [
    *router.urls,
    path("audiences/<str:pk>/push-fields/", api.PushFields.as_view(), name="api-push-fields"),
    path("audiences/<str:pk>/push-settings/", api.PushSettings.as_view(), name="api-push-settings"),
    path(
        "audiences/<str:pk>/push-settings/<str:interface>/",
        api.OnePushSetting.as_view(),
        name="api-push-setting",
    ),
]
