from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from insight.omni import api

router = SimpleRouter()
router.register("omni/reports", api.ReportViewSet, basename="api-omni-report")
router.register("omni/audiences", api.OmniAudienceViewSet, basename="api-omni-audience")
urlpatterns = [
    path("omni/overview/", api.Overview.as_view(), name="api-omni-overview"),
    path("omni/features/", api.Features.as_view(), name="api-omni-features"),
    path("omni/analysis/", api.Analysis.as_view(), name="api-omni-analysis"),
    path("omni/tags/", api.Tags.as_view(), name="api-omni-tags"),
    path("omni/tags/<str:column>/", api.TagDetail.as_view(), name="api-omni-tag"),
    path("omni/quota/", api.Resources.as_view(), name="api-omni-quota"),
    path("omni/pack/", api.Pack.as_view(), name="api-omni-pack"),
    *router.urls,
]
