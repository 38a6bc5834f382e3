from __future__ import annotations

from django.urls import include, path

from marketing.devices import public_views

_urls = [
    path("<str:key>/", public_views.nothing, name="site"),
    path("<str:key>/client.js", public_views.client, name="client"),
    path("<str:key>/worker.js", public_views.worker, name="worker"),
    path("<str:key>/subscriptions", public_views.subscriptions, name="subscriptions"),
]
urlpatterns = [path("", include((_urls, "devices-public")))]
