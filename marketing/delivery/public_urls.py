from __future__ import annotations

from django.urls import include, path

from marketing.delivery import public_views

_urls = [
    path("t/c/<str:token>", public_views.click, name="click"),
    path("t/o/<str:token>.gif", public_views.opened, name="open"),
    path("t/u/<str:token>", public_views.unsubscribe, name="unsubscribe"),
    path("t/e/<str:token>", public_views.event, name="event"),
    path("t/p/<str:token>", public_views.reports, name="reports"),
    path("t/r/<str:token>", public_views.recipients, name="recipients"),
]
urlpatterns = [path("", include((_urls, "delivery-public")))]
