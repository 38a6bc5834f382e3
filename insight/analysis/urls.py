from __future__ import annotations

from django.urls import path

from insight.analysis import audience_pages, views

app_name = "analysis"
urlpatterns = [
    path("", views.PerspectivePage.as_view(), name="perspective"),
    path("audience/", audience_pages.Indicators.as_view(), name="audience"),
    path("audience/significance/", audience_pages.Significance.as_view(), name="significance"),
    path(
        "audience/significance.csv",
        audience_pages.SignificanceCsv.as_view(),
        name="significance-csv",
    ),
]
