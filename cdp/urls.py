"""All URLs: the console under /w/<workspace>/, the API under /api/v1/."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from cdp.core import health
from cdp.jobs.views import events
from insight.audiences.api import rule_schema

console_urls = [
    path("jobs/<str:job_id>/events/", events, name="job-events"),
    path("", include("cdp.console.urls")),
    path("admin/", include("admin_center.organizations.urls")),
    path("admin/", include("admin_center.permissions.urls")),
    path("admin/", include("admin_center.audit.urls")),
    path("sources/", include("insight.datasources.urls")),
    path("datasets/", include("insight.datasets.urls")),
    path("audiences/", include("insight.audiences.urls")),
    path("campaigns/", include("insight.campaigns.urls")),
    path("identities/", include("insight.oneid.urls")),
    path("aipl/", include("insight.aipl.urls")),
    path("rfm/", include("insight.rfm.urls")),
    path("behaviour/", include("insight.behaviour_analysis.urls")),
    path("pushes/", include("insight.pushes.urls")),
    path("omni/", include("insight.omni.urls")),
    path("analysis/", include("insight.analysis.urls")),
    path("tags/", include("insight.tags.urls")),
    path("item-pools/", include("insight.items.urls")),
    path("channels/", include("marketing.channels.urls")),
    path("accounts/", include("marketing.accounts.urls")),
    path("content/", include("marketing.content.urls")),
    path("materials/", include("marketing.materials.urls")),
    path("short-links/", include("marketing.links.urls")),
    path("webhooks/", include("marketing.webhooks.urls")),
    path("devices/", include("marketing.devices.urls")),
    path("send-outs/", include("marketing.delivery.urls")),
    path("replies/", include("marketing.replies.urls")),
    path("message-events/", include("marketing.outcomes.urls")),
]

api_urls = [
    path("", include("cdp.jobs.api_urls")),
    path("", include("cdp.console.api_urls")),
    path("", include("admin_center.organizations.api_urls")),
    path("", include("admin_center.permissions.api_urls")),
    path("", include("admin_center.audit.api_urls")),
    path("", include("insight.datasources.api_urls")),
    path("", include("insight.datasets.api_urls")),
    path("", include("insight.audiences.api_urls")),
    path("", include("insight.campaigns.api_urls")),
    path("", include("insight.oneid.api_urls")),
    path("", include("insight.aipl.api_urls")),
    path("", include("insight.rfm.api_urls")),
    path("", include("insight.behaviour_analysis.api_urls")),
    path("", include("insight.pushes.api_urls")),
    path("", include("insight.omni.api_urls")),
    path("", include("insight.analysis.api_urls")),
    path("", include("insight.tags.api_urls")),
    path("", include("insight.items.api_urls")),
    path("", include("marketing.channels.api_urls")),
    path("", include("marketing.accounts.api_urls")),
    path("", include("marketing.content.api_urls")),
    path("", include("marketing.materials.api_urls")),
    path("", include("marketing.links.api_urls")),
    path("", include("marketing.webhooks.api_urls")),
    path("", include("marketing.devices.api_urls")),
    path("", include("marketing.delivery.api_urls")),
    path("", include("marketing.replies.api_urls")),
    path("", include("marketing.outcomes.api_urls")),
]

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/v1/schema/rule.json", rule_schema, name="rule-schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/v1/workspaces/<slug:workspace>/", include(api_urls)),
    path("api/v1/organization/", include("insight.datasources.organization.api_urls")),
    path("api/v1/organization/", include("marketing.channels.organization.api_urls")),
    path("api/v1/", include("admin_center.members.global_api_urls")),
    path("w/<slug:workspace>/", include(console_urls)),
    path("organization/sources/", include("insight.datasources.organization.urls")),
    path("organization/providers/", include("marketing.channels.organization.urls")),
    path("", include("admin_center.members.urls")),
    path("", include("marketing.delivery.public_urls")),
    path("", include("marketing.replies.public_urls")),
    path("", include("marketing.links.public_urls")),
    path("", include("marketing.materials.public_urls")),
    path("push/v1/", include("marketing.devices.public_urls")),
    path("", include("cdp.console.public_urls")),
]

handler400 = "cdp.console.errors.bad_request"
handler403 = "cdp.console.errors.forbidden"
handler404 = "cdp.console.errors.not_found"
handler500 = "cdp.console.errors.server_error"
