from __future__ import annotations

from django.urls import path

from insight.pushes import pages

app_name = "pushes"
urlpatterns = [
    path("interfaces/", pages.InterfaceList.as_view(), name="interfaces"),
    path("interfaces/new/<str:type>/", pages.NewInterface.as_view(), name="interface-new"),
    path("interfaces/<str:pk>/", pages.EditInterface.as_view(), name="interface"),
    path("interfaces/<str:pk>/test/", pages.TestInterface.as_view(), name="interface-test"),
    path("interfaces/<str:pk>/grant/", pages.GrantInterface.as_view(), name="interface-grant"),
    path("interfaces/<str:pk>/delete/", pages.DeleteInterface.as_view(), name="interface-delete"),
    path("audience/<str:pk>/", pages.PushAudience.as_view(), name="push"),
    path("model/<str:pk>/", pages.PushModel.as_view(), name="model-push"),
    path("model/<str:pk>/history/", pages.ModelHistory.as_view(), name="model-history"),
    path("history/<str:pk>/", pages.PushHistory.as_view(), name="history"),
    path("<str:pk>/retry/", pages.RetryPush.as_view(), name="retry"),
    path("<str:pk>/cancel/", pages.CancelPush.as_view(), name="cancel"),
]
