from __future__ import annotations

from django.urls import path

from marketing.links import public_views

urlpatterns = [path("s/<str:code>", public_views.follow, name="short-link")]
