from __future__ import annotations

from django.urls import include, path

from marketing.replies import public_views

_urls = [
    path("t/i/<str:token>", public_views.inbound, name="inbound"),
    path("t/x/<str:token>/inbound", public_views.pushed, name="pushed"),
]
urlpatterns = [path("", include((_urls, "replies-public")))]
