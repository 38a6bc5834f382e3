from __future__ import annotations

from django.urls import path

from marketing.content import design_pages, views

app_name = "content"
urlpatterns = [
    path("", views.TemplateList.as_view(), name="list"),
    path("new/<str:channel>/", views.NewTemplate.as_view(), name="new"),
    path("design/preview/", design_pages.Preview.as_view(), name="design-preview"),
    path("signatures/", views.SignatureList.as_view(), name="signatures"),
    path("signatures/new/", views.NewSignature.as_view(), name="signature-new"),
    path("signatures/<str:pk>/check/", views.CheckSignature.as_view(), name="signature-check"),
    path("signatures/<str:pk>/delete/", views.DeleteSignature.as_view(), name="signature-delete"),
    path("<str:pk>/", views.TemplateDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", views.EditTemplate.as_view(), name="edit"),
    path("<str:pk>/submit/", views.SubmitTemplate.as_view(), name="submit"),
    path("<str:pk>/delete/", views.DeleteTemplate.as_view(), name="delete"),
]
