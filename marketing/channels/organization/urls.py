from __future__ import annotations

from django.urls import path

from marketing.channels.organization import pages

app_name = "organization-providers"
urlpatterns = [
    path("", pages.ProviderList.as_view(), name="list"),
    path("new/<str:channel>/<str:type>/", pages.NewProvider.as_view(), name="new"),
    path("<str:pk>/", pages.ProviderDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", pages.EditProvider.as_view(), name="edit"),
    path("<str:pk>/test/", pages.TestProvider.as_view(), name="test"),
    path("<str:pk>/grants/", pages.GrantProvider.as_view(), name="grants"),
    path("<str:pk>/dkim-key/", pages.MakeDkimKey.as_view(), name="dkim-key"),
    path("<str:pk>/delete/", pages.DeleteProvider.as_view(), name="delete"),
]
