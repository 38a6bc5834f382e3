from __future__ import annotations

from django.urls import path

from marketing.delivery import (
    approval_pages,
    channel_effect_page,
    conflicts_page,
    conversion_page,
    effect_page,
    ledger_page,
    push_effect_page,
    reach_page,
    result_audience_page,
    suppression_pages,
    views,
)

app_name = "delivery"
urlpatterns = [
    path("", views.SendOutList.as_view(), name="list"),
    path("new/<str:channel>/", views.NewSendOut.as_view(), name="new"),
    path("reach/<str:channel>/", reach_page.Reach.as_view(), name="reach"),
    path("suppressions/", suppression_pages.SuppressionList.as_view(), name="suppressions"),
    path("suppressions/new/", suppression_pages.NewSuppression.as_view(), name="suppression-new"),
    path(
        "suppressions/<str:pk>/delete/",
        suppression_pages.DeleteSuppression.as_view(),
        name="suppression-delete",
    ),
    path("suppressions/<str:pk>/back/", suppression_pages.Resubscribe.as_view(), name="resubscribe"),
    path("push/", push_effect_page.PushEffect.as_view(), name="push-effect"),
    path("effect/<str:channel>/", channel_effect_page.ChannelEffect.as_view(), name="effect"),
    path("effect/<str:channel>/download/", channel_effect_page.Download.as_view(), name="effect-download"),
    path("approvals/", approval_pages.Approvals.as_view(), name="approvals"),
    path("<str:pk>/", effect_page.SendOutDetail.as_view(), name="detail"),
    path("<str:pk>/edit/", views.EditSendOut.as_view(), name="edit"),
    path("<str:pk>/variables/", views.Variables.as_view(), name="variables"),
    path("<str:pk>/submit/", views.Submit.as_view(), name="submit"),
    path("<str:pk>/test/", views.TestSend.as_view(), name="test"),
    path("<str:pk>/approve/", approval_pages.Approve.as_view(), name="approve"),
    path("<str:pk>/refuse/", approval_pages.Refuse.as_view(), name="refuse"),
    path("<str:pk>/conflicts/", conflicts_page.Conflicts.as_view(), name="conflicts"),
    path("<str:pk>/conversion/", conversion_page.Choose.as_view(), name="conversion"),
    path("<str:pk>/conversion/count/", conversion_page.Recount.as_view(), name="recount"),
    path("<str:pk>/conversion/download/", conversion_page.Download.as_view(), name="conversion-download"),
    path("<str:pk>/late/", approval_pages.DecideLate.as_view(), name="late"),
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
