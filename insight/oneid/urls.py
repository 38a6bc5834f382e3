from __future__ import annotations

from django.urls import path

from insight.oneid import pages

app_name = "oneid"
urlpatterns = [
    path("", pages.Overview.as_view(), name="overview"),
    path("settings/", pages.Settings.as_view(), name="settings"),
    path("run/", pages.Run.as_view(), name="run"),
    path("review/", pages.Review.as_view(), name="review"),
    path("history/", pages.History.as_view(), name="history"),
    path("decisions/<str:pk>/withdraw/", pages.Withdraw.as_view(), name="withdraw"),
    path("people/", pages.Find.as_view(), name="find"),
    path("people/<str:one_id>/", pages.PersonPage.as_view(), name="person"),
    path("people/<str:one_id>/split/", pages.Split.as_view(), name="split"),
    path("people/<str:one_id>/merge/", pages.Merge.as_view(), name="merge"),
]
