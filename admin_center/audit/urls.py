"""Pages below /w/<workspace>/admin/."""

from __future__ import annotations

from django.urls import path

from admin_center.audit.downloads import DownloadList
from admin_center.audit.views import AuditDetail, AuditExport, AuditList

app_name = "audit"
urlpatterns = [
    path("audit/", AuditList.as_view(), name="entries"),
    path("audit/export/", AuditExport.as_view(), name="export"),
    path("audit/downloads/", DownloadList.as_view(), name="downloads"),
    path("audit/<str:pk>/", AuditDetail.as_view(), name="entry"),
]
