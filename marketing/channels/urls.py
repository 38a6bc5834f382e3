from __future__ import annotations

from django.urls import path

from marketing.channels import call_pages, views

app_name = "channels"
urlpatterns = [
    path("", views.ProviderList.as_view(), name="list"),
    path("new/<str:channel>/<str:type>/", views.NewProvider.as_view(), name="new"),
    path("<str:pk>/", views.ProviderDetail.as_view(), name="detail"),
    path("calls/<str:pk>/", call_pages.CallDetail.as_view(), name="call"),
    path("<str:pk>/calls/", call_pages.CallList.as_view(), name="calls"),
    path("<str:pk>/edit/", views.EditProvider.as_view(), name="edit"),
    path("<str:pk>/keys/", views.RenewKeys.as_view(), name="keys"),
    path("<str:pk>/test/", views.TestProvider.as_view(), name="test"),
    path("senders/new/", views.AnySender.as_view(), name="any-sender-new"),
    path("<str:pk>/senders/new/", views.NewSender.as_view(), name="sender-new"),
    path("<str:pk>/senders/fetch/", views.FetchSenders.as_view(), name="senders-fetch"),
    path("senders/<str:pk>/delete/", views.DeleteSender.as_view(), name="sender-delete"),
    path("<str:pk>/dkim-key/", views.MakeDkimKey.as_view(), name="dkim-key"),
    path("<str:pk>/delete/", views.DeleteProvider.as_view(), name="delete"),
]
