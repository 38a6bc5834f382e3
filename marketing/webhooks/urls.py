from __future__ import annotations

from django.urls import path

from marketing.webhooks import pages

app_name = "webhooks"
urlpatterns = [
    path("", pages.WebhookList.as_view(), name="list"),
    path("new/", pages.NewWebhook.as_view(), name="new"),
    path("calls/<str:pk>/", pages.CallLog.as_view(), name="call"),
    path("<str:pk>/", pages.WebhookDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", pages.EditWebhook.as_view(), name="edit"),
    path("<str:pk>/copy/", pages.CopyWebhook.as_view(), name="copy"),
    path("<str:pk>/switch/", pages.SwitchWebhook.as_view(), name="switch"),
    path("<str:pk>/test/", pages.TestWebhook.as_view(), name="test"),
    path("<str:pk>/grant/", pages.GrantWebhook.as_view(), name="grant"),
    path("<str:pk>/delete/", pages.DeleteWebhook.as_view(), name="delete"),
]
