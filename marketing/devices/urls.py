from __future__ import annotations

from django.urls import path

from marketing.devices import views

app_name = "devices"
urlpatterns = [
    path("", views.DeviceList.as_view(), name="list"),
    path("sites/<str:pk>/", views.Site.as_view(), name="site"),
    path("sites/<str:pk>/secret/", views.NewSecret.as_view(), name="secret"),
]
