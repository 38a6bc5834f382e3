from __future__ import annotations

from django.urls import path

from marketing.materials import public_views

urlpatterns = [path("m/<str:digest>.<str:kind>", public_views.file, name="material-file")]
