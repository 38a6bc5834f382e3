from __future__ import annotations

from django.urls import path

from insight.campaigns import pages

app_name = "campaigns"
urlpatterns = [
    path("", pages.Calendar.as_view(), name="calendar"),
    path("list/", pages.CampaignList.as_view(), name="list"),
    path("new/", pages.NewCampaign.as_view(), name="new"),
    path("quick/", pages.QuickCampaign.as_view(), name="quick"),
    path("sharing/", pages.Sharing.as_view(), name="sharing"),
    path("<str:pk>/", pages.CampaignDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", pages.EditCampaign.as_view(), name="edit"),
    path("<str:pk>/delete/", pages.DeleteCampaign.as_view(), name="delete"),
]
