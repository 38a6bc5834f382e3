from __future__ import annotations

from django.urls import path

from insight.oneid import api

urlpatterns = [
    path("identities/", api.Identities.as_view(), name="api-identities"),
    path("identities/run/", api.Run.as_view(), name="api-identities-run"),
    path("identities/runs/", api.Runs.as_view(), name="api-identities-runs"),
    path("identities/review/", api.Review.as_view(), name="api-identities-review"),
    path("identities/changes/", api.Changes.as_view(), name="api-identities-changes"),
    path("identities/decisions/", api.Decisions.as_view(), name="api-identities-decisions"),
    path("identities/decisions/<str:pk>/withdraw/", api.Withdraw.as_view(), name="api-identities-withdraw"),
    path("identities/people/find/", api.Find.as_view(), name="api-identities-find"),
    path("identities/people/<str:one_id>/", api.PersonView.as_view(), name="api-identities-person"),
    path("identities/people/<str:one_id>/split/", api.Split.as_view(), name="api-identities-split"),
    path("identities/people/<str:one_id>/merge/", api.Merge.as_view(), name="api-identities-merge"),
]
