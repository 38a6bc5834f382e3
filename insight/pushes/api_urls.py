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
    path("datasets/<str:pk>/aipl/push-fields/", api.ModelFields.as_view(), name="api-aipl-push-fields"),
    path("datasets/<str:pk>/aipl/push-settings/", api.ModelSettings.as_view(), name="api-aipl-push-settings"),
    path(
        "datasets/<str:pk>/aipl/push-settings/<str:interface>/",
        api.OneModelSetting.as_view(),
        name="api-aipl-push-setting",
    ),
]
