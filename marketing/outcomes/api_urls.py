from __future__ import annotations

from django.urls import path

from marketing.outcomes import api

urlpatterns = [
    path("message-events/", api.MessageEvents.as_view(), name="api-message-events"),
    path("message-events/update/", api.UpdateMessageEvents.as_view(), name="api-message-events-update"),
]
