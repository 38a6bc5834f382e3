from __future__ import annotations

from django.urls import path

from marketing.content import design_pages, digital_pages, signature_pages, version_pages, views

app_name = "content"
urlpatterns = [
    path("", views.TemplateList.as_view(), name="list"),
    path("new/digital/", digital_pages.NewDigital.as_view(), name="new-digital"),
    path("new/<str:channel>/", views.NewTemplate.as_view(), name="new"),
    path("design/preview/", design_pages.Preview.as_view(), name="design-preview"),
    path("digital/files/", digital_pages.DigitalFiles.as_view(), name="digital-files"),
    path("signatures/", signature_pages.SignatureList.as_view(), name="signatures"),
    path("signatures/new/", signature_pages.NewSignature.as_view(), name="signature-new"),
    path("signatures/submit/", signature_pages.SubmitSignature.as_view(), name="signature-submit"),
    path("signatures/<str:pk>/", signature_pages.SignatureDetail.as_view(), name="signature"),
    path("signatures/<str:pk>/edit/", signature_pages.EditSignature.as_view(), name="signature-edit"),
    path("signatures/<str:pk>/check/", signature_pages.CheckSignature.as_view(), name="signature-check"),
    path("signatures/<str:pk>/delete/", signature_pages.DeleteSignature.as_view(), name="signature-delete"),
    path("<str:pk>/", views.TemplateDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", views.EditTemplate.as_view(), name="edit"),
    path("<str:pk>/edit-digital/", digital_pages.EditDigital.as_view(), name="edit-digital"),
    path("<str:pk>/defaults/", version_pages.EditDefaults.as_view(), name="defaults"),
    path("<str:pk>/versions/", version_pages.VersionList.as_view(), name="versions"),
    path("<str:pk>/versions/<int:number>/", version_pages.VersionDetail.as_view(), name="version"),
    path(
        "<str:pk>/versions/<int:number>/restore/",
        version_pages.RestoreVersion.as_view(),
        name="version-restore",
    ),
    path("<str:pk>/submit/", views.SubmitTemplate.as_view(), name="submit"),
    path("<str:pk>/links/", views.CheckLinks.as_view(), name="check-links"),
    path("<str:pk>/delete/", views.DeleteTemplate.as_view(), name="delete"),
]
