from __future__ import annotations

from django.urls import include, path

from marketing.delivery import custom_receipts, public_views, returned_views

_urls = [
    path("t/c/<str:token>", public_views.click, name="click"),
    path("t/c/<str:token>/<int:number>", public_views.click, name="click-numbered"),
    path("t/o/<str:token>.gif", public_views.opened, name="open"),
    path("t/u/<str:token>", public_views.unsubscribe, name="unsubscribe"),
    path("t/b/<str:token>", returned_views.bounces, name="bounces"),
    path("t/a/<str:token>", returned_views.leave, name="leave"),
    path("t/x/<str:token>/receipts", returned_views.receipts, name="receipts"),
    path("t/e/<str:token>", public_views.event, name="event"),
    path("t/p/<str:token>", public_views.reports, name="reports"),
    path("t/r/<str:token>", public_views.recipients, name="recipients"),
    path(custom_receipts.PATH, public_views.webhook_results, name="webhook-results"),
]
urlpatterns = [path("", include((_urls, "delivery-public")))]
