from __future__ import annotations

from django.urls import path

from marketing.delivery import (
    custom_pages,
    effect_page,
    ledger_page,
    push_effect_page,
    reach_page,
    result_audience_page,
    views,
)

app_name = "delivery"
urlpatterns = [
    path("", views.SendOutList.as_view(), name="list"),
    path("new/<str:channel>/", views.NewSendOut.as_view(), name="new"),
    path("reach/<str:channel>/", reach_page.Reach.as_view(), name="reach"),
    path("webhooks/", custom_pages.WebhookChoice.as_view(), name="webhook-choice"),
    path("suppressions/", views.SuppressionList.as_view(), name="suppressions"),
    path("suppressions/new/", views.NewSuppression.as_view(), name="suppression-new"),
    path("suppressions/<str:pk>/delete/", views.DeleteSuppression.as_view(), name="suppression-delete"),
    path("push/", push_effect_page.PushEffect.as_view(), name="push-effect"),
    path("<str:pk>/", effect_page.SendOutDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", views.EditSendOut.as_view(), name="edit"),
    path("<str:pk>/variables/", views.Variables.as_view(), name="variables"),
    path("<str:pk>/parameters/", custom_pages.Parameters.as_view(), name="parameters"),
    path("<str:pk>/submit/", views.Submit.as_view(), name="submit"),
    path("<str:pk>/test/", views.TestSend.as_view(), name="test"),
    path("<str:pk>/pause/", views.Pause.as_view(), name="pause"),
    path("<str:pk>/resume/", views.Resume.as_view(), name="resume"),
    path("<str:pk>/cancel/", views.Cancel.as_view(), name="cancel"),
    path("<str:pk>/audience/", result_audience_page.ResultAudience.as_view(), name="result-audience"),
    path("<str:pk>/recipients/", ledger_page.Download.as_view(), name="recipients"),
    path("<str:pk>/settle/", ledger_page.Settle.as_view(), name="settle"),
    path("<str:pk>/copy/", views.Copy.as_view(), name="copy"),
    path("<str:pk>/resend/", views.Resend.as_view(), name="resend"),
    path("<str:pk>/delete/", views.DeleteSendOut.as_view(), name="delete"),
]
